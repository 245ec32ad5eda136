//! The tools that products declare, as `doctor` and `setup` show them.

use crate::support::*;
use serde_json::Value;
use std::ffi::OsString;
use test_support::{FakeTools, Finished, path_without};

/// A workspace whose product `alpha` declares tools.
fn declaring(tools: &str) -> Project {
    let project = Project::new();
    let manifest = "alpha/Cargo.toml";
    let old = std::fs::read_to_string(project.fixture.root().join(manifest)).unwrap();
    let table = "[package.metadata.atlas-release.tools]";
    project
        .fixture
        .write(manifest, &format!("{old}\n{table}\n{tools}\n"));
    project
}

/// `doctor` or `setup` with these tools before the machine's own.
fn run(project: &Project, line: &str, path: &OsString) -> Finished {
    atlas(&project.sandbox, line)
        .cwd(project.fixture.root())
        .env("PATH", path)
        .run()
}

#[track_caller]
fn row(run: &Finished, tool: &str) -> Value {
    let doctor = &events_of(run, "doctor")[0];
    let mut rows = doctor["tools"].as_array().unwrap().iter();
    rows.find(|row| row["tool"] == tool).unwrap().clone()
}

#[test]
fn a_declared_tool_is_judged_by_its_version_and_installed_as_is_declared() {
    let project = declaring(
        "signing = [{ name = \"sealer\", try = [\"-v\"], min-version = \"0.11\", \
         install = { linux = \"cargo install sealer\" } }]\n\
         installers = [\"packer\"]",
    );
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    tools.add("packer", "");
    // Whatever else is lacking here, nothing on this `PATH` installs it.
    let installers = [
        "apt-get", "dnf", "zypper", "pacman", "apk", "brew", "python3", "python",
    ];
    let bare = path_without(&project.sandbox.root().join("path"), &installers);
    let path = std::env::join_paths([project.sandbox.root().join("bin"), bare]).unwrap();
    let doctor = |line: &str| run(&project, line, &path);
    let sealer = |script: &str| {
        tools.add("sealer", script);
        row(&doctor("doctor --format json"), "sealer")
    };

    let missing = row(&doctor("doctor --format json").exits(3), "sealer");
    assert_eq!(missing["state"], "missing");
    assert_eq!(missing["install"][0], "cargo install sealer");
    // Nobody is sent to `setup`, which cannot install it.
    let told = doctor("doctor").exits(3);
    let hint = told
        .stderr
        .lines()
        .skip_while(|line| !line.starts_with("hint: "));
    let hint: Vec<&str> = hint.collect();
    assert!(hint[0].ends_with("sealer: cargo install sealer"), "{told}");
    assert!(!hint.join("").contains("setup"), "{told}");
    let shown = "          install: cargo install sealer\n";
    assert!(told.stdout.contains(shown), "{told}");

    let old = sealer("[ \"$1\" = -v ] && echo sealer 0.10");
    assert_eq!(old["state"], "too-old", "{old}");
    assert_eq!(old["smallest"], "0.11.0", "{old}");
    let garbage = sealer("printf 'no\\033[31m%0200d\\nmore' 7");
    assert_eq!(garbage["state"], "broken", "{garbage}");
    let note = garbage["notes"][0].as_str().unwrap();
    assert!(
        note.starts_with("asked for its version with -v, it prints `no\u{fffd}[31m000"),
        "{note}"
    );
    assert!(
        note.ends_with("0…`, which is none") && note.chars().count() < 130,
        "{note}"
    );
    let new = sealer("echo sealer 0.12 >&2");
    assert_eq!(new["state"], "works", "{new}");
    assert_eq!(new["version"], "sealer 0.12", "{new}");
}

#[test]
fn where_nobody_says_how_it_is_installed_the_place_for_it_is_named() {
    let project = declaring("signing = [\"no-such-sealer\"]");
    let path = project.sandbox.env().get("PATH").unwrap().to_owned();
    run(&project, "doctor", &path).exits(3).says(&[
        "hint: install no-such-sealer as its makers say; `install` beside its name in \
             [package.metadata.atlas-release.tools] can say how",
    ]);
}

#[test]
fn a_mistake_is_named_with_its_table() {
    let project = declaring("signing = [{ name = \"sealer\", min-verison = \"1\" }]");
    project.quick("plan other-v1.0.0 --allow-untagged").run().exits(2).says(&[
        "[package.metadata.atlas-release.tools]: `signing`, tool 1: unknown field `min-verison`",
    ]);
}

#[test]
fn what_a_known_tool_prints_in_the_place_of_a_version_is_cut_short() {
    let project = Project::new();
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    tools.add("mold", "printf '\\033]0;x\\007%0300d\\nsecond' 1");
    let path = tools.path_before(project.sandbox.env());
    let told = run(&project, "doctor", &path).exits(3);
    let line = told
        .stdout
        .lines()
        .find(|line| line.contains("asked for its version with --version, it prints `"));
    let line = line.unwrap_or_else(|| panic!("{told}"));
    assert!(line.ends_with("0…`, which is none"), "{line}");
    assert!(
        line.chars().count() < 140 && !told.stdout.contains("second"),
        "{told}"
    );
    let mold = row(&run(&project, "doctor --format json", &path), "mold");
    assert_eq!(
        (&mold["state"], &mold["version"]),
        (&"broken".into(), &Value::Null)
    );
}
