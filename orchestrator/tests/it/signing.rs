//! `sign`, and what `publish` makes of signatures: real minisign reads ours, what is missing is mended, and
//! nothing is sent that is not signed as it has to be.

use crate::hub_server::{TestHub, get, release};
use crate::support::*;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use signatures::{PublicKey, Signature};
use std::fs;
use std::path::Path;
use test_support::{Fault, Finished, Invocation, Proxy, Sandbox, tree};

pub const KEY: &str = "TAURI_SIGNING_PRIVATE_KEY";

/// A pair of keys for a test.
pub struct Pair {
    pub secret: SecretString,
    pub public: PublicKey,
}

impl Pair {
    pub fn new() -> Self {
        let pair = signatures::generate(None).unwrap();
        Self {
            secret: pair.secret,
            public: pair.public,
        }
    }

    /// The invocation with the secret key in its environment.
    pub fn signs(&self, invocation: Invocation) -> Invocation {
        invocation.env(KEY, self.secret.expose_secret())
    }
}

/// What became of each signature, by the names of the files.
fn states(run: &Finished) -> Vec<(String, String)> {
    let told = |event: Value| {
        let path = Path::new(event["path"].as_str().unwrap()).file_name();
        let name = path.unwrap().to_string_lossy().into_owned();
        (name, event["state"].as_str().unwrap().to_owned())
    };
    events_of(run, "signature").into_iter().map(told).collect()
}

/// The names and kinds of what the Hub has of a product for this platform.
pub fn assets(hub: &TestHub, product: &str, version: &str) -> Vec<(String, String)> {
    let found = release(&hub.url(), product, version).unwrap();
    let asset = |asset: &Value| {
        let field = |name: &str| asset[name].as_str().unwrap().to_owned();
        (field("filename"), field("kind"))
    };
    let mut all: Vec<_> = found["assets"]
        .as_array()
        .unwrap()
        .iter()
        .map(asset)
        .collect();
    all.sort();
    all
}

#[test]
fn staged_programs_are_signed_and_real_minisign_agrees() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let pair = Pair::new();
    let run = pair
        .signs(atlas(&sandbox, "sign --format json"))
        .run()
        .exits(0);
    let [alpha, beta] = ["alpha", "beta"].map(|name| format!("{name}-{}", platform()));
    let made = |state: &str| [&alpha, &beta].map(|name| (name.clone(), state.to_owned()));
    assert_eq!(states(&run), made("made"));

    let record: Value =
        serde_json::from_slice(&fs::read(staged.join("release.json")).unwrap()).unwrap();
    let recorded: Vec<String> = record["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| format!("{} {}", file["filename"], file["kind"]).replace('"', ""))
        .collect();
    assert_eq!(
        recorded,
        [
            format!("{alpha} binary"),
            format!("{alpha}.sig signature"),
            format!("{beta} binary"),
            format!("{beta}.sig signature"),
        ]
    );
    let manifest = fs::read_to_string(staged.join("alpha.manifest")).unwrap();
    let row =
        |name: &str, kind: &str| format!("{name}|{}|{kind}|{name}\n", platform().replace('-', "|"));
    let signature = format!("{alpha}.sig");
    assert_eq!(
        manifest,
        row(&alpha, "binary") + &row(&signature, "signature")
    );
    let sums = sandbox.invoke("sha256sum").args(["--check", "SHA256SUMS"]);
    sums.cwd(&staged).run().exits(0);

    // The real tool reads the key and the signature once Tauri's wrapping is off them.
    let text = fs::read_to_string(staged.join(&signature)).unwrap();
    let read: Signature = text.parse().unwrap();
    let stock = sandbox.root().join("stock.minisig");
    fs::write(&stock, read.to_minisign()).unwrap();
    let minisign = |file: &Path| {
        let command = sandbox.invoke("minisign").arg("-Vm").arg(file);
        command
            .arg("-x")
            .arg(&stock)
            .args(["-P", pair.public.line()])
            .run()
    };
    let said = minisign(&staged.join(&alpha)).exits(0).stdout;
    let (os, arch) = (std::env::consts::OS, platform());
    let arch = arch.rsplit('-').next().unwrap();
    let bound = format!("file:{alpha}\tversion:0.1.0\tproduct:alpha\tos:{os}\tarch:{arch}");
    assert!(said.contains(&bound), "{said}");
    assert_eq!(minisign(&staged.join(&beta)).code, Some(1));

    // A second run finds all as it should be, and leaves it so.
    let release = staged.parent().unwrap();
    let before = tree(release);
    let run = pair
        .signs(atlas(&sandbox, "sign --format json"))
        .run()
        .exits(0);
    assert_eq!(states(&run), made("kept"));
    assert!(before == tree(release), "something was written");
    // With another key they are made anew, and it is said why.
    let run = Pair::new().signs(atlas(&sandbox, "sign")).run().exits(0);
    run.says(&["signed anew", "it was made with the key"]);
}

