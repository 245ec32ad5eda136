//! What can be typed, and what comes back.

use crate::sandbox::{self, Sandbox};
use atlas_runnerd::Settings;
use process::Env;
use runner_ipc::Host;
use std::path::Path;

#[tokio::test]
async fn it_says_its_version() {
    let sandbox = Sandbox::new();
    let expected = concat!("atlas-runnerd ", env!("BUILD_VERSION_VERSION"));
    assert_eq!(
        sandbox.prints(&["--version"]).await,
        format!("{expected}\n")
    );
    let human = sandbox.prints(&["version"]).await;
    assert_eq!(human.lines().next(), Some(expected));
    let json = sandbox.prints(&["version", "--format", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["name"], "atlas-runnerd");
    assert_eq!(json["version"], env!("BUILD_VERSION_VERSION"));
    assert_eq!(json["target"], env!("BUILD_VERSION_TARGET"));
}

#[tokio::test]
async fn every_help_has_an_example() {
    let sandbox = Sandbox::new();
    for args in [&["--help"][..], &["run", "--help"], &["version", "--help"]] {
        let help = sandbox.prints(args).await;
        assert!(help.contains("Example:\n  atlas-runnerd "), "{help}");
    }
}

#[tokio::test]
async fn wrong_usage_has_its_own_exit_code() {
    let sandbox = Sandbox::new();
    for args in [
        &["--sockett", "x"][..],
        &["serve"],
        &["version", "--format", "xml"],
    ] {
        assert_eq!(sandbox.fails(args).await.code, Some(2));
    }
    let long = format!("/tmp/{}/runnerd.sock", "x".repeat(100));
    let refused = sandbox.fails(&["--socket", &long]).await;
    assert_eq!(refused.code, Some(2));
    let expected =
        format!("error: the socket path `{long}` has 118 bytes; at most 98 are possible\nhint: ");
    assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);
}

/// Root's default needs no home. It is not listened on here: it may be a real daemon's.
#[tokio::test]
async fn without_a_home_only_root_has_a_default() {
    let default = Settings::resolve(None, Host::current(), &Env::default());
    if sandbox::is_root() {
        let endpoint = default.unwrap().endpoint;
        let expected = Path::new("/run/atlas-runner/runnerd.sock");
        assert_eq!(endpoint.path(), expected);
    } else {
        assert!(default.is_err());
        let refused = Sandbox::new().fails_bare(&["run"]).await;
        assert_eq!(refused.code, Some(2));
        assert!(refused.stderr.contains("--socket"), "{}", refused.stderr);
    }
}
