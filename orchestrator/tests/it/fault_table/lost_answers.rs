//! A Hub that does what it is asked, and whose answers do not arrive: each thing is done once, and the
//! run ends well.

use crate::hub_server::{TestHub, asks_for_leave, serves};
use crate::support::*;
use std::collections::BTreeSet;
use std::sync::Mutex;
use test_support::{Fault, Proxy, Sandbox, Seen};

/// What is asked, apart from who is asked and what for.
fn kind(seen: &Seen) -> Option<&'static str> {
    let ends = |end: &str| seen.path.ends_with(end);
    match seen.method.as_str() {
        "PUT" => Some("upload"),
        "POST" if ends("/presign") => Some("presign"),
        "POST" if asks_for_leave(seen) => Some("ask for leave"),
        "POST" if ends("/publish") => Some("register"),
        "POST" if ends("/finalize") => Some("show"),
        "GET" if seen.path.contains("/download/") => Some("download"),
        _ => None,
    }
}

#[test]
fn the_hub_does_it_and_drops_the_answer() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let port = Proxy::bind();
    let hub = TestHub::start_as(Some(port.url()));
    let lost = Mutex::new(BTreeSet::new());
    // The first of each kind.
    let proxy = port.serve(hub.address, move |seen| match kind(seen) {
        Some(kind) if lost.lock().unwrap().insert(kind) => Fault::LoseAnswer,
        _ => Fault::None,
    });
    let publish = || {
        hub.publishes(atlas(&sandbox, "publish --format json --uploads 1"))
            .env("ATLAS_HUB_URL", proxy.url())
            .run()
            .exits(0)
    };
    let run = publish();
    let again = events_of(&run, "warning");
    assert_eq!(again.len(), 6, "{run}");
    let count = |wanted: &str| {
        let seen = proxy.seen();
        let same = seen.iter().filter(|seen| kind(seen) == Some(wanted));
        same.count()
    };
    // Two files, and one of each once more.
    for wanted in ["upload", "ask for leave", "register", "download"] {
        assert_eq!(count(wanted), 3, "{wanted}");
    }
    // Both are shown by one call, which is made once more.
    assert_eq!(count("show"), 2);
    assert_eq!(hub.stored().len(), 2);
    let listed = receipt(&run)["assets"].clone();
    for product in ["alpha", "beta"] {
        let file = staged.join(format!("{product}-{}", platform()));
        serves(&hub.url(), product, "latest", &file);
        // The ids of the registration whose answer was lost are those that are told.
        let found = hub.release(product, "0.1.0").unwrap();
        let id = &found["assets"][0]["download_id"];
        let told = listed.as_array().unwrap().iter();
        assert_eq!(told.filter(|asset| asset["download_id"] == *id).count(), 1);
    }
    let before = count("upload");
    publish();
    assert_eq!(count("upload"), before);
}
