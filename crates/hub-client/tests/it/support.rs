//! Servers that record what they are asked, and the values the tests share.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use hub_client::{ClientError, HubClient, HubClientBuilder, HubUrl, RetryPolicy};
use release_types::{Artifact, Channel, Kind, PresignRequest, PublishRequest, Sha256Digest};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) const TOKEN: &str = "atlas_app_0123456789abcdef";
pub(crate) const ADMIN: &str = "admin-credential-0123456789";
pub(crate) const TOKEN_HEADER: &str = "x-atlas-app-deploy-token";

/// A request that a server got.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    /// Whether a token of ours is anywhere in it.
    pub(crate) fn tells_a_token(&self) -> bool {
        let text = format!(
            "{}{:?}{}",
            self.target,
            self.headers,
            String::from_utf8_lossy(&self.body)
        );
        text.contains(TOKEN) || text.contains(ADMIN)
    }
}

/// An HTTP server that ends with the test.
pub(crate) struct Server {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves every request with `answer`, which is told how many came before.
    pub(crate) async fn start(
        answer: impl Fn(&Seen, usize) -> Response<Body> + Clone + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let app = axum::Router::new().fallback(move |request: Request| async move {
            let (parts, body) = request.into_parts();
            // A body that breaks off was never got.
            let Ok(body) = to_bytes(body, usize::MAX).await else {
                return status(400, "");
            };
            let seen = Seen {
                method: parts.method.to_string(),
                target: parts.uri.to_string(),
                headers: parts.headers,
                body: body.to_vec(),
            };
            let mut log = log.lock().unwrap();
            let response = answer(&seen, log.len());
            log.push(seen);
            response
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            seen,
            task,
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers connection after connection with raw bytes, after the request's head was read, and
/// closes it.
pub(crate) async fn raw(script: impl Fn(usize) -> Vec<u8> + Send + 'static) -> String {
    connections(move |mut stream, number| {
        let bytes = script(number);
        async move {
            read_head(&mut stream).await;
            // The client may have gone already.
            stream.write_all(&bytes).await.ok();
        }
    })
    .await
}

/// Gives every connection to `serve`, with its number.
pub(crate) async fn connections<F>(serve: impl Fn(TcpStream, usize) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, number));
        }
    });
    address
}

pub(crate) async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
}

pub(crate) fn status(code: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder()
        .status(code)
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

pub(crate) fn redirect(to: &str) -> Response<Body> {
    Response::builder()
        .status(302)
        .header("location", to)
        .header("cache-control", "public, max-age=31536000, immutable")
        .body(Body::empty())
        .unwrap()
}

pub(crate) fn ok(body: Value) -> Response<Body> {
    status(200, body.to_string())
}

/// A client with both tokens and quick retries.
pub(crate) fn builder(address: &str) -> HubClientBuilder {
    // The second of two tests to install it is told so; either way there is one.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    HubClient::builder(HubUrl::parse(address).unwrap())
        .deploy_token(Some(SecretString::from(TOKEN)))
        .admin_token(Some(SecretString::from(ADMIN)))
        .retry(RetryPolicy {
            attempts: 3,
            min_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(5),
            ..RetryPolicy::default()
        })
}

pub(crate) fn client(address: &str) -> HubClient {
    builder(address).build().unwrap()
}

/// Everything an error shows in any way, its sources included.
pub(crate) fn shown(error: &ClientError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(&format!(" {inner} {inner:?}"));
        source = inner.source();
    }
    text
}

pub(crate) const KEY: &str = "artifacts/runner/1.2.3/linux/x64/atlas-runner";

pub(crate) fn presign_request() -> PresignRequest {
    PresignRequest {
        action: "upload".to_owned(),
        key: KEY.parse().unwrap(),
        content_type: None,
        provider: None,
        size: None,
        sha256: None,
    }
}

pub(crate) fn artifact(filename: &str) -> Artifact {
    Artifact {
        key: format!("artifacts/runner/1.2.3/linux/x64/{filename}")
            .parse()
            .unwrap(),
        provider: "r2".to_owned(),
        filename: filename.parse().unwrap(),
        size: 3,
        sha256: Sha256Digest::of(b"abc"),
        kind: Kind::Binary,
    }
}

pub(crate) fn publish_request(filenames: &[&str]) -> PublishRequest {
    PublishRequest {
        version: "1.2.3".to_owned(),
        channel: Channel::Beta,
        platform: "linux-x64".parse().unwrap(),
        artifacts: filenames.iter().map(|name| artifact(name)).collect(),
        notes: None,
        published_at: None,
    }
}

/// The 201 of a Hub that took everything.
pub(crate) fn release_of(request: &Value) -> Value {
    let assets = request["artifacts"].as_array().unwrap().iter().map(|a| {
        json!({
            "kind": a["kind"], "filename": a["filename"], "size": a["size"], "sha256": a["sha256"],
            "download_id": "dl_0123456789abcdef0123456789abcdef", "later": true,
        })
    });
    json!({
        "product": "runner", "version": request["version"], "channel": request["channel"],
        "published_at": "2026-01-02T03:04:05.678Z", "platform": request["platform"],
        "assets": assets.collect::<Vec<_>>(), "later": {},
    })
}
