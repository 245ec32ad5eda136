//! `reproduce --from`: somebody's record is enough to build the same bytes.

use crate::reproducing::{document, telling};
use crate::support::*;
use serde_json::Value;
use std::fs;

#[test]
fn a_record_is_enough_to_build_the_same_bytes() {
    let project = telling();
    project.quick("build demo-v0.1.0").run().exits(0);
    let record = project.staged("demo-0.1.0").join("release.json");
    let text = fs::read_to_string(&record).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["format"], 2);
    let recipe = &value["recipe"];
    let root = project.sandbox.root().to_string_lossy().into_owned();
    assert!(!recipe.to_string().contains(&root), "{recipe}");
    for field in ["lock_sha256", "cargo", "linker", "c_compiler", "profile"] {
        assert!(!recipe[field].is_null(), "{field}: {recipe}");
    }
    assert_eq!(recipe["environment"]["CARGO_INCREMENTAL"], "0");
    let from = |file: &std::path::Path| {
        atlas(&project.sandbox, "reproduce --format json")
            .cwd(project.fixture.root())
            .arg("--from")
            .arg(file)
            .run()
    };
    // The commit is found wherever HEAD is.
    project.fixture.change("again");
    let run = from(&record).exits(0);
    assert_eq!(document(&run)["against"], "record", "{run}");

    let altered = project.sandbox.root().join("altered.json");
    let digest = value["artifacts"][0]["sha256"].as_str().unwrap();
    fs::write(&altered, text.replace(digest, &"0".repeat(64))).unwrap();
    let run = from(&altered).exits(8);
    let found = document(&run);
    let identical = |product: &str| {
        let mut files = found["files"].as_array().unwrap().iter();
        files.find(|file| file["product"] == product).unwrap()["identical"].clone()
    };
    let product = value["artifacts"][0]["product"].as_str().unwrap();
    assert_eq!(identical(product), false, "{run}");
    let other = value["artifacts"][1]["product"].as_str().unwrap();
    assert_eq!(identical(other), true, "{run}");
    fs::write(&altered, text.replace("rustc 1.", "rustc 9.")).unwrap();
    from(&altered)
        .exits(3)
        .says(&["rustc is not what the record names", "rustc 9."]);
    fs::write(
        &altered,
        text.replace("\"dirty\": []", "\"dirty\": [\"x.rs\"]"),
    )
    .unwrap();
    from(&altered)
        .exits(2)
        .says(&["the record is of files that differed from the commit: x.rs"]);
    let commit = value["commit"].as_str().unwrap();
    fs::write(&altered, text.replace(commit, &"1".repeat(40))).unwrap();
    from(&altered)
        .exits(2)
        .says(&["this repository has no commit"]);
    fs::write(&altered, text.replace(commit, "--orphan=x")).unwrap();
    from(&altered)
        .exits(2)
        .says(&["`commit` is no full name of a commit"]);
}

#[test]
fn a_records_variables_are_in_force_and_this_machines_are_not() {
    let project = telling();
    project
        .quick("build demo-v0.1.0")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("RUSTFLAGS", "-C overflow-checks=yes")
        .run()
        .exits(0);
    let record = project.staged("demo-0.1.0").join("release.json");
    let text = fs::read_to_string(&record).unwrap();
    let from_with = |file: &std::path::Path, flags: &str| {
        atlas(
            &project.sandbox,
            &format!("reproduce --format json {flags}"),
        )
        .cwd(project.fixture.root())
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "false")
        .arg("--from")
        .arg(file)
        .run()
    };
    // Flags can run anything, so they are taken from a record by leave alone, and told.
    from_with(&record, "")
        .exits(2)
        .says(&["RUSTFLAGS=-C overflow-checks=yes", "--trust-record"]);
    let from = |file: &std::path::Path| from_with(file, "--trust-record");
    let run = from(&record).exits(0);
    let found = document(&run);
    assert_eq!(found["identical"], true, "{run}");
    let told = "set as the record says: RUSTFLAGS=-C overflow-checks=yes";
    assert!(
        found["notes"].as_array().unwrap().contains(&told.into()),
        "{run}"
    );
    let altered = project.sandbox.root().join("altered.json");
    let level = "\"CARGO_PROFILE_RELEASE_OPT_LEVEL\": \"1\"";
    assert!(text.contains(level), "{text}");
    fs::write(&altered, text.replace(level, &level.replace('1', "2"))).unwrap();
    from(&altered).exits(8);
    let zone = "\"TZ\": \"UTC\"";
    assert!(text.contains(zone), "{text}");
    fs::write(&altered, text.replace(zone, "\"TZ\": \"CET\"")).unwrap();
    from(&altered)
        .exits(3)
        .says(&["TZ is not what the record names", "CET"]);
}

