//! What an upload does to the disk before it is answered, as the system saw it.

use crate::binary::{PROGRAM, Serving, command, initialized, publish, serve_args};
use crate::database::in_files;
use crate::support::client;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// A system call: where in the record it began and ended, and its text.
#[derive(Debug)]
struct Call {
    begun: usize,
    ended: usize,
    text: String,
}

/// The calls of a record by `strace -f`, in which another thread may stand between both halves.
fn calls(record: &str) -> Vec<Call> {
    let mut open: HashMap<&str, (usize, String)> = HashMap::new();
    let mut calls = Vec::new();
    for (line, text) in record.lines().enumerate() {
        let Some((id, text)) = text.split_once(char::is_whitespace) else {
            continue;
        };
        let text = text.trim_start();
        if let Some(first) = text.strip_suffix("<unfinished ...>") {
            open.insert(id, (line, first.to_owned()));
        } else if text.starts_with("<... ") {
            let (begun, first) = open.remove(id).unwrap();
            let rest = text.split_once("resumed>").unwrap().1;
            let text = first + rest;
            calls.push(Call {
                begun,
                ended: line,
                text,
            });
        } else {
            let text = text.to_owned();
            calls.push(Call {
                begun: line,
                ended: line,
                text,
            });
        }
    }
    calls
}

/// The first call that began after a line and holds these words; all are to have succeeded.
fn after<'c>(calls: &'c [Call], line: usize, name: &str, words: &[&str]) -> &'c Call {
    let found = calls.iter().find(|call| {
        call.begun > line
            && call.text.starts_with(name)
            && words.iter().all(|word| call.text.contains(word))
    });
    found.unwrap_or_else(|| panic!("no {name} with {words:?} after line {line}: {calls:#?}"))
}

#[tokio::test]
async fn an_upload_is_on_the_disk_before_it_has_its_name_and_its_answer() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().canonicalize().unwrap().join("hub");
    let admin = initialized(&data);
    let record = temp.path().join("record");
    let traced = [
        &[
            "-D",
            "-f",
            "-y",
            "-s",
            "64",
            "-e",
            "trace=fsync,fdatasync,rename,renameat,renameat2,write,writev,sendto",
            "-o",
            record.to_str().unwrap(),
            PROGRAM,
        ],
        &serve_args(&data)[..],
    ]
    .concat();
    let serving = Serving::start(command("strace", &traced));
    publish(&serving.base, &admin).await;
    assert_eq!(serving.stop("-TERM").0, Some(0));
    let record = complete(&record).await;
    let calls = calls(&record);

    let (staging, blobs) = (data.join("staging"), data.join("blobs"));
    let (staging, blobs) = (staging.to_str().unwrap(), blobs.to_str().unwrap());
    let named = after(&calls, 0, "rename", &[staging, blobs]);
    let synced = after(&calls, 0, "fsync(", &[staging, "= 0"]);
    assert!(synced.ended < named.begun, "{synced:?} {named:?}");
    let folder = format!("{blobs}/");
    let folder = after(&calls, named.ended, "fsync(", &[&folder, "= 0"]);
    // The folder is new, and so is its name in the one above.
    let above = format!("{blobs}>");
    let above = calls.iter().filter(|call| call.text.contains(&above));
    let above = above.filter(|call| call.text.starts_with("fsync("));
    assert!(above.clone().any(|call| call.ended < named.begun));
    let answer = calls.iter().find(|call| {
        call.begun > synced.ended
            && call.text.contains("HTTP/1.1 201")
            && !call.text.contains("<...")
    });
    let answer = answer.unwrap();
    assert!(folder.ended < answer.begun, "{folder:?} {answer:?}");
    // The catalogue's log follows the bytes, and the answer follows both.
    let log = calls.iter().find(|call| {
        call.begun > folder.ended && call.text.contains("sync(") && call.text.contains("hub.db-wal")
    });
    let log = log.unwrap();
    assert!(log.ended < answer.begun, "{log:?} {answer:?}");
    println!("{synced:?}\n{named:?}\n{folder:?}\n{log:?}\n{answer:?}");
}

