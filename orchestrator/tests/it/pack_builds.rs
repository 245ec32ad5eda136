//! `pack publish`.

use crate::deployed_hub::DeployedHub;
use crate::hub_server::TestHub;
use crate::support::*;
use crate::terminal::{ON_A_TERMINAL, screen};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use test_support::{Fault, Invocation, Proxy, Sandbox, Seen};

const PUBLISH: &str = "pack publish --pack my-pack --version 1.2.0 --channel beta my-pack.atlas";

/// A sandbox with a build in it.
fn with_build() -> Sandbox {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.root().join("my-pack.atlas"), "a build").unwrap();
    sandbox
}

/// The invocation with a token of the pack.
fn with_token(hub: &TestHub, sandbox: &Sandbox, run: Invocation) -> Invocation {
    let issued = atlas(sandbox, "token issue --pack my-pack")
        .env("ATLAS_HUB_URL", hub.url())
        .env("ATLAS_HUB_ADMIN_TOKEN", &hub.admin)
        .run()
        .exits(0);
    run.env("ATLAS_HUB_URL", hub.url())
        .env("ATLAS_PACK_DEPLOY_TOKEN", issued.stdout.trim())
}

fn is_complete(seen: &Seen) -> bool {
    seen.path.ends_with("/ci/complete")
}

#[test]
fn a_build_is_uploaded_and_put_on_its_channel() {
    let sandbox = with_build();
    let hub = TestHub::start();
    let run = with_token(&hub, &sandbox, atlas(&sandbox, PUBLISH));
    let dry = run.clone().arg("--dry-run").run().exits(0);
    dry.says(&["would publish", "as my-pack 1.2.0 on channel beta"]);
    assert_eq!(hub.stored(), Vec::<String>::new());
    let run = run
        .args(["--commit-hash", "0f0f", "--commit-message", "Say more"])
        .args(["--format", "json"]);
    let run = run.run().exits(0);
    let built = events(&run).pop().unwrap();
    assert_eq!(built["event"], "pack-build");
    assert_eq!(
        built["sha256"],
        digest(&sandbox.root().join("my-pack.atlas"))
    );
    assert_eq!(
        (&built["size"], &built["channel"]),
        (&json!(7), &json!("beta"))
    );
    assert_eq!(hub.stored().len(), 1);
    let key = built["artifact_key"].as_str().unwrap();
    let id = built["build_id"].as_str().unwrap();
    assert_eq!(key, format!("local::packs/my-pack/builds/{id}.atlas"));
}

/// As uploads of a release are.
#[test]
fn programs_and_people_are_told_how_far_the_upload_is() {
    let sandbox = with_build();
    let size = 3 * 1024 * 1024;
    std::fs::write(sandbox.root().join("my-pack.atlas"), vec![b'x'; size]).unwrap();
    let port = Proxy::bind();
    let hub = TestHub::start_as(Some(port.url()));
    // The bytes are on their way while the Hub is not there yet.
    let proxy = port.serve(hub.address, |seen| match seen.method.as_str() {
        "PUT" => Fault::Delay(Duration::from_millis(2500)),
        _ => Fault::None,
    });
    let publish = with_token(&hub, &sandbox, atlas(&sandbox, PUBLISH));
    let publish = publish.env("ATLAS_HUB_URL", proxy.url());
    let run = publish.clone().args(["--format", "json"]).run().exits(0);
    let told = events_of(&run, "transfer");
    // One a second.
    assert!((2..=5).contains(&told.len()), "{run}");
    let key = &events(&run).pop().unwrap()["artifact_key"];
    for event in &told {
        assert_eq!(event["direction"], "upload");
        assert_eq!(
            (&event["total"], &event["files"]),
            (&json!(size), &json!(1))
        );
        assert_eq!(&event["active"][0]["key"], key, "{event}");
    }
    let run = publish
        .clone()
        .env("TERM", "xterm")
        .through(&["python3", "-c", ON_A_TERMINAL, "120"])
        .run()
        .exits(0);
    assert!(run.stdout.contains("uploading "), "{run}");
    let last = screen(&run.stdout).join("\n");
    assert!(
        !last.contains("uploading ") && last.contains("uploaded "),
        "{last}"
    );
    // A log gets nothing of what is so short.
    let run = publish.run().exits(0);
    assert!(!run.stderr.contains("uploading "), "{run}");
}

#[test]
fn what_was_done_although_its_answer_was_lost_is_done_once() {
    let sandbox = with_build();
    let port = Proxy::bind();
    let hub = TestHub::start_as(Some(port.url()));
    let lost = Arc::new(AtomicBool::new(false));
    let proxy = port.serve(hub.address, move |seen| {
        match is_complete(seen) && !lost.swap(true, Ordering::SeqCst) {
            true => Fault::LoseAnswer,
            false => Fault::None,
        }
    });
    let run = with_token(&hub, &sandbox, atlas(&sandbox, PUBLISH));
    let run = run.env("ATLAS_HUB_URL", proxy.url()).run().exits(0);
    run.says(&["trying again in"]);
    let seen = proxy.seen();
    let complete: Vec<_> = seen.iter().filter(|seen| is_complete(seen)).collect();
    assert_eq!(complete.len(), 2);
    assert_eq!(hub.stored().len(), 1);
}

