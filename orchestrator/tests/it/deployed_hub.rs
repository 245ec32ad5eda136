//! A Hub such as others run: the base contract alone, with the habits that clients have to survive. It
//! goes by dates, gives new download ids each time, looks at no bytes, and knows no call beyond the
//! contract.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use jiff::Timestamp;
use release_types::Sha256Digest;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use test_support::Invocation;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const TOKEN: &str = "atlas_app_of_a_deployed_hub";
const PACK_TOKEN: &str = "atlas_pack_of_a_deployed_hub";

/// One that ends when it is dropped.
pub struct DeployedHub {
    address: String,
    state: Arc<Mutex<State>>,
    _runtime: Runtime,
}

/// What it knows.
#[derive(Default)]
pub struct State {
    /// Which storage presign names.
    pub provider: &'static str,
    /// Methods and paths of what was asked, in order.
    pub seen: Vec<String>,
    /// Builds that are complete, by id.
    pub builds: BTreeMap<String, Value>,
    /// How many platforms were registered, each time counted.
    pub registered: usize,
    address: String,
    releases: BTreeMap<(String, String, String), Release>,
    objects: BTreeMap<String, Vec<u8>>,
    downloads: BTreeMap<String, String>,
    count: u64,
}

/// One version on one channel.
struct Release {
    published_at: Timestamp,
    platforms: BTreeMap<String, Vec<Value>>,
}

type Answer = (u16, Value);

impl DeployedHub {
    pub fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let app = axum::Router::new().fallback(move |request: Request| {
            let shared = shared.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.unwrap();
                let path = parts.uri.to_string();
                let method = parts.method.as_str();
                let mut state = shared.lock().unwrap();
                state.answer(method, &path, &parts.headers, &body)
            }
        });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        {
            let mut state = state.lock().unwrap();
            state.address.clone_from(&address);
            state.provider = "r2";
        }
        runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            state,
            _runtime: runtime,
        }
    }

    pub fn url(&self) -> &str {
        &self.address
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Has a file of a version from elsewhere: published now, on stable.
    pub fn holds(&self, product: &str, version: &str, on: &str, filename: &str, bytes: &[u8]) {
        let mut state = self.state();
        let (key, (os, arch)) = (
            format!("artifacts/{product}/{version}/{on}/{filename}"),
            on.split_once('/').unwrap(),
        );
        let provider = state.provider;
        let object = format!("{provider}/{key}");
        state.objects.insert(object, bytes.to_vec());
        let artifact = json!({
            "key": key, "provider": provider, "filename": filename, "size": bytes.len(),
            "sha256": Sha256Digest::of(bytes), "kind": "binary",
        });
        let body = json!({
            "version": version, "channel": "stable", "platform": {"os": os, "arch": arch},
            "artifacts": [artifact], "published_at": Timestamp::now(),
        });
        assert_eq!(state.publish(product, &body).0, 201);
    }

    /// The invocation with this Hub's address and tokens in its environment.
    pub fn publishes(&self, invocation: Invocation) -> Invocation {
        invocation
            .env("ATLAS_HUB_URL", &self.address)
            .env("ATLAS_APP_DEPLOY_TOKEN", TOKEN)
            .env("ATLAS_PACK_DEPLOY_TOKEN", PACK_TOKEN)
    }
}

impl State {
    /// Loses all bytes, and none of the lists.
    pub fn lose_bytes(&mut self) {
        self.objects.clear();
    }

