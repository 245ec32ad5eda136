//! Registering releases: what is checked, in which order, and what stays as it was.

use crate::support::{Server, artifact, error};
use release_types::Release;
use serde_json::{Value, json};

const PUBLISH: &str = "/api/v1/releases/runner/publish";

#[tokio::test]
async fn the_first_that_is_wrong_decides() {
    let server = Server::start().await;
    let good = server
        .release_body("runner", "1.0.0", "linux/x64", &["a", "b"])
        .await;
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let without = |pointer: &str, field: &str| {
        let mut body = good.clone();
        let object = body.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        object.remove(field).unwrap();
        body
    };
    let mut all_wrong = json!({
        "version": "1.0", "platform": {"os": "x", "arch": "x64"}, "channel": "nightly",
        "published_at": "yesterday", "artifacts": [{}], "notes": 7,
    });
    for (field, mended, says) in [
        ("version", json!("1.0.0"), "`version`"),
        ("platform", json!({"os": "linux", "arch": "x64"}), "`os`"),
        ("channel", json!("stable"), "`channel`"),
        (
            "published_at",
            json!("2024-05-06T07:08:09Z"),
            "`published_at`",
        ),
        ("artifacts", good["artifacts"].clone(), "`artifacts[0].key`"),
        ("notes", json!("notes"), "`notes`"),
    ] {
        let text = error(server.post(PUBLISH, &all_wrong).await, 400).await;
        assert!(text.contains(says), "{says}: {text}");
        all_wrong[field] = mended;
    }
    let unknown = server
        .post("/api/v1/releases/unheard-of/publish", &json!({}))
        .await;
    assert!(error(unknown, 400).await.contains("unheard-of"));

    for (body, says) in [
        (without("", "version"), "`version`"),
        (with("/version", json!(1)), "`version`"),
        (with("/version", json!("v1.0.0")), "`version`"),
        (without("", "platform"), "`platform`"),
        (without("/platform", "arch"), "`platform.arch`"),
        (with("/platform/os", json!(null)), "`platform.os`"),
        (with("/channel", json!("production")), "production"),
        (without("", "artifacts"), "`artifacts`"),
        (with("/artifacts", json!([])), "`artifacts`"),
        (with("/artifacts/1", json!("x")), "`artifacts[1]`"),
        (without("/artifacts/1", "key"), "`artifacts[1].key`"),
        (
            with("/artifacts/1/key", json!("../x")),
            "`artifacts[1].key`",
        ),
        (
            with("/artifacts/1/key", json!("artifacts/cli/1.0.0/linux/x64/b")),
            "`artifacts[1].key`",
        ),
        (
            with(
                "/artifacts/1/key",
                json!("artifacts/runner/1.0.1/linux/x64/b"),
            ),
            "`artifacts[1].key`",
        ),
        (
            with(
                "/artifacts/1/key",
                json!("artifacts/runner/1.0.0/linux/arm64/b"),
            ),
            "`artifacts[1].key`",
        ),
        (
            with(
                "/artifacts/1/key",
                json!("artifacts/runner/1.0.0/linux/x64"),
            ),
            "`artifacts[1].key`",
        ),
        (
            with(
                "/artifacts/1/key",
                json!("artifacts/runner/1.0.0/linux/x64/c/b"),
            ),
            "`artifacts[1].key`",
        ),
        (
            with("/artifacts/1/provider", json!("r2")),
            "`artifacts[1].provider`",
        ),
        (
            without("/artifacts/1", "provider"),
            "`artifacts[1].provider`",
        ),
        (
            with("/artifacts/1/filename", json!("a/b")),
            "`artifacts[1].filename`",
        ),
        (
            with("/artifacts/1/filename", json!("a")),
            "`artifacts[1].filename`",
        ),
        (with("/artifacts/1/size", json!("5")), "`artifacts[1].size`"),
        (with("/artifacts/1/size", json!(-5)), "`artifacts[1].size`"),
        (
            with("/artifacts/1/size", json!(u64::MAX)),
            "`artifacts[1].size`",
        ),
        (
            with("/artifacts/1/sha256", json!("A".repeat(64))),
            "`artifacts[1].sha256`",
        ),
        (
            with("/artifacts/1/kind", json!("program")),
            "`artifacts[1].kind`",
        ),
        (without("/artifacts/0", "kind"), "`artifacts[0].kind`"),
    ] {
        let text = error(server.post(PUBLISH, &body).await, 400).await;
        assert!(text.contains(says), "{says}: {text}");
    }
    let nothing = server.get("/api/v1/releases/runner/latest/linux/x64").await;
    assert_eq!(nothing.status(), 404);
}

