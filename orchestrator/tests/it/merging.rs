//! What several machines have built, put into one `dist/` and published by another.

use crate::hub_server::TestHub;
use crate::support::*;
use release_types::{Platform, Sha256Digest};
use serde_json::{Value, json};
use std::path::Path;
use test_support::{Sandbox, copy_tree};

/// Makes a copy of this machine's folder into what another machine would have staged.
pub fn of_another_machine(staged: &Path, os: &str, arch: &str) -> std::path::PathBuf {
    let (here, there) = (platform(), format!("{os}-{arch}"));
    let dir = staged.with_file_name(&there);
    copy_tree(staged, &dir);
    let mut sums = Vec::new();
    for product in ["alpha", "beta"] {
        let name = format!("{product}-{there}");
        std::fs::rename(dir.join(format!("{product}-{here}")), dir.join(&name)).unwrap();
        let row = format!("{name}|{os}|{arch}|binary|{name}\n");
        std::fs::write(dir.join(format!("{product}.manifest")), row).unwrap();
        sums.push(format!("{}  {name}\n", digest(&dir.join(&name))));
    }
    edit_record(&dir, |record| {
        record["platform"] = json!({"os": os, "arch": arch});
        let platform: Platform = there.parse().unwrap();
        record["target"] = json!(platform.target_triple());
        for artifact in record["artifacts"].as_array_mut().unwrap() {
            let name = format!("{}-{there}", artifact["product"].as_str().unwrap());
            artifact["filename"] = json!(name);
        }
    });
    let record = std::fs::read(dir.join("release.json")).unwrap();
    sums.push(format!("{}  release.json\n", Sha256Digest::of(&record)));
    std::fs::write(dir.join("SHA256SUMS"), sums.concat()).unwrap();
    dir
}

fn edit_record(dir: &Path, edit: impl FnOnce(&mut Value)) {
    let path = dir.join("release.json");
    let mut record = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    edit(&mut record);
    std::fs::write(path, record.to_string()).unwrap();
}

#[test]
fn the_folders_of_two_machines_are_one_release() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let hub = TestHub::start();
    let publish = || {
        let run = hub
            .publishes(atlas(&sandbox, "publish --format json"))
            .run();
        receipt(&run.exits(0))
    };
    let first = publish();
    // The other machine was slower.
    of_another_machine(&staged, "windows", "arm64");
    let receipt = publish();
    assert_eq!(receipt["platforms"].as_array().unwrap().len(), 2);
    assert_eq!(receipt["assets"].as_array().unwrap().len(), 4);
    // Every platform of a product has the one date of the release.
    let dates = [platform_path(), "windows/arm64".to_owned()].map(|path| {
        let url = format!("{}/api/v1/releases/alpha/0.1.0/{path}", hub.url());
        let (status, body) = crate::hub_server::get(&url);
        assert_eq!(status, 200);
        let release: Value = serde_json::from_slice(&body).unwrap();
        release["published_at"].clone()
    });
    assert_eq!(
        dates,
        [first["published_at"].clone(), first["published_at"].clone()]
    );
}

#[test]
fn the_folders_of_two_commits_are_not() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let other = of_another_machine(&staged, "windows", "arm64");
    edit_record(&other, |record| record["commit"] = json!("0".repeat(40)));
    let sums = std::fs::read_to_string(other.join("SHA256SUMS")).unwrap();
    let record = std::fs::read(other.join("release.json")).unwrap();
    let last = sums.lines().last().unwrap();
    let sums = sums.replace(&last[..64], &Sha256Digest::of(&record).to_string());
    std::fs::write(other.join("SHA256SUMS"), sums).unwrap();
    let hub = TestHub::start();
    hub.publishes(atlas(&sandbox, "publish"))
        .run()
        .exits(8)
        .says(&["windows-arm64 are of different releases"]);
    assert_eq!(hub.stored(), Vec::<String>::new());
}

#[test]
fn a_platform_whose_record_has_not_come_is_not_left_out() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let other = of_another_machine(&staged, "windows", "arm64");
    std::fs::remove_file(other.join("release.json")).unwrap();
    let hub = TestHub::start();
    for command in [
        "publish",
        "publish demo-v0.1.0",
        "publish --dry-run",
        "verify",
    ] {
        hub.publishes(atlas(&sandbox, command))
            .run()
            .exits(2)
            .says(&[
                &format!("{} cannot be a part of the release", other.display()),
                "it has SHA256SUMS, alpha.manifest, beta.manifest and no release.json",
                "hint: bring all of its files here",
            ]);
    }
    assert_eq!(hub.stored(), Vec::<String>::new());
    // Nothing of it has come.
    std::fs::remove_dir_all(&other).unwrap();
    std::fs::create_dir(&other).unwrap();
    let run = hub.publishes(atlas(&sandbox, "publish")).run().exits(2);
    run.says(&["windows-arm64 cannot be a part", "it is empty"]);
    // To leave it out is a decision.
    std::fs::remove_dir(&other).unwrap();
    hub.publishes(atlas(&sandbox, "publish")).run().exits(0);
}
