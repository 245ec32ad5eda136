//! Builds of packs and their tokens, and a channel's history, against servers that answer as Hubs do
//! and do not.

use crate::support::*;
use hub_client::{AnswerProblem, ClientError, HubClient};
use release_types::{
    BuildUploadRequest, Channel, CompleteBuildRequest, IssueTokenRequest, PackChannel, PackId,
    Sha256Digest,
};
use secrecy::SecretString;
use serde_json::{Value, json};

const PACK_TOKEN: &str = "atlas_pack_0123456789abcdef";
const PACK_HEADER: &str = "x-atlas-pack-deploy-token";

fn pack() -> PackId {
    "my-pack".parse().unwrap()
}

fn automation(address: &str) -> HubClient {
    builder(address)
        .admin_token(None)
        .deploy_token(None)
        .pack_token(Some(SecretString::from(PACK_TOKEN)))
        .build()
        .unwrap()
}

fn upload_of(id: &str, url: &str) -> Value {
    json!({
        "buildId": id, "artifactKey": format!("r2::packs/my-pack/builds/{id}.atlas"),
        "uploadUrl": url, "uploadHeaders": {"a": "b"}, "artifactProvider": "r2",
    })
}

fn completion() -> CompleteBuildRequest {
    CompleteBuildRequest {
        pack_id: pack(),
        build_id: "b1".to_owned(),
        artifact_key: "r2::packs/my-pack/builds/b1.atlas".to_owned(),
        version: "1.2.0".to_owned(),
        channel: PackChannel::Dev,
        commit_hash: Some("0f0f".to_owned()),
        commit_message: None,
        artifact_size: Some(7),
    }
}

