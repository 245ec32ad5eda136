//! Lists of releases and of uploaded objects.

use crate::storage::provider;
use crate::support::{Server, error, header};
use release_types::{ObjectList, ReleaseList, Sha256Digest};
use reqwest::{Method, Response};
use serde_json::json;

async fn page(server: &Server, query: &str) -> ReleaseList {
    let answer = server.get(&format!("/api/v1/releases/runner{query}")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "cache-control"), "public, max-age=60");
    assert!(!header(&answer, "etag").is_empty());
    answer.json().await.unwrap()
}

#[tokio::test]
async fn releases_page_by_page_the_highest_version_first() {
    let server = Server::start().await;
    assert_eq!(page(&server, "").await.releases, []);
    let stable = ["1.0.0", "1.9.0", "1.10.0", "1.2.0"];
    for version in stable {
        server.release("runner", version, "linux/x64", &["r"]).await;
    }
    server
        .release("runner", "1.2.0", "windows/x64", &["r"])
        .await;
    server.release("cli", "9.0.0", "linux/x64", &["r"]).await;
    let mut beta = server
        .release_body("runner", "1.10.0-beta.1", "linux/x64", &["r"])
        .await;
    beta["channel"] = json!("beta");
    server.publish("runner", &beta).await;

    let sorted = ["1.10.0", "1.10.0-beta.1", "1.9.0", "1.2.0", "1.0.0"];
    let all = page(&server, "").await;
    let versions: Vec<&str> = all.releases.iter().map(|r| r.version.as_str()).collect();
    assert_eq!(versions, sorted);
    assert_eq!(all.next, None);
    let platforms = &all.releases[3].platforms;
    assert_eq!(
        platforms
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["windows-x64", "linux-x64"]
    );

    for limit in 1..=5 {
        let mut read = Vec::new();
        let mut query = format!("?limit={limit}");
        loop {
            let page = page(&server, &query).await;
            assert!(page.releases.len() <= limit && !page.releases.is_empty());
            read.extend(page.releases);
            // What is released meanwhile does not disturb those who read on.
            server.release("runner", "3.0.0", "linux/x64", &["r"]).await;
            match page.next {
                Some(next) => query = format!("?limit={limit}&after={next}"),
                None => break,
            }
        }
        read.retain(|release| release.version != "3.0.0");
        assert_eq!(read, all.releases, "{limit}");
    }
    let beta = page(&server, "?channel=beta").await;
    assert_eq!(beta.releases, [all.releases[1].clone()]);

    for (path, says) in [
        ("runner?channel=nightly", "nightly"),
        ("runner?limit=0", "`limit`"),
        ("runner?limit=201", "`limit`"),
        ("runner?limit=x", "`limit`"),
        ("runner?after=x", "`after`"),
        ("runner?limit=1&limit=2", "query"),
        ("unheard-of", "unheard-of"),
    ] {
        let answer = server.get(&format!("/api/v1/releases/{path}")).await;
        let text = error(answer, 400).await;
        assert!(text.contains(says), "{path}: {text}");
    }
}

async fn objects(server: &Server, query: &str) -> Response {
    let path = format!("/api/v1/storage/objects{query}");
    let token = server.token.as_str();
    let fields = [(release_types::DEPLOY_TOKEN_HEADER, token)];
    server.ask(Method::GET, &path, &fields).await
}

#[tokio::test]
async fn uploaded_objects_for_who_may_upload() {
    let server = Server::start().await;
    let mut keys = Vec::new();
    for name in ["a", "a.sig", "B", "b%_", "é"] {
        for folder in ["runner/1.0.0/linux/x64", "runner/1.0.0/linux/arm64"] {
            let key = format!("artifacts/{folder}/{name}");
            assert_eq!(server.upload(&key, key.as_bytes()).await, 201, "{key}");
            keys.push(key);
        }
    }
    keys.sort();
    let list =
        async |query: &str| -> ObjectList { objects(&server, query).await.json().await.unwrap() };
    let all = list("").await;
    let found: Vec<&str> = all
        .objects
        .iter()
        .map(|object| object.key.as_str())
        .collect();
    assert_eq!(found, keys);
    for object in &all.objects {
        let bytes = object.key.as_str().as_bytes();
        assert_eq!(object.sha256, Sha256Digest::of(bytes));
        assert_eq!(object.size, bytes.len() as u64);
        assert_eq!(object.provider, provider());
    }
    let prefixes = [
        ("artifacts/", 10),
        ("artifacts/runner/1.0.0/linux/x64/", 5),
        ("artifacts/runner/1.0.0/linux/x64/a", 2),
        ("artifacts/runner/1.0.0/linux/x64/A", 0),
        ("artifacts/runner/1.0.0/linux/x64/b%25", 1),
        ("artifacts/runner/1.0.0/linux/x64/%25", 0),
        ("artifacts/runner/1.0.0/linux/x64/%C3%A9", 1),
        ("artifacts/runner/1", 10),
        ("artifacts/cli/", 0),
    ];
    for (prefix, count) in prefixes {
        let found = list(&format!("?prefix={prefix}")).await;
        assert_eq!(found.objects.len(), count, "{prefix}");
        assert_eq!(found.next, None);
    }
    let mut read = Vec::new();
    let mut query = "?limit=3&prefix=artifacts/runner/".to_owned();
    loop {
        let page = list(&query).await;
        read.extend(page.objects);
        let Some(next) = page.next else { break };
        let next = next.replace('%', "%25").replace('é', "%C3%A9");
        query = format!("?limit=3&prefix=artifacts/runner/&after={next}");
    }
    assert_eq!(read, all.objects);

    error(objects(&server, "?prefix=packs/").await, 400).await;
    error(objects(&server, "?prefix=").await, 400).await;
    error(objects(&server, "?limit=0").await, 400).await;
    error(server.get("/api/v1/storage/objects").await, 401).await;
}
