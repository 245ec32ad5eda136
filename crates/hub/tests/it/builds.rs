//! Builds of packs: uploaded, completed once, and never changed.

use crate::packs::{COMPLETE, PRESIGN, TOKENS, ci, issue, presign, with_packs};
use crate::storage::taken;
use crate::support::{Server, error};
use release_types::{BuildUpload, CompletedBuild, Sha256Digest};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

async fn put(server: &Server, upload: &BuildUpload, bytes: &str) -> Response {
    let mut request = server.client.put(&upload.upload_url);
    for (name, value) in &upload.upload_headers {
        request = request.header(name, value);
    }
    request.body(bytes.to_owned()).send().await.unwrap()
}

fn completion(upload: &BuildUpload) -> Value {
    json!({
        "packId": "my-pack",
        "buildId": upload.build_id,
        "artifactKey": upload.artifact_key,
        "version": "1.2.0",
    })
}

#[tokio::test]
async fn a_build_is_uploaded_completed_and_cannot_change() {
    let (server, operator) = with_packs().await;
    let token = issue(&server, &operator, TOKENS).await.token;
    let upload = presign(&server, &token).await;
    let key = format!("packs/my-pack/builds/{}.atlas", upload.build_id);
    assert_eq!(upload.artifact_key, format!("local::{key}"));
    assert_eq!(upload.artifact_provider, "local");
    let url = format!("{}/{key}?", server.base);
    assert!(upload.upload_url.starts_with(&url), "{}", upload.upload_url);

    // Never uploaded.
    let mut body = completion(&upload);
    error(ci(&server, &token, COMPLETE, &body).await, 409).await;

    assert_eq!(put(&server, &upload, "first").await.status(), 201);
    assert_eq!(put(&server, &upload, "a build").await.status(), 201);
    assert_eq!(server.files("blobs").len(), 1, "the first bytes are gone");
    for (size, status) in [(json!(6), 409), (json!("7"), 400), (json!(-1), 400)] {
        body["artifactSize"] = size;
        error(ci(&server, &token, COMPLETE, &body).await, status).await;
    }
    body["artifactSize"] = json!(7);
    body["commitHash"] = json!("0f0f0f");
    body["commitMessage"] = json!("Say more\n\nand more");
    let response = ci(&server, &token, COMPLETE, &body).await;
    assert_eq!(response.status(), 200);
    let done: CompletedBuild = response.json().await.unwrap();
    assert_eq!(done.build.id, upload.build_id);
    assert_eq!(done.build.artifact_key, upload.artifact_key);
    assert_eq!(
        (done.build.artifact_size, done.build.sha256),
        (7, Sha256Digest::of(b"a build"))
    );
    assert_eq!(done.channel.name.as_str(), "dev");
    assert_eq!(done.channel.build_id, upload.build_id);

    // Immutable: the same bytes are fine, others are not, and neither is another story.
    assert_eq!(put(&server, &upload, "a build").await.status(), 200);
    error(put(&server, &upload, "another").await, 409).await;
    server.pass(10);
    let again = ci(&server, &token, COMPLETE, &body).await;
    assert_eq!(again.json::<CompletedBuild>().await.unwrap(), done);
    for field in ["version", "commitHash", "commitMessage"] {
        let mut other = body.clone();
        other[field] = json!("other");
        let says = error(ci(&server, &token, COMPLETE, &other).await, 409).await;
        assert!(says.contains(field), "{says}");
    }
    // Further channels are told of it.
    for channel in ["beta", "production"] {
        body["channel"] = json!(channel);
        let response = ci(&server, &token, COMPLETE, &body).await;
        let further: CompletedBuild = response.json().await.unwrap();
        assert_eq!(further.build, done.build);
        assert_eq!(further.channel.name.as_str(), channel);
    }
    // Builds are nobody's to download without a credential.
    assert_eq!(server.get(&format!("/{key}")).await.status(), 405);
    assert_eq!(server.get(&format!("/artifacts/{key}")).await.status(), 404);

    let dir = server.stop().await;
    let server = Server::start_in(dir, |_| {}).await;
    assert_eq!(server.files("blobs").len(), 1);
    let again = ci(&server, &token, COMPLETE, &body).await;
    assert_eq!(
        again.json::<CompletedBuild>().await.unwrap().build,
        done.build
    );
}

/// The JSON bodies that a section of docs/hub.md shows.
fn shown_bodies(section: &str) -> Vec<Value> {
    let text = include_str!("../../../../docs/hub.md");
    let (_, after) = text.split_once(&format!("\n## {section}\n")).unwrap();
    let section = after.split("\n## ").next().unwrap();
    let blocks = section.split("```json\n").skip(1);
    let body = |block: &str| serde_json::from_str(block.split("```").next().unwrap());
    blocks.map(|block| body(block).unwrap()).collect()
}

