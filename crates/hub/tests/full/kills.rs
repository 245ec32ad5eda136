//! `kill -9` at every fail point of upload and register, and at any other time, under load.

use crate::program::{Program, client, initialized, run, token};
use release_types::{DEPLOY_TOKEN_HEADER, ObjectList, Release, Sha256Digest};
use reqwest::Client;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

const KILLS: usize = 200;

/// How often each place is killed at; the other kills are at any time.
const EACH: usize = 8;

const POINTS: [&str; 17] = [
    "upload begun",
    "upload written",
    "upload synced",
    "upload before its name",
    "upload named",
    "upload kept",
    "upload committed",
    "replaced bytes before their end",
    "replaced bytes gone",
    "register begun",
    "register half put",
    "register put",
    "register committed",
    "draft put",
    "draft committed",
    "finalize put",
    "finalize committed",
];

const CLIENTS: usize = 4;
const NAMES: [&str; 2] = ["atlas", "atlas.sig"];

/// What clients were told, and what they tried.
#[derive(Debug, Default)]
struct Book {
    /// Every version that was to be registered, and the answer where there was one.
    releases: BTreeMap<String, Option<Release>>,
    /// By key: the digest that was acknowledged last, and those tried since.
    uploads: BTreeMap<String, Upload>,
}

type Upload = (Option<Sha256Digest>, Vec<Sha256Digest>);

type Shared = Arc<Mutex<Book>>;

struct Caller {
    http: Client,
    base: String,
    token: String,
    book: Shared,
}

/// The server has gone.
struct Gone;

impl From<reqwest::Error> for Gone {
    fn from(_: reqwest::Error) -> Self {
        Self
    }
}

fn contents(key: &str, take: &str) -> Vec<u8> {
    format!("{key} {take}\n").repeat(400).into_bytes()
}

fn key(version: &str, name: &str) -> String {
    format!("artifacts/cli/{version}/linux/x64/{name}")
}

impl Caller {
    async fn post(&self, path: &str, body: &Value) -> Result<Value, Gone> {
        let request = self.http.post(format!("{}{path}", self.base));
        let request = request.header(DEPLOY_TOKEN_HEADER, &self.token);
        let answer = request.json(body).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        assert!(status.is_success(), "{path}: {status} {text}");
        Ok(serde_json::from_str(&text).unwrap())
    }

    async fn upload(&self, key: &str, take: &str) -> Result<(), Gone> {
        let bytes = contents(key, take);
        let digest = Sha256Digest::of(&bytes);
        let body = json!({"action": "upload", "key": key});
        let presigned = self.post("/api/v1/storage/presign", &body).await?;
        self.upload_of(key, |(_, tried)| tried.push(digest));
        let request = self.http.put(presigned["url"].as_str().unwrap());
        let request = request.header("content-type", "application/octet-stream");
        let answer = request.body(bytes).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        assert!(status.is_success(), "{key}: {status} {text}");
        self.upload_of(key, |upload| *upload = (Some(digest), Vec::new()));
        Ok(())
    }

    fn upload_of(&self, key: &str, change: impl FnOnce(&mut Upload)) {
        let mut book = self.book.lock().unwrap();
        change(book.uploads.entry(key.to_owned()).or_default());
    }

    /// Uploads, replaces, uploads, registers: one release.
    async fn release(&self, version: &str, as_draft: bool) -> Result<(), Gone> {
        let mut artifacts = Vec::new();
        for name in NAMES {
            let key = key(version, name);
            self.upload(&key, "first").await?;
            self.upload(&key, "second").await?;
            let bytes = contents(&key, "second");
            artifacts.push(json!({
                "key": key, "provider": "local", "filename": name, "size": bytes.len(),
                "sha256": Sha256Digest::of(&bytes), "kind": "binary",
            }));
        }
        let platform = json!({"os": "linux", "arch": "x64"});
        let mut body = json!({"version": version, "platform": platform, "artifacts": artifacts});
        body["draft"] = as_draft.into();
        self.book
            .lock()
            .unwrap()
            .releases
            .insert(version.to_owned(), None);
        let mut answer = self.post("/api/v1/releases/cli/publish", &body).await?;
        if as_draft {
            let release = json!({
                "product": "cli", "version": version, "channel": "stable", "platforms": [platform],
            });
            let body = json!({"releases": [release]});
            answer = self.post("/api/v1/releases/finalize", &body).await?;
            answer = answer["releases"][0].take();
        }
        let answer: Release = serde_json::from_value(answer).unwrap();
        let mut book = self.book.lock().unwrap();
        book.releases.insert(version.to_owned(), Some(answer));
        Ok(())
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.http
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .unwrap()
    }

