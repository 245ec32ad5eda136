//! What is not the Hub's own in its data directory, by accident or by somebody's doing: it is neither
//! removed nor followed, and keeps nothing from being served.

use crate::binary::{PROGRAM, Serving, command, initialized, run, serve_args, text};
use crate::database::in_files;
use crate::full_disk::SmallDisk;
use crate::operated::{age, blob, in_dir, ok, released};
use crate::support::{Server, client, files};
use release_types::Sha256Digest;
use serde_json::json;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A file that is old enough to be removed, if it were the Hub's.
fn old_file(path: PathBuf) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "dear to somebody").unwrap();
    age(&path);
    path
}

#[test]
fn only_the_hubs_own_files_are_collected() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let (dir, dear) = (temp.path().join("hub"), temp.path().join("dear"));
    initialized(&dir);
    let blobs = dir.join("blobs");
    let digest = "ab".repeat(32);
    let theirs = [
        old_file(dear.join("thesis.txt")),
        old_file(dear.join(&digest)),
        old_file(blobs.join("lost+found/#123")),
        old_file(blobs.join("README")),
        old_file(blobs.join("zz").join("zz".repeat(32))),
        old_file(blobs.join("00/manifest.json")),
        old_file(blobs.join("00").join(&digest)),
        old_file(dir.join("staging/note")),
    ];
    symlink(&dear, blobs.join("ab")).unwrap();
    symlink(&theirs[0], blobs.join("00").join("0".repeat(64))).unwrap();
    let own = old_file(blobs.join("cd").join("cd".repeat(32)));
    let gone = format!("{}\n", "cd".repeat(32));
    assert_eq!(ok(&["gc", "--dry-run"], &dir), gone);
    assert_eq!(ok(&["gc"], &dir), gone);
    assert!(!own.exists());
    old_file(own.clone());
    let serving = Serving::start(command(PROGRAM, &serve_args(&dir)));
    assert_eq!(serving.stop("-TERM").0, Some(0));
    assert!(!own.exists());
    for file in theirs {
        assert!(file.exists(), "{}", file.display());
    }
    assert!(blobs.join("00").join("0".repeat(64)).is_symlink());
}

#[test]
fn a_backup_is_not_made_within_the_hub() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    initialized(&dir);
    let link = temp.path().join("link");
    symlink(&dir, &link).unwrap();
    std::fs::create_dir(dir.join("empty")).unwrap();
    for within in [
        dir.join("blobs/bk"),
        dir.join("empty"),
        link.join("new"),
        temp.path().join("hub/../hub/new"),
    ] {
        let there = within.exists();
        let done = in_dir(&["backup", within.to_str().unwrap()], &dir);
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains("lies within the data directory"), "{said}");
        assert_eq!(within.exists(), there, "{}", within.display());
    }
    // A name that only begins as the data directory's does is another folder's.
    let beside = temp.path().join("hub-backup");
    ok(&["backup", beside.to_str().unwrap()], &dir);
}

/// What cannot be looked at is no reason not to serve.
#[test]
fn what_cannot_be_collected_keeps_nothing_from_starting() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    initialized(dir);
    std::fs::write(dir.join("blobs/README"), "x").unwrap();
    let serving = Serving::start(command(PROGRAM, &serve_args(dir)));
    let (code, log) = serving.stop("-TERM");
    assert_eq!((code, log.contains("README")), (Some(0), false), "{log}");
    assert_eq!(ok(&["gc"], dir), "");
    // As root every folder can be read and written to, but for one on a disk that takes no writes.
    let folder = dir.join("blobs/ab");
    std::fs::create_dir(&folder).unwrap();
    let disk = SmallDisk::mount(&folder);
    let stays = old_file(folder.join("ab".repeat(32)));
    disk.make_read_only();
    let refused = in_dir(&["gc"], dir);
    assert_eq!(refused.status.code(), Some(9));
    let serving = Serving::start(command(PROGRAM, &serve_args(dir)));
    let (code, log) = serving.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("what nobody needs stays for now"), "{log}");
    assert!(stays.exists());
}

#[test]
fn a_file_of_the_hubs_own_is_not_written_through_a_link() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let (dir, dear) = (temp.path().join("hub"), temp.path().join("dear"));
    std::fs::create_dir(&dir).unwrap();
    symlink(&dear, dir.join("guests")).unwrap();
    let done = run(&["init", "--data-dir", dir.to_str().unwrap()]);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(9), "{said}");
    assert!(said.contains("guests: it is a link"), "{said}");
    assert!(!dear.exists());
    std::fs::remove_file(dir.join("guests")).unwrap();
    initialized(&dir);
    std::fs::write(&dear, "dear to somebody").unwrap();
    symlink(&dear, dir.join("age.new")).unwrap();
    ok(&["gc"], &dir);
    assert_eq!(std::fs::read(&dear).unwrap(), b"dear to somebody");
    // Nor read through one: what is told there keeps files from being removed.
    std::fs::remove_file(dir.join("age")).unwrap();
    symlink(&dear, dir.join("age")).unwrap();
    let done = in_dir(&["gc"], &dir);
    assert_eq!(done.status.code(), Some(9));
    assert!(text(&done.stderr).contains("age: it is a link"));
}

