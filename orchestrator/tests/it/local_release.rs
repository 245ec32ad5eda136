//! `ci/release`: a tag released from one machine, by the commands of the release workflow.

use crate::hub_server::TestHub;
use crate::steps::{repository, workflow};
use crate::support::*;
use test_support::FakeTools;

/// What a command does, without what it does it to.
fn verbs(line: &str) -> Vec<&str> {
    let words = line.split_whitespace();
    words
        .filter(|word| ["setup", "build", "publish", "--stage-only", "--finish"].contains(word))
        .collect()
}

#[test]
fn it_does_what_the_workflow_does() {
    let project = Project::tagged("demo-v0.1.0");
    let hub = TestHub::start();
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    // The machine is left as it is, and built with as little as possible.
    tools.add(
        "atlas",
        &format!(
            "case \"$1\" in setup) exit 0;; build) set -- \"$@\" --no-mold --no-sccache --no-install;; esac\n\
             exec '{ATLAS_RELEASE}' \"$@\" --state-dir '{}'",
            project.sandbox.state_dir().display()
        ),
    );
    let release = project.sandbox.invoke(repository().join("ci/release"));
    let release = release.args(["demo-v0.1.0", "--notes", "a word"]);
    let release = release.cwd(project.fixture.root()).env(
        "ATLAS_RELEASE_BIN",
        project.sandbox.root().join("bin/atlas"),
    );
    let run = hub.publishes(release).run().exits(0);
    assert!(hub.release("beta", "latest").is_some(), "{run}");
    let calls = tools.calls("atlas");
    let done: Vec<Vec<&str>> = calls.iter().map(|line| verbs(line)).collect();
    let workflow = workflow("release.yml");
    let commands: Vec<&str> = ["build", "finish"]
        .iter()
        .flat_map(|job| workflow["jobs"][job]["steps"].as_array().unwrap())
        .filter_map(|step| step["run"].as_str())
        .filter(|line| line.starts_with("atlas-release ") && !line.contains(" sign "))
        // What is attested, and by which jobs, is GitHub's own.
        .filter(|line| !line.starts_with("atlas-release workflows "))
        .collect();
    let wanted: Vec<Vec<&str>> = commands.iter().map(|line| verbs(line)).collect();
    assert_eq!(done, wanted, "{calls:?}");

    let usage = project.sandbox.invoke(repository().join("ci/release"));
    usage.run().exits(2).says(&["usage: ci/release TAG"]);
}
