//! `manifest build` and `check` tell what `publish` would stumble over before it does, all of it; and
//! whatever a manifest or a folder holds, nothing breaks.

use crate::support::*;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use test_support::{Finished, Sandbox};

#[test]
fn files_that_cannot_be_published_are_all_named() {
    let sandbox = Sandbox::new();
    made_files(
        &sandbox,
        "elsewhere",
        &["far_x64.dmg", "folder/more_x64.dmg"],
    );
    made_files(
        &sandbox,
        "out",
        &["good_x64.dmg", "b/good_x64.dmg", "con.x64.dmg"],
    );
    let out = sandbox.root().join("out");
    let build = "manifest build --product launcher --from out";
    fs::write(out.join("empty_x64.dmg"), "").unwrap();
    fs::write(out.join("orphan_x64.dmg.sig"), "signature").unwrap();
    fs::create_dir(out.join("folder_x64.dmg")).unwrap();
    symlink("../elsewhere/far_x64.dmg", out.join("link_x64.dmg")).unwrap();
    symlink("../elsewhere/folder", out.join("folder")).unwrap();
    symlink("nowhere", out.join("gone_x64.dmg")).unwrap();
    symlink("nowhere", out.join("gone.txt")).unwrap();
    symlink("b", out.join("again")).unwrap();
    let name = std::ffi::OsStr::from_bytes(b"\xff_x64.dmg");
    fs::write(out.join(name), "bytes").unwrap();
    let run = atlas(&sandbox, build).run().exits(2);
    for says in [
        "out/con.x64.dmg: `con.x64.dmg` cannot be a file name: Windows reserves it for a device",
        "out/empty_x64.dmg: is empty",
        "out/orphan_x64.dmg.sig: it signs `orphan_x64.dmg`, which is not there",
        "out/link_x64.dmg: is a link that leads out of the folder",
        "out/folder: is a link to a folder elsewhere",
        "out/gone_x64.dmg: is a link that leads nowhere",
        "\u{fffd}_x64.dmg: has a name that is no text",
        "out/b/good_x64.dmg: `good_x64.dmg` for macos-x64 is out/good_x64.dmg already: both would",
    ] {
        assert!(run.stderr.contains(says), "{says} in {run}");
    }
    assert!(!run.stderr.contains("out/again"), "{run}");
    // One file for two platforms, which only its real place tells.
    let sandbox = Sandbox::new();
    made_files(&sandbox, "out", &["app_amd64.deb"]);
    let out = sandbox.root().join("out");
    symlink("app_amd64.deb", out.join("app_arm64.deb")).unwrap();
    atlas(&sandbox, build).run().exits(2).says(&[
        "out/app_arm64.deb: by its name it is for linux-arm64, and it is the same file as \
             out/app_amd64.deb, which is for linux-x64",
    ]);
    // Nor is a hard link another file.
    fs::remove_file(out.join("app_arm64.deb")).unwrap();
    fs::hard_link(out.join("app_amd64.deb"), out.join("app_arm64.deb")).unwrap();
    let same = "it is the same file as out/app_amd64.deb, which is for linux-x64";
    atlas(&sandbox, build).run().exits(2).says(&[same]);
    let rows = "app_amd64.deb|linux|x64|installer\napp_arm64.deb|linux|arm64|installer\n";
    fs::write(out.join("m"), rows).unwrap();
    let check = atlas(&sandbox, "manifest check out/m").run().exits(2);
    check.says(&["m:2:1: ", "app_arm64.deb", "line 1"]);
    // A second name on the same platform is a second file of the release.
    fs::rename(out.join("app_arm64.deb"), out.join("app-latest_amd64.deb")).unwrap();
    let run = atlas(&sandbox, build).run().exits(0);
    assert_eq!(run.stdout.lines().count(), 2, "{run}");
}

#[test]
fn what_nobody_could_read_is_not_built() {
    let sandbox = Sandbox::new();
    let deep = vec!["d".repeat(240); 15].join("/");
    let deep = sandbox.root().join("out").join(deep);
    fs::create_dir_all(&deep).unwrap();
    for number in 0..4700 {
        fs::write(deep.join(format!("a{number}_x64.deb")), "bytes").unwrap();
    }
    let build = "manifest build --product launcher --from out --output m";
    let run = atlas(&sandbox, build).run().exits(2);
    run.says(&[
        "the manifest of launcher would have",
        "more than the 16777216",
    ]);
    assert!(!sandbox.root().join("m").exists());
}

