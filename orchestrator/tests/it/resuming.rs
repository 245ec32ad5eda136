//! A run that did not come to its end, and the next one: only what is left is sent, whether the Hub
//! says what it has or the journal does, and where the two disagree the Hub is right.

use crate::hub_server::{TestHub, base_contract, is_registration, serves};
use crate::support::*;
use release_types::Sha256Digest;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use test_support::{Fault, Finished, Invocation, Proxy, Sandbox, Seen, Signal, tree};

pub const JOURNAL: &str = "publish.journal";

/// Adds files to the product `alpha` of a staged release, as if they had been built with it.
pub fn add(staged: &Path, files: &[(&str, Vec<u8>)]) {
    let record_path = staged.join("release.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&record_path).unwrap()).unwrap();
    let manifest = staged.join("alpha.manifest");
    let mut rows = fs::read_to_string(&manifest).unwrap();
    for (name, bytes) in files {
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
fn four_files(sandbox: &Sandbox) -> PathBuf {
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

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Killed,
    By(Signal, i32),
}

#[test]
fn a_run_that_ends_in_the_middle_of_an_upload_is_gone_on_with() {
    let ends = [
        (End::Killed, false),
        (End::Killed, true),
        (End::By(Signal::Interrupt, 130), true),
        (End::By(Signal::Terminate, 143), true),
    ];
    for (end, base) in ends {
        let sandbox = Sandbox::new();
        let staged = four_files(&sandbox);
        // The Hub gets a part of the second file.
        let behind = Behind::new(base, |_, upload| match upload {
            2 => Fault::Part(1024 * 1024),
            _ => Fault::None,
        });
        let run = behind.publish(&sandbox).start();
        let limit = Instant::now() + Duration::from_secs(60);
        while behind.uploads() < 2 || count_of(&staged, "sending") < 2 {
            assert!(Instant::now() < limit, "{:?}", behind.proxy.seen());
            std::thread::sleep(Duration::from_millis(10));
        }
        match end {
            End::Killed => drop(run),
            End::By(signal, code) => {
                run.signal(signal);
                run.finish().exits(code);
            }
        }
        assert_eq!(count_of(&staged, "uploaded"), 1, "{end:?} {base}");
        assert_eq!(count_of(&staged, "registering"), 0);
        assert!(behind.hub.release("alpha", "0.1.0").is_none());
        // A Hub that says what it has needs no journal.
        if end == End::Killed && !base {
            fs::remove_file(staged.join(JOURNAL)).unwrap();
        }
        let (run, sent) = behind.publishes_the_rest(&sandbox);
        assert_eq!(sent, 3, "{end:?} {base}: {run}");
        assert_eq!(said(&run), "");
        for (product, files) in [("alpha", 3), ("beta", 1)] {
            let found = behind.hub.release(product, "0.1.0").unwrap();
            assert_eq!(found["assets"].as_array().unwrap().len(), files);
        }
        assert_eq!(count_of(&staged, "registered"), 2);
        // Nothing is left to be done, and nothing is noted.
        let before = tree(&staged);
        assert_eq!(behind.publishes_the_rest(&sandbox).1, 0);
        assert!(before == tree(&staged));
        atlas(&sandbox, "verify")
            .env("ATLAS_HUB_URL", behind.proxy.url())
            .run()
            .exits(0);
    }
}

#[test]
fn without_a_journal_a_hub_of_the_base_contract_gets_all_again() {
    let sandbox = Sandbox::new();
    let staged = four_files(&sandbox);
    let behind = Behind::registering_nothing(true);
    behind.publish(&sandbox).run().exits(6);
    assert_eq!(behind.uploads(), 4);
    fs::remove_file(staged.join(JOURNAL)).unwrap();
    assert_eq!(behind.publishes_the_rest(&sandbox).1, 4);
}

#[test]
fn what_is_left_is_told_by_the_lines_that_are_whole_and_of_this_hub() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let behind = Behind::registering_nothing(true);
    let run = behind.publish(&sandbox).run().exits(6);
    assert_eq!(events_of(&run, "registered"), Vec::<Value>::new());
    let journal = staged.join(JOURNAL);
    let text = fs::read_to_string(&journal).unwrap();
    // Neither credentials nor signed addresses are ever in it.
    assert!(!text.contains(&behind.hub.token), "{text}");
    assert!(!text.contains('?') && !text.contains("sig"), "{text}");
    let upload = text.find("\"event\":\"uploaded\"").unwrap();
    let last = text.rfind("\"event\":\"uploaded\"").unwrap();
    assert!(upload < last);
    let url = behind.proxy.url();
    for (written, sent, says) in [
        // Torn in the middle of the second file's line.
        (text[..last].to_owned(), 1, ""),
        // Of another Hub, of another version, of other bytes, of another form.
        (text.replace(&url, "https://hub.example"), 2, "6 lines of"),
        (text.replace("\"0.1.0\"", "\"0.1.1\""), 2, "6 lines of"),
        (text.replace("\"size\":", "\"size\":1"), 2, "4 lines of"),
        (
            text.replace("\"format\":1", "\"format\":9"),
            2,
            "6 lines of",
        ),
        ("no journal at all\n".to_owned(), 2, "one line of"),
        (String::new(), 2, ""),
        (text.clone(), 0, ""),
    ] {
        behind.failing.store(true, Ordering::SeqCst);
        fs::write(&journal, &written).unwrap();
        let before = behind.uploads();
        let run = behind.publish(&sandbox).run().exits(6);
        assert_eq!(behind.uploads() - before, sent, "{written}\n{run}");
        match says {
            "" => assert_eq!(said(&run), "", "{written}"),
            says => assert!(said(&run).contains(says), "{written}\n{run}"),
        }
    }
    let (_, sent) = behind.publishes_the_rest(&sandbox);
    assert_eq!(sent, 0);
    for product in ["alpha", "beta"] {
        let file = staged.join(format!("{product}-{}", platform()));
        serves(&behind.hub.url(), product, "latest", &file);
    }
}

/// The journal of a Hub that has since lost all its data: another one is at its address now.
#[test]
fn a_journal_that_says_what_is_not_so_is_overruled_by_the_hub() {
    for (base, says) in [
        (false, "the Hub has not got it: it is sent again"),
        (true, "what seemed to be stored already is sent after all"),
    ] {
        let sandbox = Sandbox::new();
        let staged = staged_release(&sandbox);
        let first = Behind::registering_nothing(base);
        first.publish(&sandbox).run().exits(6);
        let journal = staged.join(JOURNAL);
        let text = fs::read_to_string(&journal).unwrap();
        let second = Behind::registering_nothing(base);
        let moved = text.replace(&first.proxy.url(), &second.proxy.url());
        fs::write(&journal, moved).unwrap();
        let (run, sent) = second.publishes_the_rest(&sandbox);
        assert_eq!(sent, 2, "{run}");
        assert!(said(&run).contains(says), "{run}");
        for product in ["alpha", "beta"] {
            let file = staged.join(format!("{product}-{}", platform()));
            serves(&second.hub.url(), product, "latest", &file);
        }
    }
}