#[test]
fn a_signature_that_was_deleted_stops_publishing_until_it_is_mended() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let (pair, hub) = (Pair::new(), TestHub::start());
    let proxy = Proxy::bind().serve(hub.address, |_| Fault::None);
    pair.signs(atlas(&sandbox, "sign --minisig")).run().exits(0);
    let beta = format!("beta-{}", platform());
    let signature = staged.join(format!("{beta}.sig"));
    fs::remove_file(&signature).unwrap();
    let publish = || {
        let run = hub.publishes(atlas(&sandbox, "publish"));
        run.env("ATLAS_HUB_URL", proxy.url()).run()
    };
    publish().exits(5).says(&[
        "a file is not signed as it has to be",
        &format!("{beta}.sig: the signature is missing"),
        "`atlas-release sign` signs what has no good signature",
    ]);
    // All that are missing are told at once.
    let other = staged.join(format!("alpha-{}.minisig", platform()));
    fs::remove_file(&other).unwrap();
    for run in [publish(), atlas(&sandbox, "sign --check").run()] {
        run.exits(5).says(&[
            "2 files are not signed as they have to be",
            &format!("{beta}.sig: the signature is missing"),
            &format!("{}: the signature is missing", other.display()),
        ]);
    }
    assert_eq!(proxy.seen(), [], "nothing was sent");
    let run = pair
        .signs(atlas(&sandbox, "sign --minisig --format json"))
        .run()
        .exits(0);
    let alpha = format!("alpha-{}", platform());
    let told = [
        (alpha, "remade".to_owned()),
        (beta.clone(), "made".to_owned()),
    ];
    assert_eq!(states(&run), told);
    publish().exits(0);
    let expected = [
        (beta.clone(), "binary".to_owned()),
        (format!("{beta}.minisig"), "signature".to_owned()),
        (format!("{beta}.sig"), "signature".to_owned()),
    ];
    assert_eq!(assets(&hub, "beta", "0.1.0"), expected);
    hub.publishes(atlas(&sandbox, "verify")).run().exits(0);
    // One that somebody has changed is mended as well.
    fs::write(&signature, "no signature").unwrap();
    publish().exits(8);
    let run = pair.signs(atlas(&sandbox, "sign --minisig")).run().exits(0);
    run.says(&["signed anew", "neither minisign's lines nor Tauri's"]);
    // The Hub has the first one of the same bytes, which stays.
    hub.publishes(atlas(&sandbox, "publish"))
        .args(["--public-key", pair.public.line()])
        .run()
        .exits(0)
        .says(&["another signature of the same bytes", "it is kept"]);
    assert_eq!(assets(&hub, "beta", "0.1.0"), expected);
    hub.publishes(atlas(&sandbox, "verify")).run().exits(0);
}

