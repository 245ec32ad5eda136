//! What only bytes in a bucket can meet: addresses that leak, a store that goes and comes back, and
//! several Hubs at it. Each test has a server of its own, so these are left to the profile `full`.

mod between;
mod bound;
#[cfg(debug_assertions)]
mod kills;
mod operated;
mod owned;
mod server;
mod settling;
mod shared;
mod slow;

use crate::support::{Server, artifact, error, header};
use release_types::Sha256Digest;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use server::S3;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const KEY: &str = "artifacts/cli/1.0.0/linux/x64/x";
const PUBLISH: &str = "/api/v1/releases/cli/publish";

fn folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().unwrap())
}

/// A release of one file, which holds these bytes.
fn release(bytes: &[u8]) -> Value {
    json!({
        "version": "1.0.0",
        "channel": "stable",
        "platform": {"os": "linux", "arch": "x64"},
        "artifacts": [artifact("cli", "1.0.0", "linux/x64", "x", bytes)],
    })
}

/// Puts to where a presign answer says, with its header fields, as another program would.
async fn put(client: &Client, presigned: &Value, bytes: &'static str) -> Response {
    let mut request = client.put(presigned["url"].as_str().unwrap());
    for (name, value) in presigned["uploadHeaders"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    request.body(bytes).send().await.unwrap()
}

async fn assert_released(server: &Server, bytes: &str) {
    let file = server.get(&format!("/{KEY}")).await;
    assert_eq!(file.status(), 200);
    assert_eq!(file.text().await.unwrap(), bytes);
}

#[tokio::test]
async fn bytes_go_to_the_bucket_and_come_from_it() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("a/b")).await;
    let digest = Sha256Digest::of(b"hello");
    let presigned = server
        .presign(json!({
            "key": KEY, "size": 5, "sha256": digest, "contentType": "text/x; a=b", "provider": "s3",
        }))
        .await;
    assert_eq!(presigned["provider"], "s3");
    assert_eq!(presigned["key"], format!("s3::{KEY}"));
    let fields = json!({
        "content-type": "text/x; a=b",
        "if-none-match": "*",
        "x-amz-checksum-sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
    });
    assert_eq!(presigned["uploadHeaders"], fields);
    let url = presigned["url"].as_str().unwrap();
    let endpoint = &s3.settings()[0].1;
    assert!(
        url.starts_with(&format!("{endpoint}/hub/a/b/uploads/")),
        "{url}"
    );
    // Every one of them is signed.
    for name in fields.as_object().unwrap().keys() {
        let mut without = presigned.clone();
        without["uploadHeaders"]
            .as_object_mut()
            .unwrap()
            .remove(name);
        let refused = put(&server.client, &without, "hello").await;
        assert!(refused.status().is_client_error(), "{name}");
    }
    // What another provider has is not here.
    for (provider, status) in [("local", 503), ("r2", 503), ("tape", 400)] {
        let body = json!({"key": KEY, "action": "upload", "provider": provider});
        error(server.post("/api/v1/storage/presign", &body).await, status).await;
    }
    error(server.post(PUBLISH, &release(b"hello")).await, 409).await;
    let path = format!("/{KEY}?expires=1&type=a/b&signature=00");
    let here = server.ask(Method::PUT, &path, &[]).await;
    assert!(error(here, 403).await.contains("bucket"));

    assert_eq!(put(&server.client, &presigned, "hello").await.status(), 200);
    server.publish("cli", &release(b"hello")).await;
    assert!(s3.files("a/b", "uploads").is_empty());
    assert_eq!(s3.files("a/b", "blobs").len(), 1);

    let path = format!("/{KEY}");
    let sent_on = server.client.get(server.url(&path)).send().await.unwrap();
    assert_eq!(sent_on.status(), 302);
    assert_eq!(header(&sent_on, "cache-control"), "no-store");
    let place = header(&sent_on, "location");
    assert!(
        place.starts_with(&format!("{endpoint}/hub/a/b/blobs/")),
        "{place}"
    );
    assert!(
        place.contains("=attachment%3B%20filename%3D%22x%22&"),
        "{place}"
    );
    let whole = server.get(&path).await;
    assert_eq!(header(&whole, "content-type"), "text/x; a=b");
    assert_eq!(whole.text().await.unwrap(), "hello");
    let part = server
        .ask(Method::GET, &path, &[("range", "bytes=1-2")])
        .await;
    assert_eq!(part.status(), 206);
    assert_eq!(header(&part, "content-range"), "bytes 1-2/5");
    assert_eq!(part.text().await.unwrap(), "el");

    // What is asked by the Hub's own tag is answered by the Hub.
    let tag = format!("\"{digest}\"");
    let ask = async |method: Method, fields: &[(&str, &str)]| {
        let mut request = server.client.request(method, server.url(&path));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    };
    let head = ask(Method::HEAD, &[]).await;
    assert_eq!(head.status(), 200);
    assert_eq!(header(&head, "content-length"), "5");
    assert_eq!(header(&head, "etag"), tag);
    assert_eq!(header(&head, "content-type"), "text/x; a=b");
    assert_eq!(
        ask(Method::GET, &[("if-none-match", &tag)]).await.status(),
        304
    );
    assert_eq!(
        ask(Method::GET, &[("if-match", "\"x\"")]).await.status(),
        412
    );
    let same = ask(Method::GET, &[("if-match", &tag)]).await;
    assert_eq!(same.status(), 200);
    assert_eq!(same.text().await.unwrap(), "hello");
    let rest = ask(Method::GET, &[("range", "bytes=3-"), ("if-range", &tag)]).await;
    assert_eq!(rest.status(), 206);
    assert_eq!(header(&rest, "content-range"), "bytes 3-4/5");
    assert_eq!(rest.text().await.unwrap(), "lo");
    assert_eq!(
        ask(Method::GET, &[("range", "bytes=5-")]).await.status(),
        416
    );
    server.stop().await;
}

