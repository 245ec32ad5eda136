//! App tokens, as an administrator handles them.

use crate::support::{Server, error, files};
use release_types::{IssuedToken, RevokedToken, TokenList};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

const TOKENS: &str = "/api/v1/deploy/app-tokens";

#[tokio::test]
async fn issued_listed_used_and_revoked() {
    let server = Server::start().await;
    let list = async || -> TokenList {
        let response = server.as_admin(Method::GET, TOKENS, &Value::Null).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    };
    let request = json!({"name": "ci", "expiresAt": "2999-01-01T00:00:00Z"});
    let response = server.as_admin(Method::POST, TOKENS, &request).await;
    assert_eq!(response.status(), 200);
    let issued: IssuedToken = response.json().await.unwrap();
    assert!(issued.token.starts_with("atlas_app_"));
    assert!(issued.token.starts_with(&issued.record.token_prefix));
    assert!(issued.record.token_prefix.len() < 20);

    let tokens = list().await.tokens;
    assert_eq!(tokens.len(), 2, "one is the test server's own");
    assert_eq!(tokens[0], issued.record);

    let presign = json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/x"});
    let path = "/api/v1/storage/presign";
    let used = server.post_with(&issued.token, path, &presign).await;
    assert_eq!(used.status(), 200);
    let last = list().await.tokens[0].last_used_at.unwrap();
    server.pass(30);
    server.post_with(&issued.token, path, &presign).await;
    assert_eq!(list().await.tokens[0].last_used_at, Some(last));
    server.pass(60);
    server.post_with(&issued.token, path, &presign).await;
    assert!(list().await.tokens[0].last_used_at.unwrap() > last);

    let request = json!({"tokenId": issued.record.id});
    let response = server.as_admin(Method::DELETE, TOKENS, &request).await;
    assert_eq!(response.status(), 200);
    let revoked: RevokedToken = response.json().await.unwrap();
    error(server.post_with(&issued.token, path, &presign).await, 401).await;
    assert_eq!(list().await.tokens[0].revoked_at, Some(revoked.revoked_at));
    server.pass(10);
    let again = server.as_admin(Method::DELETE, TOKENS, &request).await;
    assert_eq!(again.json::<RevokedToken>().await.unwrap(), revoked);
}

#[tokio::test]
async fn bad_requests_for_tokens() {
    let server = Server::start().await;
    for (method, body, status) in [
        (Method::POST, json!({"expiresAt": "soon"}), 400),
        (Method::POST, json!({"expiresAt": 7}), 400),
        (
            Method::POST,
            json!({"expiresAt": "2001-01-01T00:00:00Z"}),
            400,
        ),
        (Method::POST, json!({"name": 7}), 400),
        (Method::POST, json!({"name": "x".repeat(300)}), 400),
        (Method::DELETE, json!({}), 400),
        (Method::DELETE, json!({"tokenId": 7}), 400),
        (Method::DELETE, json!({"tokenId": "unheard-of"}), 404),
    ] {
        error(server.as_admin(method, TOKENS, &body).await, status).await;
    }
    // Name and expiry may be absent, and the body too.
    let request = server
        .client
        .post(server.url(TOKENS))
        .bearer_auth(&server.admin);
    let issued: IssuedToken = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((issued.record.name, issued.record.expires_at), (None, None));
}

#[tokio::test]
async fn only_administrators_handle_tokens() {
    let server = Server::start().await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let nobody = server.client.request(method.clone(), server.url(TOKENS));
        error(nobody.send().await.unwrap(), 403).await;
        let deployer = server
            .client
            .request(method.clone(), server.url(TOKENS))
            .header(release_types::DEPLOY_TOKEN_HEADER, &server.token);
        error(deployer.send().await.unwrap(), 403).await;
        for wrong in [&server.token, &"x".repeat(76)] {
            let request = server.client.request(method.clone(), server.url(TOKENS));
            error(request.bearer_auth(wrong).send().await.unwrap(), 403).await;
        }
    }
}

#[tokio::test]
async fn nothing_on_the_disk_holds_a_token() {
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["a"]).await;
    let (roster, pack) = (server.hub.roster(), "p".parse().unwrap());
    roster.add_pack(&pack).await.unwrap();
    let (user, role) = (
        "operator".parse().unwrap(),
        release_types::UserRole::Creator,
    );
    let user = roster.add_user(&user, role, None).await.unwrap();
    let pack_tokens = "/api/v1/packs/p/deploy-tokens";
    let issued = server.as_admin(Method::POST, pack_tokens, &json!({})).await;
    let issued: IssuedToken = issued.json().await.unwrap();
    let secrets = [
        server.token.clone(),
        server.admin.clone(),
        user.expose_secret().to_owned(),
        issued.token,
    ];
    let mut texts = vec![(
        server.dir.path().to_owned(),
        format!("{:?}", server.hub).into_bytes(),
    )];
    let everywhere = [files(server.dir.path()), server.files("blobs")].concat();
    for file in everywhere {
        texts.push((file.clone(), std::fs::read(file).unwrap()));
    }
    assert!(texts.len() >= 4);
    for secret in secrets {
        // All that follows the prefix, which is stored.
        let rest = &secret.as_bytes()[secret.len() - 56..];
        for (name, text) in &texts {
            let found = text.windows(rest.len()).any(|window| window == rest);
            assert!(!found, "{}", name.display());
        }
    }
}
