//! `verify` with a public key: what a Hub gives out is signed, whoever has published it.

use crate::hub_server::TestHub;
use crate::signing::Pair;
use crate::support::*;
use serde_json::Value;
use signatures::{SigningKey, TrustedComment};
use std::fs;
use test_support::Sandbox;

#[test]
fn what_a_hub_gives_out_is_checked_with_the_key() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let (pair, hub) = (Pair::new(), TestHub::start());
    pair.signs(atlas(&sandbox, "sign")).run().exits(0);
    hub.publishes(atlas(&sandbox, "publish")).run().exits(0);
    let verify = |line: &str, key: &Pair| {
        let run = hub.publishes(atlas(&sandbox, &format!("verify {line}")));
        run.args(["--public-key", &key.public.to_tauri()]).run()
    };
    let record = staged.join("release.json").display().to_string();
    let other = Pair::new();
    for line in [
        "".to_owned(),
        format!("--against {record}"),
        "0.1.0 --product alpha --product beta".to_owned(),
        "0.1.0 --product alpha --sample 1".to_owned(),
    ] {
        verify(&line, &pair).exits(0);
        // A sample may be of the signature alone.
        if !line.contains("--sample") {
            let run = verify(&line, &other).exits(8);
            run.says(&["its signature does not hold", &pair.public.id().to_string()]);
        }
    }
    // The key that was recorded with the build counts too.
    let mut recorded: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    for (key, code) in [(&pair, 0), (&other, 8)] {
        recorded["public_key"] = key.public.to_tauri().into();
        fs::write(&record, recorded.to_string()).unwrap();
        let line = format!("verify --against {record}");
        hub.publishes(atlas(&sandbox, &line)).run().exits(code);
    }
    // What was published without is told where there is a key, and only there.
    fs::write(sandbox.root().join("app"), "bytes").unwrap();
    fs::write(sandbox.root().join("m"), "app|linux|x64|binary\n").unwrap();
    let goods = "--manifest m --product alpha --version 0.2.0";
    hub.publishes(atlas(&sandbox, &format!("publish {goods}")))
        .run()
        .exits(0);
    let line = "verify 0.2.0 --product alpha";
    hub.publishes(atlas(&sandbox, line)).run().exits(0);
    let run = verify("0.2.0 --product alpha", &pair).exits(8);
    run.says(&["app: it has no signature"]);
}

/// Files that are published without a word on their signatures, and a workspace beside them whose application they
/// might be of.
fn published(hub: &TestHub, rows: &str, files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, text) in files {
        fs::write(sandbox.root().join(name), text).unwrap();
    }
    fs::write(sandbox.root().join("m"), rows).unwrap();
    let goods = "publish --manifest m --product alpha --version 1.0.0";
    hub.publishes(atlas(&sandbox, goods)).run().exits(0);
    let settings =
        "[workspace]\n[workspace.metadata.atlas-release.products.alpha]\nfolder = 'app'\n";
    made_files(&sandbox, "workspace/app", &["tauri.conf.json"]);
    fs::write(sandbox.root().join("workspace/Cargo.toml"), settings).unwrap();
    fs::write(sandbox.root().join("workspace/app/tauri.conf.json"), "{}").unwrap();
    sandbox
}

#[test]
fn what_is_read_back_has_to_be_signed_as_what_is_sent_has() {
    let pair = Pair::new();
    let sign = |name: &str| {
        let key = SigningKey::open(&pair.secret, None).unwrap();
        let said =
            format!("timestamp:1\tfile:{name}\tversion:1.0.0\tproduct:alpha\tos:linux\tarch:x64");
        key.sign(name.as_bytes(), &TrustedComment::parse(&said))
            .unwrap()
    };
    let verify = |hub: &TestHub, sandbox: &Sandbox, folder: &str| {
        let run = atlas(sandbox, "verify 1.0.0 --product alpha");
        let run = hub.publishes(run).cwd(sandbox.root().join(folder));
        run.args(["--public-key", pair.public.line()]).run()
    };
    let row = |name: &str, kind: &str| format!("{name}|linux|x64|{kind}\n");
    // Minisign's own form counts like the other.
    let hub = TestHub::start();
    let rows =
        row("app", "binary") + &row("app.sig", "signature") + &row("app.minisig", "signature");
    let good = sign("app");
    let files = [
        ("app", "app"),
        ("app.sig", &good.to_tauri()),
        ("app.minisig", "junk"),
    ];
    let sandbox = published(&hub, &rows, &files);
    verify(&hub, &sandbox, "")
        .exits(8)
        .says(&["app: app.minisig: "]);
    let hub = TestHub::start();
    let files = [
        ("app", "app"),
        ("app.sig", &good.to_tauri()),
        ("app.minisig", good.to_minisign()),
    ];
    let sandbox = published(&hub, &rows, &files);
    verify(&hub, &sandbox, "").exits(0);
    let hub = TestHub::start();
    let other = sign("other");
    let files = [
        ("app", "app"),
        ("app.sig", &good.to_tauri()),
        ("app.minisig", other.to_minisign()),
    ];
    let sandbox = published(&hub, &rows, &files);
    verify(&hub, &sandbox, "")
        .exits(8)
        .says(&["its signature app.minisig does not hold"]);

    // What an application updates itself from has one that its updater reads.
    let hub = TestHub::start();
    let sandbox = published(
        &hub,
        &row("App.deb", "installer"),
        &[("App.deb", "App.deb")],
    );
    verify(&hub, &sandbox, "").exits(0);
    verify(&hub, &sandbox, "workspace")
        .exits(8)
        .says(&["App.deb: it has no signature"]);
    let rows = row("App.deb", "installer") + &row("App.deb.sig", "signature");
    let good = sign("App.deb");
    for (text, code) in [(good.to_minisign(), 8), (&*good.to_tauri(), 0)] {
        let hub = TestHub::start();
        let sandbox = published(
            &hub,
            &rows,
            &[("App.deb", "App.deb"), ("App.deb.sig", text)],
        );
        verify(&hub, &sandbox, "").exits(0);
        let run = verify(&hub, &sandbox, "workspace").exits(code);
        if code == 8 {
            run.says(&["App.deb.sig: Tauri's updater cannot read the signature"]);
        }
    }
}
