//! `yank` and `rollback`.

use crate::deployed_hub::DeployedHub;
use crate::hub_server::TestHub;
use crate::promoting::{latest, publish, publish_of, shown, shown_of};
use crate::support::*;
use serde_json::json;
use test_support::{Fault, Proxy, Sandbox};

// Never the platform of a machine that runs this.
const X64: &str = "windows-x64";
const ARM: &str = "windows-arm64";

#[test]
fn a_yanked_release_is_offered_no_longer_and_undo_offers_it_again() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    for version in ["1.0.0", "1.1.0"] {
        publish(&sandbox, version, "stable", &[X64], |run| {
            hub.publishes(run)
        });
    }
    publish(&sandbox, "1.1.0", "beta", &[X64], |run| hub.publishes(run));
    let run = |line: &str| hub.publishes(atlas(&sandbox, line)).run();
    run("yank 1.1.0 --product alpha")
        .exits(2)
        .says(&["--reason <TEXT>"]);
    run("yank 1.1.0 --product alpha --reason lossy --dry-run")
        .exits(0)
        .says(&["would take back alpha 1.1.0 on stable"]);
    assert_eq!(latest(&hub.url(), X64).as_deref(), Some("1.1.0"));

    let yanked = run("yank 1.1.0 --product alpha --reason lossy").exits(0);
    let _redacted = redacted(&sandbox);
    insta::assert_snapshot!(crate::support::shown(&yanked), @r"
    exit 0
    --- stdout
    yanked    1.1.0 on channel stable: lossy
    hub       http://[ADDRESS]
      alpha    latest is 1.0.0 for windows-x64
    --- stderr
         yanking 1.1.0 on stable at http://[ADDRESS]
    warning: alpha 1.1.0 is still offered on beta
    ");
    assert_eq!(latest(&hub.url(), X64).as_deref(), Some("1.0.0"));
    assert!(shown(&hub.url(), "1.1.0", "stable", X64).is_some());
    // What is taken back is not promoted.
    run("promote 1.1.0 --from stable --to dev --product alpha")
        .exits(6)
        .says(&[
            "alpha 1.1.0 was taken back on channel stable",
            "hint: `atlas-release yank 1.1.0 --channel stable --undo`",
        ]);

    let again = run("yank 1.1.0 --product alpha --undo --format json").exits(0);
    let done = events(&again).pop().unwrap();
    assert_eq!(
        (&done["event"], &done["undone"]),
        (&json!("yank"), &json!(true))
    );
    assert_eq!(done["products"][0]["latest"][0]["version"], "1.1.0");
    assert_eq!(latest(&hub.url(), X64).as_deref(), Some("1.1.0"));
    run("yank 2.0.0 --product alpha --reason x")
        .exits(6)
        .says(&["alpha 2.0.0 is not on channel stable"]);
    run("yank 1.1.0-rc.1 --product alpha --reason x")
        .exits(2)
        .says(&["hint: choose one with --channel"]);
}

#[test]
fn a_hub_that_takes_nothing_back_is_told_what_to_do_instead() {
    let sandbox = Sandbox::new();
    let hub = DeployedHub::start();
    publish(&sandbox, "1.0.0", "stable", &[X64], |run| {
        hub.publishes(run)
    });
    let line = "yank 1.0.0 --product alpha --reason lossy";
    hub.publishes(atlas(&sandbox, line)).run().exits(6).says(&[
        "this Hub cannot take a release back",
        "hint: it offers what was published last: `atlas-release rollback --to VERSION`",
    ]);
}

#[test]
fn a_rollback_takes_back_what_is_newer_in_one_step() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let to = |run| hub.publishes(run);
    publish(&sandbox, "1.0.0", "stable", &[X64, ARM], to);
    publish(&sandbox, "1.1.0", "stable", &[X64], to);
    publish(&sandbox, "1.2.0", "stable", &[X64, ARM], to);
    // Released less often.
    publish_of("beta", &sandbox, ("1.0.0", "stable"), &[X64], to);
    let run = |line: &str| hub.publishes(atlas(&sandbox, line)).run();
    let both = "--product alpha --product beta";
    let dry = run(&format!("rollback {both} --dry-run")).exits(0);
    let lacks = "alpha 1.1.0 lacks platforms that have something newer now; they are offered then: \
                 1.0.0 for windows-arm64";
    dry.says(&["would make alpha 1.1.0 the newest on stable", lacks]);
    assert_eq!(latest(&hub.url(), X64).as_deref(), Some("1.2.0"));

    let done = run(&format!("rollback {both}")).exits(0);
    let _redacted = redacted(&sandbox);
    insta::assert_snapshot!(crate::support::shown(&done), @r"
    exit 0
    --- stdout
    rollback  of channel stable, by taking back what is newer, verified [TIME]
    hub       http://[ADDRESS]
      alpha    1.1.0 for windows-x64, was 1.2.0; taken back: 1.2.0; without it: 1.0.0 for windows-arm64
    --- stderr
    rolling back stable at http://[ADDRESS]
            note making alpha 1.1.0 the newest on stable instead of 1.2.0, by taking back 1.2.0
    warning: alpha 1.1.0 lacks platforms that have something newer now; they are offered then: 1.0.0 for windows-arm64
    ");
    assert_eq!(latest(&hub.url(), X64).as_deref(), Some("1.1.0"));
    assert_eq!(latest(&hub.url(), ARM).as_deref(), Some("1.0.0"));
    assert!(shown_of("beta", &hub.url(), ("latest", "stable"), X64).is_some());

    // To a version that is named, and once more, which changes nothing.
    for unchanged in [false, true] {
        let run = run("rollback --product alpha --to 1.0.0 --reason lossy --format json").exits(0);
        let done = events(&run).pop().unwrap();
        assert_eq!(done["event"], "rollback");
        assert_eq!(done["products"][0]["unchanged"], unchanged, "{done}");
        assert_eq!(done["products"][0]["version"], "1.0.0");
    }
    assert_eq!(latest(&hub.url(), X64).as_deref(), Some("1.0.0"));
    run("rollback --product alpha")
        .exits(6)
        .says(&["channel stable has no version of alpha before 1.0.0"]);
    run("rollback --product alpha --to 1.1.0")
        .exits(6)
        .says(&["alpha 1.1.0 was taken back on channel stable"]);
    run("rollback --product alpha --channel dev")
        .exits(6)
        .says(&["channel dev has no release of alpha"]);
}

