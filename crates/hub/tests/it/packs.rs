//! Packs: who issues their deploy tokens, and what those are good for.

use crate::support::{Server, error};
use hub::{Roster, UserName};
use release_types::{
    BuildUpload, IssuedToken, MemberRole, PACK_TOKEN_HEADER, PackId, RevokedToken, TokenList,
    UserRole,
};
use reqwest::{Method, Response};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

pub const TOKENS: &str = "/api/v1/packs/my-pack/deploy-tokens";
pub const PRESIGN: &str = "/api/v1/ci/presign";
pub const COMPLETE: &str = "/api/v1/ci/complete";

fn pack(id: &str) -> PackId {
    id.parse().unwrap()
}

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

/// A user who is a creator, with a credential.
async fn creator(roster: &Roster, user: &str) -> String {
    let added = roster.add_user(&name(user), UserRole::Creator, None).await;
    added.unwrap().expose_secret().to_owned()
}

/// Makes a user a member of the first pack.
async fn join(roster: &Roster, user: &str, role: MemberRole) {
    let (pack, name) = (pack("my-pack"), name(user));
    roster.add_member(&pack, &name, role).await.unwrap();
}

/// A server with two packs, and a creator of the first.
pub async fn with_packs() -> (Server, String) {
    let server = Server::start().await;
    let roster = server.hub.roster();
    for id in ["my-pack", "other-pack"] {
        assert!(roster.add_pack(&pack(id)).await.unwrap());
    }
    let operator = creator(&roster, "operator").await;
    join(&roster, "operator", MemberRole::Creator).await;
    (server, operator)
}

async fn bearer(server: &Server, who: &str, method: Method, path: &str, body: &Value) -> Response {
    let request = server.client.request(method, server.url(path));
    request.bearer_auth(who).json(body).send().await.unwrap()
}

