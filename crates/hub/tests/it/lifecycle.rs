//! Drafts, promotion and releases that are taken back.

use crate::support::{Server, error};
use release_types::{Release, ReleaseState, ReleaseSummary, Releases};
use reqwest::{Method, Response};
use serde_json::{Map, Value, json};

const FINALIZE: &str = "/api/v1/releases/finalize";

async fn draft(server: &Server, product: &str, version: &str, platform: &str) -> (Value, Release) {
    let mut body = server
        .release_body(product, version, platform, &["a", "a.sig"])
        .await;
    body["draft"] = json!(true);
    let release = server.publish(product, &body).await;
    (body, release)
}

fn wanted(product: &str, version: &str, platforms: &[&str]) -> Value {
    let platform = |name: &&str| {
        let (os, arch) = name.split_once('/').unwrap();
        json!({"os": os, "arch": arch})
    };
    let platforms: Vec<Value> = platforms.iter().map(platform).collect();
    json!({"product": product, "version": version, "channel": "stable", "platforms": platforms})
}

async fn delete(server: &Server, path: &str, body: &Value) -> Response {
    let request = server.client.delete(server.url(path));
    let request = request.header(release_types::DEPLOY_TOKEN_HEADER, &server.token);
    request.json(body).send().await.unwrap()
}

/// Every read that there is, for one platform of one release of the runner or its daemon.
async fn is_visible(server: &Server, release: &Release) -> bool {
    let (product, version) = (&release.product, &release.version);
    let (os, arch) = (release.platform.os, release.platform.arch);
    let list = server.get(&format!("/api/v1/releases/{product}")).await;
    let list: Value = list.json().await.unwrap();
    let listed = list["releases"].as_array().unwrap().iter().any(|listed| {
        let platforms = listed["platforms"].as_array().unwrap();
        listed["version"] == **version && platforms.contains(&json!({"os": os, "arch": arch}))
    });
    let mut seen = vec![listed];
    let mut paths = vec![
        format!("/api/v1/releases/{product}/latest/{os}/{arch}"),
        format!("/api/v1/releases/{product}/{version}/{os}/{arch}"),
    ];
    for asset in &release.assets {
        let name = &asset.filename;
        paths.push(format!("/api/v1/download/{}", asset.download_id));
        paths.push(format!("/artifacts/{product}/{version}/{os}/{arch}/{name}"));
    }
    for path in paths {
        seen.push(server.get(&path).await.status() != 404);
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "visible in one place and not in another");
    seen[0]
}

#[tokio::test]
async fn drafts_are_seen_by_nobody_until_all_are_there() {
    let server = Server::start().await;
    let mut drafts = Vec::new();
    for (product, platform) in [
        ("runner", "linux/x64"),
        ("runner", "macos/arm64"),
        ("runnerd", "linux/x64"),
    ] {
        let (body, release) = draft(&server, product, "1.0.0", platform).await;
        // The same again is the same.
        server.pass(10);
        let again = server.publish(product, &body).await;
        assert_eq!(again.assets, release.assets);
        assert!(!is_visible(&server, &release).await);
        drafts.push(release);
    }
    let all = json!({"releases": [
        wanted("runner", "1.0.0", &["linux/x64", "macos/arm64"]),
        wanted("runnerd", "1.0.0", &["linux/x64", "windows/x64"]),
    ]});
    let text = error(server.post(FINALIZE, &all).await, 409).await;
    assert!(
        text.contains("runnerd 1.0.0 stable windows-x64 was never registered"),
        "{text}"
    );
    assert!(!text.contains("linux-x64"), "{text}");
    for release in &drafts {
        assert!(!is_visible(&server, release).await);
    }

    let (_, windows) = draft(&server, "runnerd", "1.0.0", "windows/x64").await;
    drafts.push(windows);
    let answer = server.post(FINALIZE, &all).await;
    assert_eq!(answer.status(), 200);
    let done: Releases = answer.json().await.unwrap();
    let assets = |releases: &[Release]| -> Vec<_> {
        let assets = releases.iter().map(|release| release.assets.clone());
        assets.collect()
    };
    assert_eq!(assets(&done.releases), assets(&drafts));
    for release in &done.releases {
        assert!(is_visible(&server, release).await);
    }
    let dates: Vec<_> = done.releases.iter().map(|r| r.published_at).collect();
    assert!(dates.iter().all(|date| *date == dates[0]));

    server.pass(100);
    let again: Releases = server.post(FINALIZE, &all).await.json().await.unwrap();
    assert_eq!(again, done);
}

