//! A Hub that has the base contract and nothing else: all of this program works with it.

use crate::hub_server::{TestHub, base_contract, get, is_registration, serves};
use crate::merging::of_another_machine;
use crate::support::*;
use serde_json::Value;
use std::path::Path;
use test_support::{Fault, Invocation, Proxy, Sandbox, Seen, copy_tree};

/// One for a test.
pub struct BaseHub {
    pub hub: TestHub,
    pub proxy: Proxy,
}

impl BaseHub {
    pub fn start() -> Self {
        Self::with(|_| None)
    }

    /// With faults beside.
    pub fn with(which: impl Fn(&Seen) -> Option<Fault> + Send + Sync + 'static) -> Self {
        let port = Proxy::bind();
        let hub = TestHub::start_as(Some(port.url()));
        let proxy = port.serve(hub.address, move |seen| {
            which(seen)
                .or_else(|| base_contract(seen))
                .unwrap_or(Fault::None)
        });
        Self { hub, proxy }
    }

    pub fn publishes(&self, invocation: Invocation) -> Invocation {
        self.hub
            .publishes(invocation)
            .env("ATLAS_HUB_URL", self.proxy.url())
    }

    /// The requests of a kind, as method and path, in their order. None may have asked for a draft,
    /// which this Hub would show at once.
    #[track_caller]
    pub fn seen(&self, which: fn(&Seen) -> bool) -> Vec<Seen> {
        let mut seen = self.proxy.seen();
        for one in &seen {
            assert!(!one.body.contains("draft"), "{one:?}");
        }
        seen.retain(which);
        seen
    }
}

pub fn is_upload(seen: &Seen) -> bool {
    seen.method == "PUT"
}

/// The registrations come after everything else that changes something, one right after the other.
#[track_caller]
fn registers_at_the_very_end(base: &BaseHub, count: usize) {
    let changes = base.seen(|seen| is_upload(seen) || is_registration(seen));
    let first = changes.iter().position(is_registration).unwrap();
    assert_eq!(changes.len() - first, count, "{changes:?}");
    assert!(changes[first..].iter().all(is_registration), "{changes:?}");
    let all = base.proxy.seen();
    let at = |seen: &Seen| all.iter().position(|one| one == seen).unwrap();
    let last = changes.last().unwrap();
    assert_eq!(at(last) - at(&changes[first]), count - 1, "{all:?}");
    let dates: Vec<Value> = changes[first..]
        .iter()
        .map(|seen| serde_json::from_str::<Value>(&seen.body).unwrap()["published_at"].clone())
        .collect();
    assert!(dates[0].is_string(), "{dates:?}");
    assert!(dates.iter().all(|date| *date == dates[0]), "{dates:?}");
}

#[test]
fn a_whole_release_needs_nothing_of_ours() {
    let project = Project::tagged("demo-v0.1.0");
    let base = BaseHub::start();
    let command = "release demo-v0.1.0 --format json";
    let run = base.publishes(project.quick(command)).run().exits(0);
    let told = receipt(&run);
    assert_eq!(told["latest"], true);
    for product in ["alpha", "beta"] {
        let file = project.staged("demo-0.1.0");
        let file = file.join(format!("{product}-{}", platform()));
        serves(&base.hub.url(), product, "latest", &file);
    }
    registers_at_the_very_end(&base, 2);
    // What there is already is neither sent nor registered again.
    let before = base.seen(|seen| is_upload(seen) || is_registration(seen));
    for command in [
        "publish --format json",
        "publish --finish demo-v0.1.0 --format json",
        "verify --format json",
    ] {
        let run = base.publishes(atlas(&project.sandbox, command));
        let again = receipt(&run.run().exits(0));
        assert_eq!(again["assets"], told["assets"], "{command}");
    }
    let after = base.seen(|seen| is_upload(seen) || is_registration(seen));
    assert_eq!(before, after);
}

/// A sandbox with a `dist/` for each of two machines.
pub fn two_machines() -> (Sandbox, [std::path::PathBuf; 2]) {
    let sandbox = Sandbox::new();
    let here = staged_release(&sandbox);
    let there = of_another_machine(&here, "windows", "arm64");
    let dist = sandbox.root().join("other-dist");
    let other = dist.join("demo-0.1.0");
    copy_tree(&there, &other.join("windows-arm64"));
    std::fs::remove_dir_all(&there).unwrap();
    let dists = [sandbox.dist_dir(), dist];
    (sandbox, dists)
}

/// The program with the words of a line, where builds are staged in these folders.
pub fn with_dists(sandbox: &Sandbox, line: &str, dists: &[impl AsRef<Path>]) -> Invocation {
    let run = sandbox.invoke(ATLAS_RELEASE).args(line.split_whitespace());
    let run = run.arg("--state-dir").arg(sandbox.state_dir());
    dists
        .iter()
        .fold(run, |run, dist| run.arg("--dist-dir").arg(dist.as_ref()))
}

