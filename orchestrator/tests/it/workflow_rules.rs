//! What holds for every workflow of the repository, beyond what linters know.

use crate::steps::{repository, yaml};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn workflows() -> BTreeMap<String, Value> {
    let folder = repository().join(".github/workflows");
    let files = std::fs::read_dir(folder).unwrap().map(|file| {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, yaml(&path))
    });
    files.collect()
}

/// Every step of every job, with the file and the job that it stands in.
fn steps() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (file, workflow) in workflows() {
        for (id, job) in workflow["jobs"].as_object().unwrap() {
            for step in job["steps"].as_array().into_iter().flatten() {
                all.push((format!("{file}: {id}"), step.clone()));
            }
        }
    }
    for name in ["atlas-release", "setup-atlas-release"] {
        let path = repository().join(".github/actions").join(name);
        let action = yaml(&path.join("action.yml"));
        for step in action["runs"]["steps"].as_array().unwrap() {
            all.push((name.to_owned(), step.clone()));
        }
    }
    all
}

#[test]
fn no_expression_stands_in_a_script_and_no_script_decides() {
    for (at, step) in steps() {
        let Some(run) = step["run"].as_str() else {
            continue;
        };
        assert!(!run.contains("${{"), "{at}: {run}");
        for word in ["if ", "for ", "while ", "case ", "&&", "||", ";", "`", "$("] {
            assert!(!run.contains(word), "{at}: {run}");
        }
    }
}

#[test]
fn actions_of_others_are_pinned_and_checkouts_keep_no_credential() {
    let mut lfs = Vec::new();
    for (at, step) in steps() {
        let Some(uses) = step["uses"].as_str() else {
            continue;
        };
        if uses.starts_with("$/") {
            continue;
        }
        let (name, commit) = uses.split_once('@').unwrap();
        let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
        assert!(is_commit, "{at}: {uses}");
        if name == "actions/checkout" {
            assert_eq!(step["with"]["persist-credentials"], false, "{at}");
            assert_eq!(step["with"]["fetch-depth"], 1, "{at}");
            if step["with"]["lfs"] == true {
                lfs.push(at);
            } else {
                assert_eq!(step["with"]["lfs"], false, "{at}");
            }
        } else if name.starts_with("actions/cache") {
            // An entry is never written over, so one name for ever would keep its first content.
            let of_all = "atlas-rust-${{ runner.os }}-workspace";
            let key = format!("{of_all}-${{{{ hashFiles('Cargo.lock') }}}}");
            assert_eq!(step["with"]["key"], key, "{at}");
            assert_eq!(step["with"]["restore-keys"], of_all, "{at}");
        }
    }
    assert_eq!(lfs, ["launcher.yml: build"]);
}

#[test]
fn nothing_is_allowed_that_a_job_does_not_say_and_no_publish_is_cut_off() {
    for (file, workflow) in workflows() {
        assert_eq!(workflow["permissions"], json!({}), "{file}");
        let cancels = workflow["concurrency"]["cancel-in-progress"] == true;
        assert_eq!(cancels, file == "ci.yml", "{file}");
        for (id, job) in workflow["jobs"].as_object().unwrap() {
            let permissions = job["permissions"].as_object().unwrap();
            let writes = permissions.iter().filter(|(_, leave)| *leave == "write");
            let writes: Vec<&str> = writes.map(|(name, _)| name.as_str()).collect();
            let allowed: &[&str] = match (file.as_str(), id.as_str()) {
                ("ci.yml", _) | ("launcher.yml" | "release.yml", "look") => &[],
                ("launcher.yml" | "release.yml", "build" | "finish") => &["id-token"],
                ("launcher.yml" | "release.yml", "attest" | "attest-sbom") => {
                    &["attestations", "id-token"]
                }
                ("launcher.yml" | "release.yml", "github-release") => &["contents"],
                _ => &["attestations", "contents", "id-token"],
            };
            assert_eq!(writes, allowed, "{file}: {id}");
            assert_ne!(job["secrets"], "inherit", "{file}: {id}");
        }
        // It would wrap the building of the program that tries it.
        assert!(!workflow.to_string().contains("RUSTC_WRAPPER"), "{file}");
    }
}

