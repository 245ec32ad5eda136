//! What a job's token, and what it gets for it, is good for.

use super::{
    PRESIGN, add_rule, audited, exchange, exchanged, is_refused, job, post_as, presign, trusting,
    with_job, with_rule, with_token,
};
use crate::packs::{COMPLETE, PRESIGN as PRESIGN_BUILD};
use crate::support::{Server, artifact, error};
use release_types::{BuildUpload, DEPLOY_TOKEN_HEADER, TokenList};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use test_support::issuer::Issuer;

const JOB: &str = "octo/tool run 30433642/2 commit 0123456789abcdef0123456789abcdef01234567 \
     workflow release.yml environment release";

fn token(server: &Server, issuer: &Issuer) -> String {
    issuer.token(&issuer.claims(&server.base))
}

#[tokio::test]
async fn a_job_publishes_its_products_for_a_quarter_of_an_hour() {
    let issuer = Issuer::start();
    let (server, rule) = with_rule(&issuer).await;
    let short = exchanged(&server, &token(&server, &issuer)).await;
    assert!(short.token.starts_with("atlas_app_"));
    let left = short.expires_at.duration_since(jiff::Timestamp::now());
    assert!((14 * 60..=15 * 60).contains(&left.as_secs()), "{left}");
    let path = "/api/v1/releases/runner/publish";
    let key = "artifacts/runner/1.0.0/linux/x64/x";
    assert!(server.upload(key, b"x").await.is_success());
    let body = json!({
        "version": "1.0.0", "platform": {"os": "linux", "arch": "x64"},
        "artifacts": [artifact("runner", "1.0.0", "linux/x64", "x", b"x")],
    });
    let answer = post_as(&server, with_token(&short), path, &body).await;
    assert_eq!(answer.status(), 201);

    // The audit names run and commit, both where the token was got and where it was used.
    let issued = audited(&server, "token.issue").await.pop().unwrap();
    assert_eq!((issued.1.as_str(), issued.2.as_str()), ("github", JOB));
    let published = audited(&server, "publish").await.pop().unwrap();
    assert_eq!((published.1.as_str(), published.2.as_str()), ("app", JOB));
    let added = audited(&server, "trust.add").await.pop().unwrap();
    assert_eq!(
        added.0,
        format!(
            "{rule} Octo/Tool of owner 65 at {}, workflow release.yml, environment Release: \
             product runner, pack my-pack",
            issuer.url()
        )
    );

    // Among the tokens it is one of them, until it is over and forgotten.
    let path = "/api/v1/deploy/app-tokens";
    let list = async || {
        let list = server.as_admin(Method::GET, path, &Value::Null).await;
        list.json::<TokenList>().await.unwrap().tokens
    };
    let listed = list().await;
    assert_eq!(listed[0].name.as_deref(), Some(JOB));
    assert_eq!(listed[0].expires_at, Some(short.expires_at));
    server.pass(15 * 60);
    let over = post_as(&server, with_token(&short), PRESIGN, &presign("runner")).await;
    error(over, 401).await;
    server
        .hub
        .collect(hub::Collection::default())
        .await
        .unwrap();
    assert_eq!(list().await.len(), listed.len() - 1);
}

#[tokio::test]
async fn its_token_is_for_its_products_alone() {
    let issuer = Issuer::start();
    let (server, _) = with_rule(&issuer).await;
    server.release("cli", "1.0.0", "linux/x64", &["x"]).await;
    let short = exchanged(&server, &token(&server, &issuer)).await;
    let post =
        async |path: &str, body: &Value| post_as(&server, with_token(&short), path, body).await;
    assert_eq!(post(PRESIGN, &presign("runner")).await.status(), 200);
    let one = |product: &str| {
        let platforms = json!([{"os": "linux", "arch": "x64"}]);
        json!({"releases": [{"product": product, "version": "1.0.0", "platforms": platforms}]})
    };
    for (path, body) in [
        (PRESIGN, presign("cli")),
        // What only begins with a product's name.
        (PRESIGN, presign("runnerd")),
        ("/api/v1/releases/cli/publish", json!({})),
        // Whether there is such a product is not told.
        ("/api/v1/releases/nothing/publish", json!({})),
        ("/api/v1/releases/finalize", one("cli")),
        (
            "/api/v1/releases/cli/1.0.0/promote",
            json!({"from": "stable", "to": "beta"}),
        ),
        ("/api/v1/releases/cli/1.0.0/yank", json!({})),
    ] {
        error(post(path, &body).await, 403).await;
    }
    let undo = server
        .client
        .delete(server.url("/api/v1/releases/cli/1.0.0/yank"));
    let undo = undo.header(DEPLOY_TOKEN_HEADER, &short.token);
    error(undo.send().await.unwrap(), 403).await;
    error(
        post("/api/v1/releases/runner/publish", &json!({})).await,
        400,
    )
    .await;
    for (prefix, status) in [
        ("", 403),
        ("?prefix=artifacts/", 403),
        ("?prefix=artifacts/run", 403),
        ("?prefix=artifacts/runner", 403),
        ("?prefix=artifacts/runnerd/", 403),
        ("?prefix=artifacts/runner/", 200),
        ("?prefix=artifacts/runner/1.0.0/", 200),
    ] {
        let list = server.url(&format!("/api/v1/storage/objects{prefix}"));
        let list = server
            .client
            .get(list)
            .header(DEPLOY_TOKEN_HEADER, &short.token);
        assert_eq!(list.send().await.unwrap().status(), status, "{prefix}");
    }
    // It makes no tokens, and no builds.
    let tokens = post("/api/v1/deploy/app-tokens", &json!({})).await;
    error(tokens, 403).await;
    error(
        post(PRESIGN_BUILD, &json!({"packId": "my-pack"})).await,
        403,
    )
    .await;
}

