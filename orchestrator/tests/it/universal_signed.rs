//! Universal files have one signature, which is for both processors, wherever they lie: in a manifest's rows, in the
//! folders of two platforms, on a Hub.

use crate::hub_server::TestHub;
use crate::launcher::Launcher;
use crate::signing::Pair;
use crate::support::*;
use signatures::{Signature, SigningKey, TrustedComment};
use std::fs;
use std::path::PathBuf;
use test_support::{Finished, Sandbox};

const PAYLOAD: &str = "Demo_universal.app.tar.gz";
const FOLDERS: [&str; 2] = ["macos-arm64", "macos-x64"];

/// A launcher with a bundle for both of Apple's processors, staged.
struct Staged {
    launcher: Launcher,
    release: PathBuf,
}

impl Staged {
    fn new() -> Self {
        let launcher = Launcher::new("");
        let macos = "\"$CARGO_TARGET_DIR/release/bundle/macos\"";
        let more = format!("mkdir -p {macos}\necho universal > {macos}/{PAYLOAD}\n");
        launcher.does(&more);
        let build = "build launcher-v1.0.0 --target aarch64-apple-darwin";
        launcher.atlas(build).run().exits(0);
        let release = launcher.staged().parent().unwrap().to_owned();
        Self { launcher, release }
    }

    fn sign(&self, line: &str) -> Finished {
        let run = self.launcher.atlas(line);
        self.launcher.pair.signs(run).run().exits(0)
    }

    fn signature(&self, folder: &str) -> PathBuf {
        self.release.join(folder).join(format!("{PAYLOAD}.sig"))
    }

    /// The one text in both folders, which are as they have to be.
    #[track_caller]
    fn text(&self) -> String {
        let texts = FOLDERS.map(|folder| {
            let sums = self.launcher.project.sandbox.invoke("sha256sum");
            let sums = sums.args(["--check", "SHA256SUMS"]);
            sums.cwd(self.release.join(folder)).run().exits(0);
            fs::read_to_string(self.signature(folder)).unwrap()
        });
        assert_eq!(texts[0], texts[1]);
        let signature: Signature = texts[0].parse().unwrap();
        let public = &self.launcher.pair.public;
        let said = signature.verify(public, &b"universal\n"[..]).unwrap();
        assert_eq!(said.arch.as_deref(), Some("x64,arm64"));
        texts[0].clone()
    }

    fn forgets(&self, folders: &[&str]) {
        for folder in folders {
            fs::remove_file(self.signature(folder)).unwrap();
        }
    }
}

#[test]
fn a_staged_universal_bundle_is_signed_once() {
    let staged = Staged::new();
    staged.sign("sign launcher-v1.0.0").says(&["signed"]);
    let first = staged.text();
    let check = || {
        staged
            .launcher
            .atlas("sign --check launcher-v1.0.0")
            .run()
            .exits(0)
    };
    check();
    staged.sign("sign launcher-v1.0.0").says(&["kept"]);
    assert_eq!(staged.text(), first);
    // What one folder has is put into the other.
    staged.forgets(&FOLDERS[..1]);
    staged
        .sign("sign launcher-v1.0.0")
        .says(&["signed anew", "there is no signature"]);
    assert_eq!(staged.text(), first);
    // Also where one of them is named.
    staged.forgets(&FOLDERS);
    let manifest = staged.release.join(FOLDERS[1]).join("launcher.manifest");
    staged.sign(&format!("sign {}", manifest.display()));
    staged.text();
    check();

    // The Hub's is kept, in both.
    let hub = TestHub::start();
    let publish = |line: &str| {
        let run = staged.launcher.atlas(line);
        hub.publishes(run).run().exits(0)
    };
    publish("publish launcher-v1.0.0");
    let published = staged.text();
    staged.forgets(&FOLDERS);
    staged.sign("sign launcher-v1.0.0");
    assert_ne!(staged.text(), published);
    publish("publish launcher-v1.0.0").says(&["it is kept"]);
    assert_eq!(staged.text(), published);
    publish("verify launcher-v1.0.0");
}

