//! Signatures of files that a manifest names: where they are written, and what is looked at before anything is
//! sent.

use crate::hub_server::{TestHub, get};
use crate::signing::Pair;
use crate::support::*;
use serde_json::Value;
use signatures::{SigningKey, TrustedComment};
use std::fs;
use test_support::{Fault, Fixture, Invocation, Proxy, Sandbox, path_without, tree};

const GOODS: &str = "--manifest m --product alpha --version 1.0.0";

/// A folder with files of these names, of which each holds its own.
fn with_files(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for name in names {
        fs::write(sandbox.root().join(name), name).unwrap();
    }
    sandbox
}

fn rows(sandbox: &Sandbox, rows: &str) {
    fs::write(sandbox.root().join("m"), rows).unwrap();
}

/// The text of a signature of a file that says this of it.
fn signature(pair: &Pair, bytes: &str, said: &str) -> String {
    let key = SigningKey::open(&pair.secret, None).unwrap();
    let made = key.sign(bytes.as_bytes(), &TrustedComment::parse(said));
    made.unwrap().to_tauri()
}

fn dry_run(sandbox: &Sandbox, pair: &Pair) -> Invocation {
    let run = atlas(sandbox, &format!("publish --dry-run {GOODS}"));
    run.args(["--public-key", pair.public.line()])
}

#[test]
fn signatures_are_written_over_nothing_but_signatures() {
    let sandbox = with_files(&["app", "lib", "notes"]);
    let pair = Pair::new();
    let sign = |more: &str| {
        let run = atlas(&sandbox, &format!("sign {GOODS} {more}"));
        pair.signs(run).run()
    };
    let absolute = sandbox.root().join("notes").display().to_string();
    let (named, there) = (
        "is a file that the manifest names",
        "is there already and no signature",
    );
    for (path, says) in [
        ("app", named),
        (".//app", named),
        ("lib", named),
        ("m", named),
        ("notes", there),
        ("state/../notes", there),
        (&absolute, there),
    ] {
        fs::create_dir_all(sandbox.root().join("state")).unwrap();
        let text = format!(
            "app|linux|x64|binary\nlib|linux|x64|binary\n{path}|linux|x64|signature|app.sig\n"
        );
        rows(&sandbox, &text);
        let before = tree(sandbox.root());
        sign("").exits(2).says(&["the signature of app", says]);
        assert!(
            before == tree(sandbox.root()),
            "{path}: something was written"
        );
    }
    rows(
        &sandbox,
        "app|linux|x64|binary\nlib|linux|x64|binary\ns|linux|x64|signature|app.sig\ns|linux|x64|signature|lib.sig\n",
    );
    sign("")
        .exits(2)
        .says(&["is that of another file's signature"]);
    rows(
        &sandbox,
        "app|linux|x64|binary\nlib|linux|x64|signature|app.minisig\n",
    );
    sign("").exits(2).says(&[there]);
    // Where there is a signature, or nothing, there may be one.
    rows(
        &sandbox,
        "app|linux|x64|binary\ns|linux|x64|signature|app.sig\n",
    );
    sign("").exits(0).says(&["signed"]);
    sign("").exits(0).says(&["kept"]);
    let other = Pair::new();
    let run = atlas(&sandbox, &format!("sign {GOODS}"));
    other.signs(run).run().exits(0).says(&["signed anew"]);
    // And where a payload's own signature is by default.
    rows(&sandbox, "app|linux|x64|binary\n");
    fs::write(sandbox.root().join("app.sig"), "broken").unwrap();
    sign("").exits(0).says(&["signed anew"]);
}

#[test]
fn a_signature_is_for_the_published_name_whatever_it_is_called_here() {
    let sandbox = with_files(&["local"]);
    let pair = Pair::new();
    rows(
        &sandbox,
        "local|linux|x64|binary|app\nlocal.sig|linux|x64|signature|app.sig\n",
    );
    let said = |name: &str| {
        format!("timestamp:1\tfile:{name}\tversion:1.0.0\tproduct:alpha\tos:linux\tarch:x64")
    };
    for (name, code) in [("local", 5), ("app", 0)] {
        let text = signature(&pair, "local", &said(name));
        fs::write(sandbox.root().join("local.sig"), text).unwrap();
        dry_run(&sandbox, &pair).run().exits(code);
    }
}