#[test]
fn a_check_tells_all_that_is_wrong_and_where() {
    let sandbox = Sandbox::new();
    made_files(&sandbox, "", &["app", "other", "far/away"]);
    fs::write(sandbox.root().join("empty"), "").unwrap();
    fs::create_dir(sandbox.root().join("sub")).unwrap();
    symlink("../app", sandbox.root().join("sub/link")).unwrap();
    symlink("/bin/sh", sandbox.root().join("out-link")).unwrap();
    symlink("app", sandbox.root().join("same")).unwrap();
    let text = "\
# all of them\r
app|linux|x64|binary\r
 app | linux | arm64 | binary | two\r
app|linux|x64|installer|APP
empty|windows|x64|other
missing|windows|x64|other
sub|windows|x64|other
out-link|windows|x64|other
nothing.sig|windows|x64|signature
app|beos|mips|program|con
app|linux
same|macos|x64|other
sub/link|linux|x64|other
sub/../other|linux|x64|other|b
";
    fs::write(sandbox.root().join("m"), text).unwrap();
    let run = atlas(&sandbox, "manifest check m --format json")
        .run()
        .exits(2);
    let root = sandbox.root().display().to_string();
    let found: Vec<String> = events_of(&run, "problem")
        .iter()
        .map(|event| {
            let message = event["message"].as_str().unwrap();
            let message = message.replace(&format!("{root}/"), "");
            format!("{}:{} {message}", event["line"], event["column"])
        })
        .collect();
    let one =
        "one file is for one platform, but for a macOS bundle whose name has the word `universal`";
    let wanted = [
        format!("3:2 `app` stands on line 2 for linux-x64: {one}"),
        "4:25 `APP` for linux-x64 stands on line 2 already: both would have one key".to_owned(),
        "5:1 empty is empty".to_owned(),
        "6:1 cannot read missing: No such file or directory (os error 2)".to_owned(),
        "7:1 sub is not a file".to_owned(),
        "8:1 out-link is a link that leads out of its folder".to_owned(),
        "9:1 `nothing.sig` signs `nothing`, which stands nowhere for windows-x64".to_owned(),
        "9:1 cannot read nothing.sig: No such file or directory (os error 2)".to_owned(),
        "10:5 field 2: `beos` is not an operating system; expected one of: windows macos linux"
            .to_owned(),
        "10:10 field 3: `mips` is not an architecture; expected one of: x64 arm64".to_owned(),
        "10:15 field 4: `program` is not a kind of artifact; expected one of: installer binary signature updater-manifest other".to_owned(),
        "10:23 field 5 (filename): `con` cannot be a file name: Windows reserves it for a device"
            .to_owned(),
        "11:10 expected 4 or 5 fields, path|os|arch|kind|filename(optional), found 2".to_owned(),
        format!("12:1 `same` stands on line 2 for linux-x64: {one}"),
    ];
    assert_eq!(found, wanted);
    let last = events(&run).pop().unwrap();
    assert_eq!(last["event"], "error");
    let message = last["message"].as_str().unwrap();
    assert!(
        message.ends_with("cannot be published as it is: 14 things are wrong"),
        "{message}"
    );
    // A person reads the same on standard error.
    let run = atlas(&sandbox, "manifest check m").run().exits(2);
    assert_eq!(run.stdout, "");
    assert!(
        run.stderr
            .contains(&format!("{root}/m:7:1: {root}/sub is not a file\n")),
        "{run}"
    );
    assert_eq!(run.stderr.lines().count(), 15, "{run}");
    // Paths that start elsewhere, and files that are reached on purpose.
    fs::write(
        sandbox.root().join("sub/m"),
        "../app|linux|x64|other\n../out-link|linux|x64|other\n",
    )
    .unwrap();
    let run = atlas(&sandbox, "manifest check sub/m").run().exits(2);
    assert!(
        run.stderr.contains("sub/m:2:1: ") && !run.stderr.contains("sub/m:1:"),
        "{run}"
    );
    fs::write(sandbox.root().join("sub/m"), "away|linux|x64|other\n").unwrap();
    atlas(&sandbox, "manifest check sub/m --base-dir far")
        .run()
        .exits(0);
    atlas(&sandbox, "manifest check sub/m").run().exits(2);
    atlas(&sandbox, "manifest check nosuch")
        .run()
        .exits(2)
        .says(&["cannot read", "nosuch"]);
}

