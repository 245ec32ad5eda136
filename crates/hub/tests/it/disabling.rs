//! What becomes of a Hub, and of its automation, when one of its users is stopped.

use crate::binary::{PROGRAM, Serving, command, initialized, run, serve_args, text};
use crate::support::{Server, client, error};
use hub::{Disabling, RosterError};
use release_types::{IssuedToken, UserRole};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::path::Path;
use std::process::Output;

const TOKENS: &str = "/api/v1/deploy/app-tokens";
const REVOKE: Disabling = Disabling {
    revoke_issued: true,
    even_the_last: false,
};

#[tokio::test]
async fn tokens_that_a_user_has_issued_live_on_until_they_are_revoked() {
    let server = Server::start().await;
    let roster = server.hub.roster();
    let (leaver, pack) = ("leaver".parse().unwrap(), "my-pack".parse().unwrap());
    let added = roster.add_user(&leaver, UserRole::Admin, None).await;
    let credential = added.unwrap();
    roster.add_pack(&pack).await.unwrap();
    let issue = async |path: &str, name: &str| -> IssuedToken {
        let request = server.client.post(server.url(path));
        let request = request.bearer_auth(credential.expose_secret());
        let answer = request.json(&json!({"name": name})).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    };
    let app = issue(TOKENS, "ci").await;
    let of_pack = issue("/api/v1/packs/my-pack/deploy-tokens", "pack ci").await;
    let gone = issue(TOKENS, "revoked before").await;
    server.hub.revoke_app_token(&gone.record.id).await.unwrap();
    let uses = async || -> [StatusCode; 2] {
        let key = json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/x"});
        let presigned = server.post_with(&app.token, "/api/v1/storage/presign", &key);
        let build = server.client.post(server.url("/api/v1/ci/presign"));
        let build = build
            .header(release_types::PACK_TOKEN_HEADER, &of_pack.token)
            .json(&json!({"packId": "my-pack"}));
        [
            presigned.await.status(),
            build.send().await.unwrap().status(),
        ]
    };
    let ids = [&app, &of_pack].map(|issued| issued.record.id.clone());

    let left = roster.disable_user(&leaver, Disabling::default()).await;
    let left = left.unwrap();
    assert_eq!([&left[0].id, &left[1].id], [&ids[0], &ids[1]]);
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(left[0].name.as_deref(), Some("ci"));
    assert_eq!((&left[0].pack, &left[1].pack), (&None, &Some(pack)));
    assert_eq!(uses().await, [200, 200]);
    // Also later, of a user who is disabled already.
    let revoked = roster.disable_user(&leaver, REVOKE).await.unwrap();
    assert_eq!([&revoked[0].id, &revoked[1].id], [&ids[0], &ids[1]]);
    assert_eq!(uses().await, [401, 403]);
    assert_eq!(roster.disable_user(&leaver, REVOKE).await.unwrap(), []);
    // The tokens of others stay.
    let key = json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/x"});
    let others = server.post("/api/v1/storage/presign", &key).await;
    assert_eq!(others.status(), 200);
    let config = crate::database::config(server.dir.path().join("hub"));
    let inspection = hub::Inspection::open(&config).await.unwrap();
    let mut entries = inspection.audit(None, 2).await.unwrap();
    inspection.close().await;
    entries.sort_by_key(|entry| entry.object.len());
    let noted = entries.iter().map(|entry| {
        assert_eq!(entry.action, "token.revoke");
        assert_eq!(entry.actor_kind, "operator");
        entry.object.clone()
    });
    let noted: Vec<String> = noted.collect();
    assert_eq!(noted, [ids[0].clone(), format!("my-pack {}", ids[1])]);
}

#[tokio::test]
async fn the_last_administrator_is_not_disabled_by_accident() {
    let server = Server::start().await;
    let roster = server.hub.roster();
    let test = "test".parse().unwrap();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60);
    let second = "second".parse().unwrap();
    roster
        .add_user(&second, UserRole::Admin, Some(soon))
        .await
        .unwrap();
    let creator = "creator".parse().unwrap();
    roster
        .add_user(&creator, UserRole::Creator, None)
        .await
        .unwrap();
    // Whose credentials are over is none who could do anything.
    server.pass(61);
    let refused = roster.disable_user(&test, Disabling::default()).await;
    assert!(matches!(refused, Err(RosterError::LastAdmin(_))));
    let issued = server.as_admin(Method::POST, TOKENS, &json!({})).await;
    assert_eq!(issued.status(), 200);
    roster
        .issue_credential(&second, None, hub::Earlier::Keep)
        .await
        .unwrap();
    roster
        .disable_user(&test, Disabling::default())
        .await
        .unwrap();
    let request = server.as_admin(Method::POST, TOKENS, &json!({})).await;
    error(request, 403).await;
}

fn disable(dir: &Path, words: &[&str]) -> Output {
    let words = [&["user", "disable", "admin"], words].concat();
    run(&[&words[..], &["--data-dir", dir.to_str().unwrap()]].concat())
}

#[tokio::test]
async fn the_operator_is_told_what_lives_on() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, admin) = (temp.path(), initialized(temp.path()));
    let serving = Serving::start(command(PROGRAM, &serve_args(dir)));
    let request = client().post(format!("{}{TOKENS}", serving.base));
    let request = request.bearer_auth(&admin).json(&json!({"name": "ci"}));
    let issued: IssuedToken = request.send().await.unwrap().json().await.unwrap();
    let refused = disable(dir, &["--revoke-issued"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("last administrator") && said.contains("--force"),
        "{said}"
    );
    let done = disable(dir, &["--force"]);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(
        said.contains("go on working: 1") && said.contains("--revoke-issued"),
        "{said}"
    );
    let (id, prefix) = (&issued.record.id, &issued.record.token_prefix);
    let row = format!("{id}\t{prefix}\tci\tapp\tnever\tnever\n");
    assert_eq!(text(&done.stdout), row);
    assert!(!said.contains(&issued.token));
    let done = disable(dir, &["--revoke-issued"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), row);
    assert!(text(&done.stderr).contains("revoked: 1"));
    let used = client().post(format!("{}/api/v1/storage/presign", serving.base));
    let used = used.header(release_types::DEPLOY_TOKEN_HEADER, &issued.token);
    error(used.json(&json!({})).send().await.unwrap(), 401).await;
    assert_eq!(serving.stop("-TERM").0, Some(0));
}
