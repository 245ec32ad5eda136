//! Releases on GitHub, at a server that behaves as GitHub documents.

mod faults;
mod in_workflow;
mod lists;
mod refused;
mod releasing;
mod rivals;
mod server;
mod shown;
mod state;

use crate::support::*;
use release_types::{Platform, Sha256Digest};
use serde_json::{Value, json};
use server::FakeGitHub;
use state::{TOKEN, is_discreet};
use std::path::Path;
use test_support::{Background, Finished, Invocation, Sandbox};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const TAG: &str = "demo-v1.4.0";

const CHANGELOG: &str = "\
# Changelog

## Unreleased

- not yet

## 1.4.0

- faster

## 1.3.0

- slower
";

/// A file that is staged: its product, its name and what is in it.
type File<'a> = (&'a str, &'a str, &'a [u8]);

/// Stages files of a release as if they had been built, and returns the platform's folder.
fn stage(dist: &Path, tag: &str, on: &str, files: &[File<'_>]) -> std::path::PathBuf {
    let (group, version) = tag.split_once("-v").unwrap();
    let dir = dist.join(format!("{group}-{version}")).join(on);
    std::fs::create_dir_all(&dir).unwrap();
    let (os, arch) = on.split_once('-').unwrap();
    let platform: Platform = on.parse().unwrap();
    let channel = if version.contains("-beta") {
        "beta"
    } else {
        "stable"
    };
    let (mut artifacts, mut sums) = (Vec::new(), String::new());
    let mut products: Vec<&str> = files.iter().map(|file| file.0).collect();
    products.dedup();
    for product in products {
        let rows = files.iter().filter(|file| file.0 == product);
        let rows = rows.map(|(_, name, _)| format!("{name}|{os}|{arch}|binary|{name}\n"));
        let manifest = dir.join(format!("{product}.manifest"));
        std::fs::write(manifest, rows.collect::<String>()).unwrap();
    }
    for (product, name, bytes) in files {
        std::fs::write(dir.join(name), bytes).unwrap();
        let sha256 = Sha256Digest::of(bytes);
        sums += &format!("{sha256}  {name}\n");
        artifacts.push(json!({
            "product": product, "package": product, "bin": product, "filename": name,
            "kind": "binary", "size": bytes.len(), "sha256": sha256,
        }));
    }
    let record = json!({
        "format": 1, "tag": tag, "group": group, "version": version, "channel": channel,
        "commit": COMMIT, "dirty": [], "target": platform.target_triple(),
        "platform": {"os": os, "arch": arch}, "artifacts": artifacts,
        "toolchain": {"rustc": "rustc", "linker": null, "sccache": null, "policy": "none"},
        "command": [], "rustc_flags": [], "environment": {},
        "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:01:00Z",
    });
    let record = record.to_string();
    sums += &format!("{}  release.json\n", Sha256Digest::of(record.as_bytes()));
    std::fs::write(dir.join("release.json"), record).unwrap();
    std::fs::write(dir.join("SHA256SUMS"), sums).unwrap();
    dir
}

/// A machine with two platforms of a release, two products each, and a changelog.
fn machine(tag: &str) -> Sandbox {
    machine_with(tag, b"runs")
}

/// The same with other bytes in one of its files.
fn machine_with(tag: &str, bytes: &[u8]) -> Sandbox {
    let sandbox = Sandbox::new();
    let dist = sandbox.dist_dir();
    let linux: [File<'_>; 2] = [
        ("alpha", "alpha-linux-x64", bytes),
        ("beta", "beta-linux-x64", b"serves"),
    ];
    stage(&dist, tag, "linux-x64", &linux);
    let windows: [File<'_>; 2] = [
        ("alpha", "alpha-windows-x64.exe", b"runs there"),
        ("beta", "beta-windows-x64.exe", b"serves there"),
    ];
    stage(&dist, tag, "windows-x64", &windows);
    std::fs::write(sandbox.root().join("CHANGELOG.md"), CHANGELOG).unwrap();
    sandbox
}

/// How many files such a release has, with the list of digests.
const FILES: usize = 5;

/// A server with the tag at the commit.
fn github() -> FakeGitHub {
    tagged(FakeGitHub::start())
}

fn tagged(github: FakeGitHub) -> FakeGitHub {
    for tag in [TAG, "demo-v1.5.0-beta.1"] {
        let mut state = github.state();
        state.tags.insert(tag.to_owned(), COMMIT.to_owned());
    }
    github
}

fn release(github: &FakeGitHub, sandbox: &Sandbox, line: &str) -> Invocation {
    let line = format!("github-release {line}");
    github.is_for(atlas(sandbox, &line))
}

/// Ends a run, which has kept the credential to itself.
#[track_caller]
fn ended(run: Background, github: &FakeGitHub) -> Finished {
    let run = run.finish();
    assert!(!format!("{run}").contains(TOKEN), "{run}");
    is_discreet(&github.state());
    run
}

#[track_caller]
fn ran(github: &FakeGitHub, sandbox: &Sandbox, line: &str) -> Finished {
    ended(release(github, sandbox, line).start(), github)
}

/// The last event, which has to be that of a release.
#[track_caller]
fn released(run: &Finished) -> Value {
    let last = events(run).pop().unwrap();
    assert_eq!(last["event"], "github-release", "{run}");
    last
}

/// There is one release of the tag, published, with every file once and whole.
#[track_caller]
fn is_whole(github: &FakeGitHub, sandbox: &Sandbox) {
    let state = github.state();
    let found = state.of_tag(TAG);
    assert_eq!(found.len(), 1, "releases of {TAG}");
    assert!(!found[0].draft);
    let assets = &found[0].assets;
    assert_eq!(assets.len(), FILES);
    let mut names: Vec<&str> = assets.iter().map(|asset| asset.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FILES);
    let dir = sandbox.dist_dir().join("demo-1.4.0");
    for asset in assets {
        assert!(asset.uploaded, "{}", asset.name);
        let on = if asset.name.contains("windows") {
            "windows-x64"
        } else {
            "linux-x64"
        };
        if asset.name != "SHA256SUMS" {
            let file = std::fs::read(dir.join(on).join(&asset.name)).unwrap();
            assert!(asset.bytes == file, "{}", asset.name);
        }
    }
}