/// A manifest as a launcher's workflow writes it.
fn launcher(sandbox: &Sandbox) -> String {
    let out = sandbox.root().join("out");
    fs::create_dir_all(&out).unwrap();
    for name in ["App.AppImage.tar.gz", "App.AppImage", "App.deb"] {
        fs::write(out.join(name), format!("the bytes of {name}")).unwrap();
    }
    let rows = "# by the workflow\n\
        out/App.AppImage.tar.gz|linux|x64|binary\n\
        out/App.AppImage|linux|x64|installer|Atlas.AppImage\n\
        out/App.deb|linux|x64|installer\n";
    fs::write(sandbox.root().join("launcher.manifest"), rows).unwrap();
    "--manifest launcher.manifest --product launcher --version 1.4.0".to_owned()
}

#[test]
fn a_launcher_is_published_signed_or_not_at_all() {
    let sandbox = Sandbox::new();
    let goods = launcher(&sandbox);
    let (pair, hub) = (Pair::new(), TestHub::start());
    let proxy = Proxy::bind().serve(hub.address, |_| Fault::None);
    let publish = |more: &str| {
        let run = hub.publishes(atlas(&sandbox, &format!("publish {goods} {more}")));
        run.env("ATLAS_HUB_URL", proxy.url()).run()
    };
    // An installer may go without, what updaters fetch may not.
    publish("").exits(5).says(&[
        "App.AppImage.tar.gz: there is no signature",
        "nothing was sent",
    ]);
    publish("--dry-run").exits(5);
    let check = format!("sign --check {goods}");
    atlas(&sandbox, &check).run().exits(5);
    let sign = || pair.signs(atlas(&sandbox, &format!("sign {goods}"))).run();
    sign().exits(0);
    let manifest = fs::read_to_string(sandbox.root().join("launcher.manifest")).unwrap();
    for row in [
        "# by the workflow",
        "out/App.AppImage.tar.gz.sig|linux|x64|signature|App.AppImage.tar.gz.sig",
        "out/App.AppImage.sig|linux|x64|signature|Atlas.AppImage.sig",
        "out/App.deb.sig|linux|x64|signature|App.deb.sig",
    ] {
        assert!(
            manifest.lines().any(|line| line == row),
            "{row}: {manifest}"
        );
    }
    // Without a public key it is only known that there are some.
    publish("--dry-run").exits(0).says(&["unchecked"]);
    let key = format!("--public-key {}", pair.public.to_tauri());
    atlas(&sandbox, &format!("{check} {key}")).run().exits(0);
    // Something has changed a file after it was signed, as signing an installer does.
    let payload = sandbox.root().join("out/App.AppImage.tar.gz");
    fs::write(&payload, "other bytes").unwrap();
    for run in [
        publish(&key),
        atlas(&sandbox, &format!("{check} {key}")).run(),
    ] {
        run.exits(5)
            .says(&["App.AppImage.tar.gz", "it belongs to other bytes"]);
    }
    let other = Pair::new().public;
    publish(&format!("--public-key {}", other.line()))
        .exits(5)
        .says(&["3 files are not signed", &other.id().to_string()]);
    assert_eq!(proxy.seen(), [], "nothing was sent");
    sign()
        .exits(0)
        .says(&["signed anew", "it belongs to other bytes"]);
    publish(&key).exits(0);

    // What an installed launcher is told verifies over what it downloads, as its updater does it.
    let (status, body) = get(&format!("{}/api/v1/launcher/updates/linux/x64", hub.url()));
    assert_eq!(status, 200);
    let update: Value = serde_json::from_slice(&body).unwrap();
    let platforms = update["platforms"].as_object().unwrap();
    for key in ["linux-x86_64", "linux-x86_64-appimage", "linux-x86_64-deb"] {
        let file = &platforms[key];
        let (status, bytes) = get(file["url"].as_str().unwrap());
        assert_eq!(status, 200);
        let signature: Signature = file["signature"].as_str().unwrap().parse().unwrap();
        signature.verify(&pair.public, &bytes[..]).unwrap();
    }
}

