//! The page for people: what is on it, what is not, and that nobody's text becomes HTML.

use crate::support::{Server, client, error, header};
use reqwest::{Method, Response};
use serde_json::json;

pub async fn html(server: &Server, path: &str) -> String {
    let answer = server.get(path).await;
    assert_eq!(answer.status(), 200, "{path}");
    safe(&answer);
    assert_eq!(header(&answer, "cache-control"), "public, max-age=60");
    let etag = header(&answer, "etag").to_owned();
    let text = answer.text().await.unwrap();
    let again = server
        .ask(Method::GET, path, &[("if-none-match", etag.as_str())])
        .await;
    assert_eq!(again.status(), 304, "{path}");
    assert_eq!(server.ask(Method::HEAD, path, &[]).await.status(), 200);
    for foreign in [
        "<script",
        "<iframe",
        "<form",
        " style=",
        " onclick",
        "src=\"http",
        "@import",
    ] {
        assert!(!text.contains(foreign), "{path}: {foreign}");
    }
    text
}

/// What a browser is told about every page.
pub fn safe(answer: &Response) {
    assert_eq!(header(answer, "content-type"), "text/html; charset=utf-8");
    let policy = header(answer, "content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self';"),
        "{policy}"
    );
    for part in [
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header(answer, "x-content-type-options"), "nosniff");
    assert_eq!(header(answer, "referrer-policy"), "no-referrer");
}

#[tokio::test]
async fn everything_about_a_release_is_there() {
    let server = Server::start().await;
    assert!(
        html(&server, "/")
            .await
            .contains("Nothing has been released")
    );
    let name = "atlas-runner-linux-x64";
    let names = [name, "atlas-runner-linux-x64.sig"];
    let old = server.release("runner", "1.2.3", "linux/x64", &names).await;
    let new = server
        .release("runner", "1.10.0", "linux/x64", &names)
        .await;
    server
        .release("runner", "1.10.0", "windows/x64", &["atlas-runner.exe"])
        .await;
    let mut beta = server
        .release_body("runner", "2.0.0-beta.1+b7", "macos/arm64", &["r"])
        .await;
    beta["channel"] = json!("beta");
    beta["notes"] = json!("Faster.\nSmaller.");
    server.publish("runner", &beta).await;

    let install = format!("curl -fsSL {}/download/runner/install | sh", server.base);
    for path in ["/", "/runner"] {
        let text = html(&server, path).await;
        let asset = &new.assets[0];
        for expected in [
            "<a href=\"/runner\"",
            "<span>stable</span> 1.10.0",
            "<span>beta</span> 2.0.0-beta.1+b7",
            "href=\"/runner/2.0.0-beta.1%2Bb7\"",
            "Linux x64",
            "Windows x64",
            name,
            &asset.sha256.to_string(),
            &format!("href=\"/api/v1/download/{}\"", asset.download_id),
            "| sha256sum --check",
            "install -m 755",
            "Get-FileHash",
            &install,
        ] {
            assert!(text.contains(expected), "{path}: {expected}\n{text}");
        }
        assert!(
            !text.contains(&old.assets[0].download_id),
            "{path} shows what is not newest"
        );
        assert!(text.contains("1 more file"), "{path}");
    }
    let text = html(&server, "/runner").await;
    assert!(text.contains("href=\"/runner/1.2.3\""));
    let text = html(&server, "/runner/1.2.3").await;
    for asset in &old.assets {
        assert!(text.contains(&asset.filename) && text.contains(&asset.sha256.to_string()));
        assert!(text.contains(&format!("/api/v1/download/{}", asset.download_id)));
    }
    let text = html(&server, "/runner/2.0.0-beta.1%2Bb7").await;
    assert!(text.contains("Faster.\nSmaller."));
    assert!(text.contains("shasum -a 256 --check"));
}

