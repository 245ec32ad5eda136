//! `build`: one cargo pass, the right version inside, and nothing staged when that fails.

use crate::support::*;
use std::fs;
use test_support::{FakeTools, tree};

/// What `dist/` holds after a build that failed.
const NOTHING: [&str; 1] = [".atlas-release.lock"];

#[track_caller]
fn nothing_is_staged(project: &Project) {
    let found: Vec<String> = tree(&project.sandbox.dist_dir()).into_keys().collect();
    assert_eq!(found, NOTHING);
    assert_eq!(tree(&project.sandbox.tmp_dir()).into_keys().count(), 0);
}

#[test]
fn two_versions_from_one_target_directory_report_each_their_own() {
    let project = Project::tagged("demo-v0.3.1");
    project.fixture.tag("demo-v0.3.2");
    for version in ["0.3.1", "0.3.2"] {
        project
            .quick(&format!("build demo-v{version}"))
            .run()
            .exits(0);
    }
    for version in ["0.3.1", "0.3.2"] {
        let staged = project.staged(&format!("demo-{version}"));
        for product in ["alpha", "beta"] {
            let program = staged.join(format!("{product}-{}", platform()));
            let run = project.sandbox.invoke(&program).arg("--version").run();
            assert_eq!(run.exits(0).stdout, format!("{product} {version}\n"));
            let file = std::fs::File::open(&program).unwrap();
            let inside = build_version::read_marker(std::io::BufReader::new(file)).unwrap();
            assert_eq!(inside.to_string(), version);
        }
    }
    // They do what they were written for: the C code is linked, the macro expanded.
    let staged = project.staged("demo-0.3.1");
    let say = |product: &str| {
        let program = staged.join(format!("{product}-{}", platform()));
        project.sandbox.invoke(program).run().exits(0).stdout
    };
    assert_eq!(say("alpha"), "the answer is 42\n");
    assert_eq!(say("beta"), "HELLO\n");
}

#[test]
fn one_cargo_pass_builds_the_group_and_nothing_else() {
    let project = Project::tagged("demo-v0.1.0");
    let tools = FakeTools::new(project.sandbox.root().join("bin"));
    let real = which::which("cargo").unwrap();
    tools.add("cargo", &format!("exec '{}' \"$@\"", real.display()));
    let path = tools.path_before(project.sandbox.env());
    project
        .quick("build demo-v0.1.0")
        .env("PATH", path)
        .run()
        .exits(0);
    let mut calls = tools.calls("cargo");
    // Its version is part of the record.
    calls.retain(|call| call != "--version");
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert!(calls[0].starts_with("metadata "), "{calls:?}");
    // Of what they are made is asked beforehand, of all at once.
    assert!(calls[1].starts_with("tree --locked "), "{calls:?}");
    assert!(
        calls[1].ends_with(" --package alpha --package beta"),
        "{calls:?}"
    );
    assert!(
        calls[2].starts_with("build --release --locked "),
        "{calls:?}"
    );
    assert!(
        calls[2].ends_with("--package alpha --package beta --bin alpha --bin beta"),
        "{calls:?}"
    );
    let programs = project.sandbox.root().join("target");
    let programs = tree(&programs);
    let built = |name: &str| {
        programs
            .keys()
            .any(|path| path.ends_with(&format!("release/{name}")))
    };
    assert!(built("alpha") && built("beta") && !built("gamma"));
}

#[test]
fn what_cargo_says_is_plain_however_somebody_likes_it() {
    let project = Project::new();
    project.fixture.break_compilation("beta");
    project.fixture.commit("break");
    project.fixture.tag("demo-v0.1.0");
    let config = project.sandbox.root().join(".cargo");
    fs::create_dir_all(&config).unwrap();
    let term = "[term]\nquiet = true\ncolor = \"always\"\nhyperlinks = true\n";
    fs::write(config.join("config.toml"), term).unwrap();
    let run = project
        .quick("build demo-v0.1.0")
        .env("CARGO_TERM_COLOR", "always")
        .run()
        .exits(4)
        .says(&["error[E0308]: mismatched types", "Compiling beta"]);
    assert!(!run.stderr.contains(['\u{1b}', '\u{fffd}']), "{run}");
}

