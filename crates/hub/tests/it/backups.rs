//! Copies of a Hub: made while it runs, put back, and damaged.

use crate::binary::{PROGRAM, Serving, command, initialized, publish, run, serve_args, text};
use crate::database::in_files;
use crate::operated::{age, audit, blob, in_dir, ok, released};
use crate::support::{Server, client, files};
use release_types::Sha256Digest;
use serde_json::{Value, json};
use std::path::Path;

/// The catalogue of a backup beside the bytes of today: what it does not know, it must not remove.
#[tokio::test]
async fn a_catalogue_that_was_put_back_removes_no_newer_bytes() {
    in_files();
    for by_backup in [true, false] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("hub");
        let admin = initialized(&dir);
        let old = temp.path().join("old");
        if by_backup {
            ok(&["backup", old.to_str().unwrap()], &dir);
        } else {
            std::fs::create_dir(&old).unwrap();
            std::fs::copy(dir.join("hub.db"), old.join("hub.db")).unwrap();
        }
        let serving = Serving::start(command(PROGRAM, &serve_args(&dir)));
        publish(&serving.base, &admin).await;
        assert_eq!(serving.stop("-TERM").0, Some(0));
        age(&blob(&dir));
        std::fs::copy(old.join("hub.db"), dir.join("hub.db")).unwrap();
        for _ in 0..2 {
            let serving = Serving::start(command(PROGRAM, &serve_args(&dir)));
            let (code, log) = serving.stop("-TERM");
            assert_eq!(code, Some(0));
            assert!(log.contains("may be older than these bytes"), "{log}");
        }
        let kept = in_dir(&["gc"], &dir);
        assert!(text(&kept.stderr).contains("--forget-unknown"));
        blob(&dir);
        let gone = ok(&["gc", "--forget-unknown"], &dir);
        assert_eq!(gone.lines().count(), 1);
        assert!(files(&dir.join("blobs")).is_empty());
        // From then on it is a catalogue like any other.
        let left = dir.join("blobs/00").join("0".repeat(64));
        std::fs::create_dir_all(left.parent().unwrap()).unwrap();
        std::fs::write(&left, "of a killed process").unwrap();
        age(&left);
        assert_eq!(ok(&["gc"], &dir), format!("{}\n", "0".repeat(64)));
    }
}

