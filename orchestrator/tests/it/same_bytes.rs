//! A version that is published, from a commit, and another commit that makes the same bytes.

use crate::release_local::ids;
use crate::support::*;
use serde_json::{Value, json};
use test_support::Finished;

/// The receipt of a run, and what it was warned of.
fn told(run: &Finished) -> (Value, Vec<Value>) {
    let warnings = events_of(run, "warning");
    let said = warnings.iter().map(|event| event["message"].clone());
    (receipt(run), said.collect())
}

#[test]
fn the_same_bytes_of_another_commit_stay_the_first_ones() {
    let project = Project::new();
    // A program without its commit inside, as every plain one is.
    project.fixture.write("gamma/build.rs", "fn main() {}\n");
    project.fixture.write(
        "gamma/src/main.rs",
        "fn main() {\n    println!(\"gamma {}\", option_env!(\"ATLAS_BUILD_VERSION\").unwrap_or(\"-\"));\n}\n",
    );
    let first = project.fixture.commit("plain");
    let release = || {
        let line = "release other-v1.0.0 --local --format json";
        told(&project.quick(line).run().exits(0))
    };
    let (published, said) = release();
    assert_eq!((&published["commit"], &said[..]), (&json!(first), &[][..]));

    project.fixture.write("notes.md", "nothing that is built");
    let second = project.fixture.commit("notes");
    let (again, said) = release();
    assert_eq!(ids(&again), ids(&published));
    assert_eq!(again["commit"], json!(first));
    assert_eq!(said.len(), 1);
    for part in [&first, &second] {
        assert!(
            said[0].as_str().unwrap().contains(part.as_str()),
            "{said:?}"
        );
    }
    // So do the other commands that end with a receipt.
    let line = "build other-v1.0.0 --allow-untagged";
    project.quick(line).run().exits(0);
    for line in [
        "publish other-v1.0.0 --local --format json",
        "verify other-v1.0.0 --local --format json",
    ] {
        let (found, said) = told(&project.atlas(line).run().exits(0));
        assert_eq!((&found["commit"], said.len()), (&json!(first), 1), "{line}");
    }
    // Another Hub has it from the commit that was built now.
    let elsewhere = project.sandbox.root().join("elsewhere");
    let run = project
        .sandbox
        .invoke(ATLAS_RELEASE)
        .args("publish other-v1.0.0 --local --format json".split(' '))
        .arg("--state-dir")
        .arg(elsewhere)
        .arg("--dist-dir")
        .arg(project.sandbox.dist_dir());
    let (found, said) = told(&run.run().exits(0));
    assert_eq!((&found["commit"], said.len()), (&json!(second), 0));
}
