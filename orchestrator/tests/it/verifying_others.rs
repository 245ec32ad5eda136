//! `verify` of releases as other Hubs and other people have them: taken back, under versions that are no
//! SemVer, and more files than may be read in a minute.

use crate::deployed_hub::DeployedHub;
use crate::hub_server::TestHub;
use crate::promoting;
use crate::support::*;
use crate::verifying::{asks, filenames, publish};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use test_support::{Fault, Proxy, Sandbox};

#[test]
fn a_release_that_was_taken_back_is_right_and_not_the_newest() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    for version in ["1.0.0", "1.1.0"] {
        promoting::publish(&sandbox, version, "stable", &["windows-x64"], |run| {
            hub.publishes(run)
        });
    }
    let run = |line: &str| hub.publishes(atlas(&sandbox, line)).run();
    let verify = |version: &str| {
        let line = format!("verify {version} --product alpha --format json");
        let run = run(&line).exits(0);
        let warnings = events_of(&run, "warning");
        let said = warnings.iter().map(|e| e["message"].to_string());
        (receipt(&run)["latest"] == true, said.collect::<String>())
    };
    assert_eq!(verify("1.1.0"), (true, String::new()));
    run("yank 1.1.0 --product alpha --reason lossy").exits(0);
    let (latest, said) = verify("1.1.0");
    assert!(!latest);
    assert!(
        said.contains("alpha 1.1.0 was taken back on channel stable: latest is another version"),
        "{said}"
    );
    assert_eq!(verify("1.0.0"), (true, String::new()));
    // All of them, and there is no newest at all.
    run("yank 1.0.0 --product alpha --reason lossy").exits(0);
    assert!(verify("1.0.0").1.contains("alpha 1.0.0 was taken back"));
}

/// A deployed Hub takes any text for a version, and so do those who publish there by other means.
#[test]
fn a_version_that_is_no_semver_is_compared_with_the_hubs_list() {
    let sandbox = Sandbox::new();
    let hub = DeployedHub::start();
    hub.holds("alpha", "2024.1 final", "windows/x64", "one", b"first");
    let verify = |version: &str| {
        let run = atlas(&sandbox, "verify --product alpha --format json");
        hub.publishes(run.arg(version)).run()
    };
    let run = verify("2024.1 final").exits(0);
    let told = receipt(&run);
    assert_eq!(told["version"], "2024.1 final");
    assert_eq!(
        (&told["latest"], &told["against"]),
        (&json!(true), &json!("listed"))
    );
    let said = events_of(&run, "note")[0]["message"].to_string();
    assert!(said.contains("it is no SemVer"), "{said}");
    // Which of two is the newer one nobody can tell, and other bytes are other bytes.
    hub.holds("alpha", "nightly", "windows/x64", "one", b"second");
    assert_eq!(receipt(&verify("2024.1 final").exits(0))["latest"], false);
    hub.state().lose_bytes();
    verify("nightly")
        .exits(8)
        .says(&["artifacts/alpha/nightly/windows/x64/one cannot be read"]);
    verify("2023")
        .exits(6)
        .says(&["alpha 2023 was not found on the Hub"]);
}

/// As a deployed Hub does, which allows 120 a minute.
#[test]
fn a_hub_that_allows_so_many_downloads_a_minute_is_waited_for() {
    let hub = TestHub::start();
    let names: Vec<String> = (0..24).map(|n| format!("f{n}")).collect();
    let files: Vec<(&str, &str, &[u8])> = names
        .iter()
        .map(|name| (&**name, "linux|x64", name.as_bytes()))
        .collect();
    publish(&hub, &files);
    // Two in a second, and the rest may come back in one: each file is sent away more often than a call
    // is tried.
    let began = Instant::now();
    let (window, refused) = (Arc::new(Mutex::new((0, 0))), Arc::new(Mutex::new(0)));
    let count = refused.clone();
    let proxy = Proxy::bind().serve(hub.address, move |seen| {
        if !seen.path.contains("/api/v1/download/") {
            return Fault::None;
        }
        let mut window = window.lock().unwrap();
        let now = began.elapsed().as_secs();
        *window = match *window {
            (at, taken) if at == now => (now, taken + 1),
            _ => (now, 1),
        };
        if window.1 <= 2 {
            return Fault::None;
        }
        *count.lock().unwrap() += 1;
        let body = r#"{"error":"120 downloads a minute"}"#;
        Fault::Reply(format!(
            "HTTP/1.1 429 Enough\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ))
    });
    let sandbox = Sandbox::new();
    let line = "verify 1.0.0 --product alpha --format json --downloads 24";
    let run = asks(&proxy.url(), atlas(&sandbox, line)).run().exits(0);
    assert_eq!(filenames(&receipt(&run)["assets"]).len(), 24);
    let told = events_of(&run, "warning");
    assert_eq!(told.len(), *refused.lock().unwrap());
    // More than five times for some of them.
    assert!(told.len() > 24 * 4, "{}", told.len());
    for warning in told {
        let said = warning["message"].as_str().unwrap();
        let says =
            "allows no more calls for now (429): 120 downloads a minute; asking again in 1.0 s";
        assert!(said.contains(says), "{said}");
    }
}
