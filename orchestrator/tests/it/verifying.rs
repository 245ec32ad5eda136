//! `verify` of what is not staged here: by a record, by the Hub's own list, and in part.

use crate::hub_server::TestHub;
use crate::support::*;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use test_support::{Fault, Finished, Invocation, Proxy, Sandbox};

/// Publishes files of a product, version 1.0.0, by a manifest: name, platform, bytes.
pub fn publish(hub: &TestHub, files: &[(&str, &str, &[u8])]) {
    let sandbox = Sandbox::new();
    let mut rows = String::new();
    for (name, on, bytes) in files {
        let on_disk = format!("{name}-{}", on.replace('|', "-"));
        fs::write(sandbox.root().join(&on_disk), bytes).unwrap();
        rows += &format!("{on_disk}|{on}|binary|{name}\n");
    }
    fs::write(sandbox.root().join("files.manifest"), rows).unwrap();
    let line = "publish --product alpha --version 1.0.0 --manifest files.manifest";
    hub.publishes(atlas(&sandbox, line)).run().exits(0);
}

pub fn asks(url: &str, invocation: Invocation) -> Invocation {
    invocation.env("ATLAS_HUB_URL", url)
}

pub fn filenames(assets: &Value) -> Vec<String> {
    let assets = assets.as_array().unwrap().iter();
    assets
        .map(|a| a["filename"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_somebody_else_has_released_is_compared_with_the_hubs_list() {
    let hub = TestHub::start();
    let files: [(&str, &str, &[u8]); 3] = [
        ("one", "linux|x64", b"first"),
        ("two", "linux|x64", b"second"),
        ("one", "windows|arm64", b"third"),
    ];
    publish(&hub, &files);
    let sandbox = Sandbox::new();
    let line = "verify 1.0.0 --product alpha --format json";
    let run = asks(&hub.url(), atlas(&sandbox, line)).run().exits(0);
    let receipt = receipt(&run);
    assert_eq!(receipt["against"], "listed");
    assert_eq!(
        receipt["platforms"],
        json!([
            {"os": "windows", "arch": "arm64"}, {"os": "linux", "arch": "x64"},
        ])
    );
    assert!(receipt.get("tag").is_none(), "{receipt}");
    assert_eq!(events_of(&run, "verified").len(), 3);
    let run = asks(&hub.url(), atlas(&sandbox, "verify 1.0.0 --product alpha"))
        .run()
        .exits(0)
        .says(&["1.0.0 is compared with what the Hub itself lists: --product was given"]);
    assert!(run.stdout.contains("against   the Hub's own list"), "{run}");

    // Nothing there: on this channel, of this product, of this version. Where there is something, and a part is
    // lacking, what is there is not what it has to be.
    for (line, code, says, hint) in [
        (
            "verify 1.0.0 --product alpha --channel beta",
            6,
            "alpha 1.0.0 was not found on the Hub",
            "hint: check the version, --channel, the product, and which Hub it is",
        ),
        (
            "verify 2.0.0 --product alpha --product beta",
            6,
            "alpha, beta 2.0.0 was not found on the Hub",
            "else nobody has published it",
        ),
        (
            "verify v1.0.0 --product alpha",
            6,
            "a version of this program's has no `v`: 1.0.0",
            "(400): `version`: unexpected character 'v'",
        ),
        (
            "verify 1.0.0 --product alpha --product beta",
            8,
            "beta 1.0.0 is not on channel stable for any platform",
            "hint: the Hub contradicts itself, or lacks what it should have",
        ),
    ] {
        asks(&hub.url(), atlas(&sandbox, line))
            .run()
            .exits(code)
            .says(&[says, hint]);
    }
    for (line, says) in [
        (
            "verify --product alpha",
            "--product without a manifest needs a version or a tag",
        ),
        ("verify 1.0.0-rc.1 --product alpha", "names no channel"),
    ] {
        asks(&hub.url(), atlas(&sandbox, line))
            .run()
            .exits(2)
            .says(&[says]);
    }
}

#[test]
fn a_hub_that_contradicts_its_own_list_is_found_out() {
    let hub = TestHub::start();
    publish(
        &hub,
        &[
            ("one", "linux|x64", b"first"),
            ("two", "linux|x64", b"second"),
        ],
    );
    let sandbox = Sandbox::new();
    let verify = |proxy: &Proxy| {
        asks(
            &proxy.url(),
            atlas(&sandbox, "verify 1.0.0 --product alpha"),
        )
        .run()
    };
    let lying = Proxy::bind().serve(hub.address, |seen| match &*seen.path {
        path if path.contains("/download/") => Fault::Answer(200, "seven".to_owned()),
        path if path.contains("/latest/") => Fault::Answer(404, "{\"error\":\"none\"}".to_owned()),
        _ => Fault::None,
    });
    let run = verify(&lying).exits(8);
    let _redacted = redacted(&sandbox);
    insta::assert_snapshot!(shown(&run), @r"
    exit 8
    --- stderr
            note 1.0.0 is compared with what the Hub itself lists: --product was given
       verifying 1.0.0 at http://[ADDRESS]
    error: what the Hub gives out is not what it lists:
      artifacts/alpha/1.0.0/[OS]/[ARCH]/one downloads as [SIZE] bytes with sha256 [SHA256]; listed are [SIZE] bytes with [SHA256]
      artifacts/alpha/1.0.0/[OS]/[ARCH]/two downloads as [SIZE] bytes with sha256 [SHA256]; listed are [SIZE] bytes with [SHA256]
      latest of alpha on channel stable for [PLATFORM] is nothing, where this release is 1.0.0
    hint: the Hub contradicts itself, or lacks what it should have: whoever has built the release can compare with it (verify --against) and publish it again
    ");
}

#[test]
fn the_products_are_those_of_the_tags_group() {
    let project = Project::new();
    let hub = TestHub::start();
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    hub.publishes(atlas(&sandbox, "publish")).run().exits(0);
    let verify = |line: &str| asks(&hub.url(), project.atlas(line)).run();
    let run = verify("verify demo-v0.1.0 --format json").exits(0);
    assert_eq!(receipt(&run)["products"], json!(["alpha", "beta"]));
    let said = events_of(&run, "note")[0]["message"].to_string();
    assert!(said.contains("dist/ does not hold it"), "{said}");
    verify("verify 0.1.0")
        .exits(2)
        .says(&["several groups", "demo, other"]);
    verify("verify nobody-v0.1.0")
        .exits(2)
        .says(&["there is no group `nobody`"]);
    // Elsewhere nobody knows the group's products.
    asks(&hub.url(), atlas(&Sandbox::new(), "verify demo-v0.1.0"))
        .run()
        .exits(2)
        .says(&["--product names what the Hub is asked for"]);
    // What is staged is compared with that, by its tag or its version.
    for line in ["verify demo-v0.1.0", "verify 0.1.0"] {
        let run = asks(&hub.url(), atlas(&sandbox, line))
            .arg("--format")
            .arg("json")
            .run();
        let receipt = receipt(&run.exits(0));
        assert!(receipt.get("against").is_none(), "{receipt}");
        assert_eq!(receipt["tag"], "demo-v0.1.0");
    }
}

#[test]
fn a_record_is_enough_to_compare_with() {
    let hub = TestHub::start();
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    hub.publishes(atlas(&sandbox, "publish")).run().exits(0);
    // Only the records are left, in a folder that nobody looks into by himself.
    let kept = sandbox.root().join("kept/demo-0.1.0").join(platform());
    fs::create_dir_all(&kept).unwrap();
    fs::copy(staged.join("release.json"), kept.join("release.json")).unwrap();
    fs::remove_dir_all(sandbox.dist_dir()).unwrap();
    let verify = |path: &Path, more: &str| -> Finished {
        let run = asks(&hub.url(), atlas(&sandbox, &format!("verify {more}")));
        run.arg("--against").arg(path).run()
    };
    let release = kept.parent().unwrap();
    for path in [
        &kept.join("release.json"),
        &kept,
        release,
        release.parent().unwrap(),
    ] {
        let run = verify(path, "--format json").exits(0);
        let receipt = receipt(&run);
        assert_eq!(receipt["tag"], "demo-v0.1.0", "{receipt}");
        assert!(receipt.get("against").is_none(), "it was built: {receipt}");
        assert_eq!(filenames(&receipt["assets"]).len(), 2);
        verify(path, "demo-v0.1.0").exits(0);
        verify(path, "0.1.0").exits(0);
    }
    verify(&kept, "demo-v0.2.0")
        .exits(8)
        .says(&["it holds demo-v0.1.0, not demo-v0.2.0"]);
    verify(release.parent().unwrap(), "0.2.0")
        .exits(2)
        .says(&["there is no release at"]);
    verify(sandbox.root(), "")
        .exits(2)
        .says(&["no release was named", "holds none"]);

    // Another build's record.
    let record = kept.join("release.json");
    let mut value: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    value["artifacts"][0]["sha256"] = "0".repeat(64).into();
    fs::write(&record, value.to_string()).unwrap();
    verify(&record, "").exits(8).says(&[
        "what is published is not what was built",
        &format!(
            "built were {} bytes with {}",
            value["artifacts"][0]["size"],
            "0".repeat(64)
        ),
        "downloads as",
    ]);
    value["artifacts"] = json!([]);
    fs::write(&record, value.to_string()).unwrap();
    verify(&record, "").exits(2).says(&["it names no files"]);
}

#[test]
fn a_sample_reads_so_many_files_and_is_no_receipt() {
    let hub = TestHub::start();
    let files: Vec<(String, Vec<u8>)> = (0..12)
        .map(|n| (format!("f{n}"), vec![b'x'; n + 1]))
        .collect();
    let files: Vec<(&str, &str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (&**name, "linux|x64", &**bytes))
        .collect();
    publish(&hub, &files);
    let proxy = Proxy::bind().serve(hub.address, |_| Fault::None);
    let sandbox = Sandbox::new();
    let verify = |more: &str| {
        let before = proxy.seen().len();
        let line = format!("verify 1.0.0 --product alpha {more}");
        let run = asks(&proxy.url(), atlas(&sandbox, &line)).run();
        let seen = proxy.seen().split_off(before);
        let reads = seen
            .iter()
            .filter(|seen| seen.path.contains("/api/v1/download/"));
        (run, reads.count())
    };
    let mut drawn = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let (run, reads) = verify("--sample 3 --format json");
        let last = events(&run.exits(0)).pop().unwrap();
        assert_eq!((&last["event"], reads), (&json!("sample"), 3));
        assert_eq!((&last["read"], &last["of"]), (&json!(3), &json!(12)));
        assert_eq!(last["unread"].as_array().unwrap().len(), 9);
        drawn.insert(filenames(&last["assets"]));
    }
    // Once in some hundred million times all four are the same.
    assert!(drawn.len() > 1, "{drawn:?}");
    let (run, _) = verify("--sample 3");
    let run = run.exits(0);
    assert!(!run.stdout.contains("receipt"), "{run}");
    assert!(
        run.stdout
            .starts_with("sample    alpha 1.0.0 on channel stable: only 3 of 12 files"),
        "{run}"
    );
    assert!(
        run.stdout
            .contains("not read  9 files, compared by the Hub's list alone"),
        "{run}"
    );
    // As many as there are is all of them.
    let (run, reads) = verify("--sample 12 --format json");
    receipt(&run.exits(0));
    assert_eq!(reads, 12);
    verify("--sample 0").0.exits(2);
}

#[test]
fn files_come_side_by_side_and_are_told_in_order() {
    let hub = TestHub::start();
    let names: Vec<String> = (0..8).map(|n| format!("f{n}")).collect();
    let files: Vec<(&str, &str, &[u8])> = names
        .iter()
        .map(|name| (&**name, "linux|x64", name.as_bytes()))
        .collect();
    publish(&hub, &files);
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let times = arrived.clone();
    let proxy = Proxy::bind().serve(hub.address, move |seen| {
        if !seen.path.contains("/api/v1/download/") {
            return Fault::None;
        }
        let mut times = times.lock().unwrap();
        times.push(Instant::now());
        // The first ones take longest.
        let pause = 1000 - 20 * times.len() as u64;
        Fault::Delay(Duration::from_millis(pause))
    });
    let sandbox = Sandbox::new();
    let line = "verify 1.0.0 --product alpha --format json --downloads 4";
    let run = asks(&proxy.url(), atlas(&sandbox, line)).run().exits(0);
    let told = Value::from(events_of(&run, "verified"));
    assert_eq!(filenames(&told), names);
    assert_eq!(filenames(&receipt(&run)["assets"]), names);
    let times = arrived.lock().unwrap().clone();
    assert_eq!(times.len(), 8);
    // Four at once, and never a fifth before one of them has been answered.
    assert!(
        times[3] - times[0] < Duration::from_millis(900),
        "{times:?}"
    );
    assert!(
        times[4] - times[0] > Duration::from_millis(900),
        "{times:?}"
    );
}