#[test]
fn whatever_has_a_signature_has_a_good_one() {
    let sandbox = with_files(&["App.dmg", "tool-installer-windows-x64.zip"]);
    let pair = Pair::new();
    let payloads =
        "App.dmg|macos|arm64|installer\ntool-installer-windows-x64.zip|windows|x64|installer\n";
    rows(&sandbox, payloads);
    // Nothing asks for one.
    dry_run(&sandbox, &pair).run().exits(0);
    let mut text = payloads.to_owned();
    for line in payloads.lines() {
        let (name, rest) = line.split_once('|').unwrap();
        let on = rest.strip_suffix("installer").unwrap();
        text += &format!("{name}.sig|{on}signature\n");
        let other = signature(&Pair::new(), name, "timestamp:1");
        fs::write(sandbox.root().join(format!("{name}.sig")), other).unwrap();
    }
    rows(&sandbox, &text);
    let run = dry_run(&sandbox, &pair).run().exits(5);
    run.says(&[
        "2 files are not signed",
        "App.dmg: ",
        "it was made with the key",
    ]);
    let sign = atlas(&sandbox, &format!("sign {GOODS}"));
    pair.signs(sign).run().exits(0).says(&["signed anew"]);
    dry_run(&sandbox, &pair).run().exits(0);
    // The key to sign with is one to check with.
    let sign = atlas(&sandbox, &format!("sign {GOODS}"));
    Pair::new().signs(sign).run().exits(0);
    let publish = |pair: &Pair| {
        let run = atlas(&sandbox, &format!("publish --dry-run {GOODS}"));
        pair.signs(run).run()
    };
    publish(&pair).exits(5).says(&["2 files are not signed"]);
    let run = atlas(&sandbox, &format!("publish --dry-run {GOODS}"));
    run.run().exits(0);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let names = ["good", "gone", "bare", "broken", "changed"];
    let sandbox = with_files(&names);
    let pair = Pair::new();
    let row = |name: &&str| format!("{name}|linux|x64|binary\n");
    rows(&sandbox, &names.iter().map(row).collect::<String>());
    let sign = |names: &str| {
        let run = atlas(&sandbox, &format!("sign {GOODS} {names}"));
        pair.signs(run).run().exits(0)
    };
    sign("");
    let root = sandbox.root();
    fs::remove_file(root.join("gone.sig")).unwrap();
    fs::write(root.join("broken.sig"), "broken").unwrap();
    fs::write(root.join("changed"), "other bytes").unwrap();
    let manifest = fs::read_to_string(root.join("m")).unwrap();
    let rest = manifest.lines().filter(|row| !row.starts_with("bare.sig"));
    rows(
        &sandbox,
        &rest.map(|row| format!("{row}\n")).collect::<String>(),
    );
    let key = pair.public.line();
    let check = atlas(&sandbox, &format!("sign --check {GOODS}")).args(["--public-key", key]);
    for run in [dry_run(&sandbox, &pair).run(), check.run()] {
        let run = run.exits(5).says(&[
            "4 files are not signed as they have to be",
            "gone.sig: the signature is missing",
            "bare: there is no signature",
            "broken: what lies in the place of the signature is none",
            "changed: the signature does not hold",
        ]);
        assert!(!run.stderr.contains("/good: "), "{run}");
    }
    // One that is named and missing is so without a key too.
    let run = atlas(&sandbox, &format!("sign --check {GOODS}")).run();
    run.exits(5).says(&["gone.sig: the signature is missing"]);
    sign("");
    dry_run(&sandbox, &pair).run().exits(0);
}