#[tokio::test]
async fn the_documented_bodies_make_a_build() {
    let (server, operator) = with_packs().await;
    let token = issue(&server, &operator, TOKENS).await.token;
    let [asked, mut complete] = <[Value; 2]>::try_from(shown_bodies("Builds of a pack")).unwrap();
    let response = ci(&server, &token, PRESIGN, &asked).await;
    assert_eq!(response.status(), 200);
    let upload: BuildUpload = response.json().await.unwrap();
    assert_eq!(put(&server, &upload, "a build").await.status(), taken());
    // Whatever is shown stands for what was answered, in its form.
    let shown = complete["artifactKey"].as_str().unwrap();
    let id = complete["buildId"].as_str().unwrap();
    let form = upload.artifact_key.replace(&upload.build_id, id);
    let raw = |key: &str| key.split_once("::").unwrap().1.to_owned();
    assert_eq!(raw(shown), raw(&form));
    complete["buildId"] = json!(upload.build_id);
    complete["artifactKey"] = json!(upload.artifact_key);
    let response = ci(&server, &token, COMPLETE, &complete).await;
    assert_eq!(response.status(), 200);
    let done: CompletedBuild = response.json().await.unwrap();
    assert_eq!(done.channel.name.as_str(), complete["channel"]);
}

#[tokio::test]
async fn what_is_no_build_is_not_completed() {
    let (server, operator) = with_packs().await;
    let token = issue(&server, &operator, TOKENS).await.token;
    let upload = presign(&server, &token).await;
    assert_eq!(put(&server, &upload, "bytes").await.status(), 201);
    let other = format!("local::packs/other-pack/builds/{}.atlas", upload.build_id);
    for (field, value, says) in [
        ("buildId", Value::Null, "buildId"),
        ("buildId", json!("../x"), "buildId"),
        ("buildId", json!("0".repeat(33)), "buildId"),
        ("artifactKey", Value::Null, "artifactKey"),
        ("artifactKey", json!(other), "artifactKey"),
        (
            "artifactKey",
            json!("local::artifacts/cli/1.0.0/linux/x64/x"),
            "artifactKey",
        ),
        ("artifactKey", json!(""), "artifactKey"),
        ("version", Value::Null, "version"),
        ("version", json!(""), "version"),
        ("version", json!("1\n2"), "version"),
        ("version", json!("1".repeat(129)), "version"),
        ("channel", json!("stable"), "channel"),
        ("commitHash", json!(7), "commitHash"),
        ("commitMessage", json!([]), "commitMessage"),
    ] {
        let mut body = completion(&upload);
        body[field] = value;
        let text = error(ci(&server, &token, COMPLETE, &body).await, 400).await;
        assert!(text.contains(says), "{body}: {text}");
    }
    // A build whose bytes are lost is none, and the raw key is as good as the one with a provider.
    std::fs::remove_file(&server.files("blobs")[0]).unwrap();
    error(
        ci(&server, &token, COMPLETE, &completion(&upload)).await,
        409,
    )
    .await;
    assert_eq!(put(&server, &upload, "bytes").await.status(), 200);
    let mut body = completion(&upload);
    body["artifactKey"] = json!(upload.artifact_key.strip_prefix("local::"));
    assert_eq!(
        ci(&server, &token, COMPLETE, &body).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_builds_upload_is_bound_as_an_artifacts_is() {
    let (server, operator) = with_packs().await;
    let token = issue(&server, &operator, TOKENS).await.token;
    let body = json!({"packId": "my-pack", "size": 5, "sha256": Sha256Digest::of(b"hello")});
    let response = ci(&server, &token, PRESIGN, &body).await;
    let bound: BuildUpload = response.json().await.unwrap();
    error(put(&server, &bound, "hello!").await, 400).await;
    error(put(&server, &bound, "jello").await, 400).await;
    let mut forged = bound.clone();
    forged.upload_url = forged.upload_url.replace("/my-pack/", "/other-pack/");
    error(put(&server, &forged, "hello").await, 403).await;
    let bare = server.url("/packs/my-pack/builds/x.atlas");
    let bare = server.client.put(bare).body("x").send().await.unwrap();
    error(bare, 403).await;
    assert!(server.files("blobs").is_empty() && server.files("staging").is_empty());
    assert_eq!(put(&server, &bound, "hello").await.status(), 201);
}

/// Of two completions with different stories one wins whole.
#[tokio::test]
async fn completions_that_race_leave_one_story() {
    let (server, operator) = with_packs().await;
    let token = issue(&server, &operator, TOKENS).await.token;
    let upload = presign(&server, &token).await;
    assert_eq!(put(&server, &upload, "bytes").await.status(), taken());
    let attempt = async |n: usize| {
        let mut body = completion(&upload);
        body["version"] = json!(format!("1.0.{n}"));
        ci(&server, &token, COMPLETE, &body).await.status()
    };
    let statuses = futures_util::future::join_all((0..8).map(attempt)).await;
    let done = statuses.iter().filter(|status| **status == 200).count();
    let refused = statuses.iter().filter(|status| **status == 409).count();
    assert_eq!((done, refused), (1, 7));
}
