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
    // No deadline comes to help: each could stay for longer than this test takes.
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config| config.max_connections = 2).await;
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

/// It has had its time: what still comes of it is not waited for.
#[tokio::test]
async fn a_json_body_that_crawls_is_given_up_with_its_answer() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config| config.body_timeout = Duration::from_secs(3)).await;
    let head = format!(
        "POST /api/v1/deploy/app-tokens HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        server.admin
    );
    let stream = connect(&server, &head).await;
    let (mut reading, mut writing) = stream.into_split();
    let crawling = tokio::spawn(async move {
        while writing.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let began = std::time::Instant::now();
    let mut answer = [0; 12];
    timeout(SOON, reading.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    let mut rest = Vec::new();
    timeout(SOON, reading.read_to_end(&mut rest))
        .await
        .unwrap()
        .ok();
    // Waiting for the rest would take as long again.
    assert!(
        began.elapsed() < Duration::from_millis(5800),
        "{:?}",
        began.elapsed()
    );
    crawling.await.unwrap();
    server.stop().await;
}

/// A body of 20 MiB, most of which is still to come when it is known that nobody wants it.
#[tokio::test]
async fn who_sends_first_and_listens_afterwards_is_told_why() {
    let server = Server::start().await;
    let (app, admin) = (&server.token, &server.admin);
    let wrong = format!("atlas_app_{}", "0".repeat(64));
    let token = release_types::DEPLOY_TOKEN_HEADER;
    let body = "x".repeat(20 * 1024 * 1024);
    for (head, status) in [
        (
            format!("POST /api/v1/storage/presign HTTP/1.1\r\n{token}: {wrong}"),
            401,
        ),
        (
            format!("POST /api/v1/releases/cli/publish HTTP/1.1\r\n{token}: {wrong}"),
            401,
        ),
        (
            format!("POST /api/v1/deploy/app-tokens HTTP/1.1\r\nauthorization: Bearer {wrong}"),
            403,
        ),
        (
            format!("POST /api/v1/deploy/app-tokens HTTP/1.1\r\nauthorization: Bearer {admin}"),
            413,
        ),
        (
            format!("POST /api/v1/releases/cli/publish HTTP/1.1\r\n{token}: {app}"),
            413,
        ),
        ("POST /api/v1/hub HTTP/1.1".to_owned(), 405),
        ("POST /no/such/path HTTP/1.1".to_owned(), 404),
        (
            "PUT /artifacts/cli/1.0.0/linux/x64/x HTTP/1.1".to_owned(),
            403,
        ),
        (
            "POST /api/v1/hub HTTP/1.1\r\ncontent-encoding: gzip".to_owned(),
            415,
        ),
    ] {
        let (length, path) = (body.len(), head.split(' ').nth(1).unwrap());
        let head = format!("{head}\r\nhost: h\r\nconnection: close\r\ncontent-length: {length}");
        // It keeps its side open: hyper takes whoever closes it for gone.
        let mut stream = connect(&server, &format!("{head}\r\n\r\n{body}")).await;
        let answer = rest(&mut stream).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{path} {status}: {answer}");
        assert!(answer.contains("{\"error\":"), "{path}: {answer}");
    }
    server.stop().await;
}

/// The next request on a connection whose last one was refused.
#[tokio::test]
async fn a_refused_body_does_not_end_its_connection() {
    let server = Server::start().await;
    let body = "x".repeat(100_000);
    let head = "POST /no/such/path HTTP/1.1\r\nhost: h\r\ncontent-length: 100000\r\n\r\n";
    let next = "GET /healthz HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    let answer = server.raw(format!("{head}{body}{next}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn who_asks_first_whether_a_body_is_wanted_is_told_that_it_is_not() {
    let server = Server::start().await;
    let key = "artifacts/cli/1.0.0/linux/x64/x";
    let ask = async |target: &str, more: &str| {
        let head = format!(
            "PUT {target} HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\n{more}\
             content-type: application/octet-stream\r\ncontent-length: 5\r\n\r\n"
        );
        connect(&server, &head).await
    };
    let mut refused = ask(&format!("/{key}"), "").await;
    let answer = rest(&mut refused).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");

    // Where uploads do not come to the Hub, none is wanted.
    if crate::storage::provider() == "local" {
        let presigned = server.presign(serde_json::json!({"key": key})).await;
        let url = presigned["url"].as_str().unwrap();
        let target = url.strip_prefix(&server.base).unwrap();
        let mut wanted = ask(target, "connection: close\r\n").await;
        let mut line = [0; 12];
        wanted.read_exact(&mut line).await.unwrap();
        assert_eq!(&line, b"HTTP/1.1 100");
        wanted.write_all(b"hello").await.unwrap();
        let answer = rest(&mut wanted).await;
        assert!(answer.contains("HTTP/1.1 201"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_head_of_a_request_has_a_longest_length() {
    let server = Server::start().await;
    for (length, status) in [(60_000, "200"), (132_000, "431")] {
        let long = "x".repeat(length);
        let head = format!(
            "GET /healthz HTTP/1.1\r\nhost: h\r\nconnection: close\r\nx-long: {long}\r\n\r\n"
        );
        let mut stream = connect(&server, &head).await;
        let answer = rest(&mut stream).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
    server.stop().await;
}

/// What hyper answers by itself is an error like any other, also behind a request that was answered.
#[tokio::test]
async fn what_is_no_request_is_answered_with_json() {
    let server = Server::start().await;
    let good = "GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n";
    let long = format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "x".repeat(65_535));
    for (bad, status) in [
        ("what is this?\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno field\r\n\r\n", 400),
        (&long, 414),
    ] {
        for before in ["", good] {
            let mut stream = connect(&server, &format!("{before}{bad}")).await;
            let answer = rest(&mut stream).await;
            let answer = answer.rsplit("HTTP/1.1 ").next().unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&status.to_string()), "{head}");
            assert!(
                head.contains("\r\ncontent-type: application/json"),
                "{head}"
            );
            let length = format!("\r\ncontent-length: {}\r\n", body.len());
            assert!(head.contains(&length), "{head}");
            let body: release_types::ErrorBody = serde_json::from_str(body).unwrap();
            assert!(!body.error.is_empty());
        }
    }
    // A file that reads as such an answer stays what it is.
    let bytes = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let key = "artifacts/cli/1.0.0/linux/x64/odd";
    assert_eq!(server.upload(key, bytes.as_bytes()).await, 201);
    let artifact = crate::support::artifact("cli", "1.0.0", "linux/x64", "odd", bytes.as_bytes());
    let platform = serde_json::json!({"os": "linux", "arch": "x64"});
    let body = serde_json::json!({
        "version": "1.0.0", "platform": platform, "artifacts": [artifact],
    });
    server.publish("cli", &body).await;
    for _ in 0..2 {
        let read = server.get(&format!("/{key}")).await;
        assert_eq!(read.text().await.unwrap(), bytes);
    }
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