#[test]
fn minisigns_own_form_alone_is_looked_at_too() {
    let sandbox = with_files(&["App.dmg", "app"]);
    let pair = Pair::new();
    let text = "App.dmg|macos|arm64|installer\nApp.dmg.minisig|macos|arm64|signature\n\
                app|macos|arm64|binary\napp.minisig|macos|arm64|signature\n";
    rows(&sandbox, text);
    let stock = |pair: &Pair, name: &str, bytes: &str| {
        let said =
            format!("timestamp:1\tfile:{name}\tversion:1.0.0\tproduct:alpha\tos:macos\tarch:arm64");
        let key = SigningKey::open(&pair.secret, None).unwrap();
        let made = key.sign(bytes.as_bytes(), &TrustedComment::parse(&said));
        let path = sandbox.root().join(format!("{name}.minisig"));
        fs::write(path, made.unwrap().to_minisign()).unwrap();
    };
    stock(&pair, "App.dmg", "App.dmg");
    stock(&pair, "app", "app");
    // A program has to have the one that updaters read.
    let run = dry_run(&sandbox, &pair).run().exits(5);
    run.says(&["a file is not signed", "app: there is no signature"]);
    let installer: String = text.lines().take(2).map(|row| format!("{row}\n")).collect();
    rows(&sandbox, &installer);
    dry_run(&sandbox, &pair).run().exits(0).says(&["checked"]);
    stock(&pair, "App.dmg", "other bytes");
    let run = dry_run(&sandbox, &pair).run().exits(5);
    run.says(&[
        "App.dmg.minisig: the signature does not hold",
        "other bytes",
    ]);
    stock(&Pair::new(), "App.dmg", "App.dmg");
    let run = dry_run(&sandbox, &pair).run().exits(5);
    run.says(&["App.dmg.minisig: ", "it was made with the key"]);
    // Without a key nothing is known of it.
    let run = atlas(&sandbox, &format!("publish --dry-run {GOODS}"));
    run.run().exits(0);
    // And it is mended as others are.
    let sign = atlas(&sandbox, &format!("sign {GOODS}"));
    pair.signs(sign).run().exits(0);
    dry_run(&sandbox, &pair).run().exits(0);
}

#[test]
fn minisigns_own_form_is_mended_as_well() {
    let sandbox = with_files(&["app"]);
    let pair = Pair::new();
    rows(&sandbox, "app|linux|x64|binary\n");
    let sign = |pair: &Pair, more: &str| {
        let run = atlas(&sandbox, &format!("sign {GOODS} {more}"));
        pair.signs(run).run().exits(0)
    };
    sign(&pair, "--minisig");
    let stock = sandbox.root().join("app.minisig");
    fs::write(&stock, "broken").unwrap();
    let run = dry_run(&sandbox, &pair).run().exits(5);
    run.says(&["app.minisig: what lies in the place of the signature is none"]);
    sign(&pair, "").says(&["signed anew", "app.minisig"]);
    dry_run(&sandbox, &pair).run().exits(0);
    fs::remove_file(&stock).unwrap();
    sign(&pair, "");
    dry_run(&sandbox, &pair).run().exits(0);
    let other = Pair::new();
    sign(&other, "");
    dry_run(&sandbox, &other).run().exits(0);

    // Of a staged release too, whose folder is never left in between.
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let sign = |pair: &Pair, more: &str| {
        let run = atlas(&sandbox, &format!("sign {more}"));
        pair.signs(run).run().exits(0)
    };
    let check = |pair: &Pair| {
        let run = atlas(&sandbox, "sign --check");
        run.args(["--public-key", pair.public.line()]).run()
    };
    sign(&pair, "--minisig");
    fs::remove_file(staged.join(format!("beta-{}.minisig", platform()))).unwrap();
    check(&pair).exits(5);
    sign(&pair, "");
    check(&pair).exits(0);
    sign(&other, "");
    check(&other).exits(0);
    let before = tree(&staged);
    sign(&other, "").says(&["kept"]);
    assert!(before == tree(&staged), "something was written");
}