#[tokio::test]
async fn a_build_is_presigned_with_the_packs_token_alone() {
    let server = Server::start(|_, _| ok(upload_of("b1", "https://s.example/x?sig=q"))).await;
    let request = BuildUploadRequest {
        pack_id: pack(),
        size: Some(7),
        sha256: None,
    };
    let client = automation(&server.address);
    let upload = client.presign_build(&request).await.unwrap();
    assert_eq!(upload.build_id, "b1");
    let seen = &server.seen()[0];
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", "/api/v1/ci/presign")
    );
    assert_eq!(seen.header(PACK_HEADER), Some(PACK_TOKEN));
    assert_eq!(seen.json(), json!({"packId": "my-pack", "size": 7}));
    assert!(!seen.tells_a_token());
    // Who has only a deploy token has nothing for this.
    let other = builder(&server.address).admin_token(None).build().unwrap();
    let error = other.presign_build(&request).await.unwrap_err();
    assert!(
        error.to_string().contains("no pack deploy token"),
        "{error}"
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn addresses_of_builds_that_must_not_be_used_are_refused() {
    let refused = |answer: Value| async move {
        let server = Server::start(move |_, _| ok(answer.clone())).await;
        let request = BuildUploadRequest {
            pack_id: pack(),
            size: None,
            sha256: None,
        };
        let presigned = automation(&server.address).presign_build(&request).await;
        presigned.unwrap_err()
    };
    let good = "https://s.example/x?sig=q";
    let mut other_key = upload_of("b1", good);
    other_key["artifactKey"] = "r2::packs/other/builds/b1.atlas".into();
    let error = refused(other_key).await;
    assert!(matches!(error, ClientError::Mismatch { .. }), "{error}");
    let error = refused(upload_of("../b1", good)).await;
    let unusable = AnswerProblem::Unusable("the build's id");
    assert!(
        matches!(&error, ClientError::UnexpectedAnswer { problem, .. } if *problem == unusable),
        "{error}"
    );
    for bad in [
        "http://s.example/x",
        &format!("https://s.example/{PACK_TOKEN}"),
    ] {
        let error = refused(upload_of("b1", bad)).await;
        assert!(matches!(error, ClientError::Insecure { .. }), "{error}");
        assert!(!shown(&error).contains(PACK_TOKEN));
    }
}

#[tokio::test]
async fn a_completion_is_repeated_where_that_is_safe_and_nowhere_else() {
    let done = || ok(json!({"build": {"id": "b1"}, "channel": {"name": "dev"}}));
    let sha256 = Sha256Digest::of(b"a build");
    for (repeatable, calls) in [(true, 2), (false, 1)] {
        let server = Server::start(move |_, before| match before {
            0 => status(503, ""),
            _ => done(),
        })
        .await;
        let client = automation(&server.address);
        let completed = client
            .complete_build(&completion(), sha256, repeatable)
            .await;
        assert_eq!(completed.is_ok(), repeatable, "{completed:?}");
        let seen = server.seen();
        assert_eq!(seen.len(), calls);
        assert_eq!(seen[0].header(PACK_HEADER), Some(PACK_TOKEN));
        assert_eq!(
            seen[0].json(),
            json!({
                "packId": "my-pack", "buildId": "b1", "version": "1.2.0", "channel": "dev",
                "artifactKey": "r2::packs/my-pack/builds/b1.atlas", "commitHash": "0f0f",
                "artifactSize": 7,
            })
        );
    }
}

#[tokio::test]
async fn a_packs_tokens_are_managed_at_an_address_of_its_own() {
    let record = json!({"id": "t1", "name": null, "tokenPrefix": "atlas_pack_ab",
        "createdAt": "2026-01-02T03:04:05Z", "lastUsedAt": null, "revokedAt": null, "expiresAt": null});
    let server = Server::start(move |seen, _| match seen.method.as_str() {
        "GET" => ok(json!({"tokens": [record]})),
        "POST" => ok(json!({"token": "atlas_pack_new", "record": record})),
        _ => ok(json!({"revokedAt": "2026-01-02T03:04:06Z"})),
    })
    .await;
    let client = client(&server.address);
    let request = IssueTokenRequest::default();
    let issued = client.issue_pack_token(&pack(), &request).await.unwrap();
    assert_eq!(issued.token, "atlas_pack_new");
    assert_eq!(client.list_pack_tokens(&pack()).await.unwrap()[0].id, "t1");
    client.revoke_pack_token(&pack(), "t1").await.unwrap();
    let bearer = format!("Bearer {ADMIN}");
    for seen in server.seen() {
        assert_eq!(seen.target, "/api/v1/packs/my-pack/deploy-tokens");
        assert_eq!(seen.header("authorization"), Some(&*bearer));
    }
}

#[tokio::test]
async fn a_channels_history_is_read_to_its_end_and_no_further() {
    let release = |version: &str, channel: &str| {
        json!({"version": version, "channel": channel, "published_at": "2026-01-02T03:04:05Z",
            "platforms": [], "state": "published"})
    };
    let runner = "runner".parse().unwrap();
    let read = async |server: &Server| {
        let client = client(&server.address);
        client.releases_on(&runner, Channel::Beta).await
    };
    let server = Server::start(move |_, before| match before {
        0 => ok(json!({"releases": [release("2.0.0", "beta")], "next": "a&b"})),
        _ => ok(json!({"releases": [release("1.0.0", "beta")]})),
    })
    .await;
    let found = read(&server).await.unwrap().unwrap();
    let versions: Vec<&str> = found.iter().map(|one| one.version.as_str()).collect();
    assert_eq!(versions, ["2.0.0", "1.0.0"]);
    let seen = server.seen();
    assert_eq!(
        seen[0].target,
        "/api/v1/releases/runner?channel=beta&limit=200"
    );
    assert!(
        seen[1].target.ends_with("&after=a%26b"),
        "{}",
        seen[1].target
    );
    assert!(!seen[0].tells_a_token());

    let absent = Server::start(|_, _| status(404, "{}")).await;
    assert_eq!(read(&absent).await.unwrap(), None);
    let endless = Server::start(|_, _| ok(json!({"releases": [], "next": "again"}))).await;
    read(&endless).await.unwrap_err();
    let other = Server::start(move |_, _| ok(json!({"releases": [release("1.0.0", "dev")]}))).await;
    read(&other).await.unwrap_err();
}
