//! Storages that will not have an upload, each for a reason of its own.

use crate::support::*;
use crate::upload::upload;
use hub_client::{ClientError, ErrorKind};
use release_types::{Channel, YankRequest};
use serde_json::json;

/// The error of an upload that a storage answers with this status and body.
async fn refusal(code: u16, body: &'static str) -> ClientError {
    let storage = Server::start(move |_, _| status(code, body)).await;
    let error = upload(&storage.address, &[], b"abc").await.unwrap_err();
    assert_eq!(storage.seen().len(), 1, "{error:?}");
    error
}

#[tokio::test]
async fn a_storage_that_keeps_what_it_has_is_told_from_one_that_does_not_take_the_bytes() {
    let vercel = r#"{"error":{"code":"bad_request","message":"This blob already exists, use `allowOverwrite: true` if you want to overwrite it."}}"#;
    let immutable = r#"{"error":"`artifacts/x` has other bytes, and a release refers to them"}"#;
    for (code, body) in [
        (409, ""),
        (409, immutable),
        (
            412,
            "<Error><Code>PreconditionFailed</Code><Message>At least one</Message></Error>",
        ),
        (400, vercel),
        (403, r#"{"error":{"message":"The object Already Exists"}}"#),
    ] {
        let error = refusal(code, body).await;
        assert!(
            matches!(&error, ClientError::UploadRefused { status, .. } if *status == code),
            "{error:?}"
        );
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
    for (code, body, says) in [
        (400, "", "no reason"),
        (
            400,
            r#"{"error":"this upload has to be 5 bytes long"}"#,
            "5 bytes long",
        ),
        (
            400,
            r#"{"error":{"code":"bad_request","message":"the file length cannot be greater than 5"}}"#,
            "greater than 5",
        ),
        (
            404,
            "<Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>",
            "NoSuchBucket: gone",
        ),
        (413, "<html>too large</html>", "web page"),
    ] {
        let error = refusal(code, body).await;
        let ClientError::UploadNotTaken {
            status, message, ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(*status, code);
        assert!(message.contains(says), "{message}");
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
}

#[tokio::test]
async fn bytes_that_arrive_altered_are_a_failed_verification() {
    for (code, body) in [
        (400, r#"{"error":"the bytes differ","code":"bad_digest"}"#),
        (
            400,
            "<Error><Code>BadDigest</Code><Message>did not match</Message></Error>",
        ),
    ] {
        let error = refusal(code, body).await;
        assert!(
            matches!(&error, ClientError::UploadDamaged { .. }),
            "{error:?}"
        );
        assert_eq!(error.kind(), ErrorKind::Verification);
    }
}

#[tokio::test]
async fn what_a_storage_refuses_is_said_without_secrets() {
    let header = ("authorization", "Bearer vercel_blob_client_topsecret");
    for code in [400, 401, 403, 409, 412, 413] {
        let storage = Server::start(move |seen, _| {
            let echo = seen.header("authorization").unwrap_or_default();
            status(
                code,
                format!(
                    "<Error><Code>No</Code><Message>{} {echo}</Message></Error>",
                    seen.target
                ),
            )
        })
        .await;
        let error = upload(&storage.address, &[header], b"abc")
            .await
            .unwrap_err();
        let (status, message) = match &error {
            ClientError::UploadUrlRejected {
                status, message, ..
            } if matches!(code, 401 | 403) => (*status, message),
            ClientError::UploadRefused {
                status, message, ..
            } if matches!(code, 409 | 412) => (*status, message),
            ClientError::UploadNotTaken {
                status, message, ..
            } if matches!(code, 400 | 413) => (*status, message),
            _ => panic!("{error:?}"),
        };
        assert_eq!((status, message.starts_with("No: ")), (code, true));
        assert!(!shown(&error).contains("topsecret"), "{error:?}");
        assert!(
            error
                .to_string()
                .contains(&storage.address["http://".len()..])
        );
        assert_eq!(storage.seen().len(), 1);
    }
}

/// An answer of 200 that is about nothing, or about something else.
#[tokio::test]
async fn what_was_not_promoted_or_taken_back_is_no_success() {
    let product = "runner".parse().unwrap();
    let server = Server::start(|_, _| ok(json!({"releases": []}))).await;
    let promoted = client(&server.address)
        .promote(&product, "1.0.0", Channel::Beta, Channel::Stable)
        .await;
    let error = promoted.unwrap_err();
    assert!(matches!(error, ClientError::Mismatch { .. }), "{error:?}");

    let summary = |field: &str, value: &str| {
        let mut summary = json!({
            "version": "1.0.0", "channel": "beta", "state": "yanked", "platforms": [],
            "published_at": "2026-01-02T03:04:05Z",
        });
        summary[field] = json!(value);
        summary
    };
    let request = YankRequest {
        channel: Channel::Beta,
        reason: None,
    };
    for (field, value, differs) in [
        ("version", "1.0.0", false),
        ("version", "1.0.1", true),
        ("channel", "stable", true),
        ("state", "published", true),
    ] {
        let server = Server::start(move |_, _| ok(summary(field, value))).await;
        let done = client(&server.address)
            .yank(&product, "1.0.0", &request)
            .await;
        match done {
            Ok(_) => assert!(!differs, "{field} {value}"),
            Err(ClientError::Mismatch { differences, .. }) => {
                assert!(differs, "{differences:?}");
                assert!(differences[0].to_string().contains(field));
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    let server = Server::start(move |_, _| ok(summary("state", "yanked"))).await;
    let offered = client(&server.address)
        .unyank(&product, "1.0.0", Channel::Beta)
        .await;
    let error = offered.unwrap_err();
    assert!(matches!(error, ClientError::Mismatch { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Verification);
}

/// The storage has taken the bytes, its answer is lost, and the same bytes are refused then.
#[tokio::test]
async fn a_refusal_tells_whether_an_earlier_attempt_may_be_why() {
    for (before, expected) in [(1, true), (0, false)] {
        let storage = Server::start(move |_, number| match number < before {
            true => status(502, ""),
            false => status(409, ""),
        })
        .await;
        let error = upload(&storage.address, &[], b"abc").await.unwrap_err();
        let ClientError::UploadRefused { maybe_own, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(maybe_own, expected);
    }
}
