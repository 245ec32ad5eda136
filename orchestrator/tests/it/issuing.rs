//! `token`: what a person with an administrator's credential does.
#![cfg(unix)]

use crate::hub_server::TestHub;
use crate::support::*;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use test_support::{Fault, Finished, Invocation, Proxy, Sandbox};

fn as_admin(hub: &TestHub, run: Invocation) -> Invocation {
    run.env("ATLAS_HUB_URL", hub.url())
        .env("ATLAS_HUB_ADMIN_TOKEN", &hub.admin)
}

fn token(hub: &TestHub, sandbox: &Sandbox, line: &str) -> Finished {
    as_admin(hub, atlas(sandbox, &format!("token {line}"))).run()
}

/// The tokens that the Hub lists.
fn listed(hub: &TestHub, sandbox: &Sandbox, line: &str) -> Vec<Value> {
    let run = token(hub, sandbox, &format!("list --format json {line}")).exits(0);
    let event = events(&run).pop().unwrap();
    assert_eq!(event["event"], "tokens");
    event["tokens"].as_array().unwrap().clone()
}

/// The program through a shell, which says where standard output leads.
fn in_shell(hub: &TestHub, sandbox: &Sandbox, line: &str, script: &str) -> Finished {
    let run = sandbox
        .invoke("/bin/sh")
        .args(["-c", script, ATLAS_RELEASE])
        .args(line.split_whitespace());
    as_admin(hub, run).run()
}

#[test]
fn a_token_is_shown_once_listed_and_revoked() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let run = token(&hub, &sandbox, "issue --name jobs --expires 90d").exits(0);
    let text = run.stdout.trim_end().to_owned();
    assert!(
        text.starts_with("atlas_app_") && run.stdout.lines().count() == 1,
        "{run}"
    );
    let run = run.says(&["(jobs) works until ", "it is shown this once"]);
    assert!(!run.stderr.contains(&text), "{run}");
    // It may do what it is for.
    std::fs::write(sandbox.root().join("app"), "bytes").unwrap();
    let rows = "app|linux|x64|binary|alpha-linux-x64\n";
    std::fs::write(sandbox.root().join("files.manifest"), rows).unwrap();
    let line = "publish --manifest files.manifest --product alpha --version 1.0.0";
    let publish = || {
        hub.publishes(atlas(&sandbox, line))
            .env("ATLAS_APP_DEPLOY_TOKEN", &text)
    };
    publish().run().exits(0);

    let all = listed(&hub, &sandbox, "");
    let jobs = all.iter().find(|one| one["name"] == "jobs").unwrap();
    assert_eq!(jobs["state"], "active");
    assert!(
        jobs["expires_at"].is_string() && jobs["last_used_at"].is_string(),
        "{jobs}"
    );
    assert!(text.starts_with(jobs["prefix"].as_str().unwrap()));
    let table = token(&hub, &sandbox, "list").exits(0).stdout;
    let mut lines = table.lines();
    assert!(lines.next().unwrap().starts_with("ID "), "{table}");
    assert_eq!(lines.count(), all.len(), "{table}");
    assert!(!table.contains(&text));

    let id = jobs["id"].as_str().unwrap();
    let revoked = token(&hub, &sandbox, &format!("revoke {id} --format json")).exits(0);
    let event = events(&revoked).pop().unwrap();
    assert_eq!(
        (&event["event"], &event["id"]),
        (&"token-revoked".into(), &id.into())
    );
    let all = listed(&hub, &sandbox, "");
    let jobs = all.iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(jobs["state"], "revoked");
    publish().run().exits(6);
    token(&hub, &sandbox, "revoke nosuch")
        .exits(6)
        .says(&["hint: tokens are revoked by the id"]);
}

#[test]
fn a_file_takes_it_that_only_its_owner_reads() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let file = sandbox.root().join("token");
    let run = token(
        &hub,
        &sandbox,
        "issue --pack my-pack --output token --format json",
    )
    .exits(0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("atlas_pack_") && text.ends_with('\n'),
        "{text}"
    );
    assert!(!format!("{run}").contains(text.trim()), "{run}");
    let mode = file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let event = events(&run).pop().unwrap();
    assert_eq!(event["event"], "token");
    assert!(event.get("token").is_none(), "{event}");
    assert_eq!(event["output"], file.to_str().unwrap());
    let all = listed(&hub, &sandbox, "--pack my-pack");
    assert_eq!((all.len(), &all[0]["id"]), (1, &event["id"]));

    // Never over something that is there, a link to nothing included.
    let link = sandbox.root().join("link");
    std::os::unix::fs::symlink(sandbox.root().join("nothing"), &link).unwrap();
    for name in ["token", "link"] {
        let line = format!("issue --pack my-pack --output {name}");
        token(&hub, &sandbox, &line)
            .exits(2)
            .says(&["is there already"]);
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    let line = "issue --pack my-pack --output missing/token";
    token(&hub, &sandbox, line)
        .exits(9)
        .says(&["no token was issued"]);
    assert_eq!(listed(&hub, &sandbox, "--pack my-pack").len(), 1);
}

