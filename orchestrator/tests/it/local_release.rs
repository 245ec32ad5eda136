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
        // What is attested and released there, and by which jobs, is GitHub's own.
        .filter(|line| !line.starts_with("atlas-release workflows "))
        .filter(|line| !line.starts_with("atlas-release github-release "))
        .collect();
    let wanted: Vec<Vec<&str>> = commands.iter().map(|line| verbs(line)).collect();
    assert_eq!(done, wanted, "{calls:?}");

    let usage = project.sandbox.invoke(repository().join("ci/release"));
    usage.run().exits(2).says(&["usage: ci/release TAG"]);
}

#[test]
fn what_compiles_it_sees_no_secret_and_is_asked_once() {
    let project = Project::tagged("demo-v0.1.0");
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    let root = project.sandbox.root().display().to_string();
    tools.add("made", &format!("env > '{root}/program-env'"));
    tools.add(
        "cargo",
        &format!(
            "env > '{root}/cargo-env'\n\
             echo '{{\"reason\":\"compiler-artifact\",\"target\":{{\"name\":\"atlas-release\"}},\
             \"executable\":\"{root}/bin/made\"}}'"
        ),
    );
    let mut release = project.sandbox.invoke(repository().join("ci/release"));
    release = release.args(["demo-v0.1.0"]).cwd(project.fixture.root());
    release = release.env("PATH", tools.path_before(project.sandbox.env()));
    for name in [
        "ATLAS_APP_DEPLOY_TOKEN",
        "GITHUB_TOKEN",
        "TAURI_SIGNING_PRIVATE_KEY",
        "TAURI_SIGNING_PRIVATE_KEY_PASSWORD",
        "WIN_PFX_PASSWORD",
    ] {
        release = release.env(name, "planted");
    }
    release.run().exits(0);
    let told = |name: &str| std::fs::read_to_string(format!("{root}/{name}")).unwrap();
    assert!(!told("cargo-env").contains("planted"));
    assert!(told("program-env").contains("ATLAS_APP_DEPLOY_TOKEN=planted"));
    assert_eq!(tools.calls("cargo").len(), 1);
    let verbs: Vec<_> = tools.calls("made");
    assert_eq!(
        verbs,
        [
            "setup",
            "build demo-v0.1.0",
            "sign demo-v0.1.0",
            "publish demo-v0.1.0 --stage-only",
            "publish demo-v0.1.0 --finish"
        ]
    );
}
