//! A Hub that serves from a folder of its own, and what a client does with it.

use crate::database;
use crate::leaks::{self, Watch};
use crate::storage::{self, provider};
use hub::{Clock, Hub, HubConfig};
use jiff::{SignedDuration, Timestamp};
use release_types::{Release, Sha256Digest};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A Hub that is being served, with an administrator and a deploy token.
pub struct Server {
    pub dir: Arc<TempDir>,
    pub hub: Hub,
    pub base: String,
    pub admin: String,
    pub token: String,
    pub client: Client,
    _leaks: Watch,
    late: Arc<AtomicI64>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), hub::HubError>>,
}

/// An HTTP client for plain requests that are answered by what they are sent to.
pub fn client() -> Client {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

impl Server {
    pub async fn start() -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), |_| {}).await
    }

    pub async fn start_in(dir: Arc<TempDir>, adjust: impl FnOnce(&mut HubConfig)) -> Self {
        let leaks = Watch::begin();
        let late = Arc::new(AtomicI64::new(0));
        let mut config = database::config(dir.path().join("hub"));
        let seconds = late.clone();
        config.clock = Clock::from_fn(move || {
            Timestamp::now() + SignedDuration::from_secs(seconds.load(Ordering::SeqCst))
        });
        adjust(&mut config);
        let hub = Hub::open(config).await.unwrap();
        let admin = hub.add_admin("test").await.unwrap();
        let issued = hub.issue_app_token(Some("test"), None).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let serving = hub.clone().serve(listener, async {
            stopped.await.ok();
        });
        Self {
            dir,
            hub,
            base,
            admin: admin.expose_secret().to_owned(),
            token: issued.token.expose_secret().to_owned(),
            client: client(),
            _leaks: leaks,
            late,
            stop,
            task: tokio::spawn(serving),
        }
    }

    /// Ends the server; its folder stays.
    pub async fn stop(self) -> Arc<TempDir> {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
        self.dir
    }

    /// Lets the Hub's clock run ahead.
    pub fn pass(&self, seconds: i64) {
        self.late.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path, &[]).await
    }

    /// A request without a body, with these header fields. Where it is sent on to a bucket it goes
    /// there.
    pub async fn ask(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Response {
        let send = async |url: &str| {
            let mut request = self.client.request(method.clone(), url);
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            request.send().await.unwrap()
        };
        let answer = send(&self.url(path)).await;
        match header(&answer, "location") {
            bucket if bucket.starts_with("http://") => send(bucket).await,
            _ => answer,
        }
    }

    /// A JSON request with the deploy token.
    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.post_with(&self.token, path, body).await
    }

    pub async fn post_with(&self, token: &str, path: &str, body: &Value) -> Response {
        let request = self.client.post(self.url(path));
        request
            .header(release_types::DEPLOY_TOKEN_HEADER, token)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// A JSON request with the administrator's credential.
    pub async fn as_admin(&self, method: Method, path: &str, body: &Value) -> Response {
        let request = self.client.request(method, self.url(path));
        request
            .bearer_auth(&self.admin)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// The answer to a presign request.
    pub async fn presign(&self, body: Value) -> Value {
        let mut body = body;
        body["action"] = json!("upload");
        let response = self.post("/api/v1/storage/presign", &body).await;
        assert_eq!(response.status(), 200);
        let answer: Value = response.json().await.unwrap();
        assert!(!answer.to_string().contains(&self.token));
        answer
    }

    /// Uploads to what a presign answer says.
    pub async fn put(&self, presigned: &Value, bytes: impl Into<reqwest::Body>) -> Response {
        let mut request = self.client.put(presigned["url"].as_str().unwrap());
        for (name, value) in presigned["uploadHeaders"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        request.body(bytes).send().await.unwrap()
    }

    /// Uploads bytes under a key, bound to their size and digest.
    pub async fn upload(&self, key: &str, bytes: &[u8]) -> StatusCode {
        let digest = Sha256Digest::of(bytes);
        let presigned = self
            .presign(json!({"key": key, "size": bytes.len(), "sha256": digest}))
            .await;
        if provider() == "local" {
            return self.put(&presigned, bytes.to_vec()).await.status();
        }
        // What came of it is seen when the Hub is asked.
        let before = self.stored(key).await;
        let status = self.put(&presigned, bytes.to_vec()).await.status();
        match self.stored(key).await {
            _ if !status.is_success() => status,
            after if after != Some(digest) => StatusCode::CONFLICT,
            after if after == before => StatusCode::OK,
            _ => StatusCode::CREATED,
        }
    }

    /// The digest of what is stored under a key.
    pub async fn stored(&self, key: &str) -> Option<Sha256Digest> {
        let list = self.url("/api/v1/storage/objects");
        let list = url::Url::parse_with_params(&list, [("prefix", key), ("limit", "1")]);
        let request = self
            .client
            .get(list.unwrap())
            .header(release_types::DEPLOY_TOKEN_HEADER, &self.token);
        let found: release_types::ObjectList = request.send().await.unwrap().json().await.unwrap();
        let mut found = found.objects.into_iter();
        let same = found.find(|object| object.key.as_str() == key);
        same.map(|object| object.sha256)
    }

    /// Uploads and registers one platform of a release, all files with contents of their own.
    pub async fn release(
        &self,
        product: &str,
        version: &str,
        platform: &str,
        names: &[&str],
    ) -> Release {
        let body = self.release_body(product, version, platform, names).await;
        self.publish(product, &body).await
    }

    pub async fn release_body(
        &self,
        product: &str,
        version: &str,
        platform: &str,
        names: &[&str],
    ) -> Value {
        let mut artifacts = Vec::new();
        for name in names {
            let bytes = contents(product, version, platform, name);
            let artifact = artifact(product, version, platform, name, &bytes);
            let status = self.upload(artifact["key"].as_str().unwrap(), &bytes).await;
            assert!(status.is_success(), "{status}");
            artifacts.push(artifact);
        }
        let (os, arch) = platform.split_once('/').unwrap();
        json!({
            "version": version,
            "channel": "stable",
            "platform": {"os": os, "arch": arch},
            "artifacts": artifacts,
        })
    }

    pub async fn publish(&self, product: &str, body: &Value) -> Release {
        let path = format!("/api/v1/releases/{product}/publish");
        let response = self.post(&path, body).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 201, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// All files in a folder of the data directory, or the same of the bucket.
    pub fn files(&self, folder: &str) -> Vec<PathBuf> {
        let folder = storage::folder_of(&self.dir.path().join("hub"), folder);
        if folder.exists() {
            files(&folder)
        } else {
            Vec::new()
        }
    }

    /// Sends bytes as they are, closes that direction, and reads all that comes back.
    pub async fn raw(&self, request: &[u8]) -> String {
        let address = self.base.strip_prefix("http://").unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

pub fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

pub fn contents(product: &str, version: &str, platform: &str, name: &str) -> Vec<u8> {
    format!("{product} {version} {platform} {name}\n")
        .repeat(1000)
        .into_bytes()
}

pub fn artifact(product: &str, version: &str, platform: &str, name: &str, bytes: &[u8]) -> Value {
    let kind = if name.ends_with(".sig") {
        "signature"
    } else {
        "binary"
    };
    json!({
        "key": format!("artifacts/{product}/{version}/{platform}/{name}"),
        "provider": provider(),
        "filename": name,
        "size": bytes.len(),
        "sha256": Sha256Digest::of(bytes),
        "kind": kind,
    })
}

/// The sentence of an error with this status.
pub async fn error(response: Response, status: u16) -> String {
    let found = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    leaks::assert_none(&text);
    let body: release_types::ErrorBody = serde_json::from_str(&text).expect(&text);
    body.error
}

pub fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}
