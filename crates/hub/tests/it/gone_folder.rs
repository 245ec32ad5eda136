//! A folder with the stored bytes that is away for a while: moved, or not mounted. Nothing in it is
//! taken for lost.

use crate::support::{Server, artifact, error, header};
use reqwest::{Method, Response};
use serde_json::json;
use std::time::Duration;

const KEY: &str = "artifacts/cli/1.0.0/linux/x64/x";

async fn refused(answer: Response) {
    assert_eq!(header(&answer, "retry-after"), "5");
    let said = error(answer, 503).await;
    assert!(said.contains("ask again in a moment"), "{said}");
}

#[tokio::test]
async fn what_is_stored_is_back_when_its_folder_is() {
    let server = Server::start().await;
    server.upload(KEY, b"hello").await;
    let of = ("cli", "1.0.0", "linux/x64");
    let file = artifact(of.0, of.1, of.2, "x", b"hello");
    let mut body = json!({
        "version": "1.0.0",
        "channel": "stable",
        "platform": {"os": "linux", "arch": "x64"},
        "artifacts": [file],
    });
    server.publish("cli", &body).await;
    body["channel"] = json!("beta");
    let late = "artifacts/cli/1.0.0/linux/x64/late";
    let dir = server.dir.path().join("hub");
    for folders in [&["blobs"][..], &["staging"], &["blobs", "staging"]] {
        let presigned = server.presign(json!({"key": late})).await;
        for folder in folders {
            let away = dir.join(format!("{folder}.away"));
            std::fs::rename(dir.join(folder), away).unwrap();
        }
        refused(server.put(&presigned, "late").await).await;
        if folders.contains(&"staging") {
            // What was found last holds for a second.
            tokio::time::sleep(Duration::from_millis(1100)).await;
            error(server.get("/readyz").await, 503).await;
        }
        if folders.contains(&"blobs") {
            refused(server.get(&format!("/{KEY}")).await).await;
            refused(server.post("/api/v1/releases/cli/publish", &body).await).await;
        }
        // What the catalogue knows goes on.
        let latest = server.get("/api/v1/releases/cli/latest/linux/x64").await;
        assert_eq!(latest.status(), 200);
        let head = server.ask(Method::HEAD, "/healthz", &[]).await;
        assert_eq!(head.status(), 200);
        for folder in folders {
            let away = dir.join(format!("{folder}.away"));
            std::fs::rename(away, dir.join(folder)).unwrap();
        }
        let file = server.get(&format!("/{KEY}")).await;
        assert_eq!(file.text().await.unwrap(), "hello");
        assert!(server.put(&presigned, "late").await.status().is_success());
    }
    server.publish("cli", &body).await;
    // A file that is gone while its folder is there is lost, and nobody is told to wait.
    let [blob] = &server
        .files("blobs")
        .into_iter()
        .filter(is_hello)
        .collect::<Vec<_>>()[..]
    else {
        panic!("not one file");
    };
    std::fs::remove_file(blob).unwrap();
    error(server.get(&format!("/{KEY}")).await, 404).await;
    error(
        server.post("/api/v1/releases/cli/publish", &body).await,
        409,
    )
    .await;
    server.stop().await;
}

fn is_hello(file: &std::path::PathBuf) -> bool {
    std::fs::read(file).unwrap() == b"hello"
}
