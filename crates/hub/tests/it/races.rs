//! Two clients that want the same: one of them gets it whole, and nobody sees a mixture.

use crate::support::{Server, artifact, contents};
use release_types::{Release, Sha256Digest};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const ROUNDS: usize = 100;
const PLATFORM: &str = "linux/x64";

/// Uploads without binding the bytes, as a client does that asks for an address first.
async fn put(server: &Server, key: &str, bytes: &[u8]) -> u16 {
    let presigned = server.presign(json!({"key": key})).await;
    server
        .put(&presigned, bytes.to_vec())
        .await
        .status()
        .as_u16()
}

fn body(version: &str, artifacts: &[&Value]) -> Value {
    json!({
        "version": version, "platform": {"os": "linux", "arch": "x64"}, "artifacts": artifacts,
    })
}

async fn register(server: &Server, body: &Value) -> Option<Release> {
    let answer = server.post("/api/v1/releases/cli/publish", body).await;
    match answer.status().as_u16() {
        201 => Some(answer.json().await.unwrap()),
        409 => None,
        status => panic!("{status}: {}", answer.text().await.unwrap()),
    }
}

async fn released(server: &Server, version: &str) -> Release {
    let path = format!("/api/v1/releases/cli/{version}/{PLATFORM}");
    server.get(&path).await.json().await.unwrap()
}

