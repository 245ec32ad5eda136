//! How much a Hub takes, and what it answers beyond that.

use crate::support::{Server, error, header};
use hub::{HubConfig, Limits};
use serde_json::json;
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;

async fn limited(limits: Limits) -> Server {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    Server::start_in(dir, |config: &mut HubConfig| {
        config.limits = limits;
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await
}

const LATEST: &str = "/api/v1/releases/runner/latest/linux/x64";

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let server = limited(Limits {
        peer_rate: 1,
        ..Limits::default()
    })
    .await;
    let ask = async |path: &str, from: Option<&str>| {
        let mut request = server.client.get(server.url(path));
        if let Some(from) = from {
            request = request.header("x-forwarded-for", from);
        }
        request.send().await.unwrap()
    };
    for _ in 0..50 {
        assert_eq!(ask(LATEST, Some("192.0.2.1")).await.status(), 404);
    }
    let mut last = ask(LATEST, Some("192.0.2.1")).await;
    // A second may have passed meanwhile.
    while last.status() == 404 {
        last = ask(LATEST, Some("192.0.2.1")).await;
    }
    assert_eq!(header(&last, "retry-after"), "1");
    let said = error(last, 429).await;
    assert!(said.contains("this address"), "{said}");
    assert_eq!(ask("/healthz", Some("192.0.2.1")).await.status(), 200);
    assert_eq!(ask("/readyz", Some("192.0.2.1")).await.status(), 200);
    assert_eq!(ask(LATEST, Some("192.0.2.2")).await.status(), 404);
    for _ in 0..100 {
        assert_eq!(ask(LATEST, None).await.status(), 404);
    }
    server.stop().await;
}

#[tokio::test]
async fn what_an_unknown_peer_forwards_is_not_believed() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config| config.limits.peer_rate = 1).await;
    for _ in 0..100 {
        let request = server.client.get(server.url(LATEST));
        let answer = request.header("x-forwarded-for", "192.0.2.1").send().await;
        // It stays this machine's own address, which has no limit.
        assert_eq!(answer.unwrap().status(), 404);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_credential_that_is_used_too_often_is_told_when_to_come_back() {
    let server = limited(Limits {
        credential_rate: 1,
        ..Limits::default()
    })
    .await;
    let body = json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/x"});
    let path = "/api/v1/storage/presign";
    for _ in 0..50 {
        assert_eq!(server.post(path, &body).await.status(), 200);
    }
    let mut last = server.post(path, &body).await;
    while last.status() == 200 {
        last = server.post(path, &body).await;
    }
    assert_eq!(header(&last, "retry-after"), "1");
    let said = error(last, 429).await;
    assert!(said.contains("this credential"), "{said}");
    // Others are not held back by it.
    let method = reqwest::Method::GET;
    let path = "/api/v1/deploy/app-tokens";
    let other = server.as_admin(method, path, &json!({})).await;
    assert_eq!(other.status(), 200);
    assert_eq!(server.get(LATEST).await.status(), 404);
    server.stop().await;
}

#[tokio::test]
async fn more_uploads_than_can_be_taken_are_sent_away_and_nothing_else() {
    let server = limited(Limits {
        requests: 1,
        ..Limits::default()
    })
    .await;
    let presigned = server
        .presign(json!({"key": "artifacts/cli/1.0.0/linux/x64/x"}))
        .await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Vec<u8>>>(1);
    let body = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    sender.send(Ok(b"hel".to_vec())).await.unwrap();
    let upload = server.put(&presigned, reqwest::Body::wrap_stream(body));
    let others = async {
        while server.files("staging").is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let refused = server.put(&presigned, "other").await;
        assert_eq!(header(&refused, "retry-after"), "1");
        error(refused, 503).await;
        assert_eq!(server.get(LATEST).await.status(), 404);
        assert_eq!(server.get("/healthz").await.status(), 200);
        sender.send(Ok(b"lo".to_vec())).await.unwrap();
        drop(sender);
    };
    let (uploaded, ()) = tokio::join!(upload, others);
    assert_eq!(uploaded.status(), 201);
    assert_eq!(server.get(LATEST).await.status(), 404);
    server.stop().await;
}

/// Bodies that do not come keep nobody from being worked on, whether they are wanted or not.
#[tokio::test]
async fn clients_that_are_waited_for_are_not_counted() {
    let server = limited(Limits {
        requests: 1,
        ..Limits::default()
    })
    .await;
    let address = server.base.strip_prefix("http://").unwrap();
    let mut waiting = Vec::new();
    for head in [
        format!(
            "POST /api/v1/deploy/app-tokens HTTP/1.1\r\nauthorization: Bearer {}",
            server.admin
        ),
        "PUT /artifacts/cli/1.0.0/linux/x64/x HTTP/1.1".to_owned(),
        format!("POST {LATEST} HTTP/1.1"),
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!("{head}\r\nhost: h\r\ncontent-length: 100\r\n\r\n{{");
        stream.write_all(head.as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    // Until their credentials have been looked up.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let presigned = server
        .presign(json!({"key": "artifacts/cli/1.0.0/linux/x64/x"}))
        .await;
    for _ in 0..10 {
        assert_eq!(server.get(LATEST).await.status(), 404);
    }
    let taken = crate::storage::taken();
    assert_eq!(server.put(&presigned, "bytes").await.status(), taken);
    drop(waiting);
    server.stop().await;
}

#[tokio::test]
async fn every_body_has_a_largest_size() {
    let server = limited(Limits {
        upload: 1000,
        ..Limits::default()
    })
    .await;
    let key = "artifacts/cli/1.0.0/linux/x64/x";
    let body = json!({"action": "upload", "key": key, "size": 1001});
    let refused = server.post("/api/v1/storage/presign", &body).await;
    assert!(error(refused, 413).await.contains("1000 bytes"));
    let presigned = server.presign(json!({"key": key})).await;
    error(server.put(&presigned, vec![1; 1001]).await, 413).await;
    // Also where nothing announces the length.
    let chunks = [Ok::<_, std::io::Error>(vec![1; 600]), Ok(vec![2; 600])];
    let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    error(server.put(&presigned, chunked).await, 413).await;
    assert!(server.files("staging").is_empty());
    assert!(server.files("blobs").is_empty());
    assert_eq!(server.put(&presigned, vec![1; 1000]).await.status(), 201);

    let long = "x".repeat(100_000);
    let body = json!({"action": "upload", "key": key, "more": long});
    error(server.post("/api/v1/storage/presign", &body).await, 413).await;
    // A list of files may be longer, and so is read: what is wrong is what it says.
    let body = json!({"version": "1.0.0", "more": long});
    let answer = server.post("/api/v1/releases/cli/publish", &body).await;
    error(answer, 400).await;
    let body = json!({"version": "1.0.0", "more": long.repeat(11)});
    let answer = server.post("/api/v1/releases/cli/publish", &body).await;
    error(answer, 413).await;
    server.stop().await;
}

#[tokio::test]
async fn nothing_is_unpacked() {
    let server = limited(Limits::default()).await;
    let request = server.client.post(server.url("/api/v1/storage/presign"));
    let request = request.header(release_types::DEPLOY_TOKEN_HEADER, &server.token);
    let request = request.header("content-encoding", "gzip");
    let said = error(request.body(vec![0x1f, 0x8b]).send().await.unwrap(), 415).await;
    assert!(said.contains("compressed"), "{said}");
    server.stop().await;
}
