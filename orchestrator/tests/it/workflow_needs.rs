//! What workflows need of the workspace that they are made for: a runner for each platform that has to be there, and a
//! place at the top of the repository.

use crate::steps::yaml;
use crate::support::*;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A workspace that says this of itself, with a launcher where `bundles` is said.
fn project(require: &[&str], runners: &[&str], bundles: bool) -> Project {
    let project = Project::new();
    let runners: Vec<String> = runners
        .iter()
        .map(|platform| format!("{platform} = \"mine\""))
        .collect();
    let mut section = format!(
        "[workspace.metadata.atlas-release]\nrequire = {require:?}\n\n\
         [workspace.metadata.atlas-release.workflows]\ntool = \"owner/atlas-release@{}\"\n\
         runners = {{ {} }}\n\n",
        "a".repeat(40),
        runners.join(", ")
    );
    if bundles {
        fs::create_dir_all(project.fixture.root().join("apps/launcher")).unwrap();
        section +=
            "[workspace.metadata.atlas-release.products.launcher]\nfolder = \"apps/launcher\"\n\n";
    }
    let section = section + "# Quick";
    project.fixture.edit("Cargo.toml", "# Quick", &section);
    project
}

/// The job that builds, as it is made.
fn build(project: &Project, file: &str) -> Value {
    project.atlas("workflows generate").run().exits(0);
    let path = project.fixture.root().join(".github/workflows").join(file);
    yaml(&path)["jobs"]["build"].clone()
}

/// Each platform of the matrix, and whether a release waits for it.
fn awaited(build: &Value) -> Vec<(&str, bool)> {
    assert_eq!(build["continue-on-error"], "${{ !matrix.required }}");
    let rows = build["strategy"]["matrix"]["include"].as_array().unwrap();
    rows.iter()
        .map(|row| {
            let platform = row["platform"].as_str().unwrap();
            (platform, row["required"].as_bool().unwrap())
        })
        .collect()
}

/// GitHub skips what needs a job that has failed, so only what is required may fail it.
#[test]
fn a_platform_that_is_not_required_holds_nothing_up() {
    let two = ["linux-x64", "windows-arm64"];
    let release = build(&project(&["linux-x64"], &two, false), "release.yml");
    assert_eq!(
        awaited(&release),
        [("linux-x64", true), ("windows-arm64", false)]
    );
    // Where nobody says what is required, everything is.
    let release = build(&project(&[], &two, false), "release.yml");
    assert_eq!(
        awaited(&release),
        [("linux-x64", true), ("windows-arm64", true)]
    );
}

#[test]
fn what_has_to_be_there_has_a_runner() {
    let required = ["linux-x64", "linux-arm64", "macos-x64"];
    for (bundles, named) in [(false, "linux-arm64, macos-x64"), (true, "linux-arm64")] {
        let project = project(&required, &["linux-x64", "macos-arm64"], bundles);
        let before = project.everything();
        for command in ["check", "generate"] {
            let run = project.atlas(&format!("workflows {command}")).run();
            run.exits(2).says(&[
                &format!("`require` names what no runner builds for: {named}\n"),
                "hint: give each a runner in [workspace.metadata.atlas-release.workflows.runners], or take it out of \
                 `require` in [workspace.metadata.atlas-release]",
            ]);
        }
        project.is_still(&before);
    }
    // A universal bundle is one job's, and for both of Apple's processors.
    let both = ["macos-x64", "macos-arm64"];
    let one = project(&both, &["linux-x64", "macos-arm64"], true);
    let expected = [("linux-x64", false), ("macos-arm64", true)];
    assert_eq!(awaited(&build(&one, "launcher.yml")), expected);
    let one = project(&["macos-x64"], &["linux-x64", "macos-arm64"], true);
    assert_eq!(awaited(&build(&one, "launcher.yml")), expected);
}

/// The reusable workflow works at the top alone, so it is no way for a workspace below; the commands are one.
#[test]
fn a_workspace_below_the_top_is_told_a_way_that_works() {
    let project = Project::new();
    let root = project.fixture.root();
    let top = root.parent().unwrap();
    fs::remove_dir_all(root.join(".git")).unwrap();
    let git = |line: &str, path: &Path| {
        let git = project.sandbox.invoke("git").cwd(top);
        let git = git.args(["-c", "user.name=x", "-c", "user.email=x@example.com"]);
        git.args(line.split_whitespace()).arg(path).run().exits(0);
    };
    git("init --quiet", top);
    git("add", root);
    git("commit --quiet --message below", root);
    git("tag", Path::new("demo-v0.1.0"));
    for command in ["check", "generate"] {
        let run = project.atlas(&format!("workflows {command}")).run();
        run.exits(2).says(&[
            "is not at the top of its repository",
            "hint: get atlas-release by the action setup-atlas-release in a workflow of your own, and run its commands \
             in the workspace's folder (`working-directory`)",
        ]);
    }
    let run = project.atlas("workflows tag demo-v0.1.0").run().exits(0);
    run.says(&["is released on the channel stable"]);
    let line = "plan demo-v0.1.0 --allow-dirty --format json";
    let run = project.quick(line).run().exits(0);
    assert_eq!(
        events_of(&run, "plan")[0]["tag"],
        json!("demo-v0.1.0"),
        "{run}"
    );
}