#[tokio::test]
async fn a_draft_leaves_what_is_published_as_it_is() {
    let server = Server::start().await;
    let published = server
        .release("runner", "1.0.0", "linux/x64", &["a", "b"])
        .await;
    let path = "/api/v1/releases/runner/1.0.0/linux/x64";
    let mut body = server
        .release_body("runner", "1.0.0", "linux/x64", &["b", "c"])
        .await;
    body["draft"] = json!(true);
    body["notes"] = json!("new");
    body["published_at"] = json!("2024-05-06T07:08:09Z");
    let drafted = server.publish("runner", &body).await;
    // What stays keeps its address, what is new has one already.
    assert_eq!(drafted.assets[0], published.assets[1]);
    assert_eq!(server.publish("runner", &body).await, drafted);
    let now: Release = server.get(path).await.json().await.unwrap();
    assert_eq!(now, published);

    let all = json!({"releases": [wanted("runner", "1.0.0", &["linux/x64"])]});
    let done: Releases = server.post(FINALIZE, &all).await.json().await.unwrap();
    assert_eq!(done.releases, [drafted]);
    let now: Release = server.get(path).await.json().await.unwrap();
    assert_eq!(now, done.releases[0]);

    // What is published at once is newer than a draft, which is gone then.
    server.publish("runner", &body).await;
    let direct = server.release("runner", "1.0.0", "linux/x64", &["d"]).await;
    let done: Releases = server.post(FINALIZE, &all).await.json().await.unwrap();
    assert_eq!(done.releases, [direct]);
}

#[tokio::test]
async fn a_draft_whose_bytes_have_changed_is_not_shown() {
    let server = Server::start().await;
    let (_, release) = draft(&server, "runner", "1.0.0", "linux/x64").await;
    let (_, other) = draft(&server, "runnerd", "1.0.0", "linux/x64").await;
    let all = json!({"releases": [
        wanted("runner", "1.0.0", &["linux/x64"]),
        wanted("runnerd", "1.0.0", &["linux/x64"]),
    ]});
    // Nobody has seen the draft, so a build that is repeated may replace its bytes.
    let key = "artifacts/runnerd/1.0.0/linux/x64/a";
    assert_eq!(server.upload(key, b"rebuilt").await, 201);
    let text = error(server.post(FINALIZE, &all).await, 409).await;
    assert!(text.contains("`a` of runnerd 1.0.0"), "{text}");
    for release in [&release, &other] {
        assert!(!is_visible(&server, release).await);
    }
    draft(&server, "runnerd", "1.0.0", "linux/x64").await;
    assert_eq!(server.post(FINALIZE, &all).await.status(), 200);
    // And now they may not.
    assert_eq!(server.upload(key, b"rebuilt").await, 409);
}

#[tokio::test]
async fn a_draft_is_shown_by_nobody_who_has_made_another_one() {
    let server = Server::start().await;
    let (_, release) = draft(&server, "runner", "1.0.0", "linux/x64").await;
    let (_, other) = draft(&server, "runner", "1.0.0", "macos/x64").await;
    let key = |name: &str| format!("artifacts/runner/1.0.0/linux/x64/{name}");
    let files = release.assets.iter();
    let files = files.map(|asset| (key(&asset.filename), json!(asset.sha256)));
    let files: Map<String, Value> = files.collect();
    let call = |files: &Map<String, Value>| {
        let mut wanted = wanted("runner", "1.0.0", &["linux/x64", "macos/x64"]);
        wanted["files"] = json!(files);
        json!({"releases": [wanted]})
    };
    let [mut fewer, mut changed, mut more] = [files.clone(), files.clone(), files.clone()];
    fewer.remove(&key("a"));
    changed[&key("a")] = json!("0".repeat(64));
    more.insert(key("b"), json!("0".repeat(64)));
    for files in [&fewer, &changed, &more] {
        let text = error(server.post(FINALIZE, &call(files)).await, 409).await;
        let says = "the draft of runner 1.0.0 stable linux-x64 has other files";
        assert!(text.contains(says), "{text}");
        assert!(!is_visible(&server, &other).await);
    }
    for wrong in [json!([]), json!({"a/../b": "0"}), json!({ key("a"): 1 })] {
        let mut wanted = wanted("runner", "1.0.0", &["linux/x64"]);
        wanted["files"] = wrong;
        let body = json!({"releases": [wanted]});
        let text = error(server.post(FINALIZE, &body).await, 400).await;
        assert!(text.contains("files"), "{text}");
    }
    // The platform of which nothing is said is shown as it is.
    let answer = server.post(FINALIZE, &call(&files)).await;
    assert_eq!(answer.status(), 200);
    for release in [&release, &other] {
        assert!(is_visible(&server, release).await);
    }
}

