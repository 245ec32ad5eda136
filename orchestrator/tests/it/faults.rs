//! A Hub that lies, and one that fails half way through.

use crate::hub_server::{TestHub, base_contract, is_registration, serves};
use crate::support::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use test_support::{Fault, Proxy, Sandbox, Seen};

fn is_upload(seen: &Seen) -> bool {
    seen.method == "PUT"
}

fn count(proxy: &Proxy, which: fn(&Seen) -> bool) -> usize {
    proxy.seen().iter().filter(|seen| which(seen)).count()
}

/// A Hub with a proxy before it that lets fail what is chosen, for as long as it is asked to.
fn failing(
    which: impl Fn(&Seen) -> Option<Fault> + Send + Sync + 'static,
) -> (TestHub, Proxy, Arc<AtomicBool>) {
    let port = Proxy::bind();
    let hub = TestHub::start_as(Some(port.url()));
    let failing = Arc::new(AtomicBool::new(true));
    let fails = failing.clone();
    let proxy = port.serve(hub.address, move |seen| {
        let fault = fails.load(Ordering::SeqCst).then(|| which(seen)).flatten();
        fault.unwrap_or(Fault::None)
    });
    (hub, proxy, failing)
}

/// The same for a Hub that has the base contract alone.
fn failing_in_base(
    which: impl Fn(&Seen) -> Option<Fault> + Send + Sync + 'static,
) -> (TestHub, Proxy, Arc<AtomicBool>) {
    let port = Proxy::bind();
    let hub = TestHub::start_as(Some(port.url()));
    let failing = Arc::new(AtomicBool::new(true));
    let fails = failing.clone();
    let proxy = port.serve(hub.address, move |seen| {
        let fault = fails.load(Ordering::SeqCst).then(|| which(seen)).flatten();
        fault.or_else(|| base_contract(seen)).unwrap_or(Fault::None)
    });
    (hub, proxy, failing)
}

#[test]
fn verify_lists_everything_that_a_lying_hub_gets_wrong() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let hub = TestHub::start();
    hub.publishes(atlas(&sandbox, "publish")).run().exits(0);
    atlas(&sandbox, "verify")
        .env("ATLAS_HUB_URL", hub.url())
        .run()
        .exits(0);

    // As many bytes as there should be, and all of them wrong, for every download; and one list
    // that names a digest of its own.
    let size = staged
        .join(format!("alpha-{}", platform()))
        .metadata()
        .unwrap()
        .len();
    let listed = hub.release("beta", "0.1.0").unwrap();
    let digest = listed["assets"][0]["sha256"].as_str().unwrap().to_owned();
    let lie = listed.to_string().replace(&digest, &"0".repeat(64));
    let proxy = Proxy::bind().serve(hub.address, move |seen| {
        if seen.path.contains("/download/") {
            Fault::Answer(200, "x".repeat(usize::try_from(size).unwrap()))
        } else if seen.path.contains("/beta/0.1.0/") {
            Fault::Answer(200, lie.clone())
        } else {
            Fault::None
        }
    });
    let run = atlas(&sandbox, "verify")
        .env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(8);
    let _redacted = redacted(&sandbox);
    insta::assert_snapshot!(shown(&run), @r"
    exit 8
    --- stderr
       verifying 0.1.0 at http://[ADDRESS]
    error: what is published is not what was built:
      artifacts/alpha/0.1.0/[OS]/[ARCH]/alpha-[PLATFORM] downloads as [SIZE] bytes with sha256 [SHA256]; built were [SIZE] bytes with [SHA256]
      artifacts/beta/0.1.0/[OS]/[ARCH]/beta-[PLATFORM] is listed with [SIZE] bytes and sha256 [SHA256]; built were [SIZE] bytes with [SHA256]
      artifacts/beta/0.1.0/[OS]/[ARCH]/beta-[PLATFORM] cannot be read back: cannot download [DOWNLOAD ID]: [ADDRESS] sends more than the [SIZE] bytes expected
    hint: compare dist/ with receipt.json and with the Hub: one of them is of another build
    ");
}

