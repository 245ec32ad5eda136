//! `publish` and `verify` from `dist/` alone, with a Hub that somebody else runs.

use crate::hub_server::{TestHub, serves};
use crate::support::*;
use serde_json::json;
use test_support::{Fault, Proxy, Sandbox, path_without, tree};

#[test]
fn a_machine_with_neither_cargo_nor_git_publishes_and_verifies() {
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let path = path_without(&sandbox.root().join("bin"), &["cargo", "git", "rustc"]);
    let hub = TestHub::start();
    let run = hub
        .publishes(atlas(&sandbox, "publish demo-v0.1.0 --format json"))
        // A trailing slash does no harm.
        .env("ATLAS_HUB_URL", format!("{}/", hub.url()))
        .env("PATH", &path)
        .run()
        .exits(0);
    let receipt = receipt(&run);
    assert_eq!(receipt["hub"], hub.url());
    assert_eq!(receipt["products"], json!(["alpha", "beta"]));
    assert!(receipt.get("serve_command").is_none(), "{receipt}");
    for product in ["alpha", "beta"] {
        let file = staged.join(format!("{product}-{}", platform()));
        serves(&hub.url(), product, "0.1.0", &file);
        serves(&hub.url(), product, "latest", &file);
    }
    // To read it back, no credential is needed.
    let verified = atlas(&sandbox, "verify --format json")
        .env("PATH", &path)
        .arg("--hub-url")
        .arg(hub.url())
        .run()
        .exits(0);
    assert_eq!(events_of(&verified, "verified").len(), 2);
    assert_eq!(
        crate::support::receipt(&verified)["assets"],
        receipt["assets"]
    );
}

#[test]
fn notes_and_date_are_published_with_it() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    std::fs::write(sandbox.root().join("notes.md"), "What is new: all.").unwrap();
    let hub = TestHub::start();
    let date = "2026-01-02T03:04:05Z";
    let run = hub
        .publishes(atlas(
            &sandbox,
            "publish --format json --notes-file notes.md",
        ))
        .args(["--published-at", date])
        .run()
        .exits(0);
    assert_eq!(receipt(&run)["published_at"], date);
    assert_eq!(hub.release("alpha", "0.1.0").unwrap()["published_at"], date);
    hub.publishes(atlas(&sandbox, "publish --notes-file missing.md"))
        .run()
        .exits(2)
        .says(&["cannot read the notes from", "missing.md"]);
    hub.publishes(atlas(&sandbox, "publish --notes a --notes-file notes.md"))
        .run()
        .exits(2);
}

#[test]
fn a_wrong_token_is_refused_before_any_upload() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let hub = TestHub::start();
    let proxy = Proxy::bind().serve(hub.address, |_| Fault::None);
    let wrong = format!("atlas_app_{}", "0".repeat(hub.token.len() - 10));
    let run = atlas(&sandbox, "publish -vv")
        .env("ATLAS_HUB_URL", proxy.url())
        .env("ATLAS_APP_DEPLOY_TOKEN", &wrong)
        .run()
        .exits(6)
        .says(&["does not accept the credential (401)"]);
    assert!(
        !format!("{run}").contains(&wrong),
        "the token is told: {run}"
    );
    let uploads = proxy.seen().iter().any(|seen| seen.method == "PUT");
    assert!(!uploads, "{:?}", proxy.seen());
    assert_eq!(hub.stored(), Vec::<String>::new());
    assert!(hub.release("alpha", "0.1.0").is_none());
}

#[test]
fn a_hub_that_cannot_be_reached_is_named() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let before = tree(&sandbox.dist_dir().join("demo-0.1.0"));
    // A port that nothing is given by chance.
    let nobody = "127.0.0.1:1";
    atlas(&sandbox, "publish")
        .env("ATLAS_HUB_URL", format!("http://{nobody}"))
        .env("ATLAS_APP_DEPLOY_TOKEN", "atlas_app_any")
        .run()
        .exits(7)
        .says(&[
            &format!("{nobody} could not be reached"),
            "hint: run the same command again",
            "is the Hub running, and is its address right",
        ]);
    assert!(
        before == tree(&sandbox.dist_dir().join("demo-0.1.0")),
        "no receipt"
    );
}