/// What lies in the place of stored bytes: a link to as many bytes, and a pipe, which nobody waits for.
#[tokio::test]
async fn only_regular_files_are_served() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let (dir, dear) = (temp.path().join("hub"), temp.path().join("dear"));
    released(&dir).await;
    let blob = blob(&dir);
    std::fs::write(&dear, "jello").unwrap();
    let serving = Serving::start(command(PROGRAM, &serve_args(&dir)));
    let url = format!("{}/artifacts/runner/1.0.0/linux/x64/r", serving.base);
    let status = async || client().get(&url).send().await.unwrap().status().as_u16();
    assert_eq!(status().await, 200);
    let found_by_check = || {
        for words in [&["check"][..], &["check", "--quick"]] {
            let done = in_dir(words, &dir);
            assert_eq!(done.status.code(), Some(8));
            let said = text(&done.stdout);
            assert!(said.contains("its bytes are no regular file"), "{said}");
        }
    };
    std::fs::remove_file(&blob).unwrap();
    symlink(&dear, &blob).unwrap();
    assert_eq!(status().await, 404);
    found_by_check();
    std::fs::remove_file(&blob).unwrap();
    let made = command("mkfifo", &[blob.to_str().unwrap()]).status();
    assert!(made.unwrap().success());
    for _ in 0..3 {
        assert_eq!(status().await, 404);
    }
    found_by_check();
    let backup = in_dir(&["backup", temp.path().join("bk").to_str().unwrap()], &dir);
    assert_eq!(backup.status.code(), Some(8), "{}", text(&backup.stderr));
    // A folder in whose place is a link is not used either.
    let folder = blob.parent().unwrap();
    std::fs::remove_file(&blob).unwrap();
    std::fs::remove_dir(folder).unwrap();
    let elsewhere = temp.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, folder).unwrap();
    std::fs::write(elsewhere.join(blob.file_name().unwrap()), "jello").unwrap();
    assert_eq!(status().await, 404);
    found_by_check();
    assert_eq!(serving.stop("-TERM").0, Some(0));
}

/// Nothing is stored where a link leads, and what is in the way of bytes is replaced by them.
#[tokio::test]
async fn uploads_stay_within_the_data_directory() {
    let server = Server::start_in(Arc::new(tempfile::tempdir().unwrap()), |config| {
        config.database = None;
        config.bucket = None;
    })
    .await;
    let temp = server.dir.path().to_owned();
    let digest = Sha256Digest::of(b"hello").to_string();
    let (elsewhere, dear) = (temp.join("elsewhere"), temp.join("dear"));
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(&dear, "jello").unwrap();
    let folder = temp.join("hub/blobs").join(&digest[..2]);
    symlink(&elsewhere, &folder).unwrap();
    let key = "artifacts/cli/1.0.0/linux/x64/x";
    let presigned = server.presign(json!({"key": key})).await;
    let status = server.put(&presigned, "hello").await.status();
    assert!(status.is_server_error(), "{status}");
    assert!(files(&elsewhere).is_empty());
    std::fs::remove_file(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    symlink(&dear, folder.join(&digest)).unwrap();
    let status = server.put(&presigned, "hello").await.status();
    assert!(status.is_success(), "{status}");
    assert!(folder.join(&digest).is_file() && !folder.join(&digest).is_symlink());
    assert_eq!(std::fs::read(&dear).unwrap(), b"jello");
    server.stop().await;
}

/// A disk that does not answer holds up neither the end of the process nor, with it, the next one.
#[cfg(debug_assertions)]
#[tokio::test]
async fn a_disk_that_hangs_keeps_no_process() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    released(temp.path()).await;
    let point = [
        "--shutdown-grace",
        "1",
        "--fail-point",
        "stored bytes before they are opened=1",
    ];
    let args = [&serve_args(temp.path())[..], &point].concat();
    let mut serving = Serving::start(command(PROGRAM, &args));
    let url = format!("{}/artifacts/runner/1.0.0/linux/x64/r", serving.base);
    let asked = tokio::spawn(client().get(url).send());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let id = serving.child.id().to_string();
    assert!(command("kill", &["-TERM", &id]).status().unwrap().success());
    let begun = Instant::now();
    let ended = loop {
        match serving.child.try_wait().unwrap() {
            None if begun.elapsed() < Duration::from_secs(40) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            ended => break ended,
        }
    };
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
    assert!(asked.await.unwrap().is_err());
}

/// The lock's file can be removed, by somebody who takes it for a leftover.
#[test]
fn a_second_server_does_not_start_without_the_lock_either() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    initialized(dir);
    let serving = Serving::start(command(PROGRAM, &serve_args(dir)));
    std::fs::remove_file(dir.join("lock")).unwrap();
    let upload = dir.join("staging").join("0".repeat(32));
    std::fs::write(&upload, "under way").unwrap();
    let second = run(&serve_args(dir));
    let said = text(&second.stderr);
    assert_eq!(second.status.code(), Some(9), "{said}");
    assert!(said.contains("is in use by another process"), "{said}");
    assert!(upload.exists());
    // Its guests are let in as before.
    ok(&["user", "list"], dir);
    assert_eq!(serving.stop("-TERM").0, Some(0));
    ok(&["gc"], dir);
    assert!(!upload.exists());
}
