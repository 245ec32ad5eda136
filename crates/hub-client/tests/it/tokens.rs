//! App tokens, issued, listed and revoked.

use crate::support::*;
use hub_client::ClientError;
use release_types::IssueTokenRequest;
use serde_json::json;

fn record() -> serde_json::Value {
    json!({"id": "t1", "name": null, "tokenPrefix": "atlas_app_ab", "createdAt": "2026-01-02T03:04:05Z",
        "lastUsedAt": null, "revokedAt": null, "expiresAt": null})
}

#[tokio::test]
async fn the_three_calls_carry_the_admin_credential() {
    let server = Server::start(|seen, _| match seen.method.as_str() {
        "GET" => ok(json!({"tokens": [record()]})),
        "POST" => ok(json!({"token": "atlas_app_new", "record": record()})),
        _ => ok(json!({"revokedAt": "2026-01-02T03:04:06Z"})),
    })
    .await;
    let client = client(&server.address);
    let request = IssueTokenRequest {
        name: Some("ci".into()),
        expires_at: None,
    };
    assert_eq!(
        client.issue_app_token(&request).await.unwrap().token,
        "atlas_app_new"
    );
    assert_eq!(client.list_app_tokens().await.unwrap()[0].id, "t1");
    client.revoke_app_token("t1").await.unwrap();
    let seen = server.seen();
    let bearer = format!("Bearer {ADMIN}");
    assert!(
        seen.iter()
            .all(|s| s.header("authorization") == Some(&bearer))
    );
    assert!(seen.iter().all(|s| s.header(TOKEN_HEADER).is_none()));
    assert!(seen.iter().all(|s| s.target == "/api/v1/deploy/app-tokens"));
    assert_eq!(seen[0].json(), json!({"name": "ci"}));
    assert_eq!(
        (seen[2].method.as_str(), seen[2].json()),
        ("DELETE", json!({"tokenId": "t1"}))
    );
}

#[tokio::test]
async fn a_token_is_never_issued_twice() {
    let server = Server::start(|_, _| status(503, "")).await;
    let client = client(&server.address);
    let issued = client.issue_app_token(&IssueTokenRequest::default()).await;
    assert!(matches!(issued, Err(ClientError::Unavailable { .. })));
    assert_eq!(server.seen().len(), 1);
    client.list_app_tokens().await.unwrap_err();
    assert_eq!(server.seen().len(), 4);
}
