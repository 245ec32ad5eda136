//! `promote`: the same keys on another channel, on a Hub that knows how and on one that does not.

use crate::deployed_hub::DeployedHub;
use crate::hub_server::{TestHub, get};
use crate::support::*;
use serde_json::Value;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use test_support::{Fault, Invocation, Proxy, Sandbox};

/// Publishes a version of `alpha` with one file for each platform, made for this test.
#[track_caller]
pub fn publish(
    sandbox: &Sandbox,
    version: &str,
    channel: &str,
    platforms: &[&str],
    to: impl Fn(Invocation) -> Invocation,
) {
    publish_of("alpha", sandbox, (version, channel), platforms, to);
}

/// The same of any product.
#[track_caller]
pub fn publish_of(
    product: &str,
    sandbox: &Sandbox,
    (version, channel): (&str, &str),
    platforms: &[&str],
    to: impl Fn(Invocation) -> Invocation,
) {
    let mut rows = String::new();
    for platform in platforms {
        let name = format!("{product}-{platform}");
        let path = sandbox.root().join(format!("{version}-{name}"));
        if !path.exists() {
            fs::write(&path, format!("{product} {version} for {platform}")).unwrap();
        }
        let (os, arch) = platform.split_once('-').unwrap();
        rows += &format!("{}|{os}|{arch}|binary|{name}\n", path.display());
    }
    fs::write(sandbox.root().join("files.manifest"), rows).unwrap();
    let line = format!(
        "publish --manifest files.manifest --product {product} --version {version} --channel {channel}"
    );
    to(atlas(sandbox, &line)).run().exits(0);
}

/// What a Hub says of `alpha` on a channel.
pub fn shown(hub: &str, version: &str, channel: &str, platform: &str) -> Option<Value> {
    shown_of("alpha", hub, (version, channel), platform)
}

/// The same of any product.
pub fn shown_of(
    product: &str,
    hub: &str,
    (version, channel): (&str, &str),
    platform: &str,
) -> Option<Value> {
    let path = platform.replace('-', "/");
    let (status, body) = get(&format!(
        "{hub}/api/v1/releases/{product}/{version}/{path}?channel={channel}"
    ));
    match status {
        404 => None,
        200 => Some(serde_json::from_slice(&body).unwrap()),
        other => panic!("{other}: {}", String::from_utf8_lossy(&body)),
    }
}

/// The version that is the newest of `alpha` on stable.
pub fn latest(hub: &str, platform: &str) -> Option<String> {
    let shown = shown(hub, "latest", "stable", platform)?;
    Some(shown["version"].as_str().unwrap().to_owned())
}

/// Never the platform of a machine that runs this.
const BOTH: [&str; 2] = ["windows-x64", "windows-arm64"];
const PROMOTE: &str = "promote 1.0.0 --from beta --to stable --product alpha";

#[test]
fn a_hub_of_ours_gives_the_channel_the_same_files() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    publish(&sandbox, "1.0.0", "beta", &BOTH, |run| hub.publishes(run));
    let stored = hub.stored();
    let plain = hub.publishes(atlas(&sandbox, PROMOTE));
    let dry = plain.clone().arg("--dry-run").run().exits(0);
    dry.says(&["would promote alpha 1.0.0 for windows-x64 (1 file) to stable"]);
    assert_eq!(latest(&hub.url(), BOTH[0]), None);

    let run = plain.clone().run().exits(0);
    let _redacted = redacted(&sandbox);
    insta::assert_snapshot!(crate::support::shown(&run), @r"
    exit 0
    --- stdout
    promoted  alpha 1.0.0 from beta to stable, verified [TIME]
    hub       http://[ADDRESS]
    latest    this version
      alpha    windows-x64 alpha-windows-x64 ([SIZE] bytes)
               sha256 [SHA256]
               http://[ADDRESS]/api/v1/download/[DOWNLOAD ID]
      alpha    windows-arm64 alpha-windows-arm64 ([SIZE] bytes)
               sha256 [SHA256]
               http://[ADDRESS]/api/v1/download/[DOWNLOAD ID]
    --- stderr
       promoting 1.0.0 from beta to stable at http://[ADDRESS]
      registered alpha for windows-x64
      registered alpha for windows-arm64
    ");
    for platform in BOTH {
        let there = shown(&hub.url(), "1.0.0", "stable", platform).unwrap();
        let here = shown(&hub.url(), "1.0.0", "beta", platform).unwrap();
        assert_eq!(there["assets"][0]["sha256"], here["assets"][0]["sha256"]);
    }
    assert_eq!(hub.stored(), stored, "no bytes move");

    let before = shown(&hub.url(), "1.0.0", "stable", BOTH[0]);
    let again = plain.args(["--format", "json"]).run().exits(0);
    let done = events(&again).pop().unwrap();
    assert_eq!(done["event"], "promotion");
    assert_eq!(
        (&done["by"], &done["latest"]),
        (&"hub".into(), &true.into())
    );
    assert_eq!(done["assets"].as_array().unwrap().len(), 2);
    assert_eq!(done["assets"][0]["unchanged"], true);
    assert_eq!(shown(&hub.url(), "1.0.0", "stable", BOTH[0]), before);
}

