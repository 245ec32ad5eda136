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

/// Names that some disk takes for one, by case or by how a letter is composed, are one key for a release, wherever
/// it is built.
#[test]
fn names_that_fold_to_one_are_refused_by_build_and_check() {
    // An ASCII letter, another spelling of a letter, and another case of it.
    for (first, second) in [
        ("App_x64.dmg", "app_X64.dmg"),
        ("\u{e9}t\u{e9}_x64.dmg", "e\u{301}te\u{301}_x64.dmg"),
        ("\u{e9}t\u{e9}_x64.dmg", "\u{c9}t\u{e9}_x64.dmg"),
    ] {
        let sandbox = Sandbox::new();
        let paths = [format!("a/{first}"), format!("b/{second}")];
        made_files(&sandbox, "out", &[&paths[0], &paths[1]]);
        let run = atlas(&sandbox, BUILD).run().exits(2);
        let says = format!("out/b/{second}: `{first}` for macos-x64 is out/a/{first} already");
        run.says(&[&says, "both would have one key"]);
        assert!(!sandbox.root().join("m").exists());
        let rows = paths.map(|path| format!("out/{path}|macos|x64|installer\n"));
        fs::write(sandbox.root().join("m"), rows.concat()).unwrap();
        let run = atlas(&sandbox, "manifest check m").run().exits(2);
        run.says(&["m:2:", "for macos-x64 stands on line 1 already"]);
    }
    // Alone it is kept as it is written, and a signature is of the file that is called exactly as it says.
    let sandbox = Sandbox::new();
    let name = "e\u{301}te\u{301}_x64.dmg";
    made_files(&sandbox, "out", &[name]);
    atlas(&sandbox, BUILD).run().exits(0);
    let manifest = fs::read_to_string(sandbox.root().join("m")).unwrap();
    assert!(
        manifest.starts_with(&format!("out/{name}|macos|x64|")),
        "{manifest}"
    );
    atlas(&sandbox, "manifest check m").run().exits(0);
    made_files(&sandbox, "out", &["\u{e9}t\u{e9}_x64.dmg.sig"]);
    let run = atlas(&sandbox, BUILD).run().exits(2);
    run.says(&["which is not there"]);
}
