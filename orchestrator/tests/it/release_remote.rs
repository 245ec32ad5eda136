//! `release` with a Hub that somebody else runs.

use crate::hub_server::{TestHub, serves};
use crate::support::*;
use test_support::tree;

#[test]
fn a_tag_becomes_a_verified_release() {
    let project = Project::tagged("demo-v1.0.0-beta.2");
    let hub = TestHub::start();
    let run = hub
        .publishes(project.quick("release --format json"))
        .env("GITHUB_REF_TYPE", "tag")
        .env("GITHUB_REF_NAME", "demo-v1.0.0-beta.2")
        .run()
        .exits(0);
    let receipt = receipt(&run);
    assert_eq!(receipt["hub"], hub.url());
    assert_eq!(receipt["channel"], "beta");
    assert!(receipt.get("serve_command").is_none(), "{receipt}");
    assert!(hub.release("alpha", "latest").is_none(), "not on stable");
    for product in ["alpha", "beta"] {
        let file = project.staged("demo-1.0.0-beta.2");
        let file = file.join(format!("{product}-{}", platform()));
        let latest = format!("latest/{}?channel=beta#", platform_path());
        serves(&hub.url(), product, &latest, &file);
    }
    // What a laptop's Hub needs is not made for another one.
    assert!(!project.sandbox.state_dir().join("hub").exists());
    // Another machine that has `dist/` alone goes on from there, and finds all done.
    let again = hub
        .publishes(atlas(&project.sandbox, "publish --format json"))
        .run()
        .exits(0);
    assert_eq!(crate::support::receipt(&again)["assets"], receipt["assets"]);
    let registered = events_of(&again, "registered");
    let unchanged: Vec<_> = registered.iter().map(|e| &e["unchanged"]).collect();
    assert_eq!(unchanged, [true, true], "{again}");
}

#[test]
fn what_the_hub_will_refuse_is_refused_before_the_build() {
    let project = Project::tagged("demo-v1.0.0");
    let hub = TestHub::start();
    let is_unbuilt = || {
        assert_eq!(hub.stored(), Vec::<String>::new());
        let target = tree(&project.sandbox.root().join("target"));
        let built = target.keys().filter(|name| *name != ".atlas-release.lock");
        assert_eq!(built.count(), 0, "{target:?}");
    };
    project
        .quick("release demo-v1.0.0")
        .env("ATLAS_HUB_URL", hub.url())
        .run()
        .exits(2)
        .says(&["ATLAS_APP_DEPLOY_TOKEN is not set"]);
    is_unbuilt();
    hub.publishes(project.quick("release demo-v1.0.0"))
        .env("ATLAS_APP_DEPLOY_TOKEN", "atlas_app_wrong")
        .run()
        .exits(6)
        .says(&["does not accept the credential (401)"]);
    is_unbuilt();
}
