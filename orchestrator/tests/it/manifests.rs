//! `publish --manifest`: rows that are wrong are named by file and line, and nothing is sent;
//! rows that are merely untidy are published.

use crate::hub_server::{TestHub, get, release};
use crate::support::*;
use test_support::{Fault, Finished, Proxy, Sandbox};

const COMMAND: &str = "publish --product alpha --version 1.0.0 --manifest files.manifest";

#[test]
fn a_wrong_row_is_named_and_nothing_is_sent() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let proxy = Proxy::bind().serve(hub.address, |_| Fault::None);
    std::fs::write(sandbox.root().join("app"), "bytes").unwrap();
    std::fs::write(sandbox.root().join("empty"), "").unwrap();
    for (row, says) in [
        ("app|linux|x64", "expected 4 or 5 fields"),
        ("app|linux|x64|binary|app|more", "found 6"),
        ("app|linux|x64|binary|app|", "found 6"),
        ("app|solaris|x64|binary", "field 2: `solaris`"),
        ("app|linux|mips|binary", "field 3: `mips`"),
        ("app|linux|x64|program", "field 4: `program`"),
        ("missing|linux|x64|binary", "cannot read the file"),
        (".|linux|x64|binary|app", "is not a file"),
        ("empty|linux|x64|binary", "is empty"),
        ("|linux|x64|binary", "field 1"),
        ("app|linux|x64|binary|a/b", "field 5"),
        ("app|linux|x64|binary|..", "field 5"),
        ("app|linux|x64|binary|good", "stands on line 2 already"),
        ("app|LINUX|X64|installer|GOOD", "stands on line 2 already"),
    ] {
        let text = format!("# rows\napp|linux|x64|binary|good\n\n{row}\n");
        std::fs::write(sandbox.root().join("files.manifest"), text).unwrap();
        let run = hub
            .publishes(atlas(&sandbox, COMMAND))
            .env("ATLAS_HUB_URL", proxy.url())
            .run()
            .exits(2);
        let place = format!(
            "{}: line 4",
            sandbox.root().join("files.manifest").display()
        );
        run.says(&[&place, says]);
    }
    for (text, says) in [
        ("", "line 1: the manifest has no rows"),
        ("# nothing\n", "no rows"),
    ] {
        std::fs::write(sandbox.root().join("files.manifest"), text).unwrap();
        hub.publishes(atlas(&sandbox, COMMAND))
            .env("ATLAS_HUB_URL", proxy.url())
            .run()
            .exits(2)
            .says(&["files.manifest", says]);
    }
    std::fs::remove_file(sandbox.root().join("files.manifest")).unwrap();
    hub.publishes(atlas(&sandbox, COMMAND))
        .run()
        .exits(2)
        .says(&["cannot read the manifest", "files.manifest"]);
    // A pipe that nobody writes to would be read for ever.
    let pipe = sandbox.root().join("files.manifest");
    sandbox.invoke("mkfifo").arg(&pipe).run().exits(0);
    hub.publishes(atlas(&sandbox, COMMAND))
        .run()
        .exits(2)
        .says(&["cannot read the manifest", "not a regular file"]);
    assert_eq!(proxy.seen(), []);
    assert_eq!(hub.stored(), Vec::<String>::new());
}

#[test]
fn an_untidy_manifest_is_published_all_the_same() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let files = sandbox.root().join("elsewhere/bin");
    std::fs::create_dir_all(&files).unwrap();
    for name in ["one", "two", "three"] {
        std::fs::write(files.join(name), name).unwrap();
    }
    let text = "\u{feff}# what there is\r\n\r\n  bin/one | Linux | X64 | BINARY \r\n\t\r\n\
                bin/two|LINUX|x64|Installer|setup\r\n  # the other machine's\r\nbin/three|macOS|ARM64|other|";
    std::fs::write(sandbox.root().join("files.manifest"), text).unwrap();
    let run = hub
        .publishes(atlas(&sandbox, COMMAND))
        .args(["--base-dir", "elsewhere", "--format", "json"])
        .run()
        .exits(0);
    let receipt = receipt(&run);
    let assets = receipt["assets"].as_array().unwrap();
    let mut found: Vec<String> = assets
        .iter()
        .map(|a| {
            format!("{} {} {} {}", a["os"], a["arch"], a["kind"], a["filename"]).replace('"', "")
        })
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "linux x64 binary one",
            "linux x64 installer setup",
            "macos arm64 other three"
        ]
    );
    for (asset, bytes) in assets.iter().filter_map(|asset| {
        let name = asset["filename"].as_str()?;
        let bytes = [("one", "one"), ("setup", "two"), ("three", "three")];
        Some((asset, bytes.iter().find(|(n, _)| *n == name)?.1))
    }) {
        let (status, body) = get(asset["url"].as_str().unwrap());
        assert_eq!((status, body.as_slice()), (200, bytes.as_bytes()));
    }
    // No receipt is written into folders that are not this program's.
    assert!(!sandbox.dist_dir().exists());
    assert!(release(&hub.url(), "beta", "1.0.0").is_none());
}

