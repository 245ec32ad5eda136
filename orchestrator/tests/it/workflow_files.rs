//! `workflows generate` and `workflows check`: the workflows are what the workspace says, and what a person
//! has put between the marks stays.

use crate::steps::{repository, yaml};
use crate::support::*;
use atlas_release::dist::{Addition, add};
use release_types::Kind;
use serde_json::{Value, json};
use std::fs;
use test_support::{Invocation, Sandbox};

const ACTION: &str = ".github/actions/setup-atlas-release/action.yml";

fn workflows(project: &Project, line: &str) -> Invocation {
    project.atlas(&format!("workflows {line}"))
}

/// A workspace whose repository has the action that puts atlas-release on `PATH`, as this one does.
fn project() -> Project {
    let project = Project::new();
    project.fixture.write(ACTION, "name: setup-atlas-release\n");
    project
}

fn files(project: &Project) -> Vec<String> {
    let folder = project.fixture.root().join(".github/workflows");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The jobs that attest what is in a program are as many as there are programs with a list of it.
#[test]
fn what_is_attested_is_each_program_with_its_list() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let sboms = || {
        let run = atlas(&sandbox, "workflows sboms demo-v0.1.0").cwd(sandbox.root());
        let run = run.run().exits(0);
        let line = run.stdout.strip_prefix("sboms=").unwrap().to_owned();
        assert_eq!(line.lines().count(), 1, "{run}");
        serde_json::from_str::<Value>(&line).unwrap()
    };
    assert_eq!(sboms(), json!([]));
    let program = format!("alpha-{}", platform());
    let addition = |filename: String| Addition {
        product: "alpha".parse().unwrap(),
        of: program.parse().unwrap(),
        filename: filename.parse().unwrap(),
        kind: Kind::Other,
        bytes: b"{}".to_vec(),
    };
    // One about a program that is not there is nobody's.
    let names = [format!("{program}.cdx.json"), "none.cdx.json".to_owned()];
    add(&staged, &names.map(addition)).unwrap();
    let folder = format!("dist/demo-0.1.0/{}", platform());
    assert_eq!(
        sboms(),
        json!([{
            "name": program,
            "program": format!("{folder}/{program}"),
            "sbom": format!("{folder}/{program}.cdx.json"),
        }])
    );
    let run = atlas(&sandbox, "workflows sboms demo-v9.9.9").run();
    run.exits(2);
}

#[test]
fn those_of_this_repository_are_what_it_says() {
    let sandbox = Sandbox::new();
    let run = sandbox.invoke(ATLAS_RELEASE).args(["workflows", "check"]);
    run.cwd(repository()).run().exits(0);
}