#[test]
fn a_lost_upload_answer_is_settled_by_another_build() {
    let sandbox = with_build();
    let port = Proxy::bind();
    let hub = TestHub::start_as(Some(port.url()));
    let refused = Arc::new(AtomicBool::new(false));
    let proxy = port.serve(hub.address, move |seen| {
        // As a storage answers that has the bytes already.
        match seen.method == "PUT" && !refused.swap(true, Ordering::SeqCst) {
            true => Fault::Answer(409, "{\"error\":\"it already exists\"}".to_owned()),
            false => Fault::None,
        }
    });
    let run = with_token(&hub, &sandbox, atlas(&sandbox, PUBLISH));
    run.env("ATLAS_HUB_URL", proxy.url()).run().exits(0);
    let seen = proxy.seen();
    let presigns = seen
        .iter()
        .filter(|seen| seen.path.ends_with("/ci/presign"));
    assert_eq!(presigns.count(), 2);
}

#[test]
fn a_deployed_hub_is_not_told_twice_that_a_build_is_complete() {
    let sandbox = with_build();
    let hub = DeployedHub::start();
    hub.publishes(atlas(&sandbox, PUBLISH)).run().exits(0);
    assert_eq!(hub.state().builds["build-1"]["channel"], "beta");
    let address = hub.url().trim_start_matches("http://").parse().unwrap();
    let proxy = Proxy::bind().serve(address, |seen| match is_complete(seen) {
        true => Fault::LoseAnswer,
        false => Fault::None,
    });
    hub.publishes(atlas(&sandbox, PUBLISH))
        .env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(7)
        .says(&[
            "whether the build build-2 is complete is not known",
            "hint: look on the Hub",
        ]);
    assert_eq!(hub.state().builds.len(), 2);
    let complete = proxy.seen();
    assert_eq!(complete.iter().filter(|seen| is_complete(seen)).count(), 1);
}

#[test]
fn what_cannot_be_published_is_named() {
    let sandbox = with_build();
    let hub = TestHub::start();
    let run = atlas(&sandbox, PUBLISH).env("ATLAS_HUB_URL", hub.url());
    run.clone().run().exits(2).says(&[
        "ATLAS_PACK_DEPLOY_TOKEN is not set",
        "hint: whoever looks after the pack issues one",
    ]);
    // Neither a token that publishes releases nor one that nobody has issued.
    for wrong in [hub.token.as_str(), "atlas_pack_wrong"] {
        let run = run
            .clone()
            .env("ATLAS_PACK_DEPLOY_TOKEN", wrong)
            .run()
            .exits(6);
        assert!(!format!("{run}").contains(wrong), "{run}");
        run.says(&["hint: ATLAS_PACK_DEPLOY_TOKEN has to hold"]);
    }
    std::fs::write(sandbox.root().join("my-pack.atlas"), "").unwrap();
    let run = run.env("ATLAS_PACK_DEPLOY_TOKEN", "atlas_pack_any");
    run.clone().run().exits(2).says(&["my-pack.atlas is empty"]);
    std::fs::remove_file(sandbox.root().join("my-pack.atlas")).unwrap();
    run.run().exits(2).says(&["cannot read", "my-pack.atlas"]);
}

#[test]
fn a_version_that_no_build_can_have_is_refused_before_anything_is_sent() {
    let sandbox = with_build();
    let hub = DeployedHub::start();
    let long = "1".repeat(129);
    for (version, why) in [
        (
            "1.2.0\nerror: none",
            "a line break or another control character",
        ),
        (" ", "it is empty"),
        (long.as_str(), "it has 129 characters, and 128 are the most"),
    ] {
        let run = atlas(&sandbox, "pack publish --pack my-pack my-pack.atlas");
        let run = hub.publishes(run).args(["--version", version]);
        run.run().exits(2).says(&[why]);
    }
    assert_eq!(hub.state().seen, Vec::<String>::new());
}

#[test]
fn the_name_of_a_storage_adds_no_line() {
    let sandbox = with_build();
    let hub = DeployedHub::start();
    hub.state().provider = "r2\nverified  all of it\u{1b}[2J";
    let run = hub.publishes(atlas(&sandbox, PUBLISH)).run().exits(7);
    let run = run.says(&["the storage's name in its answer cannot be used"]);
    assert!(!format!("{run}").contains("verified  all"), "{run}");
    assert_eq!(hub.state().builds.len(), 0);
}

/// Certificates are read to their end, whatever it takes.
#[cfg(target_os = "linux")]
#[test]
fn certificates_without_an_end_are_refused() {
    let sandbox = with_build();
    let hub = DeployedHub::start();
    let pipe = sandbox.root().join("pipe");
    sandbox.invoke("mkfifo").arg(&pipe).run().exits(0);
    for (path, is) in [
        (pipe.as_path(), "a named pipe"),
        ("/dev/zero".as_ref(), "a device"),
    ] {
        let run = hub
            .publishes(atlas(&sandbox, PUBLISH))
            .env("SSL_CERT_FILE", path);
        run.run().exits(2).says(&[
            &format!("SSL_CERT_FILE leads to {}", path.display()),
            &format!("it is {is}, not a regular file"),
        ]);
    }
    assert_eq!(hub.state().seen, Vec::<String>::new());
}
