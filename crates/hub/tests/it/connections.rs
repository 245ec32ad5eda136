//! Clients that keep a connection and say nothing, or not enough.

use crate::support::Server;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Far more than the deadlines in these tests, far less than the defaults.
const SOON: Duration = Duration::from_secs(5);

async fn impatient() -> Server {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    Server::start_in(dir, |config| {
        config.head_timeout = Duration::from_millis(300);
        config.body_timeout = Duration::from_millis(300);
        config.max_connections = 2;
    })
    .await
}

async fn connect(server: &Server, sent: &str) -> TcpStream {
    let address = server.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    stream
}

/// All that comes until the Hub closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut answer)).await;
    // A reset is an end too.
    read.expect("the connection stays open").ok();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn connections_that_ask_for_nothing_are_closed() {
    let server = impatient().await;
    for sent in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: h\r\n",
        "GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n",
    ] {
        let mut stream = connect(&server, sent).await;
        let answer = rest(&mut stream).await;
        let asked = sent.starts_with("GET") && sent.ends_with("\r\n\r\n");
        assert_eq!(
            answer.starts_with("HTTP/1.1 200"),
            asked,
            "{sent}: {answer}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn silent_connections_lock_nobody_out() {
    let server = impatient().await;
    let mut silent = Vec::new();
    for _ in 0..6 {
        silent.push(connect(&server, "").await);
    }
    let answer = timeout(SOON, server.get("/healthz")).await.unwrap();
    assert_eq!(answer.status(), 200);
    server.stop().await;
}

/// Long before any deadline, and only one of them.
#[tokio::test]
async fn who_keeps_a_place_without_using_it_loses_it_to_others() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config| config.max_connections = 2).await;
    // No more than two connections at any time.
    for sent in ["", "GET /healthz HTTP/1.1\r\nhost: h\r\nx-slow: "] {
        let mut silent = [connect(&server, sent).await, connect(&server, sent).await];
        tokio::time::sleep(Duration::from_millis(100)).await;
        let answer = timeout(
            SOON,
            crate::support::client().get(server.url("/healthz")).send(),
        );
        assert_eq!(answer.await.unwrap().unwrap().status(), 200);
        let mut lost = 0;
        for stream in &mut silent {
            let read = timeout(Duration::from_millis(100), stream.read_u8()).await;
            lost += usize::from(read.is_ok());
        }
        assert_eq!(lost, 1, "{sent}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_json_body_that_does_not_come_is_given_up() {
    let server = impatient().await;
    let admin = &server.admin;
    let head = format!(
        "POST /api/v1/deploy/app-tokens HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {admin}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    let mut stream = connect(&server, &head).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.contains("the request's body took too long"),
        "{answer}"
    );
    server.stop().await;
}

/// Held open by nobody but the clients that do not read: they have to go for the third to get in.
#[tokio::test]
async fn downloads_that_nobody_reads_are_closed() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config| {
        config.write_timeout = Duration::from_millis(300);
        config.max_connections = 2;
    })
    .await;
    // More than the system buffers on either side of a connection.
    let bytes = vec![7; 32 * 1024 * 1024];
    let key = "artifacts/cli/1.0.0/linux/x64/large";
    assert_eq!(server.upload(key, &bytes).await, 201);
    let artifact = crate::support::artifact("cli", "1.0.0", "linux/x64", "large", &bytes);
    let body = serde_json::json!({
        "version": "1.0.0",
        "platform": {"os": "linux", "arch": "x64"},
        "artifacts": [artifact],
    });
    server.publish("cli", &body).await;
    // Its idle connections would count too.
    let client = crate::support::client();
    let get = format!("GET /{key} HTTP/1.1\r\nhost: h\r\n\r\n");
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(connect(&server, &get).await);
    }
    let whole = async {
        let answer = client.get(server.url(&format!("/{key}"))).send().await;
        answer.unwrap().bytes().await.unwrap()
    };
    // The client of `server` keeps a connection until the Hub's deadline for idle ones.
    let read = timeout(Duration::from_secs(40), whole).await.unwrap();
    assert!(read == bytes);
    // Who was served last has the same time as the others.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for mut stream in unread {
        let mut got = Vec::new();
        timeout(SOON, stream.read_to_end(&mut got))
            .await
            .unwrap()
            .ok();
        assert!(!got.is_empty() && got.len() < bytes.len());
    }
}
