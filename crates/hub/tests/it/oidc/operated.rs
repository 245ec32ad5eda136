//! `atlas-hub trust` as the operator types it, beside a server.

use super::EXCHANGE;
use crate::binary::{PROGRAM, Serving, command, initialized, run, serve_args, text};
use crate::support::{client, error};
use release_types::ExchangedToken;
use serde_json::json;
use std::path::Path;
use test_support::issuer::Issuer;

fn done(dir: &Path, args: &[&str]) -> (String, String) {
    let output = run(&[args, &["--data-dir", dir.to_str().unwrap()]].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
    (text(&output.stdout), said)
}

#[tokio::test]
async fn rules_are_added_listed_and_removed_while_the_server_runs() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    initialized(dir);
    let issuer = Issuer::start();
    let url = issuer.url();
    let args = [&serve_args(dir)[..], &["-vvv", "--oidc-issuer", &url]].concat();
    let serving = Serving::start(command(PROGRAM, &args));
    let client = client();
    let exchange = async || {
        let token = issuer.token(&issuer.claims(&serving.base));
        let request = client.post(format!("{}{EXCHANGE}", serving.base));
        let answer = request.json(&json!({"token": token})).send().await.unwrap();
        (token, answer)
    };
    error(exchange().await.1, 401).await;
    let add = [
        "trust",
        "add",
        "--repository",
        "octo/tool",
        "--owner-id",
        "65",
        "--workflow",
        "release.yml",
        "--issuer",
        &url,
    ];
    let (id, said) = done(dir, &[&add[..], &["--product", "runner"]].concat());
    assert_eq!(said, "octo/tool release.yml: is trusted\n");
    let id = id.trim_end();
    done(dir, &["pack", "add", "my-pack"]);
    let more = [
        &add[..],
        &[
            "--product",
            "cli",
            "--product",
            "runner",
            "--pack",
            "my-pack",
        ],
    ]
    .concat();
    assert_eq!(done(dir, &more).0.trim_end(), id);
    let (same, said) = done(dir, &more);
    assert_eq!(
        (same.trim_end(), said.as_str()),
        (id, "octo/tool release.yml: is trusted already\n")
    );
    let (listed, columns) = done(dir, &["trust", "list"]);
    assert_eq!(
        listed,
        format!(
            "{id}\tocto/tool\t65\trelease.yml\t-\tproduct:cli,product:runner,pack:my-pack\t{url}\n"
        )
    );
    assert_eq!(
        columns,
        "id\trepository\towner's id\tworkflow\tenvironment\tfor\tissuer\n"
    );
    let (id_token, answer) = exchange().await;
    assert_eq!(answer.status(), 200);
    let short: ExchangedToken = answer.json().await.unwrap();
    let presign = || {
        let body = json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/x"});
        let request = client.post(format!("{}/api/v1/storage/presign", serving.base));
        let request = request.header(release_types::DEPLOY_TOKEN_HEADER, &short.token);
        request.json(&body).send()
    };
    assert_eq!(presign().await.unwrap().status(), 200);
    let (_, said) = done(dir, &["trust", "remove", id]);
    assert!(said.contains("removed"), "{said}");
    error(presign().await.unwrap(), 401).await;
    error(exchange().await.1, 401).await;
    assert_eq!(done(dir, &["trust", "list"]).0, "");
    let (audit, _) = done(dir, &["audit"]);
    for what in [
        "trust.add",
        "trust.remove",
        "trust.refuse",
        "run 30433642/2",
    ] {
        assert!(audit.contains(what), "{audit}");
    }
    let (code, log) = serving.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(log.contains("no rule is for its repository"), "{log}");
    // Neither a token of the Hub's nor any part of a job's is in the log.
    let parts = id_token
        .split('.')
        .chain([short.token.as_str(), id_token.as_str()]);
    for secret in parts {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    initialized(dir);
    let good = [
        ("--repository", "octo/tool"),
        ("--owner-id", "65"),
        ("--workflow", "release.yml"),
        ("--product", "runner"),
    ];
    for (flag, value, says) in [
        ("--repository", "octo", "OWNER/NAME"),
        ("--owner-id", "octo", "expected a number"),
        (
            "--workflow",
            ".github/workflows/release.yml",
            "without folders",
        ),
        ("--product", "nothing", "atlas-hub product list"),
        ("--product", "", "--product"),
        ("--pack", "nothing", "atlas-hub pack list"),
        ("--environment", " x", "an environment"),
        ("--issuer", "http://issuer.example", "plain http"),
        ("--issuer", "https://issuer.example/", "slash"),
    ] {
        let mut args = vec!["trust", "add", "--data-dir", dir.to_str().unwrap()];
        for (name, value) in good.iter().filter(|(name, _)| *name != flag) {
            args.extend([*name, *value]);
        }
        if !value.is_empty() {
            args.extend([flag, value]);
        }
        let output = run(&args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flag} {value}: {said}");
        assert!(said.contains(says), "{flag} {value}: {said}");
    }
    let output = run(&["trust", "remove", "x", "--data-dir", dir.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("atlas-hub trust list"));
    let output = run(&[
        "serve",
        "--data-dir",
        dir.to_str().unwrap(),
        "--oidc-audience",
        " ",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(done(dir, &["trust", "list"]).0, "");
}
