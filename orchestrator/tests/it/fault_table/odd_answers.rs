//! Hubs whose answers are well-formed and cannot be meant: nothing is taken for proven by them, and no run
//! ends in a panic.

use crate::base_hub::{BaseHub, two_machines, with_dists};
use crate::hub_server::{TestHub, is_registration};
use crate::support::*;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use test_support::{Fault, Proxy, Sandbox, Seen};

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
        let mut run = run.exits(8);
        for platform in without {
            run = run.says(&[platform]);
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

/// The first and the last moment that can be written down.
const FIRST: &str = "-009999-01-02T01:59:59Z";
const LAST: &str = "9999-12-30T22:00:00.999999999Z";

/// What a Hub answers that has this version as the newest of stable, published then.
fn newest(seen: &Seen, version: &str, published_at: &str) -> Option<Fault> {
    let path = seen.path.strip_prefix("/api/v1/releases/")?;
    let path = path.strip_suffix("?channel=stable")?;
    let (product, on) = path.split_once("/latest/")?;
    let mut answer = listed(&[product], &on.replace('/', "-"), &json!([])).pop()?;
    answer["version"] = version.into();
    answer["published_at"] = published_at.into();
    Some(Fault::Answer(200, answer.to_string()))
}

#[test]
fn dates_at_the_ends_of_time_are_refused() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    // A backport is dated just before what is the newest.
    let base = BaseHub::with(|seen| newest(seen, "9.0.0", FIRST));
    let run = base.publishes(atlas(&sandbox, "publish --backport"));
    run.run().exits(7).says(&[
        "cannot date alpha 0.1.0 before 9.0.0",
        "the date of the newest release in its answer cannot be used",
        "hint: whoever runs the Hub has to look at it",
    ]);
    assert_eq!(base.seen(is_registration), []);
    // The Hub's own clock.
    let base = BaseHub::with(|seen| {
        let date = "Thu, 30 Dec 9999 22:00:00 GMT".to_owned();
        (seen.method == "POST").then_some(Fault::Dated(date))
    });
    let run = base.publishes(atlas(&sandbox, "publish"));
    run.run().exits(7).says(&[
        "cannot compare this machine's clock with the Hub's",
        "the date in its answer cannot be used",
    ]);
    assert_eq!(base.seen(is_registration), []);
}

#[test]
fn what_is_promoted_or_rolled_back_to_needs_a_date_beside_the_newest() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let odd = Arc::new(AtomicBool::new(false));
    let is_odd = odd.clone();
    let base = BaseHub::with(move |seen| match is_odd.load(Ordering::SeqCst) {
        true => newest(seen, "0.0.9", LAST),
        false => None,
    });
    base.publishes(atlas(&sandbox, "publish --channel beta"))
        .run()
        .exits(0);
    // One of the two is on stable as well, and is not the newest there.
    base.publishes(atlas(
        &sandbox,
        "promote 0.1.0 --product beta --from beta --to stable",
    ))
    .run()
    .exits(0);
    odd.store(true, Ordering::SeqCst);
    let before = base.seen(is_registration).len();
    for line in [
        "rollback --to 0.1.0 --product beta --channel stable",
        "promote 0.1.0 --product alpha --from beta --to stable",
    ] {
        base.publishes(atlas(&sandbox, line))
            .run()
            .exits(7)
            .says(&["the date of the newest release in its answer cannot be used"]);
    }
    assert_eq!(base.seen(is_registration).len(), before);
}

/// A Hub of the base contract that gives every upload this address and these headers.
fn uploads_to(url: String, headers: Value) -> BaseHub {
    BaseHub::with(move |seen| {
        if !seen.path.ends_with("/presign") {
            return None;
        }
        let asked: Value = serde_json::from_str(&seen.body).unwrap();
        let answer = json!({
            "url": url, "uploadHeaders": headers, "provider": "local",
            "key": format!("local::{}", asked["key"].as_str().unwrap()),
        });
        Some(Fault::Answer(200, answer.to_string()))
    })
}

#[test]
fn an_upload_that_no_request_can_be_made_of_is_refused() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let address = "http://127.0.0.1:9/x".to_owned();
    let many: serde_json::Map<_, _> = (0..30_000)
        .map(|number| (format!("x-{number}"), json!("1")))
        .collect();
    let long = format!("{address}?signature={}", "a".repeat(200_000));
    for (url, headers, why) in [
        (address, many.into(), "the number of upload headers"),
        (long, json!({}), "the upload address"),
    ] {
        let base = uploads_to(url, headers);
        let run = base.publishes(atlas(&sandbox, "publish")).run().exits(7);
        let run = run.says(&[&format!("{why} in its answer cannot be used")]);
        assert!(!format!("{run}").contains("aaaa"), "{run}");
        assert_eq!(base.seen(is_registration), []);
    }
    // The Hub's own.
    let url = format!("https://hub.example/{}", "a".repeat(70_000));
    let run = atlas(&sandbox, "publish").env("ATLAS_HUB_URL", url);
    let run = run
        .env("ATLAS_APP_DEPLOY_TOKEN", "atlas_app_any")
        .run()
        .exits(2);
    let run = run.says(&["the Hub's address is longer than 2048 bytes"]);
    assert!(!format!("{run}").contains("aaaa"), "{run}");
}
