//! Trusted publishing: what a job's ID token is good for, and everything that it must not be good for.

mod keys;
#[cfg(unix)]
mod operated;
mod refused;
mod uses;

use crate::support::{Server, error};
use hub::{HubConfig, Issuer as ListedIssuer, TrustConfig, TrustedJob};
use release_types::{DEPLOY_TOKEN_HEADER, ExchangedToken, OIDC_TOKEN_HEADER};
use reqwest::Response;
use serde_json::{Value, json};
use std::sync::Arc;
use test_support::issuer::Issuer;

pub const EXCHANGE: &str = "/api/v1/auth/github";

/// What is said of every token that is not taken.
const REFUSED: &str = "this ID token is not taken; the Hub's log says why";

/// Takes the word of this issuer alone.
pub fn trusting(issuer: &Issuer) -> impl FnOnce(&mut HubConfig) + use<> {
    let listed: ListedIssuer = issuer.url().parse().unwrap();
    |config| {
        config.trust = TrustConfig {
            issuers: vec![listed],
            audience: None,
        };
    }
}

/// The job that the issuer's own tokens are of.
pub fn job(issuer: &Issuer) -> TrustedJob {
    TrustedJob {
        issuer: issuer.url().parse().unwrap(),
        repository: "Octo/Tool".parse().unwrap(),
        owner_id: "65".parse().unwrap(),
        workflow: "release.yml".parse().unwrap(),
        environment: Some("Release".parse().unwrap()),
    }
}

/// A Hub that lets the job publish `runner` and make builds of `my-pack`.
pub async fn with_rule(issuer: &Issuer) -> (Server, String) {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, trusting(issuer)).await;
    let rule = add_rule(&server, job(issuer), &["runner"], &["my-pack"]).await;
    (server, rule)
}

/// Adds a rule; its id.
pub async fn add_rule(
    server: &Server,
    job: TrustedJob,
    products: &[&str],
    packs: &[&str],
) -> String {
    let roster = server.hub.roster();
    let packs: Vec<_> = packs.iter().map(|id| id.parse().unwrap()).collect();
    for pack in &packs {
        roster.add_pack(pack).await.unwrap();
    }
    let products = products.iter().map(|name| name.parse().unwrap()).collect();
    roster.add_trust(job, products, packs).await.unwrap().id
}

pub async fn exchange(server: &Server, token: &str) -> Response {
    let request = server.client.post(server.url(EXCHANGE));
    let request = request.json(&json!({"token": token}));
    request.send().await.unwrap()
}

/// What a good token gets.
pub async fn exchanged(server: &Server, token: &str) -> ExchangedToken {
    let answer = exchange(server, token).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// That a token is refused as every other one is.
pub async fn is_refused(server: &Server, token: &str, why: &str) {
    let answer = exchange(server, token).await;
    let challenge = answer.headers().get("www-authenticate").cloned();
    assert!(challenge.is_some(), "{why}");
    assert_eq!(error(answer, 401).await, REFUSED, "{why}");
}

/// A call with this header field.
pub async fn post_as(
    server: &Server,
    (name, value): (&str, &str),
    path: &str,
    body: &Value,
) -> Response {
    let request = server.client.post(server.url(path)).header(name, value);
    request.json(body).send().await.unwrap()
}

pub fn with_job(token: &str) -> (&'static str, &str) {
    (OIDC_TOKEN_HEADER, token)
}

pub fn with_token(token: &ExchangedToken) -> (&'static str, &str) {
    (DEPLOY_TOKEN_HEADER, &token.token)
}

/// The audit's last rows of an action: object, kind of actor, actor.
pub async fn audited(server: &Server, action: &str) -> Vec<(String, String, String)> {
    let config = crate::database::config(server.dir.path().join("hub"));
    let inspection = hub::Inspection::open(&config).await.unwrap();
    let all = inspection.audit(None, 1000).await.unwrap();
    inspection.close().await;
    let wanted = all.into_iter().filter(|entry| entry.action == action);
    wanted
        .map(|entry| {
            (
                entry.object,
                entry.actor_kind,
                entry.actor_name.unwrap_or_default(),
            )
        })
        .collect()
}

pub const PRESIGN: &str = "/api/v1/storage/presign";

pub fn presign(product: &str) -> Value {
    json!({"action": "upload", "key": format!("artifacts/{product}/1.0.0/linux/x64/x")})
}
