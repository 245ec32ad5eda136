//! The page as people use it: with many products, with notes that somebody wrote for them, and when the
//! Hub cannot answer.

use crate::page::{html, safe};
use crate::support::{Server, error, header};
use hub::Limits;
use reqwest::{Method, Response};
use serde_json::json;
use std::sync::Arc;

const ACCEPT: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

#[tokio::test]
async fn with_many_products_the_files_are_folded() {
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    let text = html(&server, "/").await;
    assert!(text.contains("<details class=\"newest\" open>"), "{text}");
    server.release("cli", "2.0.0", "linux/x64", &["c"]).await;
    let text = html(&server, "/").await;
    assert_eq!(text.matches("<details class=\"newest\">").count(), 2);
    assert!(!text.contains(" open>"));
    // What is newest is seen without unfolding anything, and leads on.
    for seen in [
        "<span>stable</span> 1.0.0",
        "href=\"/runner/1.0.0\"",
        "href=\"/cli\"",
    ] {
        let unfolded: String = text
            .split("<details")
            .map(|part| part.rsplit("</details>").next().unwrap())
            .collect();
        assert!(unfolded.contains(seen), "{seen}: {unfolded}");
    }
    // The product's own page has them all open.
    assert!(!html(&server, "/cli").await.contains("class=\"newest\""));
}

#[tokio::test]
async fn notes_are_markdown() {
    let server = Server::start().await;
    let mut body = server
        .release_body("cli", "1.0.0", "linux/x64", &["c"])
        .await;
    body["notes"] = json!(
        "## News\n\n- **faster**, see [why](https://x.example/)\n\n\
         ![picture](https://x.example/p.png) [bad](javascript:alert)"
    );
    server.publish("cli", &body).await;
    let text = html(&server, "/cli/1.0.0").await;
    for shown in [
        "<h4>News</h4>",
        "<li><strong>faster</strong>, see <a href=\"https://x.example/\">why</a></li>",
        "<a href=\"https://x.example/p.png\">picture</a> bad</p>",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
}

/// A page that says so, with what programs are told in the header fields.
async fn told(answer: Response, status: u16, says: &str) {
    assert_eq!(answer.status(), status);
    safe(&answer);
    assert_eq!(header(&answer, "vary"), "accept");
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert!(!header(&answer, "retry-after").is_empty());
    let text = answer.text().await.unwrap();
    assert!(
        text.starts_with("<!doctype html>") && text.contains(says),
        "{text}"
    );
}

#[tokio::test]
async fn who_asks_too_often_or_too_early_gets_a_page() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::start_in(dir, |config| {
        config.limits = Limits {
            peer_rate: 1,
            ..Limits::default()
        };
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let from = ("x-forwarded-for", "192.0.2.1");
    let ask = async |path: &str, accept| server.ask(Method::GET, path, &[from, accept]).await;
    let json = ("accept", "application/json");
    let mut last = ask("/", json).await;
    while last.status() == 200 {
        last = ask("/", json).await;
    }
    error(last, 429).await;
    for path in ["/", "/runner", "/nowhere/at/all"] {
        told(ask(path, ACCEPT).await, 429, "Too many requests").await;
    }
    // The API's own answers are JSON for everybody.
    error(ask("/api/v1/hub", ACCEPT).await, 429).await;

    server.hub.clone().close().await;
    for path in ["/", "/runner/1.0.0", "/download/runner/latest/linux/x64"] {
        let answer = server.ask(Method::GET, path, &[ACCEPT]).await;
        told(answer, 503, "Not now").await;
        error(server.get(path).await, 503).await;
    }
}
