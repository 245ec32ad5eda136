//! A real Hub in this process, and plain requests to any.

use crate::support::platform_path;
use hub::{Hub, HubConfig, HubError, TrustedJob};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;
use test_support::issuer::Issuer;
use test_support::{Fault, Invocation, Seen, tree};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A Hub with the fixture's products, a pack `my-pack`, and a token that may publish. Ends when it is
/// dropped.
pub struct TestHub {
    pub address: SocketAddr,
    pub token: String,
    /// The credential of its administrator.
    pub admin: String,
    hub: Hub,
    dir: TempDir,
    runtime: Runtime,
    stop: CancellationToken,
    server: Option<JoinHandle<Result<(), HubError>>>,
}

impl TestHub {
    pub fn start() -> Self {
        Self::start_as(None)
    }

    /// With a proxy before it: upload addresses lead through that as well.
    pub fn start_as(public_url: Option<String>) -> Self {
        let public_url = public_url.map(|url| url.parse().unwrap());
        Self::start_with(|config| config.public_url = public_url)
    }

    /// With settings of a test's own.
    pub fn start_with(adjust: impl FnOnce(&mut HubConfig)) -> Self {
        // The way to an issuer of ID tokens.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let dir = tempfile::tempdir().unwrap();
        let mut config = HubConfig::new(dir.path().join("hub"));
        adjust(&mut config);
        let stop = CancellationToken::new();
        let runtime = Runtime::new().unwrap();
        let (address, token, admin, hub, server) = runtime.block_on(async {
            let hub = Hub::open(config).await.unwrap();
            for product in ["alpha", "beta"] {
                hub.add_product(&product.parse().unwrap()).await.unwrap();
            }
            let issued = hub.issue_app_token(Some("test"), None).await.unwrap();
            let admin = hub.add_admin("test").await.unwrap();
            hub.roster()
                .add_pack(&"my-pack".parse().unwrap())
                .await
                .unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = tokio::spawn(hub.clone().serve(listener, stop.clone().cancelled_owned()));
            let token = issued.token.expose_secret().to_owned();
            (
                address,
                token,
                admin.expose_secret().to_owned(),
                hub,
                server,
            )
        });
        Self {
            address,
            token,
            admin,
            hub,
            dir,
            runtime,
            stop,
            server: Some(server),
        }
    }

    /// Takes this issuer's word, as a job of `octo/tool` that publishes both products and the pack.
    pub fn start_trusting(issuer: &Issuer, adjust: impl FnOnce(&mut HubConfig)) -> Self {
        let hub = Self::start_with(|config| {
            config.trust.issuers = vec![issuer.url().parse().unwrap()];
            adjust(config);
        });
        hub.runtime.block_on(async {
            let job = TrustedJob {
                issuer: issuer.url().parse().unwrap(),
                repository: "octo/tool".parse().unwrap(),
                owner_id: "65".parse().unwrap(),
                workflow: "release.yml".parse().unwrap(),
                environment: None,
            };
            let products = ["alpha", "beta"].map(|name| name.parse().unwrap());
            let pack = "my-pack".parse().unwrap();
            let roster = hub.hub.roster();
            let added = roster.add_trust(job, products.to_vec(), vec![pack]).await;
            added.unwrap();
        });
        hub
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The invocation with this Hub's address and token in its environment.
    pub fn publishes(&self, invocation: Invocation) -> Invocation {
        invocation
            .env("ATLAS_HUB_URL", self.url())
            .env("ATLAS_APP_DEPLOY_TOKEN", &self.token)
    }

    /// What the Hub says of a version of a product for this platform, if anything.
    pub fn release(&self, product: &str, version: &str) -> Option<Value> {
        release(&self.url(), product, version)
    }

    /// The names of the files that hold uploaded bytes, whole or not.
    pub fn stored(&self) -> Vec<String> {
        let hub = self.dir.path().join("hub");
        let below = |folder: &str| tree(&hub.join(folder)).into_keys().collect::<Vec<_>>();
        let mut names = [below("blobs"), below("staging")].concat();
        names.retain(|name| !name.ends_with('/'));
        names
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(server) = self.server.take() {
            let ended = self.runtime.block_on(server);
            // A second panic would hide what the test has found.
            if !std::thread::panicking() {
                ended.unwrap().unwrap();
            }
        }
    }
}

/// Whether a request registers a platform. What only asks whether it might says nothing: `{}`.
pub fn is_registration(seen: &Seen) -> bool {
    seen.method == "POST" && seen.path.ends_with("/publish") && !asks_for_leave(seen)
}

/// Whether a request asks whether a product may be registered, and registers nothing.
pub fn asks_for_leave(seen: &Seen) -> bool {
    seen.path.ends_with("/publish") && seen.header("content-length") == Some("2")
}

/// What a Hub that has the base contract alone answers to what goes beyond it.
pub fn base_contract(seen: &Seen) -> Option<Fault> {
    let path = seen.path.split('?').next().unwrap_or_default();
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    let beyond = match &words[..] {
        ["api", "v1", "hub"]
        | ["api", "v1", "storage", "objects"]
        | ["api", "v1", "releases", "finalize"]
        | ["api", "v1", "auth", ..]
        | ["api", "v1", "releases", _] => true,
        ["api", "v1", "releases", .., last] => ["promote", "yank"].contains(last),
        _ => false,
    };
    beyond.then(|| Fault::Answer(404, r#"{"error":"not found"}"#.to_owned()))
}

/// What a Hub says of `latest` or a version of a product for this platform, if anything.
pub fn release(hub: &str, product: &str, version: &str) -> Option<Value> {
    let path = format!("{product}/{version}/{}", platform_path());
    let (status, body) = get(&format!("{hub}/api/v1/releases/{path}"));
    match status {
        404 => None,
        200 => Some(serde_json::from_slice(&body).unwrap()),
        other => panic!("{other}: {}", String::from_utf8_lossy(&body)),
    }
}

/// What `curl --location` would get.
pub fn get(url: &str) -> (u16, Vec<u8>) {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    Runtime::new().unwrap().block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(url).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.bytes().await.unwrap().to_vec())
    })
}

/// The files of a release as the Hub gives them out are the staged ones.
#[track_caller]
pub fn serves(hub: &str, product: &str, version: &str, staged: &Path) {
    let found = release(hub, product, version).expect("the release is there");
    let assets = found["assets"].as_array().unwrap();
    assert_eq!(assets.len(), 1, "{found}");
    let id = assets[0]["download_id"].as_str().unwrap();
    let (status, bytes) = get(&format!("{hub}/api/v1/download/{id}"));
    assert_eq!(status, 200);
    assert!(
        bytes == std::fs::read(staged).unwrap(),
        "{product} {version} has other bytes than {}",
        staged.display()
    );
}
