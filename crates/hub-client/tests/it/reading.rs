//! A Hub that says that it is still reading what was uploaded: it is waited for by the time that takes,
//! not by a number of attempts.

use crate::support::*;
use axum::body::Body;
use axum::http::Response;
use hub_client::{ClientError, ErrorKind, RetryPolicy};
use release_types::FinalizeRequest;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn reading(retry_after: &str) -> Response<Body> {
    let body = r#"{"error":"it reads","code":"still_reading"}"#;
    let mut response = status(503, body);
    let value = retry_after.parse().unwrap();
    response.headers_mut().insert("retry-after", value);
    response
}

fn policy(deadline: Duration) -> RetryPolicy {
    RetryPolicy {
        attempts: 2,
        min_delay: Duration::from_millis(5),
        max_delay: Duration::from_millis(5),
        deadline,
        ..RetryPolicy::default()
    }
}

#[tokio::test]
async fn it_is_asked_more_often_than_one_that_fails() {
    let server = Server::start(|seen, before| match before {
        0..9 => reading("0"),
        // What fails meanwhile is counted by itself.
        9 => status(502, ""),
        10..19 => reading("0"),
        _ => status(201, release_of(&seen.json()).to_string()),
    })
    .await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let client = builder(&server.address)
        .retry(policy(Duration::from_secs(60)))
        .on_retry(move |notice| {
            let error = notice.error.to_string();
            let mut log = log.lock().unwrap();
            log.push((notice.failed, notice.attempts, error));
        })
        .build()
        .unwrap();
    let product = "runner".parse().unwrap();
    let request = publish_request(&["a"]);
    client.publish(&product, &request).await.unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 19);
    let waits = told.iter().filter(|(_, attempts, _)| *attempts == 0);
    assert!(waits.map(|(failed, ..)| *failed).eq(1..=18));
    assert!(told[0].2.ends_with("(503): it reads"), "{}", told[0].2);
}

#[tokio::test]
async fn it_is_not_asked_for_ever_and_for_longer_where_there_is_more_to_read() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let server = Server::start(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        reading("1")
    })
    .await;
    let client = builder(&server.address)
        .retry(policy(Duration::ZERO))
        .build()
        .unwrap();
    let product = "runner".parse().unwrap();
    let mut request = publish_request(&["a"]);
    for (mebibytes, times) in [(0, 1), (3, 3)] {
        request.artifacts[0].size = mebibytes << 20;
        let began = Instant::now();
        let error = client.publish(&product, &request).await.unwrap_err();
        assert!(
            matches!(&error, ClientError::Unavailable { status: 503, .. }),
            "{error:?}"
        );
        assert_eq!(error.kind(), ErrorKind::Network);
        assert_eq!(asked.swap(0, Ordering::SeqCst), times);
        assert!(began.elapsed() < Duration::from_secs(mebibytes + 1));
    }
    // Any size that can be written down.
    request.artifacts[0].size = u64::MAX;
    request.artifacts.push(artifact("b"));
    let endless = client.publish(&product, &request);
    let ended = tokio::time::timeout(Duration::from_millis(500), endless).await;
    assert!(ended.is_err());
}

#[tokio::test]
async fn what_shows_drafts_is_waited_for_too() {
    let server = Server::start(|_, before| match before {
        0..9 => reading("0"),
        _ => ok(json!({"releases": []})),
    })
    .await;
    let client = builder(&server.address)
        .retry(policy(Duration::from_secs(60)))
        .build()
        .unwrap();
    let nothing = FinalizeRequest {
        releases: Vec::new(),
    };
    assert_eq!(client.finalize(&nothing).await.unwrap(), []);
}