#[tokio::test]
async fn bodies_that_are_no_json_or_too_large_are_refused_as_json() {
    let server = Server::start().await;
    let post = async |body: Vec<u8>| {
        let request = server.client.post(server.url(PUBLISH));
        let request = request.header(release_types::DEPLOY_TOKEN_HEADER, &server.token);
        request.body(body).send().await.unwrap()
    };
    assert!(error(post(b"{".to_vec()).await, 400).await.contains("JSON"));
    assert!(
        error(post(b"[1]".to_vec()).await, 400)
            .await
            .contains("object")
    );
    assert!(error(post(vec![0xff]).await, 400).await.contains("JSON"));
    error(post(Vec::new()).await, 400).await;
    error(post(vec![b' '; 1024 * 1024 + 1]).await, 413).await;
    let deep = "[".repeat(100_000);
    error(post(deep.into_bytes()).await, 400).await;
}

#[tokio::test]
async fn what_is_not_stored_is_not_registered() {
    let server = Server::start().await;
    let good = server
        .release_body("runner", "1.0.0", "linux/x64", &["a", "b"])
        .await;
    let published = server.publish("runner", &good).await;
    for (pointer, value, says) in [
        ("/artifacts/1/size", json!(1), "not 1"),
        ("/artifacts/1/sha256", json!("0".repeat(64)), "`b`"),
        (
            "/artifacts/1/key",
            json!("artifacts/runner/1.0.0/linux/x64/c"),
            "`b`",
        ),
        (
            "/artifacts/1/sha256",
            good["artifacts"][0]["sha256"].clone(),
            "`b`",
        ),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        let text = error(server.post(PUBLISH, &body).await, 409).await;
        assert!(text.contains("`b`"), "{says}: {text}");
    }
    let now: Release = server
        .get("/api/v1/releases/runner/latest/linux/x64")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(now, published);
}

#[tokio::test]
async fn registering_again_changes_nothing() {
    let server = Server::start().await;
    let body = server
        .release_body("runner", "1.0.0", "linux/x64", &["a", "b"])
        .await;
    let first = server.publish("runner", &body).await;
    server.pass(3600);
    assert_eq!(server.publish("runner", &body).await, first);
    let mut reversed = body.clone();
    reversed["artifacts"].as_array_mut().unwrap().reverse();
    assert_eq!(server.publish("runner", &reversed).await, first);
}

#[tokio::test]
async fn a_second_list_replaces_the_first_of_that_platform_alone() {
    let server = Server::start().await;
    let linux = server
        .release("runner", "1.0.0", "linux/x64", &["a", "b"])
        .await;
    let windows = server
        .release("runner", "1.0.0", "windows/x64", &["a.exe"])
        .await;
    assert_eq!(windows.published_at, linux.published_at);

    let replaced = server
        .release("runner", "1.0.0", "linux/x64", &["b", "c"])
        .await;
    let names: Vec<&str> = replaced
        .assets
        .iter()
        .map(|a| a.filename.as_str())
        .collect();
    assert_eq!(names, ["b", "c"]);
    // What stays what it was keeps its address, what goes loses it.
    assert_eq!(replaced.assets[0], linux.assets[1]);
    let gone = format!("/api/v1/download/{}", linux.assets[0].download_id);
    error(server.get(&gone).await, 404).await;
    let path = "/api/v1/releases/runner/1.0.0/windows/x64";
    let still: Release = server.get(path).await.json().await.unwrap();
    assert_eq!(still, windows);
    // The file of the removed asset can be replaced again.
    let key = "artifacts/runner/1.0.0/linux/x64/a";
    assert_eq!(server.upload(key, b"new").await, 201);
}