#[test]
fn a_record_runs_nothing_of_its_writers() {
    let project = telling();
    project.quick("build demo-v0.1.0").run().exits(0);
    let record = project.staged("demo-0.1.0").join("release.json");
    let text = fs::read_to_string(&record).unwrap();
    let altered = project.sandbox.root().join("altered.json");
    let trace = project.sandbox.root().join("trace");
    let program = project.sandbox.root().join("program");
    let script = format!("#!/bin/sh\ntouch {}\nexec cc \"$@\"\n", trace.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(
        &program,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let from = || {
        atlas(&project.sandbox, "reproduce --format json")
            .cwd(project.fixture.root())
            .arg("--from")
            .arg(&altered)
            .run()
    };
    for (name, value) in [
        ("RUSTFLAGS", format!("-C linker={}", program.display())),
        ("CC", program.display().to_string()),
        (
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            program.display().to_string(),
        ),
    ] {
        let mut value_of: Value = serde_json::from_str(&text).unwrap();
        value_of["recipe"]["environment"][name] = value.clone().into();
        fs::write(&altered, value_of.to_string()).unwrap();
        from().exits(2).says(&[&format!("{name}={value}")]);
        assert!(!trace.exists(), "{name}");
    }
    // What is no name of a variable could not even be given to a program.
    let mut odd: Value = serde_json::from_str(&text).unwrap();
    odd["recipe"]["environment"]["CARGO_TARGET_X\nidentical"] = "1".into();
    fs::write(&altered, odd.to_string()).unwrap();
    from().exits(2).says(&["`environment` has a name"]);
}

#[test]
fn what_a_record_says_otherwise_is_told() {
    let project = telling();
    // As programs were when records had no recipe.
    let without = "[workspace.metadata.atlas-release]\nauditable = false\n\n[profile.release]";
    let fixture = &project.fixture;
    fixture.edit("Cargo.toml", "[profile.release]", without);
    fixture.commit("no lists");
    fixture.git(&["tag", "--force", "demo-v0.1.0"]);
    project.quick("build demo-v0.1.0").run().exits(0);
    let record = project.staged("demo-0.1.0").join("release.json");
    let text = fs::read_to_string(&record).unwrap();
    let altered = project.sandbox.root().join("altered.json");
    let notes_of = |edit: &dyn Fn(&mut Value)| -> Vec<String> {
        let mut value: Value = serde_json::from_str(&text).unwrap();
        edit(&mut value);
        fs::write(&altered, value.to_string()).unwrap();
        let run = atlas(&project.sandbox, "reproduce --format json")
            .cwd(project.fixture.root())
            .arg("--from")
            .arg(&altered)
            .run()
            .exits(0);
        let found = document(&run)["notes"].clone();
        serde_json::from_value(found).unwrap_or_default()
    };
    let notes = notes_of(&|value| {
        value["command"][1] = "bench".into();
        value["environment"]["RUSTFLAGS"] = "-g".into();
        value["rustc_flags"]
            .as_array_mut()
            .unwrap()
            .push("-g".into());
        value["artifacts"][0]["package"] = "another".into();
        value["recipe"]["commit_time"] = 7.into();
        value["recipe"]["cargo"] = "cargo 1\nidentical  x".into();
    });
    for told in [
        "command: recorded",
        "program and package of",
        "time of the commit: recorded 7",
        "cargo: recorded",
        "environment: recorded",
        "flags for the target: recorded",
    ] {
        assert!(
            notes.iter().any(|note| note.starts_with(told)),
            "{told}: {notes:?}"
        );
    }
    assert!(notes.iter().all(|note| !note.contains('\n')), "{notes:?}");
    // One of the form that had no recipe can only be compared by its tools.
    let notes = notes_of(&|value| {
        value["format"] = 1.into();
        value.as_object_mut().unwrap().remove("recipe");
    });
    assert!(
        notes
            .iter()
            .any(|note| note.starts_with("the record has no recipe")),
        "{notes:?}"
    );
    let mut lost: Value = serde_json::from_str(&text).unwrap();
    lost.as_object_mut().unwrap().remove("recipe");
    fs::write(&altered, lost.to_string()).unwrap();
    atlas(&project.sandbox, "reproduce")
        .cwd(project.fixture.root())
        .arg("--from")
        .arg(&altered)
        .run()
        .exits(2)
        .says(&["has no `recipe`"]);
}

#[test]
fn an_honest_record_gets_no_doubt_and_one_of_another_commit_is_refused() {
    let project = Project::new();
    // What every build then sets by itself.
    project.fixture.edit("Cargo.toml", "debug = 0\n", "");
    project.fixture.commit("no word on debug information");
    project.fixture.tag("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    let record = project.staged("demo-0.1.0").join("release.json");
    let from = || {
        let line = "reproduce demo-v0.1.0 --format json";
        let run = atlas(&project.sandbox, line).cwd(project.fixture.root());
        run.arg("--from").arg(&record).run()
    };
    let run = from().exits(0);
    assert_eq!(document(&run)["identical"], true, "{run}");
    assert_eq!(document(&run)["notes"], Value::Null, "{run}");
    project.fixture.change("something else");
    project.fixture.git(&["tag", "--force", "demo-v0.1.0"]);
    from().exits(8).says(&[
        "the record is of commit ",
        "`demo-v0.1.0` is at ",
        "git fetch --tags --force",
    ]);
}

#[test]
fn a_record_that_is_not_there_is_a_wrong_argument() {
    let project = Project::new();
    fs::write(project.fixture.root().join("no-text"), b"\xff").unwrap();
    for (file, says) in [
        ("missing.json", "No such file"),
        ("alpha", ""),
        ("no-text", "UTF-8"),
        ("/dev/zero", "not a regular file"),
    ] {
        atlas(&project.sandbox, "reproduce")
            .arg("--from")
            .arg(file)
            .cwd(project.fixture.root())
            .run()
            .exits(2)
            .says(&["cannot read the record ", file, says, "hint: "]);
    }
}

#[test]
fn a_record_adds_no_line_to_what_is_said_of_it_and_is_not_repeated_whole() {
    let project = Project::tagged("demo-v0.1.0");
    let record = staged_release(&project.sandbox).join("release.json");
    let text = fs::read_to_string(&record).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let altered = project.sandbox.root().join("altered.json");
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut value = value.clone();
        change(&mut value);
        fs::write(&altered, value.to_string()).unwrap();
        let run = atlas(&project.sandbox, "reproduce")
            .arg("--from")
            .arg(&altered);
        let run = run.cwd(project.fixture.root()).run().exits(2);
        let lines: Vec<&str> = run.stderr.lines().collect();
        let own = ["error: ", "hint: ", "  "];
        assert!(
            lines
                .iter()
                .all(|line| own.iter().any(|start| line.starts_with(start))),
            "{run}"
        );
        assert!(run.stderr.len() < 40_000, "{}", run.stderr.len());
    };
    let injected = "x\nidentical demo-v0.1.0 for linux-x64\u{2028}compared";
    for field in ["tag", "group", "target", "channel", "version", "commit"] {
        refused(&|value| value[field] = injected.into());
    }
    for field in ["kind", "product", "filename"] {
        refused(&|value| value["artifacts"][0][field] = injected.into());
    }
    refused(&|value| value["dirty"] = serde_json::json!([injected]));
    refused(&|value| value["format"] = "9".repeat(1_000_000).into());
    refused(&|value| {
        for n in 0..1000 {
            let name = format!("CFLAGS_{n}");
            value["recipe"]["environment"][name] = "v".repeat(500).into();
        }
    });
}