#[test]
fn a_promotion_whose_answer_was_lost_is_done_once() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    publish(&sandbox, "1.0.0", "beta", &BOTH, |run| hub.publishes(run));
    let lost = AtomicBool::new(false);
    let proxy = Proxy::bind().serve(hub.address, move |seen| {
        match seen.path.ends_with("/promote") && !lost.swap(true, Ordering::SeqCst) {
            true => Fault::LoseAnswer,
            false => Fault::None,
        }
    });
    hub.publishes(atlas(&sandbox, PROMOTE))
        .env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(0)
        .says(&["trying again in"]);
    assert_eq!(latest(&hub.url(), BOTH[0]).as_deref(), Some("1.0.0"));
}

#[test]
fn the_embedded_hub_promotes_too() {
    let sandbox = Sandbox::new();
    publish(&sandbox, "1.0.0", "beta", &BOTH, |run| run.arg("--local"));
    for unchanged in [false, true] {
        let run = atlas(&sandbox, PROMOTE).args(["--local", "--format", "json"]);
        let done = events(&run.run().exits(0)).pop().unwrap();
        assert_eq!(done["assets"][0]["unchanged"], unchanged, "{done}");
    }
}

#[test]
fn the_products_are_those_of_the_workspaces_group() {
    let project = Project::new();
    let hub = TestHub::start();
    for product in ["alpha", "beta"] {
        let to = |run| hub.publishes(run);
        publish_of(product, &project.sandbox, ("1.0.0", "beta"), &BOTH, to);
    }
    let promote = |line: &str| hub.publishes(project.atlas(line)).run();
    promote("promote 1.0.0 --from beta --to stable")
        .exits(2)
        .says(&[
            "this workspace has several groups",
            "hint: the groups of this workspace are: demo, other",
        ]);
    promote("promote nosuch-v1.0.0 --from beta --to stable")
        .exits(2)
        .says(&["this workspace has no group `nosuch`"]);
    promote("promote demo-v1.0.0 --from beta --to stable").exits(0);
    for product in ["alpha", "beta"] {
        let there = shown_of(product, &hub.url(), ("1.0.0", "stable"), BOTH[0]);
        assert!(there.is_some(), "{product}");
    }
    promote("promote 1.0.0 --group demo --from stable --to dev").exits(0);
}

#[test]
fn a_deployed_hub_is_told_the_keys_again_and_read_back() {
    let sandbox = Sandbox::new();
    let hub = DeployedHub::start();
    publish(&sandbox, "0.9.0", "stable", &BOTH, |run| hub.publishes(run));
    publish(&sandbox, "1.0.0", "beta", &BOTH, |run| hub.publishes(run));
    let before = hub.state().seen.len();
    let plain = hub.publishes(atlas(&sandbox, PROMOTE).args(["--format", "json"]));
    let run = plain.clone().run().exits(0);
    let done = events(&run).pop().unwrap();
    assert_eq!(
        (&done["by"], &done["latest"]),
        (&"publishing".into(), &true.into())
    );
    // The bytes were read, since such a Hub looks at none.
    assert_eq!(events_of(&run, "verified").len(), 2);
    assert_eq!(latest(hub.url(), BOTH[1]).as_deref(), Some("1.0.0"));
    let seen = hub.state().seen[before..].to_vec();
    assert!(
        !seen.iter().any(|seen| seen.starts_with("PUT ")),
        "{seen:?}"
    );
    let at = |seen: &[String]| -> Vec<usize> {
        let registers = |(_, one): &(usize, &String)| one.ends_with("/publish");
        seen.iter()
            .enumerate()
            .filter(registers)
            .map(|(at, _)| at)
            .collect()
    };
    let registered = at(&seen);
    assert_eq!(registered.len(), 2);
    assert_eq!(
        registered[1] - registered[0],
        1,
        "one right after the other"
    );

    // The second time nothing is registered, so the download ids stay good.
    let there = shown(hub.url(), "1.0.0", "stable", BOTH[0]);
    plain.run().exits(0);
    assert_eq!(shown(hub.url(), "1.0.0", "stable", BOTH[0]), there);
    assert_eq!(hub.state().registered, 6);
}