#[tokio::test]
async fn what_a_rule_gave_ends_with_the_rule() {
    let issuer = Issuer::start();
    let (server, rule) = with_rule(&issuer).await;
    let mut any = job(&issuer);
    any.environment = None;
    let second = add_rule(&server, any, &["cli"], &[]).await;
    assert_ne!(rule, second);
    // Of several rules all count.
    let short = exchanged(&server, &token(&server, &issuer)).await;
    for product in ["runner", "cli"] {
        let allowed = post_as(&server, with_token(&short), PRESIGN, &presign(product)).await;
        assert_eq!(allowed.status(), 200);
    }
    let roster = server.hub.roster();
    roster.remove_trust(&second).await.unwrap();
    let over = post_as(&server, with_token(&short), PRESIGN, &presign("runner")).await;
    error(over, 401).await;
    let short = exchanged(&server, &token(&server, &issuer)).await;
    let other = post_as(&server, with_token(&short), PRESIGN, &presign("cli")).await;
    error(other, 403).await;
    assert!(roster.remove_trust(&second).await.is_err());
    assert_eq!(roster.trust().await.unwrap().len(), 1);
}

#[tokio::test]
async fn one_job_has_one_rule() {
    let issuer = Issuer::start();
    let (server, rule) = with_rule(&issuer).await;
    let mut same = job(&issuer);
    same.repository = "OCTO/tool".parse().unwrap();
    same.environment = Some("RELEASE".parse().unwrap());
    assert_eq!(add_rule(&server, same, &["cli"], &[]).await, rule);
    let rules = server.hub.roster().trust().await.unwrap();
    let [one] = &rules[..] else {
        panic!("{rules:?}")
    };
    let names: Vec<&str> = one.products.iter().map(|name| name.as_str()).collect();
    assert_eq!((names, one.packs.len()), (vec!["cli", "runner"], 1));
    assert_eq!(one.job, job(&issuer));
}

/// The header, for calls of their own: one token, one call.
#[tokio::test]
async fn an_id_token_is_good_for_one_call() {
    let issuer = Issuer::start();
    let (server, _) = with_rule(&issuer).await;
    let first = token(&server, &issuer);
    let presigned = post_as(&server, with_job(&first), PRESIGN, &presign("runner")).await;
    assert_eq!(presigned.status(), 200);
    let presigned: Value = presigned.json().await.unwrap();
    assert!(server.put(&presigned, "x").await.status().is_success());
    let body = json!({
        "version": "1.0.0", "platform": {"os": "linux", "arch": "x64"},
        "artifacts": [artifact("runner", "1.0.0", "linux/x64", "x", b"x")],
    });
    let path = "/api/v1/releases/runner/publish";
    error(post_as(&server, with_job(&first), path, &body).await, 401).await;
    error(
        post_as(&server, with_job(&first), PRESIGN, &presign("runner")).await,
        401,
    )
    .await;
    is_refused(&server, &first, "used for a call").await;
    let second = token(&server, &issuer);
    let answer = post_as(&server, with_job(&second), path, &body).await;
    assert_eq!(answer.status(), 201);
    let published = audited(&server, "publish").await.pop().unwrap();
    assert_eq!(
        (published.1.as_str(), published.2.as_str()),
        ("github", JOB)
    );

    let third = token(&server, &issuer);
    exchanged(&server, &third).await;
    error(
        post_as(&server, with_job(&third), PRESIGN, &presign("runner")).await,
        401,
    )
    .await;
    let other = token(&server, &issuer);
    error(
        post_as(&server, with_job(&other), PRESIGN, &presign("cli")).await,
        403,
    )
    .await;
    for nothing in ["", "x", "a.b.c"] {
        error(
            post_as(&server, with_job(nothing), PRESIGN, &presign("runner")).await,
            401,
        )
        .await;
    }
    // A token of the Hub's decides where there is one.
    let fresh = token(&server, &issuer);
    let both = server
        .client
        .post(server.url(PRESIGN))
        .json(&presign("runner"));
    let both = both
        .header(DEPLOY_TOKEN_HEADER, "wrong")
        .header(with_job(&fresh).0, &fresh);
    error(both.send().await.unwrap(), 401).await;
    exchanged(&server, &fresh).await;
    // Other calls do not take it.
    let fresh = token(&server, &issuer);
    let yank = "/api/v1/releases/runner/1.0.0/yank";
    error(
        post_as(&server, with_job(&fresh), yank, &json!({})).await,
        401,
    )
    .await;
}

