//! Collections that meet, while releases are made of what they collect: nothing that is released is
//! lost, nothing goes twice, and who comes too late is told.

use crate::support::{Server, artifact};
use futures_util::{StreamExt as _, stream};
use hub::Collection;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// More files than are forgotten at a time, and not a multiple of that.
const RELEASES: usize = 53;
const FILES: usize = 10;

const PLATFORM: &str = "linux/x64";

fn version(release: usize) -> String {
    format!("1.0.{release}")
}

fn bytes(release: usize, file: usize) -> Vec<u8> {
    format!("{release} {file}").into_bytes()
}

/// The files of a release as they are registered.
fn artifacts(release: usize) -> Vec<Value> {
    let of = |file: usize| {
        let (name, bytes) = (format!("f{file}"), bytes(release, file));
        artifact("cli", &version(release), PLATFORM, &name, &bytes)
    };
    (0..FILES).map(of).collect()
}

fn keys(release: usize) -> impl Iterator<Item = String> {
    let key = |artifact: Value| artifact["key"].as_str().unwrap().to_owned();
    artifacts(release).into_iter().map(key)
}

/// Registers a release. Whether its files were still there.
async fn register(server: &Server, release: usize) -> bool {
    let body = json!({
        "version": version(release),
        "platform": {"os": "linux", "arch": "x64"},
        "artifacts": artifacts(release),
    });
    let answer = server.post("/api/v1/releases/cli/publish", &body).await;
    match answer.status().as_u16() {
        201 => true,
        409 => false,
        status => panic!("{status}: {}", answer.text().await.unwrap()),
    }
}

/// Every second one of some releases: those that were registered.
async fn registered(server: &Server, from: usize) -> Vec<usize> {
    let mut registered = Vec::new();
    for release in (from..RELEASES).step_by(4) {
        if register(server, release).await {
            registered.push(release);
        }
    }
    registered
}

async fn collect(server: &Server) -> Vec<String> {
    let collected = server.hub.collect(Collection::default()).await.unwrap();
    let gone = collected.unregistered.into_iter();
    gone.map(|key| key.to_string()).collect()
}

/// Uploads everything, and has the Hub know it: in a bucket nobody tells it.
async fn upload_all(server: &Server) {
    let all = (0..RELEASES).flat_map(|release| (0..FILES).map(move |file| (release, file)));
    let uploading = stream::iter(all).map(|(release, file)| async move {
        let key = &artifacts(release)[file]["key"];
        let presigned = server.presign(json!({"key": key})).await;
        let status = server.put(&presigned, bytes(release, file)).await.status();
        assert!(status.is_success(), "{status}");
    });
    let uploading = uploading.buffer_unordered(16);
    uploading.collect::<Vec<()>>().await;
    // A list settles no more than it shows.
    let (begun, mut after) = (Instant::now(), String::new());
    loop {
        let path = format!("/api/v1/storage/objects?prefix=artifacts/&limit=200&after={after}");
        let list = server.client.get(server.url(&path));
        let list = list.header(release_types::DEPLOY_TOKEN_HEADER, &server.token);
        let list = list.send().await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(100));
        if list.status() != 200 {
            continue;
        }
        let list: release_types::ObjectList = list.json().await.unwrap();
        match list.next {
            Some(next) => after = next,
            None => return,
        }
    }
}

/// Two Hubs of one catalogue and one storage, which may be the same one, collect at once.
pub async fn meet(one: &Server, other: &Server) {
    upload_all(one).await;
    let (first, late) = (0, 1);
    assert!(register(one, first).await);
    for server in [one, other] {
        server.pass(8 * 24 * 3600);
    }
    let (gone, as_well, made, made_there) = tokio::join!(
        collect(one),
        collect(other),
        registered(one, 2),
        registered(other, 4),
    );
    let rest = collect(other).await;
    assert!(collect(one).await.is_empty());
    let released: BTreeSet<usize> = [vec![first], made, made_there]
        .concat()
        .into_iter()
        .collect();
    let gone = [gone, as_well, rest].concat();
    let distinct: BTreeSet<&String> = gone.iter().collect();
    assert_eq!(gone.len(), distinct.len(), "something went twice");
    for release in 0..RELEASES {
        let there = released.contains(&release);
        for (file, key) in keys(release).enumerate() {
            assert_ne!(there, distinct.contains(&key), "{key}");
            let answer = one.get(&format!("/{key}")).await;
            assert_eq!(answer.status().as_u16(), if there { 200 } else { 404 });
            if there {
                assert_eq!(answer.bytes().await.unwrap(), bytes(release, file), "{key}");
            }
        }
    }
    assert!(!register(other, late).await);
}

#[tokio::test]
async fn two_collections_that_meet_leave_what_is_released() {
    let server = Server::start().await;
    meet(&server, &server).await;
    let files: Vec<_> = server.files("blobs");
    let list = server.get("/api/v1/releases/cli?limit=200").await;
    let list: Value = list.json().await.unwrap();
    let released = list["releases"].as_array().unwrap().len();
    assert_eq!(files.len(), released * FILES);
    server.stop().await;
}
