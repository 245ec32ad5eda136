//! The client against whatever may be listening on a socket.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use release_types::Os;
use runner_ipc::{Client, ClientError, Endpoint};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

fn client(dir: &Path) -> Client {
    let endpoint = Endpoint::new(Os::Linux, dir.join("s")).unwrap();
    Client::new(endpoint).timeout(Duration::from_millis(400))
}

/// What the client makes of these bytes, sent again and again if `endless`.
async fn answered(bytes: &[u8], endless: bool) -> Result<runner_ipc::DaemonStatus, ClientError> {
    let dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(dir.path().join("s")).unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let len = stream.read(&mut request).await.unwrap();
        assert!(request[..len].starts_with(b"GET /v1/status HTTP/1.1\r\n"));
        while stream.write_all(bytes).await.is_ok() && endless {}
    };
    let client = client(dir.path());
    let (status, ()) = tokio::join!(client.status(), serve);
    status
}

fn ok(body: &str) -> Vec<u8> {
    let len = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {len}\r\n\r\n{body}").into_bytes()
}

fn problem(answer: Result<runner_ipc::DaemonStatus, ClientError>) -> String {
    match answer {
        Err(ClientError::BadAnswer { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_later_daemon_is_understood() {
    let body = r#"{"version":"2.0.0","commit":null,"target":"t","pid":7,"uptime_seconds":9,"api":3,"new":{}}"#;
    let status = answered(&ok(body), false).await.unwrap();
    assert_eq!((status.version.major, status.api), (2, 3));
    assert_eq!((status.pid, status.uptime_seconds), (7, 9));
}

#[tokio::test]
async fn nobody_there() {
    let dir = tempfile::tempdir().unwrap();
    let no_socket = client(dir.path()).status().await.unwrap_err();
    drop(UnixListener::bind(dir.path().join("s")).unwrap());
    let dead_socket = client(dir.path()).status().await.unwrap_err();
    for error in [no_socket, dead_socket] {
        assert!(matches!(error, ClientError::NotRunning { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_silent_listener_is_given_up_on() {
    let dir = tempfile::tempdir().unwrap();
    let _listener = UnixListener::bind(dir.path().join("s")).unwrap();
    let begun = Instant::now();
    let error = client(dir.path()).status().await.unwrap_err();
    assert!(matches!(error, ClientError::Unanswered { .. }), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn garbage_is_no_answer() {
    for garbage in [b"".as_slice(), b"SSH-2.0-OpenSSH\r\n\r\n", &[0xff; 100]] {
        problem(answered(garbage, false).await);
    }
    problem(answered(&ok("<html>"), false).await);
    problem(answered(&ok(r#"{"version":"latest"}"#), false).await);
    let refused = problem(
        answered(
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            false,
        )
        .await,
    );
    assert!(refused.contains("404"), "{refused}");
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    problem(answered(b"HTTP/1.1 200 OK\r\nx: ", true).await);
    let endless_body = format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(8192));
    problem(answered(endless_body.as_bytes(), true).await);
}
