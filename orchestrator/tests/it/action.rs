//! The composite action, its steps run for real: what a workflow for the action of before gives it, and the
//! release that a real Hub has afterwards.

use crate::hub_server::{TestHub, get};
use crate::steps::*;
use crate::support::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use test_support::Sandbox;

const NAME: &str = "atlas-release";

struct World {
    sandbox: Sandbox,
    workspace: PathBuf,
    hub: TestHub,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let workspace = sandbox.root().join("a workspace");
        fs::create_dir_all(workspace.join("out")).unwrap();
        for (file, text) in [("out/one", "one"), ("out/two", "two"), ("three", "three")] {
            fs::write(workspace.join(file), text).unwrap();
        }
        Self {
            sandbox,
            workspace,
            hub: TestHub::start(),
        }
    }

    fn job(&self) -> Job<'_> {
        Job::new(&self.sandbox, &self.workspace).with("ATLAS_RELEASE_BIN", ATLAS_RELEASE)
    }

    /// Runs it with the Hub's address and token, and these inputs.
    fn run(&self, job: &Job<'_>, inputs: &[(&str, &str)]) -> Ran {
        let url = format!("{}/", self.hub.url());
        let mut all = vec![
            ("atlas_base_url", url.as_str()),
            ("atlas_app_deploy_token", self.hub.token.as_str()),
        ];
        all.extend(inputs);
        let ran = run_action(repository(), NAME, &all, job);
        let told = [ran.log(), job.file("output"), job.file("summary")];
        for text in told {
            assert!(!text.contains(&self.hub.token), "the token is told: {text}");
        }
        ran
    }
}

#[test]
fn it_has_the_inputs_of_the_publish_path() {
    let action = yaml(&repository().join(".github/actions/atlas-release/action.yml"));
    let inputs: BTreeMap<&str, Option<&str>> = action["inputs"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, input)| (name.as_str(), input["default"].as_str()))
        .collect();
    let expected = [
        ("artifact_prefix", Some("artifacts")),
        ("atlas_app_deploy_token", Some("")),
        ("atlas_base_url", None),
        ("channel", Some("stable")),
        ("files", Some("")),
        ("files_manifest", Some("")),
        ("notes", Some("")),
        ("product", None),
        ("published_at", Some("")),
        ("version", None),
    ];
    assert_eq!(inputs, BTreeMap::from(expected));
}

#[test]
fn a_manifest_of_the_workspace_is_published_and_told() {
    let world = World::new();
    let manifest =
        "# rows\r\nout/one | Linux | x64 | binary | tool\r\n\r\nthree|windows|ARM64|installer\r\n";
    fs::write(world.workspace.join("out/cli.manifest"), manifest).unwrap();
    let job = world.job();
    let ran = world.run(
        &job,
        &[
            ("product", "cli"),
            ("version", "1.4.0"),
            ("files_manifest", "out/cli.manifest"),
            // It does not count beside a manifest.
            ("files", "out/two|linux|x64|binary"),
            ("notes", "new"),
            ("published_at", "2026-01-02T03:04:05Z"),
        ],
    );
    ran.exits(0);
    let release: Value = serde_json::from_str(&ran.outputs["release"]).unwrap();
    assert_eq!(release["version"], "1.4.0");
    assert_eq!(release["channel"], "stable");
    assert_eq!(release["published_at"], "2026-01-02T03:04:05Z");
    assert_eq!(release["assets"].as_array().unwrap().len(), 2);
    let links: BTreeMap<String, String> =
        serde_json::from_str(&ran.outputs["download_links"]).unwrap();
    let names: Vec<&String> = links.keys().collect();
    assert_eq!(names, ["linux/x64/tool", "windows/arm64/three"]);
    for (name, text) in [("linux/x64/tool", "one"), ("windows/arm64/three", "three")] {
        assert_eq!(get(&links[name]), (200, text.as_bytes().to_vec()));
    }
    let (status, body) = get(&format!(
        "{}/api/v1/releases/cli/latest/linux/x64",
        world.hub.url()
    ));
    assert_eq!(status, 200);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["assets"][0]["filename"], "tool");
    assert!(
        job.file("summary")
            .contains("### cli 1.4.0 on channel stable")
    );
}

#[test]
fn rows_may_stand_in_the_workflow_and_no_input_is_a_script() {
    let world = World::new();
    let job = world.job();
    let evil =
        "$(touch pwned) `touch pwned` \"; touch pwned; ' && touch pwned\n--local ${{ secrets.A }}";
    let ran = world.run(
        &job,
        &[
            ("product", "cli"),
            ("version", "1.4.1-beta.1"),
            ("channel", "beta"),
            (
                "files",
                "out/two|linux|x64|binary|two\nthree|linux|x64|other\n",
            ),
            ("notes", evil),
            ("artifact_prefix", "artifacts"),
        ],
    );
    ran.exits(0);
    let release: Value = serde_json::from_str(&ran.outputs["release"]).unwrap();
    assert_eq!(release["channel"], "beta");
    assert_eq!(release["assets"].as_array().unwrap().len(), 2);
    assert!(!world.workspace.join("pwned").exists());
}

/// One file for two platforms, and a link: `manifest check` is stricter than the publish path has ever been.
#[test]
fn rows_that_contradict_each_other_are_published_with_a_word() {
    let world = World::new();
    let job = world.job();
    let elsewhere = world.sandbox.root().join("elsewhere");
    fs::write(&elsewhere, "a program").unwrap();
    std::os::unix::fs::symlink(&elsewhere, world.workspace.join("out/link")).unwrap();
    let ran = world.run(
        &job,
        &[
            ("product", "cli"),
            ("version", "1.4.0"),
            (
                "files",
                "out/one|linux|x64|binary|one\nout/one|linux|arm64|binary|one\nout/link|linux|x64|other|link\n",
            ),
        ],
    );
    ran.exits(0);
    let said = ran.log();
    for line in [
        "line 2 is published as it is",
        "line 3 is published as it is",
    ] {
        assert!(said.contains(line), "{said}");
    }
}

