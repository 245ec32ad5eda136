//! Which secrets workflows know, and which steps get them.

use crate::steps::{repository, workflow, yaml};
use crate::support::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const REUSABLE: [&str; 2] = ["release.yml", "launcher.yml"];

const CODE_SIGNING: [&str; 7] = [
    "WIN_B64_PFX",
    "WIN_PFX_PASSWORD",
    "APPLE_CERTIFICATE",
    "APPLE_CERTIFICATE_PASSWORD",
    "APPLE_API_KEY",
    "APPLE_API_ISSUER",
    "APPLE_API_KEY_P8",
];

const OTHERS: [&str; 4] = [
    "ATLAS_HUB_URL",
    "ATLAS_APP_DEPLOY_TOKEN",
    "TAURI_SIGNING_PRIVATE_KEY",
    "TAURI_SIGNING_PRIVATE_KEY_PASSWORD",
];

/// What a caller maps, when each name is mapped to itself.
fn mapped(names: &[&str]) -> Value {
    let lines = names.iter().map(|name| {
        let value = format!("${{{{ secrets.{name} }}}}");
        ((*name).to_owned(), json!(value))
    });
    Value::Object(lines.collect())
}

/// An environment's secret reaches a job of a called workflow by a name that the caller maps, and may be empty there.
#[test]
fn every_secret_is_declared_mapped_and_documented_and_none_is_required() {
    for file in REUSABLE {
        let declared = &workflow(file)["on"]["workflow_call"]["secrets"];
        let declared = declared.as_object().unwrap();
        assert_eq!(declared.len(), 11, "{file}");
        for name in OTHERS.iter().chain(&CODE_SIGNING) {
            assert_eq!(declared[*name]["required"], false, "{file}: {name}");
        }
    }
    for file in [
        "runner-release.yml",
        "cli-release.yml",
        "launcher-release.yml",
    ] {
        let secrets = &workflow(file)["jobs"]["release"]["secrets"];
        assert_eq!(*secrets, mapped(&OTHERS), "{file}");
    }
    let page = std::fs::read_to_string(repository().join("docs/github-actions.md")).unwrap();
    let (_, example) = page.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    for name in OTHERS.iter().chain(&CODE_SIGNING) {
        let line = format!("      {name}: ${{{{ secrets.{name} }}}}\n");
        assert!(example.contains(&line), "{name}");
    }
    assert!(!page.contains("need not be passed"));
}

#[test]
fn what_signs_code_reaches_the_step_that_builds_on_its_system_alone() {
    for (file, step) in [("release.yml", "Build"), ("launcher.yml", "Bundle")] {
        let workflow = workflow(file);
        for (id, job) in workflow["jobs"].as_object().unwrap() {
            let steps = job["steps"].as_array().unwrap();
            for one in steps {
                let is_it = id == "build" && one["name"] == step;
                for name in CODE_SIGNING {
                    let system = match name.starts_with("WIN_") {
                        true => "Windows",
                        false => "macOS",
                    };
                    let value =
                        format!("${{{{ runner.os == '{system}' && secrets.{name} || '' }}}}");
                    let expected = if is_it { json!(value) } else { Value::Null };
                    assert_eq!(one["env"][name], expected, "{file}: {id}: {one}");
                }
            }
            let mut elsewhere = job.clone();
            elsewhere["steps"] = Value::Null;
            assert!(!elsewhere.to_string().contains("APPLE_"), "{file}: {id}");
        }
        assert!(!workflow["env"].to_string().contains("secrets."), "{file}");
    }
}

#[test]
fn who_signs_code_has_its_secrets_mapped() {
    let project = Project::new();
    let caller = |more: &str| {
        let path = "Cargo.toml";
        let tool = format!("owner/atlas-release@{}", "a".repeat(40));
        let section = format!(
            "[workspace.metadata.atlas-release.workflows]\ntool = \"{tool}\"\n\n{more}# Quick"
        );
        project.fixture.edit(path, "# Quick", &section);
        project.atlas("workflows generate").run().exits(0);
        project.fixture.edit(path, &section, "# Quick");
        let folder = project.fixture.root().join(".github/workflows");
        yaml(&folder.join("demo-release.yml"))["jobs"]["release"]["secrets"].clone()
    };
    assert_eq!(caller(""), mapped(&OTHERS));
    let table = |name: &str, more: &str| {
        format!("[workspace.metadata.atlas-release.{name}-sign]\n{more}\n")
    };
    let windows = table("windows", "timestamp-url = \"http://time.example.com\"\n");
    let macos = table("macos", "");
    let with = |more: &[&str]| mapped(&[&OTHERS[..], more].concat());
    assert_eq!(caller(&windows), with(&CODE_SIGNING[..2]));
    assert_eq!(caller(&macos), with(&CODE_SIGNING[2..]));
    assert_eq!(caller(&(windows + &macos)), with(&CODE_SIGNING));
    // What a command of a person's signs with.
    let own = "[workspace.metadata.atlas-release]\npass-env = [\"APPLE_CERTIFICATE\"]\n\n";
    assert_eq!(caller(own), with(&["APPLE_CERTIFICATE"]));
}

/// What an input says reaches commands by their environment.
#[test]
fn a_backport_and_an_audience_are_inputs() {
    for file in REUSABLE {
        let workflow = workflow(file);
        let inputs = &workflow["on"]["workflow_call"]["inputs"];
        let backport = &inputs["backport"];
        assert_eq!(
            (&backport["type"], &backport["default"]),
            (&json!("boolean"), &json!(false))
        );
        assert_eq!(workflow["env"]["ATLAS_BACKPORT"], "${{ inputs.backport }}");
        assert_eq!(inputs["oidc-audience"]["default"], "", "{file}");
        let mut publish = BTreeMap::new();
        for (id, job) in workflow["jobs"].as_object().unwrap() {
            for step in job["steps"].as_array().unwrap() {
                let run = step["run"].as_str().unwrap_or_default();
                let publishes = run.starts_with("atlas-release publish ");
                let audience = &step["env"]["ATLAS_OIDC_AUDIENCE"];
                match publishes {
                    true => assert_eq!(*audience, "${{ inputs.oidc-audience }}", "{file}: {run}"),
                    false => assert!(audience.is_null(), "{file}: {step}"),
                }
                *publish.entry(id.as_str()).or_insert(0) += usize::from(publishes);
            }
        }
        assert_eq!((publish["build"], publish["finish"]), (1, 1), "{file}");
    }
    for file in ["runner-release.yml", "launcher-release.yml"] {
        let caller = workflow(file);
        let backport = &caller["on"]["workflow_dispatch"]["inputs"]["backport"];
        assert_eq!(
            (&backport["type"], &backport["default"]),
            (&json!("boolean"), &json!(false))
        );
        // Where a tag has started it there are no inputs at all.
        let with = &caller["jobs"]["release"]["with"];
        assert_eq!(with["backport"], "${{ inputs.backport || false }}");
    }
}
