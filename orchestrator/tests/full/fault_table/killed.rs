//! `kill -9` at each call that a publish makes: once before the Hub sees it, once when the Hub has done it
//! and its answer has not arrived. The next run ends as an undisturbed one does, and sends no file again
//! that the Hub had whole.

use crate::behind::{count_of, four_files};
use crate::hub_server::{TestHub, base_contract, get, release};
use crate::support::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use test_support::{Fault, Invocation, Proxy, Sandbox, Seen};

/// A Hub whose client dies at a call that a test names.
struct Stage {
    hub: TestHub,
    proxy: Proxy,
    /// Counts down to the call; below zero nothing happens.
    left: Arc<AtomicUsize>,
}

const NEVER: usize = usize::MAX / 2;

impl Stage {
    fn new(base: bool, last: Fault) -> Self {
        let port = Proxy::bind();
        let hub = TestHub::start_as(Some(port.url()));
        let left = Arc::new(AtomicUsize::new(NEVER));
        let calls = left.clone();
        let proxy = port.serve(hub.address, move |seen| {
            match calls.fetch_sub(1, Ordering::SeqCst) {
                1 => last.clone(),
                _ => base_contract(seen).filter(|_| base).unwrap_or(Fault::None),
            }
        });
        Self { hub, proxy, left }
    }

    fn publish(&self, sandbox: &Sandbox) -> Invocation {
        self.hub
            .publishes(atlas(sandbox, "publish --format json --uploads 1"))
            .env("ATLAS_HUB_URL", self.proxy.url())
    }

    /// All that the Hub has, but for times and ids.
    fn dump(&self) -> Value {
        let products = ["alpha", "beta"].map(|product| {
            let (_, list) = get(&format!("{}/api/v1/releases/{product}", self.hub.url()));
            let mut list: Value = serde_json::from_slice(&list).unwrap();
            let of_version = release(&self.hub.url(), product, "0.1.0");
            let mut found = json!([list.take(), of_version]);
            anonymous(&mut found);
            found
        });
        json!([products, self.hub.stored()])
    }
}

fn anonymous(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("download_id");
            fields.remove("published_at");
            fields.values_mut().for_each(anonymous);
        }
        Value::Array(values) => values.iter_mut().for_each(anonymous),
        _ => {}
    }
}

/// How often each address's file was sent whole, by the paths of the uploads.
fn sent(seen: &[Seen]) -> BTreeMap<String, usize> {
    let mut sent = BTreeMap::new();
    for seen in seen.iter().filter(|seen| seen.method == "PUT") {
        let path = seen.path.split('?').next().unwrap_or_default();
        *sent.entry(path.to_owned()).or_default() += 1;
    }
    sent
}

fn killed_at_each_call(base: bool) {
    let undisturbed = Stage::new(base, Fault::None);
    let sandbox = Sandbox::new();
    four_files(&sandbox);
    undisturbed.publish(&sandbox).run().exits(0);
    let expected = undisturbed.dump();
    let calls = undisturbed.proxy.seen().len();
    assert!(calls > 20, "{calls}");
    let limit = Duration::from_secs(60);
    for call in 1..=calls {
        for last in [Fault::Silence, Fault::Withhold] {
            let stage = Stage::new(base, last.clone());
            let sandbox = Sandbox::new();
            let staged = four_files(&sandbox);
            stage.left.store(call, Ordering::SeqCst);
            let run = stage.publish(&sandbox).start();
            let began = Instant::now();
            let is_there = || match last {
                Fault::Withhold => stage.proxy.withheld() > 0,
                _ => stage.left.load(Ordering::SeqCst) > NEVER || stage.proxy.seen().len() >= call,
            };
            while !is_there() {
                assert!(began.elapsed() < limit, "{call} {last:?}");
                std::thread::sleep(Duration::from_millis(2));
            }
            // It is killed when it is dropped.
            drop(run);
            let before = stage.proxy.seen();
            let whole = sent(&before[..before.len() - 1]);
            let noted = count_of(&staged, "uploaded");
            stage.publish(&sandbox).run().exits(0);
            assert_eq!(stage.dump(), expected, "{call} {last:?}");
            // What the Hub had whole, and on a Hub that does not say so, what is noted.
            let again = sent(&stage.proxy.seen()[before.len()..]);
            let had = match (base, &last, before.last()) {
                (false, Fault::Withhold, Some(seen)) if seen.method == "PUT" => whole.len() + 1,
                _ => whole.len(),
            };
            assert!(noted <= had, "{call} {last:?}");
            assert_eq!(again.len(), 4 - had, "{call} {last:?}: {before:?}");
        }
    }
}

#[test]
fn the_program_is_killed_at_each_call_to_a_hub_that_lists_what_it_has() {
    killed_at_each_call(false);
}

#[test]
fn the_program_is_killed_at_each_call_to_a_hub_of_the_base_contract() {
    killed_at_each_call(true);
}
