//! A bundle for both of Apple's processors: one file, that is published for each of them, and offered to the
//! installed launchers of each.

use crate::hub_server::{TestHub, get};
use crate::signing::Pair;
use crate::support::*;
use serde_json::Value;
use signatures::Signature;
use std::fs;
use test_support::{Fault, Proxy, Sandbox};

const GOODS: &str = "--manifest out/launcher.manifest --product launcher --version 1.4.0";

/// What Tauri leaves of `tauri build --target universal-apple-darwin`. The updater's file names no processor; the
/// disk image beside it does.
const BUNDLES: [&str; 2] = ["macos/Demo.app.tar.gz", "dmg/Demo_1.4.0_universal.dmg"];

/// What it is published as.
const PAYLOAD: &str = "Demo_universal.app.tar.gz";

#[test]
fn a_universal_bundle_updates_launchers_on_both_processors() {
    let sandbox = Sandbox::new();
    let (pair, hub) = (Pair::new(), TestHub::start());
    let bundle = "out/target/universal-apple-darwin/release/bundle";
    made_files(&sandbox, bundle, &BUNDLES);
    let build =
        "manifest build --product launcher --from out/target --output out/launcher.manifest";
    atlas(&sandbox, build).run().exits(0);
    let check = "manifest check out/launcher.manifest";
    atlas(&sandbox, check)
        .run()
        .exits(0)
        .says(&["can be published: 4 rows"]);

    // Without its signature it goes nowhere, and it is one file that lacks one.
    let proxy = Proxy::bind().serve(hub.address, |_| Fault::None);
    let publish = || {
        let run = hub.publishes(atlas(&sandbox, &format!("publish {GOODS} --format json")));
        let run = run.env("ATLAS_HUB_URL", proxy.url());
        run.args(["--public-key", pair.public.line()]).run()
    };
    publish().exits(5).says(&[
        "a file is not signed",
        "Demo.app.tar.gz: there is no signature",
    ]);
    let sign = atlas(&sandbox, &format!("sign {GOODS}"));
    pair.signs(sign).run().exits(0).says(&["Demo.app.tar.gz"]);
    atlas(&sandbox, check)
        .run()
        .exits(0)
        .says(&["can be published: 6 rows"]);
    // Of one processor alone the signature is missing.
    let manifest = sandbox.root().join("out/launcher.manifest");
    let text = fs::read_to_string(&manifest).unwrap();
    let half: Vec<&str> = text
        .lines()
        .filter(|row| !row.contains("|arm64|signature|"))
        .collect();
    fs::write(&manifest, half.join("\n")).unwrap();
    publish()
        .exits(5)
        .says(&["Demo.app.tar.gz: there is no signature"]);
    assert_eq!(proxy.seen(), [], "nothing was sent");
    fs::write(&manifest, &text).unwrap();
    let run = publish().exits(0);
    assert_eq!(receipt(&run)["assets"].as_array().unwrap().len(), 6);
    let verify = atlas(&sandbox, "verify 1.4.0 --product launcher");
    let verify = verify.args(["--public-key", pair.public.line()]);
    hub.publishes(verify).run().exits(0);

    let bytes = fs::read(sandbox.root().join(bundle).join(BUNDLES[0])).unwrap();
    for (arch, ours) in [("x86_64", "x64"), ("aarch64", "arm64")] {
        let url = hub.url();
        let (status, body) = get(&format!("{url}/api/v1/launcher/updates/darwin/{arch}"));
        assert_eq!(status, 200, "{arch}");
        let update: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(update["version"], "1.4.0");
        let platforms = update["platforms"].as_object().unwrap();
        let keys: Vec<&str> = platforms.keys().map(String::as_str).collect();
        let own = format!("darwin-{arch}");
        assert_eq!(keys, [own.clone(), format!("{own}-app")]);
        for file in platforms.values() {
            let (status, served) = get(file["url"].as_str().unwrap());
            assert_eq!((status, &served), (200, &bytes), "{arch}");
            let signature: Signature = file["signature"].as_str().unwrap().parse().unwrap();
            let said = signature.verify(&pair.public, &served[..]).unwrap();
            assert_eq!(said.file.as_deref(), Some(PAYLOAD));
            assert_eq!(said.arch.as_deref(), Some("x64,arm64"));
        }
        // Who installs it for the first time finds the disk image.
        let (_, body) = get(&format!(
            "{url}/api/v1/releases/launcher/1.4.0/macos/{ours}"
        ));
        let release: Value = serde_json::from_slice(&body).unwrap();
        let assets = release["assets"].as_array().unwrap().iter();
        let mut names: Vec<&str> = assets
            .map(|asset| asset["filename"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        let signature = format!("{PAYLOAD}.sig");
        assert_eq!(names, ["Demo_1.4.0_universal.dmg", PAYLOAD, &signature]);
    }
}
