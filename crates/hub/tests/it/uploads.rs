//! Presigned addresses and what can go wrong with an upload.

use crate::support::{Server, contents, error};
use release_types::{BAD_DIGEST, ErrorBody, Sha256Digest};
use reqwest::StatusCode;
use serde_json::{Value, json};

const KEY: &str = "artifacts/runner/1.0.0/linux/x64/r";

#[tokio::test]
async fn what_may_not_be_uploaded_gets_no_address() {
    let server = Server::start().await;
    let long = format!("artifacts/{}", "x/".repeat(600));
    for (body, status, says) in [
        (json!({}), 400, "key"),
        (json!({"key": 7}), 400, "key"),
        (json!({"key": null}), 400, "key"),
        (json!({"key": ""}), 400, "empty"),
        (
            json!({"key": "/artifacts/runner/1.0.0/linux/x64/r"}),
            400,
            "empty segment",
        ),
        (
            json!({"key": "artifacts/runner/../linux/x64/r"}),
            400,
            "folder",
        ),
        (
            json!({"key": "artifacts/runner/./linux/x64/r"}),
            400,
            "folder",
        ),
        (
            json!({"key": "artifacts//1.0.0/linux/x64/r"}),
            400,
            "empty segment",
        ),
        (json!({"key": "artifacts\\runner"}), 400, "separator"),
        (
            json!({"key": "artifacts/runner/1.0.0/linux/x64/r\n"}),
            400,
            "control",
        ),
        (json!({"key": long}), 400, "longer"),
        (json!({"key": KEY, "action": "download"}), 400, "action"),
        (json!({"key": "packs/p/builds/b.atlas"}), 403, "packs"),
        (
            json!({"key": "artifacts/unheard-of/1.0.0/linux/x64/r"}),
            403,
            "unheard-of",
        ),
        (
            json!({"key": "artifacts/runner/latest/linux/x64/r"}),
            403,
            "latest",
        ),
        (
            json!({"key": "artifacts/runner/1.0.0/amiga/x64/r"}),
            403,
            "amiga",
        ),
        (
            json!({"key": "artifacts/runner/1.0.0/linux/x86/r"}),
            403,
            "x86",
        ),
        (
            json!({"key": "artifacts/runner/1.0.0/linux/x64/a/r"}),
            403,
            "x64/a/r",
        ),
        (
            json!({"key": "artifacts/runner/1.0.0/linux/x64"}),
            403,
            "x64",
        ),
        (json!({"key": KEY, "provider": "r2"}), 503, "r2"),
        (
            json!({"key": KEY, "provider": "vercel_blob"}),
            503,
            "vercel_blob",
        ),
        (json!({"key": KEY, "provider": "s3"}), 503, "s3"),
        (json!({"key": KEY, "provider": "tape"}), 400, "tape"),
        (
            json!({"key": KEY, "contentType": "a\r\nb: c/d"}),
            400,
            "contentType",
        ),
        (
            json!({"key": KEY, "contentType": "text"}),
            400,
            "contentType",
        ),
        (json!({"key": KEY, "size": -1}), 400, "size"),
        (json!({"key": KEY, "size": 1.5}), 400, "size"),
        (json!({"key": KEY, "size": "1"}), 400, "size"),
        (json!({"key": KEY, "sha256": "abc"}), 400, "sha256"),
    ] {
        let mut body = body;
        if body["action"].is_null() {
            body["action"] = json!("upload");
        }
        let response = server.post("/api/v1/storage/presign", &body).await;
        let text = error(response, status).await;
        assert!(text.contains(says), "{body}: {text}");
    }
    let response = server
        .post("/api/v1/storage/presign", &json!({"key": KEY}))
        .await;
    assert!(error(response, 400).await.contains("action"));
}

#[tokio::test]
async fn an_address_names_provider_key_and_headers() {
    let server = Server::start().await;
    let presigned = server.presign(json!({"key": KEY})).await;
    assert_eq!(presigned["provider"], "local");
    assert_eq!(presigned["key"], format!("local::{KEY}"));
    let headers = json!({"content-type": "application/octet-stream"});
    assert_eq!(presigned["uploadHeaders"], headers);
    assert!(presigned["url"].as_str().unwrap().starts_with(&server.base));

    let typed = server
        .presign(
            json!({"key": KEY, "contentType": "text/plain; charset=utf-8", "provider": "local"}),
        )
        .await;
    assert_eq!(
        typed["uploadHeaders"]["content-type"],
        "text/plain; charset=utf-8"
    );
    assert_eq!(server.put(&typed, "x").await.status(), 201);
}