#[test]
fn they_are_made_found_different_and_made_again() {
    let project = project();
    let run = workflows(&project, "check").run().exits(2);
    let run = run.says(&["demo-release.yml", "hint: atlas-release workflows generate"]);
    assert!(
        run.stdout
            .contains("missing  .github/workflows/release.yml"),
        "{run}"
    );
    assert!(
        run.stdout
            .contains("+++ b/.github/workflows/other-release.yml"),
        "{run}"
    );
    let run = workflows(&project, "generate --format json").run().exits(0);
    let told = events(&run).pop().unwrap();
    assert_eq!(
        told["files"][0],
        json!({"path": ".github/workflows/demo-release.yml", "state": "written"})
    );
    let all = ["demo-release.yml", "other-release.yml", "release.yml"];
    assert_eq!(files(&project), all);
    workflows(&project, "check").run().exits(0);
    let run = workflows(&project, "generate --format json").run().exits(0);
    let told = events(&run).pop().unwrap();
    assert!(
        told["files"]
            .as_array()
            .unwrap()
            .iter()
            .all(|file| file["state"] == "same")
    );

    let folder = project.fixture.root().join(".github/workflows");
    let demo = yaml(&folder.join("demo-release.yml"));
    assert_eq!(demo["on"]["push"]["tags"], json!(["demo-v*"]));
    assert_eq!(
        demo["jobs"]["release"]["uses"],
        "$/.github/workflows/release.yml"
    );
    let release = yaml(&folder.join("release.yml"));
    let matrix = &release["jobs"]["build"]["strategy"]["matrix"]["include"];
    assert_eq!(matrix.as_array().unwrap().len(), 6);
    let text = fs::read_to_string(folder.join("release.yml")).unwrap();
    assert!(!text.contains("@@"), "{text}");

    // A change by hand is found, and shown as what would take it back.
    let path = ".github/workflows/release.yml";
    project
        .fixture
        .edit(path, "timeout-minutes: 90", "timeout-minutes: 9");
    let run = workflows(&project, "check").run().exits(2);
    assert!(
        run.stdout
            .contains("-    timeout-minutes: 9\n+    timeout-minutes: 90"),
        "{run}"
    );
    assert_eq!(run.stdout.matches("\n@@ ").count(), 1, "{run}");
    let run = workflows(&project, "check --format json").run().exits(2);
    let told = &events_of(&run, "workflows")[0]["files"];
    assert_eq!(told[2]["state"], "differs");
    workflows(&project, "generate").run().exits(0);
    workflows(&project, "check").run().exits(0);
    // Line ends of another system are none.
    let crlf = text.replace('\n', "\r\n");
    fs::write(folder.join("release.yml"), crlf).unwrap();
    workflows(&project, "check").run().exits(0);
}

/// Elsewhere the workflows would name an action that no repository has.
#[test]
fn without_the_action_it_has_to_be_said_where_it_is() {
    let project = Project::new();
    let before = project.everything();
    for command in ["check", "generate"] {
        workflows(&project, command).run().exits(2).says(&[
            "this repository has no .github/actions/setup-atlas-release",
            "hint: name the repository that has it, and a whole commit of it: tool = \"OWNER/atlas-release@COMMIT\" in \
             [workspace.metadata.atlas-release.workflows]",
        ]);
    }
    project.is_still(&before);
    let tool = format!("owner/atlas-release@{}", "a".repeat(40));
    let section =
        format!("[workspace.metadata.atlas-release.workflows]\ntool = \"{tool}\"\n\n# Quick");
    project.fixture.edit("Cargo.toml", "# Quick", &section);
    workflows(&project, "generate").run().exits(0);
    workflows(&project, "check").run().exits(0);
}

#[test]
fn what_is_between_the_marks_stays_or_is_missed() {
    let project = project();
    workflows(&project, "generate").run().exits(0);
    let path = ".github/workflows/release.yml";
    let begin = "      # >>> yours: before-build\n";
    let own = format!("{begin}      - name: Mine\n        run: make assets\n");
    project.fixture.edit(path, begin, &own);
    workflows(&project, "check").run().exits(0);
    project
        .fixture
        .edit(path, "fail-fast: false", "fail-fast: true");
    workflows(&project, "generate").run().exits(0);
    let text = fs::read_to_string(project.fixture.root().join(path)).unwrap();
    assert!(
        text.contains(&own) && text.contains("fail-fast: false"),
        "{text}"
    );

    // A place that the workflow does not have would lose its lines.
    project
        .fixture
        .edit(path, "yours: before-build", "yours: elsewhere");
    let before = project.everything();
    for command in ["check", "generate"] {
        workflows(&project, command)
            .run()
            .exits(2)
            .says(&["`yours: elsewhere`", "has no place"]);
    }
    project.is_still(&before);
    project.fixture.edit(path, "# <<< yours: elsewhere\n", "\n");
    workflows(&project, "check")
        .run()
        .exits(2)
        .says(&["release.yml: line", "begins within `elsewhere`"]);
}

