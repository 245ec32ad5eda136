//! Uploads that become objects, and what comes between.

use super::between::Between;
use super::server::S3;
use super::{KEY, PUBLISH, assert_released, folder, put, release};
use crate::support::{Server, error};
use http::Method;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// As where another Hub has refused it too, or where the store knows no conditional writes.
#[tokio::test]
async fn what_has_come_in_the_place_of_a_refused_upload_stays() {
    let s3 = Arc::new(S3::start());
    let (there, looked) = (s3.clone(), AtomicUsize::new(0));
    let between = Between::start(&s3, move |request| {
        if request.uri.path().starts_with("/hub/hub/uploads/") {
            // It was looked at once, and is about to be looked at again or removed.
            let looks = request.method == Method::HEAD && looked.fetch_add(1, Ordering::SeqCst) == 1;
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
