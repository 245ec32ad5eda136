//! Storages: one that says success and keeps other bytes, and addresses that are too old when they are used.

use super::rivals::{machine, publish};
use super::stage::{Call, Stage};
use crate::base_hub::{BaseHub, shows};
use crate::behind::said;
use crate::hub_server::{TestHub, is_registration, serves};
use crate::support::*;
use hub::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use test_support::{Fault, Proxy, Sandbox};
use tokio::runtime::Runtime;

/// Uploads bytes past the program, as an older version of it did: an address that is bound to nothing.
fn store(hub: &TestHub, key: &str, bytes: &'static str) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let signed = client
            .post(format!("{}/api/v1/storage/presign", hub.url()))
            .header("x-atlas-app-deploy-token", &hub.token)
            .header("content-type", "application/json")
            .body(json!({"action": "upload", "key": key}).to_string());
        let signed = signed.send().await.unwrap().bytes().await.unwrap();
        let signed: Value = serde_json::from_slice(&signed).unwrap();
        let mut upload = client.put(signed["url"].as_str().unwrap());
        for (name, value) in signed["uploadHeaders"].as_object().unwrap() {
            upload = upload.header(name, value.as_str().unwrap());
        }
        let kept = upload.body(bytes).send().await.unwrap();
        assert!(kept.status().is_success(), "{kept:?}");
    });
}

/// What the Hub has under the keys is not what was sent, whatever the storage said: it is found out before
/// anybody sees it.
#[test]
fn a_storage_says_success_and_keeps_other_bytes() {
    let stage = Stage::new(false, |call| match call {
        Call::Upload => Fault::Answer(200, String::new()),
        _ => Fault::None,
    });
    let hub = &stage.behind.hub;
    stage.behind.heal();
    // There is a version that everybody has.
    for product in ["alpha", "beta"] {
        let sandbox = Sandbox::new();
        std::fs::write(sandbox.root().join("file"), "before").unwrap();
        let row = format!(
            "file|{}|binary|{product}\n",
            platform_path().replace('/', "|")
        );
        std::fs::write(sandbox.root().join("m"), row).unwrap();
        let line = format!("publish --manifest m --product {product} --version 0.0.9");
        hub.publishes(atlas(&sandbox, &line)).run().exits(0);
    }
    let newest = || ["alpha", "beta"].map(|product| hub.release(product, "latest"));
    let before = newest();
    assert!(before.iter().all(Option::is_some));
    let (on, name) = (platform_path(), platform());
    let key = format!("artifacts/alpha/0.1.0/{on}/alpha-{name}");
    store(hub, &key, "other bytes");
    stage.behind.failing.store(true, Ordering::SeqCst);
    let run = stage.publish().exits(8);
    run.says(&["the Hub did not take the release as it was sent"]);
    assert!(!stage.shows());
    assert_eq!(newest(), before);
    stage.ends_well();
}

#[test]
fn a_storage_says_success_and_keeps_nothing() {
    let sandbox = machine("any");
    let hub = BaseHub::with(|seen| {
        let lies = seen.method == "PUT" && seen.path.contains("/macos/");
        let all = if lies {
            Fault::Answer(200, String::new())
        } else {
            Fault::None
        };
        Some(all)
    });
    let run = hub.publishes(publish(&sandbox)).run().exits(8);
    // It might have been another run: that was looked into.
    let warnings = events_of(&run, "warning");
    let said = warnings[0]["message"].as_str().unwrap();
    assert!(said.contains("another run may be publishing"), "{said}");
    run.says(&["the Hub did not take the release as it was sent"]);
    for os in ["linux-x64", "macos-x64"] {
        assert!(!shows(&hub.hub.url(), "alpha", "1.0.0", os));
    }
}

#[test]
fn an_upload_address_expires_before_it_is_used() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let port = Proxy::bind();
    // The Hub's own clock, which it judges its addresses by.
    let ahead = Arc::new(AtomicI64::new(0));
    let (by, url) = (ahead.clone(), port.url());
    let hub = TestHub::start_with(|config| {
        config.public_url = Some(url.parse().unwrap());
        config.clock = Clock::from_fn(move || {
            let ahead = SignedDuration::from_mins(by.load(Ordering::SeqCst));
            Timestamp::now() + ahead
        });
    });
    // Half an hour goes by between the first address and its use.
    let uploads = AtomicUsize::new(0);
    let proxy = port.serve(hub.address, move |seen| {
        if seen.method == "PUT" && uploads.fetch_add(1, Ordering::SeqCst) == 0 {
            ahead.store(30, Ordering::SeqCst);
        }
        Fault::None
    });
    let run = hub.publishes(atlas(&sandbox, "publish --format json --uploads 1"));
    let run = run.env("ATLAS_HUB_URL", proxy.url()).run().exits(0);
    assert!(!said(&run).contains("trying again"), "{run}");
    let seen = proxy.seen();
    let files = seen.iter().filter(|seen| seen.method == "PUT");
    let signed: Vec<&str> = files.map(|seen| seen.path.as_str()).collect();
    // The first file twice, to two addresses of one place.
    assert_eq!(signed.len(), 3, "{signed:?}");
    let place = |url: &str| url.split('?').next().unwrap().to_owned();
    assert_eq!(place(signed[0]), place(signed[1]));
    assert_ne!(signed[0], signed[1]);
    assert_eq!(seen.iter().filter(|seen| is_registration(seen)).count(), 2);
    for product in ["alpha", "beta"] {
        let file = staged.join(format!("{product}-{}", platform()));
        serves(&hub.url(), product, "latest", &file);
    }
}
