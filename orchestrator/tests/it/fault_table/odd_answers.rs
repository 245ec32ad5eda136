//! Hubs whose answers are well-formed and cannot be meant: nothing is taken for proven by them, and no run
//! ends in a panic.

use crate::base_hub::{BaseHub, two_machines, with_dists};
use crate::hub_server::{TestHub, is_registration};
use crate::support::*;
use serde_json::{Value, json};
use std::path::Path;
use test_support::{Fault, Proxy, Sandbox};

/// A release of these products on this platform, as a Hub answers, with these files.
fn listed(products: &[&str], on: &str, assets: &Value) -> Vec<Value> {
    let (os, arch) = on.split_once('-').unwrap();
    let one = |product: &&str| {
        json!({
            "product": product, "version": "0.1.0", "channel": "stable",
            "published_at": "2026-01-02T03:04:05Z", "platform": {"os": os, "arch": arch},
            "assets": assets,
        })
    };
    products.iter().map(one).collect()
}

/// A Hub with drafts that answers the call that shows them with this.
fn shows_as(answer: &Value) -> (TestHub, Proxy) {
    let hub = TestHub::start();
    let answer = answer.to_string();
    let proxy = Proxy::bind().serve(hub.address, move |seen| {
        match seen.path.ends_with("/finalize") {
            true => Fault::Answer(200, answer.clone()),
            false => Fault::None,
        }
    });
    (hub, proxy)
}

#[test]
fn a_release_that_is_shown_without_files_is_not_proven() {
    let sandbox = Sandbox::new();
    let here = platform();
    let line = format!(
        "publish --finish demo-v0.1.0 --product alpha --product beta --require {here} --format json"
    );
    let nowhere: [&Path; 0] = [];
    let [alpha, beta] = ["alpha", "beta"].map(|product| format!("{product} for {here}"));
    for (releases, without) in [
        (
            listed(&["alpha", "beta"], &here, &json!([])),
            vec![&alpha, &beta],
        ),
        (listed(&["alpha"], &here, &json!([])), vec![&beta]),
        (Vec::new(), vec![&alpha, &beta]),
    ] {
        let (hub, proxy) = shows_as(&json!({"releases": releases}));
        let run = hub.publishes(with_dists(&sandbox, &line, &nowhere));
        let run = run.cwd("/").env("ATLAS_HUB_URL", proxy.url()).run();
        let run = run.exits(8);
        for platform in without {
            run.says(&[platform]);
        }
        assert_eq!(events_of(&run, "receipt"), Vec::<Value>::new(), "{run}");
    }
}

#[test]
fn a_platform_that_is_listed_without_files_is_not_there() {
    let (sandbox, dists) = two_machines();
    // As a Hub leaves a platform for which it was given one name twice.
    let base = BaseHub::with(|seen| {
        let product = ["alpha", "beta"].into_iter().find(|product| {
            let path = format!("/api/v1/releases/{product}/0.1.0/windows/arm64?channel=stable");
            seen.path == path
        })?;
        let answer = listed(&[product], "windows-arm64", &json!([])).pop()?;
        Some(Fault::Answer(200, answer.to_string()))
    });
    let line = format!("publish --require {},windows-arm64", platform());
    base.publishes(with_dists(&sandbox, &line, &dists[..1]))
        .run()
        .exits(6)
        .says(&["alpha for windows-arm64, beta for windows-arm64 is missing"]);
    assert_eq!(base.seen(is_registration), []);
}
