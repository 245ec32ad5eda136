//! On a Hub with drafts the whole release is seen from one moment on, or not at all.

use crate::base_hub::{shows, two_machines, with_dists};
use crate::hub_server::{TestHub, is_registration};
use crate::support::*;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use test_support::{Fault, Proxy, Sandbox, Seen};

fn is_finalize(seen: &Seen) -> bool {
    seen.method == "POST" && seen.path == "/api/v1/releases/finalize"
}

/// What the Hub offers as the newest of both products.
fn newest(hub: SocketAddr) -> [Option<String>; 2] {
    ["alpha", "beta"].map(|product| {
        let found = crate::hub_server::release(&format!("http://{hub}"), product, "latest");
        found.map(|found| found["version"].as_str().unwrap().to_owned())
    })
}

type Looks = Arc<Mutex<Vec<(Seen, [Option<String>; 2])>>>;

/// A Hub with a proxy before it that looks at `latest` whenever something is asked.
fn watched() -> (TestHub, Proxy, Looks) {
    let port = Proxy::bind();
    let hub = TestHub::start_as(Some(port.url()));
    let address = hub.address;
    let looks = Looks::default();
    let seen_so_far = looks.clone();
    let proxy = port.serve(hub.address, move |seen| {
        let look = (seen.clone(), newest(address));
        seen_so_far.lock().unwrap().push(look);
        Fault::None
    });
    (hub, proxy, looks)
}

/// Publishes version 0.0.1 of both products by manifests.
fn earlier_version(sandbox: &Sandbox, hub: &TestHub) {
    std::fs::write(sandbox.root().join("old"), "old bytes").unwrap();
    let row = format!("old|{}|binary\n", platform_path().replace('/', "|"));
    std::fs::write(sandbox.root().join("old.manifest"), row).unwrap();
    for product in ["alpha", "beta"] {
        let line = format!("publish --manifest old.manifest --product {product} --version 0.0.1");
        hub.publishes(atlas(sandbox, &line)).run().exits(0);
    }
}

#[test]
fn latest_of_all_products_and_platforms_moves_at_one_call() {
    let (sandbox, dists) = two_machines();
    let (hub, proxy, looks) = watched();
    earlier_version(&sandbox, &hub);
    looks.lock().unwrap().clear();
    let run = with_dists(&sandbox, "publish --format json", &dists);
    let run = hub.publishes(run).env("ATLAS_HUB_URL", proxy.url());
    let run = run.run().exits(0);
    let told = receipt(&run);
    assert_eq!(told["assets"].as_array().unwrap().len(), 4);
    assert_eq!(events_of(&run, "registered").len(), 4);

    let looks = looks.lock().unwrap();
    let at = looks
        .iter()
        .position(|(seen, _)| is_finalize(seen))
        .unwrap();
    let (before, after) = looks.split_at(at + 1);
    assert_eq!(
        after.iter().filter(|(seen, _)| is_finalize(seen)).count(),
        0
    );
    let versions = |version: &str| [Some(version.to_owned()), Some(version.to_owned())];
    for (seen, newest) in before {
        assert_eq!(*newest, versions("0.0.1"), "before {seen:?}");
    }
    for (seen, newest) in after {
        assert_eq!(*newest, versions("0.1.0"), "before {seen:?}");
    }
    let registered: Vec<&Seen> = before.iter().map(|(seen, _)| seen).collect();
    let registered = registered.into_iter().filter(|seen| is_registration(seen));
    let drafts: Vec<Value> = registered
        .map(|seen| serde_json::from_str(&seen.body).unwrap())
        .collect();
    assert_eq!(drafts.len(), 4);
    assert!(
        drafts.iter().all(|body| body["draft"] == true),
        "{drafts:?}"
    );
    assert!(shows(&hub.url(), "beta", "0.1.0", "windows-arm64"));
}

#[test]
fn a_run_that_is_killed_before_the_moment_has_shown_nothing() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let port = Proxy::bind();
    let hub = TestHub::start_as(Some(port.url()));
    let silent = Arc::new(AtomicBool::new(true));
    let is_silent = silent.clone();
    let proxy = port.serve(hub.address, move |seen| {
        match is_finalize(seen) && is_silent.load(Ordering::SeqCst) {
            true => Fault::Silence,
            false => Fault::None,
        }
    });
    let publish = || {
        hub.publishes(atlas(&sandbox, "publish --format json"))
            .env("ATLAS_HUB_URL", proxy.url())
    };
    let run = publish().start();
    let limit = Instant::now() + Duration::from_secs(60);
    while !proxy.seen().iter().any(is_finalize) {
        assert!(Instant::now() < limit, "{:?}", proxy.seen());
        std::thread::sleep(Duration::from_millis(10));
    }
    // It is killed.
    drop(run);
    assert_eq!(newest(hub.address), [None, None]);
    assert!(hub.release("alpha", "0.1.0").is_none());
    assert!(!sandbox.dist_dir().join("demo-0.1.0/receipt.json").exists());

    silent.store(false, Ordering::SeqCst);
    let told = receipt(&publish().run().exits(0));
    assert_eq!(told["latest"], true);
    for product in ["alpha", "beta"] {
        let file = staged.join(format!("{product}-{}", platform()));
        crate::hub_server::serves(&hub.url(), product, "latest", &file);
    }
}

#[test]
fn a_moment_whose_answer_is_lost_has_come_all_the_same() {
    for all in [false, true] {
        let sandbox = Sandbox::new();
        staged_release(&sandbox);
        let port = Proxy::bind();
        let hub = TestHub::start_as(Some(port.url()));
        let first = AtomicBool::new(true);
        let proxy = port.serve(hub.address, move |seen| {
            match is_finalize(seen) && (all || first.swap(false, Ordering::SeqCst)) {
                true => Fault::LoseAnswer,
                false => Fault::None,
            }
        });
        let run = hub.publishes(atlas(&sandbox, "publish"));
        run.env("ATLAS_HUB_URL", proxy.url()).run().exits(0);
        let asked = proxy.seen().iter().filter(|seen| is_finalize(seen)).count();
        assert_eq!(asked, if all { 5 } else { 2 });
        assert!(hub.release("beta", "latest").is_some());
    }
    // Where it never comes, it has not come.
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let hub = TestHub::start();
    let proxy = Proxy::bind().serve(hub.address, |seen| match is_finalize(seen) {
        true => Fault::Answer(503, "{\"error\":\"later\"}".to_owned()),
        false => Fault::None,
    });
    let run = hub.publishes(atlas(&sandbox, "publish"));
    run.env("ATLAS_HUB_URL", proxy.url()).run().exits(7);
    assert_eq!(newest(hub.address), [None, None]);
}

#[test]
fn what_is_published_already_is_neither_registered_nor_shown_again() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let (hub, proxy, _) = watched();
    let publish = || {
        let run = hub.publishes(atlas(&sandbox, "publish --format json"));
        receipt(&run.env("ATLAS_HUB_URL", proxy.url()).run().exits(0))
    };
    let first = publish();
    let changes = |seen: &Seen| seen.method == "PUT" || is_registration(seen) || is_finalize(seen);
    let count = || proxy.seen().iter().filter(|seen| changes(seen)).count();
    assert_eq!(count(), 5);
    let second = publish();
    assert_eq!(count(), 5);
    assert_eq!(first["assets"], second["assets"]);
    assert_eq!(first["published_at"], second["published_at"]);
}
