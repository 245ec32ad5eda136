//! What installed launchers read.

use crate::support::{Server, artifact, contents, error, header};
use hub::HubConfig;
use release_types::{Release, UpdateManifest};
use serde_json::{Value, json};
use std::sync::Arc;

const UPDATES: &str = "/api/v1/launcher/updates";

/// Publishes a launcher with these files; each signature's text is its file's name and a line end.
async fn launcher(server: &Server, version: &str, channel: &str, names: &[&str]) -> Release {
    let mut artifacts = Vec::new();
    for name in names {
        let bytes = match name.strip_suffix(".sig") {
            Some(signed) => format!("signature of {signed}\n").into_bytes(),
            None => contents("launcher", version, "linux/x64", name),
        };
        let mut artifact = artifact("launcher", version, "linux/x64", name, &bytes);
        let installer = [".AppImage", ".deb", ".rpm", ".dmg"];
        if installer.iter().any(|ending| name.ends_with(ending)) {
            artifact["kind"] = json!("installer");
        }
        let status = server
            .upload(artifact["key"].as_str().unwrap(), &bytes)
            .await;
        assert!(status.is_success());
        artifacts.push(artifact);
    }
    let body = json!({
        "version": version,
        "channel": channel,
        "platform": {"os": "linux", "arch": "x64"},
        "artifacts": artifacts,
        "notes": "what is new",
        "published_at": "2024-05-06T07:08:09Z",
    });
    server.publish("launcher", &body).await
}

#[tokio::test]
async fn an_update_in_the_form_of_tauri() {
    let server = Server::start().await;
    let names = [
        "atlas.AppImage",
        "atlas.AppImage.sig",
        "atlas.AppImage.tar.gz",
        "atlas.AppImage.tar.gz.sig",
        "atlas.deb",
        "atlas.deb.sig",
        "atlas.rpm",
        "zebra.tar.gz",
        "zebra.tar.gz.sig",
    ];
    let release = launcher(&server, "1.2.0", "stable", &names).await;
    let answer = server.get(&format!("{UPDATES}/linux/x64")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "cache-control"), "public, max-age=60");
    let tag = header(&answer, "etag").to_owned();
    let update: Value = answer.json().await.unwrap();
    let file = |name: &str| {
        let asset = release.assets.iter().find(|asset| asset.filename == name);
        let id = &asset.unwrap().download_id;
        json!({
            "url": server.url(&format!("/api/v1/download/{id}")),
            "signature": format!("signature of {name}"),
        })
    };
    let expected = json!({
        "version": "1.2.0",
        "notes": "what is new",
        "pub_date": "2024-05-06T07:08:09Z",
        "platforms": {
            "linux-x86_64": file("atlas.AppImage.tar.gz"),
            "linux-x86_64-appimage": file("atlas.AppImage.tar.gz"),
            "linux-x86_64-deb": file("atlas.deb"),
        },
    });
    assert_eq!(update, expected);

    for path in ["/Linux/AMD64", "/linux/x86_64", "/stable/linux/x64"] {
        let path = format!("{UPDATES}{path}");
        let fields = [("if-none-match", tag.as_str())];
        let again = server.ask(reqwest::Method::GET, &path, &fields).await;
        assert_eq!(again.status(), 304, "{path}");
    }
    for (path, status) in [
        ("/beta/linux/x64", 404),
        ("/darwin/aarch64", 404),
        ("/osx/arm64", 404),
        ("/win32/x64", 404),
        ("/amiga/x64", 400),
        ("/linux/m68k", 400),
        ("/nightly/linux/x64", 400),
        ("/linux", 404),
    ] {
        error(server.get(&format!("{UPDATES}{path}")).await, status).await;
    }
}

#[tokio::test]
async fn only_what_is_signed_is_an_update() {
    let server = Server::start().await;
    let path = format!("{UPDATES}/beta/linux/x64");
    let version = async || {
        let answer = server.get(&path).await;
        match answer.status().as_u16() {
            200 => Some(answer.json::<UpdateManifest>().await.unwrap().version),
            404 => None,
            other => panic!("{other}"),
        }
    };
    launcher(&server, "1.0.0", "beta", &["atlas.deb"]).await;
    assert_eq!(version().await, None);
    launcher(&server, "1.1.0", "beta", &["atlas.deb", "atlas.deb.sig"]).await;
    assert_eq!(version().await.as_deref(), Some("1.1.0"));
    // A signature of something else, and a newer release that was never signed.
    launcher(&server, "1.2.0", "beta", &["atlas.deb", "atlas.rpm.sig"]).await;
    assert_eq!(version().await.as_deref(), Some("1.1.0"));
    launcher(&server, "1.10.0", "beta", &["atlas.deb", "atlas.deb.sig"]).await;
    assert_eq!(version().await.as_deref(), Some("1.10.0"));
    // It is taken back, offered again, and at last loses its signature.
    let path = "/api/v1/releases/launcher/1.10.0/yank";
    for (method, expected) in [("POST", "1.1.0"), ("DELETE", "1.10.0")] {
        let request = server
            .client
            .request(method.parse().unwrap(), server.url(path));
        let request = request.header(release_types::DEPLOY_TOKEN_HEADER, &server.token);
        let answer = request.json(&json!({"channel": "beta"})).send().await;
        assert_eq!(answer.unwrap().status(), 200);
        assert_eq!(version().await.as_deref(), Some(expected));
    }
    launcher(&server, "1.10.0", "beta", &["atlas.deb"]).await;
    assert_eq!(version().await.as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn the_address_of_an_update_is_the_public_one() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config: &mut HubConfig| {
        config.public_url = Some("https://hub.example:8443/".parse().unwrap());
    })
    .await;
    // Uploads would go to the public address.
    let bytes = b"bytes".to_vec();
    let mut artifacts = Vec::new();
    for name in ["atlas.deb", "atlas.deb.sig"] {
        let wanted = artifact("launcher", "1.0.0", "linux/x64", name, &bytes);
        let mut presigned = server.presign(json!({"key": wanted["key"]})).await;
        let url = presigned["url"].as_str().unwrap();
        presigned["url"] = json!(url.replace("https://hub.example:8443", &server.base));
        assert_eq!(
            server.put(&presigned, bytes.clone()).await.status(),
            crate::storage::taken()
        );
        artifacts.push(wanted);
    }
    let body = json!({
        "version": "1.0.0",
        "platform": {"os": "linux", "arch": "x64"},
        "artifacts": artifacts,
    });
    server.publish("launcher", &body).await;
    let forged = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
    ];
    let path = format!("{UPDATES}/linux/x64");
    let answer = server.ask(reqwest::Method::GET, &path, &forged).await;
    let update: UpdateManifest = answer.json().await.unwrap();
    let url = &update.platforms["linux-x86_64-deb"].url;
    assert!(url.starts_with("https://hub.example:8443/api/v1/download/dl_"));
}