/// The bytes behind every asset are the asset's.
async fn assert_whole(server: &Server, release: &Release) {
    for asset in &release.assets {
        let redirect = server
            .get(&format!("/api/v1/download/{}", asset.download_id))
            .await;
        let place = crate::support::header(&redirect, "location").to_owned();
        let bytes = server.get(&place).await.bytes().await.unwrap();
        let found = (Sha256Digest::of(&bytes), bytes.len() as u64);
        assert_eq!(found, (asset.sha256, asset.size), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_upload_one_key_one_wins() {
    let server = Server::start().await;
    for round in 0..ROUNDS {
        let version = format!("1.0.{round}");
        let bytes = ["a", "b"].map(|who| contents("cli", &version, PLATFORM, who));
        let rows = bytes
            .each_ref()
            .map(|b| artifact("cli", &version, PLATFORM, "x", b));
        let key = rows[0]["key"].as_str().unwrap();
        let stored = tokio::join!(put(&server, key, &bytes[0]), put(&server, key, &bytes[1]));
        assert_eq!(stored, (201, 201));
        // Only one of the two is there to be registered.
        let bodies = rows.each_ref().map(|row| body(&version, &[row]));
        let (a, b) = tokio::join!(register(&server, &bodies[0]), register(&server, &bodies[1]));
        let [Some(release)] = &[a, b]
            .into_iter()
            .filter(Option::is_some)
            .collect::<Vec<_>>()[..]
        else {
            panic!("not one winner of {version}");
        };
        assert_eq!(released(&server, &version).await, *release);
        assert_whole(&server, release).await;
    }
    // The losers' bytes are gone.
    assert_eq!(server.files("blobs").len(), ROUNDS);
    assert!(server.files("staging").is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_register_one_release_one_wins() {
    let server = Server::start().await;
    for round in 0..ROUNDS {
        let version = format!("2.0.{round}");
        let mut rows = Vec::new();
        for name in ["both", "a", "b"] {
            let bytes = contents("cli", &version, PLATFORM, name);
            let row = artifact("cli", &version, PLATFORM, name, &bytes);
            let status = server.upload(row["key"].as_str().unwrap(), &bytes).await;
            assert_eq!(status, 201);
            rows.push(row);
        }
        let bodies = [
            body(&version, &[&rows[0], &rows[1]]),
            body(&version, &[&rows[0], &rows[2]]),
        ];
        let (a, b) = tokio::join!(register(&server, &bodies[0]), register(&server, &bodies[1]));
        let now = released(&server, &version).await;
        assert!([a, b].contains(&Some(now.clone())), "a mixture: {now:?}");
        assert_whole(&server, &now).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_upload_and_a_register_one_wins() {
    let server = Server::start().await;
    let (mut uploads, mut registers) = (0, 0);
    for round in 0..ROUNDS {
        let version = format!("3.0.{round}");
        let [first, other] = ["first", "other"].map(|who| contents("cli", &version, PLATFORM, who));
        let row = artifact("cli", &version, PLATFORM, "x", &first);
        let key = row["key"].as_str().unwrap();
        assert_eq!(put(&server, key, &first).await, 201);
        let presigned = server.presign(json!({"key": key})).await;
        let registering = body(&version, &[&row]);
        // Neither has a head start that is the same each time.
        let pause = |steps: usize| tokio::time::sleep(Duration::from_millis(steps as u64));
        let upload = async {
            pause(round % 20).await;
            server.put(&presigned, other).await
        };
        let register = async {
            pause((ROUNDS - round) % 20).await;
            register(&server, &registering).await
        };
        let (uploaded, registered) = tokio::join!(upload, register);
        match (uploaded.status().as_u16(), registered) {
            (409, Some(release)) => {
                registers += 1;
                assert_whole(&server, &release).await;
            }
            (201, None) => uploads += 1,
            other => panic!("not one winner: {other:?}"),
        }
    }
    println!("won: {uploads} uploads, {registers} registers");
    assert!(uploads > 0 && registers > 0);
    server.stop().await;
}

/// They go together. Of some there are no bytes, one cannot be stored, and one is sent twice by somebody
/// who leaves meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_register_at_once_are_answered_each_for_itself() {
    let server = Server::start().await;
    for round in 0..ROUNDS / 10 {
        let mut bodies = Vec::new();
        for number in 0..12 {
            let version = format!("5.{round}.{number}");
            let bytes = contents("cli", &version, PLATFORM, "x");
            let row = artifact("cli", &version, PLATFORM, "x", &bytes);
            if number % 4 != 3 {
                let key = row["key"].as_str().unwrap();
                assert!(server.upload(key, &bytes).await.is_success());
            }
            bodies.push(body(&version, &[&row]));
        }
        let leaving = &bodies[round % 3];
        let leaves = tokio::time::timeout(
            Duration::from_millis(round as u64),
            register(&server, leaving),
        );
        let mut unfit = bodies[0].clone();
        unfit["notes"] = "\0".into();
        let all = bodies.iter().map(|body| register(&server, body));
        let (answers, refused, _) = tokio::join!(
            futures_util::future::join_all(all),
            server.post("/api/v1/releases/cli/publish", &unfit),
            leaves
        );
        assert_eq!(refused.status(), 400);
        for (number, (answer, body)) in answers.into_iter().zip(&bodies).enumerate() {
            assert_eq!(answer.is_some(), number % 4 != 3, "{answer:?}");
            let Some(release) = answer else { continue };
            assert_eq!(release.version, body["version"].as_str().unwrap());
            assert_eq!(released(&server, &release.version).await, release);
            assert_whole(&server, &release).await;
        }
        // Whoever asks again gets what is there.
        let release = released(&server, leaving["version"].as_str().unwrap()).await;
        assert_eq!(register(&server, leaving).await, Some(release));
    }
    server.stop().await;
}

/// While a file leaves its release, gets other bytes and comes back, readers get the one, the other, or
/// nothing, and nobody is told of a damage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_replaced_is_not_called_damaged() {
    let server = Server::start().await;
    let version = "4.0.0";
    let keep = contents("cli", version, PLATFORM, "keep");
    let keep_row = artifact("cli", version, PLATFORM, "keep", &keep);
    let key = keep_row["key"].as_str().unwrap();
    assert!(server.upload(key, &keep).await.is_success());
    let path = format!("/artifacts/cli/{version}/{PLATFORM}/x");
    let is_over = AtomicBool::new(false);
    let replacing = async {
        for round in 0..ROUNDS / 2 {
            let bytes = contents("cli", version, PLATFORM, &round.to_string());
            let row = artifact("cli", version, PLATFORM, "x", &bytes);
            let status = put(&server, row["key"].as_str().unwrap(), &bytes).await;
            assert!([200, 201].contains(&status), "{status}");
            for rows in [&[&keep_row, &row][..], &[&keep_row]] {
                assert!(register(&server, &body(version, rows)).await.is_some());
            }
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let reading = async || {
        while !is_over.load(Ordering::SeqCst) {
            let answer = server.get(&path).await;
            if answer.status() != 200 {
                let said = answer.text().await.unwrap();
                assert!(said.contains("no release has this file"), "{said}");
            }
        }
    };
    tokio::join!(replacing, reading(), reading(), reading(), reading());
    server.stop().await;
}
