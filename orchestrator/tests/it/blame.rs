//! Whose fault it is when a trial fails: another copy of a tool is no help where something else is
//! broken.

use crate::support::*;
use test_support::roots::unshare_flags;
use test_support::{FakeTools, Finished, Sandbox};

/// A row of `doctor`.
#[track_caller]
fn row(run: &Finished, tool: &str) -> serde_json::Value {
    let doctor = events_of(run, "doctor")[0].clone();
    let rows = doctor["tools"].as_array().unwrap();
    rows.iter().find(|row| row["tool"] == tool).unwrap().clone()
}

#[test]
fn a_c_compiler_that_fails_is_named() {
    let project = Project::tagged("demo-v0.1.0");
    let sandbox = &project.sandbox;
    let tools = FakeTools::new(sandbox.root().join("bin"));
    tools.add("cc", "echo it is broken >&2; exit 1");
    let path = tools.path_before(sandbox.env());
    let doctor = atlas(sandbox, "doctor --format json").env("PATH", &path);
    let found = row(&doctor.run().exits(3), "mold");
    assert_eq!(found["state"], "prevented", "{found}");
    assert_eq!(found["install"].as_array().unwrap().len(), 0, "{found}");
    let note = found["notes"][0].as_str().unwrap();
    let cc = sandbox.root().join("bin/cc").display().to_string();
    assert!(
        note.contains(&format!("`cc` ({cc}) does not work")),
        "{note}"
    );
    assert!(
        note.contains("it is broken") && note.contains("without mold as well"),
        "{note}"
    );
    let setup = atlas(sandbox, "setup --dry-run").env("PATH", &path).run();
    assert!(
        setup
            .stdout
            .contains("# mold: not installed from here; see doctor"),
        "{setup}"
    );
    project
        .atlas("build demo-v0.1.0 --no-sccache --no-install")
        .env("PATH", &path)
        .run()
        .exits(3)
        .says(&[
            &format!("`cc` ({cc}) does not work"),
            "install a working one",
        ]);
}

#[test]
fn the_mold_that_is_found_is_the_mold_that_links() {
    let sandbox = Sandbox::new();
    let tools = FakeTools::new(sandbox.root().join("bin"));
    // The C compiler goes by `ld.mold`, which is the real one.
    tools.add("mold", "echo 'mold 99.0.0 (compatible with GNU ld)'");
    let run = atlas(&sandbox, "doctor --format json")
        .env("PATH", tools.path_before(sandbox.env()))
        .run()
        .exits(3);
    let found = row(&run, "mold");
    assert_eq!(found["state"], "broken", "{found}");
    let note = found["notes"][0].as_str().unwrap();
    assert!(
        note.contains("it is 99.0.0, and the C compiler links with another one"),
        "{note}"
    );
}

#[test]
fn a_compiler_that_writes_nothing_is_no_fault_of_the_disks() {
    let project = Project::tagged("demo-v0.1.0");
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    tools.add("cc", "exit 0");
    let run = project
        .atlas("build demo-v0.1.0 --no-sccache --no-install")
        .env("PATH", tools.path_before(project.sandbox.env()));
    run.run().exits(3).says(&["left no program"]);
}

#[test]
fn a_full_temporary_folder_is_no_tools_fault() {
    with_temporary_folder("size=64k", &["cannot use", "small"]);
}

#[test]
fn a_temporary_folder_that_runs_nothing_is_no_tools_fault() {
    with_temporary_folder("noexec", &["no program can be run from", "small", "TMPDIR"]);
}

/// Commands that try mold end with 9 and say this where the folder for temporary files is mounted so.
#[track_caller]
fn with_temporary_folder(options: &str, says: &[&str]) {
    let project = Project::tagged("demo-v0.1.0");
    let small = project.sandbox.root().join("small");
    std::fs::create_dir(&small).unwrap();
    // In a mount namespace of its own; as root, or where users may make one.
    let script = format!(
        "mount -t tmpfs -o {options} tmpfs '{}' && exec \"$@\"",
        small.display()
    );
    let mapped = unshare_flags(&project.sandbox);
    for line in ["build demo-v0.1.0 --no-install --no-sccache", "doctor"] {
        let run = project
            .sandbox
            .invoke("unshare")
            .args(mapped.iter().copied())
            .args(["--mount", "sh", "-c", &script, "sh", ATLAS_RELEASE])
            .args(line.split_whitespace())
            .arg("--state-dir")
            .arg(project.sandbox.state_dir())
            .cwd(project.fixture.root())
            .env("TMPDIR", &small)
            .run()
            .exits(9);
        run.says(says);
    }
}
