//! `atlas-hub` and its operator, with bytes in a bucket.

use super::server::S3;
use crate::binary::{PROGRAM, Serving, command, publish, serve_args, text};
use crate::operated::age;
use crate::support::client;
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn ok(s3: &S3, words: &[&str], dir: &Path) -> String {
    let done = with_dir(s3, words, dir);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    text(&done.stdout)
}

pub(super) fn with_dir(s3: &S3, words: &[&str], dir: &Path) -> std::process::Output {
    let words = [words, &["--data-dir", dir.to_str().unwrap()]].concat();
    s3.atlas_hub("hub", &words)
}

pub(super) fn serving(s3: &S3, dir: &Path) -> Serving {
    let mut command = command(PROGRAM, &serve_args(dir));
    command.arg("-vv");
    command.env("ATLAS_HUB_STORAGE", "s3://hub/hub");
    command.envs(s3.settings().iter().cloned());
    Serving::start(command)
}

pub(super) fn stop(s3: &S3, serving: Serving) {
    let (code, log) = serving.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    s3.assert_no_secret(&log);
}

/// Asks for an address and puts something there.
pub(super) async fn uploaded(base: &str, admin: &str, key: &str, bytes: &'static str) {
    let body = json!({"action": "upload", "key": key});
    let request = client().post(format!("{base}/api/v1/storage/presign"));
    let request = request.bearer_auth(admin).json(&body);
    let presigned: Value = request.send().await.unwrap().json().await.unwrap();
    let status = super::put(&client(), &presigned, bytes).await.status();
    assert_eq!(status, 200);
}