    /// A number that nothing had before.
    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn answer(
        &mut self,
        method: &str,
        path: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Response<Body> {
        self.seen.push(format!("{method} {path}"));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = &path.replace("%20", " ");
        let words: Vec<&str> = path.trim_matches('/').split('/').collect();
        let has = |name: &str, token: &str| headers.get(name).is_some_and(|value| value == token);
        let may_publish = has("x-atlas-app-deploy-token", TOKEN);
        let may_build = has("x-atlas-pack-deploy-token", PACK_TOKEN);
        let json = || serde_json::from_slice::<Value>(body).unwrap();
        let (status, answer) = match (method, &words[..]) {
            ("PUT", ["bytes", key @ ..]) => {
                self.objects.insert(key.join("/"), body.to_vec());
                (200, json!({}))
            }
            ("GET", ["bytes", key @ ..]) => {
                let bytes = self.objects.get(&key.join("/")).cloned();
                let status = if bytes.is_some() { 200 } else { 404 };
                let body = Body::from(bytes.unwrap_or_default());
                return Response::builder().status(status).body(body).unwrap();
            }
            ("GET", ["api", "v1", "download", id]) => match self.downloads.get(*id) {
                Some(key) => {
                    return Response::builder()
                        .status(302)
                        .header("location", format!("{}/bytes/{key}", self.address))
                        .header("cache-control", "public, max-age=31536000, immutable")
                        .body(Body::empty())
                        .unwrap();
                }
                None => not_found(),
            },
            ("POST", ["api", "v1", "storage", "presign"]) if may_publish => {
                let key = json()["key"].as_str().unwrap().to_owned();
                self.presign(&key)
            }
            ("POST", ["api", "v1", "releases", product, "publish"]) if may_publish => {
                self.publish(product, &json())
            }
            (
                "POST",
                ["api", "v1", "storage", "presign"] | ["api", "v1", "releases", _, "publish"],
            ) => (401, json!({"error": "no credential"})),
            ("GET", ["api", "v1", "releases", product, version, os, arch]) => {
                let channel = query.strip_prefix("channel=").unwrap_or("stable");
                self.read(product, version, channel, &format!("{os}/{arch}"))
            }
            ("POST", ["api", "v1", "ci", "presign"]) if may_build => {
                let id = format!("build-{}", self.next());
                let pack = json()["packId"].as_str().unwrap().to_owned();
                let (_, signed) = self.presign(&format!("packs/{pack}/builds/{id}.atlas"));
                let upload = json!({
                    "buildId": id, "artifactKey": signed["key"], "uploadUrl": signed["url"],
                    "uploadHeaders": {}, "artifactProvider": signed["provider"],
                });
                (200, upload)
            }
            ("POST", ["api", "v1", "ci", "complete"]) if may_build => self.complete(&json()),
            ("POST", ["api", "v1", "ci", _]) => (403, json!({"error": "not of this pack"})),
            _ => not_found(),
        };
        Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(Body::from(answer.to_string()))
            .unwrap()
    }

    fn presign(&mut self, key: &str) -> Answer {
        let (address, provider) = (&self.address, self.provider);
        let answer = json!({
            "url": format!("{address}/bytes/{provider}/{key}?signature=x"), "uploadHeaders": {},
            "key": format!("{provider}::{key}"), "provider": provider,
        });
        (200, answer)
    }

    /// Takes what it is told, whether or not there are such bytes.
    fn publish(&mut self, product: &str, body: &Value) -> Answer {
        if !body["version"].is_string() {
            return (400, json!({"error": "no version"}));
        }
        self.registered += 1;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (version, channel) = (text(&body["version"]), text(&body["channel"]));
        let platform = &body["platform"];
        let on = format!("{}/{}", text(&platform["os"]), text(&platform["arch"]));
        let mut assets = Vec::new();
        for artifact in body["artifacts"].as_array().unwrap() {
            let id = format!("dl_{:032x}", self.next());
            let place = format!("{}/{}", text(&artifact["provider"]), text(&artifact["key"]));
            self.downloads.insert(id.clone(), place);
            let mut asset = artifact.clone();
            asset["download_id"] = id.into();
            assets.push(asset);
        }
        let published_at = text(&body["published_at"]).parse().unwrap();
        let key = (product.to_owned(), channel.clone(), version.clone());
        let release = self.releases.entry(key).or_insert(Release {
            published_at,
            platforms: BTreeMap::new(),
        });
        release.published_at = published_at;
        for old in release
            .platforms
            .insert(on.clone(), assets)
            .unwrap_or_default()
        {
            self.downloads.remove(old["download_id"].as_str().unwrap());
        }
        let (_, answer) = self.read(product, &version, &channel, &on);
        (201, answer)
    }

    /// A version, or the newest by date; and only then the platform.
    fn read(&self, product: &str, version: &str, channel: &str, on: &str) -> Answer {
        let releases = self.releases.iter();
        let of = releases.filter(|((p, c, _), _)| (p.as_str(), c.as_str()) == (product, channel));
        let found = match version {
            "latest" => of.max_by_key(|(_, release)| release.published_at),
            version => of.into_iter().find(|((_, _, v), _)| v == version),
        };
        let shown = found.and_then(|((_, _, version), release)| {
            let assets = release.platforms.get(on)?;
            let (os, arch) = on.split_once('/')?;
            Some(json!({
                "product": product, "version": version, "channel": channel,
                "published_at": release.published_at, "platform": {"os": os, "arch": arch},
                "assets": assets,
            }))
        });
        shown.map_or_else(not_found, |shown| (200, shown))
    }

    /// Completes a build once.
    fn complete(&mut self, body: &Value) -> Answer {
        let id = body["buildId"].as_str().unwrap().to_owned();
        if self.builds.insert(id.clone(), body.clone()).is_some() {
            return (500, json!({"error": "duplicate key"}));
        }
        let build = json!({"id": id, "version": body["version"]});
        (
            200,
            json!({"build": build, "channel": {"name": body["channel"]}}),
        )
    }
}

fn not_found() -> Answer {
    (404, json!({"error": "not found"}))
}
