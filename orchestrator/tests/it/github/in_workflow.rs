//! The last job of each workflow that releases something: what the building jobs have handed over comes to it, and
//! becomes a release on GitHub.

use super::*;
use crate::steps::{Job, on_path, step, workflow};
use std::collections::BTreeMap;
use test_support::copy_tree;

/// The `with` of a step that uses an action of this name, of which a job has one.
#[track_caller]
fn with<'a>(workflow: &'a Value, job: &str, action: &str) -> &'a Value {
    let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
    let mut found = steps.iter().filter(|step| {
        let uses = step["uses"].as_str().unwrap_or_default();
        uses.split('@').next() == Some(action)
    });
    let step = found
        .next()
        .unwrap_or_else(|| panic!("{job} does not use {action}"));
    assert!(found.next().is_none(), "{job} uses {action} twice");
    &step["with"]
}

/// A text with the tag and a platform in the place of what stands for them.
fn of(text: &Value, platform: &str) -> String {
    let text = text.as_str().unwrap();
    let text = text.replace("${{ inputs.tag }}", TAG);
    text.replace("${{ matrix.platform }}", platform)
}

#[test]
fn what_every_job_has_handed_over_becomes_a_release() {
    for file in ["release.yml", "launcher.yml"] {
        let workflow = workflow(file);
        let (github, sandbox) = (github(), Sandbox::new());
        let root = sandbox.root().join("workspace");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("CHANGELOG.md"), CHANGELOG).unwrap();

        let upload = with(&workflow, "build", "actions/upload-artifact");
        let matrix = &workflow["jobs"]["build"]["strategy"]["matrix"]["include"];
        let mut names = vec!["SHA256SUMS".to_owned()];
        for platform in matrix.as_array().unwrap() {
            let platform = platform["platform"].as_str().unwrap();
            let machine = sandbox.root().join(platform);
            let name = format!("alpha-{platform}");
            let files: [File<'_>; 1] = [("alpha", &name, platform.as_bytes())];
            stage(&machine.join("dist"), TAG, platform, &files);
            names.push(name.clone());
            // What GitHub does: every artifact that the pattern names, merged into one folder.
            for job in ["finish", "attest", "github-release"] {
                let download = with(&workflow, job, "actions/download-artifact");
                let pattern = of(&download["pattern"], platform);
                let pattern = pattern.strip_suffix('*').unwrap();
                assert!(of(&upload["name"], platform).starts_with(pattern), "{job}");
                assert_eq!(download["merge-multiple"], true, "{job}");
                assert_eq!(download["path"], "dist", "{job}");
            }
            copy_tree(
                &machine.join(upload["path"].as_str().unwrap()),
                &root.join("dist"),
            );
        }

        let job = &workflow["jobs"]["github-release"];
        assert_eq!(
            (&job["needs"], &job["permissions"]["contents"]),
            (&json!("finish"), &json!("write"))
        );
        let publish = step(&workflow, "github-release", "Publish it");
        let require = workflow["env"]["ATLAS_REQUIRE"].as_str().unwrap();
        let context = BTreeMap::from([("github.token".to_owned(), TOKEN.to_owned())]);
        let runner = |require: &str| {
            let runner = Job::new(&sandbox, &root)
                .with("ATLAS_REQUIRE", require)
                .with("ATLAS_TAG", TAG)
                .with("PATH", on_path(&sandbox, Path::new(ATLAS_RELEASE)));
            let step = runner.invoke(&publish, &context);
            github.is_at(step).cwd(&root)
        };
        let whole = root.join("dist/demo-1.4.0");
        let (there, away) = (whole.join("macos-x64"), sandbox.root().join("away"));
        std::fs::rename(&there, &away).unwrap();
        ended(runner(require).start(), &github)
            .exits(6)
            .says(&["macos-x64"]);
        assert!(github.state().of_tag(TAG).is_empty());
        std::fs::rename(&away, &there).unwrap();
        ended(runner(require).start(), &github).exits(0);
        let state = github.state();
        let found = state.of_tag(TAG);
        assert_eq!(found.len(), 1, "{file}");
        let assets = found[0].assets.iter().map(|asset| asset.name.clone());
        let mut assets: Vec<String> = assets.collect();
        assets.sort();
        names.sort();
        assert_eq!(assets, names, "{file}");
        assert!(found[0].body.contains("faster"), "{file}");
    }
}
