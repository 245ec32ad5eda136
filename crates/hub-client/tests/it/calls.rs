//! Presign, publish and reading, against a server that answers as a deployed Hub does.

use crate::support::*;
use hub_client::{AnswerProblem, ClientError, Difference, ErrorKind, HubClient, HubUrl};
use release_types::{Channel, Kind, PresignResponse, ProductName, Sha256Digest};
use serde_json::{Value, json};

fn runner() -> ProductName {
    "runner".parse().unwrap()
}

#[tokio::test]
async fn presign_sends_the_token_and_takes_the_answer() {
    let server = Server::start(|_, _| {
        ok(json!({
            "url": "https://storage.example/x?X-Amz-Signature=abc", "uploadHeaders": {"a": "b"},
            "key": format!("r2::{KEY}"), "provider": "r2",
        }))
    })
    .await;
    let answer = client(&format!("{}/", server.address))
        .presign(&presign_request())
        .await
        .unwrap();
    assert_eq!(
        (answer.provider.as_str(), answer.upload_headers.len()),
        ("r2", 1)
    );
    let seen = &server.seen()[0];
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", "/api/v1/storage/presign")
    );
    assert_eq!(seen.header(TOKEN_HEADER), Some(TOKEN));
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.json(), json!({"action": "upload", "key": KEY}));
}

#[tokio::test]
async fn a_path_prefix_and_many_slashes_are_kept_apart() {
    let server = Server::start(|_, _| status(404, "")).await;
    let client = client(&format!("{}/hub///", server.address));
    assert_eq!(client.capabilities().await.unwrap(), None);
    assert_eq!(server.seen()[0].target, "/hub/api/v1/hub");
}

#[tokio::test]
async fn presign_answers_that_must_not_be_used_are_refused() {
    let presign = |url: String, key: String, header: String| async move {
        let server = Server::start(move |_, _| {
            ok(json!({"url": url, "key": key, "provider": "r2", "uploadHeaders": {"x": header}}))
        })
        .await;
        client(&server.address)
            .presign(&presign_request())
            .await
            .unwrap_err()
    };
    let (url, key) = ("https://s.example/x?sig=q", format!("r2::{KEY}"));
    let none = String::new;

    let error = presign(url.into(), format!("r2::{KEY}x"), none()).await;
    assert!(matches!(&error, ClientError::Mismatch { differences, .. }
        if matches!(&differences[..], [Difference::Field { field: "key", .. }])));
    assert_eq!(error.kind(), ErrorKind::Verification);

    for bad in [
        "http://s.example/x?sig=q",
        "https://u:p@s.example/x?sig=q",
        "ftp://s.example/x?sig=q",
    ] {
        let error = presign(bad.into(), key.clone(), none()).await;
        assert!(
            matches!(&error, ClientError::Insecure { to, .. } if to == "s.example"),
            "{error}"
        );
        assert!(!shown(&error).contains("sig="), "{error:?}");
    }
    let error = presign(format!("https://s.example/{TOKEN}"), key.clone(), none()).await;
    assert!(matches!(error, ClientError::Insecure { .. }));
    let error = presign(url.into(), key.clone(), format!("Bearer {TOKEN}")).await;
    assert!(matches!(error, ClientError::Insecure { .. }));
    assert!(!shown(&error).contains(TOKEN));
    let error = presign("x?sig=q".into(), key, none()).await;
    assert!(matches!(
        error,
        ClientError::UnexpectedAnswer {
            problem: AnswerProblem::Unusable(_),
            ..
        }
    ));
}

#[tokio::test]
async fn publish_returns_what_the_hub_registered() {
    let server = Server::start(|seen, _| status(201, release_of(&seen.json()).to_string())).await;
    let request = publish_request(&["a", "b"]);
    let release = client(&server.address)
        .publish(&runner(), &request)
        .await
        .unwrap();
    assert_eq!(release.assets.len(), 2);
    let seen = &server.seen()[0];
    assert_eq!(seen.target, "/api/v1/releases/runner/publish");
    assert_eq!(seen.header(TOKEN_HEADER), Some(TOKEN));
    assert_eq!(seen.json(), serde_json::to_value(&request).unwrap());
}