#[tokio::test]
async fn a_backup_of_a_running_hub_is_a_hub() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    let admin = initialized(&dir);
    let serving = Serving::start(command(PROGRAM, &serve_args(&dir)));
    let (token, _) = publish(&serving.base, &admin).await;
    for (name, words) in [
        ("copied", &["backup"][..]),
        ("linked", &["backup", "--link"]),
    ] {
        let backup = temp.path().join(name);
        let words = [words, &[backup.to_str().unwrap()]].concat();
        assert_eq!(ok(&words, &dir), "");
        // Not into what has something in it.
        let onto = in_dir(&words, &dir);
        assert_eq!(onto.status.code(), Some(2));
        assert!(text(&onto.stderr).contains("hint: name a folder that is empty"));
        let again = temp.path().join(format!("{name}-again"));
        ok(&["restore", backup.to_str().unwrap()], &again);
        ok(&["check"], &again);
        let onto = in_dir(&["restore", backup.to_str().unwrap()], &again);
        assert_eq!(onto.status.code(), Some(2));
        assert!(text(&onto.stderr).contains("is not empty"));

        let restored = Serving::start(command(PROGRAM, &serve_args(&again)));
        let get = |path: &str| client().get(format!("{}{path}", restored.base)).send();
        let file = get("/artifacts/runner/1.0.0/linux/x64/r").await.unwrap();
        assert_eq!(file.bytes().await.unwrap(), "hello");
        let body = json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/x"});
        let request = client().post(format!("{}/api/v1/storage/presign", restored.base));
        let request = request
            .header("x-atlas-app-deploy-token", &token)
            .json(&body);
        assert_eq!(request.send().await.unwrap().status(), 200);
        let (code, log) = restored.stop("-TERM");
        assert_eq!(code, Some(0));
        assert!(!log.contains("older"), "{log}");
        assert_eq!(audit(&again), audit(&dir));
    }
    assert_eq!(serving.stop("-TERM").0, Some(0));
    // Into a folder that is there and empty too.
    let empty = temp.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    ok(
        &["restore", temp.path().join("copied").to_str().unwrap()],
        &empty,
    );
    ok(&["check"], &empty);
    let left = std::fs::read_dir(temp.path()).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().unwrap().starts_with(".restoring")
    });
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_backup_that_is_damaged_makes_no_hub() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    released(&dir).await;
    let to = temp.path().join("restored");
    for what in ["blob", "no blob", "catalogue", "manifest", "no manifest"] {
        let backup = temp.path().join(what);
        ok(&["backup", backup.to_str().unwrap()], &dir);
        let (database, manifest) = (backup.join("hub.db"), backup.join("manifest.json"));
        match what {
            "blob" => std::fs::write(blob(&backup), "jello").unwrap(),
            "no blob" => std::fs::remove_file(blob(&backup)).unwrap(),
            "catalogue" => {
                let mut bytes = std::fs::read(&database).unwrap();
                bytes[5000] ^= 1;
                std::fs::write(&database, bytes).unwrap();
            }
            "manifest" => std::fs::write(&manifest, "{}").unwrap(),
            _ => std::fs::remove_file(&manifest).unwrap(),
        }
        let done = in_dir(&["restore", backup.to_str().unwrap()], &to);
        assert_eq!(
            done.status.code(),
            Some(8),
            "{what}: {}",
            text(&done.stderr)
        );
        assert!(text(&done.stderr).contains(backup.to_str().unwrap()));
        let hint = "hint: name the folder that `atlas-hub backup` wrote";
        let hinted = text(&done.stderr).contains(hint);
        assert_eq!(hinted, what.ends_with("manifest"), "{what}");
        assert!(!to.exists());
    }
    // A Hub whose bytes are damaged gives no backup.
    std::fs::write(blob(&dir), "jello").unwrap();
    for words in [&["backup"][..], &["backup", "--link"]] {
        let bad = temp.path().join(format!("bad{}", words.len()));
        let done = in_dir(&[words, &[bad.to_str().unwrap()]].concat(), &dir);
        assert_eq!(done.status.code(), Some(8), "{}", text(&done.stderr));
        assert!(!bad.join("manifest.json").exists());
    }
}

/// While releases are made, every backup is whole, and holds a release or none of it.
#[tokio::test]
async fn a_backup_under_load_is_whole() {
    in_files();
    let server = Server::start().await;
    let dir = server.dir.path().join("hub");
    let temp = tempfile::tempdir().unwrap();
    let publishing = async {
        for number in 0..40 {
            let version = format!("1.0.{number}");
            server
                .release("runner", &version, "linux/x64", &["a", "b"])
                .await;
        }
    };
    let folder = temp.path().to_owned();
    let copying = tokio::task::spawn_blocking(move || {
        in_files();
        for number in 0..6 {
            let backup = folder.join(format!("backup-{number}"));
            ok(&["backup", backup.to_str().unwrap()], &dir);
            let restored = folder.join(format!("hub-{number}"));
            ok(&["restore", backup.to_str().unwrap()], &restored);
            ok(&["check"], &restored);
        }
    });
    let ((), copied) = tokio::join!(publishing, copying);
    copied.unwrap();
    server.stop().await;
}

/// Rewrites a backup's list so that it fits the catalogue that lies there now.
fn fit_manifest(backup: &Path) {
    let database = std::fs::read(backup.join("hub.db")).unwrap();
    let path = backup.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    manifest["catalogue"] = json!({"sha256": Sha256Digest::of(&database), "size": database.len()});
    std::fs::write(&path, manifest.to_string()).unwrap();
}

/// Runs statements on a backup's catalogue, and fits the list to what comes of it.
async fn change(backup: &Path, statements: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(backup.join("hub.db"))
        .create_if_missing(true)
        .foreign_keys(false);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(statements).execute(&pool).await.unwrap();
    pool.close().await;
    fit_manifest(backup);
}

