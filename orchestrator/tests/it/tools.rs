//! `doctor`, `setup` and `env` as a user meets them.

use crate::support::*;
use atlas_release::cargo_config::{ConfigFile, mold_variable};
use serde_json::Value;
use test_support::{FakeTools, Finished, Invocation, Sandbox, path_without};

/// The one event of a run.
#[track_caller]
fn only_event(run: &Finished, kind: &str) -> Value {
    let mut events = events(run);
    assert_eq!(events.len(), 1, "{run}");
    assert_eq!(events[0]["event"], kind);
    assert_eq!(events[0]["format"], 1);
    events.remove(0)
}

fn row<'a>(doctor: &'a Value, tool: &str) -> &'a Value {
    let rows = doctor["tools"].as_array().unwrap();
    rows.iter().find(|row| row["tool"] == tool).unwrap()
}

/// A machine without mold, sccache and anything that installs them.
fn bare(sandbox: &Sandbox, line: &str) -> Invocation {
    let dir = sandbox.root().join("path");
    if !dir.exists() {
        path_without(
            &dir,
            &[
                "mold",
                "sccache",
                "apt-get",
                "dnf",
                "zypper",
                "pacman",
                "apk",
                "brew",
                "python3",
                "python",
                "cargo-binstall",
            ],
        );
    }
    atlas(sandbox, line).env("PATH", dir)
}

#[test]
fn what_is_missing_is_a_row_and_exit_code_3() {
    let project = Project::new();
    let sandbox = &project.sandbox;
    let here = |line: &str| bare(sandbox, line).cwd(project.fixture.root());
    let run = here("doctor --format json").run().exits(3);
    let doctor = only_event(&run, "doctor");
    assert_eq!(doctor["ready"], false);
    let mold = row(&doctor, "mold");
    assert_eq!(mold["state"], "missing");
    assert_eq!(mold["need"], "needed");
    assert_eq!(row(&doctor, "sccache")["state"], "missing");
    for tool in ["cargo", "rustc", "git", "lld-link"] {
        let row = row(&doctor, tool);
        assert_eq!(row["state"], "works", "{row}");
        assert!(
            row["version"].is_string() && row["smallest"].is_string(),
            "{row}"
        );
    }
    run.says(&["lacks what releases need: mold"]);
    // People are told the same, and nothing was left behind.
    let run = here("doctor").run().exits(3);
    assert!(
        run.stdout
            .contains("mold      missing  links programs for Linux; needed"),
        "{run}"
    );
    assert!(run.stdout.ends_with("ready     no: mold\n"), "{run}");
    assert!(!sandbox.state_dir().exists());
}

#[test]
fn a_tool_that_is_there_and_does_not_work_is_told_apart() {
    let sandbox = Sandbox::new();
    let tools = FakeTools::new(sandbox.root().join("bin"));
    for name in ["mold", "ld.mold"] {
        tools.add(name, "[ \"$1\" = --version ] && echo mold 2.0.0");
    }
    tools.add("git", "echo git version 2.1.0");
    tools.add("lld-link", "echo LLD 18.0.0");
    let run = atlas(&sandbox, "doctor --format json")
        .env("PATH", tools.path_before(sandbox.env()))
        .run()
        .exits(3);
    let doctor = only_event(&run, "doctor");
    assert_eq!(row(&doctor, "mold")["state"], "broken");
    assert_eq!(row(&doctor, "git")["state"], "too-old");
    assert_eq!(row(&doctor, "lld-link")["state"], "broken");
    let notes = row(&doctor, "lld-link")["notes"].to_string();
    assert!(notes.contains("left no program"), "{notes}");
}

#[test]
fn a_configuration_that_is_at_fault_is_told_apart_from_a_broken_program() {
    let sandbox = Sandbox::new();
    for (name, value, cause) in [
        ("GITHUB_ACTIONS", "true", "ACTIONS_RESULTS_URL"),
        (
            "SCCACHE_REDIS_ENDPOINT",
            "127.0.0.1:1",
            "the shared cache that SCCACHE_REDIS_ENDPOINT names cannot be reached (",
        ),
    ] {
        let doctor = |line: &str| atlas(&sandbox, line).env(name, value).run();
        let doctor = only_event(&doctor("doctor --format json"), "doctor");
        let row = row(&doctor, "sccache");
        assert_eq!(row["state"], "misconfigured", "{row}");
        assert_eq!(row["install"].as_array().unwrap().len(), 0, "{row}");
        assert!(row["notes"][0].as_str().unwrap().contains(cause), "{row}");
        let run = atlas(&sandbox, "setup --dry-run").env(name, value).run();
        assert!(
            run.stdout
                .contains("# sccache: not installed from here; see doctor"),
            "{run}"
        );
    }
    // A program that fails whatever it is told.
    let tools = FakeTools::new(sandbox.root().join("bin"));
    tools.add(
        "sccache",
        "[ \"$1\" = --version ] && echo sccache 0.16.0 && exit; exit 1",
    );
    let path = path_without(&sandbox.root().join("path"), &["sccache"]);
    let path = std::env::join_paths([sandbox.root().join("bin"), path]).unwrap();
    let run = atlas(&sandbox, "doctor --format json")
        .env("PATH", path)
        .env("SCCACHE_REDIS_ENDPOINT", "no")
        .run();
    let doctor = only_event(&run, "doctor");
    assert_eq!(row(&doctor, "sccache")["state"], "broken", "{run}");
}

