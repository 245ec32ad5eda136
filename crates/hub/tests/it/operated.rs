//! What an operator does with a Hub: reads its audit, checks it, cleans it, stops it.

use crate::binary::{PROGRAM, Serving, command, initialized, publish, run, serve_args, text};
use crate::support::{Server, artifact, client, files};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub fn in_dir(words: &[&str], dir: &Path) -> std::process::Output {
    run(&[words, &["--data-dir", dir.to_str().unwrap()]].concat())
}

pub fn ok(words: &[&str], dir: &Path) -> String {
    let done = in_dir(words, dir);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    text(&done.stdout)
}

pub fn audit(dir: &Path) -> Vec<Value> {
    let lines = ok(&["audit", "--format", "json"], dir);
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// Makes a file older than what is young enough to be kept.
pub fn age(file: &Path) {
    let yesterday = SystemTime::now() - Duration::from_secs(25 * 3600);
    let file = std::fs::File::options().write(true).open(file).unwrap();
    file.set_modified(yesterday).unwrap();
}

pub fn blob(dir: &Path) -> PathBuf {
    let mut blobs = files(&dir.join("blobs"));
    assert_eq!(blobs.len(), 1, "{blobs:?}");
    blobs.remove(0)
}

/// A Hub with one release of one file, which holds `hello`.
pub async fn released(dir: &Path) {
    let admin = initialized(dir);
    let serving = Serving::start(command(PROGRAM, &serve_args(dir)));
    publish(&serving.base, &admin).await;
    assert_eq!(serving.stop("-TERM").0, Some(0));
}

#[tokio::test]
async fn the_audit_says_who_changed_what_from_where() {
    let temp = tempfile::tempdir().unwrap();
    let admin = initialized(temp.path());
    ok(&["product", "add", "my-tool"], temp.path());
    let args = [
        &serve_args(temp.path())[..],
        &["--trusted-proxy", "127.0.0.1"],
    ]
    .concat();
    let serving = Serving::start(command(PROGRAM, &args));
    let (token, _) = publish(&serving.base, &admin).await;
    // Beside the server.
    let entries = audit(temp.path());
    let of = |name: &str| -> Vec<String> {
        let texts = entries
            .iter()
            .map(|entry| entry[name].as_str().unwrap_or("-"));
        texts.map(str::to_owned).collect()
    };
    let actions = [
        "user.add",
        "credential.issue",
        "product.add",
        "token.issue",
        "publish",
    ];
    assert_eq!(of("action"), actions);
    let id = entries[3]["object"].as_str().unwrap().to_owned();
    let release = "runner 1.0.0 stable linux-x64";
    let objects = ["admin", "admin", "my-tool", &id, release];
    assert_eq!(of("object"), objects);
    assert_eq!(
        of("actor_kind"),
        ["operator", "operator", "operator", "admin", "app"]
    );
    assert_eq!(of("actor_name"), ["-", "-", "-", "admin", "ci"]);
    assert_eq!(of("peer"), ["-", "-", "-", "127.0.0.1", "127.0.0.1"]);
    assert_eq!(entries[4]["actor_id"], id.as_str());
    assert!(entries[3]["actor_id"].is_string());
    assert_eq!(entries[4]["request_id"].as_str().unwrap().len(), 32);

    let revoke = async |from: &str| {
        let request = client()
            .delete(format!("{}/api/v1/deploy/app-tokens", serving.base))
            .bearer_auth(&admin)
            .header("x-forwarded-for", from)
            .header("x-request-id", "mine-1")
            .json(&json!({"tokenId": id}));
        request.send().await.unwrap().status()
    };
    // The second time changes nothing, and so is no change.
    assert_eq!(revoke("192.0.2.7").await, 200);
    assert_eq!(revoke("192.0.2.8").await, 200);
    // Neither is what was refused.
    let request = client().post(format!("{}/api/v1/releases/cli/publish", serving.base));
    let refused = request
        .header("x-atlas-app-deploy-token", &token)
        .json(&json!({}));
    assert_eq!(refused.send().await.unwrap().status(), 401);
    let entries = audit(temp.path());
    assert_eq!(entries.len(), 6);
    let last = &entries[5];
    assert_eq!(last["action"], "token.revoke");
    assert_eq!(last["object"], id.as_str());
    assert_eq!(last["peer"], "192.0.2.7");
    assert_eq!(last["request_id"], "mine-1");

    let at = last["at"].as_str().unwrap();
    let since = ok(&["audit", "--since", at], temp.path());
    let line = format!("{at} token.revoke {id} by admin admin (");
    assert!(since.starts_with(&line), "{since}");
    assert!(
        since.ends_with(" from 192.0.2.7 request mine-1\n"),
        "{since}"
    );
    assert_eq!(since.lines().count(), 1);
    // A span back from now, or a day.
    for since in ["1h", &at[..10]] {
        let recent = ok(&["audit", "--since", since], temp.path());
        assert_eq!(recent.lines().count(), 6, "{since}");
    }
    let dir = temp.path().to_str().unwrap();
    let wrong = run(&["audit", "--since", "yesterday", "--data-dir", dir]);
    let said = text(&wrong.stderr);
    assert_eq!(wrong.status.code(), Some(2), "{said}");
    for form in ["2026-01-31T12:00:00Z", "2026-01-31,", "2h or 7d"] {
        assert!(said.contains(form), "{said}");
    }
    // What waits for a server to end need not, where the work is another.
    let beside = run(&["gc", "--data-dir", dir]);
    let said = text(&beside.stderr);
    assert_eq!(beside.status.code(), Some(9), "{said}");
    for command in [
        "user", "pack", "product", "trust", "audit", "check", "backup",
    ] {
        assert!(said.contains(&format!("`{command}`")), "{command}: {said}");
    }
    let newest = ok(&["audit", "--limit", "2"], temp.path());
    assert_eq!(newest.lines().count(), 2);
    assert!(newest.lines().nth(1).unwrap().contains("token.revoke"));
    assert_eq!(serving.stop("-TERM").0, Some(0));
}

#[tokio::test]
async fn a_check_finds_every_damage() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    released(dir).await;
    let blob = blob(dir);
    let whole = |words: &[&str]| assert_eq!(ok(words, dir), "");
    let damaged = |words: &[&str], why: &str| {
        let done = in_dir(words, dir);
        assert_eq!(done.status.code(), Some(8), "{why}");
        let said = text(&done.stdout);
        let file = format!("runner 1.0.0 stable linux/x64 r: its bytes {why} (");
        assert!(said.starts_with(&file), "{said}");
        assert!(text(&done.stderr).contains("1 of 1 file of releases"));
        assert!(text(&done.stderr).contains("hint: "));
    };
    whole(&["check"]);
    whole(&["check", "--quick"]);
    let serving = Serving::start(command(PROGRAM, &serve_args(dir)));
    whole(&["check"]);
    assert_eq!(serving.stop("-TERM").0, Some(0));
    std::fs::write(&blob, "jello").unwrap();
    damaged(&["check"], "have another digest");
    whole(&["check", "--quick"]);
    std::fs::write(&blob, "hell").unwrap();
    damaged(&["check"], "have another length");
    damaged(&["check", "--quick"], "have another length");
    std::fs::remove_file(&blob).unwrap();
    damaged(&["check"], "are missing");
    damaged(&["check", "--quick"], "are missing");

    let missing = temp.path().join("missing");
    assert_eq!(in_dir(&["check"], &missing).status.code(), Some(2));
    assert!(!missing.exists());
}

