//! A catalogue and its bucket belong together from `init` on, and are found out to be no pair before
//! anything is done with them.

use super::between::Between;
use super::operated::{ok, serving, stop, with_dir};
use super::server::S3;
use super::{PUBLISH, folder, release};
use crate::binary::{PROGRAM, command, publish, text};
use crate::support::{Server, artifact, error};
use http::{Method, StatusCode};
use hub::{Hub, HubConfig, HubError};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// A service whose settings have lost the bucket would begin with files.
#[test]
fn what_was_begun_with_a_bucket_is_not_begun_without() {
    let s3 = S3::start();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    ok(&s3, &["init"], &dir);
    let aside = temp.path().join("backup");
    for words in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["check"],
        &["gc"],
        &["backup", aside.to_str().unwrap()],
    ] {
        let words = [words, &["--data-dir", dir.to_str().unwrap()]].concat();
        let mut without = command(PROGRAM, &words);
        let refused = without.env_remove("ATLAS_HUB_STORAGE").output().unwrap();
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains("name it with --storage"), "{said}");
    }
    stop(&s3, serving(&s3, &dir));
}

/// What the key may not is told of at the beginning, not by the first release.
#[tokio::test]
async fn a_key_that_may_not_is_noticed_at_the_beginning() {
    let s3 = S3::start();
    for (prefix, what) in [("copy", "copy within"), ("delete", "remove from")] {
        let between = Between::start(&s3, move |request| {
            let refused = match prefix {
                "copy" => request.headers.contains_key("x-amz-copy-source"),
                _ => request.method == Method::DELETE,
            };
            refused.then_some(StatusCode::FORBIDDEN)
        })
        .await;
        let temp = folder();
        let mut config = HubConfig::new(temp.path());
        config.bucket = Some(between.bucket(&s3, prefix));
        for _ in 0..2 {
            let Err(error @ HubError::Bucket { .. }) = Hub::open(config.clone()).await else {
                panic!("{prefix}: not refused");
            };
            let said = error.to_string();
            assert!(said.contains(what) && said.contains("403"), "{said}");
        }
        // With one that may, it is begun.
        config.bucket = Some(s3.bucket(prefix));
        Hub::open(config).await.unwrap().close().await;
        let left = crate::support::files(&s3.folder().join(prefix));
        assert_eq!(left.len(), 1, "{left:?}");
    }
}

/// Files that are there in their length may be another catalogue's.
#[tokio::test]
async fn a_check_looks_whose_the_bucket_is() {
    let s3 = S3::start();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    let admin = ok(&s3, &["init"], &dir).trim_end().to_owned();
    let running = serving(&s3, &dir);
    publish(&running.base, &admin).await;
    stop(&s3, running);
    let backup = temp.path().join("backup");
    ok(&s3, &["backup", backup.to_str().unwrap()], &dir);
    let sign = s3.folder().join("hub/hub.json");
    let own = std::fs::read(&sign).unwrap();
    for (field, says) in [
        ("catalogue", "of another catalogue"),
        ("bucket", "another bucket than"),
    ] {
        let mut other: Value = serde_json::from_slice(&own).unwrap();
        other[field] = json!("another");
        std::fs::write(&sign, other.to_string()).unwrap();
        let again = temp.path().join(field);
        for (words, dir) in [
            (&["check"][..], &dir),
            (&["check", "--quick"], &dir),
            (&["restore", backup.to_str().unwrap()], &again),
        ] {
            let refused = with_dir(&s3, words, dir);
            let said = text(&refused.stderr);
            assert_eq!(refused.status.code(), Some(2), "{words:?}: {said}");
            assert!(said.contains(says), "{said}");
        }
        assert!(!again.exists());
        std::fs::write(&sign, &own).unwrap();
    }
    ok(&s3, &["check"], &dir);
}

/// A store bills for each question.
#[tokio::test]
async fn whether_the_bucket_is_there_is_asked_once_for_all_that_is_missing() {
    let s3 = S3::start();
    let asked = Arc::new(Mutex::new(0));
    let log = asked.clone();
    let between = Between::start(&s3, move |request| {
        if request.uri.path() == "/hub/hub/hub.json" {
            *log.lock().unwrap() += 1;
        }
        None
    })
    .await;
    let bucket = between.bucket(&s3, "hub");
    let server = Server::start_in(folder(), |config| config.bucket = Some(bucket)).await;
    let mut artifacts = Vec::new();
    for name in 0..20 {
        let artifact = artifact("cli", "1.0.0", "linux/x64", &name.to_string(), b"x");
        server.presign(json!({"key": artifact["key"]})).await;
        artifacts.push(artifact);
    }
    let mut body = release(b"");
    body["artifacts"] = json!(artifacts);
    *asked.lock().unwrap() = 0;
    error(server.post(PUBLISH, &body).await, 409).await;
    assert_eq!(*asked.lock().unwrap(), 1);
    server.stop().await;
}
