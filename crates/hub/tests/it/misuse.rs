//! Requests that no client of ours makes.

use crate::support::{Server, error};
use release_types::Releases;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// However often a platform is named it is one, and is answered once.
#[tokio::test]
async fn what_is_named_twice_is_shown_once() {
    let server = Server::start().await;
    let mut draft = server
        .release_body("runner", "1.0.0", "linux/x64", &["a", "a.sig"])
        .await;
    draft["draft"] = json!(true);
    server.publish("runner", &draft).await;
    let platform = json!({"os": "linux", "arch": "x64"});
    let twice = json!({"product": "runner", "version": "1.0.0", "platforms": [platform, platform]});
    for _ in 0..2 {
        let body = json!({"releases": [twice, twice]});
        let answer = server.post("/api/v1/releases/finalize", &body).await;
        assert_eq!(answer.status(), 200);
        let shown: Releases = answer.json().await.unwrap();
        let [release] = &shown.releases[..] else {
            panic!("{shown:?}");
        };
        assert_eq!(release.assets.len(), 2);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_time_that_no_reader_can_take_is_refused() {
    let server = Server::start().await;
    let mut body = server
        .release_body("runner", "1.0.0", "linux/x64", &["a"])
        .await;
    for time in [
        "-000001-01-01T00:00:00Z",
        "0000-12-31T23:59:59Z",
        "0001-01-01T00:00:00+01:00",
        "+010000-01-01T00:00:00Z",
    ] {
        body["published_at"] = json!(time);
        let answer = server.post("/api/v1/releases/runner/publish", &body).await;
        let text = error(answer, 400).await;
        assert!(text.contains("`published_at`"), "{time}: {text}");
    }
    for time in ["0001-01-01T00:00:00Z", "9999-12-30T00:00:00Z"] {
        body["published_at"] = json!(time);
        let release = server.publish("runner", &body).await;
        assert_eq!(release.published_at.to_string(), time);
    }
    server.stop().await;
}

/// A name that shows as `rexe.pdf` and ends with `.exe`.
#[tokio::test]
async fn a_name_that_shows_as_another_is_refused() {
    let server = Server::start().await;
    let mut body = server
        .release_body("runner", "1.0.0", "linux/x64", &["a"])
        .await;
    let name = "r\u{202e}fdp.exe";
    let key = format!("artifacts/runner/1.0.0/linux/x64/{name}");
    let presign = json!({"action": "upload", "key": key});
    let answer = server.post("/api/v1/storage/presign", &presign).await;
    let text = error(answer, 400).await;
    assert!(text.contains("turns the direction"), "{text}");
    assert!(!text.contains('\u{202e}'), "{text}");
    body["artifacts"][0]["filename"] = json!(name);
    let answer = server.post("/api/v1/releases/runner/publish", &body).await;
    let text = error(answer, 400).await;
    assert!(text.contains("`artifacts[0].filename`"), "{text}");
    server.stop().await;
}

#[tokio::test]
async fn what_is_packed_on_its_way_is_not_taken() {
    let server = Server::start().await;
    let ask = async |codings: &[&str]| {
        let codings: String = codings
            .iter()
            .map(|coding| format!("transfer-encoding: {coding}\r\n"))
            .collect();
        let token = (release_types::DEPLOY_TOKEN_HEADER, &server.token);
        let request = format!(
            "POST /api/v1/storage/presign HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\
             {}: {}\r\n{codings}\r\n2\r\n{{}}\r\n0\r\n\r\n",
            token.0, token.1
        );
        // It stays open: whoever closes a connection is taken to have left.
        let address = server.base.strip_prefix("http://").unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    for codings in [&["gzip, chunked"][..], &["gzip", "chunked"], &["x,chunked"]] {
        let answer = ask(codings).await;
        assert!(answer.starts_with("HTTP/1.1 415 "), "{codings:?}: {answer}");
    }
    let answer = ask(&["Chunked"]).await;
    assert!(answer.contains("`key` is missing"), "{answer}");
    server.stop().await;
}
