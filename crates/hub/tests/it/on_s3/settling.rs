//! Uploads that become objects, and what comes between.

use super::between::Between;
use super::server::S3;
use super::{KEY, PUBLISH, assert_released, folder, put, release};
use crate::operated::age;
use crate::support::{Server, error};
use http::{Method, StatusCode};
use hub::{Hub, HubConfig};
use jiff::{SignedDuration, Timestamp};
use release_types::{ObjectList, Sha256Digest};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

async fn list(server: &Server, query: &str) -> ObjectList {
    let url = server.url(&format!("/api/v1/storage/objects{query}"));
    let request = server.client.get(url);
    let request = request.header(release_types::DEPLOY_TOKEN_HEADER, &server.token);
    request.send().await.unwrap().json().await.unwrap()
}

/// As where another Hub has refused it too, or where the store knows no conditional writes.
#[tokio::test]
async fn what_has_come_in_the_place_of_a_refused_upload_stays() {
    let s3 = Arc::new(S3::start());
    let (there, looked) = (s3.clone(), AtomicUsize::new(0));
    let between = Between::start(&s3, move |request| {
        if request.uri.path().starts_with("/hub/hub/uploads/") {
            // It was looked at once, and is about to be looked at again or removed.
            let looks =
                request.method == Method::HEAD && looked.fetch_add(1, Ordering::SeqCst) == 1;
            if looks || request.method == Method::DELETE && looked.load(Ordering::SeqCst) == 1 {
                std::fs::write(&there.files("hub", "uploads")[0], "hello").unwrap();
            }
        }
        None
    })
    .await;
    let bucket = between.bucket(&s3, "hub");
    let server = Server::start_in(folder(), |config| config.bucket = Some(bucket)).await;
    let presigned = server.presign(json!({"key": KEY, "size": 5})).await;
    let status = put(&server.client, &presigned, "hello!").await.status();
    assert_eq!(status, 200);
    error(server.post(PUBLISH, &release(b"hello")).await, 409).await;
    assert_eq!(s3.files("hub", "uploads").len(), 1);
    server.publish("cli", &release(b"hello")).await;
    assert_released(&server, "hello").await;
    server.stop().await;
}

/// A page costs no more than a page, however many addresses were given out.
#[tokio::test]
async fn a_list_settles_a_page_at_a_time() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("hub")).await;
    let key = |name: &str| format!("artifacts/cli/1.0.0/linux/x64/{name}");
    for name in ["f", "e", "d", "c", "b", "a"] {
        let presigned = server.presign(json!({"key": key(name)})).await;
        // Nothing comes to the others.
        if ["b", "d", "f"].contains(&name) {
            assert_eq!(put(&server.client, &presigned, "hello").await.status(), 200);
        }
    }
    let page = async |limit: u32, after: &str| {
        let query = format!("?prefix={}&limit={limit}&after={after}", key(""));
        let page = list(&server, &query).await;
        let keys = page.objects.iter().map(|object| object.key.to_string());
        (keys.collect::<Vec<_>>(), page.next)
    };
    assert_eq!(page(1, "").await, (vec![], Some(key("a"))));
    assert_eq!(s3.files("hub", "uploads").len(), 3);
    for (after, found, left) in [("", "b", 2), ("b", "d", 1), ("d", "f", 0)] {
        let next = (left > 0).then(|| key(found));
        let after = if after.is_empty() {
            String::new()
        } else {
            key(after)
        };
        assert_eq!(page(2, &after).await, (vec![key(found)], next));
        assert_eq!(s3.files("hub", "uploads").len(), left);
    }
    // The others are still waited for, and looked for again.
    assert_eq!(page(2, "").await, (vec![key("b")], Some(key("c"))));
    server.stop().await;
}

#[tokio::test]
async fn an_object_is_as_old_as_its_upload() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("hub")).await;
    let presigned = server.presign(json!({"key": KEY})).await;
    assert_eq!(put(&server.client, &presigned, "hello").await.status(), 200);
    // Nobody asks for a day.
    age(&s3.files("hub", "uploads")[0]);
    let [object] = &list(&server, "").await.objects[..] else {
        panic!("not one object");
    };
    let old = Timestamp::now().duration_since(object.uploaded_at);
    assert!(old >= SignedDuration::from_hours(25), "{old}");
    server.stop().await;
}

/// A store that cannot list, or takes for ever to, is a store for all else.
#[tokio::test]
async fn a_hub_starts_before_its_bucket_is_listed() {
    let s3 = S3::start();
    // Only who takes a bucket for the first time has to see that nobody has anything there.
    let dir = Server::start_in(folder(), s3.on("hub")).await.stop().await;
    let asked = Arc::new(Notify::new());
    let listed = asked.clone();
    let between = Between::start(&s3, move |request| {
        let query = request.uri.query().unwrap_or_default();
        query.contains("list-type=2").then(|| {
            listed.notify_one();
            StatusCode::FORBIDDEN
        })
    })
    .await;
    let bucket = between.bucket(&s3, "hub");
    let server = Server::start_in(dir, |config| config.bucket = Some(bucket)).await;
    let within = Duration::from_secs(30);
    tokio::time::timeout(within, asked.notified())
        .await
        .unwrap();
    assert_eq!(server.get("/readyz").await.status(), 200);
    server.upload(KEY, b"hello").await;
    server.publish("cli", &release(b"hello")).await;
    assert_released(&server, "hello").await;
    server.stop().await;
}