#[tokio::test]
async fn the_operator_looks_after_a_bucket() {
    let s3 = S3::start();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    let admin = ok(&s3, &["-vv", "init"], &dir).trim_end().to_owned();
    let running = serving(&s3, &dir);
    publish(&running.base, &admin).await;
    ok(&s3, &["check"], &dir);
    let key = |name: &str| format!("artifacts/cli/1.0.0/linux/x64/{name}");
    // One that the Hub was asked about, and one that it was not.
    uploaded(&running.base, &admin, &key("seen"), "seen").await;
    let list = client().get(format!("{}/api/v1/storage/objects", running.base));
    let list = list.bearer_auth(&admin).send().await.unwrap();
    assert_eq!(list.status(), 200);
    uploaded(&running.base, &admin, &key("unseen"), "unseen").await;

    // A backup beside the server.
    let backup = temp.path().join("backup");
    let done = with_dir(&s3, &["backup", backup.to_str().unwrap()], &dir);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(
        said.contains("stay in s3://hub/hub and are not in this backup"),
        "{said}"
    );
    assert!(!backup.join("blobs").exists());
    stop(&s3, running);

    // What is in the bucket and nobody's, and what is too young to tell.
    let orphan = s3.files("hub", "blobs")[0].with_file_name("orphan");
    std::fs::write(&orphan, "of a killed process").unwrap();
    std::fs::write(orphan.with_file_name("young"), "about to be used").unwrap();
    assert_eq!(ok(&s3, &["gc"], &dir), "");
    age(&orphan);
    let all = format!("{}\n{}\norphan\n", key("seen"), key("unseen"));
    let dry = ["gc", "--dry-run", "--keep-unregistered", "0"];
    assert_eq!(ok(&s3, &dry, &dir), all);
    assert_eq!(s3.files("hub", "blobs").len(), 4);
    assert_eq!(ok(&s3, &["gc", "--keep-unregistered", "0"], &dir), all);
    let names = |files: Vec<std::path::PathBuf>| files.len();
    assert_eq!(names(s3.files("hub", "blobs")), 2);
    assert_eq!(names(s3.files("hub", "uploads")), 0);
    assert_eq!(ok(&s3, &["gc", "--keep-unregistered", "0"], &dir), "");

    // Put back: the bucket may hold what the old catalogue does not know.
    let again = temp.path().join("again");
    let restore = ["restore", backup.to_str().unwrap()];
    let without = command(
        PROGRAM,
        &[&restore[..], &["--data-dir", again.to_str().unwrap()]].concat(),
    );
    let mut without = without;
    let without = without.env_remove("ATLAS_HUB_STORAGE").output().unwrap();
    assert_eq!(without.status.code(), Some(2));
    assert!(text(&without.stderr).contains("s3://hub/hub: give --storage"));
    ok(&s3, &restore, &again);
    ok(&s3, &["check"], &again);
    let newer = orphan.with_file_name("newer");
    std::fs::write(&newer, "of a release that was made later").unwrap();
    age(&newer);
    let kept = with_dir(&s3, &["gc"], &again);
    assert_eq!(kept.status.code(), Some(0), "{}", text(&kept.stderr));
    assert!(text(&kept.stderr).contains("--forget-unknown"));
    assert!(newer.exists());
    assert_eq!(ok(&s3, &["gc", "--forget-unknown"], &again), "newer\n");
    assert!(!newer.exists());

    // Damage.
    let damaged = |words: &[&str], why: &str| {
        let done = with_dir(&s3, words, &again);
        assert_eq!(done.status.code(), Some(8), "{why}");
        let said = text(&done.stdout);
        let file = format!("runner 1.0.0 stable linux/x64 r: its bytes {why} (");
        assert!(said.starts_with(&file), "{said}");
    };
    let blobs = s3.files("hub", "blobs");
    let blob = blobs.iter().find(|blob| !blob.ends_with("young")).unwrap();
    std::fs::write(blob, "jello").unwrap();
    damaged(&["check"], "have another digest");
    ok(&s3, &["check", "--quick"], &again);
    std::fs::write(blob, "hell").unwrap();
    damaged(&["check", "--quick"], "have another length");
    std::fs::remove_file(blob).unwrap();
    damaged(&["check"], "are missing");
    let third = temp.path().join("third");
    let done = with_dir(&s3, &restore, &third);
    assert_eq!(done.status.code(), Some(8), "{}", text(&done.stderr));
    assert!(!third.exists());

    // A store that is gone, or is none.
    s3.tell("stop");
    let gone = with_dir(&s3, &["check"], &again);
    assert_eq!(gone.status.code(), Some(9));
    let said = text(&gone.stderr);
    assert!(said.contains("s3://hub/hub: no connection"), "{said}");
    let serve = with_dir(&s3, &["serve", "--listen", "127.0.0.1:0"], &again);
    assert_eq!(serve.status.code(), Some(9));
    for url in ["hub", "s3://key:hush@hub/hub", "https://hub"] {
        let words = [
            "check",
            "--storage",
            url,
            "--data-dir",
            again.to_str().unwrap(),
        ];
        let refused = s3.atlas_hub("hub", &words);
        assert_eq!(refused.status.code(), Some(2), "{url}");
        let said = text(&refused.stderr);
        assert!(
            said.contains("s3://BUCKET") && !said.contains("hush"),
            "{said}"
        );
    }
    s3.tell("start");
    s3.tell("stop");
}

/// The bucket remembers how old its catalogue was, for Hubs whose folders are new ones each time.
#[tokio::test]
async fn an_older_catalogue_is_noticed_by_the_bucket() {
    let s3 = S3::start();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    let admin = ok(&s3, &["init"], &dir).trim_end().to_owned();
    let old = temp.path().join("old.db");
    std::fs::copy(dir.join("hub.db"), &old).unwrap();
    let running = serving(&s3, &dir);
    publish(&running.base, &admin).await;
    stop(&s3, running);
    age(&s3.files("hub", "blobs")[0]);
    let fresh = temp.path().join("fresh");
    std::fs::create_dir(&fresh).unwrap();
    std::fs::copy(&old, fresh.join("hub.db")).unwrap();
    let running = serving(&s3, &fresh);
    stop(&s3, running);
    assert_eq!(s3.files("hub", "blobs").len(), 1);
    let gone = ok(&s3, &["gc", "--forget-unknown"], &fresh);
    assert_eq!(gone.lines().count(), 1);
    assert!(s3.files("hub", "blobs").is_empty());
}