#[tokio::test]
async fn an_address_that_leaked_changes_nothing_that_is_released() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("hub")).await;
    // Bound to no digest, so that the store itself has nothing against other bytes.
    let leaked = server.presign(json!({"key": KEY})).await;
    assert_eq!(put(&server.client, &leaked, "hello").await.status(), 200);
    assert_eq!(put(&server.client, &leaked, "jello").await.status(), 412);
    server.publish("cli", &release(b"hello")).await;
    assert_released(&server, "hello").await;
    // The store has nothing there any more, and takes it again; as one that knows no conditional
    // writes would have at any time.
    assert_eq!(put(&server.client, &leaked, "jello").await.status(), 200);
    assert_released(&server, "hello").await;
    assert_eq!(server.stored(KEY).await, Some(Sha256Digest::of(b"hello")));
    server.publish("cli", &release(b"hello")).await;
    error(server.post(PUBLISH, &release(b"jello")).await, 409).await;
    assert_released(&server, "hello").await;

    // Neither does an address that was asked for afterwards.
    let late = server.presign(json!({"key": KEY})).await;
    assert_eq!(put(&server.client, &late, "jello").await.status(), 200);
    error(server.post(PUBLISH, &release(b"jello")).await, 409).await;
    assert_released(&server, "hello").await;
    assert_eq!(s3.files("hub", "blobs").len(), 1);
    // What came by the first one, which nobody knows any more. It goes in a day.
    let [late] = &s3.files("hub", "uploads")[..] else {
        panic!("not one upload");
    };
    crate::operated::age(late);
    let collected = server
        .hub
        .collect(hub::Collection::default())
        .await
        .unwrap();
    assert_eq!(collected.unknown.len(), 1);
    assert!(s3.files("hub", "uploads").is_empty());
    server.stop().await;
}