#[test]
fn what_does_not_compile_is_shown_in_cargos_words() {
    let project = Project::new();
    project.fixture.break_compilation("beta");
    project.fixture.commit("break");
    project.fixture.tag("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(4).says(&[
        "error[E0308]: mismatched types",
        "beta/src/main.rs:2:23",
        "error: could not compile `beta`",
        "error: cargo could not build the release (exit status: 101)",
    ]);
    nothing_is_staged(&project);

    let run = project
        .quick("build demo-v0.1.0 --format json")
        .run()
        .exits(4);
    assert!(events(&run).iter().any(|event| event["event"] == "cargo"
        && event["line"].as_str().unwrap().contains("error[E0308]")));
    nothing_is_staged(&project);
}

#[test]
fn a_broken_package_of_another_group_does_no_harm() {
    let project = Project::new();
    project.fixture.break_compilation("gamma");
    project.fixture.commit("break");
    project.fixture.tag("demo-v0.1.0");
    project.fixture.tag("other-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    project
        .quick("build other-v0.1.0")
        .run()
        .exits(4)
        .says(&["could not compile `gamma`"]);
}

#[test]
fn an_outdated_lock_file_is_not_mended_in_passing() {
    let project = Project::new();
    project.fixture.edit(
        "beta/Cargo.toml",
        "version = \"0.1.0\"",
        "version = \"0.2.0\"",
    );
    project.fixture.commit("forget the lock file");
    project.fixture.tag("demo-v0.1.0");
    // It is asked first what the programs are made of.
    project.quick("build demo-v0.1.0").run().exits(4).says(&[
        "--locked",
        "cargo could not list the packages of the release",
        "Cargo.lock has to be there and up to date",
    ]);
    nothing_is_staged(&project);
    assert_eq!(project.fixture.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_program_that_answers_with_another_version_is_not_staged() {
    let project = Project::new();
    project.fixture.edit(
        "alpha/src/main.rs",
        "println!(\"{build}\")",
        "{ build.name(); println!(\"alpha 9.9.9\") }",
    );
    project.fixture.commit("lie");
    project.fixture.tag("demo-v0.1.0");
    project
        .quick("build demo-v0.1.0")
        .run()
        .exits(4)
        .says(&["(product `alpha`) is version `alpha 9.9.9`, not 0.1.0"]);
    nothing_is_staged(&project);
}

#[test]
fn a_program_with_another_version_in_its_file_is_not_staged() {
    let project = Project::new();
    // What is inside comes from the variable that the build script passes on.
    project.fixture.edit(
        "beta/build.rs",
        "build_version::emit();",
        "build_version::emit();\n    println!(\"cargo::rustc-env=BUILD_VERSION_VERSION=9.9.9\");",
    );
    project.fixture.edit(
        "beta/src/main.rs",
        "println!(\"{build}\")",
        "{ build.name(); println!(\"beta 0.1.0\") }",
    );
    project.fixture.commit("lie");
    project.fixture.tag("demo-v0.1.0");
    project
        .quick("build demo-v0.1.0")
        .run()
        .exits(4)
        .says(&["(product `beta`) is version `9.9.9`, not 0.1.0"]);
    nothing_is_staged(&project);
}

#[test]
fn a_program_that_does_not_tell_its_version_is_not_staged() {
    let project = Project::new();
    project.fixture.edit(
        "beta/src/main.rs",
        "println!(\"{build}\")",
        "{ build.name(); eprintln!(\"no such flag\"); std::process::exit(3) }",
    );
    project.fixture.commit("say nothing");
    project.fixture.tag("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(4).says(&[
        "(product `beta`) does not tell its version",
        "exit status: 3",
        "no such flag",
    ]);
    nothing_is_staged(&project);
}

#[test]
fn a_failed_build_leaves_the_earlier_one_alone() {
    let project = Project::tagged("demo-v0.1.0");
    project.quick("build demo-v0.1.0").run().exits(0);
    let before = tree(&project.sandbox.dist_dir().join("demo-0.1.0"));
    project.fixture.break_compilation("alpha");
    project
        .quick("build demo-v0.1.0 --allow-dirty")
        .run()
        .exits(4);
    assert!(before == tree(&project.sandbox.dist_dir().join("demo-0.1.0")));
}
