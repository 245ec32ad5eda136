//! Jobs of GitHub Actions that publish without a token: what they show, and to whom.

use crate::hub_server::{TestHub, base_contract};
use crate::support::*;
use hub::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use test_support::issuer::{Answer, Issuer};
use test_support::{Fault, Finished, Invocation, Proxy, Sandbox, Seen};

/// As it is in a job that may ask for ID tokens, with a Hub to publish to.
fn in_a_job(issuer: &Issuer, url: &str, run: Invocation) -> Invocation {
    let run = issuer
        .job_env()
        .into_iter()
        .fold(run, |run, (name, value)| run.env(name, value));
    run.env("ATLAS_HUB_URL", url).env("GITHUB_ACTIONS", "true")
}

/// What a run has hidden, in the order of it. It stands nowhere else, and the secret that the job itself
/// shows to GitHub nowhere at all.
#[track_caller]
fn hidden(run: &Finished) -> Vec<String> {
    let mask = "::add-mask::";
    let (masks, rest): (Vec<&str>, Vec<&str>) =
        run.stderr.lines().partition(|line| line.starts_with(mask));
    let hidden: Vec<String> = masks
        .iter()
        .map(|line| line[mask.len()..].to_owned())
        .collect();
    let rest = format!("{}\n{}", rest.join("\n"), run.stdout);
    for secret in hidden.iter().map(String::as_str).chain(["job-secret-4711"]) {
        assert!(secret.len() > 10 && !rest.contains(secret), "{rest}");
    }
    hidden
}

fn jobs_tokens(issuer: &Issuer) -> usize {
    let asked = issuer.asked();
    asked.iter().filter(|path| path.starts_with("/job")).count()
}

#[test]
fn a_job_without_a_token_publishes_by_what_it_is() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let issuer = Issuer::start();
    let hub = TestHub::start_trusting(&issuer, |_| {});
    let publish = atlas(&sandbox, "publish --format json");
    let run = in_a_job(&issuer, &hub.url(), publish).run().exits(0);
    assert_eq!(receipt(&run)["products"], json!(["alpha", "beta"]));
    // One exchange for all calls.
    let hidden = hidden(&run);
    assert_eq!((hidden.len(), jobs_tokens(&issuer)), (2, 1), "{run}");
    assert!(hidden[0].starts_with("ey") && hidden[1].starts_with("atlas_app_"));
    // And what was asked for is meant for this Hub.
    let asked = issuer
        .asked()
        .into_iter()
        .find(|path| path.starts_with("/job"));
    let asked = asked.unwrap().replace("%3A", ":").replace("%2F", "/");
    assert!(
        asked.ends_with(&format!("audience={}", hub.url())),
        "{asked}"
    );
}

#[test]
fn a_token_that_is_given_goes_before() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let issuer = Issuer::start();
    let hub = TestHub::start_trusting(&issuer, |_| {});
    let publish = hub.publishes(atlas(&sandbox, "publish"));
    let run = in_a_job(&issuer, &hub.url(), publish).run().exits(0);
    assert_eq!(issuer.asked(), [""; 0], "{run}");
    assert_eq!(hidden(&run), [""; 0]);
}

/// A build that takes long, between two calls of one run.
#[test]
fn a_token_that_ends_within_a_run_is_replaced() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let issuer = Arc::new(Issuer::start());
    let ahead = Arc::new(AtomicI64::new(0));
    let clock = ahead.clone();
    let hub = TestHub::start_trusting(&issuer, |config| {
        config.clock = Clock::from_fn(move || {
            Timestamp::now() + SignedDuration::from_secs(clock.load(Ordering::SeqCst))
        });
    });
    let (passed, later) = (AtomicBool::new(false), issuer.clone());
    let proxy = Proxy::bind().serve(hub.address, move |seen: &Seen| {
        if seen.path.ends_with("/publish") && !passed.swap(true, Ordering::SeqCst) {
            ahead.store(16 * 60, Ordering::SeqCst);
            later.pass(16 * 60);
        }
        Fault::None
    });
    let publish = atlas(&sandbox, "publish").env("ATLAS_OIDC_AUDIENCE", hub.url());
    let run = in_a_job(&issuer, &proxy.url(), publish).run().exits(0);
    assert_eq!(jobs_tokens(&issuer), 2, "{run}");
    assert_eq!(hidden(&run).len(), 4);
    assert!(hub.release("alpha", "0.1.0").is_some());
}

#[test]
fn a_job_that_no_rule_is_for_is_told_so() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let issuer = Issuer::start();
    let hub = TestHub::start_trusting(&issuer, |_| {});
    issuer.set_job("repository_owner_id", json!("66"));
    let run = in_a_job(&issuer, &hub.url(), atlas(&sandbox, "publish"));
    let run = run.run().exits(6);
    let run = run.says(&["does not trust this job (401)", "atlas-hub trust add"]);
    hidden(&run);
    assert!(hub.stored().is_empty());
}

#[test]
fn a_hub_that_knows_no_such_thing_is_shown_nothing() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let issuer = Issuer::start();
    let hub = TestHub::start_trusting(&issuer, |_| {});
    let proxy = Proxy::bind().serve(hub.address, |seen| {
        base_contract(seen).unwrap_or(Fault::None)
    });
    let run = in_a_job(&issuer, &proxy.url(), atlas(&sandbox, "publish"));
    let run = run.run().exits(2);
    run.says(&["gives none to jobs", "hint: set ATLAS_APP_DEPLOY_TOKEN"]);
    assert_eq!(issuer.asked(), [""; 0]);
}