/// A copy that somebody has gone on with still says that it was made.
#[test]
fn what_nothing_declares_any_more_is_named_and_not_removed() {
    let project = project();
    workflows(&project, "generate").run().exits(0);
    let folder = project.fixture.root().join(".github/workflows");
    let text = fs::read_to_string(folder.join("demo-release.yml")).unwrap();
    let own = text.replace("name: demo-release", "name: nightly");
    fs::write(folder.join("nightly.yml"), &own).unwrap();
    // What is no file of text is none of these.
    fs::create_dir(folder.join("folder.yml")).unwrap();
    fs::write(folder.join("bytes.yml"), b"\xff\xfe").unwrap();
    for command in ["check", "generate"] {
        workflows(&project, command).run().exits(2).says(&[
            "nothing declares what they release any more: .github/workflows/nightly.yml",
            "hint: remove them; or, where one is yours by now, its first line",
        ]);
        assert_eq!(fs::read_to_string(folder.join("nightly.yml")).unwrap(), own);
    }
    let (_, rest) = own.split_once('\n').unwrap();
    fs::write(folder.join("nightly.yml"), rest).unwrap();
    workflows(&project, "check").run().exits(0);
}

/// `release.yml` is what many people call their own.
#[test]
fn a_workflow_of_somebody_elses_is_left_alone() {
    let project = project();
    let folder = project.fixture.root().join(".github/workflows");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("release.yml"), "name: mine\non: push\n").unwrap();
    let before = project.everything();
    for command in ["check", "generate"] {
        workflows(&project, command).run().exits(2).says(&[
            "release.yml: this file was not made by",
            "hint: it is left as it is",
        ]);
    }
    project.is_still(&before);
}

/// What a link leads to is another's, and may lie outside the repository.
#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_or_over_one() {
    let project = project();
    workflows(&project, "generate").run().exits(0);
    let (root, elsewhere) = (project.fixture.root(), project.sandbox.root().join("mine"));
    fs::create_dir(&elsewhere).unwrap();
    for name in [
        ".github/workflows/release.yml",
        ".github/workflows",
        ".github",
    ] {
        let (link, target) = (root.join(name), elsewhere.join("it"));
        fs::rename(&link, &target).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        for command in ["check", "generate"] {
            let says = format!("{name}: this is a link");
            let run = workflows(&project, command).run().exits(2);
            run.says(&[&says, "hint: it is left as it is"]);
        }
        assert_eq!(fs::read_link(&link).unwrap(), target);
        fs::remove_file(&link).unwrap();
        // One that leads nowhere is one too.
        std::os::unix::fs::symlink(elsewhere.join("none"), &link).unwrap();
        let run = workflows(&project, "generate").run().exits(2);
        run.says(&["hint: "]);
        assert!(!elsewhere.join("none").exists());
        fs::remove_file(&link).unwrap();
        fs::rename(&target, &link).unwrap();
    }
    workflows(&project, "check").run().exits(0);
}

