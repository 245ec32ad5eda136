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

/// What some system takes for one name is one, in whatever case and form of accents it is written.
#[test]
fn names_that_are_one_to_some_system_are_refused() {
    for names in [
        ["a/App_x64.dmg", "b/app_X64.dmg"],
        ["a/\u{e9}t\u{e9}_x64.dmg", "b/e\u{301}te\u{301}_x64.dmg"],
        ["a/\u{e9}t\u{e9}_x64.dmg", "b/\u{c9}t\u{e9}_x64.dmg"],
    ] {
        let sandbox = Sandbox::new();
        made_files(&sandbox, "out", &names);
        let run = atlas(&sandbox, BUILD).run().exits(2);
        run.says(&[names[1], "for macos-x64 is out/a/"]);
        let rows = names.map(|path| format!("out/{path}|macos|x64|installer\n"));
        fs::write(sandbox.root().join("m"), rows.concat()).unwrap();
        let run = atlas(&sandbox, "manifest check m").run().exits(2);
        run.says(&["m:2:", "for macos-x64 stands on line 1 already"]);
    }
}

#[test]
fn a_signature_is_of_the_file_that_is_called_exactly_so() {
    let sandbox = Sandbox::new();
    let name = "e\u{301}te\u{301}_x64.dmg";
    let signature = format!("{name}.sig");
    made_files(&sandbox, "out", &[name, &signature]);
    atlas(&sandbox, BUILD).run().exits(0);
    let manifest = fs::read_to_string(sandbox.root().join("m")).unwrap();
    let rows: Vec<&str> = manifest.lines().collect();
    assert!(rows[0].starts_with(&format!("out/{name}|")), "{manifest}");
    assert!(
        rows[1].starts_with(&format!("out/{signature}|")),
        "{manifest}"
    );
    let out = sandbox.root().join("out");
    fs::rename(out.join(name), out.join("\u{e9}t\u{e9}_x64.dmg")).unwrap();
    let run = atlas(&sandbox, BUILD).run().exits(2);
    run.says(&["which is not there"]);
}
