//! The examples of jobs in the documentation, as far as they can be held against something: what runs
//! `atlas-release` has been given it before.

use crate::steps::repository;
use serde_json::Value;
use std::fs;

/// Each YAML example of the documentation, with the file that it stands in.
fn examples() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for file in fs::read_dir(repository().join("docs")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "md") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        for block in text.split("\n```yaml\n").skip(1) {
            let block = block.split("\n```").next().unwrap();
            let example = serde_saphyr::from_str(block);
            let example = example.unwrap_or_else(|e| panic!("{name}: {e}\n{block}"));
            found.push((name.clone(), example));
        }
    }
    found
}

/// Every job in an example, which is a table with lines of this name.
fn jobs<'a>(example: &'a Value, lines: &str, found: &mut Vec<&'a Value>) {
    let Some(table) = example.as_object() else {
        return;
    };
    if table.contains_key(lines) {
        found.push(example);
    }
    for value in table.values() {
        jobs(value, lines, found);
    }
}

fn runs(step: &Value) -> bool {
    let run = step["run"].as_str().unwrap_or_default();
    run.starts_with("atlas-release ")
}

#[test]
fn steps_of_examples_get_the_program_first() {
    let mut looked = 0;
    for (file, example) in examples() {
        let mut found = Vec::new();
        jobs(&example, "steps", &mut found);
        for job in found {
            let steps = job["steps"].as_array().unwrap();
            let Some(first) = steps.iter().position(runs) else {
                continue;
            };
            looked += 1;
            let gets = |step: &Value| {
                let uses = step["uses"].as_str().unwrap_or_default();
                uses == "OWNER/atlas-release/.github/actions/setup-atlas-release@COMMIT"
            };
            assert!(steps[..first].iter().any(gets), "{file}: {job}");
        }
    }
    assert!(looked >= 4, "{looked} examples");
}

#[test]
fn gitlabs_jobs_have_an_image_with_it_and_sign_what_they_publish() {
    let (mut images, mut signs) = (0, 0);
    for (file, example) in examples() {
        let mut found = Vec::new();
        jobs(&example, "script", &mut found);
        for job in found {
            let parent = &example[job["extends"].as_str().unwrap_or_default()];
            assert!(parent["image"].is_string(), "{file}: {job}");
            images += 1;
            let lines = job["script"].as_array().unwrap();
            let at = |command: &str| {
                let of = |line: &Value| line.as_str().unwrap().contains(command);
                lines.iter().position(of)
            };
            let Some(built) = at("atlas-release build") else {
                continue;
            };
            let (signed, sent) = (at("atlas-release sign"), at("atlas-release publish"));
            assert!(Some(built) < signed && signed < sent, "{file}: {job}");
            signs += 1;
        }
    }
    assert_eq!((images, signs), (2, 1));
}

/// Of several groups none has GitHub's latest release, unless one is named.
#[test]
fn this_repository_says_whose_release_is_the_latest() {
    let text = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let toml: toml::Value = toml::from_str(&text).unwrap();
    let own = &toml["workspace"]["metadata"]["atlas-release"];
    assert_eq!(own["github-latest"].as_str(), Some("runner"));
}
