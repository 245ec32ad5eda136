//! Whose the bytes in a bucket are. Nothing is swept unless that is shown, a catalogue that was put back
//! keeps what it does not know, and what is missing is named.

use super::operated::{ok, serving, stop, uploaded, with_dir};
use super::server::S3;
use crate::binary::{publish, text};
use crate::operated::age;
use crate::support::{artifact, client};
use serde_json::json;
use std::path::{Path, PathBuf};

fn key(name: &str) -> String {
    format!("artifacts/cli/1.0.0/linux/x64/{name}")
}

/// Registers one file of a version of its own channel.
async fn register(base: &str, admin: &str, name: &str, channel: &str) {
    let platform = json!({"os": "linux", "arch": "x64"});
    let artifact = artifact("cli", "1.0.0", "linux/x64", name, name.as_bytes());
    let body = json!({
        "version": "1.0.0", "channel": channel, "platform": platform, "artifacts": [artifact],
    });
    let request = client().post(format!("{base}/api/v1/releases/cli/publish"));
    let answer = request.bearer_auth(admin).json(&body).send().await.unwrap();
    let status = answer.status();
    assert_eq!(status, 201, "{}", answer.text().await.unwrap());
}

/// Everything below a prefix, by name.
fn all(s3: &S3, prefix: &str) -> Vec<PathBuf> {
    let mut all = crate::support::files(&s3.folder().join(prefix));
    all.retain(|file| !file.ends_with("hub.json"));
    all.sort();
    all
}

#[tokio::test]
async fn a_catalogue_that_was_put_back_forgets_no_upload() {
    let s3 = S3::start();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    let admin = ok(&s3, &["init"], &dir).trim_end().to_owned();
    let running = serving(&s3, &dir);
    publish(&running.base, &admin).await;
    for name in ["released-later", "seen"] {
        uploaded(&running.base, &admin, &key(name), name).await;
    }
    let list = client().get(format!("{}/api/v1/storage/objects", running.base));
    let list = list.bearer_auth(&admin).send().await.unwrap();
    assert_eq!(list.status(), 200);
    uploaded(&running.base, &admin, &key("unseen"), "unseen").await;
    let backup = temp.path().join("backup");
    ok(&s3, &["backup", backup.to_str().unwrap()], &dir);
    // What the copy knows as an upload of no release.
    register(&running.base, &admin, "released-later", "stable").await;
    stop(&s3, running);
    for folder in ["blobs", "uploads"] {
        s3.files("hub", folder).iter().for_each(|file| age(file));
    }
    let before = all(&s3, "hub");
    assert_eq!(before.len(), 4);

    let again = temp.path().join("again");
    ok(&s3, &["restore", backup.to_str().unwrap()], &again);
    for words in [&["gc", "--dry-run"][..], &["gc"], &["gc"]] {
        let words = [words, &["--keep-unregistered", "0"]].concat();
        let kept = with_dir(&s3, &words, &again);
        assert_eq!(kept.status.code(), Some(0), "{}", text(&kept.stderr));
        assert_eq!(text(&kept.stdout), "");
        assert!(text(&kept.stderr).contains("--forget-unknown"));
    }
    // A server collects when it begins, too. What it had been given still counts.
    let running = serving(&s3, &again);
    assert_eq!(all(&s3, "hub"), before);
    register(&running.base, &admin, "seen", "beta").await;
    register(&running.base, &admin, "unseen", "dev").await;
    stop(&s3, running);
    for dir in [&dir, &again] {
        ok(&s3, &["check"], dir);
    }
}

