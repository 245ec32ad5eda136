//! Requests that no client of ours makes.

use crate::support::Server;
use release_types::Releases;
use serde_json::json;

/// However often a platform is named it is one, and is answered once.
#[tokio::test]
async fn what_is_named_twice_is_shown_once() {
    let server = Server::start().await;
    let mut draft = server
        .release_body("runner", "1.0.0", "linux/x64", &["a", "a.sig"])
        .await;
    draft["draft"] = json!(true);
    server.publish("runner", &draft).await;
    let platform = json!({"os": "linux", "arch": "x64"});
    let twice = json!({"product": "runner", "version": "1.0.0", "platforms": [platform, platform]});
    for _ in 0..2 {
        let body = json!({"releases": [twice, twice]});
        let answer = server.post("/api/v1/releases/finalize", &body).await;
        assert_eq!(answer.status(), 200);
        let shown: Releases = answer.json().await.unwrap();
        let [release] = &shown.releases[..] else {
            panic!("{shown:?}");
        };
        assert_eq!(release.assets.len(), 2);
    }
    server.stop().await;
}
