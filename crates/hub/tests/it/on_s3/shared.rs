//! A bucket that goes and comes back, that is somebody else's, and that several Hubs have.

use super::between::Between;
use super::server::S3;
use super::{KEY, PUBLISH, assert_released, folder, put, release};
use crate::support::{Server, error, header};
use hub::{Hub, HubConfig, HubError};
use release_types::Sha256Digest;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::{Duration, Instant};
use tempfile::TempDir;

#[tokio::test]
async fn a_bucket_is_of_one_catalogue_and_a_catalogue_of_one_storage() {
    let s3 = S3::start();
    let open = async |dir: &TempDir, bucket: Option<&str>| {
        let mut config = HubConfig::new(dir.path());
        config.bucket = bucket.map(|prefix| s3.bucket(prefix));
        Hub::open(config).await
    };
    let refused = async |dir: &TempDir, bucket: Option<&str>, says: &str| {
        let refused = open(dir, bucket).await;
        let Err(HubError::Config(why)) = refused else {
            panic!("{refused:?}");
        };
        assert!(why.contains(says), "{why}");
    };
    let (first, second) = (folder(), folder());
    for _ in 0..2 {
        open(&first, Some("a")).await.unwrap().close().await;
    }
    refused(&second, Some("a"), "another catalogue").await;
    open(&second, Some("b")).await.unwrap().close().await;
    for (prefix, other, says) in [
        (Some("c"), None, "in a bucket"),
        (None, Some("d"), "in files"),
        // Another one than it began with, or the same one emptied.
        (Some("f"), Some("g"), "is it the right one"),
    ] {
        let dir = folder();
        let bucket = prefix.map(|prefix| s3.bucket(prefix));
        let server = Server::start_in(dir.clone(), |config| config.bucket = bucket).await;
        let path = dir.path().join("hub");
        let presigned = server.presign(json!({"key": KEY})).await;
        let status = put(&server.client, &presigned, "hello").await.status();
        assert!(status.is_success(), "{status}");
        assert!(server.stored(KEY).await.is_some());
        server.stop().await;
        let mut config = HubConfig::new(path);
        config.bucket = other.map(|prefix| s3.bucket(prefix));
        let Err(HubError::Config(why)) = Hub::open(config).await else {
            panic!("{says}");
        };
        assert!(why.contains(says), "{why}");
    }
    let mut config = HubConfig::new(folder().path());
    let mut bucket = s3.bucket("e");
    bucket.settings[2].1 = "hush".to_owned().into();
    config.bucket = Some(bucket);
    let wrong = Hub::open(config).await.unwrap_err();
    assert!(wrong.to_string().contains("403"), "{wrong}");
    s3.assert_no_secret(&format!("{wrong} {wrong:?}"));
}

/// The catalogue knows its bucket before there is anything in it.
#[tokio::test]
async fn a_catalogue_has_one_bucket_from_its_beginning() {
    let s3 = S3::start();
    let dir = folder();
    let refused = async |prefix: &str, says: &str| {
        let mut config = HubConfig::new(dir.path());
        config.bucket = Some(s3.bucket(prefix));
        let Err(HubError::Config(why)) = Hub::open(config).await else {
            panic!("{prefix} is taken");
        };
        assert!(why.contains(says), "{why}");
    };
    let mut config = HubConfig::new(dir.path());
    config.bucket = Some(s3.bucket("a"));
    Hub::open(config).await.unwrap().close().await;
    refused("b", "is it the right one").await;
    let [claim] = &s3.files("a", "")[..] else {
        panic!("not one file");
    };
    assert!(s3.files("b", "").is_empty());
    // One that this catalogue has claimed, and that is another one all the same.
    let text = std::fs::read_to_string(claim).unwrap();
    let mut other: serde_json::Value = serde_json::from_str(&text).unwrap();
    other["bucket"] = json!("another");
    let folder = claim.parent().unwrap().with_file_name("b");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("hub.json"), other.to_string()).unwrap();
    refused("b", "another bucket").await;
    let hub = s3.atlas_hub("b", &["init", "--data-dir", dir.path().to_str().unwrap()]);
    assert_eq!(hub.status.code(), Some(2));
}

/// A store that knows no conditional writes takes both claims.
#[tokio::test]
async fn of_two_catalogues_that_claim_a_bucket_one_has_it() {
    let s3 = S3::start();
    let between = Between::start(&s3, |request| {
        let conditional = request.headers.contains_key("if-none-match");
        conditional.then_some(StatusCode::NOT_IMPLEMENTED)
    })
    .await;
    let open = async |dir: &TempDir| {
        let mut config = HubConfig::new(dir.path());
        config.bucket = Some(between.bucket(&s3, "hub"));
        Hub::open(config).await
    };
    let dirs = [folder(), folder()];
    let (one, other) = tokio::join!(open(&dirs[0]), open(&dirs[1]));
    let (winner, refused) = match (one, other) {
        (Ok(winner), Err(refused)) | (Err(refused), Ok(winner)) => (winner, refused),
        both => panic!("{both:?}"),
    };
    assert!(
        refused.to_string().contains("another catalogue"),
        "{refused}"
    );
    winner.close().await;
}