#[tokio::test]
async fn an_upload_that_is_not_what_was_agreed_is_nothing() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("hub")).await;
    let digest = Sha256Digest::of(b"hello");
    let bound = server
        .presign(json!({"key": KEY, "size": 5, "sha256": digest}))
        .await;
    let damaged = put(&server.client, &bound, "jello").await;
    assert_eq!(damaged.status(), 400);
    assert!(damaged.text().await.unwrap().contains("BadDigest"));
    // This store keeps what it has refused; the Hub reads it, and does not.
    error(server.post(PUBLISH, &release(b"jello")).await, 409).await;
    assert_eq!(server.stored(KEY).await, None);
    assert!(s3.files("hub", "blobs").is_empty() && s3.files("hub", "uploads").is_empty());

    // A store that looks at no checksum.
    let longer = server.presign(json!({"key": KEY, "size": 5})).await;
    assert_eq!(put(&server.client, &longer, "hello!").await.status(), 200);
    error(server.post(PUBLISH, &release(b"hello!")).await, 409).await;
    assert!(s3.files("hub", "uploads").is_empty());

    // The address is still good for what was agreed.
    assert_eq!(put(&server.client, &bound, "hello").await.status(), 200);
    server.publish("cli", &release(b"hello")).await;
    assert_released(&server, "hello").await;
    let large = json!({"key": KEY, "action": "upload", "size": 6_u64 << 30});
    error(server.post("/api/v1/storage/presign", &large).await, 413).await;
    server.stop().await;
}

#[tokio::test]
async fn a_packs_build_goes_the_same_way() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("hub")).await;
    let roster = server.hub.roster();
    roster.add_pack(&"pack-1".parse().unwrap()).await.unwrap();
    let call = async |path: &str, body: &Value| server.as_admin(Method::POST, path, body).await;
    let body = json!({"packId": "pack-1", "size": 5, "sha256": Sha256Digest::of(b"hello")});
    let answer = call("/api/v1/ci/presign", &body).await;
    let mut build: Value = answer.json().await.unwrap();
    assert_eq!(build["artifactProvider"], "s3");
    let key = build["artifactKey"].as_str().unwrap();
    assert!(key.starts_with("s3::packs/pack-1/builds/"), "{key}");
    let mut body = json!({
        "packId": "pack-1", "buildId": build["buildId"], "artifactKey": key, "version": "1",
    });
    build["url"] = build["uploadUrl"].take();
    error(call("/api/v1/ci/complete", &body).await, 409).await;
    assert_eq!(put(&server.client, &build, "hello").await.status(), 200);
    for size in [6, 5, 5] {
        body["artifactSize"] = json!(size);
        let status = if size == 5 { 200 } else { 409 };
        let answer = call("/api/v1/ci/complete", &body).await;
        assert_eq!(answer.status(), status);
    }
    // The address is as good as before, and changes nothing.
    assert_eq!(put(&server.client, &build, "hello").await.status(), 200);
    let same = call("/api/v1/ci/complete", &body).await;
    assert_eq!(same.status(), 200);
    assert_eq!(s3.files("hub", "blobs").len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn an_address_expires() {
    let s3 = S3::start();
    let mut bucket = s3.bucket("hub");
    bucket.validity = Duration::from_secs(2);
    let server = Server::start_in(folder(), |config| config.bucket = Some(bucket)).await;
    let used = server.presign(json!({"key": KEY})).await;
    let late = server.presign(json!({"key": KEY})).await;
    assert_eq!(put(&server.client, &used, "hello").await.status(), 200);
    server.publish("cli", &release(b"hello")).await;
    let path = server.url(&format!("/{KEY}"));
    let sent_on = server.client.get(path).send().await.unwrap();
    let place = header(&sent_on, "location").to_owned();
    assert_eq!(
        server.client.get(&place).send().await.unwrap().status(),
        200
    );
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(
        server.client.get(&place).send().await.unwrap().status(),
        403
    );
    assert_eq!(put(&server.client, &late, "jello").await.status(), 403);
    assert_released(&server, "hello").await;
    server.stop().await;
}

#[tokio::test]
async fn bytes_that_are_gone_are_noticed_and_mended_by_the_same() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("hub")).await;
    server.upload(KEY, b"hello").await;
    server.publish("cli", &release(b"hello")).await;
    let [blob] = &s3.files("hub", "blobs")[..] else {
        panic!("not one blob");
    };
    // The same again stays where it is.
    assert_eq!(server.upload(KEY, b"hello").await, StatusCode::OK);
    assert_eq!(s3.files("hub", "blobs"), std::slice::from_ref(blob));
    // Damaged bytes of the same length are replaced.
    std::fs::write(blob, "jello").unwrap();
    assert_eq!(server.upload(KEY, b"hello").await, StatusCode::OK);
    server.publish("cli", &release(b"hello")).await;
    assert_ne!(s3.files("hub", "blobs"), std::slice::from_ref(blob));
    assert_released(&server, "hello").await;
    let [blob] = &s3.files("hub", "blobs")[..] else {
        panic!("not one blob");
    };
    std::fs::remove_file(blob).unwrap();
    let refused = server.post(PUBLISH, &release(b"hello")).await;
    assert!(error(refused, 409).await.contains("`x`"));
    assert_eq!(server.upload(KEY, b"hello").await, StatusCode::OK);
    assert_ne!(s3.files("hub", "blobs"), std::slice::from_ref(blob));
    assert_released(&server, "hello").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_upload_one_key_one_whole_wins() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("hub")).await;
    for round in 0..10 {
        let version = format!("1.0.{round}");
        let key = format!("artifacts/cli/{version}/linux/x64/x");
        let of = |name: &str| name.repeat(100_000).into_bytes();
        let upload = async |name: &str| {
            let bytes = of(name);
            let digest = Sha256Digest::of(&bytes);
            let asked = json!({"key": key, "size": bytes.len(), "sha256": digest});
            let presigned = server.presign(asked).await;
            let status = server.put(&presigned, bytes.clone()).await.status();
            assert_eq!(status, 200);
            let mut body = release(&bytes);
            body["version"] = json!(version);
            body["artifacts"][0]["key"] = json!(key);
            server.post(PUBLISH, &body).await.status()
        };
        let (one, other) = tokio::join!(upload("a"), upload("b"));
        let (winner, statuses) = match (one.as_u16(), other.as_u16()) {
            (201, other) => ("a", other),
            (one, 201) => ("b", one),
            both => panic!("{both:?}"),
        };
        assert!(statuses == 409, "{statuses}");
        let file = server.get(&format!("/{key}")).await;
        assert!(file.bytes().await.unwrap() == of(winner), "{version}");
    }
    server.stop().await;
}