#[tokio::test]
async fn names_and_notes_stay_texts() {
    let server = Server::start().await;
    let name = "it's & $(x) `y`; é";
    let mut body = server
        .release_body("cli", "1.0.0", "linux/x64", &[name])
        .await;
    body["notes"] = json!("<script>alert(1)</script> & \"quotes\" <img src=x onerror=y>");
    server.publish("cli", &body).await;
    let reason = json!({"channel": "stable", "reason": "</p><script>x</script>"});
    let yanked = server
        .post("/api/v1/releases/cli/1.0.0/yank", &reason)
        .await;
    assert_eq!(yanked.status(), 200);
    for path in ["/", "/cli", "/cli/1.0.0"] {
        let text = html(&server, path).await;
        assert!(
            !text.contains("<img src=x") && !text.contains("</p><script"),
            "{path}"
        );
    }
    let text = html(&server, "/cli/1.0.0").await;
    assert!(
        text.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp;"),
        "{text}"
    );
    // The file's name is one word of the shell's, quotes and all.
    let word = r"it&#39;\&#39;&#39;s &#38; $(x) `y`; é";
    assert!(text.contains(word), "{text}");
    assert!(
        html(&server, "/cli")
            .await
            .contains("&#60;/p&#62;&#60;script&#62;")
    );
}

#[tokio::test]
async fn drafts_never_and_what_is_taken_back_marked() {
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    let later = server.release("runner", "1.1.0", "linux/x64", &["r"]).await;
    let mut draft = server
        .release_body("runner", "9.9.9", "linux/x64", &["secret-plan"])
        .await;
    draft["draft"] = json!(true);
    server.publish("runner", &draft).await;
    for path in ["/", "/runner"] {
        let text = html(&server, path).await;
        assert!(
            !text.contains("9.9.9") && !text.contains("secret-plan"),
            "{path}"
        );
    }
    assert_eq!(server.get("/runner/9.9.9").await.status(), 404);
    // A draft of a version that is there already stays unseen too.
    let mut draft = server
        .release_body("runner", "1.0.0", "linux/arm64", &["secret-plan"])
        .await;
    draft["draft"] = json!(true);
    server.publish("runner", &draft).await;
    assert!(!html(&server, "/runner/1.0.0").await.contains("secret-plan"));

    let reason = json!({"channel": "stable", "reason": "It forgets things"});
    let yanked = server
        .post("/api/v1/releases/runner/1.1.0/yank", &reason)
        .await;
    assert_eq!(yanked.status(), 200);
    let text = html(&server, "/").await;
    assert!(text.contains("<span>stable</span> 1.0.0") && !text.contains("1.1.0"));
    for path in ["/runner", "/runner/1.1.0"] {
        let text = html(&server, path).await;
        assert!(
            text.contains("Yanked") && text.contains("It forgets things"),
            "{path}"
        );
    }
    let text = html(&server, "/runner/1.1.0").await;
    assert!(text.contains(&later.assets[0].download_id));
    assert!(text.contains("sha256sum --check") && !text.contains("install -m 755"));
    assert!(!html(&server, "/runner/1.0.0").await.contains("Yanked"));
}

#[tokio::test]
async fn nothing_of_tokens_users_and_packs() {
    let server = Server::start().await;
    let pack = "secret-pack".parse().unwrap();
    server.hub.roster().add_pack(&pack).await.unwrap();
    server
        .hub
        .issue_app_token(Some("token-of-ours"), None)
        .await
        .unwrap();
    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    for path in ["/", "/runner", "/runner/1.0.0"] {
        let text = html(&server, path).await;
        for private in ["atlas_", "token-of-ours", "secret-pack", "signature="] {
            assert!(!text.contains(private), "{path}: {private}");
        }
    }
}

#[tokio::test]
async fn long_lists_go_on() {
    let server = Server::start().await;
    let body = server
        .release_body("runner", "1.0.0", "linux/x64", &["r"])
        .await;
    server.publish("runner", &body).await;
    for minor in 1..=60 {
        let version = format!("1.{minor}.0");
        server
            .release("runner", &version, "linux/x64", &["r"])
            .await;
    }
    let first = html(&server, "/runner").await;
    assert!(first.contains("/runner/1.11.0\"") && !first.contains("/runner/1.10.0\""));
    let next = first.split("class=\"next\" href=\"").nth(1).unwrap();
    let next = next.split('"').next().unwrap();
    let second = html(&server, next).await;
    assert!(second.contains("/runner/1.10.0\"") && second.contains("/runner/1.0.0\""));
    assert!(!second.contains("class=\"next\""));
    assert_eq!(server.get("/runner?after=nonsense").await.status(), 404);
    error(server.get("/runner?after=a&after=b").await, 400).await;
}