/// A list that fits proves nothing about what is listed.
#[tokio::test]
async fn a_backup_whose_list_fits_can_be_no_hubs_all_the_same() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    released(&dir).await;
    let to = temp.path().join("restored");
    for (what, code, words) in [
        ("empty", 8, "no catalogue of a Hub's"),
        ("text", 8, "no catalogue of a Hub's"),
        ("foreign", 8, "no catalogue of a Hub's"),
        ("key", 8, "keys that no file can have"),
        ("lost object", 8, "files that it does not know"),
        ("digest", 8, "values that cannot be read"),
        ("twice", 8, "has the same bytes twice"),
        ("newer", 2, "restore it with one that is at least as new"),
    ] {
        let backup = temp.path().join(what);
        ok(&["backup", backup.to_str().unwrap()], &dir);
        let (database, manifest) = (backup.join("hub.db"), backup.join("manifest.json"));
        match what {
            "empty" => std::fs::write(&database, "").unwrap(),
            "text" => std::fs::write(&database, "this is no database\n".repeat(500)).unwrap(),
            "foreign" => {
                std::fs::remove_file(&database).unwrap();
                change(&backup, "CREATE TABLE notes (text TEXT)").await;
            }
            "key" => {
                let to = "UPDATE objects SET object_key = 'artifacts/../../etc/passwd'; \
                          UPDATE assets SET object_key = 'artifacts/../../etc/passwd'";
                change(&backup, to).await;
            }
            "lost object" => change(&backup, "DELETE FROM objects").await,
            "digest" => change(&backup, "UPDATE objects SET sha256 = 'x'").await,
            "twice" => {
                let text = std::fs::read(&manifest).unwrap();
                let mut list: Value = serde_json::from_slice(&text).unwrap();
                let blob = list["blobs"][0].clone();
                list["blobs"].as_array_mut().unwrap().push(blob);
                std::fs::write(&manifest, list.to_string()).unwrap();
            }
            _ => {
                let later = "INSERT INTO _sqlx_migrations \
                     (version, description, success, checksum, execution_time) \
                     VALUES (9999, 'of a later version', 1, x'00', 0)";
                change(&backup, later).await;
            }
        }
        fit_manifest(&backup);
        let done = in_dir(&["restore", backup.to_str().unwrap()], &to);
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{what}: {said}");
        assert!(said.contains(words), "{what}: {said}");
        assert!(said.contains(backup.to_str().unwrap()), "{what}: {said}");
        assert!(!to.exists(), "{what}");
    }
}

/// What a killed process leaves beside the data directory goes with the next attempt, and what
/// another one is at work on does not.
#[tokio::test]
async fn what_a_killed_restore_left_goes_with_the_next_one() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    released(&dir).await;
    let backup = temp.path().join("backup");
    ok(&["backup", backup.to_str().unwrap()], &dir);
    let aside = |id: &str| temp.path().join(format!(".restoring-{id}"));
    let (dead, older, alive) = ("0".repeat(32), "1".repeat(32), "2".repeat(32));
    for id in [&dead, &older, &alive, "of-mine"] {
        std::fs::create_dir_all(aside(id).join("blobs/ab")).unwrap();
        std::fs::write(aside(id).join("hub.db"), "half").unwrap();
    }
    std::fs::write(aside(&dead).join("lock"), "123456\n").unwrap();
    let held = process::PidLock::acquire(&aside(&alive).join("lock")).unwrap();
    let restored = temp.path().join("restored");
    let done = in_dir(&["restore", backup.to_str().unwrap()], &restored);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{said}");
    for (id, stays) in [(&dead, false), (&older, false), (&alive, true)] {
        assert_eq!(aside(id).exists(), stays, "{id}: {said}");
        assert_eq!(said.contains(aside(id).to_str().unwrap()), !stays, "{said}");
    }
    assert!(aside("of-mine").exists());
    drop(held);
    ok(&["check"], &restored);
}

/// Where the catalogue is lost nobody is told to begin anew.
#[tokio::test]
async fn a_lost_catalogue_is_told_by_every_command() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    released(dir).await;
    std::fs::remove_file(dir.join("hub.db")).unwrap();
    let path = dir.to_str().unwrap();
    for words in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["gc"],
        &["check"],
        &["user", "list"],
    ] {
        let done = run(&[words, &["--data-dir", path]].concat());
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(9), "{words:?}: {said}");
        assert!(said.contains("put hub.db back from a backup"), "{said}");
        assert!(!said.contains("init"), "{said}");
    }
}