/// For some seconds: killed, and started again; and standing still, which no error tells.
#[tokio::test]
async fn a_store_that_is_gone_is_waited_for() {
    let s3 = S3::start();
    let server = Server::start_in(folder(), s3.on("hub")).await;
    server.upload(KEY, b"hello").await;
    server.publish("cli", &release(b"hello")).await;
    for (round, (gone, back)) in [("stop", "start"), ("-STOP", "-CONT")]
        .into_iter()
        .enumerate()
    {
        let version = format!("2.0.{round}");
        let names: &[&str] = &["a"];
        let body = server
            .release_body("cli", &version, "linux/x64", names)
            .await;
        let path = format!("artifacts/cli/{version}/linux/x64/b");
        let late = server.presign(json!({"key": path})).await;
        assert_eq!(put(&server.client, &late, "late").await.status(), 200);
        s3.tell(gone);
        // What was found last holds for a second.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let begun = Instant::now();
        let unready = server.get("/readyz").await;
        assert!(!header(&unready, "retry-after").is_empty());
        assert!(error(unready, 503).await.contains("storage"));
        let refused = server.post(PUBLISH, &body).await;
        assert!(!header(&refused, "retry-after").is_empty());
        error(refused, 503).await;
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?}",
            begun.elapsed()
        );
        // What the catalogue knows goes on, and so do addresses.
        let latest = server.get("/api/v1/releases/cli/latest/linux/x64").await;
        assert_eq!(latest.status(), 200);
        server.presign(json!({"key": KEY})).await;
        let sent_on = server.client.get(server.url(&format!("/{KEY}"))).send();
        assert_eq!(sent_on.await.unwrap().status(), 302);
        let listed = server.ask(Method::HEAD, &format!("/{KEY}"), &[]).await;
        assert_eq!(listed.status(), 200);
        assert_eq!(server.get("/healthz").await.status(), 200);
        s3.tell(back);
        let begun = Instant::now();
        while server.get("/readyz").await.status() != 200 {
            assert!(begun.elapsed() < Duration::from_secs(15));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server.publish("cli", &body).await;
        assert_eq!(server.stored(&path).await, Some(Sha256Digest::of(b"late")));
        assert_released(&server, "hello").await;
    }
    server.stop().await;
}

/// Two Hubs that have one database and one bucket.
#[cfg(feature = "postgres")]
async fn two_hubs(s3: &S3, postgres: &crate::on_postgres::server::Postgres) -> (Server, Server) {
    let url = postgres.database("hub").await;
    let both = || {
        let (bucket, url) = (s3.bucket("hub"), url.clone());
        move |config: &mut HubConfig| {
            config.bucket = Some(bucket);
            config.database = Some(url.into());
        }
    };
    tokio::join!(
        Server::start_in(folder(), both()),
        Server::start_in(folder(), both())
    )
}

/// Uploaded at one, registered at the other, downloaded at either; no client is anybody's.
#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_have_one_database_and_one_bucket() {
    use crate::on_postgres::server::Postgres;
    let (s3, postgres) = (S3::start(), Postgres::start());
    let (first, mut second) = two_hubs(&s3, &postgres).await;
    second.token.clone_from(&first.token);
    for round in 0..10 {
        let version = format!("1.0.{round}");
        let body = async |server: &Server| {
            let names = ["a", "b"];
            server
                .release_body("cli", &version, "linux/x64", &names)
                .await
        };
        // The same of both at once: each has the upload of the other to settle, too.
        let (body, same) = tokio::join!(body(&first), body(&second));
        assert_eq!(body, same);
        let (one, other) = tokio::join!(second.publish("cli", &body), first.publish("cli", &body));
        assert_eq!(one, other);
        for server in [&first, &second] {
            let file = server
                .get(&format!("/artifacts/cli/{version}/linux/x64/a"))
                .await;
            let digest = Sha256Digest::of(&file.bytes().await.unwrap());
            assert_eq!(digest, one.assets[0].sha256);
        }
    }
    assert!(s3.files("hub", "uploads").is_empty());
    assert_eq!(s3.files("hub", "blobs").len(), 20);
    // What one was told before it ended, the other knows.
    let late = first.presign(json!({"key": KEY})).await;
    first.stop().await;
    assert_eq!(put(&second.client, &late, "hello").await.status(), 200);
    let mut body = release(b"hello");
    body["channel"] = json!("beta");
    body["version"] = json!("1.0.0");
    second.publish("cli", &body).await;
    second.stop().await;
}

/// What one forgets, the other may be about to remove, or to release.
#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_that_collect_at_once_lose_nothing_and_stumble_over_nothing() {
    use crate::on_postgres::server::Postgres;
    let (s3, postgres) = (S3::start(), Postgres::start());
    let (one, other) = two_hubs(&s3, &postgres).await;
    crate::collecting::meet(&one, &other).await;
    assert!(s3.files("hub", "uploads").is_empty());
    let released = one.get("/api/v1/releases/cli?limit=200").await;
    let released: serde_json::Value = released.json().await.unwrap();
    let released = released["releases"].as_array().unwrap().len();
    assert_eq!(s3.files("hub", "blobs").len(), released * 10);
    one.stop().await;
    other.stop().await;
}