#[test]
fn setup_installs_what_is_missing_and_says_what_still_is() {
    let sandbox = Sandbox::new();
    let with_apt = |line: &str, script: &str| {
        let tools = FakeTools::new(sandbox.root().join("bin"));
        tools.add("apt-get", script);
        // Whoever runs the tests may be root or not.
        tools.add("sudo", "shift; exec \"$@\"");
        let run = bare(&sandbox, line);
        let path = [sandbox.root().join("bin"), sandbox.root().join("path")];
        (run.env("PATH", std::env::join_paths(path).unwrap()), tools)
    };
    let (run, tools) = with_apt("setup --dry-run", "exit 0");
    let run = run.run().exits(0);
    assert!(
        run.stdout
            .contains("apt-get install --yes --no-install-recommends mold"),
        "{run}"
    );
    assert!(tools.calls("apt-get").is_empty(), "{run}");
    let (run, _) = with_apt("setup --dry-run --format json", "exit 0");
    let setup = only_event(&run.run().exits(0), "setup");
    assert_eq!(setup["steps"][0]["tool"], "mold");
    // It fails, and nothing asks cargo to compile what apt could not install.
    let (run, tools) = with_apt("setup", "echo no such package >&2; exit 100");
    let cargo = FakeTools::new(sandbox.root().join("bin"));
    cargo.add(
        "cargo",
        "[ \"$1\" = --version ] && echo cargo 1.95.0 && exit; echo no >&2; exit 101",
    );
    let run = run
        .run()
        .exits(3)
        .says(&["no such package", "lacks what releases need: mold"]);
    assert_eq!(tools.calls("apt-get"), ["update", "update"], "{run}");
    let calls = cargo.calls("cargo");
    assert!(
        calls
            .iter()
            .any(|call| call.starts_with("install --locked")),
        "{calls:?}"
    );
    assert!(!run.stdout.contains("sccache   works"), "{run}");
}

#[test]
fn the_environment_in_every_form() {
    let sandbox = Sandbox::new();
    let run = bare(&sandbox, "env --format sh").run().exits(0);
    assert!(
        run.stdout.contains("export CARGO_INCREMENTAL='0'\n"),
        "{run}"
    );
    assert!(
        run.stdout
            .contains("export CARGO_PROFILE_RELEASE_DEBUG='0'\n"),
        "{run}"
    );
    assert!(
        !run.stdout.contains("RUSTC_WRAPPER") && !run.stdout.contains("mold"),
        "{run}"
    );
    run.says(&["mold cannot be used", "sccache cannot be used"]);
    for (form, says) in [
        ("fish", "set -gx CARGO_INCREMENTAL '0'\n"),
        ("powershell", "$env:CARGO_INCREMENTAL = '0'\n"),
    ] {
        let run = bare(&sandbox, &format!("env --format {form}"))
            .run()
            .exits(0);
        assert!(run.stdout.contains(says), "{run}");
    }
    let run = bare(&sandbox, "env --format json").run().exits(0);
    let env = only_event(&run, "env");
    assert_eq!(env["variables"]["SCCACHE_IGNORE_SERVER_IO_ERROR"], "1");
    assert_eq!(env["warnings"].as_array().unwrap().len(), 2);
    let run = bare(&sandbox, "env").run().exits(2);
    run.says(&["--format"]);
    bare(&sandbox, "env --format human")
        .run()
        .exits(2)
        .says(&["invalid value 'human'"]);
    bare(&sandbox, "plan --format sh")
        .run()
        .exits(2)
        .says(&["invalid value 'sh'"]);
}

#[test]
fn github_is_told_in_its_files_alone() {
    let sandbox = Sandbox::new();
    let file = sandbox.root().join("github-env");
    bare(&sandbox, "env --format github")
        .run()
        .exits(2)
        .says(&["GITHUB_ENV is not set", "--format sh"]);
    std::fs::write(&file, "BEFORE=1\n").unwrap();
    let run = bare(&sandbox, "env --format github")
        .env("GITHUB_ENV", &file)
        .run()
        .exits(0);
    assert_eq!(run.stdout, "");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("BEFORE=1"));
    let (name, delimiter) = lines.next().unwrap().split_once("<<").unwrap();
    assert_eq!(name, "CARGO_INCREMENTAL");
    assert!(delimiter.len() > 32);
    assert_eq!((lines.next(), lines.next()), (Some("0"), Some(delimiter)));
}

