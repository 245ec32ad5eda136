//! A store that trickles, that says nothing, and that is not there any more while the Hub runs. Whoever
//! waits is told within the Hub's time, what the store is not needed for goes on, and when it is back so
//! is the Hub.

use super::server::S3;
use super::{KEY, PUBLISH, assert_released, folder, release};
use crate::support::{Server, artifact, error, header};
use release_types::STILL_READING;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use test_support::{Fault, Proxy, Seen};

/// Where programs look for updates: the one answer that the Hub itself reads stored bytes for.
const UPDATES: &str = "/api/v1/launcher/updates/linux/x64";

/// A Hub, a store, and trouble between them for as long as a test wants it.
struct Stage {
    server: Server,
    proxy: Proxy,
    troubled: Arc<AtomicBool>,
    s3: S3,
}

impl Stage {
    async fn start(trouble: fn(&Seen) -> Fault) -> Self {
        let s3 = S3::start();
        let port = Proxy::bind();
        let bucket = s3.bucket_by(&port, "hub");
        let troubled = Arc::new(AtomicBool::new(false));
        let now = troubled.clone();
        let proxy = s3.behind(port, move |seen| match now.load(Ordering::SeqCst) {
            true => trouble(seen),
            false => Fault::None,
        });
        let server = Server::start_in(folder(), |config| config.bucket = Some(bucket)).await;
        Self {
            server,
            proxy,
            troubled,
            s3,
        }
    }

    fn trouble(&self, now: bool) {
        self.troubled.store(now, Ordering::SeqCst);
    }

    /// Releases [`KEY`], and a bundle with its signature, which nobody has asked for yet.
    async fn released(&self) {
        self.server.upload(KEY, b"hello").await;
        self.server.publish("cli", &release(b"hello")).await;
        let mut artifacts = Vec::new();
        let signature = "signature ".repeat(50);
        for (name, bytes) in [("a.AppImage", "bundle"), ("a.AppImage.sig", &signature)] {
            let of = ("launcher", "1.0.0", "linux/x64");
            let artifact = artifact(of.0, of.1, of.2, name, bytes.as_bytes());
            let key = artifact["key"].as_str().unwrap();
            self.server.upload(key, bytes.as_bytes()).await;
            artifacts.push(artifact);
        }
        let mut body = release(b"");
        body["artifacts"] = json!(artifacts);
        self.server.publish("launcher", &body).await;
    }

    /// Uploads what the Hub is not asked about yet: the body that registers it.
    async fn waiting(&self, version: &str, bytes: Vec<u8>) -> Value {
        let artifact = artifact("cli", version, "linux/x64", "x", &bytes);
        let presigned = self.server.presign(json!({"key": artifact["key"]})).await;
        assert_eq!(self.server.put(&presigned, bytes).await.status(), 200);
        let mut body = release(b"");
        body["version"] = json!(version);
        body["artifacts"] = json!([artifact]);
        body
    }

    /// What goes on without the store.
    async fn goes_on(&self) {
        let begun = Instant::now();
        let server = &self.server;
        let latest = server.get("/api/v1/releases/cli/latest/linux/x64").await;
        assert_eq!(latest.status(), 200);
        server.presign(json!({"key": KEY})).await;
        let sent_on = server.client.get(server.url(&format!("/{KEY}"))).send();
        assert_eq!(sent_on.await.unwrap().status(), 302);
        let head = server.ask(Method::HEAD, &format!("/{KEY}"), &[]).await;
        assert_eq!(head.status(), 200);
        assert_eq!(server.get("/healthz").await.status(), 200);
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
}

/// An outage, said within so many seconds.
async fn refused(asking: impl Future<Output = Response>, seconds: u64) {
    let begun = Instant::now();
    let answer = asking.await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(seconds), "{took:?}");
    assert_eq!(header(&answer, "retry-after"), "5");
    let said = error(answer, 503).await;
    assert!(said.contains("ask again in a moment"), "{said}");
}

#[tokio::test]
async fn a_store_that_trickles_is_not_waited_for() {
    // A byte a second.
    let stage = Stage::start(|_| Fault::Slow(1)).await;
    stage.released().await;
    let server = &stage.server;
    let body = stage.waiting("2.0.0", vec![7; 100_000]).await;
    stage.trouble(true);
    let register = server.post(PUBLISH, &body);
    let updates = server.get(UPDATES);
    tokio::join!(refused(register, 18), refused(updates, 18), stage.goes_on());
    stage.trouble(false);
    server.publish("cli", &body).await;
    assert_eq!(server.get(UPDATES).await.status(), 200);
    assert_released(server, "hello").await;
    stage.server.stop().await;
}

/// Neither is what the store does within itself waited for any longer than what it gives out.
#[tokio::test]
async fn a_copy_that_is_never_answered_is_given_up() {
    let stage = Stage::start(|seen| match seen.header("x-amz-copy-source") {
        Some(_) => Fault::Silence,
        None => Fault::None,
    })
    .await;
    stage.released().await;
    let server = &stage.server;
    let body = stage.waiting("2.0.0", b"late".to_vec()).await;
    stage.trouble(true);
    let register = server.post(PUBLISH, &body);
    tokio::join!(refused(register, 18), stage.goes_on());
    stage.trouble(false);
    let begun = Instant::now();
    server.publish("cli", &body).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    stage.server.stop().await;
}