/// A complete build of a pack, by an administrator.
async fn build(server: &Server) {
    ok(&["pack", "add", "pack-1"], &server.dir.path().join("hub"));
    let call = async |path: &str, body: Value| -> Value {
        let answer = server.as_admin(reqwest::Method::POST, path, &body).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    };
    let presigned = call("/api/v1/ci/presign", json!({"packId": "pack-1"})).await;
    let mut request = server.client.put(presigned["uploadUrl"].as_str().unwrap());
    for (name, value) in presigned["uploadHeaders"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    assert_eq!(request.body("build").send().await.unwrap().status(), 201);
    let body = json!({
        "packId": "pack-1",
        "buildId": presigned["buildId"],
        "artifactKey": presigned["artifactKey"],
        "version": "1",
    });
    call("/api/v1/ci/complete", body).await;
}

#[tokio::test]
async fn what_nobody_needs_goes_and_what_somebody_needs_stays() {
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["a"]).await;
    let key = |name: &str| format!("artifacts/runner/1.0.0/linux/x64/{name}");
    assert_eq!(server.upload(&key("lost"), b"lost").await, 201);
    // A draft and a pack's build hold what they refer to.
    let mut draft = server
        .release_body("cli", "1.0.0", "linux/x64", &["d"])
        .await;
    draft["draft"] = json!(true);
    server.publish("cli", &draft).await;
    build(&server).await;
    let dir = server.stop().await;
    let dir = dir.path().join("hub");
    let checked = in_dir(&["check"], &dir);
    assert_eq!(
        text(&checked.stderr),
        "1 file of releases and 1 build of packs are what was published\n"
    );
    let completed = audit(&dir).pop().unwrap();
    assert_eq!(completed["action"], "build.complete");
    let object = completed["object"].as_str().unwrap();
    assert!(object.starts_with("pack-1 ") && object.ends_with(" 1 dev"));
    let orphan = dir.join("blobs/00").join("0".repeat(64));
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "of a killed process").unwrap();

    assert_eq!(ok(&["gc"], &dir), "");
    files(&dir.join("blobs")).iter().for_each(|file| age(file));
    let both = format!("{}\n{}\n", key("lost"), "0".repeat(64));
    let dry = ["gc", "--dry-run", "--keep-unregistered", "0"];
    assert_eq!(ok(&dry, &dir), both);
    assert_eq!(files(&dir.join("blobs")).len(), 5);
    assert_eq!(ok(&["gc", "--keep-unregistered", "0"], &dir), both);
    assert_eq!(files(&dir.join("blobs")).len(), 3);
    assert_eq!(ok(&["gc", "--keep-unregistered", "0"], &dir), "");
    ok(&["check"], &dir);

    // Nor does a draft hold what it refers to for ever.
    let draft = "draft cli 1.0.0 stable linux-x64\n";
    assert_eq!(ok(&["gc", "--dry-run", "--keep-drafts", "0"], &dir), draft);
    let gc = ["gc", "--keep-drafts", "0", "--keep-unregistered", "0"];
    let held = "artifacts/cli/1.0.0/linux/x64/d\n";
    assert_eq!(ok(&gc, &dir), format!("{draft}{held}"));
    assert_eq!(ok(&gc, &dir), "");
    assert_eq!(files(&dir.join("blobs")).len(), 2);
    let last = audit(&dir).pop().unwrap();
    assert_eq!(last["action"], "expire draft");
    assert_eq!(last["object"], "cli 1.0.0 stable linux-x64");
    assert_eq!(last["actor_kind"], "operator");
    ok(&["check"], &dir);

    let serving = Serving::start(command(PROGRAM, &serve_args(&dir)));
    let refused = in_dir(&["gc"], &dir);
    assert_eq!(refused.status.code(), Some(9));
    let said = text(&refused.stderr);
    assert!(said.contains("hint: wait for it or end it"), "{said}");
    assert_eq!(serving.stop("-TERM").0, Some(0));
}