#[test]
fn settings_that_are_missing_or_wrong_are_named() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let _redacted = redacted(&sandbox);
    let run = atlas(&sandbox, "publish").run();
    insta::assert_snapshot!(shown(&run), @r"
    exit 2
    --- stderr
    error: no Hub was named: neither --hub-url, ATLAS_HUB_URL nor --local is given
    hint: set ATLAS_HUB_URL, or use --local for a Hub on this machine
    ");
    let run = atlas(&sandbox, "publish")
        .env("ATLAS_HUB_URL", "https://hub.example.com")
        .env("ATLAS_APP_DEPLOY_TOKEN", " ")
        .run();
    insta::assert_snapshot!(shown(&run), @r"
    exit 2
    --- stderr
    error: there is no credential to publish with: ATLAS_APP_DEPLOY_TOKEN is not set
    hint: an administrator of the Hub issues one; README.md shows how. A job of GitHub Actions whose workflow the Hub trusts needs none, but `permissions: { id-token: write }`
    ");
    let run = atlas(&sandbox, "publish --hub-url http://hub.example.com").run();
    insta::assert_snapshot!(shown(&run), @r"
    exit 2
    --- stderr
    error: the Hub's address cannot be used: http://hub.example.com is refused: over plain http the deploy token would travel readable; only this machine (localhost, 127.0.0.0/8, [::1]) may be addressed so, use https://
    ");
    let run = atlas(
        &sandbox,
        "publish --local --hub-url https://hub.example.com",
    )
    .run();
    insta::assert_snapshot!(shown(&run.exits(2)).lines().nth(2).unwrap(), @"error: the argument '--local' cannot be used with '--hub-url <URL>'");
}

#[test]
fn what_is_not_staged_is_not_published() {
    let sandbox = Sandbox::new();
    let _redacted = redacted(&sandbox);
    let run = atlas(&sandbox, "publish --local").run();
    insta::assert_snapshot!(shown(&run), @r"
    exit 2
    --- stderr
    error: no release was named, and [SANDBOX]/dist holds none
    hint: build it first, or name another folder with --dist-dir
    ");
    let staged = staged_release(&sandbox);
    let run = atlas(&sandbox, "publish demo-v0.2.0 --local").run();
    insta::assert_snapshot!(shown(&run), @r"
    exit 2
    --- stderr
    error: there is no release at [SANDBOX]/dist/demo-0.2.0
    hint: build it first, or name another folder with --dist-dir
    ");
    let release = staged.parent().unwrap();
    test_support::copy_tree(release, &release.with_file_name("demo-0.2.0"));
    let run = atlas(&sandbox, "publish --local").run();
    insta::assert_snapshot!(shown(&run), @r"
    exit 2
    --- stderr
    error: no release was named, and [SANDBOX]/dist holds demo-0.1.0, demo-0.2.0
    hint: name the tag of one of them
    ");
    // A copy of another release is not this one, whatever its folder is called.
    atlas(&sandbox, "publish demo-v0.2.0 --local")
        .run()
        .exits(8)
        .says(&["it holds demo-v0.1.0, not demo-v0.2.0"]);
    // The job's own tag decides.
    atlas(&sandbox, "publish --local")
        .env("GITHUB_REF_TYPE", "tag")
        .env("GITHUB_REF_NAME", "demo-v0.1.0")
        .run()
        .exits(0);
}

#[test]
fn what_was_altered_after_the_build_is_refused_before_anything_is_sent() {
    let hub = TestHub::start();
    let proxy = Proxy::bind().serve(hub.address, |_| Fault::None);
    let alpha = format!("alpha-{}", platform());
    let cases: [(&str, &str, &str, i32, &str); 5] = [
        (&alpha, "", "more bytes", 8, "has sha256"),
        ("alpha.manifest", "|binary|", "|installer|", 8, "kind"),
        (
            "beta.manifest",
            "beta-",
            "alpha-",
            8,
            "in a manifest and not in release.json",
        ),
        (
            "release.json",
            "\"channel\": \"stable\"",
            "\"channel\": \"beta\"",
            8,
            "SHA256SUMS",
        ),
        (
            "SHA256SUMS",
            "  release.json",
            "  ../release.json",
            2,
            "line 3",
        ),
    ];
    for (file, from, to, code, says) in cases {
        let sandbox = Sandbox::new();
        let path = staged_release(&sandbox).join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        if from.is_empty() {
            bytes.extend_from_slice(to.as_bytes());
        } else {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains(from), "{text}");
            bytes = text.replace(from, to).into_bytes();
        }
        std::fs::write(&path, bytes).unwrap();
        for command in ["publish", "verify"] {
            hub.publishes(atlas(&sandbox, command))
                .env("ATLAS_HUB_URL", proxy.url())
                .run()
                .exits(code)
                .says(&[says]);
        }
    }
    // A release of nothing is none, whatever the sums say.
    let sandbox = Sandbox::new();
    let staged = staged_release(&sandbox);
    let record = staged.join("release.json");
    let mut value: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    value["artifacts"] = serde_json::json!([]);
    std::fs::write(&record, value.to_string()).unwrap();
    let sums = format!("{}  release.json\n", digest(&record));
    std::fs::write(staged.join("SHA256SUMS"), sums).unwrap();
    hub.publishes(atlas(&sandbox, "publish"))
        .env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(8)
        .says(&["names no files"]);
    assert_eq!(proxy.seen(), []);
}

#[test]
fn who_names_no_state_folder_is_told_which_hub_it_is() {
    let sandbox = Sandbox::new();
    staged_release(&sandbox);
    let home = sandbox.root().join("home/.local/state/atlas-release/hub");
    let run = |command: &str| {
        let run = sandbox.invoke(ATLAS_RELEASE).args([command, "--local"]);
        run.arg("--dist-dir").arg(sandbox.dist_dir()).run().exits(0)
    };
    let said = |which: &str| format!("--state-dir was not given: {which} {}", home.display());
    run("publish").says(&[&said("a new Hub is made in")]);
    run("publish").says(&[&said("the Hub is the one in")]);
    run("verify").says(&[&said("the Hub is the one in")]);
    // Who names one knows it.
    let named = atlas(&sandbox, "publish --local").run().exits(0);
    assert!(!named.stderr.contains("--state-dir"), "{named}");
}