/// The storage can take longer than a client waits; what the client asked for comes about all the same.
#[tokio::test]
async fn finalizing_goes_on_when_the_client_has_gone() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("a")).await;
    assert_eq!(server.upload(KEY, b"hello").await, StatusCode::CREATED);
    let mut draft = release(b"hello");
    draft["draft"] = json!(true);
    server.publish("cli", &draft).await;

    s3.tell("-STOP");
    let platform = json!({"os": "linux", "arch": "x64"});
    let named =
        json!({"product": "cli", "version": "1.0.0", "channel": "stable", "platforms": [platform]});
    let request = server
        .client
        .post(server.url("/api/v1/releases/finalize"))
        .header(release_types::DEPLOY_TOKEN_HEADER, &server.token)
        .timeout(Duration::from_millis(500));
    let given_up = request.json(&json!({"releases": [named]})).send().await;
    assert!(given_up.unwrap_err().is_timeout());
    tokio::time::sleep(Duration::from_millis(200)).await;
    s3.tell("-CONT");

    let latest = "/api/v1/releases/cli/latest/linux/x64";
    for _ in 0..100 {
        if server.get(latest).await.status() == 200 {
            let config = crate::database::config(server.dir.path().join("hub"));
            let inspection = hub::Inspection::open(&config).await.unwrap();
            let audit = inspection.audit(None, 10).await.unwrap();
            let shown = audit.iter().find(|entry| entry.action == "publish");
            // It is still the client's doing.
            assert_eq!(shown.unwrap().actor_kind, "app");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the draft was never shown");
}
