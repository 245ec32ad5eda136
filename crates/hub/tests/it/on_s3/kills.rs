//! A Hub that is killed at each step of settling uploads: the next one does the rest, and what was
//! acknowledged is there.

use super::operated::{ok, serving, stop, uploaded};
use super::server::S3;
use crate::binary::{PROGRAM, Serving, command, serve_args};
use crate::operated::age;
use crate::support::{artifact, client};
use release_types::Sha256Digest;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// Places of an upload that replaces one which was settled before.
const SETTLING: [&str; 6] = [
    "settled bytes copied",
    "settled bytes read",
    "settled bytes before they count",
    "settled bytes noted",
    "replaced place gone",
    "settled upload gone",
];

/// Places of one that is not what was agreed.
const REFUSING: [&str; 2] = ["refused bytes gone", "refused upload gone"];

fn version(round: usize) -> String {
    format!("1.0.{round}")
}

fn key(round: usize) -> String {
    format!("artifacts/cli/{}/linux/x64/x", version(round))
}

async fn register(base: &str, admin: &str, round: usize) -> reqwest::Result<Response> {
    let version = version(round);
    let artifact = artifact("cli", &version, "linux/x64", "x", b"hello");
    let platform = json!({"os": "linux", "arch": "x64"});
    let body = json!({"version": version, "platform": platform, "artifacts": [artifact]});
    let request = client().post(format!("{base}/api/v1/releases/cli/publish"));
    request.bearer_auth(admin).json(&body).send().await
}

/// Lists uploads, and so has them settled.
async fn listed(base: &str, admin: &str) {
    let list = client().get(format!("{base}/api/v1/storage/objects"));
    let list = list.bearer_auth(admin).send().await.unwrap();
    assert_eq!(list.status(), 200);
}

/// Serves until a place is reached, and is killed there.
async fn killed_at(s3: &S3, dir: &Path, place: &str, admin: &str, round: usize) {
    let mut arguments = command(PROGRAM, &serve_args(dir));
    arguments.args(["--fail-point", &format!("{place}=1")]);
    arguments.env("ATLAS_HUB_STORAGE", "s3://hub/hub");
    arguments.envs(s3.settings().iter().cloned());
    let mut running = Serving::start(arguments);
    let (base, admin) = (running.base.clone(), admin.to_owned());
    let registering = tokio::spawn(async move { register(&base, &admin, round).await });
    let log = running.child.stderr.take().unwrap();
    let reached = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        lines.any(|line| line.starts_with("fail point: "))
    });
    assert!(reached.await.unwrap(), "{place}");
    running.child.kill().unwrap();
    assert!(registering.await.unwrap().is_err(), "{place}");
}

async fn assert_released(base: &str, round: usize) {
    let file = client().get(format!("{base}/{}", key(round)));
    let sent_on = file.send().await.unwrap();
    assert_eq!(sent_on.status(), StatusCode::FOUND);
    let place = sent_on.headers()["location"].to_str().unwrap();
    let file = client().get(place).send().await.unwrap();
    assert_eq!(file.text().await.unwrap(), "hello");
}

/// What is left over, once it is old: copies that were not noted, uploads that were.
fn assert_swept(s3: &S3, dir: &Path, releases: usize) {
    for folder in ["blobs", "uploads"] {
        s3.files("hub", folder).iter().for_each(|file| age(file));
    }
    ok(s3, &["gc"], dir);
    assert_eq!(s3.files("hub", "blobs").len(), releases);
    assert!(s3.files("hub", "uploads").is_empty());
    ok(s3, &["check"], dir);
}

#[tokio::test]
async fn a_hub_that_is_killed_while_it_settles_loses_nothing() {
    let s3 = S3::start();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let admin = ok(&s3, &["init"], dir).trim_end().to_owned();
    for (round, place) in SETTLING.iter().enumerate() {
        let running = serving(&s3, dir);
        uploaded(&running.base, &admin, &key(round), "jello").await;
        listed(&running.base, &admin).await;
        uploaded(&running.base, &admin, &key(round), "hello").await;
        stop(&s3, running);
        killed_at(&s3, dir, place, &admin, round).await;
        let running = serving(&s3, dir);
        let registered = register(&running.base, &admin, round).await.unwrap();
        assert_eq!(registered.status(), 201, "{place}");
        for round in 0..=round {
            assert_released(&running.base, round).await;
        }
        stop(&s3, running);
        ok(&s3, &["check"], dir);
    }
    assert_swept(&s3, dir, SETTLING.len());
}

#[tokio::test]
async fn a_hub_that_is_killed_while_it_refuses_takes_nothing_else() {
    let s3 = S3::start();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let admin = ok(&s3, &["init"], dir).trim_end().to_owned();
    for (round, place) in REFUSING.iter().enumerate() {
        let running = serving(&s3, dir);
        let digest = Sha256Digest::of(b"hello");
        let body = json!({"action": "upload", "key": key(round), "sha256": digest});
        let request = client().post(format!("{}/api/v1/storage/presign", running.base));
        let request = request.bearer_auth(&admin).json(&body);
        let bound: Value = request.send().await.unwrap().json().await.unwrap();
        // This store keeps what it refuses, as one does that looks at no checksum.
        assert_eq!(super::put(&client(), &bound, "jello").await.status(), 400);
        stop(&s3, running);
        killed_at(&s3, dir, place, &admin, round).await;
        let running = serving(&s3, dir);
        let refused = register(&running.base, &admin, round).await.unwrap();
        assert_eq!(refused.status(), 409, "{place}");
        // The address is still good for what was agreed.
        assert_eq!(super::put(&client(), &bound, "hello").await.status(), 200);
        let registered = register(&running.base, &admin, round).await.unwrap();
        assert_eq!(registered.status(), 201, "{place}");
        assert_released(&running.base, round).await;
        stop(&s3, running);
    }
    assert_swept(&s3, dir, REFUSING.len());
}