#[tokio::test]
async fn the_time_of_publication_is_the_callers_or_stays() {
    let server = Server::start().await;
    let mut body = server
        .release_body("runner", "1.0.0", "linux/x64", &["a"])
        .await;
    let first = server.publish("runner", &body).await;
    body["published_at"] = json!("2024-05-06T09:08:09.123456789+02:00");
    let dated = server.publish("runner", &body).await;
    assert_eq!(
        dated.published_at.to_string(),
        "2024-05-06T07:08:09.123456789Z"
    );
    assert_ne!(dated.published_at, first.published_at);
    body["published_at"] = Value::Null;
    assert_eq!(server.publish("runner", &body).await, dated);
    // Another platform's call speaks for the whole release.
    let mut other = server
        .release_body("runner", "1.0.0", "macos/arm64", &["a"])
        .await;
    other["published_at"] = json!("2025-01-01T00:00:00Z");
    server.publish("runner", &other).await;
    let path = "/api/v1/releases/runner/1.0.0/linux/x64";
    let linux: Release = server.get(path).await.json().await.unwrap();
    assert_eq!(linux.published_at.to_string(), "2025-01-01T00:00:00Z");
    assert_eq!(linux.assets, first.assets);
}

#[tokio::test]
async fn channels_are_apart_and_stable_is_the_default() {
    let server = Server::start().await;
    let mut body = server
        .release_body("runner", "1.0.0", "linux/x64", &["a"])
        .await;
    body["channel"] = Value::Null;
    let stable = server.publish("runner", &body).await;
    body["channel"] = json!("dev");
    let dev = server.publish("runner", &body).await;
    assert_eq!(stable.channel.as_str(), "stable");
    assert_ne!(stable.assets[0].download_id, dev.assets[0].download_id);
    for (query, id) in [("", &stable), ("?channel=dev", &dev)] {
        let path = format!("/api/v1/releases/runner/1.0.0/linux/x64{query}");
        let release: Release = server.get(&path).await.json().await.unwrap();
        assert_eq!(release, *id);
    }
    let beta = server
        .get("/api/v1/releases/runner/1.0.0/linux/x64?channel=beta")
        .await;
    error(beta, 404).await;
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_added_products_accepted() {
    let server = Server::start().await;
    let product = "my-tool".parse().unwrap();
    assert!(server.hub.add_product(&product).await.unwrap());
    assert!(!server.hub.add_product(&product).await.unwrap());
    let mut body = server
        .release_body("my-tool", "1.0.0", "linux/x64", &["t"])
        .await;
    body["unheard_of"] = json!(true);
    body["artifacts"][0]["unheard_of"] = json!(true);
    assert_eq!(server.publish("my-tool", &body).await.product, product);
}

#[tokio::test]
async fn nobody_publishes_without_a_valid_credential() {
    let server = Server::start().await;
    let body = json!({
        "version": "bad", "artifacts": [artifact("runner", "1.0.0", "linux/x64", "a", b"")],
    });
    let mut answers = Vec::new();
    let revoked = server.hub.issue_app_token(None, None).await.unwrap();
    server
        .hub
        .revoke_app_token(&revoked.record.id)
        .await
        .unwrap();
    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(100);
    let expired = server
        .hub
        .issue_app_token(None, Some(expires))
        .await
        .unwrap();
    server.pass(100);
    let text =
        |token: &secrecy::SecretString| secrecy::ExposeSecret::expose_secret(token).to_owned();
    let (start, last) = server.token.split_at(server.token.len() - 1);
    let mistyped = format!("{start}{}", if last == "0" { "1" } else { "0" });
    for token in [
        text(&revoked.token),
        text(&expired.token),
        mistyped,
        server.admin.clone(),
        "nonsense".to_owned(),
        String::new(),
    ] {
        // Before anything else, the product's name and the body's form too.
        for path in [
            PUBLISH,
            "/api/v1/releases/unheard-of/publish",
            "/api/v1/storage/presign",
        ] {
            answers.push(error(server.post_with(&token, path, &body).await, 401).await);
        }
    }
    let request = server.client.post(server.url(PUBLISH)).json(&body);
    let refused = request.send().await.unwrap();
    let challenge = crate::support::header(&refused, "www-authenticate");
    assert_eq!(challenge, "Bearer realm=\"atlas-hub\"");
    answers.push(error(refused, 401).await);
    let request = server
        .client
        .post(server.url(PUBLISH))
        .bearer_auth(&server.token);
    answers.push(error(request.json(&body).send().await.unwrap(), 401).await);
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(server.files("blobs").is_empty());
}

#[tokio::test]
async fn an_administrator_may_publish_too() {
    let server = Server::start().await;
    let body = server
        .release_body("runner", "1.0.0", "linux/x64", &["a"])
        .await;
    let response = server.as_admin(reqwest::Method::POST, PUBLISH, &body).await;
    assert_eq!(response.status(), 201);
}
