//! A disk that is full for a moment, under the real `atlas-hub`.

use crate::binary::{PROGRAM, Serving, command, initialized, run, serve_args, text};
use crate::database::in_files;
use crate::operated::{age, ok};
use crate::support::{client, error};
use reqwest::Response;
use serde_json::json;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

async fn issue(serving: &Serving, admin: &str) -> Response {
    let url = format!("{}/api/v1/deploy/app-tokens", serving.base);
    let request = client().post(url).bearer_auth(admin);
    request.json(&json!({"name": "ci"})).send().await.unwrap()
}

/// Runs a command as root and tells whether it succeeded.
pub fn as_root(uid: u32, words: &[&str]) -> bool {
    let words = match uid {
        0 => words.to_vec(),
        _ => [&["sudo", "-n"], words].concat(),
    };
    let done = command(words[0], &words[1..]).output();
    done.is_ok_and(|output| output.status.success())
}

/// A small file system of its own. It goes when this is dropped.
pub struct SmallDisk<'p>(&'p Path);

impl<'p> SmallDisk<'p> {
    /// Mounting takes root, or sudo without a password.
    pub fn mount(path: &'p Path) -> Self {
        let to = path.to_str().unwrap();
        let uid = std::fs::metadata(path).unwrap().uid();
        let options = format!("size=2m,mode=700,uid={uid}");
        let mounted = as_root(uid, &["mount", "-t", "tmpfs", "-o", &options, "tmpfs", to]);
        assert!(mounted, "a file system cannot be mounted on {to}");
        Self(path)
    }

    /// Nothing on it can be changed from now on.
    pub fn make_read_only(&self) {
        let to = self.0.to_str().unwrap();
        let uid = std::fs::metadata(self.0).unwrap().uid();
        assert!(as_root(uid, &["mount", "-o", "remount,ro", to]));
    }

    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("fill")).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("fill")).unwrap();
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let to = self.0.to_str().unwrap();
        // A test that failed may have left its server running for a moment more.
        let uid = std::fs::metadata(self.0).map_or(0, |meta| meta.uid());
        as_root(uid, &["umount", "--lazy", to]);
    }
}

#[tokio::test]
async fn a_full_disk_fails_what_it_meets_and_nothing_later() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(temp.path());
    let admin = initialized(disk.0);
    let serving = Serving::start(command(PROGRAM, &serve_args(disk.0)));
    for _ in 0..3 {
        disk.fill();
        for _ in 0..2 {
            let said = error(issue(&serving, &admin).await, 507).await;
            assert!(said.contains("full"), "{said}");
        }
        disk.make_room();
        for _ in 0..2 {
            assert_eq!(issue(&serving, &admin).await.status(), 200);
        }
    }
    assert_eq!(serving.stop("-TERM").0, Some(0));
}

/// SQLite cannot even begin on a full disk. What nobody needs may be all the room there is.
#[test]
fn room_is_made_on_a_disk_that_is_too_full_to_begin() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(temp.path());
    let dir = disk.0;
    initialized(dir);
    let leave = |digits: &str| {
        let blob = dir.join("blobs").join(digits).join(digits.repeat(32));
        std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
        std::fs::write(&blob, vec![1; 300_000]).unwrap();
        age(&blob);
        blob
    };
    let full = |words: &[&str]| {
        let done = run(words);
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(9), "{words:?}: {said}");
        assert!(said.contains("the disk is full"), "{said}");
        assert!(said.contains("hint: make room on that disk"), "{said}");
    };
    let data_dir = dir.to_str().unwrap();
    let blob = leave("ab");
    disk.fill();
    full(&["gc", "--dry-run", "--data-dir", data_dir]);
    assert!(blob.exists());
    assert_eq!(ok(&["gc"], dir), format!("{}\n", "ab".repeat(32)));
    assert!(!blob.exists());
    disk.make_room();

    let blob = leave("cd");
    disk.fill();
    let serving = Serving::start(command(PROGRAM, &serve_args(dir)));
    assert!(!blob.exists());
    assert_eq!(serving.stop("-TERM").0, Some(0));
    disk.make_room();

    // So do the commands that work without a server.
    for (digits, words) in [("1f", &["user", "list"][..]), ("2f", &["pack", "add", "p"])] {
        let blob = leave(digits);
        disk.fill();
        ok(words, dir);
        assert!(!blob.exists());
        disk.make_room();
    }

    // Not where the catalogue was put back and may not know what they are.
    let blob = leave("ef");
    std::fs::write(dir.join("age"), "1000000\n").unwrap();
    disk.fill();
    for words in [
        &["gc", "--data-dir", data_dir][..],
        &["user", "list", "--data-dir", data_dir],
        &["pack", "add", "q", "--data-dir", data_dir],
        &serve_args(dir),
    ] {
        full(words);
    }
    assert!(blob.exists());
}

/// SQLite reports a limit (and a quota) as some error of the disk, unlike a full one.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_limit_is_a_full_disk_and_passes_as_one() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let admin = initialized(temp.path());
    let serving = Serving::start(command(PROGRAM, &serve_args(temp.path())));
    let limit = |fsize: &str| {
        let id = serving.child.id().to_string();
        let fsize = format!("--fsize={fsize}:");
        let set = command("prlimit", &["--pid", &id, &fsize]).status();
        assert!(set.unwrap().success());
    };
    for _ in 0..2 {
        limit("100");
        for _ in 0..2 {
            let said = error(issue(&serving, &admin).await, 507).await;
            assert!(said.contains("full"), "{said}");
        }
        limit("unlimited");
        assert_eq!(issue(&serving, &admin).await.status(), 200);
    }
    let (code, log) = serving.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
}