#[test]
fn verify_misses_what_is_not_there() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let hub = TestHub::start();
    let run = atlas(&sandbox, "verify")
        .env("ATLAS_HUB_URL", hub.url())
        .run()
        .exits(8);
    let _redacted = redacted(&sandbox);
    insta::assert_snapshot!(shown(&run), @r"
    exit 8
    --- stderr
       verifying 0.1.0 at http://[ADDRESS]
    error: what is published is not what was built:
      alpha 0.1.0 is not on channel stable for [PLATFORM]
      latest of alpha on channel stable for [PLATFORM] is nothing, where this release is 0.1.0
      beta 0.1.0 is not on channel stable for [PLATFORM]
      latest of beta on channel stable for [PLATFORM] is nothing, where this release is 0.1.0
    hint: compare dist/ with receipt.json and with the Hub: one of them is of another build
    ");
}

#[test]
fn a_hub_that_hides_the_release_afterwards_fails_the_run() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let hub = TestHub::start();
    let proxy = Proxy::bind().serve(hub.address, |seen| {
        match seen.path.contains("/beta/latest/") {
            true => Fault::Answer(404, "{\"error\":\"none\"}".to_owned()),
            false => Fault::None,
        }
    });
    hub.publishes(atlas(&sandbox, "publish"))
        .env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(8)
        .says(&["latest of beta on channel stable", "is nothing"]);
    // What is not proven gets no receipt.
    assert!(!sandbox.dist_dir().join("demo-0.1.0/receipt.json").exists());
}

#[test]
fn no_platform_is_registered_before_all_uploads_are_done() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let (hub, proxy, failing) = failing(|seen| {
        let fails = is_upload(seen) && seen.path.contains("/beta/");
        fails.then(|| Fault::Answer(503, "{\"error\":\"no room\"}".to_owned()))
    });
    let publish = || {
        hub.publishes(atlas(&sandbox, "publish --uploads 1"))
            .env("ATLAS_HUB_URL", proxy.url())
            .run()
    };
    publish()
        .exits(7)
        .says(&["(503): no room", "hint: run the same command again"]);
    // The first file is stored and yet nobody can see a release.
    assert_eq!(hub.stored().len(), 1);
    assert_eq!(count(&proxy, is_registration), 0);
    for product in ["alpha", "beta"] {
        assert!(hub.release(product, "0.1.0").is_none());
    }
    assert!(count(&proxy, is_upload) > 2, "what may pass is tried again");

    failing.store(false, Ordering::SeqCst);
    publish().exits(0);
    for product in ["alpha", "beta"] {
        let file = staged.join(format!("{product}-{}", platform()));
        serves(&hub.url(), product, "latest", &file);
    }
}

#[test]
fn a_run_that_broke_between_two_registrations_is_completed_by_the_next() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    // Where there are drafts, both are shown by one call.
    let (hub, proxy, failing) = failing_in_base(|seen| {
        let fails = is_registration(seen) && seen.path.contains("/beta/");
        fails.then_some(Fault::Cut)
    });
    let publish = || {
        hub.publishes(atlas(&sandbox, "publish --format json"))
            .env("ATLAS_HUB_URL", proxy.url())
            .run()
    };
    publish().exits(7);
    let first = hub.release("alpha", "0.1.0").unwrap();
    assert!(hub.release("beta", "0.1.0").is_none());

    failing.store(false, Ordering::SeqCst);
    let before = count(&proxy, is_upload);
    let run = publish().exits(0);
    // What was done already is not done again.
    let unchanged: Vec<(String, bool)> = events_of(&run, "registered")
        .iter()
        .map(|e| {
            (
                e["product"].as_str().unwrap().to_owned(),
                e["unchanged"] == true,
            )
        })
        .collect();
    assert_eq!(
        unchanged,
        [("alpha".to_owned(), true), ("beta".to_owned(), false)]
    );
    assert_eq!(count(&proxy, is_upload), before, "all was uploaded before");
    assert_eq!(hub.release("alpha", "0.1.0").unwrap(), first);
}

#[test]
fn a_passing_fault_is_told_and_survived() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let first = AtomicBool::new(true);
    let (hub, proxy, _) = failing(move |seen| {
        (is_upload(seen) && first.swap(false, Ordering::SeqCst)).then_some(Fault::Cut)
    });
    hub.publishes(atlas(&sandbox, "publish --uploads 1"))
        .env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(0)
        .says(&["attempt 1 of 5"]);
    assert_eq!(count(&proxy, is_upload), 3);
    assert!(hub.release("beta", "0.1.0").is_some());
}
