//! Manifests between two moments, and names that are spelled in two ways: what `manifest build` and `check` make
//! of them, and `publish` after them.

use crate::hub_server::TestHub;
use crate::support::*;
use std::fs;
use test_support::Sandbox;

const BUILD: &str = "manifest build --product launcher --from out --output m";
const PUBLISH: &str = "publish --manifest m --product launcher --version 1.0.0";

#[test]
fn a_file_that_vanishes_after_it_was_collected_is_named_and_nothing_is_sent() {
    let sandbox = Sandbox::new();
    made_files(&sandbox, "out", &["app_x64.dmg", "app_amd64.deb"]);
    atlas(&sandbox, BUILD).run().exits(0);
    atlas(&sandbox, "manifest check m").run().exits(0);
    let manifest = fs::read_to_string(sandbox.root().join("m")).unwrap();
    let line = manifest.lines().position(|row| row.contains(".dmg"));
    let line = line.unwrap() + 1;
    fs::remove_file(sandbox.root().join("out/app_x64.dmg")).unwrap();
    let run = atlas(&sandbox, "manifest check m").run().exits(2);
    let says = format!("m:{line}:1: cannot read");
    run.says(&[&says, "app_x64.dmg", "one thing is wrong"]);
    let hub = TestHub::start();
    let run = hub.publishes(atlas(&sandbox, PUBLISH)).run().exits(2);
    let says = format!("m: line {line}: cannot read the file");
    run.says(&[&says, "app_x64.dmg"]);
    assert_eq!(hub.stored(), [""; 0]);
    // Built anew, it is not missed, unless its platform was asked for.
    atlas(&sandbox, BUILD).run().exits(0);
    let manifest = fs::read_to_string(sandbox.root().join("m")).unwrap();
    assert!(!manifest.contains(".dmg"), "{manifest}");
    let run = atlas(&sandbox, &format!("{BUILD} --require macos-x64"));
    run.run().exits(2).says(&["macos-x64 has nothing at all"]);
}

/// Keys are told apart by bytes, and names fold by ASCII alone: what else looks alike is another name for every
/// Hub, and is kept as it is written.
#[test]
fn names_fold_by_ascii_alone_in_build_and_check() {
    let sandbox = Sandbox::new();
    let folded = ["a/App_x64.dmg", "b/app_X64.dmg"];
    made_files(&sandbox, "out", &folded);
    let run = atlas(&sandbox, BUILD).run().exits(2);
    run.says(&["out/b/app_X64.dmg: `App_x64.dmg` for macos-x64 is out/a/App_x64.dmg already"]);
    let rows = folded.map(|path| format!("out/{path}|macos|x64|installer\n"));
    fs::write(sandbox.root().join("m"), rows.concat()).unwrap();
    let run = atlas(&sandbox, "manifest check m").run().exits(2);
    run.says(&["m:2:", "for macos-x64 stands on line 1 already"]);
    fs::remove_file(sandbox.root().join("m")).unwrap();

    // Composed, decomposed, and another case of a letter beyond ASCII.
    let sandbox = Sandbox::new();
    let names = [
        "\u{e9}t\u{e9}_x64.dmg",
        "e\u{301}te\u{301}_x64.dmg",
        "\u{c9}t\u{e9}_x64.dmg",
    ];
    made_files(&sandbox, "out", &names);
    let listed = fs::read_dir(sandbox.root().join("out")).unwrap().count();
    assert_eq!(listed, 3, "this disk takes them for one name");
    atlas(&sandbox, BUILD).run().exits(0);
    let manifest = fs::read_to_string(sandbox.root().join("m")).unwrap();
    for name in names {
        let rows = manifest
            .lines()
            .filter(|row| row.starts_with(&format!("out/{name}|")));
        assert_eq!(rows.count(), 1, "{name} in {manifest}");
    }
    atlas(&sandbox, "manifest check m").run().exits(0);
    // A signature is of the file that is called exactly as it says.
    let signature = format!("out/{}.sig", names[1]);
    fs::write(sandbox.root().join(&signature), "signature").unwrap();
    atlas(&sandbox, BUILD).run().exits(0);
    let manifest = fs::read_to_string(sandbox.root().join("m")).unwrap();
    let rows: Vec<&str> = manifest.lines().collect();
    let of = rows.iter().position(|row| row.starts_with(&signature));
    let before = rows[of.unwrap() - 1];
    assert!(
        before.starts_with(&format!("out/{}|", names[1])),
        "{manifest}"
    );
    fs::remove_file(sandbox.root().join("out").join(names[1])).unwrap();
    let run = atlas(&sandbox, BUILD).run().exits(2);
    run.says(&["which is not there"]);
}