pub async fn issue(server: &Server, who: &str, path: &str) -> IssuedToken {
    let response = bearer(server, who, Method::POST, path, &json!({"name": "ci"})).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

pub async fn ci(server: &Server, token: &str, path: &str, body: &Value) -> Response {
    let request = server.client.post(server.url(path));
    let request = request.header(PACK_TOKEN_HEADER, token).json(body);
    request.send().await.unwrap()
}

pub async fn presign(server: &Server, token: &str) -> BuildUpload {
    let response = ci(server, token, PRESIGN, &json!({"packId": "my-pack"})).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

#[tokio::test]
async fn members_and_administrators_handle_a_packs_tokens() {
    let (server, operator) = with_packs().await;
    let roster = server.hub.roster();
    let blake = creator(&roster, "blake").await;
    let helper = creator(&roster, "helper").await;
    join(&roster, "helper", MemberRole::Admin).await;

    for who in [&operator, &helper, &server.admin] {
        let issued = issue(&server, who, TOKENS).await;
        assert!(issued.token.starts_with("atlas_pack_"));
        assert!(issued.token.starts_with(&issued.record.token_prefix));
        let listed = bearer(&server, who, Method::GET, TOKENS, &Value::Null).await;
        let listed: TokenList = listed.json().await.unwrap();
        assert_eq!(listed.tokens[0], issued.record);
        presign(&server, &issued.token).await;

        let body = json!({"tokenId": issued.record.id});
        // A token is its pack's: no other route revokes it.
        for (path, status) in [
            ("/api/v1/packs/other-pack/deploy-tokens", 404),
            ("/api/v1/deploy/app-tokens", 404),
        ] {
            let response = server.as_admin(Method::DELETE, path, &body).await;
            error(response, status).await;
        }
        let revoked = bearer(&server, who, Method::DELETE, TOKENS, &body).await;
        let revoked: RevokedToken = revoked.json().await.unwrap();
        let again = bearer(&server, who, Method::DELETE, TOKENS, &body).await;
        assert_eq!(again.json::<RevokedToken>().await.unwrap(), revoked);
        let body = json!({"packId": "my-pack"});
        error(ci(&server, &issued.token, PRESIGN, &body).await, 403).await;
    }
    let apps = server
        .as_admin(Method::GET, "/api/v1/deploy/app-tokens", &Value::Null)
        .await;
    assert_eq!(apps.json::<TokenList>().await.unwrap().tokens.len(), 1);

    let token = issue(&server, &operator, TOKENS).await.token;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        // A body that is wrong decides nothing for those who may not.
        let bad = json!({"expiresAt": "soon"});
        for nobody in [server.token.as_str(), &token, "", &"x".repeat(76)] {
            error(
                bearer(&server, nobody, method.clone(), TOKENS, &bad).await,
                401,
            )
            .await;
        }
        let anonymous = server.client.request(method.clone(), server.url(TOKENS));
        let anonymous = anonymous.header(PACK_TOKEN_HEADER, &token).json(&bad);
        error(anonymous.send().await.unwrap(), 401).await;
        error(
            bearer(&server, &blake, method.clone(), TOKENS, &bad).await,
            403,
        )
        .await;
        for (other, status) in [("other-pack", 403), ("missing", 403), ("%00", 403)] {
            let path = format!("/api/v1/packs/{other}/deploy-tokens");
            error(
                bearer(&server, &operator, method.clone(), &path, &bad).await,
                status,
            )
            .await;
        }
        for missing in ["missing", "a%20b"] {
            let path = format!("/api/v1/packs/{missing}/deploy-tokens");
            error(server.as_admin(method.clone(), &path, &bad).await, 404).await;
        }
    }
    for (method, body, status) in [
        (Method::POST, json!({"expiresAt": "soon"}), 400),
        (
            Method::POST,
            json!({"expiresAt": "2001-01-01T00:00:00Z"}),
            400,
        ),
        (Method::DELETE, json!({}), 400),
        (Method::DELETE, json!({"tokenId": "unheard-of"}), 404),
    ] {
        error(
            bearer(&server, &operator, method, TOKENS, &body).await,
            status,
        )
        .await;
    }

    // Who is no member any more may no more.
    let (mine, alex_name) = (pack("my-pack"), name("operator"));
    roster.remove_member(&mine, &alex_name).await.unwrap();
    error(
        bearer(&server, &operator, Method::GET, TOKENS, &Value::Null).await,
        403,
    )
    .await;
    let how = hub::Disabling::default();
    roster.disable_user(&name("helper"), how).await.unwrap();
    error(
        bearer(&server, &helper, Method::GET, TOKENS, &Value::Null).await,
        401,
    )
    .await;
    // The pack's automation goes on.
    presign(&server, &token).await;
}

#[tokio::test]
async fn a_packs_token_is_for_its_builds_alone() {
    let (server, operator) = with_packs().await;
    let issued = issue(&server, &operator, TOKENS).await;
    let token = issued.token.as_str();
    let mine = json!({"packId": "my-pack"});
    for path in [PRESIGN, COMPLETE] {
        error(
            ci(&server, token, path, &json!({"packId": "other-pack"})).await,
            403,
        )
        .await;
        error(
            ci(&server, token, path, &json!({"packId": "missing"})).await,
            403,
        )
        .await;
        error(ci(&server, token, path, &json!({})).await, 400).await;
        error(ci(&server, token, path, &json!({"packId": 7})).await, 400).await;
        // No credential, one of another kind, one in the wrong header, a wrong one.
        let anonymous = server.client.post(server.url(path)).json(&mine);
        error(anonymous.send().await.unwrap(), 403).await;
        error(server.post(path, &mine).await, 403).await;
        error(ci(&server, &server.token, path, &mine).await, 403).await;
        error(bearer(&server, token, Method::POST, path, &mine).await, 403).await;
        error(
            bearer(&server, &operator, Method::POST, path, &mine).await,
            403,
        )
        .await;
        // The token decides, even beside a credential that may.
        let both = server.client.post(server.url(path)).json(&mine);
        let both = both
            .header(PACK_TOKEN_HEADER, "x")
            .bearer_auth(&server.admin);
        error(both.send().await.unwrap(), 403).await;
    }
    let admin = server.as_admin(Method::POST, PRESIGN, &mine).await;
    assert_eq!(admin.status(), 200);
    for (body, status) in [
        (json!({"packId": "missing"}), 404),
        (json!({"packId": "a/../b"}), 400),
        (json!({}), 400),
    ] {
        error(server.as_admin(Method::POST, PRESIGN, &body).await, status).await;
    }

    // Known, and not allowed: artifacts and releases.
    let key = json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/x"});
    for (path, body) in [
        ("/api/v1/storage/presign", &key),
        ("/api/v1/releases/cli/publish", &json!({})),
    ] {
        error(ci(&server, token, path, body).await, 403).await;
        error(
            bearer(&server, &operator, Method::POST, path, body).await,
            403,
        )
        .await;
        error(ci(&server, "x", path, body).await, 401).await;
        error(bearer(&server, "x", Method::POST, path, body).await, 401).await;
    }
    error(
        bearer(
            &server,
            &operator,
            Method::GET,
            "/api/v1/deploy/app-tokens",
            &key,
        )
        .await,
        403,
    )
    .await;
    // A build's key gets no address where artifacts do.
    let build = json!({"action": "upload", "key": "packs/my-pack/builds/b.atlas"});
    error(server.post("/api/v1/storage/presign", &build).await, 403).await;

    // Used, and over.
    let listed = bearer(&server, &operator, Method::GET, TOKENS, &Value::Null).await;
    let listed: TokenList = listed.json().await.unwrap();
    assert!(listed.tokens[0].last_used_at.is_some());
    let soon = server.hub.issue_app_token(None, None).await.unwrap();
    assert!(soon.record.expires_at.is_none());
    let body = json!({"expiresAt": (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60))});
    let brief = bearer(&server, &operator, Method::POST, TOKENS, &body).await;
    let brief: IssuedToken = brief.json().await.unwrap();
    presign(&server, &brief.token).await;
    server.pass(61);
    error(ci(&server, &brief.token, PRESIGN, &mine).await, 403).await;
}