/// What the publish path before has always taken.
#[test]
fn older_versions_and_names_of_other_versions_are_published_with_a_word() {
    let world = World::new();
    let names = [
        "tool_glibc-2.31.0",
        "tool-for-macos-11.0.0",
        "setup-webview2-120.0.2210.exe",
    ];
    let rows = |platform: &str| {
        let rows = names.map(|name| format!("out/one|{platform}|installer|{name}\n"));
        rows.concat()
    };
    for (product, version, channel) in [
        ("cli", "1.4.0", "Stable"),
        ("cli", "v1.3.1", "STABLE"),
        ("launcher", "1.4.0", "stable"),
    ] {
        let job = world.job();
        // A launcher's updater installs from no such file, so that it needs no signature.
        let rows = match product {
            "launcher" => "three|macos|arm64|installer|Demo_1.3.0.pkg\n".to_owned(),
            _ => rows("linux|x64"),
        };
        let inputs = [
            ("product", product),
            ("version", version),
            ("channel", channel),
            ("files", &rows),
        ];
        let ran = world.run(&job, &inputs);
        let log = ran.exits(0).to_string();
        let bare = version.trim_start_matches('v');
        let release: Value = serde_json::from_str(&ran.outputs["release"]).unwrap();
        assert_eq!(
            (&release["version"], &release["channel"]),
            (&bare.into(), &"stable".into())
        );
        let warnings = log.matches("is by its name of version").count();
        assert_eq!(warnings, rows.lines().count(), "{log}");
        let is_older = log.contains("has a newer version of cli than 1.3.1");
        assert_eq!(is_older, bare == "1.3.1", "{log}");
        let is_told = log.contains("the input `version` is `v1.3.1`: 1.3.1 is published");
        assert_eq!(is_told, bare != version, "{log}");
    }
    let (_, body) = get(&format!(
        "{}/api/v1/releases/cli/latest/linux/x64",
        world.hub.url()
    ));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["version"], "1.4.0");
}

#[test]
fn what_cannot_be_published_is_said_and_nothing_is_sent() {
    let world = World::new();
    let given = [("product", "cli"), ("version", "1.4.0")];
    let row = ("files", "three|linux|x64|binary");
    for (more, says) in [
        (vec![], "neither `files_manifest` nor `files` is given"),
        (
            vec![row, ("artifact_prefix", "elsewhere")],
            "Hubs take files below `artifacts` alone",
        ),
        (
            vec![row, ("version", "cli-v1.4.0")],
            "; the version alone is `1.4.0`",
        ),
        (vec![row, ("version", "v1.4")], "the input `version`"),
        (vec![row, ("channel", "nightly")], "the input `channel`"),
        (
            vec![("files_manifest", "none.manifest")],
            "a workspace/none.manifest",
        ),
        (
            vec![("files", "three|linux|x64|binary\nfour|linux|x64|binary")],
            "the input `files`: line 2: cannot read the file",
        ),
        (
            vec![("files", "three|linux|mips|binary")],
            "the input `files`: line 1, column 13: field 3: `mips` is not an architecture",
        ),
    ] {
        let mut inputs: Vec<(&str, &str)> = more.clone();
        inputs.extend(
            given
                .iter()
                .filter(|(name, _)| !more.iter().any(|(other, _)| other == name)),
        );
        let job = world.job();
        let ran = world.run(&job, &inputs);
        ran.exits(2).clone().says(&[says]);
        assert!(ran.outputs.get("release").is_none_or(String::is_empty));
    }
    assert_eq!(world.hub.stored(), Vec::<String>::new());
}

#[test]
fn a_refused_token_ends_the_step() {
    let world = World::new();
    let job = world.job();
    let url = world.hub.url();
    let inputs = [
        ("atlas_base_url", url.as_str()),
        ("atlas_app_deploy_token", "atlas_app_wrong"),
        ("product", "cli"),
        ("version", "1.4.0"),
        ("files", "three|linux|x64|binary"),
    ];
    let ran = run_action(repository(), NAME, &inputs, &job);
    ran.exits(6);
    assert!(!ran.log().contains("atlas_app_wrong"), "{}", ran.log());
}

#[test]
fn the_other_action_puts_it_on_path() {
    let sandbox = Sandbox::new();
    let named = sandbox.root().join("a tool");
    std::os::unix::fs::symlink(ATLAS_RELEASE, &named).unwrap();
    let job = Job::new(&sandbox, sandbox.root()).with("ATLAS_RELEASE_BIN", &named);
    let ran = run_action(repository(), "setup-atlas-release", &[], &job);
    let log = ran.exits(0);
    assert!(log.stdout.contains("atlas-release "), "{log}");
    let folder = job.file("path");
    let program = PathBuf::from(folder.trim_end()).join("atlas-release");
    assert_eq!(ran.outputs["program"], program.to_string_lossy());
    sandbox.invoke(&program).arg("--version").run().exits(0);
    // One that is not there is no reason to take another.
    let job = job.with("ATLAS_RELEASE_BIN", sandbox.root().join("none"));
    let ran = run_action(repository(), "setup-atlas-release", &[], &job);
    assert!(
        ran.exits(2)
            .stdout
            .contains("ATLAS_RELEASE_BIN names no file")
    );
}