#[test]
fn the_workspaces_profile_stands() {
    let project = Project::new();
    let env = |extra: Option<(&str, &str)>| {
        let mut run = bare(&project.sandbox, "env --format json").cwd(project.fixture.root());
        if let Some((name, value)) = extra {
            run = run.env(name, value);
        }
        only_event(&run.run().exits(0), "env")["variables"]["CARGO_PROFILE_RELEASE_DEBUG"].clone()
    };
    // The fixture's profile says `debug = 0`.
    assert_eq!(env(None), Value::Null);
    project.fixture.edit("Cargo.toml", "debug = 0\n", "");
    assert_eq!(env(None), "0");
    assert_eq!(env(Some(("CARGO_PROFILE_RELEASE_DEBUG", "1"))), Value::Null);
    project
        .fixture
        .write(".cargo/config.toml", "[profile.release]\ndebug = 1\n");
    assert_eq!(env(None), Value::Null);
}

#[test]
fn a_broken_configuration_is_named_and_flags_that_are_no_text_are_left_alone() {
    use std::os::unix::ffi::OsStringExt as _;
    let project = Project::new();
    project
        .fixture
        .write(".cargo/config.toml", "[build]\nrustflags = [\n");
    let run = bare(&project.sandbox, "env --format sh")
        .cwd(project.fixture.root())
        .run()
        .exits(0);
    run.says(&[".cargo/config.toml is not understood", "line 2"]);
    let name = format!(
        "CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUSTFLAGS",
        std::env::consts::ARCH.to_uppercase()
    );
    let flags = std::ffi::OsString::from_vec(b"--cfg \xff".to_vec());
    let run = atlas(&project.sandbox, "env --format sh")
        .cwd(project.sandbox.root())
        .env(&name, flags)
        .run()
        .exits(0);
    assert!(!run.stdout.contains(&name), "{run}");
    run.says(&[&name, "mold is left out"]);
}

/// What is said about the variable that asks for mold is what cargo does.
#[test]
fn the_variable_for_mold_silences_what_is_said_and_nothing_else() {
    let sandbox = Sandbox::new();
    let dir = sandbox.root().join("p");
    std::fs::create_dir_all(dir.join("src")).unwrap();
    std::fs::create_dir_all(dir.join(".cargo")).unwrap();
    std::fs::write(dir.join("src/lib.rs"), "").unwrap();
    let manifest =
        "[package]\nname = \"p\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    std::fs::write(dir.join("Cargo.toml"), manifest).unwrap();
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let target = format!("[target.{triple}]\nrustflags = ");
    let none = ("UNUSED", "");
    for (config, var, silenced, mold) in [
        (
            "[build]\nrustflags = ['--cfg', 'flag']".to_owned(),
            none,
            true,
            true,
        ),
        (format!("{target}['--cfg', 'flag']"), none, false, true),
        (format!("{target}'--cfg flag'"), none, false, true),
        (
            "[target.'cfg(unix)']\nrustflags = ['--cfg', 'flag']".to_owned(),
            none,
            false,
            true,
        ),
        (
            String::new(),
            ("CARGO_BUILD_RUSTFLAGS", "--cfg flag"),
            true,
            true,
        ),
        (String::new(), ("RUSTFLAGS", "--cfg flag"), false, false),
        (
            String::new(),
            ("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}flag"),
            false,
            false,
        ),
    ] {
        let path = dir.join(".cargo/config.toml");
        std::fs::write(&path, &config).unwrap();
        let mut env = sandbox.env().clone();
        env.set(var.0, var.1);
        let table = toml::from_str(&config).unwrap();
        let variable = mold_variable(&triple, &[ConfigFile { path, table }], &env);
        assert_eq!(
            variable.warnings.is_empty(),
            !silenced && mold,
            "{config} {var:?}"
        );
        let run = sandbox
            .invoke("cargo")
            .args(["check", "--verbose", "--offline", "--target-dir"])
            .arg(sandbox.root().join("t"))
            .env(var.0, var.1)
            .env(&variable.name, &variable.value)
            .cwd(&dir)
            .run()
            .exits(0);
        std::fs::remove_dir_all(sandbox.root().join("t")).unwrap();
        assert_eq!(
            run.stderr.contains("--cfg flag"),
            !silenced,
            "{config} {var:?} {run}"
        );
        assert_eq!(
            run.stderr.contains("-fuse-ld=mold"),
            mold,
            "{config} {var:?} {run}"
        );
    }
}