/// An upload that is under way when the server is told to stop.
async fn stopped_while_uploading(grace: &str, finish: bool) -> (Option<u16>, Duration, String) {
    let temp = tempfile::tempdir().unwrap();
    let admin = initialized(temp.path());
    let args = [&serve_args(temp.path())[..], &["--shutdown-grace", grace]].concat();
    let serving = Serving::start(command(PROGRAM, &args));
    let file = artifact("cli", "1.0.0", "linux/x64", "x", b"hello");
    let request = client().post(format!("{}/api/v1/storage/presign", serving.base));
    let body = json!({"action": "upload", "key": file["key"]});
    let presigned = request
        .bearer_auth(&admin)
        .json(&body)
        .send()
        .await
        .unwrap();
    let presigned: Value = presigned.json().await.unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<&[u8]>>(1);
    let body = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let request = client()
        .put(presigned["url"].as_str().unwrap())
        .header("content-type", "application/octet-stream")
        .body(reqwest::Body::wrap_stream(body));
    let upload = tokio::spawn(request.send());
    sender.send(Ok(b"hel")).await.unwrap();
    while files(&temp.path().join("staging")).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let base = serving.base.clone();
    let started = std::time::Instant::now();
    let stopping = tokio::task::spawn_blocking(move || serving.stop("-TERM"));
    // No connection more is taken.
    while client().get(format!("{base}/healthz")).send().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    if finish {
        sender.send(Ok(b"lo")).await.unwrap();
        drop(sender);
        let (code, log) = stopping.await.unwrap();
        assert_eq!(code, Some(0), "{log}");
        let answer = upload.await.unwrap().unwrap();
        return (Some(answer.status().as_u16()), started.elapsed(), log);
    }
    let (code, log) = stopping.await.unwrap();
    assert_eq!(code, Some(0), "{log}");
    let answer = upload.await.unwrap().ok();
    (
        answer.map(|answer| answer.status().as_u16()),
        started.elapsed(),
        log,
    )
}

#[tokio::test]
async fn uploads_under_way_are_finished_before_the_server_ends() {
    let (status, took, _) = stopped_while_uploading("30", true).await;
    assert_eq!(status, Some(201));
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[tokio::test]
async fn an_upload_that_does_not_finish_holds_nothing_up_beyond_the_grace() {
    let (status, took, log) = stopped_while_uploading("1", false).await;
    assert_eq!(status, None);
    let grace = Duration::from_secs(1)..Duration::from_secs(15);
    assert!(grace.contains(&took), "{took:?}");
    assert!(log.contains("ending requests that take too long"), "{log}");
}