/// What is attested, and what becomes a release on GitHub, is what the building jobs have handed over.
#[test]
fn jobs_that_use_dist_take_it_over_first() {
    let release = &workflows()["release.yml"];
    let steps = |job: &str| release["jobs"][job]["steps"].as_array().unwrap().clone();
    let handed = steps("build").pop().unwrap();
    assert_eq!(handed["with"]["path"], "dist");
    let name = handed["with"]["name"].as_str().unwrap();
    let pattern = name.replace("${{ matrix.platform }}", "*");
    for job in ["finish", "attest", "attest-sbom", "github-release"] {
        let steps = steps(job);
        let taken = steps.iter().position(|step| {
            let uses = step["uses"].as_str().unwrap_or_default();
            uses.starts_with("actions/download-artifact@")
                && step["with"]
                    == json!({"pattern": pattern, "path": "dist", "merge-multiple": true})
        });
        let taken = taken.unwrap_or_else(|| panic!("{job} has nothing to work on"));
        assert!(taken + 1 < steps.len(), "{job}");
    }
}

#[test]
fn both_runner_programs_are_built_in_one_job_of_each_platform() {
    let all = workflows();
    let release = &all["release.yml"];
    let include = &release["jobs"]["build"]["strategy"]["matrix"]["include"];
    let platforms: Vec<&str> = include
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["platform"].as_str().unwrap())
        .collect();
    assert_eq!(platforms.len(), 6);
    assert_eq!(release["env"]["ATLAS_REQUIRE"], platforms.join(","));
    for (name, value) in [
        ("CARGO_INCREMENTAL", "0"),
        ("CARGO_TARGET_AARCH64_PC_WINDOWS_MSVC_LINKER", "lld-link"),
        ("CARGO_TARGET_X86_64_PC_WINDOWS_MSVC_LINKER", "lld-link"),
        ("SCCACHE_GHA_ENABLED", "true"),
        ("SCCACHE_IGNORE_SERVER_IO_ERROR", "1"),
    ] {
        for file in ["release.yml", "launcher.yml"] {
            assert_eq!(all[file]["env"][name], value, "{file}: {name}");
        }
    }
    // What a tag's run writes no other run sees; what the main branch does is what they find.
    for file in ["release.yml", "launcher.yml"] {
        assert_eq!(
            all[file]["env"]["SCCACHE_GHA_RW_MODE"], "READ_ONLY",
            "{file}"
        );
    }
    let filled = &all["ci.yml"]["jobs"]["caches"]["strategy"]["matrix"]["runner"];
    let mut filled: Vec<_> = filled.as_array().unwrap().iter().collect();
    let mut runners: Vec<_> = include
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["runner"])
        .collect();
    filled.sort_by_key(|name| name.to_string());
    runners.sort_by_key(|name| name.to_string());
    assert_eq!(filled, runners);
    let builds = |job: &serde_json::Value| {
        let steps = job["steps"].as_array().unwrap().iter();
        let runs = steps.filter_map(|step| step["run"].as_str());
        let builds: Vec<String> = runs
            .filter(|run| run.starts_with("atlas-release build"))
            .map(str::to_owned)
            .collect();
        builds
    };
    // Both programs of the runner come out of one command in one job of each platform.
    assert_eq!(
        builds(&release["jobs"]["build"]),
        ["atlas-release build \"$ATLAS_TAG\""]
    );
    assert_eq!(
        builds(&all["ci.yml"]["jobs"]["caches"]),
        [
            "atlas-release build runner --snapshot",
            "atlas-release build cli --snapshot"
        ]
    );
    for (file, tags) in [
        ("runner-release.yml", "runner-v*"),
        ("cli-release.yml", "cli-v*"),
        ("launcher-release.yml", "launcher-v*"),
    ] {
        let on = &all[file]["on"];
        assert_eq!(on["push"], json!({"tags": [tags]}), "{file}");
        assert_eq!(on.as_object().unwrap().len(), 2, "{file}");
        assert_eq!(all[file]["jobs"].as_object().unwrap().len(), 1);
    }
    for file in ["release.yml", "launcher.yml"] {
        assert!(all[file]["on"]["workflow_call"].is_object(), "{file}");
    }
}