#[test]
fn the_workspace_says_which_there_are_and_where_they_run() {
    let project = project();
    workflows(&project, "generate").run().exits(0);
    let apps = project.fixture.root().join("apps/launcher");
    fs::create_dir_all(apps).unwrap();
    let tool = format!("owner/atlas-release@{}", "a".repeat(40));
    let section = format!(
        "[workspace.metadata.atlas-release]\nrequire = [\"linux-x64\"]\n\n\
         [workspace.metadata.atlas-release.workflows]\ngroups = [\"demo\", \"app\"]\n\
         tool = \"{tool}\"\nrunners = {{ linux-x64 = \"mine\", macos-arm64 = \"macos-15\" }}\n\n\
         [workspace.metadata.atlas-release.products.launcher]\nfolder = \"apps/launcher\"\ngroup = \"app\"\n\
         tauri-signs = true\n\n# Quick"
    );
    project.fixture.edit("Cargo.toml", "# Quick", &section);
    let run = workflows(&project, "check").run().exits(2);
    assert!(
        run.stdout
            .contains("stale    .github/workflows/other-release.yml"),
        "{run}"
    );
    let run = workflows(&project, "generate").run().exits(2);
    run.says(&["any more: .github/workflows/other-release.yml"]);
    let old = ".github/workflows/other-release.yml";
    fs::remove_file(project.fixture.root().join(old)).unwrap();
    workflows(&project, "generate").run().exits(0);
    let all = [
        "app-release.yml",
        "demo-release.yml",
        "launcher.yml",
        "release.yml",
    ];
    assert_eq!(files(&project), all);
    let release = yaml(&project.fixture.root().join(".github/workflows/release.yml"));
    let build = &release["jobs"]["build"];
    assert_eq!(
        build["strategy"]["matrix"]["include"],
        json!([
            {"platform": "linux-x64", "runner": "mine", "required": true},
            {"platform": "macos-arm64", "runner": "macos-15", "required": false},
        ])
    );
    assert_eq!(release["env"]["ATLAS_REQUIRE"], "linux-x64");
    assert_eq!(release["jobs"]["finish"]["runs-on"], "mine");
    let uses = build["steps"].as_array().unwrap().iter();
    let uses: Vec<&str> = uses.filter_map(|step| step["uses"].as_str()).collect();
    let action = format!(
        "owner/atlas-release/.github/actions/setup-atlas-release@{}",
        "a".repeat(40)
    );
    assert!(uses.contains(&action.as_str()), "{uses:?}");
    // A product that is no package has a workflow of its own, which is told where it lies.
    let app = yaml(
        &project
            .fixture
            .root()
            .join(".github/workflows/app-release.yml"),
    );
    let release = &app["jobs"]["release"];
    assert_eq!(release["uses"], "./.github/workflows/launcher.yml");
    assert_eq!(
        release["with"],
        json!({
            "tag": "${{ github.ref_name }}", "channel": "${{ inputs.channel }}",
            "backport": "${{ inputs.backport || false }}", "folder": "apps/launcher", "tauri-signs": true
        })
    );
    // What somebody else has written is nobody's to remove.
    fs::write(
        project.fixture.root().join(".github/workflows/mine.yml"),
        "name: mine\n",
    )
    .unwrap();
    workflows(&project, "check").run().exits(0);

    for (named, says) in [
        (
            "none",
            "there is no group `none`; there are: app, demo, other",
        ),
        ("launcher", "(the product `launcher` is of the group `app`)"),
    ] {
        let (was, now) = ("\"demo\", \"app\"", format!("\"demo\", \"{named}\""));
        project.fixture.edit("Cargo.toml", was, &now);
        workflows(&project, "check").run().exits(2).says(&[
            "[workspace.metadata.atlas-release]",
            "`workflows`: `groups`: ",
            says,
        ]);
        project.fixture.edit("Cargo.toml", &now, was);
    }
    let (was, now) = ("folder = \"apps/launcher\"", "folder = \"apps/../my app\"");
    fs::create_dir_all(project.fixture.root().join("my app")).unwrap();
    project.fixture.edit("Cargo.toml", was, now);
    workflows(&project, "check")
        .run()
        .exits(2)
        .says(&["the folder of `launcher`", "cannot stand in a workflow"]);
    project.fixture.edit("Cargo.toml", now, was);
    project.fixture.edit(
        "Cargo.toml",
        "[workspace.metadata.atlas-release]\n",
        "[workspace.metadata.atlas-release]\ngithub-latest = \"app\"\n",
    );
    workflows(&project, "check").run().exits(0);
    project.fixture.edit(
        "Cargo.toml",
        "github-latest = \"app\"",
        "github-latest = \"alpha\"",
    );
    workflows(&project, "check").run().exits(2).says(&[
        "`github-latest`: there is no group `alpha`",
        "(the product `alpha` is of the group `demo`)",
    ]);
}