/// Publishes `a` and `b` to a Hub that alters its answer.
async fn differences(alter: fn(&mut Value)) -> (String, Vec<Difference>) {
    let server = Server::start(move |seen, _| {
        let mut release = release_of(&seen.json());
        alter(&mut release);
        status(201, release.to_string())
    })
    .await;
    let publish = client(&server.address);
    let error = publish
        .publish(&runner(), &publish_request(&["a", "b"]))
        .await
        .unwrap_err();
    let text = error.to_string();
    match error {
        ClientError::Mismatch { differences, .. } => (text, differences),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn artifacts_that_a_hub_drops_or_alters_are_named() {
    let (text, found) = differences(|r| {
        r["assets"].as_array_mut().unwrap().remove(1);
    })
    .await;
    assert_eq!(
        found,
        [Difference::Missing {
            filename: "b".into()
        }]
    );
    assert!(
        text.contains("cannot publish runner 1.2.3 for linux-x64"),
        "{text}"
    );
    assert!(text.contains("`b` was dropped"), "{text}");

    let (text, found) = differences(|r| {
        r["assets"][0]["size"] = 4.into();
        r["assets"][1]["filename"] = "c\u{1b}[2J\u{202e}".into();
    })
    .await;
    let names: Vec<_> = found.iter().map(|d| d.filename().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c [2J"]);
    assert!(text.contains("`a` has size 4, not 3"), "{text}");

    let (_, found) = differences(|r| {
        r["assets"][0]["sha256"] = "0".repeat(64).into();
        r["assets"][0]["kind"] = "other".into();
        let again = r["assets"][1].clone();
        r["assets"].as_array_mut().unwrap().push(again);
    })
    .await;
    assert_eq!(found.len(), 3);

    let (text, found) = differences(|r| {
        r["channel"] = "stable".into();
        r["version"] = "v1.2.3".into();
        r["platform"]["arch"] = "arm64".into();
        r["product"] = "cli".into();
    })
    .await;
    assert_eq!(found.len(), 4);
    assert!(text.contains("channel is `stable`, not `beta`"), "{text}");
}

#[tokio::test]
async fn lists_that_would_empty_a_platform_are_not_sent() {
    let server = Server::start(|_, _| status(500, "")).await;
    let client = client(&server.address);
    let error = client
        .publish(&runner(), &publish_request(&["a", "a"]))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("two artifacts are called `a`"),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Usage);
    let error = client
        .publish(&runner(), &publish_request(&[]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn reading_is_anonymous_and_escapes_the_version() {
    let server = Server::start(|seen, _| {
        let mut request = serde_json::to_value(publish_request(&["a"])).unwrap();
        if !seen.target.contains("latest") {
            request["version"] = "v1.0.0+b/..".into();
        }
        ok(release_of(&request))
    })
    .await;
    let client = client(&server.address);
    let platform = "linux-x64".parse().unwrap();
    let latest = client
        .latest(&runner(), platform, Channel::Beta)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(latest.assets[0].kind, Kind::Binary);
    client
        .release(&runner(), "v1.0.0+b/..", platform, Channel::Beta)
        .await
        .unwrap()
        .unwrap();
    let error = client
        .release(&runner(), "1.0.0", platform, Channel::Beta)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Mismatch { .. }));
    for version in ["", ".", "..", "latest"] {
        let error = client
            .release(&runner(), version, platform, Channel::Beta)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{version}");
    }
    let seen = server.seen();
    assert_eq!(
        seen[0].target,
        "/api/v1/releases/runner/latest/linux/x64?channel=beta"
    );
    assert_eq!(
        seen[1].target,
        "/api/v1/releases/runner/v1.0.0%2Bb%2F../linux/x64?channel=beta"
    );
    assert!(!seen.iter().any(Seen::tells_a_token));
}

#[tokio::test]
async fn what_is_not_there_is_none() {
    let server = Server::start(|_, _| status(404, r#"{"error":"no such release"}"#)).await;
    let client = client(&server.address);
    let platform = "linux-x64".parse().unwrap();
    assert_eq!(
        client
            .latest(&runner(), platform, Channel::Dev)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        client
            .release(&runner(), "1.0.0", platform, Channel::Dev)
            .await
            .unwrap(),
        None
    );
    // A deployed Hub answers its web page for paths it does not know.
    let server = Server::start(|_, _| status(404, "<!doctype html><html></html>")).await;
    assert_eq!(
        self::client(&server.address).capabilities().await.unwrap(),
        None
    );
}

#[tokio::test]
async fn capabilities_are_read() {
    let server = Server::start(|_, _| {
        ok(json!({"name": "atlas-hub", "version": "0.1.0", "api": "1", "features": ["draft"]}))
    })
    .await;
    let found = client(&server.address)
        .capabilities()
        .await
        .unwrap()
        .unwrap();
    assert!(found.has("draft") && !found.has("yank"));
    assert!(!server.seen()[0].tells_a_token());
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = Server::start(|_, _| status(500, "")).await;
    let client = builder(&server.address)
        .deploy_token(None)
        .admin_token(None)
        .build()
        .unwrap();
    assert!(!client.can_publish());
    let error = client.presign(&presign_request()).await.unwrap_err();
    assert!(
        error.to_string().ends_with("no deploy token was given"),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn tokens_are_trimmed_or_refused() {
    let build = |token: &str| {
        HubClient::builder(HubUrl::parse("https://hub.example").unwrap())
            .deploy_token(Some(token.to_owned().into()))
            .build()
    };
    for bad in ["", " \n", "a b", "a\nb", "é"] {
        let error = build(bad).unwrap_err();
        assert!(matches!(error, ClientError::InvalidToken { .. }), "{bad:?}");
    }
    let server = Server::start(|_, _| status(401, "")).await;
    let client = builder(&server.address)
        .deploy_token(Some(format!(" {TOKEN}\n").into()))
        .build()
        .unwrap();
    client.presign(&presign_request()).await.unwrap_err();
    assert_eq!(server.seen()[0].header(TOKEN_HEADER), Some(TOKEN));
    assert!(!format!("{client:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_client_says_who_it_is() {
    let server = Server::start(|_, _| status(404, "")).await;
    let client = builder(&server.address).user_agent("atlas-release/1.2.3");
    client.build().unwrap().capabilities().await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.header("user-agent"), Some("atlas-release/1.2.3"));
}

/// Compiles only where every call may run as a task of its own.
#[tokio::test]
async fn calls_can_be_spawned() {
    let server = Server::start(|_, _| status(400, "")).await;
    let client = client(&server.address);
    let task = tokio::spawn(async move {
        let (product, platform) = (runner(), "linux-x64".parse().unwrap());
        let signed = PresignResponse {
            url: client.hub().to_string(),
            upload_headers: Default::default(),
            key: KEY.to_owned(),
            provider: "r2".to_owned(),
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        let empty = Sha256Digest::of(b"");
        let refused = [
            client.presign(&presign_request()).await.map(drop),
            client
                .upload(&signed, file.path(), 0, empty, |_| {})
                .await
                .map(drop),
            client
                .publish(&product, &publish_request(&["a"]))
                .await
                .map(drop),
            client
                .latest(&product, platform, Channel::Stable)
                .await
                .map(drop),
            client
                .release(&product, "1.0.0", platform, Channel::Stable)
                .await
                .map(drop),
            client.digest_of_download("dl_0", 1).await.map(drop),
            client
                .download("dl_0", 1, &mut tokio::io::sink())
                .await
                .map(drop),
            client.capabilities().await.map(drop),
            client.list_app_tokens().await.map(drop),
            client.issue_app_token(&Default::default()).await.map(drop),
            client.revoke_app_token("t1").await.map(drop),
        ];
        refused.map(|result| result.unwrap_err().kind())
    });
    assert_eq!(task.await.unwrap(), [ErrorKind::Refused; 11]);
}
