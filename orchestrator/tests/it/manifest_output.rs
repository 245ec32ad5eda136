//! Where `manifest build` writes, and what it takes: nothing is written over but a manifest, and files of one version
//! alone are published as it.

use crate::signing::Pair;
use crate::support::*;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::time::Duration;
use test_support::{Finished, Sandbox};

const ROW: &str = "Atlas_1.0.0_amd64.deb|linux|x64|installer|Atlas_1.0.0_amd64.deb\n";

fn build(sandbox: &Sandbox, output: &str) -> Finished {
    let line = format!("manifest build --product launcher --from out --output {output}");
    atlas(sandbox, &line).within(Duration::from_secs(30)).run()
}

#[test]
fn a_manifest_is_written_over_nothing_but_a_manifest() {
    let sandbox = Sandbox::new();
    made_files(&sandbox, "out", &["Atlas_1.0.0_amd64.deb", "notes.txt"]);
    let out = sandbox.root().join("out");
    symlink("Atlas_1.0.0_amd64.deb", out.join("link")).unwrap();
    let payload = fs::read(out.join("Atlas_1.0.0_amd64.deb")).unwrap();
    let one = "is one of the files that it is made of";
    for (output, says) in [
        ("out/Atlas_1.0.0_amd64.deb", one),
        ("out/../out/Atlas_1.0.0_amd64.deb", one),
        ("out/link", one),
        ("out/notes.txt", "is no manifest"),
        ("out", "is a folder"),
    ] {
        build(&sandbox, output).exits(2).says(&[says, "--output"]);
    }
    assert_eq!(
        fs::read(out.join("Atlas_1.0.0_amd64.deb")).unwrap(),
        payload
    );
    let notes = fs::read_to_string(out.join("notes.txt")).unwrap();
    assert_eq!(notes, "bytes of notes.txt\n");
    fs::remove_file(out.join("link")).unwrap();
    // One with mistakes is one, and so is an empty file.
    for text in ["", "# mine\nx|y|z\n"] {
        fs::write(out.join("m"), text).unwrap();
        build(&sandbox, "out/m").exits(0);
        assert_eq!(fs::read_to_string(out.join("m")).unwrap(), ROW);
    }
}

#[test]
fn a_pipe_gets_the_rows_and_stays_one() {
    let sandbox = Sandbox::new();
    made_files(&sandbox, "out", &["Atlas_1.0.0_amd64.deb"]);
    let pipe = sandbox.root().join("out/pipe");
    sandbox.invoke("mkfifo").arg(&pipe).run().exits(0);
    // Nobody reads it.
    build(&sandbox, "out/pipe").exits(9).says(&["cannot write"]);
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    // It opens the pipe in its own time.
    let mut run = build(&sandbox, "out/pipe");
    for _ in 0..50 {
        if run.code == Some(0) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        run = build(&sandbox, "out/pipe");
    }
    run.exits(0);
    assert_eq!(reader.join().unwrap(), ROW);
    let kind = fs::symlink_metadata(&pipe).unwrap().file_type();
    assert!(kind.is_fifo(), "{kind:?}");
}

#[test]
fn files_of_an_earlier_version_are_not_taken_along() {
    let sandbox = Sandbox::new();
    let [old, new] = ["Atlas_7.9.0_amd64.deb", "Atlas_8.0.0_amd64.deb"];
    made_files(&sandbox, "out", &[old, new, "Atlas_8.0.0_arm64.deb"]);
    build(&sandbox, "out/m").exits(2).says(&[
        "Atlas_8.0.0_amd64.deb: it is of version 8.0.0, and Atlas_7.9.0_amd64.deb",
        "of 7.9.0: leave one of them out",
    ]);
    fs::remove_file(sandbox.root().join("out").join(new)).unwrap();
    build(&sandbox, "out/m").exits(0);
    let pair = Pair::new();
    for command in [
        "publish --dry-run --hub-url http://127.0.0.1:9",
        "sign",
        "sign --check",
    ] {
        let line = format!("{command} --manifest out/m --product launcher --version 8.0.0");
        let run = pair.signs(atlas(&sandbox, &line)).run().exits(2);
        run.says(&[old, "is by its name of version 7.9.0, not 8.0.0"]);
    }
    assert!(
        !sandbox
            .root()
            .join("out")
            .join(format!("{old}.sig"))
            .exists()
    );
    // A name that it is published under says it as well.
    fs::rename(
        sandbox.root().join("out").join(old),
        sandbox.root().join("out/Atlas.deb"),
    )
    .unwrap();
    let row = format!("Atlas.deb|linux|x64|installer|{old}\n");
    fs::write(sandbox.root().join("out/m"), row).unwrap();
    let sign = "sign --manifest out/m --product launcher --version";
    let sign = |version: &str| {
        pair.signs(atlas(&sandbox, &format!("{sign} {version}")))
            .run()
    };
    sign("8.0.0")
        .exits(2)
        .says(&["of version 7.9.0, not 8.0.0"]);
    sign("7.9.0").exits(0);
}

/// Its version is its maker's doing; in other names it may be a system's or a library's.
#[test]
fn only_a_launchers_names_say_its_version_and_a_person_may_allow_another() {
    let sandbox = Sandbox::new();
    made_files(&sandbox, "out", &["Atlas_7.9.0_x64.pkg"]);
    let row = "out/Atlas_7.9.0_x64.pkg|macos|x64|installer\n";
    fs::write(sandbox.root().join("m"), row).unwrap();
    let pair = Pair::new();
    let told = "is by its name of version 7.9.0";
    for (product, flag, code) in [
        ("launcher", "", 2),
        ("launcher", "--allow-other-versions", 0),
        ("cli", "", 0),
        ("tool", "", 0),
    ] {
        let of = format!("--manifest m --product {product} --version 8.0.0 {flag}");
        for command in ["sign", "publish --dry-run"] {
            let run = pair.signs(atlas(&sandbox, &format!("{command} {of}")));
            run.run().exits(code).says(&[told]);
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_found_before_it_is_published() {
    let sandbox = Sandbox::new();
    made_files(&sandbox, "out", &["Atlas_1.0.0_amd64.deb"]);
    build(&sandbox, "out/m").exits(0);
    let path = sandbox.root().join("out/Atlas_1.0.0_amd64.deb");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let mut check = atlas(&sandbox, "manifest check out/m");
    // The superuser may read everything, unless it is told otherwise.
    if fs::File::open(&path).is_ok() {
        check = check.through(&[
            "setpriv",
            "--bounding-set=-dac_override,-dac_read_search",
            "--",
        ]);
    }
    check
        .run()
        .exits(2)
        .says(&["m:1:1: cannot read", "Atlas_1.0.0_amd64.deb"]);
}

#[test]
fn what_is_no_text_has_a_place() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.root().join("m"), b"# rows\na|linux|\xff|binary\n").unwrap();
    for command in ["check", "show"] {
        let run = atlas(&sandbox, &format!("manifest {command} m"))
            .run()
            .exits(2);
        run.says(&["m:2:9: ", "no UTF-8"]);
    }
}