#[tokio::test]
async fn where_there_is_nothing_browsers_get_a_page_and_programs_json() {
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    let accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    for path in [
        "/nowhere",
        "/runner/2.0.0",
        "/runner/1.0.0/x",
        "/a/b/c/d",
        "/runner/latest",
        "/x.css",
    ] {
        let page = server.ask(Method::GET, path, &[("accept", accept)]).await;
        assert_eq!(page.status(), 404, "{path}");
        safe(&page);
        assert_eq!(header(&page, "vary"), "accept");
        assert_eq!(header(&page, "cache-control"), "no-store");
        let text = page.text().await.unwrap();
        assert!(
            text.contains("Nothing here") && !text.contains(path),
            "{path}"
        );
        error(server.get(path).await, 404).await;
        error(
            server
                .ask(Method::GET, path, &[("accept", "application/json")])
                .await,
            404,
        )
        .await;
    }
    // The API's own answers are JSON for everybody.
    let api = server
        .ask(
            Method::GET,
            "/api/v1/releases/nothing",
            &[("accept", accept)],
        )
        .await;
    error(api, 400).await;
}

/// What the page's routes match besides is what it was without them.
#[tokio::test]
async fn the_page_takes_nothing_from_the_api() {
    let server = Server::start().await;
    for (method, path, status) in [
        (Method::POST, "/nowhere", 404),
        (Method::DELETE, "/nowhere/at-all", 404),
        (Method::POST, "/runner", 405),
        (Method::PUT, "/runner/1.0.0", 405),
        (Method::POST, "/", 405),
        (Method::GET, "/packs/x", 405),
        (Method::GET, "/artifacts/x", 404),
    ] {
        let answer = server.ask(method.clone(), path, &[]).await;
        assert!(
            status != 405 || answer.headers().contains_key("allow"),
            "{method} {path}"
        );
        error(answer, status).await;
    }
    for path in ["/healthz", "/readyz"] {
        let answer = server.get(path).await;
        assert_eq!(
            header(&answer, "content-type"),
            "application/json",
            "{path}"
        );
    }
}

#[tokio::test]
async fn style_and_icon() {
    let server = Server::start().await;
    let text = html(&server, "/").await;
    let style = text.split("rel=\"stylesheet\" href=\"").nth(1).unwrap();
    let style = style.split('"').next().unwrap();
    for (path, expected) in [
        (style, "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "content-type"), expected);
        assert_eq!(header(&answer, "cache-control"), "public, max-age=86400");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        let text = answer.text().await.unwrap();
        assert!(
            !text.contains("url(") && !text.contains("@import"),
            "{path}"
        );
    }
}

/// The addresses in commands are the public ones, whatever a request says its host is.
#[tokio::test]
async fn commands_name_the_public_address() {
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config| {
        config.public_url = Some("https://hub.example".parse().unwrap());
    })
    .await;
    // Uploads go to the public address too, so this release is made by hand.
    let body = json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/c"});
    let presigned = server.presign(body).await;
    let url = presigned["url"].as_str().unwrap();
    let url = url.replace("https://hub.example", &server.base);
    let request = client()
        .put(url)
        .header("content-type", "application/octet-stream");
    assert_eq!(request.body("c").send().await.unwrap().status(), 201);
    let artifact = crate::support::artifact("cli", "1.0.0", "linux/x64", "c", b"c");
    let release = json!({
        "version": "1.0.0",
        "platform": {"os": "linux", "arch": "x64"},
        "artifacts": [artifact],
    });
    server.publish("cli", &release).await;
    let answer = server
        .ask(Method::GET, "/", &[("host", "evil.example")])
        .await;
    let text = answer.text().await.unwrap();
    assert!(
        text.contains("curl -fL -o c https://hub.example/api/v1/download/dl_"),
        "{text}"
    );
    assert!(!text.contains("evil.example"));
}