#[test]
fn a_job_without_the_permission_lacks_a_token_as_ever() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let issuer = Issuer::start();
    let hub = TestHub::start_trusting(&issuer, |_| {});
    for missing in [
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    ] {
        let run = in_a_job(&issuer, &hub.url(), atlas(&sandbox, "publish"));
        let run = run.env(missing, "").run().exits(2);
        run.says(&["ATLAS_APP_DEPLOY_TOKEN is not set"]);
    }
}

#[test]
fn an_address_that_is_not_encrypted_is_not_asked() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let issuer = Issuer::start();
    let hub = TestHub::start_trusting(&issuer, |_| {});
    let run = in_a_job(&issuer, &hub.url(), atlas(&sandbox, "publish"))
        .env(
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "http://tokens.example/x?y=z",
        )
        .run()
        .exits(2);
    let said = [
        "this job cannot ask for an ID token",
        "its address is not https",
    ];
    hidden(&run.says(&said));
}

/// GitHub is busy for a moment, or sends elsewhere.
#[test]
fn what_passes_is_tried_again_and_a_redirect_is_not_followed() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let issuer = Issuer::start();
    let hub = TestHub::start_trusting(&issuer, |_| {});
    let failures = AtomicUsize::new(0);
    let proxy = Proxy::bind().serve(issuer.address(), move |_| {
        match failures.fetch_add(1, Ordering::SeqCst) {
            0 => Fault::Answer(503, "{}".to_owned()),
            1 => Fault::Cut,
            _ => Fault::None,
        }
    });
    let address = format!("{}/job?api-version=2.0", proxy.url());
    let run = in_a_job(&issuer, &hub.url(), atlas(&sandbox, "publish"))
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", &address)
        .run()
        .exits(0);
    run.says(&["cannot get an ID token for this job", "trying again"]);

    let elsewhere = Issuer::start();
    let mut redirect = Answer::status(302);
    redirect.field = Some(format!("location: {}/job?api-version=2.0", elsewhere.url()));
    issuer.say("/job", redirect);
    let run = in_a_job(&issuer, &hub.url(), atlas(&sandbox, "publish"));
    let run = run.run();
    assert_ne!(run.code, Some(0), "{run}");
    // The Hub's address has nothing to do with it.
    let hint = "hint: GitHub gives ID tokens at ACTIONS_ID_TOKEN_REQUEST_URL, to jobs with \
                `permissions: { id-token: write }`";
    let run = run.says(&["which is not followed", hint]);
    assert_eq!(run.code, Some(6), "{run}");
    assert_eq!(elsewhere.asked(), [""; 0]);
    std::fs::write(sandbox.root().join("my-pack.atlas"), "a build").unwrap();
    issuer.say("/job", Answer::status(403));
    for (line, code) in [("publish", 6), (PACK, 6)] {
        let run = in_a_job(&issuer, &hub.url(), atlas(&sandbox, line));
        run.run().exits(code).says(&["(403)", hint]);
    }
    for (address, code, says) in [
        ("http://127.0.0.1:1/job", 7, "could not be reached"),
        ("http://github.example/job", 2, "its address is not https"),
    ] {
        let run = in_a_job(&issuer, &hub.url(), atlas(&sandbox, "publish"));
        let run = run.env("ACTIONS_ID_TOKEN_REQUEST_URL", address).run();
        let run = run.exits(code).says(&[says, hint]);
        assert!(!run.to_string().contains("--hub-url"), "{run}");
    }
}

const PACK: &str = "pack publish --pack my-pack --version 1.2.0 --channel beta my-pack.atlas";

#[test]
fn a_packs_build_is_published_with_an_id_token_for_each_call() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.root().join("my-pack.atlas"), "a build").unwrap();
    let issuer = Issuer::start();
    let hub = TestHub::start_trusting(&issuer, |_| {});
    let run = in_a_job(&issuer, &hub.url(), atlas(&sandbox, PACK));
    let run = run.run().exits(0);
    assert_eq!((hidden(&run).len(), jobs_tokens(&issuer)), (2, 2), "{run}");
    assert_eq!(hub.stored().len(), 1);

    // The header is part of the base contract. Outside of a job's log nothing is to be hidden from.
    let proxy = Proxy::bind().serve(hub.address, |seen| {
        base_contract(seen).unwrap_or(Fault::None)
    });
    let run = in_a_job(&issuer, &proxy.url(), atlas(&sandbox, PACK))
        .env("ATLAS_OIDC_AUDIENCE", hub.url())
        .env("GITHUB_ACTIONS", "")
        .run()
        .exits(0);
    assert!(!format!("{run}").contains("add-mask"), "{run}");
    assert_eq!(jobs_tokens(&issuer), 4);

    issuer.set_job("event_name", json!("pull_request_target"));
    let run = in_a_job(&issuer, &hub.url(), atlas(&sandbox, PACK));
    run.run()
        .exits(6)
        .says(&["(403)", "atlas-hub trust add --pack"]);
}
