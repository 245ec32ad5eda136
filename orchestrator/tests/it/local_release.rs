//! `ci/release`: a tag released from one machine, by the commands of the release workflow.

use crate::hub_server::TestHub;
use crate::steps::{repository, workflow};
use crate::support::*;
use test_support::FakeTools;

/// What a command does, without what it does it to.
fn verbs(line: &str) -> Vec<&str> {
    let words = line.split_whitespace();
    words
        .filter(|word| {
            let known = [
                "setup",
                "build",
                "publish",
                "--stage-only",
                "--finish",
                "github-release",
                "--check-notes",
            ];
            known.contains(word)
        })
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
            "case \"$1\" in setup|github-release) exit 0;; build) set -- \"$@\" --no-mold --no-sccache --no-install;; esac\n\
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
    let release = release.env("GITHUB_TOKEN", "of GitHub");
    let release = release.env("GITHUB_REPOSITORY", "octo/demo");
    let run = hub.publishes(release).run().exits(0);
    assert!(hub.release("beta", "latest").is_some(), "{run}");
    let calls = tools.calls("atlas");
    let done: Vec<Vec<&str>> = calls.iter().map(|line| verbs(line)).collect();
    let workflow = workflow("release.yml");
    let commands: Vec<&str> = ["look", "build", "finish", "github-release"]
        .iter()
        .flat_map(|job| workflow["jobs"][job]["steps"].as_array())
        .flatten()
        .filter_map(|step| step["run"].as_str())
        .filter(|line| line.starts_with("atlas-release ") && !line.contains(" sign "))
        // What is attested there is GitHub's own.
        .filter(|line| !line.starts_with("atlas-release workflows "))
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
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "APPLE_API_KEY_P8",
        "APPLE_CERTIFICATE",
        "APPLE_CERTIFICATE_PASSWORD",
        "ATLAS_APP_DEPLOY_TOKEN",
        "CARGO_BUILD_TARGET",
        "CARGO_REGISTRIES_MINE_TOKEN",
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "MY_OWN",
        "RUSTC_WRAPPER",
        "TAURI_SIGNING_PRIVATE_KEY",
        "TAURI_SIGNING_PRIVATE_KEY_PASSWORD",
        "WIN_B64_PFX",
        "WIN_PFX_PASSWORD",
    ] {
        release = release.env(name, "planted");
    }
    let release = release
        .env("HTTPS_PROXY", "http://proxy.example.com:1 2")
        .env("CARGO_HOME", "/a home");
    release.run().exits(0);
    let told = |name: &str| std::fs::read_to_string(format!("{root}/{name}")).unwrap();
    let seen = told("cargo-env");
    assert!(!seen.contains("planted"), "{seen}");
    for line in [
        "HTTPS_PROXY=http://proxy.example.com:1 2",
        "CARGO_HOME=/a home",
    ] {
        assert!(seen.lines().any(|one| one == line), "{seen}");
    }
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