#[test]
fn a_rollback_that_broke_off_is_taken_up_by_the_version_that_it_names() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let to = |run| hub.publishes(run);
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        for product in ["alpha", "beta"] {
            publish_of(product, &sandbox, (version, "stable"), &[X64], to);
        }
    }
    let proxy = Proxy::bind().serve(hub.address, |seen| {
        match seen.path.ends_with("/beta/1.2.0/yank") {
            true => Fault::Answer(403, "{\"error\":\"not today\"}".to_owned()),
            false => Fault::None,
        }
    });
    let line = "rollback --product alpha --product beta";
    hub.publishes(atlas(&sandbox, line))
        .env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(6)
        .says(&[
            "the rollback to 1.1.0 has begun and is not finished",
            "hint: run the same command again with --to 1.1.0",
        ]);
    let newest = |product: &str| {
        let shown = shown_of(product, &hub.url(), ("latest", "stable"), X64);
        shown.unwrap()["version"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (newest("alpha"), newest("beta")),
        ("1.1.0".to_owned(), "1.2.0".to_owned())
    );
    let line = format!("{line} --to 1.1.0");
    hub.publishes(atlas(&sandbox, &line)).run().exits(0);
    assert_eq!(
        (newest("alpha"), newest("beta")),
        ("1.1.0".to_owned(), "1.1.0".to_owned())
    );
}

#[test]
fn a_deployed_hub_gets_the_version_again_with_a_new_date() {
    let sandbox = Sandbox::new();
    let hub = DeployedHub::start();
    let to = |run| hub.publishes(run);
    publish(&sandbox, "1.0.0", "stable", &[X64], to);
    publish(&sandbox, "1.1.0", "stable", &[X64, ARM], to);
    let run = |line: &str| hub.publishes(atlas(&sandbox, line)).run();
    run("rollback --product alpha")
        .exits(2)
        .says(&["name the one to go back to with --to", "hint: "]);
    run("rollback --product alpha --to 0.9.0")
        .exits(6)
        .says(&["alpha 0.9.0 is not on channel stable"]);
    let before = shown(hub.url(), "1.0.0", "stable", X64).unwrap();
    let registrations = hub.state().registered;
    let says = [
        "alpha 1.0.0 lacks platforms that have something newer now; they are offered then: nothing \
         for windows-arm64",
        "new download ids: links with the old ones stop working",
    ];
    run("rollback --product alpha --to 1.0.0 --dry-run")
        .exits(0)
        .says(&says);
    assert_eq!(hub.state().registered, registrations);

    let done = run("rollback --product alpha --to 1.0.0").exits(0);
    done.says(&says);
    assert_eq!(latest(hub.url(), X64).as_deref(), Some("1.0.0"));
    let after = shown(hub.url(), "1.0.0", "stable", X64).unwrap();
    assert_eq!(before["assets"][0]["sha256"], after["assets"][0]["sha256"]);
    assert_ne!(
        before["assets"][0]["download_id"],
        after["assets"][0]["download_id"]
    );
    // Once more changes nothing.
    run("rollback --product alpha --to 1.0.0")
        .exits(0)
        .says(&["alpha 1.0.0 is the newest on stable already"]);
    assert_eq!(shown(hub.url(), "1.0.0", "stable", X64), Some(after));
    // And forward again; but not where the bytes are gone.
    run("rollback --product alpha --to 1.1.0").exits(0);
    assert_eq!(latest(hub.url(), ARM).as_deref(), Some("1.1.0"));
    hub.state().lose_bytes();
    run("rollback --product alpha --to 1.0.0")
        .exits(8)
        .says(&["`alpha-windows-x64` of alpha for windows-x64 cannot be read back"]);
}

#[test]
fn a_hub_that_does_not_do_as_it_says_is_found_out() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    for version in ["1.0.0", "1.1.0"] {
        publish(&sandbox, version, "stable", &[X64], |run| {
            hub.publishes(run)
        });
    }
    let newest = shown(&hub.url(), "latest", "stable", X64)
        .unwrap()
        .to_string();
    let proxy = Proxy::bind().serve(hub.address, move |seen| {
        match seen.path.contains("/latest/windows/x64") {
            true => Fault::Answer(200, newest.clone()),
            false => Fault::None,
        }
    });
    for line in [
        "rollback --product alpha",
        "yank 1.1.0 --product alpha --reason lossy",
    ] {
        let run = hub.publishes(atlas(&sandbox, line));
        let run = run.env("ATLAS_HUB_URL", proxy.url()).run().exits(8);
        run.says(&["latest of alpha on stable for windows-x64 is"]);
    }
}