    /// How much of what was acknowledged is lost, and of the rest, that it is whole or not there.
    async fn lost(&self, book: &Book) -> usize {
        let mut lost = 0;
        for (version, told) in &book.releases {
            let found = self
                .get(&format!("/api/v1/releases/cli/{version}/linux/x64"))
                .await;
            let found: Option<Release> = match found.status().as_u16() {
                200 => Some(found.json().await.unwrap()),
                404 => None,
                status => panic!("{version}: {status}"),
            };
            if told.is_some() && found != *told {
                println!("LOST: {told:?}, now {found:?}");
                lost += 1;
            }
            let Some(release) = found else { continue };
            assert_eq!(
                release.assets.len(),
                NAMES.len(),
                "half a release: {release:?}"
            );
            for asset in &release.assets {
                let bytes = self
                    .get(&format!("/{}", key(version, &asset.filename)))
                    .await;
                let bytes = bytes.bytes().await.unwrap();
                if Sha256Digest::of(&bytes) != asset.sha256 {
                    println!("LOST: the bytes of {asset:?}");
                    lost += 1;
                }
            }
        }
        for (key, (told, tried)) in &book.uploads {
            let path = format!("/api/v1/storage/objects?prefix={key}&limit=1");
            let request = self.http.get(format!("{}{path}", self.base));
            let request = request.header(DEPLOY_TOKEN_HEADER, &self.token);
            let found: ObjectList = request.send().await.unwrap().json().await.unwrap();
            let found = found
                .objects
                .iter()
                .find(|object| object.key.as_str() == key);
            let found = found.map(|object| object.sha256);
            let possible = found == *told || found.is_some_and(|found| tried.contains(&found));
            if !possible {
                println!("LOST: {key} has {found:?} instead of {told:?} or {tried:?}");
                lost += 1;
            }
        }
        lost
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| self::files(folder)));
    files
}

/// The place and the time of a kill.
fn plan(kill: usize) -> Option<(&'static str, usize)> {
    let times = kill / POINTS.len();
    (times < EACH).then(|| (POINTS[kill % POINTS.len()], 1 + times))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let admin = initialized(dir);
    let first = Program::serve(dir, &[]);
    let token = token(&first.base, &admin).await;
    first.kill();
    let caller = |base: &str, book: &Shared| Caller {
        http: client(),
        base: base.to_owned(),
        token: token.clone(),
        book: book.clone(),
    };

    let (mut books, mut lost): (Vec<Book>, usize) = (Vec::new(), 0);
    let nobody = Shared::default();
    for kill in 0..KILLS {
        let place = plan(kill).map(|(name, times)| format!("{name}={times}"));
        let args: Vec<&str> = place.iter().flat_map(|p| ["--fail-point", p]).collect();
        let program = Program::serve(dir, &args);
        assert!(files(&dir.join("staging")).is_empty());
        if let Some(book) = books.last() {
            lost += caller(&program.base, &nobody).lost(book).await;
        }
        let book = Shared::default();
        let mut clients = tokio::task::JoinSet::new();
        for number in 0..CLIENTS {
            let caller = caller(&program.base, &book);
            clients.spawn(async move {
                for n in 0.. {
                    let version = format!("1.{kill}.{}", CLIENTS * n + number);
                    if caller.release(&version, n % 2 == 1).await.is_err() {
                        return;
                    }
                }
            });
        }
        // Any time, and also a little after a place was reached: others go on until then.
        let pause = Duration::from_millis((kill * 7919 % 97) as u64);
        match plan(kill) {
            None => tokio::time::sleep(2 * pause).await,
            Some((name, _)) => {
                let (began, says) = (Instant::now(), format!("fail point: {name}\n"));
                while !program.log().contains(&says) {
                    let log = program.log();
                    assert!(began.elapsed() < Duration::from_secs(30), "{name}: {log}");
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                tokio::time::sleep(pause / 4).await;
            }
        }
        program.kill();
        while let Some(done) = clients.join_next().await {
            done.unwrap();
        }
        books.push(std::mem::take(&mut book.lock().unwrap()));
    }

    // All of it once more, at the end.
    let program = Program::serve(dir, &[]);
    let (mut releases, mut uploads) = (0, 0);
    let mut registered = BTreeSet::new();
    let caller = caller(&program.base, &nobody);
    for book in &books {
        lost += caller.lost(book).await;
        releases += book.releases.values().flatten().count();
        uploads += book
            .uploads
            .values()
            .filter(|(told, _)| told.is_some())
            .count();
        for version in book.releases.keys() {
            let found = caller
                .get(&format!("/api/v1/releases/cli/{version}/linux/x64"))
                .await;
            if found.status() == 200 {
                let release: Release = found.json().await.unwrap();
                registered.extend(release.assets.iter().map(|asset| asset.sha256.to_string()));
            }
        }
    }
    program.kill();

    // Leftovers, once they are a day old.
    let blobs = dir.join("blobs");
    let before = files(&blobs).len();
    let old = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
    for file in files(&blobs) {
        std::fs::File::open(&file)
            .unwrap()
            .set_modified(old)
            .unwrap();
    }
    let data = dir.to_str().unwrap();
    run(&["gc", "--keep-unregistered", "0", "--data-dir", data]);
    let name = |file: PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
    let mut left: BTreeSet<String> = files(&blobs).into_iter().map(name).collect();
    left.retain(|name| !registered.contains(name));
    // A draft that was never finalized holds its objects.
    let drafts = left.len();
    run(&["check", "--data-dir", data]);
    println!(
        "{KILLS} kills, {} of them at {} places; acknowledged: {releases} releases, {uploads} uploads; \
         lost={lost}; files swept: {}, kept for drafts: {drafts}",
        EACH * POINTS.len(),
        POINTS.len(),
        before - registered.len() - drafts,
    );
    assert_eq!(lost, 0);
    assert!(releases >= KILLS / 2 && uploads >= 2 * KILLS);
    let unanswered = |book: &Book| book.releases.values().filter(|told| told.is_none()).count();
    let kept = books.iter().map(unanswered);
    assert!(drafts <= kept.sum::<usize>() * NAMES.len(), "{left:?}");
}