#[tokio::test]
async fn what_cannot_be_finalized_is_refused() {
    let server = Server::start().await;
    draft(&server, "runner", "1.0.0", "linux/x64").await;
    let good = wanted("runner", "1.0.0", &["linux/x64"]);
    let with = |field: &str, value: Value| {
        let mut second = good.clone();
        second[field] = value;
        json!({"releases": [good, second]})
    };
    for (body, says) in [
        (json!({}), "`releases`"),
        (json!({"releases": []}), "`releases`"),
        (json!({"releases": [1]}), "`releases[0]`"),
        (
            with("product", json!("unheard-of")),
            "releases[1]: `unheard-of`",
        ),
        (with("product", Value::Null), "releases[1]: `product`"),
        (with("version", json!("1.0")), "releases[1]: `version`"),
        (with("channel", json!("nightly")), "releases[1]: `channel`"),
        (with("platforms", json!([])), "releases[1]: `platforms`"),
        (
            with("platforms", json!([{"os": "linux"}])),
            "releases[1]: platforms[0]: `arch`",
        ),
        (
            json!({"releases": vec![good.clone(); 501]}),
            "more than 500",
        ),
    ] {
        let text = error(server.post(FINALIZE, &body).await, 400).await;
        assert!(text.contains(says), "{says}: {text}");
    }
    let all = json!({"releases": [good]});
    error(server.post_with("wrong", FINALIZE, &json!({})).await, 401).await;
    let mut wrong = server
        .release_body("runner", "1.0.0", "linux/x64", &["a"])
        .await;
    wrong["draft"] = json!("yes");
    let answer = server.post("/api/v1/releases/runner/publish", &wrong).await;
    assert!(error(answer, 400).await.contains("`draft`"));
    assert_eq!(server.post(FINALIZE, &all).await.status(), 200);
}

#[tokio::test]
async fn a_release_that_is_taken_back_is_never_the_newest() {
    let server = Server::start().await;
    let latest = async || {
        let path = "/api/v1/releases/runner/latest/linux/x64";
        let release: Release = server.get(path).await.json().await.unwrap();
        let short = server.get("/download/runner/latest/linux/x64").await;
        let location = crate::support::header(&short, "location").to_owned();
        assert!(location.ends_with(&release.assets[0].download_id));
        release.version
    };
    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    let bad = server.release("runner", "1.1.0", "linux/x64", &["r"]).await;
    assert_eq!(latest().await, "1.1.0");
    let yank = "/api/v1/releases/runner/1.1.0/yank";
    let body = json!({"channel": "stable", "reason": "it does not start"});
    let answer = server.post(yank, &body).await;
    assert_eq!(answer.status(), 200);
    let summary: ReleaseSummary = answer.json().await.unwrap();
    assert_eq!(summary.state, ReleaseState::Yanked);
    assert_eq!(summary.yank_reason.as_deref(), Some("it does not start"));
    assert_eq!(latest().await, "1.0.0");
    // Still there by version, with the files it had.
    let path = "/api/v1/releases/runner/1.1.0/linux/x64";
    let still: Release = server.get(path).await.json().await.unwrap();
    assert_eq!(still, bad);
    let download = format!("/api/v1/download/{}", bad.assets[0].download_id);
    assert_eq!(server.get(&download).await.status(), 302);
    // Registering it again does not bring it back, and the same call answers the same.
    server.release("runner", "1.1.0", "linux/x64", &["r"]).await;
    assert_eq!(latest().await, "1.0.0");
    server.pass(100);
    let again: ReleaseSummary = server.post(yank, &body).await.json().await.unwrap();
    assert_eq!(again, summary);

    let offered = delete(&server, yank, &json!({"channel": "stable"})).await;
    assert_eq!(offered.status(), 200);
    let offered: ReleaseSummary = offered.json().await.unwrap();
    assert_eq!(offered.state, ReleaseState::Published);
    assert_eq!((offered.yanked_at, offered.yank_reason), (None, None));
    assert_eq!(latest().await, "1.1.0");

    for (path, body, status, says) in [
        (
            yank,
            json!({"channel": "beta"}),
            404,
            "not released on beta",
        ),
        (yank, json!({"channel": "nightly"}), 400, "nightly"),
        (yank, json!({"reason": "x".repeat(1001)}), 400, "`reason`"),
        (
            "/api/v1/releases/runner/1.1/yank",
            json!({}),
            400,
            "version",
        ),
        ("/api/v1/releases/no/1.1.0/yank", json!({}), 400, "`no`"),
    ] {
        let text = error(server.post(path, &body).await, status).await;
        assert!(text.contains(says), "{text}");
        let text = error(delete(&server, path, &body).await, status).await;
        assert!(text.contains(says), "{text}");
    }
    error(server.post_with("wrong", yank, &body).await, 401).await;
    let request = server.ask(Method::DELETE, yank, &[]).await;
    error(request, 401).await;
}