/// Who runs a workflow may name the channel; it reaches every command by the environment, and what cannot be
/// released ends before anything is built.
#[test]
fn a_channel_reaches_every_job_and_the_tag_is_looked_at_first() {
    let all = workflows();
    for file in [
        "runner-release.yml",
        "cli-release.yml",
        "launcher-release.yml",
    ] {
        let channel = &all[file]["on"]["workflow_dispatch"]["inputs"]["channel"];
        assert_eq!(
            (&channel["type"], &channel["default"]),
            (&json!("string"), &json!(""))
        );
        let with = &all[file]["jobs"]["release"]["with"];
        assert_eq!(with["channel"], "${{ inputs.channel }}", "{file}");
    }
    for file in ["release.yml", "launcher.yml"] {
        let channel = &all[file]["on"]["workflow_call"]["inputs"]["channel"];
        assert_eq!(
            (&channel["type"], &channel["default"]),
            (&json!("string"), &json!(""))
        );
        assert_eq!(
            all[file]["env"]["ATLAS_CHANNEL"], "${{ inputs.channel }}",
            "{file}"
        );
        let jobs = all[file]["jobs"].as_object().unwrap();
        let first: Vec<&String> = jobs
            .iter()
            .filter(|(_, job)| job["needs"].is_null())
            .map(|(id, _)| id)
            .collect();
        assert_eq!(first, ["look"], "{file}");
        assert_eq!(jobs["build"]["needs"], "look", "{file}");
        for step in jobs
            .values()
            .flat_map(|job| job["steps"].as_array().unwrap())
        {
            // A step's own would hide it.
            assert!(step["env"]["ATLAS_CHANNEL"].is_null(), "{file}: {step}");
        }
    }
}

#[test]
fn a_launcher_is_released_by_the_commands_of_every_release() {
    let all = workflows();
    let commands = |file: &str| {
        let jobs = all[file]["jobs"].as_object().unwrap();
        let steps = jobs
            .values()
            .flat_map(|job| job["steps"].as_array().unwrap());
        let run = steps.filter_map(|step| step["run"].as_str());
        let ours = run.filter(|line| line.starts_with("atlas-release "));
        ours.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut launcher = commands("launcher.yml");
    launcher.retain(|line| line != "atlas-release env --format github");
    assert_eq!(launcher, commands("release.yml"));
    for file in ["launcher.yml", "release.yml"] {
        for job in ["finish", "attest", "github-release"] {
            assert_eq!(all["launcher.yml"]["jobs"][job], all[file]["jobs"][job]);
        }
    }
    let caller = &all["launcher-release.yml"]["jobs"]["release"];
    assert_eq!(caller["with"]["folder"], "examples/launcher");
    // Who bundles has the key where the command signs, and else only the step that signs has it.
    let steps = all["launcher.yml"]["jobs"]["build"]["steps"]
        .as_array()
        .unwrap();
    let with_key: Vec<&str> = steps
        .iter()
        .filter(|step| step["env"]["TAURI_SIGNING_PRIVATE_KEY"].is_string())
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    assert_eq!(with_key, ["Bundle", "Sign what Tauri has not"]);
    let bundle = steps.iter().find(|step| step["name"] == "Bundle").unwrap();
    let key = bundle["env"]["TAURI_SIGNING_PRIVATE_KEY"].as_str().unwrap();
    assert!(key.starts_with("${{ inputs.tauri-signs && "), "{key}");
}

/// Ubuntu keeps users from the namespaces that tests need, unless it is told not to.
#[test]
fn all_checks_run_where_users_may_make_namespaces() {
    let all = workflows();
    let job = &all["ci.yml"]["jobs"]["test"];
    let commands: Vec<&str> = job["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|step| step["run"].as_str())
        .collect();
    let allowed = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
    assert_eq!(commands, [allowed, "ci/test"]);
}
