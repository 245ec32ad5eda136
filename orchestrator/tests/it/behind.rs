//! A Hub behind a proxy that lets a run of four files come to no good end.

use crate::hub_server::{TestHub, base_contract, is_registration};
use crate::support::*;
use release_types::Sha256Digest;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use test_support::{Fault, Finished, Invocation, Proxy, Sandbox, Seen};

pub const JOURNAL: &str = "publish.journal";

/// Adds files to the product `alpha` of a staged release, as if they had been built with it.
pub fn add(staged: &Path, files: &[(&str, Vec<u8>)]) {
    let record_path = staged.join("release.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&record_path).unwrap()).unwrap();
    let manifest = staged.join("alpha.manifest");
    let mut rows = fs::read_to_string(&manifest).unwrap();
    for (name, bytes) in files {
        let others = rows
            .lines()
            .filter(|row| !row.starts_with(&format!("{name}|")));
        rows = others.map(|row| format!("{row}\n")).collect();
        fs::write(staged.join(name), bytes).unwrap();
        rows += &format!(
            "{name}|{}|other|{name}\n",
            platform_path().replace('/', "|")
        );
        let artifacts = record["artifacts"].as_array_mut().unwrap();
        artifacts.retain(|artifact| artifact["filename"] != *name);
        artifacts.insert(
            1,
            json!({
                "product": "alpha", "package": "alpha", "bin": "alpha", "kind": "other",
                "filename": name, "size": bytes.len(), "sha256": Sha256Digest::of(bytes),
            }),
        );
    }
    fs::write(&manifest, rows).unwrap();
    fs::write(&record_path, record.to_string()).unwrap();
    let artifacts = record["artifacts"].as_array().unwrap().iter();
    let names = artifacts.map(|artifact| artifact["filename"].as_str().unwrap());
    let sums = names
        .chain(["release.json"])
        .map(|name| format!("{}  {name}\n", digest(&staged.join(name))));
    fs::write(staged.join("SHA256SUMS"), sums.collect::<String>()).unwrap();
}

/// A release of four files, the second of which takes a while.
pub fn four_files(sandbox: &Sandbox) -> PathBuf {
    let staged = staged_release(sandbox);
    let large = vec![b'x'; 4 * 1024 * 1024];
    add(&staged, &[("second", large), ("third", b"third".to_vec())]);
    staged
}

pub fn is_upload(seen: &Seen) -> bool {
    seen.method == "PUT"
}

/// A Hub behind a proxy, and whether it is as a deployed one, without lists.
pub struct Behind {
    pub hub: TestHub,
    pub proxy: Proxy,
    pub failing: Arc<AtomicBool>,
}

impl Behind {
    /// `fault` is asked while the Hub is to fail, with the number of the upload from 1.
    pub fn new(base: bool, fault: impl Fn(&Seen, usize) -> Fault + Send + Sync + 'static) -> Self {
        let port = Proxy::bind();
        let hub = TestHub::start_as(Some(port.url()));
        let failing = Arc::new(AtomicBool::new(true));
        let (fails, uploads) = (failing.clone(), AtomicUsize::new(0));
        let proxy = port.serve(hub.address, move |seen| {
            if let Some(fault) = base_contract(seen).filter(|_| base) {
                return fault;
            }
            let number = match is_upload(seen) {
                true => uploads.fetch_add(1, Ordering::SeqCst) + 1,
                false => 0,
            };
            match fails.load(Ordering::SeqCst) {
                true => fault(seen, number),
                false => Fault::None,
            }
        });
        Self {
            hub,
            proxy,
            failing,
        }
    }

    /// One that takes every upload and lets nothing be registered.
    pub fn registering_nothing(base: bool) -> Self {
        Self::new(base, |seen, _| match is_registration(seen) {
            true => Fault::Answer(403, r#"{"error":"not today"}"#.to_owned()),
            false => Fault::None,
        })
    }

    pub fn publish(&self, sandbox: &Sandbox) -> Invocation {
        self.hub
            .publishes(atlas(sandbox, "publish --format json --uploads 1"))
            .env("ATLAS_HUB_URL", self.proxy.url())
    }

    pub fn heal(&self) {
        self.failing.store(false, Ordering::SeqCst);
    }

    pub fn uploads(&self) -> usize {
        let seen = self.proxy.seen();
        seen.iter().filter(|seen| is_upload(seen)).count()
    }

    /// Publishes again and tells how many files were sent.
    #[track_caller]
    pub fn publishes_the_rest(&self, sandbox: &Sandbox) -> (Finished, usize) {
        self.heal();
        let before = self.uploads();
        let run = self.publish(sandbox).run().exits(0);
        let sent = self.uploads() - before;
        let told = events_of(&run, "uploaded");
        let told = told.iter().filter(|event| event["unchanged"] == false);
        assert_eq!(told.count(), sent, "{run}");
        (run, sent)
    }
}

/// What a run told in its notes and warnings.
pub fn said(run: &Finished) -> String {
    let mut events = events_of(run, "note");
    events.extend(events_of(run, "warning"));
    let messages = events.iter().map(|event| event["message"].to_string());
    messages.collect::<Vec<_>>().join("\n")
}

fn lines(staged: &Path) -> Vec<Value> {
    let text = fs::read_to_string(staged.join(JOURNAL)).unwrap_or_default();
    let lines = text.lines().filter_map(|l| serde_json::from_str(l).ok());
    lines.collect()
}

pub fn count_of(staged: &Path, event: &str) -> usize {
    let lines = lines(staged);
    lines.iter().filter(|line| line["event"] == event).count()
}