/// Runs that may succeed or not, and do neither break nor hang.
#[track_caller]
fn survives(run: Finished) -> Finished {
    assert!(matches!(run.code, Some(0 | 2)), "{run}");
    assert!(!run.stderr.contains("panicked"), "{run}");
    run
}

#[test]
fn hostile_manifests_and_folders_break_nothing() {
    let sandbox = Sandbox::new();
    made_files(&sandbox, "", &["app"]);
    let manifest = sandbox.root().join("m");
    let long = "x".repeat(1 << 20);
    let mut texts: Vec<Vec<u8>> = [
        String::new(),
        "\0".to_owned(),
        "\u{feff}\u{feff}app|linux|x64|binary".to_owned(),
        "|".repeat(100_000),
        format!("{long}|linux|x64|binary"),
        format!("app|linux|x64|binary|{long}"),
        "app|linux|x64|binary\n".repeat(20_000),
        "\r\r\n\u{2028}\u{85}#\n".to_owned(),
        "app|\u{202e}xunil|x64|binary\u{1b}[31m".to_owned(),
        format!("{}app|linux|x64|binary|a", "../".repeat(5_000)),
        "/dev/zero|linux|x64|binary\n/proc/self/mem|linux|x64|binary|b".to_owned(),
        "app\0|linux|x64|binary".to_owned(),
    ]
    .map(String::into_bytes)
    .into();
    texts.push(b"\xff\xfe a|linux|x64|binary".to_vec());
    for text in texts {
        fs::write(&manifest, &text).unwrap();
        for command in ["manifest check m", "manifest show m"] {
            let run = survives(atlas(&sandbox, command).run());
            assert!(!run.stderr.contains('\u{1b}'), "{run}");
        }
    }
    fs::remove_file(&manifest).unwrap();
    sandbox.invoke("mkfifo").arg(&manifest).run().exits(0);
    survives(atlas(&sandbox, "manifest check m").run()).exits(2);
    // Names that a file system takes and few programs do.
    let mut deep = sandbox.root().join("out");
    for _ in 0..60 {
        deep.push("d".repeat(50));
    }
    let names: [&[u8]; 12] = [
        b"a\n_x64.dmg",
        b"\xf0\x28_x64.dmg",
        b"#_x64.dmg",
        b" _x64.dmg",
        b"a|b_x64.dmg",
        b"::error::_x64.dmg",
        b"\x1b[31m_x64.dmg",
        b"-rf_x64.dmg",
        b"a\\b_x64.dmg",
        "\u{202e}gmd.46x_x64.dmg".as_bytes(),
        b"nul.x64.dmg",
        b"'; rm -rf ~; '_x64.dmg",
    ];
    fs::create_dir_all(&deep).unwrap();
    symlink(sandbox.root(), deep.join("up")).unwrap();
    symlink("loop", deep.join("loop_x64.dmg")).unwrap();
    symlink("loop_x64.dmg", deep.join("loop")).unwrap();
    sandbox
        .invoke("mkfifo")
        .arg(deep.join("pipe_x64.dmg"))
        .run()
        .exits(0);
    for name in names {
        fs::write(deep.join(std::ffi::OsStr::from_bytes(name)), "bytes").unwrap();
    }
    let build = "manifest build --product launcher --from out --output n";
    let run = survives(atlas(&sandbox, build).run()).exits(2);
    assert!(!run.stderr.contains('\u{1b}'), "{run}");
    assert!(!sandbox.root().join("n").exists());
    // Each by itself: what is built, the check takes.
    for name in names {
        let dir = sandbox.root().join("one");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(std::ffi::OsStr::from_bytes(name)), "bytes").unwrap();
        let run = survives(
            atlas(
                &sandbox,
                "manifest build --product launcher --from one --output n",
            )
            .run(),
        );
        if run.code == Some(0) {
            atlas(&sandbox, "manifest check n").run().exits(0);
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
