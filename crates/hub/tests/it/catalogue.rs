//! What outlives the server: everything. And who may have it open: one.

use crate::database::{config, in_files};
use crate::support::{Server, contents, header};
use futures_util::StreamExt as _;
use hub::{Hub, HubError};
use release_types::Release;
use std::sync::Arc;

#[tokio::test]
async fn a_reopened_hub_has_everything() {
    let server = Server::start().await;
    let names = ["a", "a.sig"];
    let release = server.release("runner", "1.0.0", "linux/x64", &names).await;
    server
        .hub
        .add_product(&"my-tool".parse().unwrap())
        .await
        .unwrap();
    let presigned = server
        .presign(serde_json::json!({"key": "artifacts/cli/1.0.0/linux/x64/x"}))
        .await;
    let (token, base) = (server.token.clone(), server.base.clone());
    let dir = server.stop().await;
    std::fs::write(
        dir.path().join("hub/staging").join("0".repeat(32)),
        "by a killed process",
    )
    .unwrap();
    let orphan = dir.path().join("hub/blobs/00").join("0".repeat(64));
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "of a killed process").unwrap();
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(25 * 3600);
    for file in crate::support::files(&dir.path().join("hub/blobs")) {
        let file = std::fs::File::options().write(true).open(&file).unwrap();
        file.set_modified(yesterday).unwrap();
    }
    let young = orphan.with_file_name(format!("{}1", "0".repeat(63)));
    std::fs::write(&young, "of a release after the backup").unwrap();

    let server = Server::start_in(dir, |_| {}).await;
    assert!(server.files("staging").is_empty());
    assert!(!orphan.exists());
    assert!(young.exists());
    let latest = server.get("/api/v1/releases/runner/latest/linux/x64").await;
    assert_eq!(latest.json::<Release>().await.unwrap(), release);
    for asset in &release.assets {
        let path = format!("/api/v1/download/{}", asset.download_id);
        let redirect = server.get(&path).await;
        let file = server.get(header(&redirect, "location")).await;
        let expected = contents("runner", "1.0.0", "linux/x64", &asset.filename);
        assert_eq!(file.bytes().await.unwrap(), expected);
    }
    assert_eq!(server.hub.products().await.unwrap().len(), 5);
    // Tokens and upload addresses of before are good.
    let path = "/api/v1/storage/presign";
    let body = serde_json::json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/x"});
    assert_eq!(server.post_with(&token, path, &body).await.status(), 200);
    let mut moved = presigned;
    let url = moved["url"].as_str().unwrap().replace(&base, &server.base);
    moved["url"] = url.into();
    assert_eq!(server.put(&moved, "x").await.status(), 201);
}

#[tokio::test]
async fn one_hub_at_a_time_has_the_folder() {
    let server = Server::start().await;
    let again = || config(server.dir.path().join("hub"));
    match Hub::open(again()).await {
        Err(HubError::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    let (again, handle) = (again(), server.hub.clone());
    let _dir = server.stop().await;
    let reopened = Hub::open(again).await.unwrap();
    assert!(matches!(
        handle.products().await,
        Err(HubError::Database(_))
    ));
    reopened.close().await;
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    in_files();
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    assert!(!Hub::exists(&missing));
    let refused = Hub::open_initialized(config(&missing)).await;
    assert!(matches!(refused, Err(HubError::NotInitialized { .. })));
    assert!(!missing.exists());

    let made = Hub::open(config(&missing)).await.unwrap();
    assert!(!made.is_initialized().await.unwrap());
    made.close().await;
    let refused = Hub::open_initialized(config(&missing)).await;
    assert!(matches!(refused, Err(HubError::NotInitialized { .. })));

    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let refused = Hub::open(config(file.join("below"))).await;
    assert!(matches!(refused, Err(HubError::Io { .. })), "{refused:?}");

    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let hub = Hub::open(config(&missing)).await.unwrap();
    let refused = hub.serve(listener, std::future::pending()).await;
    assert!(matches!(refused, Err(HubError::Config(_))), "{refused:?}");
}

#[tokio::test]
async fn stored_bytes_outlive_their_catalogue() {
    in_files();
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["a"]).await;
    let stored = server.files("blobs");
    assert_eq!(stored.len(), 1);
    let dir = server.stop().await;
    let data_dir = dir.path().join("hub");
    let (database, backup) = (data_dir.join("hub.db"), dir.path().join("backup"));
    std::fs::rename(&database, &backup).unwrap();

    let refused = Hub::open(config(&data_dir)).await.unwrap_err();
    let HubError::Io { source, .. } = &refused else {
        panic!("{refused:?}");
    };
    let blobs = data_dir.join("blobs");
    assert!(source.to_string().starts_with(blobs.to_str().unwrap()));
    assert!(stored[0].exists() && !database.exists());

    std::fs::rename(&backup, &database).unwrap();
    let server = Server::start_in(dir, |_| {}).await;
    assert_eq!(
        server
            .get("/artifacts/runner/1.0.0/linux/x64/a")
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn stopping_waits_for_requests_but_not_for_ever() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let drain = std::time::Duration::from_millis(500);
    let server = Server::start_in(dir, |config| config.drain = drain).await;
    let body = serde_json::json!({"key": "artifacts/cli/1.0.0/linux/x64/x"});
    let (quick, endless) = (
        server.presign(body.clone()).await,
        server.presign(body).await,
    );
    let put = |presigned: &serde_json::Value, body: reqwest::Body| {
        let request = server.client.put(presigned["url"].as_str().unwrap());
        let request = request.header("content-type", "application/octet-stream");
        tokio::spawn(request.body(body).send())
    };
    let (send, receive) = held_body();
    let quick = put(&quick, receive);
    let (_never, receive) = held_body();
    let endless = put(&endless, receive);
    while server.files("staging").len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let stopping = tokio::spawn(server.stop());
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    drop(send);
    assert_eq!(quick.await.unwrap().unwrap().status(), 201);
    assert!(endless.await.unwrap().is_err());
    let dir = stopping.await.unwrap();
    let staged = crate::support::files(&dir.path().join("hub/staging"));
    assert!(staged.is_empty(), "{staged:?}");
}

/// A body that has begun and ends when its sender is dropped.
fn held_body() -> (tokio::sync::oneshot::Sender<()>, reqwest::Body) {
    let (send, receive) = tokio::sync::oneshot::channel::<()>();
    let begin = futures_util::stream::once(async { Ok::<_, std::io::Error>("begin") });
    let end = futures_util::stream::once(async {
        receive.await.ok();
        Ok("end")
    });
    (send, reqwest::Body::wrap_stream(begin.chain(end)))
}

#[cfg(unix)]
#[tokio::test]
async fn everything_on_the_disk_is_for_its_owner_alone() {
    in_files();
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["a"]).await;
    let root = server.dir.path().join("hub");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let files = crate::support::files(&root);
    assert!(files.iter().any(|file| file.ends_with("hub.db-wal")));
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
        for folder in file
            .ancestors()
            .skip(1)
            .take_while(|f| f.starts_with(&root))
        {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
    }
}