#[test]
fn a_manifest_needs_a_product_and_a_version() {
    let sandbox = Sandbox::new();
    for (line, says) in [
        (
            "publish out/cli.manifest --dry-run",
            "hint: that looks like a file; a manifest is named with --manifest out/cli.manifest, --product and \
             --version",
        ),
        (
            "verify cli.manifest --hub-url http://127.0.0.1:1",
            "a manifest is named with --manifest cli.manifest",
        ),
        ("publish --manifest m", "--product <PRODUCT>"),
        (
            "publish --manifest m --product alpha",
            "--version <VERSION>",
        ),
        (
            "publish --manifest m --product Alpha --version 1.0.0",
            "is not a product name",
        ),
        (
            "publish --manifest m --product alpha --version v1.0.0",
            "unexpected character 'v'",
        ),
        ("publish --product alpha", "--manifest <FILE>"),
        (
            "publish demo-v1.0.0 --manifest m --product a --version 1.0.0",
            "cannot be used with",
        ),
    ] {
        atlas(&sandbox, line).run().exits(2).says(&[says]);
    }
    std::fs::write(sandbox.root().join("app"), "bytes").unwrap();
    std::fs::write(sandbox.root().join("m"), "app|linux|x64|binary").unwrap();
    atlas(
        &sandbox,
        "publish --manifest m --product alpha --version 1.0.0-rc.1 --local",
    )
    .run()
    .exits(2)
    .says(&[
        "first identifier names no channel",
        "hint: choose one with --channel",
    ]);
}

#[test]
fn a_version_is_published_once_with_one_list_of_files() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let publish = |files: &str, more: &str| {
        let rows: Vec<String> = files
            .split_whitespace()
            .map(|name| format!("{name}|linux|x64|other\n"))
            .collect();
        std::fs::write(sandbox.root().join("files.manifest"), rows.concat()).unwrap();
        hub.publishes(atlas(&sandbox, &format!("{COMMAND} --format json {more}")))
            .run()
    };
    for name in ["one", "two"] {
        std::fs::write(sandbox.root().join(name), name).unwrap();
    }
    let warnings = |run: &Finished| {
        let told = events_of(run, "warning");
        let told = told.iter().map(|one| one["message"].as_str().unwrap());
        told.map(str::to_owned).collect::<Vec<_>>()
    };
    let run = publish("one", "").exits(0);
    assert_eq!(warnings(&run), [""; 0]);
    // A file that was forgotten is added, which is said, and the other one is not sent again.
    let run = publish("one two", "").exits(0);
    assert_eq!(
        warnings(&run),
        ["adds 1 file to a published release, alpha 1.0.0 for linux-x64: two"]
    );
    let sent: Vec<(String, bool)> = events_of(&run, "uploaded")
        .iter()
        .map(|e| (e["key"].to_string(), e["unchanged"] == false))
        .collect();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|(key, sent)| *sent == key.contains("two")));
    // One that is left out is not taken away.
    publish("one", "").exits(6).says(&[
        "published already for linux-x64 with `two`",
        "a manifest has all files of a platform",
    ]);
    // The same bytes on another channel are the same files; other bytes are refused there too.
    let run = publish("one two", "--channel beta").exits(0);
    assert!(
        events_of(&run, "uploaded")
            .iter()
            .all(|e| e["unchanged"] == true)
    );
    std::fs::write(sandbox.root().join("two"), "other").unwrap();
    let run = publish("one two", "--channel dev").exits(6);
    let run = run.says(&[
        "published already with other bytes",
        "publish these files with another --version",
    ]);
    // No commit here makes other bytes of them.
    assert!(!run.to_string().contains("--snapshot"), "{run}");
}

#[test]
fn what_manifest_check_refuses_is_not_published() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let proxy = Proxy::bind().serve(hub.address, |_| Fault::None);
    made_files(
        &sandbox,
        "",
        &["app", "notes", "other.sig", "A_universal.dmg"],
    );
    made_files(&sandbox, "elsewhere", &["secret"]);
    std::fs::create_dir(sandbox.root().join("out")).unwrap();
    std::os::unix::fs::symlink("../elsewhere/secret", sandbox.root().join("out/link")).unwrap();
    let write = |text: &str| std::fs::write(sandbox.root().join("out/m"), text).unwrap();
    let command = "publish --product alpha --version 1.0.0 --manifest out/m";
    let publish = |line: &str| {
        let run = hub.publishes(atlas(&sandbox, line));
        run.env("ATLAS_HUB_URL", proxy.url()).run()
    };
    for (row, says) in [
        (
            "../other.sig|linux|x64|signature",
            "signs `other`, which stands nowhere for linux-x64",
        ),
        ("../app|windows|x64|binary", "one file is for one platform"),
        (
            "../app|linux|x64|signature|app.sig",
            "a signature is a file of its own",
        ),
        (
            "link|linux|x64|other",
            "is a link that leads out of its folder",
        ),
    ] {
        write(&format!("../app|linux|x64|binary\n{row}\n"));
        for line in [
            command,
            &format!("{command} --dry-run"),
            "manifest check out/m",
        ] {
            let run = publish(line).exits(2);
            run.says(&[
                "out/m:2:",
                says,
                "cannot be published as it is: one thing is wrong",
            ]);
        }
    }
    assert_eq!(proxy.seen(), []);
    // What is the same everywhere, and what is there for both of Apple's processors.
    write(
        "../notes|linux|x64|other\n../notes|windows|x64|other\n\
         ../A_universal.dmg|macos|x64|installer\n../A_universal.dmg|macos|arm64|installer\n",
    );
    publish("manifest check out/m").exits(0);
    publish(command).exits(0);

    // `sign --check` knows as well that nobody can check what is signed by nothing.
    write("../app|linux|x64|binary\n../other.sig|linux|x64|signature\n");
    let run = publish("sign --check --product alpha --version 1.0.0 --manifest out/m");
    run.exits(5)
        .says(&["other.sig: it signs `other`, which is not published for linux-x64"]);
}