/// An address to upload to, as an administrator gets it.
async fn address(serving: &Serving, admin: &str, key: &str) -> String {
    let request = client().post(format!("{}/api/v1/storage/presign", serving.base));
    let body = json!({"action": "upload", "key": key});
    let answer = request.bearer_auth(admin).json(&body).send().await;
    let presigned: Value = answer.unwrap().json().await.unwrap();
    presigned["url"].as_str().unwrap().to_owned()
}

/// A disk that has all of it to take at the end would let the client wait, and hear nothing.
#[tokio::test]
async fn the_disk_begins_with_a_large_upload_before_its_end() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().canonicalize().unwrap().join("hub");
    let admin = initialized(&data);
    let record = temp.path().join("record");
    let traced = ["-D", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o"];
    let traced = [&traced[..], &[record.to_str().unwrap(), PROGRAM]].concat();
    let traced = [&traced[..], &serve_args(&data)].concat();
    let serving = Serving::start(command("strace", &traced));
    let url = address(&serving, &admin, "artifacts/cli/1.0.0/linux/x64/x").await;
    let upload = client().put(url).body(vec![7; 40 * 1024 * 1024]);
    let upload = upload.header("content-type", "application/octet-stream");
    assert_eq!(upload.send().await.unwrap().status(), 201);
    assert_eq!(serving.stop("-TERM").0, Some(0));
    let calls = calls(&complete(&record).await);
    let staging = data.join("staging");
    let staging = staging.to_str().unwrap();
    let early = after(&calls, 0, "fdatasync(", &[staging, "= 0"]);
    let whole = after(&calls, 0, "fsync(", &[staging, "= 0"]);
    assert!(early.begun < whole.begun, "{early:?} {whole:?}");
}

/// Every byte has come, and the disk is slower than the client's patience: its next attempt finds all
/// of it there.
#[tokio::test]
async fn a_whole_upload_is_stored_although_its_client_has_left() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().canonicalize().unwrap().join("hub");
    let admin = initialized(&data);
    let record = temp.path().join("record");
    let slow = "inject=fsync:delay_enter=1000000";
    let traced = ["-D", "-f", "-e", "trace=fsync", "-e", slow, "-o"];
    let traced = [&traced[..], &[record.to_str().unwrap(), PROGRAM]].concat();
    let traced = [&traced[..], &serve_args(&data)].concat();
    let serving = Serving::start(command("strace", &traced));
    let key = "artifacts/cli/1.0.0/linux/x64/x";
    let url = address(&serving, &admin, key).await;
    let at = serving.base.strip_prefix("http://").unwrap();
    let target = url.strip_prefix(&serving.base).unwrap();
    let request = format!(
        "PUT {target} HTTP/1.1\r\nhost: h\r\ncontent-type: application/octet-stream\r\n\
         content-length: 5\r\n\r\nhello"
    );
    let mut stream = tokio::net::TcpStream::connect(at).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let staging = data.join("staging");
    while crate::support::files(&staging).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    let list = format!("{}/api/v1/storage/objects?prefix={key}", serving.base);
    let stored = async || {
        let answer = client().get(&list).bearer_auth(&admin).send().await;
        let found: release_types::ObjectList = answer.unwrap().json().await.unwrap();
        !found.objects.is_empty()
    };
    for _ in 0..200 {
        if stored().await {
            assert_eq!(serving.stop("-TERM").0, Some(0));
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it is not stored");
}

/// The record, once the process that writes it has done so.
async fn complete(record: &Path) -> String {
    for _ in 0..200 {
        let text = std::fs::read_to_string(record).unwrap();
        if text.trim_end().ends_with("+++ exited with 0 +++") {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("strace has not finished its record");
}