/// Whether a Hub shows a platform of a product.
pub fn shows(hub: &str, product: &str, version: &str, platform: &str) -> bool {
    let platform = platform.replace('-', "/");
    let (status, _) = get(&format!(
        "{hub}/api/v1/releases/{product}/{version}/{platform}"
    ));
    assert!([200, 404].contains(&status), "{status}");
    status == 200
}

#[test]
fn jobs_upload_and_the_last_one_registers_from_their_folders() {
    let (sandbox, dists) = two_machines();
    let base = BaseHub::start();
    let require = format!("{},windows-arm64", platform());
    for dist in &dists {
        let line = format!("publish --stage-only --require {require} --format json");
        let run = base.publishes(with_dists(&sandbox, &line, &[dist]));
        let run = run.run().exits(0);
        let staged = events_of(&run, "staged");
        assert_eq!(staged[0]["drafts"], false, "{run}");
        let command = staged[0]["command"].as_str().unwrap();
        assert!(
            command.contains("publish --finish demo-v0.1.0"),
            "{command}"
        );
        assert!(command.contains("--dist-dir"), "{command}");
    }
    assert_eq!(base.seen(is_upload).len(), 4);
    assert_eq!(base.seen(is_registration), []);
    // Nobody but the folders knows what is uploaded.
    let line =
        format!("publish --finish demo-v0.1.0 --require {require} --product alpha --product beta");
    let nowhere: [&Path; 0] = [];
    base.publishes(with_dists(&sandbox, &line, &nowhere).cwd("/"))
        .run()
        .exits(2)
        .says(&["keeps no drafts", "hint: bring the dist folders"]);
    // One folder alone is not all that is required.
    let line = format!("publish --finish demo-v0.1.0 --require {require} --format json");
    base.publishes(with_dists(&sandbox, &line, &dists[..1]))
        .run()
        .exits(6)
        .says(&["alpha for windows-arm64", "beta for windows-arm64"]);
    assert_eq!(base.seen(is_registration), []);
    let run = base.publishes(with_dists(&sandbox, &line, &dists));
    let told = receipt(&run.run().exits(0));
    assert_eq!(told["assets"].as_array().unwrap().len(), 4);
    registers_at_the_very_end(&base, 4);
    for product in ["alpha", "beta"] {
        for on in require.split(',') {
            assert!(shows(&base.hub.url(), product, "latest", on));
        }
    }
}

#[test]
fn machines_one_after_the_other_need_not_know_of_each_other() {
    let (sandbox, dists) = two_machines();
    let base = BaseHub::start();
    for (dist, platforms) in dists.iter().zip([1, 1]) {
        let run = with_dists(&sandbox, "publish --format json", &[dist]);
        let told = receipt(&base.publishes(run).run().exits(0));
        assert_eq!(told["platforms"].as_array().unwrap().len(), platforms);
    }
    base.seen(|_| true);
    for on in [platform().as_str(), "windows-arm64"] {
        assert!(shows(&base.hub.url(), "beta", "latest", on));
    }
    // What is published already counts as there.
    let line = format!(
        "publish --require {},windows-arm64 --format json",
        platform()
    );
    let run = base.publishes(with_dists(&sandbox, &line, &dists[..1]));
    let told = receipt(&run.run().exits(0));
    assert_eq!(told["assets"].as_array().unwrap().len(), 4);
}

#[test]
fn what_is_missing_is_told_before_the_build() {
    let project = Project::tagged("demo-v0.1.0");
    let base = BaseHub::start();
    base.publishes(project.quick("release demo-v0.1.0 --require windows-x64"))
        .run()
        .exits(6)
        .says(&["alpha for windows-x64, beta for windows-x64 is missing"]);
    assert_eq!(base.seen(is_upload), []);
    assert!(!project.staged("demo-0.1.0").exists());
}

#[test]
fn a_registration_whose_answers_are_lost_is_settled_by_reading() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let base = BaseHub::with(|seen| {
        let lost = is_registration(seen) && seen.path.contains("/alpha/");
        lost.then_some(Fault::LoseAnswer)
    });
    base.publishes(atlas(&sandbox, "publish"))
        .run()
        .exits(0)
        .says(&["the Hub shows that it was done"]);
    assert!(base.hub.release("beta", "latest").is_some());
    // One that never comes to the Hub is not there to be read.
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let base = BaseHub::with(|seen| {
        let cut = is_registration(seen) && seen.path.contains("/alpha/");
        cut.then_some(Fault::Cut)
    });
    base.publishes(atlas(&sandbox, "publish")).run().exits(7);
    assert!(base.hub.release("alpha", "latest").is_none());
}
