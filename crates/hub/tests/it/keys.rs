//! Keys that want to lead out of the storage: refused, and nothing anywhere on the disk.

use crate::support::{Server, error, files};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Last segments that no key may have. A URL carries some of them only in their escaped form.
fn bad_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "..",
        ".",
        "../x",
        "../../../x",
        "a/../../x",
        "%2e%2e",
        "%2E%2e",
        "%2e%2e%2fx",
        "..%2fx",
        "%00",
        "a\\b",
        "..\\x",
        "\\x",
        "a\0b",
        "\0",
        "C:",
        "C:x",
        "C:\\x",
        "CON",
        "con.txt",
        "NUL",
        "aux",
        "COM1",
        "lpt9.tar.gz",
        "a.",
        "a ",
        "a:b",
        "a*b",
        "",
        "x/",
        "/x",
    ]
    .map(str::to_owned)
    .into();
    names.push("x".repeat(256));
    names.push("x".repeat(4096));
    names.push("x/".repeat(2048));
    names
}

/// Every file and folder around the Hub.
fn tree(folder: &Path) -> BTreeSet<PathBuf> {
    // The database's own files come and go.
    let mine = |path: &PathBuf| !path.to_string_lossy().contains("hub.db");
    files(folder).into_iter().filter(mine).collect()
}

#[tokio::test]
async fn no_key_leads_out_of_the_storage() {
    let server = Server::start().await;
    let around = server.dir.path();
    std::fs::write(around.join("x"), "outside").unwrap();
    let good = "artifacts/runner/1.0.0/linux/x64/";
    let signed = server.presign(json!({"key": format!("{good}r")})).await;
    let (_, query) = signed["url"].as_str().unwrap().split_once('?').unwrap();
    let before = tree(around);
    for name in bad_names() {
        for key in [
            format!("{good}{name}"),
            format!("artifacts/{name}/1.0.0/linux/x64/r"),
            name.clone(),
        ] {
            let body = json!({"action": "upload", "key": key});
            let said = error(server.post("/api/v1/storage/presign", &body).await, 400).await;
            assert!(said.contains("key"), "{key:?}: {said}");

            let artifact = json!({
                "key": key, "provider": crate::storage::provider(), "filename": "r", "size": 1,
                "sha256": "0".repeat(64), "kind": "binary",
            });
            let body = json!({
                "version": "1.0.0", "platform": {"os": "linux", "arch": "x64"},
                "artifacts": [artifact],
            });
            let answer = server.post("/api/v1/releases/runner/publish", &body).await;
            error(answer, 400).await;
        }
        // As they are, so that no client tidies them first, and escaped. What is no key is refused as
        // such before anybody looks whether it was signed, and nothing is looked for under it.
        let escaped: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for name in [name.as_str(), &escaped] {
            let head_fits = !name.contains(['\0', ' ']) && !name.is_empty();
            if !head_fits {
                continue;
            }
            for method in ["PUT", "GET"] {
                let request = format!(
                    "{method} /{good}{name}?{query} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\
                     content-type: application/octet-stream\r\ncontent-length: 1\r\n\r\nx"
                );
                let answer = server.raw(request.as_bytes()).await;
                let refused = match method {
                    "PUT" => answer.starts_with("HTTP/1.1 400") && answer.contains("`key`"),
                    _ => answer.starts_with("HTTP/1.1 404"),
                };
                assert!(refused, "{method} {name:?}: {answer}");
            }
        }
    }
    assert_eq!(tree(around), before);
    assert_eq!(std::fs::read(around.join("x")).unwrap(), b"outside");
    server.stop().await;
}

/// What an upload's path says once it is unescaped is refused as a key, not looked for.
#[tokio::test]
async fn an_upload_to_such_a_key_is_a_bad_request() {
    let server = Server::start().await;
    for name in [
        "%2e%2e",
        "a%2f..%2f..%2fx",
        "a%5cb",
        "a%00b",
        "C%3a",
        "CON",
        "%252e%252e",
    ] {
        let request = format!(
            "PUT /artifacts/runner/1.0.0/linux/x64/{name}?expires=1&signature=00 HTTP/1.1\r\n\
             host: h\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx"
        );
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{name}: {answer}");
    }
    server.stop().await;
}