async fn build(server: &Server, token: &str) -> BuildUpload {
    let body = json!({"packId": "my-pack"});
    let answer = post_as(server, with_job(token), PRESIGN_BUILD, &body).await;
    assert_eq!(answer.status(), 200);
    let upload: BuildUpload = answer.json().await.unwrap();
    let mut put = server.client.put(&upload.upload_url).body("a build");
    for (name, value) in &upload.upload_headers {
        put = put.header(name, value);
    }
    assert!(put.send().await.unwrap().status().is_success());
    upload
}

fn completion(upload: &BuildUpload, channel: &str) -> Value {
    json!({
        "packId": "my-pack", "buildId": upload.build_id, "artifactKey": upload.artifact_key,
        "version": "1", "channel": channel,
    })
}

/// A build is two calls, which clients may make with one token or with two.
#[tokio::test]
async fn an_id_token_is_good_for_one_build_of_a_pack() {
    let issuer = Issuer::start();
    let (server, _) = with_rule(&issuer).await;
    let complete =
        async |token: &str, body: &Value| post_as(&server, with_job(token), COMPLETE, body).await;
    let one = token(&server, &issuer);
    let upload = build(&server, &one).await;
    for _ in 0..2 {
        let answer = complete(&one, &completion(&upload, "beta")).await;
        assert_eq!(answer.status(), 200);
    }
    let completed = audited(&server, "build.complete").await.pop().unwrap();
    assert_eq!(
        (completed.1.as_str(), completed.2.as_str()),
        ("github", JOB)
    );
    // Not for its other channels, nor for another build.
    error(
        complete(&one, &completion(&upload, "production")).await,
        403,
    )
    .await;
    let body = json!({"packId": "my-pack"});
    error(
        post_as(&server, with_job(&one), PRESIGN_BUILD, &body).await,
        403,
    )
    .await;
    is_refused(&server, &one, "used for a build").await;

    let second = build(&server, &token(&server, &issuer)).await;
    error(complete(&one, &completion(&second, "beta")).await, 403).await;
    let another = token(&server, &issuer);
    assert_eq!(
        complete(&another, &completion(&second, "dev"))
            .await
            .status(),
        200
    );
    error(complete(&another, &completion(&upload, "dev")).await, 403).await;
}

#[tokio::test]
async fn builds_are_made_of_the_rules_packs_alone() {
    let issuer = Issuer::start();
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, trusting(&issuer)).await;
    let body = |pack: &str| json!({"packId": pack});
    let post = async |token: &str, pack: &str| {
        post_as(&server, with_job(token), PRESIGN_BUILD, &body(pack)).await
    };
    add_rule(&server, job(&issuer), &["runner"], &[]).await;
    error(post(&token(&server, &issuer), "my-pack").await, 403).await;
    add_rule(&server, job(&issuer), &[], &["my-pack", "other"]).await;
    for pack in ["my-pack", "other"] {
        assert_eq!(post(&token(&server, &issuer), pack).await.status(), 200);
    }
    let good = token(&server, &issuer);
    error(post(&good, "nothing").await, 403).await;
    for wrong in ["", "x", "a.b.c"] {
        error(post(wrong, "my-pack").await, 403).await;
    }
    let mut claims = issuer.claims(&server.base);
    claims["repository_owner_id"] = json!("66");
    error(post(&issuer.token(&claims), "my-pack").await, 403).await;
    // Refused before it was used: it still is good.
    assert_eq!(post(&good, "my-pack").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_has_it() {
    let issuer = Issuer::start();
    let (server, _) = with_rule(&issuer).await;
    let token = token(&server, &issuer);
    let asking = (0..8).map(|_| exchange(&server, &token));
    let answers = futures_util::future::join_all(asking).await;
    let good = answers.iter().filter(|answer| answer.status() == 200);
    assert_eq!(good.count(), 1);
}

#[tokio::test]
async fn the_audience_can_be_a_name() {
    let issuer = Issuer::start();
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config| {
        trusting(&issuer)(config);
        config.trust.audience = Some("my-hub".to_owned());
    })
    .await;
    add_rule(&server, job(&issuer), &["runner"], &[]).await;
    is_refused(&server, &token(&server, &issuer), "its address").await;
    exchanged(&server, &issuer.token(&issuer.claims("my-hub"))).await;
}

/// What a Hub can do, it says.
#[tokio::test]
async fn it_is_told_among_the_features() {
    let server = Server::start().await;
    let about: Value = server.get("/api/v1/hub").await.json().await.unwrap();
    let features = about["features"].as_array().unwrap();
    assert!(features.contains(&json!("oidc")), "{about}");
}
