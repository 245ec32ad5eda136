//! What installers and updaters read.

use crate::support::{Server, artifact, contents, error, header};
use release_types::{Kind, Release};
use serde_json::{Value, json};

#[tokio::test]
async fn from_token_to_downloaded_bytes() {
    let server = Server::start().await;
    let names = ["atlas-runner", "atlas-runner.sig"];
    let published = server.release("runner", "1.2.3", "linux/x64", &names).await;
    assert_eq!(published.product.as_str(), "runner");
    assert_eq!(published.version, "1.2.3");
    assert_eq!(published.platform.to_string(), "linux-x64");
    let kinds: Vec<Kind> = published.assets.iter().map(|asset| asset.kind).collect();
    assert_eq!(kinds, [Kind::Binary, Kind::Signature]);

    let latest = server.get("/api/v1/releases/runner/latest/linux/x64").await;
    assert_eq!(latest.status(), 200);
    assert_eq!(header(&latest, "cache-control"), "public, max-age=60");
    assert_eq!(latest.json::<Release>().await.unwrap(), published);

    let path = "/api/v1/releases/runner/1.2.3/linux/x64?channel=stable";
    let version = server.get(path).await;
    assert_eq!(header(&version, "cache-control"), "public, max-age=300");
    assert_eq!(version.json::<Release>().await.unwrap(), published);

    for asset in &published.assets {
        let path = format!("/api/v1/download/{}", asset.download_id);
        assert_eq!(asset.download_id.len(), 35);
        let redirect = server.get(&path).await;
        assert_eq!(redirect.status(), 302);
        assert_eq!(header(&redirect, "cache-control"), "no-store");
        let location = header(&redirect, "location").to_owned();
        assert_eq!(
            location,
            format!("/artifacts/runner/1.2.3/linux/x64/{}", asset.filename)
        );
        let file = server.get(&location).await;
        assert_eq!(file.status(), 200);
        assert_eq!(header(&file, "content-length"), asset.size.to_string());
        assert_eq!(header(&file, "content-type"), "application/octet-stream");
        let etag = header(&file, "etag").to_owned();
        let bytes = file.bytes().await.unwrap();
        assert_eq!(
            bytes,
            contents("runner", "1.2.3", "linux/x64", &asset.filename)
        );

        let again = server
            .client
            .get(server.url(&location))
            .header("if-none-match", etag);
        let again = again.send().await.unwrap();
        assert_eq!(again.status(), 304);
    }
}

