//! What Tauri's updater installs from has a signature that it can read, or is not published; and writing signatures
//! waits for nothing and tells nothing before its time.

use crate::signing::Pair;
use crate::support::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signatures::Signature;
use std::fs;
use std::time::Duration;
use test_support::{Finished, Invocation, Sandbox};

const GOODS: &str = "--manifest out/m --product launcher --version 1.4.0";
const DEB: &str = "Atlas_1.4.0_amd64.deb";

struct Files {
    sandbox: Sandbox,
    pair: Pair,
}

impl Files {
    /// A launcher of nothing but an installer for Linux.
    fn new() -> Self {
        let sandbox = Sandbox::new();
        made_files(&sandbox, "out", &[DEB]);
        let row = format!("{DEB}|linux|x64|installer\n");
        fs::write(sandbox.root().join("out/m"), row).unwrap();
        let pair = Pair::new();
        Self { sandbox, pair }
    }

    fn sign(&self) -> Invocation {
        let run = atlas(&self.sandbox, &format!("sign {GOODS}"));
        self.pair.signs(run).within(Duration::from_secs(30))
    }

    fn with_key(&self, command: &str) -> Finished {
        let run = atlas(&self.sandbox, &format!("{command} {GOODS}"));
        run.args(["--public-key", self.pair.public.line()]).run()
    }

    fn check(&self) -> Finished {
        self.with_key("sign --check")
    }
}

#[test]
fn what_updates_are_installed_from_is_signed_or_not_published() {
    let files = Files::new();
    let publish = || files.with_key("publish --dry-run --hub-url http://127.0.0.1:9");
    for run in [files.check(), publish()] {
        run.exits(5).says(&[
            &format!("{DEB}: there is no signature"),
            "`atlas-release sign`",
        ]);
    }
    // Where nobody says which key launchers trust, none may be updated, and it is only said.
    let alone = atlas(&files.sandbox, &format!("sign --check {GOODS}"));
    alone
        .run()
        .exits(0)
        .says(&["is not updated from files", DEB]);
    files.sign().run().exits(0);
    files.check().exits(0);
    // Nobody installs from a document, and one goes without.
    let manifest = files.sandbox.root().join("out/m");
    let rows = fs::read_to_string(&manifest).unwrap();
    made_files(&files.sandbox, "out", &["app.intoto.json"]);
    fs::write(&manifest, rows + "app.intoto.json|linux|x64|other\n").unwrap();
    files.check().exits(0);
}

#[test]
fn a_signature_that_tauri_cannot_read_is_made_anew() {
    let files = Files::new();
    files.sign().run().exits(0);
    let path = files.sandbox.root().join(format!("out/{DEB}.sig"));
    let good = fs::read_to_string(&path).unwrap();
    let read: Signature = good.parse().unwrap();
    let lines = read.to_minisign();
    let broken: Vec<&str> = [&good[..76], &good[76..152], &good[152..]].into();
    for text in [
        lines.to_owned(),
        broken.join("\n"),
        broken.join("\n\n"),
        STANDARD.encode(format!("\n{lines}")),
    ] {
        fs::write(&path, &text).unwrap();
        files.check().exits(5).says(&[
            DEB,
            "Tauri's updater cannot read the signature",
            "`atlas-release sign`",
        ]);
        files
            .sign()
            .run()
            .exits(0)
            .says(&["signed anew", "one line of base64"]);
        files.check().exits(0);
    }
    // White space around it is none of it.
    fs::write(&path, format!("{good}\n\n")).unwrap();
    files.check().exits(0);
    files.sign().run().exits(0).says(&["kept"]);
}

#[test]
fn what_is_no_file_in_a_signatures_place_is_not_waited_for() {
    for name in [format!("{DEB}.sig"), format!("{DEB}.minisig")] {
        let files = Files::new();
        let place = files.sandbox.root().join("out").join(&name);
        files.sandbox.invoke("mkfifo").arg(&place).run().exits(0);
        let run = files.sign().arg("--minisig").run().exits(2);
        run.says(&[&name, "is not a file"]);
    }
}

#[test]
fn nothing_is_said_to_be_signed_before_it_is() {
    let files = Files::new();
    let left = files.sandbox.root().join("out/.writing-a1B2c3");
    fs::write(&left, "of a run that was killed").unwrap();
    let run = files.sign().through(&["prlimit", "--fsize=64", "--"]).run();
    let run = run.exits(9);
    assert!(!run.stderr.contains("signed  "), "{run}");
    assert!(!run.stderr.contains(&format!("{DEB} ")), "{run}");
    assert!(!left.exists());
    files.sign().run().exits(0).says(&["signed"]);
}