#[test]
fn what_a_deployed_hub_has_newer_stays_the_newest() {
    let sandbox = Sandbox::new();
    let hub = DeployedHub::start();
    publish(&sandbox, "1.0.0", "beta", &BOTH, |run| hub.publishes(run));
    publish(&sandbox, "2.0.0", "stable", &BOTH, |run| hub.publishes(run));
    let run = hub.publishes(atlas(&sandbox, PROMOTE)).run().exits(0);
    run.says(&["channel stable has a newer version of alpha than 1.0.0"]);
    assert!(shown(hub.url(), "1.0.0", "stable", BOTH[0]).is_some());
    assert_eq!(latest(hub.url(), BOTH[0]).as_deref(), Some("2.0.0"));
}

#[test]
fn what_stands_in_the_way_is_named_and_nothing_changes() {
    let sandbox = Sandbox::new();
    let (ours, deployed) = (TestHub::start(), DeployedHub::start());
    publish(&sandbox, "1.0.0", "beta", &BOTH, |run| ours.publishes(run));
    publish(&sandbox, "1.0.0", "beta", &BOTH, |run| {
        deployed.publishes(run)
    });
    let to_both = |line: &str| {
        let run = atlas(&sandbox, line);
        [
            ours.publishes(run.clone()).run(),
            deployed.publishes(run).run(),
        ]
    };
    for run in to_both("promote 1.1.0 --from beta --to stable --product alpha") {
        run.exits(6).says(&[
            "alpha 1.1.0 is not on channel beta",
            "hint: check the version",
        ]);
    }
    for run in to_both("promote 1.0.0 --from beta --to beta --product alpha") {
        run.exits(2).says(&["--from and --to are both beta"]);
    }
    for run in to_both("promote one --from beta --to stable --product alpha") {
        run.exits(2).says(&["expected a version such as 1.4.0"]);
    }
    // A deployed Hub takes other bytes for a version that another channel has.
    let listed = shown(deployed.url(), "1.0.0", "beta", BOTH[0]).unwrap();
    let digest = listed["assets"][0]["sha256"].as_str().unwrap().to_owned();
    let other = "0".repeat(64);
    let mut lie = listed.clone();
    lie["channel"] = "stable".into();
    lie["assets"][0]["sha256"] = other.clone().into();
    let address = deployed
        .url()
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let lie = lie.to_string();
    let proxy = Proxy::bind().serve(address, move |seen| {
        match seen
            .path
            .ends_with("/alpha/1.0.0/windows/x64?channel=stable")
        {
            true => Fault::Answer(200, lie.clone()),
            false => Fault::None,
        }
    });
    deployed
        .publishes(atlas(&sandbox, PROMOTE))
        .env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(6)
        .says(&[
            "on channel stable already with other bytes",
            &digest,
            &other,
        ]);
    assert_eq!(deployed.state().registered, 2);
    assert_eq!(latest(&ours.url(), BOTH[0]), None);
    // No credential, and a wrong one.
    let run = atlas(&sandbox, PROMOTE).env("ATLAS_HUB_URL", deployed.url());
    run.clone()
        .run()
        .exits(2)
        .says(&["ATLAS_APP_DEPLOY_TOKEN is not set"]);
    let run = run.env("ATLAS_APP_DEPLOY_TOKEN", "atlas_app_wrong").run();
    run.exits(6).says(&["does not accept the credential (401)"]);
    assert_eq!(deployed.state().registered, 2);
}

#[test]
fn a_hub_whose_storage_was_moved_is_found_out() {
    let sandbox = Sandbox::new();
    let hub = DeployedHub::start();
    publish(&sandbox, "1.0.0", "beta", &BOTH, |run| hub.publishes(run));
    hub.state().provider = "vercel_blob";
    let run = hub.publishes(atlas(&sandbox, PROMOTE)).run().exits(8);
    run.says(&["`alpha-windows-x64` of alpha for windows-x64 cannot be read back"]);
}
