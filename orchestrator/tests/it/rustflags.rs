//! Cargo takes rustflags from one source alone, so a build tool that used one of them would silence
//! the others. Whatever source a workspace or a user has chosen stays in force, and mold links.

use crate::support::*;
use atlas_release::inspect::inspect;
use release_types::Platform;
use test_support::{Invocation, Sandbox};

/// The flag that each source passes: `beta` says when it was compiled with it.
const FLAG: &str = "--cfg planted";

fn triple() -> &'static str {
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    Platform::from_target_triple(&host).unwrap().target_triple()
}

/// Builds with mold, and both must be true of what came out: the flag was in force, mold linked.
#[track_caller]
fn flag_and_mold(config: Option<&str>, set: impl FnOnce(Invocation) -> Invocation) {
    let says = says_after_build(config, set);
    assert_eq!(says, "planted\nHELLO\n");
}

#[track_caller]
fn says_after_build(config: Option<&str>, set: impl FnOnce(Invocation) -> Invocation) -> String {
    let project = Project::new();
    let first = "        _ => println!(\"{}\", shout";
    let second =
        "        _ => print!(\"{}{}\\n\", if cfg!(planted) { \"planted\\n\" } else { \"\" }, shout";
    project.fixture.edit("beta/src/main.rs", first, second);
    if let Some(config) = config {
        project.fixture.write(".cargo/config.toml", config);
    }
    project.fixture.commit("plant");
    project.fixture.tag("demo-v0.1.0");
    let build = project.atlas("build demo-v0.1.0 --no-sccache --no-install");
    set(build).run().exits(0);
    let program = project
        .staged("demo-0.1.0")
        .join(format!("beta-{}", platform()));
    let inside = inspect(&std::fs::read(&program).unwrap()).unwrap();
    assert!(inside.names_tool("mold"), "{inside:?}");
    project.sandbox.invoke(program).run().exits(0).stdout
}

#[test]
fn without_a_flag_the_program_does_not_say_so() {
    assert_eq!(says_after_build(None, |build| build), "HELLO\n");
}

#[test]
fn build_rustflags_of_the_configuration() {
    let config = "[build]\nrustflags = [\"--cfg\", \"planted\"]\n";
    flag_and_mold(Some(config), |build| build);
}

#[test]
fn cargo_build_rustflags() {
    flag_and_mold(None, |build| build.env("CARGO_BUILD_RUSTFLAGS", FLAG));
}

#[test]
fn a_targets_rustflags_as_a_string() {
    let config = format!("[target.{}]\nrustflags = \"{FLAG}\"\n", triple());
    flag_and_mold(Some(&config), |build| build);
}

#[test]
fn a_targets_rustflags_as_an_array() {
    let config = format!(
        "[target.{}]\nrustflags = [\"--cfg\", \"planted\"]\n",
        triple()
    );
    flag_and_mold(Some(&config), |build| build);
}

#[test]
fn a_targets_rustflags_in_the_environment() {
    let name = format!(
        "CARGO_TARGET_{}_RUSTFLAGS",
        triple().replace('-', "_").to_uppercase()
    );
    flag_and_mold(None, |build| build.env(&name, FLAG));
}

#[test]
fn rustflags_of_a_cfg() {
    let config = "[target.'cfg(target_os = \"linux\")']\nrustflags = [\"--cfg\", \"planted\"]\n";
    flag_and_mold(Some(config), |build| build);
}

#[test]
fn rustflags() {
    flag_and_mold(None, |build| build.env("RUSTFLAGS", FLAG));
}

#[test]
fn cargo_encoded_rustflags() {
    flag_and_mold(None, |build| {
        build.env("CARGO_ENCODED_RUSTFLAGS", FLAG.replace(' ', "\u{1f}"))
    });
}

/// `env` is for the other steps of a job; a build in the same job is as if it had not been called.
#[test]
fn what_env_exports_for_mold_neither_silences_flags_nor_outlives_no_mold() {
    let env = Sandbox::new();
    let env = atlas(&env, "env --format json").run().exits(0);
    let env = events_of(&env, "env").remove(0);
    let name = env["mold_variable"].as_str().unwrap();
    let value = env["variables"][name].as_str().unwrap();
    let config = "[build]\nrustflags = [\"--cfg\", \"planted\"]\n";
    flag_and_mold(Some(config), |build| build.env(name, value));

    let project = Project::tagged("demo-v0.1.0");
    let build = project.quick("build demo-v0.1.0").env(name, value);
    build.run().exits(0);
    let program = project
        .staged("demo-0.1.0")
        .join(format!("beta-{}", platform()));
    let inside = inspect(&std::fs::read(&program).unwrap()).unwrap();
    assert!(!inside.names_tool("mold"), "{inside:?}");
}