#[tokio::test]
async fn nothing_is_swept_where_nothing_says_whose_it_is() {
    let s3 = S3::start();
    let temp = tempfile::tempdir().unwrap();
    // A prefix that is in use by who knows whom.
    for folder in ["blobs", "uploads"] {
        let theirs = s3.folder().join(folder).join(folder).join("theirs");
        std::fs::create_dir_all(theirs.parent().unwrap()).unwrap();
        std::fs::write(&theirs, "of another program").unwrap();
        age(&theirs);
        for attempt in 0..2 {
            let dir = temp.path().join(format!("{folder}-{attempt}"));
            let words = ["init", "--data-dir", dir.to_str().unwrap()];
            let refused = s3.atlas_hub(folder, &words);
            let said = text(&refused.stderr);
            assert_eq!(refused.status.code(), Some(2), "{said}");
            assert!(said.contains("no hub.json that says whose it is"), "{said}");
        }
        let left = crate::support::files(&s3.folder().join(folder));
        assert_eq!(left, [theirs]);
    }

    // Its own, which somebody has taken the sign from, or put theirs there.
    let dir = temp.path().join("hub");
    let admin = ok(&s3, &["init"], &dir).trim_end().to_owned();
    let running = serving(&s3, &dir);
    publish(&running.base, &admin).await;
    uploaded(&running.base, &admin, &key("x"), "x").await;
    stop(&s3, running);
    let unknown = s3.files("hub", "blobs")[0].with_file_name("unknown");
    std::fs::write(unknown, "of whom?").unwrap();
    for folder in ["blobs", "uploads"] {
        s3.files("hub", folder).iter().for_each(|file| age(file));
    }
    let (before, sign) = (all(&s3, "hub"), s3.folder().join("hub/hub.json"));
    assert_eq!(before.len(), 3);
    let own = std::fs::read(&sign).unwrap();
    let theirs = br#"{"catalogue":"of another one","age":1}"#;
    for (put, says) in [
        (None, "is it the right one"),
        (Some(theirs), "of another catalogue"),
    ] {
        std::fs::remove_file(&sign).unwrap();
        if let Some(put) = put {
            std::fs::write(&sign, put).unwrap();
        }
        for words in [&["gc"][..], &["gc", "--forget-unknown"]] {
            let words = [words, &["--keep-unregistered", "0"]].concat();
            let refused = with_dir(&s3, &words, &dir);
            let said = text(&refused.stderr);
            assert_eq!(refused.status.code(), Some(2), "{said}");
            assert!(said.contains(says), "{said}");
        }
        assert_eq!(all(&s3, "hub"), before);
        std::fs::write(&sign, &own).unwrap();
    }
    let gone = ok(&s3, &["gc", "--keep-unregistered", "0"], &dir);
    assert_eq!(gone.lines().count(), 2, "{gone}");
    ok(&s3, &["check"], &dir);
}

#[tokio::test]
async fn a_check_names_what_is_missing_and_tells_it_from_a_bucket_that_is() {
    let s3 = S3::start();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    let admin = ok(&s3, &["init"], &dir).trim_end().to_owned();
    let running = serving(&s3, &dir);
    for (name, channel) in [("one", "stable"), ("two", "beta"), ("three", "dev")] {
        uploaded(&running.base, &admin, &key(name), name).await;
        register(&running.base, &admin, name, channel).await;
    }
    stop(&s3, running);
    let damaged = |words: &[&str], expected: &[&str]| {
        let done = with_dir(&s3, words, &dir);
        assert_eq!(done.status.code(), Some(8), "{}", text(&done.stderr));
        let said = text(&done.stdout);
        let mut named: Vec<&str> = said
            .lines()
            .map(|line| line.split(": its bytes are missing").next().unwrap())
            .collect();
        named.sort_unstable();
        assert_eq!(named, expected);
    };
    let blobs = s3.files("hub", "blobs");
    let holds = |name: &str| {
        let same = |blob: &&PathBuf| std::fs::read(blob).unwrap() == name.as_bytes();
        blobs.iter().find(same).unwrap().clone()
    };
    let (two, three) = (holds("two"), holds("three"));
    let aside = |blob: &Path| s3.folder().with_file_name(blob.file_name().unwrap());
    std::fs::rename(&two, aside(&two)).unwrap();
    for words in [&["check"][..], &["check", "--quick"]] {
        damaged(words, &["cli 1.0.0 beta linux/x64 two"]);
    }
    std::fs::rename(&three, aside(&three)).unwrap();
    damaged(
        &["check"],
        &[
            "cli 1.0.0 beta linux/x64 two",
            "cli 1.0.0 dev linux/x64 three",
        ],
    );
    for blob in [&two, &three] {
        std::fs::rename(aside(blob), blob).unwrap();
    }
    ok(&s3, &["check"], &dir);

    // The bucket, what the Hub had in it, and the sign that it had: no file is called damaged.
    let bucket = s3.folder();
    for gone in [
        bucket.clone(),
        bucket.join("hub"),
        bucket.join("hub/hub.json"),
    ] {
        let away = bucket.with_file_name("away");
        std::fs::rename(&gone, &away).unwrap();
        for words in [&["check"][..], &["check", "--quick"]] {
            let done = with_dir(&s3, words, &dir);
            let said = text(&done.stderr);
            assert_eq!(done.status.code(), Some(9), "{said}");
            assert!(said.contains("s3://hub/hub"), "{said}");
            assert_eq!(text(&done.stdout), "");
        }
        std::fs::rename(&away, &gone).unwrap();
    }
    ok(&s3, &["check"], &dir);
}
