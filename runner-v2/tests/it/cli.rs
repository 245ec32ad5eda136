//! What can be typed, and what comes back.

use crate::sandbox::{Sandbox, VERSION};
use process::Env;
use serde_json::Value;

#[tokio::test]
async fn it_says_its_version() {
    let sandbox = Sandbox::new();
    let expected = format!("atlas-runner {VERSION}");
    let flag = sandbox.run(&["--version"]).await;
    assert_eq!((flag.code, flag.stdout), (Some(0), format!("{expected}\n")));
    let human = sandbox.run(&["version"]).await;
    assert_eq!(human.stdout.lines().next(), Some(expected.as_str()));
    let json = sandbox.run(&["version", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["name"], "atlas-runner");
    assert_eq!(json["version"], VERSION);
    assert!(json["rustc"].as_str().unwrap().starts_with("rustc 1."));
}

#[tokio::test]
async fn every_help_has_an_example() {
    let sandbox = Sandbox::new();
    for args in [
        &["--help"][..],
        &["status", "--help"],
        &["version", "--help"],
    ] {
        let said = sandbox.run(args).await;
        assert_eq!(said.code, Some(0));
        assert!(
            said.stdout.contains("Example:\n  atlas-runner "),
            "{}",
            said.stdout
        );
    }
}

#[tokio::test]
async fn wrong_usage_has_its_own_exit_code() {
    let sandbox = Sandbox::new();
    for args in [
        &[][..],
        &["stat"],
        &["status", "--format", "xml"],
        &["status", "--socket", "/"],
    ] {
        let said = sandbox.run(args).await;
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
        assert!(!said.stderr.is_empty());
    }
}

#[tokio::test]
async fn the_default_place_is_found_in_the_environment() {
    let sandbox = Sandbox::new();
    let env: Env = [("XDG_RUNTIME_DIR", "/nowhere")].into_iter().collect();
    let said = sandbox.run_with(&["status"], &env).await;
    assert_eq!(said.code, Some(7));
    // Root's daemon is the system's, whatever its login shell has set.
    let folder = if rustix::process::geteuid().is_root() {
        "/run"
    } else {
        "/nowhere"
    };
    let expected = format!("error: no daemon is listening on {folder}/atlas-runner/runnerd.sock\n");
    assert!(said.stderr.starts_with(&expected), "{}", said.stderr);
}

#[tokio::test]
async fn its_executable_carries_its_version() {
    let program = std::fs::File::open(env!("CARGO_BIN_EXE_atlas-runner")).unwrap();
    assert_eq!(
        build_version::read_marker(program).unwrap().to_string(),
        VERSION
    );
}
