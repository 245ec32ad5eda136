//! Copies of a Hub: made while it runs, put back, and damaged.

use crate::binary::{PROGRAM, Serving, command, initialized, publish, serve_args, text};
use crate::database::in_files;
use crate::operated::{age, audit, blob, in_dir, ok, released};
use crate::support::{Server, client, files};
use serde_json::json;

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
        let left = dir.join("blobs/00/left");
        std::fs::create_dir_all(left.parent().unwrap()).unwrap();
        std::fs::write(&left, "of a killed process").unwrap();
        age(&left);
        assert_eq!(ok(&["gc"], &dir), "left\n");
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