/// The bucket, or all that the Hub had in it: a store says of both that there is no such object.
#[tokio::test]
async fn a_bucket_that_is_taken_away_is_no_bucket_that_lacks_a_file() {
    for all in [true, false] {
        let stage = Stage::start(|_| Fault::None).await;
        stage.released().await;
        let server = &stage.server;
        let waiting = stage.waiting("2.0.0", b"late".to_vec()).await;
        let bucket = stage.s3.folder();
        let place = if all { bucket } else { bucket.join("hub") };
        let away = stage.s3.folder().with_file_name("away");
        std::fs::rename(&place, &away).unwrap();
        // What was found last holds for a second.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let unready = server.get("/readyz").await;
        assert!(!header(&unready, "retry-after").is_empty());
        error(unready, 503).await;
        let mut again = release(b"hello");
        again["channel"] = json!("beta");
        for body in [&waiting, &again] {
            refused(server.post(PUBLISH, body), 15).await;
        }
        refused(server.get(UPDATES), 15).await;
        let path = format!("/{KEY}");
        let by_tag = [("if-match", "*")];
        refused(server.ask(Method::GET, &path, &by_tag), 15).await;
        stage.goes_on().await;
        std::fs::rename(&away, &place).unwrap();
        let begun = Instant::now();
        while server.get("/readyz").await.status() != 200 {
            assert!(begun.elapsed() < Duration::from_secs(15));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for body in [&waiting, &again] {
            server.publish("cli", body).await;
        }
        assert_eq!(server.get(UPDATES).await.status(), 200);
        assert_released(server, "hello").await;
        stage.server.stop().await;
    }
}

/// So much that it takes longer to read than anybody waits: it is said, and read all the same.
#[tokio::test]
async fn what_takes_long_to_read_is_read_once_while_clients_ask_again() {
    fn is_read(seen: &Seen) -> bool {
        seen.method == "GET" && seen.path.contains("/blobs/")
    }
    let stage = Stage::start(|seen| match is_read(seen) {
        true => Fault::Slow(1_400_000),
        false => Fault::None,
    })
    .await;
    let server = &stage.server;
    let body = stage.waiting("2.0.0", vec![7; 40 << 20]).await;
    let other = stage.waiting("2.0.1", b"small".to_vec()).await;
    stage.trouble(true);
    let begun = Instant::now();
    let large = async {
        let answer = server.post(PUBLISH, &body).await;
        let took = begun.elapsed().as_secs();
        assert!((19..25).contains(&took), "{took}");
        assert_eq!(header(&answer, "retry-after"), "5");
        assert_eq!(answer.status(), 503);
        let said: Value = answer.json().await.unwrap();
        assert_eq!(said["code"], STILL_READING);
        // Nobody waits for it now, and it goes on.
        let list = format!("/api/v1/storage/objects?prefix={KEY}");
        let list = server.client.get(server.url(&list));
        let list = list.header(release_types::DEPLOY_TOKEN_HEADER, &server.token);
        assert_eq!(list.send().await.unwrap().status(), 200);
    };
    let small = async {
        server.publish("cli", &other).await;
        assert!(begun.elapsed() < Duration::from_secs(10));
    };
    tokio::join!(large, small);
    server.publish("cli", &body).await;
    assert!(begun.elapsed() < Duration::from_secs(45));
    let large = stage.proxy.seen().into_iter().filter(is_read);
    assert_eq!(large.count(), 2);
    stage.server.stop().await;
}

/// A store that is slow to say what it has, and a release of many files.
#[tokio::test]
async fn what_takes_long_to_look_for_is_shown_while_clients_ask_again() {
    fn is_looked_for(seen: &Seen) -> bool {
        seen.method == "HEAD" && seen.path.contains("/blobs/")
    }
    let stage = Stage::start(|seen| match is_looked_for(seen) {
        true => Fault::Delay(Duration::from_secs(8)),
        false => Fault::None,
    })
    .await;
    let server = &stage.server;
    let names: Vec<String> = (0..30).map(|name| name.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut draft = server
        .release_body("cli", "1.0.0", "linux/x64", &names)
        .await;
    draft["draft"] = json!(true);
    server.publish("cli", &draft).await;
    stage.trouble(true);
    let begun = Instant::now();
    let platform = json!({"os": "linux", "arch": "x64"});
    let of = json!({
        "product": "cli", "version": "1.0.0", "channel": "stable", "platforms": [platform],
    });
    let body = json!({"releases": [of]});
    let finalize = "/api/v1/releases/finalize";
    let answer = server.post(finalize, &body).await;
    let took = begun.elapsed().as_secs();
    assert!((19..25).contains(&took), "{took}");
    assert_eq!(answer.status(), 503);
    let said: Value = answer.json().await.unwrap();
    assert_eq!(said["code"], STILL_READING);
    // It goes on, and who asks again waits for the same.
    assert_eq!(server.post(finalize, &body).await.status(), 200);
    assert!(begun.elapsed() < Duration::from_secs(45));
    let looked = stage.proxy.seen().into_iter().filter(is_looked_for).count();
    assert_eq!(looked, 30 * 2, "once for the draft and once to show it");
    stage.server.stop().await;
}