#[test]
fn in_json_the_token_stands_in_the_event() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let line = "issue --expires 2099-01-31T12:00:00+02:00 --format json";
    let run = token(&hub, &sandbox, line).exits(0);
    let event = events(&run).pop().unwrap();
    assert!(event["token"].as_str().unwrap().starts_with("atlas_app_"));
    assert_eq!(event["expires_at"], "2099-01-31T10:00:00Z");
    for (expires, says) in [
        ("2001-01-01T00:00:00Z", "is over already"),
        ("soon", "a span such as 90d"),
        ("-1d", "is over already"),
    ] {
        let line = format!("issue --expires {expires}");
        token(&hub, &sandbox, &line).exits(2).says(&[says]);
    }
}

#[test]
fn a_token_whose_text_is_lost_is_named() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let before = listed(&hub, &sandbox, "").len();
    // Nobody could read it, so none is issued.
    for script in ["exec \"$0\" \"$@\" >&-", "exec \"$0\" \"$@\" > /dev/null"] {
        in_shell(&hub, &sandbox, "token issue", script)
            .exits(9)
            .says(&[
                "standard output leads nowhere",
                "none was issued",
                "--output",
            ]);
    }
    assert_eq!(listed(&hub, &sandbox, "").len(), before);
    // A full disk, a reader that has gone, and a file that takes nothing.
    let lost = [
        ("token issue", "exec \"$0\" \"$@\" > /dev/full"),
        (
            "token issue --format json",
            "exec \"$0\" \"$@\" > /dev/full",
        ),
        (
            "token issue",
            "{ \"$0\" \"$@\"; echo $? > code; } | :; exit $(cat code)",
        ),
        (
            "token issue --output full",
            "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"",
        ),
    ];
    for (line, script) in lost {
        let run = in_shell(&hub, &sandbox, line, script).exits(9);
        let all = listed(&hub, &sandbox, "");
        let id = all[0]["id"].as_str().unwrap();
        run.says(&[
            &format!("the token {id} was issued, and its text could not be written to"),
            &format!("atlas-release token revoke {id} --hub-url {}", hub.url()),
        ]);
    }
    assert_eq!(listed(&hub, &sandbox, "").len(), before + lost.len());
    assert!(!sandbox.root().join("full").exists());
}

#[test]
fn an_answer_that_is_lost_leaves_a_token_that_nobody_has() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let before = listed(&hub, &sandbox, "").len();
    let proxy = Proxy::bind().serve(hub.address, |_| Fault::LoseAnswer);
    let line = "token issue --output token";
    as_admin(&hub, atlas(&sandbox, line))
        .env("ATLAS_HUB_URL", proxy.url())
        .run()
        .exits(7)
        .says(&[
            "whether a token was issued is not known",
            "atlas-release token list",
        ]);
    assert_eq!(proxy.seen().len(), 1, "it is not issued twice");
    assert_eq!(listed(&hub, &sandbox, "").len(), before + 1);
    assert!(!sandbox.root().join("token").exists());
}

#[test]
fn who_is_no_administrator_is_told_which_variable_counts() {
    let sandbox = Sandbox::new();
    let hub = TestHub::start();
    let run = atlas(&sandbox, "token list").env("ATLAS_HUB_URL", hub.url());
    // A deploy token is no credential for this.
    let run = run.env("ATLAS_APP_DEPLOY_TOKEN", &hub.token);
    run.clone()
        .run()
        .exits(2)
        .says(&["ATLAS_HUB_ADMIN_TOKEN is not set"]);
    let wrong = "atlas_admin_wrong";
    let run = run.env("ATLAS_HUB_ADMIN_TOKEN", wrong).run().exits(6);
    assert!(!format!("{run}").contains(wrong), "{run}");
    run.says(&["hint: ATLAS_HUB_ADMIN_TOKEN has to hold"]);
}
