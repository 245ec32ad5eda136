//! A Hub whose stored bytes were lost or damaged: it is noticed, and publishing again mends it.

use crate::support::*;
use hub::{HubConfig, Inspection};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use test_support::{Sandbox, tree};

/// Which files of releases the Hub in this folder has not got as they were released.
fn damaged(dir: &Path) -> usize {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let hub = Inspection::open(&HubConfig::new(dir.to_owned())).await;
        let hub = hub.unwrap();
        let checked = hub.check(false).await.unwrap();
        hub.close().await;
        assert_eq!(checked.files, 2);
        checked.damaged.len()
    })
}

fn blobs(dir: &Path) -> Vec<PathBuf> {
    let blobs = dir.join("blobs");
    let names = tree(&blobs).into_keys();
    let files = names.filter(|name| !name.ends_with('/'));
    files.map(|name| blobs.join(name)).collect()
}

fn ids(receipt: &Value) -> Vec<Value> {
    let assets = receipt["assets"].as_array().unwrap();
    assets.iter().map(|a| a["download_id"].clone()).collect()
}

#[test]
fn what_the_hub_has_damaged_is_mended_by_publishing_it_again() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let publish = || {
        atlas(&sandbox, "publish --local --format json")
            .run()
            .exits(0)
    };
    let first = receipt(&publish());
    let hub = sandbox.state_dir().join("hub");
    let all = blobs(&hub);
    assert_eq!(all.len(), 2);
    let damages: [fn(&Path); 3] = [
        |file| fs::write(file, vec![b'x'; fs::read(file).unwrap().len()]).unwrap(),
        |file| fs::write(file, "short").unwrap(),
        |file| fs::remove_file(file).unwrap(),
    ];
    for damage in damages {
        damage(&all[0]);
        assert_eq!(damaged(&hub), 1);
        atlas(&sandbox, "verify --local").run().exits(8).says(&[
            "what is published is not what was built",
            "hint: the Hub's storage has lost or damaged",
            "`atlas-release publish` sends it again",
        ]);
        let run = publish();
        let warnings = events_of(&run, "warning");
        assert_eq!(warnings.len(), 1, "{run}");
        let said = warnings[0]["message"].as_str().unwrap();
        assert!(said.contains("they are sent again"), "{said}");
        // It is the same release as ever.
        let again = receipt(&run);
        assert_eq!(ids(&again), ids(&first));
        assert_eq!(again["published_at"], first["published_at"]);
        assert_eq!(damaged(&hub), 0);
        atlas(&sandbox, "verify --local").run().exits(0);
    }
    assert_eq!(events_of(&publish(), "warning"), Vec::<Value>::new());
}