/// A universal file with its rows, and the key that it is signed with.
fn in_manifest(rows: &str) -> (Sandbox, Pair) {
    let sandbox = Sandbox::new();
    made_files(&sandbox, "", &[PAYLOAD]);
    fs::create_dir(sandbox.root().join("sigs")).unwrap();
    let file = |arch: &str| format!("{PAYLOAD}|macos|{arch}|binary\n");
    let text = file("x64") + &file("arm64") + rows;
    fs::write(sandbox.root().join("m"), text).unwrap();
    (sandbox, Pair::new())
}

const GOODS: &str = "--manifest m --product alpha --version 1.0.0";

#[test]
fn the_hubs_signature_of_a_universal_file_is_kept_for_both() {
    let (sandbox, pair) = in_manifest("");
    let hub = TestHub::start();
    let sign = || pair.signs(atlas(&sandbox, &format!("sign {GOODS}"))).run();
    let publish = |goods: &str| {
        let run = hub.publishes(atlas(&sandbox, &format!("publish {goods}")));
        run.args(["--public-key", pair.public.line()]).run()
    };
    sign().exits(0);
    let text = fs::read_to_string(sandbox.root().join("m")).unwrap();
    let one: Vec<&str> = text.lines().filter(|row| row.contains("|x64|")).collect();
    assert_eq!(one.len(), 2);
    fs::write(sandbox.root().join("one"), one.join("\n")).unwrap();
    publish(&GOODS.replace("--manifest m", "--manifest one")).exits(0);
    // Made anew, it is another one of the same bytes; here it is one file, for both.
    let signature = sandbox.root().join(format!("{PAYLOAD}.sig"));
    let published = fs::read(&signature).unwrap();
    fs::remove_file(&signature).unwrap();
    sign().exits(0);
    assert_ne!(fs::read(&signature).unwrap(), published);
    publish(GOODS).exits(0).says(&["it is kept"]);
    assert_eq!(fs::read(&signature).unwrap(), published);
}

#[test]
fn a_signature_is_written_wherever_the_rows_say() {
    let signature = format!("{PAYLOAD}.sig");
    let (sandbox, pair) = in_manifest(&format!(
        "{signature}|macos|x64|signature\nsigs/arm.sig|macos|arm64|signature|{signature}\n"
    ));
    let sign = || pair.signs(atlas(&sandbox, &format!("sign {GOODS}"))).run();
    let check = || {
        let run = atlas(&sandbox, &format!("sign --check {GOODS}"));
        run.args(["--public-key", pair.public.line()]).run()
    };
    sign().exits(0);
    check().exits(0);
    let [one, other] = [&*signature, "sigs/arm.sig"].map(|name| sandbox.root().join(name));
    let first = fs::read(&one).unwrap();
    assert_eq!(first, fs::read(&other).unwrap());
    // Each of them is looked at.
    let key = SigningKey::open(&Pair::new().secret, None).unwrap();
    let made = key.sign(&b"x"[..], &TrustedComment::parse("timestamp:1"));
    fs::write(&other, made.unwrap().to_tauri()).unwrap();
    check().exits(5).says(&["it was made with the key"]);
    sign().exits(0).says(&["signed anew", "arm.sig"]);
    assert_eq!(first, fs::read(&other).unwrap());
    fs::remove_file(&one).unwrap();
    sign().exits(0).says(&["signed anew"]);
    assert_eq!(first, fs::read(&one).unwrap());
    check().exits(0);
    sign().exits(0).says(&["kept"]);

    // One file for two systems has two signatures, and one place holds one.
    let rows = "app|linux|x64|binary\napp|windows|x64|binary\n";
    made_files(&sandbox, "", &["app"]);
    fs::write(sandbox.root().join("m"), rows).unwrap();
    sign()
        .exits(2)
        .says(&["is that of another file's signature"]);
    let apart = format!("{rows}sigs/windows|windows|x64|signature|app.sig\n");
    fs::write(sandbox.root().join("m"), apart).unwrap();
    sign().exits(0);
    check().exits(0);
}