#[test]
fn an_old_signed_file_is_no_new_version() {
    let sandbox = Sandbox::new();
    let (pair, hub) = (Pair::new(), TestHub::start());
    let proxy = Proxy::bind().serve(hub.address, |_| Fault::None);
    fs::write(sandbox.root().join("app"), "1.0.0").unwrap();
    fs::write(sandbox.root().join("m"), "app|linux|x64|binary\n").unwrap();
    let goods = |product: &str, version: &str| {
        format!("--manifest m --product {product} --version {version}")
    };
    let line = format!("sign {}", goods("alpha", "1.0.0"));
    pair.signs(atlas(&sandbox, &line)).run().exits(0);
    let publish = |product, version, manifest: &str| {
        fs::write(sandbox.root().join("m"), manifest).unwrap();
        let line = format!("publish {}", goods(product, version));
        let run = hub.publishes(atlas(&sandbox, &line));
        let run = run.env("ATLAS_HUB_URL", proxy.url());
        run.args(["--public-key", pair.public.line()]).run()
    };
    let (x64, arm) = (
        "app|linux|x64|binary\napp.sig|linux|x64|signature\n",
        "app|linux|arm64|binary\napp.sig|linux|arm64|signature\n",
    );
    publish("alpha", "1.1.0", x64)
        .exits(5)
        .says(&["it is for the version 1.0.0, not for 1.1.0"]);
    publish("beta", "1.0.0", x64)
        .exits(5)
        .says(&["it is for the product alpha, not for beta"]);
    publish("alpha", "1.0.0", arm)
        .exits(5)
        .says(&["it is for the arch x64, not for arm64"]);
    publish("alpha", "1.0.0", "app|linux|x64|binary\n")
        .exits(5)
        .says(&["app: there is no signature"]);
    assert_eq!(proxy.seen(), [], "nothing was sent");
    publish("alpha", "1.0.0", x64).exits(0);
}

#[test]
fn a_manifest_may_stand_in_the_place_of_a_tag() {
    let sandbox = Sandbox::new();
    launcher(&sandbox);
    let pair = Pair::new();
    let sign = |line: &str| pair.signs(atlas(&sandbox, line)).run();
    sign("sign launcher.manifest --version 1.4.0")
        .exits(0)
        .says(&["App.deb"]);
    // As by --manifest: there is nothing left to do.
    sign("sign --manifest launcher.manifest --product launcher --version 1.4.0")
        .exits(0)
        .says(&["kept"]);
    let key = format!("--public-key {}", pair.public.to_tauri());
    let check = format!("sign ./launcher.manifest --version 1.4.0 --check {key}");
    atlas(&sandbox, &check).run().exits(0).says(&["checked"]);
    fs::rename(
        sandbox.root().join("launcher.manifest"),
        sandbox.root().join("rows"),
    )
    .unwrap();
    sign("sign rows --product launcher --version 1.4.0")
        .exits(0)
        .says(&["kept"]);
    for (line, says) in [
        (
            "sign rows --version 1.4.0",
            "name its product with --product",
        ),
        ("sign rows --product launcher", "name it with --version"),
        ("sign none.manifest --version 1.4.0", "none.manifest"),
        ("sign demo-v0.1.0 --version 1.4.0", "and none is named"),
    ] {
        sign(line).exits(2).says(&[says]);
    }
    // One that lies in a staged build is that build.
    let staged = staged_release(&sandbox);
    let manifest = staged.join("alpha.manifest");
    sign(&format!("sign {}", manifest.display())).exits(0);
    let sums = sandbox.invoke("sha256sum").args(["--check", "SHA256SUMS"]);
    sums.cwd(&staged).run().exits(0);
    assert!(staged.join(format!("beta-{}.sig", platform())).exists());
    sign("sign demo-v0.1.0").exits(0).says(&["kept"]);
}