#[tokio::test]
async fn upload_addresses_begin_with_the_public_url() {
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config| {
        config.public_url = Some("https://hub.example:8443".parse().unwrap());
    })
    .await;
    let request = server
        .client
        .post(server.url("/api/v1/storage/presign"))
        .header(release_types::DEPLOY_TOKEN_HEADER, &server.token)
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "http")
        .json(&json!({"action": "upload", "key": KEY}));
    let presigned: Value = request.send().await.unwrap().json().await.unwrap();
    let url = presigned["url"].as_str().unwrap();
    assert!(
        url.starts_with("https://hub.example:8443/artifacts/runner/"),
        "{url}"
    );
}

#[tokio::test]
async fn an_address_cannot_be_changed_or_used_late() {
    let server = Server::start().await;
    let presigned = server
        .presign(json!({"key": KEY, "size": 5, "sha256": Sha256Digest::of(b"hello")}))
        .await;
    let url = presigned["url"].as_str().unwrap();
    let put = async |url: &str| {
        let request = server.client.put(url);
        let request = request.header("content-type", "application/octet-stream");
        request.body("hello").send().await.unwrap()
    };
    let forgeries = [
        url.replace("x64/r?", "x64/s?"),
        url.replace("size=5", "size=6"),
        url.replace("&size=5", ""),
        url.replace("expires=", "expires=9"),
        url.replace("octet-stream", "x-elf"),
        url.replace("sha256=2", "sha256=3"),
        url.replace("signature=", "signature=00"),
        url.split("&signature").next().unwrap().to_owned(),
        url.split('?').next().unwrap().to_owned(),
        format!("{url}&size=5"),
        {
            let (start, last) = url.split_at(url.len() - 1);
            format!("{start}{}", if last == "0" { "1" } else { "0" })
        },
    ];
    for forged in forgeries {
        assert_ne!(forged, url);
        error(put(&forged).await, 403).await;
    }
    server.pass(15 * 60 + 1);
    assert!(error(put(url).await, 403).await.contains("expired"));
    assert!(server.files("blobs").is_empty() && server.files("staging").is_empty());

    let fresh = server.presign(json!({"key": KEY})).await;
    server.pass(14 * 60);
    assert_eq!(server.put(&fresh, "hello").await.status(), 201);
}

