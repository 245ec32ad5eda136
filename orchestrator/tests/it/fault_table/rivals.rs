//! Several runs at the same time that publish one version.

use crate::base_hub::{BaseHub, shows, two_machines, with_dists};
use crate::hub_server::{TestHub, get};
use crate::support::*;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use test_support::{Fault, Invocation, Sandbox};

const FILES: [&str; 3] = ["one", "two", "three"];

/// A machine that has other bytes than the rest, in so many files of two platforms.
pub fn machine(bytes: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut rows = String::new();
    for os in ["linux", "macos"] {
        for name in FILES {
            let path = format!("{os}-{name}");
            std::fs::write(sandbox.root().join(&path), format!("{bytes} {path}")).unwrap();
            rows += &format!("{path}|{os}|x64|other|{name}\n");
        }
    }
    std::fs::write(sandbox.root().join("m"), rows).unwrap();
    sandbox
}

pub fn publish(sandbox: &Sandbox) -> Invocation {
    let line = "publish --manifest m --product alpha --version 1.0.0 --format json";
    atlas(sandbox, line)
}

/// Whose bytes the Hub gives out for a platform: of one machine alone.
#[track_caller]
fn winner(hub: &str, os: &str) -> String {
    let (status, body) = get(&format!("{hub}/api/v1/releases/alpha/1.0.0/{os}/x64"));
    assert_eq!(status, 200, "{os}");
    let release: Value = serde_json::from_slice(&body).unwrap();
    let assets = release["assets"].as_array().unwrap();
    assert_eq!(assets.len(), FILES.len(), "{release}");
    let whose = |asset: &Value| {
        let id = asset["download_id"].as_str().unwrap();
        let (status, bytes) = get(&format!("{hub}/api/v1/download/{id}"));
        assert_eq!(status, 200);
        let text = String::from_utf8(bytes).unwrap();
        text.split(' ').next().unwrap().to_owned()
    };
    let mut all: Vec<String> = assets.iter().map(whose).collect();
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn two_publish_one_version_with_other_bytes_and_one_wins() {
    for round in 0..3 {
        let hub = TestHub::start();
        let machines = ["first", "second"].map(|bytes| (bytes, machine(bytes)));
        let runs = machines
            .iter()
            .map(|(bytes, sandbox)| (*bytes, hub.publishes(publish(sandbox)).start()));
        let runs: Vec<_> = runs.collect();
        let ended: Vec<_> = runs
            .into_iter()
            .map(|(bytes, run)| (bytes, run.finish()))
            .collect();
        let winners = ["linux", "macos"].map(|os| winner(&hub.url(), os));
        assert_eq!(winners[0], winners[1], "round {round}");
        for (bytes, run) in ended {
            let code = if bytes == winners[0] { 0 } else { 6 };
            run.exits(code);
        }
    }
}

#[test]
fn two_publish_one_version_with_the_same_bytes_and_both_end_well() {
    for base in [false, true] {
        let hub = BaseHub::start();
        let machines = [machine("same"), machine("same")];
        let start = |sandbox: &Sandbox| {
            let run = publish(sandbox);
            match base {
                true => hub.publishes(run),
                false => hub.hub.publishes(run),
            }
            .start()
        };
        let runs = machines.each_ref().map(start);
        for run in runs {
            run.finish().exits(0);
        }
        for os in ["linux", "macos"] {
            assert_eq!(winner(&hub.hub.url(), os), "same");
        }
        if base {
            hub.seen(|_| true);
        }
    }
}

#[test]
fn two_platforms_are_published_at_the_same_time_and_both_are_there() {
    let (sandbox, dists) = two_machines();
    for base in [false, true] {
        let hub = BaseHub::start();
        let start = |dist: &std::path::PathBuf| {
            let run = with_dists(&sandbox, "publish", &[dist]);
            match base {
                true => hub.publishes(run),
                false => hub.hub.publishes(run),
            }
            .start()
        };
        let runs = dists.each_ref().map(start);
        for run in runs {
            run.finish().exits(0);
        }
        for product in ["alpha", "beta"] {
            for on in [platform().as_str(), "windows-arm64"] {
                assert!(shows(&hub.hub.url(), product, "latest", on));
            }
        }
    }
}

/// Another machine puts its bytes in the place of these, again and again, and goes away.
#[test]
fn who_is_overtaken_more_than_once_goes_on() {
    let sandbox = machine("mine");
    let uploads = AtomicUsize::new(0);
    let hub = BaseHub::with(move |seen| {
        let is_upload = seen.method == "PUT";
        // Two rounds of all files.
        let overtaken = is_upload && uploads.fetch_add(1, Ordering::SeqCst) < 2 * 2 * FILES.len();
        overtaken.then(|| Fault::Answer(200, String::new()))
    });
    let run = hub.publishes(publish(&sandbox)).run().exits(0);
    let told = events_of(&run, "warning");
    assert_eq!(told.len(), 2, "{run}");
    for os in ["linux", "macos"] {
        assert_eq!(winner(&hub.hub.url(), os), "mine");
    }
}
