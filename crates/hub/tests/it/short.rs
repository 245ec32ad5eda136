//! The short addresses for people and scripts.

use crate::support::{Server, contents, error, header};
use release_types::Release;
use reqwest::Method;
use serde_json::json;

async fn with_installer(server: &Server, product: &str, platform: &str, name: &str) -> Release {
    let mut body = server
        .release_body(product, "1.0.0", platform, &["a-program", name])
        .await;
    body["artifacts"][1]["kind"] = json!("installer");
    server.publish(product, &body).await
}

fn to(release: &Release, name: &str) -> String {
    let asset = release.assets.iter().find(|asset| asset.filename == name);
    format!("/api/v1/download/{}", asset.unwrap().download_id)
}

#[tokio::test]
async fn each_short_address_leads_to_its_file() {
    let server = Server::start().await;
    let cli = with_installer(&server, "cli", "macos/arm64", "cli.pkg").await;
    let app = with_installer(&server, "launcher", "windows/x64", "app.exe").await;
    let runner = server
        .release("runner", "1.0.0", "linux/arm64", &["r", "r.sig"])
        .await;
    for (path, location) in [
        ("runner/latest/linux/arm64", to(&runner, "r")),
        ("runner/latest/LINUX/AArch64", to(&runner, "r")),
        ("cli/latest/macos/arm64", to(&cli, "a-program")),
        ("cli/latest/Darwin/ARM64", to(&cli, "a-program")),
        ("cli/installer/latest/osx/aarch64", to(&cli, "cli.pkg")),
        ("app/installer/latest/win32/amd64", to(&app, "app.exe")),
        ("app/installer/latest/windows/x86_64", to(&app, "app.exe")),
    ] {
        let answer = server.get(&format!("/download/{path}")).await;
        assert_eq!(answer.status(), 302, "{path}");
        assert_eq!(header(&answer, "location"), location, "{path}");
        assert_eq!(header(&answer, "cache-control"), "public, max-age=60");
        let file = server.get(&location).await;
        assert_eq!(file.status(), 302);
    }
    for (path, status, says) in [
        ("runner/latest/linux/x64", 404, "linux-x64"),
        ("runner/latest/amiga/x64", 400, "amiga"),
        ("runner/latest/linux/m68k", 400, "m68k"),
        ("app/installer/latest/linux/x64", 404, "installer"),
        ("app/latest/linux/x64", 404, "nothing"),
    ] {
        let answer = server.get(&format!("/download/{path}")).await;
        assert_eq!(header(&answer, "cache-control"), "no-store");
        let text = error(answer, status).await;
        assert!(text.contains(says), "{path}: {text}");
    }
}

#[tokio::test]
async fn without_a_platform_the_client_is_looked_at() {
    let server = Server::start().await;
    let mac = with_installer(&server, "launcher", "macos/arm64", "app.dmg").await;
    let linux = with_installer(&server, "launcher", "linux/x64", "app.AppImage").await;
    let path = "/download/app/installer/latest";
    let intel_mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15";
    for (agent, expected) in [
        // For want of an x64 one.
        (intel_mac, to(&mac, "app.dmg")),
        (
            "Mozilla/5.0 (X11; Linux x86_64)",
            to(&linux, "app.AppImage"),
        ),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = server.ask(method, path, &[("user-agent", agent)]).await;
            assert_eq!(answer.status(), 302);
            assert_eq!(header(&answer, "location"), expected);
            assert_eq!(header(&answer, "cache-control"), "no-store");
            assert!(header(&answer, "vary").contains("user-agent"));
            assert!(header(&answer, "accept-ch").contains("sec-ch-ua-arch"));
        }
    }
    let x64 = [
        ("user-agent", intel_mac),
        ("sec-ch-ua-arch", "\"x86\""),
        ("sec-ch-ua-bitness", "\"64\""),
    ];
    let text = error(server.ask(Method::GET, path, &x64).await, 404).await;
    assert!(text.contains("macos-x64"), "{text}");
    for agent in ["curl/8.5.0", "Mozilla/5.0 (Linux; Android 14; Pixel 8)"] {
        let answer = server
            .ask(Method::GET, path, &[("user-agent", agent)])
            .await;
        assert!(!header(&answer, "vary").is_empty());
        let text = error(answer, 400).await;
        assert!(text.contains("/latest/{os}/{arch}"), "{text}");
    }
}

#[tokio::test]
async fn the_newest_stable_file_of_the_kind_is_the_one() {
    let server = Server::start().await;
    let path = "/download/cli/latest/linux/x64";
    let old = server
        .release("cli", "1.9.0", "linux/x64", &["b", "a"])
        .await;
    assert_eq!(header(&server.get(path).await, "location"), to(&old, "a"));
    let new = server.release("cli", "1.10.0", "linux/x64", &["c"]).await;
    let mut beta = server
        .release_body("cli", "2.0.0-beta.1", "linux/x64", &["c"])
        .await;
    beta["channel"] = json!("beta");
    server.publish("cli", &beta).await;
    let mut other = server
        .release_body("cli", "1.11.0", "linux/x64", &["notes"])
        .await;
    other["artifacts"][0]["kind"] = json!("other");
    server.publish("cli", &other).await;
    assert_eq!(header(&server.get(path).await, "location"), to(&new, "c"));
    let redirect = server.get(&to(&new, "c")).await;
    let file = server.get(header(&redirect, "location")).await;
    let bytes = file.bytes().await.unwrap();
    assert_eq!(bytes, contents("cli", "1.10.0", "linux/x64", "c"));
}
