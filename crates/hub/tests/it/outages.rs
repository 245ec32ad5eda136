//! What a Hub needs and cannot use for a while: it says so, reads go on, and it recovers by itself.

use crate::binary::{PROGRAM, Serving, command, initialized, publish, serve_args};
use crate::database::in_files;
#[cfg(target_os = "linux")]
use crate::full_disk::as_root;
use crate::support::{Server, artifact, client, error, header};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
#[cfg(target_os = "linux")]
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Serves from a folder, with one release.
async fn started(dir: &Path) -> (Serving, String) {
    let admin = initialized(dir);
    let serving = Serving::start(command(PROGRAM, &serve_args(dir)));
    let (token, _) = publish(&serving.base, &admin).await;
    (serving, token)
}

async fn get(serving: &Serving, path: &str) -> Response {
    let url = format!("{}{path}", serving.base);
    client().get(url).send().await.unwrap()
}

async fn post(serving: &Serving, token: &str, path: &str, body: &Value) -> Response {
    let request = client().post(format!("{}{path}", serving.base));
    let request = request.header(release_types::DEPLOY_TOKEN_HEADER, token);
    request.json(body).send().await.unwrap()
}

async fn presigned(serving: &Serving, token: &str, key: &str) -> String {
    let body = json!({"action": "upload", "key": key});
    let answer = post(serving, token, "/api/v1/storage/presign", &body).await;
    let answer: Value = answer.json().await.unwrap();
    answer["url"].as_str().unwrap().to_owned()
}

async fn put(url: &str, bytes: &'static str) -> Response {
    let request = client().put(url).body(bytes);
    let request = request.header("content-type", "application/octet-stream");
    request.send().await.unwrap()
}

/// The one release can be read, at once.
async fn assert_readable(serving: &Serving) {
    let started = Instant::now();
    let latest = get(serving, "/api/v1/releases/runner/latest/linux/x64").await;
    assert_eq!(latest.status(), 200);
    let file = get(serving, "/artifacts/runner/1.0.0/linux/x64/r").await;
    assert_eq!(file.bytes().await.unwrap(), "hello");
    assert!(started.elapsed() < Duration::from_secs(2));
}

/// A folder that cannot be written until this is dropped.
#[cfg(target_os = "linux")]
struct ReadOnly<'p>(&'p str);

#[cfg(target_os = "linux")]
impl<'p> ReadOnly<'p> {
    fn cover(folder: &'p Path) -> Self {
        let (uid, to) = (folder.metadata().unwrap().uid(), folder.to_str().unwrap());
        let words = ["mount", "-t", "tmpfs", "-o", "ro,mode=755", "tmpfs", to];
        assert!(as_root(uid, &words), "nothing can be mounted on {to}");
        Self(to)
    }
}

#[cfg(target_os = "linux")]
impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        // Whoever could cover it can uncover it.
        assert!(as_root(0, &["umount", self.0]) || as_root(1, &["umount", self.0]));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_storage_that_is_read_only_takes_no_upload_and_gives_all_it_has() {
    let temp = tempfile::tempdir().unwrap();
    let (serving, token) = started(temp.path()).await;
    let key = "artifacts/cli/1.0.0/linux/x64/x";
    let url = presigned(&serving, &token, key).await;
    let staging = temp.path().join("staging");
    for _ in 0..2 {
        let covered = ReadOnly::cover(&staging);
        let refused = put(&url, "bytes").await;
        assert_eq!(header(&refused, "retry-after"), "5");
        let said = error(refused, 503).await;
        assert!(said.contains("ask again in a moment"), "{said}");
        assert_readable(&serving).await;
        drop(covered);
        assert!(put(&url, "bytes").await.status().is_success());
    }
    assert_eq!(serving.stop("-TERM").0, Some(0));
}

/// Another process that holds the right to write.
struct Holder(Child);

impl Holder {
    fn begin(database: &Path) -> Self {
        let script = "import sqlite3, sys\n\
                      held = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                      held.execute('BEGIN IMMEDIATE')\n\
                      print('held', flush=True)\n\
                      sys.stdin.read()\n\
                      held.execute('ROLLBACK')\n";
        let mut python = command("python3", &["-c", script, database.to_str().unwrap()]);
        let python = python.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

/// That a token is used is noted beside the answer, which it holds up for nothing.
#[tokio::test]
async fn a_token_is_good_while_its_use_cannot_be_noted() {
    in_files();
    let server = Server::start().await;
    let held = Holder::begin(&server.dir.path().join("hub/hub.db"));
    let began = Instant::now();
    let path = "/api/v1/storage/objects?prefix=artifacts/cli/";
    let token = [(release_types::DEPLOY_TOKEN_HEADER, server.token.as_str())];
    let answer = server.ask(Method::GET, path, &token).await;
    assert_eq!(answer.status(), 200);
    assert!(began.elapsed() < Duration::from_secs(2));
    drop(held);
    let tokens = "/api/v1/deploy/app-tokens";
    for _ in 0..100 {
        let listed = server.as_admin(Method::GET, tokens, &Value::Null).await;
        let listed: release_types::TokenList = listed.json().await.unwrap();
        if listed.tokens[0].last_used_at.is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the use was never noted");
}

#[tokio::test]
async fn a_catalogue_that_another_process_has_locked_can_be_read_and_is_soon_itself() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let (serving, token) = started(temp.path()).await;
    let key = "artifacts/runner/1.0.0/linux/x64/r";
    let row = artifact("runner", "1.0.0", "linux/x64", "r", b"hello");
    let platform = json!({"os": "linux", "arch": "x64"});
    let body =
        json!({"version": "1.0.0", "channel": "beta", "platform": platform, "artifacts": [row]});
    let url = presigned(&serving, &token, key).await;
    let path = "/api/v1/releases/runner/publish";

    let held = Holder::begin(&temp.path().join("hub.db"));
    let began = Instant::now();
    let reading = async {
        while began.elapsed() < Duration::from_secs(10) {
            assert_readable(&serving).await;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    let writing = async { tokio::join!(post(&serving, &token, path, &body), put(&url, "hello")) };
    let ((registered, uploaded), ()) = tokio::join!(writing, reading);
    for refused in [registered, uploaded] {
        assert_eq!(header(&refused, "retry-after"), "5");
        let said = error(refused, 503).await;
        assert!(said.contains("ask again in a moment"), "{said}");
    }
    drop(held);
    let again = post(&serving, &token, path, &body).await;
    assert_eq!(again.status(), 201, "{}", again.text().await.unwrap());
    assert_eq!(put(&url, "hello").await.status(), 200);
    assert_eq!(serving.stop("-TERM").0, Some(0));
}