/// What was left over goes soon after, without an hour's wait.
#[tokio::test]
async fn a_hub_that_serves_looks_through_its_bucket_at_once() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("hub")).await;
    server.upload(KEY, b"hello").await;
    let orphan = s3.files("hub", "blobs")[0].with_file_name("orphan");
    let dir = server.stop().await;
    std::fs::write(&orphan, "of a killed process").unwrap();
    age(&orphan);
    let server = Server::start_in(dir, s3.on("hub")).await;
    let begun = Instant::now();
    while orphan.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(s3.files("hub", "blobs").len(), 1);
    server.stop().await;
}

/// Each start and each hour; a store bills for it.
#[tokio::test]
async fn a_start_reads_whose_the_bucket_is_once() {
    let s3 = S3::start();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let between = Between::start(&s3, move |request| {
        if request.uri.path() == "/hub/hub/hub.json" {
            log.lock().unwrap().push(request.method.clone());
        }
        None
    })
    .await;
    let dir = folder();
    let mut config = HubConfig::new(dir.path());
    config.bucket = Some(between.bucket(&s3, "hub"));
    Hub::open(config.clone()).await.unwrap().close().await;
    asked.lock().unwrap().clear();
    Hub::open(config).await.unwrap().close().await;
    assert_eq!(*asked.lock().unwrap(), [Method::GET, Method::PUT]);
}

#[tokio::test]
async fn a_register_says_why_an_upload_was_refused() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("hub")).await;
    let (good, bad) = (Sha256Digest::of(b"hello"), Sha256Digest::of(b"jello"));
    // The store keeps what it has refused.
    let bound = server.presign(json!({"key": KEY, "sha256": good})).await;
    assert_eq!(put(&server.client, &bound, "jello").await.status(), 400);
    // Whoever asks first, and afterwards too.
    list(&server, "").await;
    for _ in 0..2 {
        let said = error(server.post(PUBLISH, &release(b"hello")).await, 409).await;
        let why = format!("its SHA-256 is {bad}, and its address was signed for {good}");
        assert!(
            said.starts_with("`x`: nothing has been uploaded") && said.ends_with(&why),
            "{said}"
        );
    }
    // What comes later is what counts.
    assert_eq!(put(&server.client, &bound, "hello").await.status(), 200);
    let said = error(server.post(PUBLISH, &release(b"jello")).await, 409).await;
    assert!(!said.contains("refused"), "{said}");
    let longer = server.presign(json!({"key": KEY, "size": 5})).await;
    assert_eq!(put(&server.client, &longer, "hello!").await.status(), 200);
    let said = error(server.post(PUBLISH, &release(b"hello!")).await, 409).await;
    let why = "it has 6 bytes, and its address was signed for 5";
    assert!(
        said.contains("5 bytes are stored") && said.ends_with(why),
        "{said}"
    );
    server.publish("cli", &release(b"hello")).await;
    server.stop().await;
}

/// What the list has told is not asked again, upload by upload.
#[tokio::test]
async fn what_is_collected_costs_a_list_and_its_removal() {
    let s3 = S3::start();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let between = Between::start(&s3, move |request| {
        let path = request.uri.path();
        if path.contains("/uploads/") || path.contains("/blobs/") {
            log.lock().unwrap().push(request.method.clone());
        }
        None
    })
    .await;
    let bucket = between.bucket(&s3, "hub");
    let server = Server::start_in(folder(), |config| {
        config.bucket = Some(bucket);
        config.keep_unregistered = SignedDuration::ZERO;
    })
    .await;
    for name in 0..9 {
        let key = format!("artifacts/cli/1.0.0/linux/x64/{name}");
        let presigned = server.presign(json!({"key": key})).await;
        // Nothing has come to a third; the rest is settled or not.
        if name % 3 > 0 {
            assert_eq!(put(&server.client, &presigned, "hello").await.status(), 200);
        }
        if name % 3 > 1 {
            list(&server, &format!("?prefix={key}&limit=1")).await;
        }
    }
    let there = s3.files("hub", "uploads").len() + s3.files("hub", "blobs").len();
    asked.lock().unwrap().clear();
    let collected = server
        .hub
        .collect(hub::Collection::default())
        .await
        .unwrap();
    assert_eq!(collected.unregistered.len(), there);
    assert!(collected.unregistered.is_sorted() && there == 6);
    assert_eq!(*asked.lock().unwrap(), vec![Method::DELETE; there]);
    assert!(s3.files("hub", "uploads").is_empty() && s3.files("hub", "blobs").is_empty());
    server.stop().await;
}
