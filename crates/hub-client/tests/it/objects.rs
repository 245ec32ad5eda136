//! What is asked before anything is sent: leave to publish, what is stored, and what time it is.

use crate::support::*;
use axum::http::HeaderValue;
use hub_client::{AnswerProblem, ClientError, ErrorKind};
use release_types::{ProductName, Sha256Digest};
use serde_json::{Value, json};

fn runner() -> ProductName {
    "runner".parse().unwrap()
}

#[tokio::test]
async fn leave_is_asked_with_an_empty_request() {
    let server = Server::start(|_, _| status(400, r#"{"error":"`version` is missing"}"#)).await;
    client(&server.address)
        .may_publish(&runner())
        .await
        .unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.target, "/api/v1/releases/runner/publish");
    assert_eq!(seen.header(TOKEN_HEADER), Some(TOKEN));
    assert_eq!(seen.json(), json!({}));
    for (code, kind) in [
        (201, ErrorKind::Protocol),
        (401, ErrorKind::Refused),
        (403, ErrorKind::Refused),
        (404, ErrorKind::Refused),
        (302, ErrorKind::Protocol),
        (503, ErrorKind::Network),
    ] {
        let server = Server::start(move |_, _| status(code, "{}")).await;
        let asked = client(&server.address).may_publish(&runner()).await;
        assert_eq!(asked.unwrap_err().kind(), kind, "{code}");
    }
}

fn entry(name: &str) -> Value {
    json!({
        "key": format!("artifacts/runner/1.2.3/{name}"), "provider": "local", "size": 3,
        "sha256": Sha256Digest::of(b"abc"), "uploaded_at": "2026-01-02T03:04:05Z", "later": 1,
    })
}

const BELOW: &str = "artifacts/runner/1.2.3/";

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    let server = Server::start(|seen, _| {
        let after = seen.target.split("after=").nth(1);
        ok(match after {
            None => json!({"objects": [entry("a"), entry("b")], "next": "b+ /"}),
            // A page may be empty and still have a next one.
            Some("b%2B+%2F") => json!({"objects": [], "next": "c"}),
            Some(_) => json!({"objects": [entry("d"), {
                "key": "artifacts/other", "provider": "local", "size": 0,
                "sha256": Sha256Digest::of(b""), "uploaded_at": "2026-01-02T03:04:05Z",
            }]}),
        })
    })
    .await;
    let found = client(&server.address).list_objects(BELOW).await.unwrap();
    let keys: Vec<_> = found.iter().flatten().map(|o| o.key.as_str()).collect();
    assert_eq!(keys, ["a", "b", "d"].map(|name| format!("{BELOW}{name}")));
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    let query = "prefix=artifacts%2Frunner%2F1.2.3%2F&limit=200";
    assert_eq!(seen[0].target, format!("/api/v1/storage/objects?{query}"));
    assert!(seen.iter().all(|s| s.header(TOKEN_HEADER) == Some(TOKEN)));
}

#[tokio::test]
async fn a_list_that_goes_round_or_on_for_ever_is_given_up() {
    let endless: [fn(usize) -> String; 2] = [|_| "same".to_owned(), |n| format!("{n:06}")];
    for (next, most) in endless.into_iter().zip([2, 500]) {
        let server =
            Server::start(move |_, before| ok(json!({"objects": [], "next": next(before)}))).await;
        let error = client(&server.address)
            .list_objects(BELOW)
            .await
            .unwrap_err();
        let unusable = matches!(
            &error,
            ClientError::UnexpectedAnswer {
                problem: AnswerProblem::Unusable(_),
                ..
            }
        );
        assert!(unusable, "{error:?}");
        assert_eq!(server.seen().len(), most);
    }
}

#[tokio::test]
async fn a_hub_without_lists_has_none_and_one_that_refuses_is_heard() {
    let server = Server::start(|_, _| status(404, "<html></html>")).await;
    let found = client(&server.address).list_objects(BELOW).await.unwrap();
    assert_eq!(found, None);
    let server = Server::start(|_, _| status(403, r#"{"error":"no"}"#)).await;
    let error = client(&server.address)
        .list_objects(BELOW)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    // One that has to read first is waited for.
    let server = Server::start(|_, before| match before {
        0..9 => status(503, r#"{"error":"it reads","code":"still_reading"}"#),
        _ => ok(json!({"objects": []})),
    })
    .await;
    let found = client(&server.address).list_objects(BELOW).await.unwrap();
    assert_eq!(found, Some(Vec::new()));
}

#[tokio::test]
async fn the_clock_is_compared_with_what_changing_calls_are_answered() {
    let dated = |date: &'static str| {
        Server::start(move |_, _| {
            let mut answer = status(400, "{}");
            let headers = answer.headers_mut();
            headers.insert("date", HeaderValue::from_static(date));
            answer
        })
    };
    let server = dated("Sun, 06 Nov 1994 08:49:37 GMT").await;
    let client_of = client(&server.address);
    assert_eq!(client_of.clock_ahead().unwrap(), None);
    // What may have been kept on the way tells nothing.
    client_of.capabilities().await.unwrap_err();
    assert_eq!(client_of.clock_ahead().unwrap(), None);
    client_of.may_publish(&runner()).await.unwrap();
    let years = client_of.clock_ahead().unwrap().unwrap().as_hours() / (24 * 365);
    assert!((30..100).contains(&years), "{years}");
    let server = dated("Thu, 01 Jan 2099 00:00:00 GMT").await;
    let client_of = client(&server.address);
    client_of.may_publish(&runner()).await.unwrap();
    assert!(client_of.clock_ahead().unwrap().unwrap().is_negative());
    // A real answer of this machine.
    let server = Server::start(|_, _| status(400, "{}")).await;
    let client_of = client(&server.address);
    client_of.may_publish(&runner()).await.unwrap();
    let ahead = client_of.clock_ahead().unwrap().unwrap();
    assert!(ahead.abs().as_secs() <= 1, "{ahead:?}");
    let server = dated("some day").await;
    let client_of = client(&server.address);
    client_of.may_publish(&runner()).await.unwrap();
    assert_eq!(client_of.clock_ahead().unwrap(), None);
}
