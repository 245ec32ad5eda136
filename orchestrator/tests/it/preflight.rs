//! What is found out before anything is sent: leave for every product, a storage that takes nothing,
//! a clock that is wrong, files that have changed.

use crate::hub_server::{TestHub, asks_for_leave, base_contract, is_registration};
use crate::support::*;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use test_support::{Fault, Proxy, Sandbox, Seen};

fn said(status: u16, error: &str) -> Fault {
    Fault::Answer(status, format!("{{\"error\":\"{error}\"}}"))
}

/// Nothing was sent or registered.
#[track_caller]
fn nothing_changed(hub: &TestHub, proxy: &Proxy) {
    let seen = proxy.seen();
    let changes = |seen: &&Seen| seen.method == "PUT" || is_registration(seen);
    assert_eq!(seen.iter().find(changes), None);
    assert_eq!(hub.stored(), Vec::<String>::new());
}

#[test]
fn leave_is_asked_for_every_product_before_any_upload() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    for (status, code, says) in [
        (401, 6, "cannot ask whether beta may be published"),
        (403, 6, "does not allow it (403): not this one"),
        (404, 6, "knows nothing there (404)"),
        (405, 6, "refuses (405)"),
        (201, 7, "it took an empty request for a release"),
        (503, 7, "is not able to for now (503)"),
    ] {
        let hub = TestHub::start();
        let proxy = Proxy::bind().serve(hub.address, move |seen| {
            match asks_for_leave(seen) && seen.path.contains("/beta/") {
                true => said(status, "not this one"),
                false => Fault::None,
            }
        });
        let run = hub.publishes(atlas(&sandbox, "publish"));
        let run = run.env("ATLAS_HUB_URL", proxy.url());
        run.run().exits(code).says(&[says]);
        nothing_changed(&hub, &proxy);
        let seen = proxy.seen();
        let asked = |product: &str| {
            let mut seen = seen.iter();
            seen.any(|seen| asks_for_leave(seen) && seen.path.contains(product))
        };
        assert!(asked("/alpha/") && asked("/beta/"), "{seen:?}");
    }
}

#[test]
fn a_storage_that_is_not_enabled_is_named_before_any_upload() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let hub = TestHub::start();
    let proxy = Proxy::bind().serve(hub.address, |seen| match seen.path.ends_with("/presign") {
        true => said(503, "storage provider r2 is not enabled"),
        false => Fault::None,
    });
    let run = hub.publishes(atlas(&sandbox, "publish"));
    run.env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(7)
        .says(&["(503): storage provider r2 is not enabled"]);
    nothing_changed(&hub, &proxy);
}

/// A time in HTTP's form, so many seconds from now.
fn http_date(seconds: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    printer.timestamp_to_rfc9110_string(&at).unwrap()
}

#[test]
fn a_clock_that_is_ahead_of_the_hubs_dates_no_release() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    for base in [false, true] {
        let port = Proxy::bind();
        let hub = TestHub::start_as(Some(port.url()));
        let off = Arc::new(AtomicI64::new(0));
        let by = off.clone();
        let proxy = port.serve(hub.address, move |seen| {
            let beyond = base_contract(seen).filter(|_| base);
            beyond.unwrap_or_else(|| Fault::Dated(http_date(by.load(Ordering::SeqCst))))
        });
        let publish = |more: &[&str]| {
            let run = hub.publishes(atlas(&sandbox, "publish --format json"));
            run.args(more.iter().copied())
                .env("ATLAS_HUB_URL", proxy.url())
                .run()
        };
        // The Hub's clock shows ten minutes less.
        off.store(-600, Ordering::SeqCst);
        publish(&[]).exits(9).says(&[
            "this machine's clock is 9m",
            "ahead of the Hub's, so the release would be dated in the future",
            "hint: set the clock; or say with --published-at",
        ]);
        nothing_changed(&hub, &proxy);
        // Within two minutes nothing is said.
        off.store(-110, Ordering::SeqCst);
        let warnings = |run: &test_support::Finished| events_of(run, "warning");
        let date = ["--published-at", "2026-01-02T03:04:05Z"];
        assert_eq!(warnings(&publish(&date).exits(0)), Vec::<Value>::new());
        // A release that has its date is none of the clock's.
        off.store(-600, Ordering::SeqCst);
        let run = publish(&[]).exits(0);
        let told = warnings(&run);
        assert_eq!(told.len(), 1, "{run}");
        let told = told[0]["message"].as_str().unwrap();
        assert!(told.ends_with("ahead of the Hub's"), "{told}");
        off.store(600, Ordering::SeqCst);
        let run = publish(&[]).exits(0);
        assert!(
            warnings(&run)[0]["message"]
                .as_str()
                .unwrap()
                .contains("behind the Hub's"),
            "{run}"
        );
    }
}

#[test]
fn a_date_that_is_given_needs_no_clock_and_one_behind_dates_all_the_same() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    for (seconds, more) in [
        (-600, &["--published-at", "2026-01-02T03:04:05Z"][..]),
        (600, &[]),
    ] {
        let port = Proxy::bind();
        let hub = TestHub::start_as(Some(port.url()));
        let proxy = port.serve(hub.address, move |_| Fault::Dated(http_date(seconds)));
        let run = hub.publishes(atlas(&sandbox, "publish"));
        run.args(more.iter().copied())
            .env("ATLAS_HUB_URL", proxy.url())
            .run()
            .exits(0)
            .says(&["warning: this machine's clock is "]);
        assert!(hub.release("beta", "0.1.0").is_some());
    }
}

#[test]
fn a_file_that_changes_before_the_first_upload_stops_all() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let file = staged.join(format!("beta-{}", platform()));
    let hub = TestHub::start();
    // Time to change it in: it has been read by then.
    let proxy = Proxy::bind().serve(hub.address, |seen| match seen.path.as_str() {
        "/api/v1/hub" => Fault::Delay(Duration::from_secs(2)),
        _ => Fault::None,
    });
    let run = hub.publishes(atlas(&sandbox, "publish --uploads 1"));
    let run = run.env("ATLAS_HUB_URL", proxy.url()).start();
    let limit = Instant::now() + Duration::from_secs(30);
    while proxy.seen().is_empty() {
        assert!(Instant::now() < limit);
        std::thread::sleep(Duration::from_millis(5));
    }
    // As long as before.
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.reverse();
    std::fs::write(&file, bytes).unwrap();
    let says = "is not the file that was announced: its SHA-256 is";
    run.finish().exits(8).says(&[says]);
    nothing_changed(&hub, &proxy);
}
