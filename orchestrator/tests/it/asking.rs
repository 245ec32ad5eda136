//! What only asks neither fetches a Rust toolchain nor keeps silent about one machine for the sake
//! of one file.

use crate::support::*;
use serde_json::Value;
use test_support::Invocation;

#[track_caller]
fn row(doctor: &Value, tool: &str) -> Value {
    let mut rows = doctor["tools"].as_array().unwrap().iter();
    rows.find(|row| row["tool"] == tool).unwrap().clone()
}

/// The real rustup, told to fetch what is missing from where nobody answers.
fn eager(run: Invocation) -> Invocation {
    run.env("RUSTUP_AUTO_INSTALL", "1")
        .env("RUSTUP_DIST_SERVER", "http://127.0.0.1:1")
        .env("RUST_BACKTRACE", "1")
}

#[test]
fn a_toolchain_that_is_not_installed_is_named_and_not_fetched() {
    let project = Project::tagged("demo-v0.1.0");
    project.fixture.edit(
        "rust-toolchain.toml",
        "channel = \"1.95.0\"",
        "channel = \"1.0.0\"",
    );
    let says = [
        "error: the Rust toolchain 1.0.0-",
        " is not installed",
        "hint: `rustup toolchain install` in this folder",
    ];
    for line in [
        "plan demo-v0.1.0 --allow-dirty",
        "build demo-v0.1.0 --allow-dirty --dry-run",
    ] {
        eager(project.quick(line)).run().exits(3).says(&says);
    }
    for line in ["env --format sh", "env --format json"] {
        let run = atlas(&project.sandbox, line).cwd(project.fixture.root());
        let run = eager(run).run().exits(3).says(&says);
        assert!(!run.stdout.contains("CARGO_INCREMENTAL"), "{run}");
    }
    let run = atlas(&project.sandbox, "doctor --format json").cwd(project.fixture.root());
    let run = eager(run).run().exits(3);
    let doctor = &events_of(&run, "doctor")[0];
    for tool in ["cargo", "rustc"] {
        let row = row(doctor, tool);
        assert_eq!(row["state"], "broken", "{row}");
        let notes = row["notes"].to_string();
        assert!(notes.contains("the Rust toolchain 1.0.0-"), "{notes}");
        assert!(notes.contains("`rustup toolchain install`"), "{notes}");
    }
    assert_eq!(row(doctor, "git")["state"], "works");
}

#[test]
fn a_manifest_that_cannot_be_read_is_named_and_hides_no_tool() {
    let project = Project::new();
    let good = std::fs::read_to_string(project.fixture.root().join("alpha/Cargo.toml")).unwrap();
    let table = "[package.metadata.atlas-release.tools]";
    let manifest = project.fixture.root().join("Cargo.toml");
    for (broken, fault) in [
        ("[package\n".to_owned(), "alpha/Cargo.toml"),
        (
            format!("{good}\n{table}\nsigning = [1]\n"),
            "`signing`, tool 1: it is neither a name nor a table",
        ),
    ] {
        project.fixture.write("alpha/Cargo.toml", &broken);
        let doctor = |line: &str| {
            let run = atlas(&project.sandbox, line);
            run.cwd(project.fixture.root()).run()
        };
        let run = doctor("doctor");
        for tool in ["cargo ", "rustc ", "git ", "mold ", "sccache "] {
            assert!(run.stdout.lines().any(|l| l.starts_with(tool)), "{run}");
        }
        let run = run.says(&["warning: ", &manifest.to_string_lossy(), fault]);
        // As on any other day, the tools alone decide.
        let ready = run.stdout.ends_with("ready     yes\n");
        assert_eq!(run.code, Some(if ready { 0 } else { 3 }), "{run}");
        let run = doctor("doctor --format json");
        let warnings = events_of(&run, "warning");
        assert_eq!(warnings.len(), 1, "{run}");
        let message = warnings[0]["message"].as_str().unwrap();
        assert!(message.contains(fault), "{message}");
        assert_eq!(events_of(&run, "doctor").len(), 1, "{run}");
    }
    // Where there is no workspace, there is nothing to be read.
    let run = atlas(&project.sandbox, "doctor").run();
    assert!(!run.stderr.contains("warning"), "{run}");
}