#[test]
fn the_workspaces_key_counts_without_cargo_and_is_never_guessed() {
    let sandbox = Sandbox::new();
    let fixture = Fixture::without_git(&sandbox);
    let pair = Pair::new();
    let manifest = fs::read_to_string(fixture.root().join("Cargo.toml")).unwrap();
    let key = format!(
        "\n[workspace.metadata.atlas-release]\npublic-key = \"{}\"\n",
        pair.public.to_tauri()
    );
    fixture.write("app", "app");
    fixture.write("m", "app|linux|x64|binary\n");
    let path = path_without(&sandbox.root().join("path"), &["cargo", "rustup"]);
    let publish = |product: &str| {
        let goods = GOODS.replace("alpha", product);
        let run = atlas(&sandbox, &format!("publish --dry-run {goods}"));
        run.env("PATH", path.clone()).cwd(fixture.root())
    };
    publish("alpha").run().exits(0);
    fixture.write("Cargo.toml", &format!("{manifest}{key}"));
    let run = publish("alpha").run().exits(5);
    run.says(&["app: there is no signature"]);
    // What cannot be read may hold a key.
    fixture.write("Cargo.toml", &format!("{manifest}{key}]"));
    let run = publish("alpha").run().exits(2);
    run.says(&["cannot read", "Cargo.toml"]);
    let run = publish("alpha").args(["--public-key", pair.public.line()]);
    let run = run.run().exits(5);
    run.says(&[
        "the workspace's settings are not known",
        "there is no signature",
    ]);
    // An application whose configuration is not understood is not published unchecked.
    let section = "\n[workspace.metadata.atlas-release.products.launcher]\nfolder = \"apps\"\n";
    fixture.write("Cargo.toml", &format!("{manifest}{section}"));
    fixture.write("apps/tauri.conf.json5", "{}");
    let run = publish("launcher").run().exits(5);
    run.says(&[
        "no public key is known for launcher",
        "plugins.updater.pubkey",
    ]);
    let config = format!(
        "[plugins.updater]\npubkey = \"{}\"\n",
        pair.public.to_tauri()
    );
    fixture.write("apps/Tauri.toml", &config);
    let run = publish("launcher").run().exits(5);
    run.says(&["app: there is no signature"]);
}

#[test]
fn what_another_machine_has_staged_is_checked_with_the_key() {
    let sandbox = with_files(&["app"]);
    let (pair, hub) = (Pair::new(), TestHub::start());
    rows(&sandbox, "app|linux|x64|binary\n");
    let goods = GOODS.replace("1.0.0", "0.1.0");
    let sign = atlas(&sandbox, &format!("sign {goods}"));
    pair.signs(sign).run().exits(0);
    let staged = atlas(&sandbox, &format!("publish --stage-only {goods}"));
    hub.publishes(staged).run().exits(0);
    let finish = |key: &Pair| {
        let line = "publish --finish alpha-v0.1.0 --product alpha --require linux-x64";
        let run = hub.publishes(atlas(&sandbox, line));
        run.args(["--public-key", key.public.line()]).run()
    };
    let run = finish(&Pair::new()).exits(8);
    run.says(&["its signature does not hold", &pair.public.id().to_string()]);
    finish(&pair).exits(0);
}

#[test]
fn a_signature_that_cannot_be_fetched_is_a_difference() {
    let sandbox = with_files(&["app", "lib"]);
    let (pair, hub) = (Pair::new(), TestHub::start());
    rows(&sandbox, "app|linux|x64|binary\nlib|linux|x64|binary\n");
    let sign = atlas(&sandbox, &format!("sign {GOODS}"));
    pair.signs(sign).run().exits(0);
    let publish = atlas(&sandbox, &format!("publish {GOODS}"));
    hub.publishes(publish).run().exits(0);
    let (status, body) = get(&format!(
        "{}/api/v1/releases/alpha/1.0.0/linux/x64",
        hub.url()
    ));
    assert_eq!(status, 200);
    let found: Value = serde_json::from_slice(&body).unwrap();
    let assets = found["assets"].as_array().unwrap();
    let signatures = assets
        .iter()
        .filter(|asset| asset["kind"] == "signature")
        .map(|asset| asset["download_id"].as_str().unwrap().to_owned());
    let listed: Vec<String> = signatures.collect();
    assert_eq!(listed.len(), 2);
    let proxy = Proxy::bind().serve(hub.address, move |seen| {
        match listed.iter().any(|id| seen.path.contains(id)) {
            true => Fault::Answer(404, r#"{"error":"gone"}"#.to_owned()),
            false => Fault::None,
        }
    });
    let verify = atlas(&sandbox, "verify 1.0.0 --product alpha");
    let run = hub.publishes(verify).env("ATLAS_HUB_URL", proxy.url());
    let run = run
        .args(["--public-key", pair.public.line()])
        .run()
        .exits(8);
    run.says(&[
        "app: its signature cannot be read back",
        "lib: its signature cannot be read back",
        "app.sig cannot be read back",
    ]);
}