#[tokio::test]
async fn an_upload_is_bound_to_what_was_presigned() {
    let server = Server::start().await;
    let digest = Sha256Digest::of(b"hello");
    let bound = server
        .presign(json!({"key": KEY, "size": 5, "sha256": digest}))
        .await;
    error(server.put(&bound, "hello!").await, 400).await;
    error(server.put(&bound, "hell").await, 400).await;
    let damaged = server.put(&bound, "jello").await;
    assert_eq!(damaged.status(), 400);
    let damaged: ErrorBody = damaged.json().await.unwrap();
    assert_eq!(damaged.code.as_deref(), Some(BAD_DIGEST));
    assert!(damaged.error.contains(&digest.to_string()), "{damaged:?}");
    // Without a content-length, which the size is held against as the bytes come in.
    let chunks = |text: &'static str| {
        let chunks = text.as_bytes().chunks(2).map(Ok::<_, std::io::Error>);
        reqwest::Body::wrap_stream(futures_util::stream::iter(chunks))
    };
    error(server.put(&bound, chunks("hello!")).await, 400).await;
    error(server.put(&bound, chunks("hell")).await, 400).await;
    let request = server.client.put(bound["url"].as_str().unwrap());
    let other_type = request.header("content-type", "text/plain").body("hello");
    error(other_type.send().await.unwrap(), 400).await;
    let no_type = server
        .client
        .put(bound["url"].as_str().unwrap())
        .body("hello");
    error(no_type.send().await.unwrap(), 400).await;
    assert!(server.files("blobs").is_empty() && server.files("staging").is_empty());

    let stored: Value = server
        .put(&bound, chunks("hello"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(stored, json!({"key": KEY, "size": 5, "sha256": digest}));
    assert_eq!(server.files("blobs").len(), 1);
}

#[tokio::test]
async fn an_upload_replaces_until_a_release_refers_to_it() {
    let server = Server::start().await;
    let bytes = contents("runner", "1.0.0", "linux/x64", "r");
    assert_eq!(server.upload(KEY, b"first").await, StatusCode::CREATED);
    assert_eq!(server.upload(KEY, b"first").await, StatusCode::OK);
    assert_eq!(server.upload(KEY, &bytes).await, StatusCode::CREATED);
    // The replaced bytes are gone, and so they are not where another key still has them.
    assert_eq!(server.files("blobs").len(), 1);
    let twin = "artifacts/runner/1.0.0/linux/x64/twin";
    assert_eq!(server.upload(twin, &bytes).await, StatusCode::CREATED);
    assert_eq!(server.files("blobs").len(), 1);
    assert_eq!(server.upload(twin, b"other").await, StatusCode::CREATED);
    assert_eq!(server.files("blobs").len(), 2);

    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    let presigned = server.presign(json!({"key": KEY})).await;
    let refused = server.put(&presigned, "changed").await;
    assert_eq!(refused.status(), 409);
    let refused: ErrorBody = refused.json().await.unwrap();
    assert_eq!(refused.code, None);
    assert!(refused.error.contains(KEY), "{refused:?}");
    assert_eq!(server.upload(KEY, &bytes).await, StatusCode::OK);
    let file = server.get(&format!("/{KEY}")).await;
    assert_eq!(file.bytes().await.unwrap(), bytes);
    assert_eq!(server.files("blobs").len(), 2);
    assert!(server.files("staging").is_empty());
}

#[tokio::test]
async fn an_upload_of_the_same_bytes_mends_a_damaged_store() {
    let server = Server::start().await;
    let body = server
        .release_body("runner", "1.0.0", "linux/x64", &["r"])
        .await;
    std::fs::remove_file(&server.files("blobs")[0]).unwrap();
    let response = server.post("/api/v1/releases/runner/publish", &body).await;
    assert!(error(response, 409).await.contains("`r`"));
    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    assert_eq!(server.get(&format!("/{KEY}")).await.status(), 200);
}

#[tokio::test]
async fn a_truncated_upload_leaves_nothing() {
    let server = Server::start().await;
    let presigned = server.presign(json!({"key": KEY})).await;
    let path = presigned["url"]
        .as_str()
        .unwrap()
        .strip_prefix(&server.base)
        .unwrap();
    let head =
        format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\n");
    let part = "x".repeat(100_000);
    for request in [
        format!("{head}content-length: 1000000\r\n\r\n{part}"),
        format!("{head}transfer-encoding: chunked\r\n\r\n186a0\r\n{part}\r\n"),
    ] {
        server.raw(request.as_bytes()).await;
        let gone = async {
            while !server.files("staging").is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(5), gone)
            .await
            .expect("the unfinished upload is removed");
        assert!(server.files("blobs").is_empty());
    }
    let body = json!({
        "version": "1.0.0",
        "platform": {"os": "linux", "arch": "x64"},
        "artifacts": [crate::support::artifact("runner", "1.0.0", "linux/x64", "r", b"")],
    });
    let response = server.post("/api/v1/releases/runner/publish", &body).await;
    assert!(error(response, 409).await.contains("`r`"));
}

#[tokio::test]
async fn uploads_at_the_same_time_all_arrive() {
    let server = Server::start().await;
    let keys: Vec<String> = (0..16)
        .map(|n| format!("artifacts/runner/1.0.0/linux/x64/file-{n}"))
        .collect();
    // Half of them share their bytes.
    let upload = async |key: &String| {
        let text = if key.ends_with(['1', '3', '5', '7', '9']) {
            "same"
        } else {
            key
        };
        server.upload(key, text.repeat(10_000).as_bytes()).await
    };
    let statuses = futures_util::future::join_all(keys.iter().map(upload)).await;
    assert!(statuses.iter().all(|status| *status == StatusCode::CREATED));
    assert_eq!(server.files("blobs").len(), 9);
    assert!(server.files("staging").is_empty());
}

#[tokio::test]
async fn names_are_escaped_in_addresses() {
    let server = Server::start().await;
    let name = "Atlas App+ü #1 100%.dmg";
    let release = server
        .release("launcher", "1.0.0+b", "macos/arm64", &[name])
        .await;
    let redirect = server
        .get(&format!(
            "/api/v1/download/{}",
            release.assets[0].download_id
        ))
        .await;
    let file = server
        .get(crate::support::header(&redirect, "location"))
        .await;
    let expected = contents("launcher", "1.0.0+b", "macos/arm64", name);
    assert_eq!(file.bytes().await.unwrap(), expected);
}
