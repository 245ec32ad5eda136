//! Users and their credentials, as a running server sees them.

use crate::database::in_files;
use crate::support::{Server, error};
use hub::{Disabling, Earlier, Roster, RosterError, UserName};
use jiff::{SignedDuration, Timestamp};
use release_types::UserRole;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

const TOKENS: &str = "/api/v1/deploy/app-tokens";

fn name(text: &str) -> UserName {
    text.parse().unwrap()
}

async fn as_user(server: &Server, credential: &SecretString) -> StatusCode {
    let request = server.client.get(server.url(TOKENS));
    let request = request.bearer_auth(credential.expose_secret());
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn credentials_are_issued_rotated_and_stopped() {
    let server = Server::start().await;
    let roster = server.hub.roster();
    let operator = name("operator");
    let first = roster
        .add_user(&operator, UserRole::Admin, None)
        .await
        .unwrap();
    assert!(first.expose_secret().starts_with("atlas_admin_"));
    let taken = roster.add_user(&operator, UserRole::Creator, None).await;
    assert!(matches!(taken, Err(RosterError::UserExists(_))));
    let second = roster
        .issue_credential(&operator, None, Earlier::Keep)
        .await;
    let second = second.unwrap();
    for credential in [&first, &second] {
        assert_eq!(as_user(&server, credential).await, 200);
    }
    let end = Timestamp::now() + SignedDuration::from_secs(60);
    let third = roster.issue_credential(&operator, Some(end), Earlier::Revoke);
    let third = third.await.unwrap();
    for (credential, status) in [(&first, 403), (&second, 403), (&third, 200)] {
        assert_eq!(as_user(&server, credential).await, status);
    }
    server.pass(61);
    assert_eq!(as_user(&server, &third).await, 403);
    let late = roster.issue_credential(&operator, Some(end), Earlier::Keep);
    assert!(matches!(late.await, Err(RosterError::Expired)));

    let fourth = roster
        .issue_credential(&operator, None, Earlier::Keep)
        .await;
    let fourth = fourth.unwrap();
    assert_eq!(as_user(&server, &fourth).await, 200);
    let alex_now = async || {
        let users = roster.users().await.unwrap();
        users
            .into_iter()
            .find(|user| user.name == "operator")
            .unwrap()
    };
    let before = alex_now().await;
    assert_eq!((before.credentials, before.disabled_at), (1, None));
    assert!(before.last_used_at.is_some());
    roster
        .disable_user(&operator, Disabling::default())
        .await
        .unwrap();
    assert_eq!(as_user(&server, &fourth).await, 403);
    let after = alex_now().await;
    assert_eq!(after.credentials, 0);
    assert!(after.disabled_at.is_some());
    server.pass(5);
    roster
        .disable_user(&operator, Disabling::default())
        .await
        .unwrap();
    assert_eq!(alex_now().await.disabled_at, after.disabled_at);
    let refused = roster
        .issue_credential(&operator, None, Earlier::Keep)
        .await;
    assert!(matches!(refused, Err(RosterError::Disabled(_))));
    let nobody = roster
        .disable_user(&name("nobody"), Disabling::default())
        .await;
    assert!(matches!(nobody, Err(RosterError::NoUser(_))));
}

/// One answer, word for word, for whatever is wrong with a credential.
#[tokio::test]
async fn unknown_expired_revoked_and_disabled_are_answered_alike() {
    let server = Server::start().await;
    let roster = server.hub.roster();
    let soon = Some(Timestamp::now() + SignedDuration::from_secs(30));
    let user = async |text: &str, end| {
        let added = roster.add_user(&name(text), UserRole::Admin, end).await;
        added.unwrap().expose_secret().to_owned()
    };
    let expired = user("expired", soon).await;
    let revoked = user("revoked", None).await;
    let user_name = name("revoked");
    let rotated = roster.issue_credential(&user_name, None, Earlier::Revoke);
    rotated.await.unwrap();
    let disabled = user("disabled", None).await;
    roster
        .disable_user(&name("disabled"), Disabling::default())
        .await
        .unwrap();
    let gone = server.hub.issue_app_token(None, None).await.unwrap();
    server.hub.revoke_app_token(&gone.record.id).await.unwrap();
    let brief = server.hub.issue_app_token(None, soon).await.unwrap();
    server.pass(60);
    // Another Hub's are well-formed and unknown here.
    let other = Server::start().await;

    let mut answers = Vec::new();
    for token in ["", "x", &other.admin, &expired, &revoked, &disabled] {
        let request = server.client.post(server.url(TOKENS)).bearer_auth(token);
        let response = request.json(&json!({})).send().await.unwrap();
        answers.push(error(response, 403).await);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");

    let mut answers = Vec::new();
    let (gone, brief) = (gone.token.expose_secret(), brief.token.expose_secret());
    for token in ["", "x", &other.token, gone, brief] {
        let body = json!({});
        let response = server.post_with(token, "/api/v1/storage/presign", &body);
        answers.push(error(response.await, 401).await);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

/// A catalogue of the first version: its credentials and tokens stay good, and belong to users.
#[tokio::test]
async fn credentials_of_before_there_were_users_stay_good() {
    in_files();
    let server = Server::start().await;
    let (admin, token) = (server.admin.clone(), server.token.clone());
    let dir = server.stop().await;
    let database = dir.path().join("hub/hub.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let back = include_str!("back_to_0001.sql");
    sqlx::raw_sql(back).execute(&pool).await.unwrap();
    pool.close().await;

    let server = Server::start_in(dir, |_| {}).await;
    let request = server.client.get(server.url(TOKENS)).bearer_auth(&admin);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let body = json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/x"});
    let used = server.post_with(&token, "/api/v1/storage/presign", &body);
    assert_eq!(used.await.status(), 200);
    let users = server.hub.roster().users().await.unwrap();
    let names: Vec<_> = users.iter().map(|user| (&*user.name, user.role)).collect();
    // One user, with the credential of before and the one that the test's server adds.
    assert_eq!(names, [("test", UserRole::Admin)]);
    assert_eq!(users[0].credentials, 2);
    let roster = server.hub.roster();
    let even_the_last = Disabling {
        even_the_last: true,
        ..Disabling::default()
    };
    let issued = roster.disable_user(&name("test"), even_the_last).await;
    assert_eq!(issued.unwrap(), []);
    let response = server.as_admin(Method::GET, TOKENS, &Value::Null).await;
    error(response, 403).await;
}

#[tokio::test]
async fn a_roster_is_opened_beside_a_server_and_alone() {
    in_files();
    let server = Server::start().await;
    let config = || crate::database::config(server.dir.path().join("hub"));
    let beside = Roster::open(config()).await.unwrap();
    let operator = beside
        .add_user(&name("operator"), UserRole::Admin, None)
        .await;
    let operator = operator.unwrap();
    assert_eq!(as_user(&server, &operator).await, 200);
    // Beside each other too.
    let second = Roster::open(config()).await.unwrap();
    assert_eq!(second.users().await.unwrap().len(), 2);
    second.close().await;
    beside
        .disable_user(&name("operator"), Disabling::default())
        .await
        .unwrap();
    assert_eq!(as_user(&server, &operator).await, 403);

    // The next server waits until the guest has left.
    let config = config();
    let dir = server.stop().await;
    let next = {
        let dir = dir.clone();
        tokio::task::spawn_blocking(move || {
            in_files();
            let runtime = tokio::runtime::Handle::current();
            runtime.block_on(Server::start_in(dir, |_| {}))
        })
    };
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!next.is_finished());
    beside.add_pack(&"p".parse().unwrap()).await.unwrap();
    beside.close().await;
    let server = next.await.unwrap();
    assert_eq!(server.hub.roster().packs().await.unwrap().len(), 1);
    server.stop().await;

    let alone = Roster::open(config.clone()).await.unwrap();
    let hub = hub::Hub::open(config).await;
    assert!(matches!(hub, Err(hub::HubError::Locked { .. })));
    alone.close().await;
}

/// What has a data directory open without serving lets nobody in.
#[tokio::test]
async fn a_roster_is_not_opened_beside_anything_else() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let config = || crate::database::config(temp.path());
    let missing = Roster::open(config()).await;
    assert!(matches!(missing, Err(hub::HubError::NotInitialized { .. })));
    let open = hub::Hub::open(config()).await.unwrap();
    let refused = Roster::open(config()).await;
    assert!(
        matches!(refused, Err(hub::HubError::Locked { .. })),
        "{refused:?}"
    );
    open.close().await;
    let empty = Roster::open(config()).await;
    assert!(matches!(empty, Err(hub::HubError::NotInitialized { .. })));
}

/// A server of another version has tables that this one must not touch.
#[tokio::test]
async fn a_roster_is_not_opened_beside_another_version() {
    in_files();
    let server = Server::start().await;
    let database = server.dir.path().join("hub/hub.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'of a later version', 1, x'00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    let config = crate::database::config(server.dir.path().join("hub"));
    let refused = Roster::open(config).await.unwrap_err();
    assert!(refused.to_string().contains("another version"), "{refused}");
    pool.close().await;
}