#[tokio::test]
async fn head_answers_where_get_does() {
    let server = Server::start().await;
    let release = server
        .release("cli", "1.0.0", "linux/x64", &["atlas"])
        .await;
    let download = format!("/api/v1/download/{}", release.assets[0].download_id);
    for (path, status) in [
        ("/healthz", 200),
        ("/api/v1/hub", 200),
        ("/api/v1/releases/cli/latest/linux/x64", 200),
        ("/api/v1/releases/cli/1.0.0/linux/x64", 200),
        (download.as_str(), 302),
        ("/artifacts/cli/1.0.0/linux/x64/atlas", 200),
    ] {
        let head = server.client.head(server.url(path)).send().await.unwrap();
        assert_eq!(head.status(), status, "{path}");
        if path.starts_with("/artifacts") {
            assert_eq!(
                header(&head, "content-length"),
                release.assets[0].size.to_string()
            );
        }
        assert!(head.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn latest_is_the_highest_version_that_has_the_platform() {
    let server = Server::start().await;
    let latest = async |query: &str| {
        let response = server
            .get(&format!("/api/v1/releases/runner/latest/{query}"))
            .await;
        match response.status().as_u16() {
            200 => Some(response.json::<Release>().await.unwrap().version),
            404 => None,
            other => panic!("{other}"),
        }
    };
    assert_eq!(latest("linux/x64").await, None);
    server.release("runner", "1.9.0", "linux/x64", &["r"]).await;
    server
        .release("runner", "1.10.0", "linux/x64", &["r"])
        .await;
    assert_eq!(latest("linux/x64").await.as_deref(), Some("1.10.0"));
    // Neither a backport nor a date in the future makes an older version the newest.
    let mut backport = server
        .release_body("runner", "1.9.1", "linux/x64", &["r"])
        .await;
    backport["published_at"] = json!("2999-01-01T00:00:00Z");
    server.publish("runner", &backport).await;
    assert_eq!(latest("linux/x64").await.as_deref(), Some("1.10.0"));
    // A release of another platform does not hide it.
    server
        .release("runner", "2.0.0", "windows/x64", &["r.exe"])
        .await;
    assert_eq!(latest("linux/x64").await.as_deref(), Some("1.10.0"));
    assert_eq!(latest("windows/x64").await.as_deref(), Some("2.0.0"));
    assert_eq!(latest("macos/arm64").await, None);
    server.release("runner", "2.0.0", "linux/x64", &["r"]).await;
    assert_eq!(latest("linux/x64").await.as_deref(), Some("2.0.0"));

    // Pre-releases count as less than their release, and in their own order.
    for version in ["3.0.0-beta.2", "3.0.0-beta.11", "3.0.0-alpha", "2.9.0"] {
        let mut body = server
            .release_body("runner", version, "linux/x64", &["r"])
            .await;
        body["channel"] = json!("beta");
        server.publish("runner", &body).await;
    }
    let beta = "linux/x64?channel=beta";
    assert_eq!(latest(beta).await.as_deref(), Some("3.0.0-beta.11"));
    assert_eq!(latest("linux/x64").await.as_deref(), Some("2.0.0"));
    let mut body = server
        .release_body("runner", "3.0.0", "linux/x64", &["r"])
        .await;
    body["channel"] = json!("beta");
    server.publish("runner", &body).await;
    assert_eq!(latest(beta).await.as_deref(), Some("3.0.0"));
}

#[tokio::test]
async fn builds_of_one_version_are_releases_of_their_own() {
    let server = Server::start().await;
    for version in ["1.0.0+b.2", "1.0.0+b.1"] {
        server.release("runner", version, "linux/x64", &["r"]).await;
    }
    let path = "/api/v1/releases/runner/1.0.0%2Bb.2/linux/x64";
    let release: Release = server.get(path).await.json().await.unwrap();
    assert_eq!(release.version, "1.0.0+b.2");
    let redirect = server
        .get(&format!(
            "/api/v1/download/{}",
            release.assets[0].download_id
        ))
        .await;
    let file = server.get(header(&redirect, "location")).await;
    assert_eq!(
        file.bytes().await.unwrap(),
        contents("runner", "1.0.0+b.2", "linux/x64", "r")
    );
    // Of equal precedence, so the one registered last.
    let latest: Release = server
        .get("/api/v1/releases/runner/latest/linux/x64")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(latest.version, "1.0.0+b.1");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    for (path, status, says) in [
        (
            "/api/v1/releases/unheard-of/latest/linux/x64",
            400,
            "unheard-of",
        ),
        ("/api/v1/releases/Runner/latest/linux/x64", 400, "Runner"),
        ("/api/v1/releases/runner/latest/amiga/x64", 400, "amiga"),
        ("/api/v1/releases/runner/latest/linux/m68k", 400, "m68k"),
        (
            "/api/v1/releases/runner/latest/linux/x64?channel=nightly",
            400,
            "nightly",
        ),
        (
            "/api/v1/releases/runner/latest/linux/x64?channel=a&channel=b",
            400,
            "query",
        ),
        ("/api/v1/releases/runner/latest/linux/%FF", 400, "UTF-8"),
        (
            "/api/v1/releases/runner/latest/linux/arm64",
            404,
            "linux-arm64",
        ),
        (
            "/api/v1/releases/runner/latest/linux/x64?channel=beta",
            404,
            "beta",
        ),
        (
            "/api/v1/releases/unheard-of/1.0.0/linux/x64",
            400,
            "unheard-of",
        ),
        ("/api/v1/releases/runner/1.0.0/linux/x86", 400, "x86"),
        ("/api/v1/releases/runner/v1.0.0/linux/x64", 400, "version"),
        (
            "/api/v1/releases/runner/1.0.0/linux/x64?channel=",
            400,
            "channel",
        ),
        ("/api/v1/releases/runner/1.0.1/linux/x64", 404, "1.0.1"),
        (
            "/api/v1/releases/runner/1.0.0/linux/arm64",
            404,
            "linux-arm64",
        ),
        (
            "/api/v1/download/dl_00000000000000000000000000000000",
            404,
            "download",
        ),
        (
            "/api/v1/download/00000000000000000000000000000000",
            400,
            "dl_",
        ),
        ("/api/v1/nothing", 404, "nothing"),
        ("/nothing", 404, "nothing"),
        ("/nothing/at/all", 404, "nothing"),
    ] {
        let response = server.get(path).await;
        assert_eq!(header(&response, "cache-control"), "no-store", "{path}");
        assert_eq!(
            header(&response, "content-type"),
            "application/json",
            "{path}"
        );
        let text = error(response, status).await;
        assert!(text.contains(says), "{path}: {text}");
    }
    for (method, path) in [
        ("GET", "/api/v1/storage/presign"),
        ("GET", "/api/v1/releases/runner/publish"),
        ("POST", "/api/v1/releases/runner/latest/linux/x64"),
        ("PUT", "/api/v1/deploy/app-tokens"),
        ("DELETE", "/artifacts/runner/1.0.0/linux/x64/r"),
        ("POST", "/healthz"),
    ] {
        let request = server
            .client
            .request(method.parse().unwrap(), server.url(path));
        let response = request.send().await.unwrap();
        assert!(!header(&response, "allow").is_empty(), "{path}");
        error(response, 405).await;
    }
}

#[tokio::test]
async fn a_file_that_no_release_refers_to_is_not_served() {
    let server = Server::start().await;
    let bytes = contents("runner", "1.0.0", "linux/x64", "r");
    let wanted = artifact("runner", "1.0.0", "linux/x64", "r", &bytes);
    let path = format!("/{}", wanted["key"].as_str().unwrap());
    server.upload(wanted["key"].as_str().unwrap(), &bytes).await;
    error(server.get(&path).await, 404).await;
    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    assert_eq!(server.get(&path).await.status(), 200);
}

#[tokio::test]
async fn the_hub_says_what_it_can_do() {
    let server = Server::start().await;
    let about: Value = server.get("/api/v1/hub").await.json().await.unwrap();
    assert_eq!(about["name"], "atlas-hub");
    assert_eq!(about["api"], "1");
    let features = json!(["draft", "objects", "promote", "yank", "oidc"]);
    assert_eq!(about["features"], features);
    assert!(
        about["version"]
            .as_str()
            .unwrap()
            .parse::<semver::Version>()
            .is_ok()
    );
    assert_eq!(server.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn paths_that_leave_their_folder_find_nothing() {
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    for path in [
        "/artifacts/../hub.db",
        "/artifacts/%2e%2e/hub.db",
        "/artifacts/runner/1.0.0/linux/x64/../../../../../hub.db",
        "/artifacts/..%2fhub.db",
        "/artifacts/..%5Chub.db",
        "/artifacts//etc/passwd",
        "/artifacts/%2Fetc%2Fpasswd",
        "/artifacts/runner/1.0.0/linux/x64/r%00",
        "/../lock",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn damaged_bytes_are_not_sent() {
    let server = Server::start().await;
    server
        .release("runner", "1.0.0", "linux/x64", &["runner"])
        .await;
    let path = "/artifacts/runner/1.0.0/linux/x64/runner";
    assert_eq!(server.get(path).await.status(), 200);
    let [blob] = server.files("blobs").try_into().unwrap();
    let bytes = std::fs::read(&blob).unwrap();
    let longer = [&bytes[..], b"x"].concat();
    for damaged in [&bytes[..10], &longer, &[]] {
        std::fs::write(&blob, damaged).unwrap();
        let said = error(server.get(path).await, 404).await;
        assert!(said.contains("are damaged"), "{said}");
        // Whoever reads cannot mend it.
        assert!(!said.contains("upload"), "{said}");
    }
    std::fs::remove_file(&blob).unwrap();
    let said = error(server.get(path).await, 404).await;
    assert!(said.contains("are damaged"), "{said}");
    assert_eq!(server.upload(&path[1..], &bytes).await, 200);
    assert_eq!(server.get(path).await.status(), 200);
    server.stop().await;
}