#[tokio::test]
async fn a_promoted_release_is_the_same_on_another_channel() {
    let server = Server::start().await;
    let mut beta = Vec::new();
    for platform in ["windows/x64", "linux/x64"] {
        let mut body = server
            .release_body("runner", "2.0.0", platform, &["a", "a.sig"])
            .await;
        body["channel"] = json!("beta");
        beta.push(server.publish("runner", &body).await);
    }
    let promote = "/api/v1/releases/runner/2.0.0/promote";
    let body = json!({"from": "beta", "to": "stable"});
    let answer = server.post(promote, &body).await;
    assert_eq!(answer.status(), 201);
    let promoted: Releases = answer.json().await.unwrap();
    assert_eq!(promoted.releases.len(), 2);
    for (promoted, beta) in promoted.releases.iter().zip(&beta) {
        assert_eq!(promoted.channel.as_str(), "stable");
        assert_eq!(promoted.platform, beta.platform);
        for (promoted, beta) in promoted.assets.iter().zip(&beta.assets) {
            assert_eq!(promoted.sha256, beta.sha256);
            let location = async |id: &str| {
                let redirect = server.get(&format!("/api/v1/download/{id}")).await;
                crate::support::header(&redirect, "location").to_owned()
            };
            assert_eq!(
                location(&promoted.download_id).await,
                location(&beta.download_id).await
            );
        }
    }
    let path = "/api/v1/releases/runner/latest/linux/x64";
    let latest: Release = server.get(path).await.json().await.unwrap();
    assert_eq!(latest, promoted.releases[1]);
    server.pass(100);
    let again: Releases = server.post(promote, &body).await.json().await.unwrap();
    assert_eq!(again, promoted);

    for (path, body, status, says) in [
        (
            promote,
            json!({"from": "dev", "to": "beta"}),
            404,
            "not released on dev",
        ),
        (
            promote,
            json!({"from": "beta", "to": "beta"}),
            400,
            "same channel",
        ),
        (promote, json!({"from": "beta"}), 400, "`to`"),
        (promote, json!({"from": "beta", "to": "x"}), 400, "`to`"),
    ] {
        let text = error(server.post(path, &body).await, status).await;
        assert!(text.contains(says), "{text}");
    }
    error(server.post_with("wrong", promote, &body).await, 401).await;
    // What was taken back on either channel is not spread.
    for channel in ["stable", "beta"] {
        let yank = "/api/v1/releases/runner/2.0.0/yank";
        let named = json!({"channel": channel});
        assert_eq!(server.post(yank, &named).await.status(), 200);
        let text = error(server.post(promote, &body).await, 409).await;
        assert!(text.contains(&format!("yanked on {channel}")), "{text}");
        assert_eq!(delete(&server, yank, &named).await.status(), 200);
    }
}
