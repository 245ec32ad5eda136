//! Servers and networks that fail, and what the errors say.

use crate::support::*;
use hub_client::{AnswerProblem, ClientError, ErrorKind, NetworkFault, RetryPolicy};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn presign_error(address: &str) -> ClientError {
    client(address)
        .presign(&presign_request())
        .await
        .unwrap_err()
}

#[tokio::test]
async fn each_status_has_its_own_error_with_the_hubs_sentence() {
    for (code, kind) in [
        (400, ErrorKind::Refused),
        (401, ErrorKind::Refused),
        (403, ErrorKind::Refused),
        (404, ErrorKind::Refused),
        (405, ErrorKind::Refused),
        (409, ErrorKind::Refused),
        (501, ErrorKind::Refused),
        (429, ErrorKind::Network),
        (500, ErrorKind::Network),
    ] {
        let server = Server::start(move |_, _| {
            let text = format!(r#"{{"error":"no\u001b[31m {TOKEN} https://s.example/?sig=q"}}"#);
            status(code, text)
        })
        .await;
        let error = presign_error(&server.address).await;
        assert_eq!(error.kind(), kind, "{error}");
        let text = error.to_string();
        assert!(text.contains(&server.address["http://".len()..]), "{text}");
        assert!(text.contains(&format!("({code})")), "{text}");
        assert!(
            text.ends_with(": no [31m *** https://s.example/?***"),
            "{text}"
        );
        assert!(!shown(&error).contains(TOKEN) && !shown(&error).contains("sig=q"));
        let tries = if kind == ErrorKind::Network { 3 } else { 1 };
        assert_eq!(server.seen().len(), tries, "{code}");
    }
}

#[tokio::test]
async fn web_pages_and_other_shapes_are_told_apart() {
    for (body, expected) in [
        ("<!doctype html><p>Sign in</p>", AnswerProblem::Html),
        ("hello", AnswerProblem::NotJson),
        (
            "{}",
            AnswerProblem::Shape("missing field `url` at line 1 column 2".into()),
        ),
    ] {
        let server = Server::start(move |_, _| status(200, body)).await;
        let error = presign_error(&server.address).await;
        assert_eq!(error.kind(), ErrorKind::Protocol);
        match error {
            ClientError::UnexpectedAnswer { problem, .. } => assert_eq!(problem, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_truncated_answer_is_recognised_and_tried_again() {
    for head in [
        "content-length: 100\r\n",
        "",
        "transfer-encoding: chunked\r\n",
    ] {
        let body = if head.starts_with('t') {
            "9\r\n{\"url\":\"x"
        } else {
            "{\"url\":\"x"
        };
        let address = raw(move |_| {
            format!("HTTP/1.1 200 OK\r\n{head}connection: close\r\n\r\n{body}").into_bytes()
        })
        .await;
        let error = presign_error(&address).await;
        assert!(
            matches!(
                &error,
                ClientError::UnexpectedAnswer {
                    problem: AnswerProblem::Truncated,
                    ..
                }
            ),
            "{head:?} {error:?}"
        );
        assert_eq!(error.kind(), ErrorKind::Network);
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    for (code, endless) in [(200, "too large"), (400, "refused")] {
        let address = connections(move |mut stream, _| async move {
            read_head(&mut stream).await;
            let head = format!("HTTP/1.1 {code} X\r\ncontent-type: application/json\r\n\r\n");
            stream.write_all(head.as_bytes()).await.ok();
            while stream.write_all(&[b' '; 65536]).await.is_ok() {}
        })
        .await;
        let error = presign_error(&address).await;
        match (&error, endless) {
            (
                ClientError::UnexpectedAnswer {
                    problem: AnswerProblem::TooLarge { limit },
                    ..
                },
                "too large",
            ) => assert_eq!(*limit, 8 * 1024 * 1024),
            (ClientError::BadRequest { .. }, "refused") => {}
            _ => panic!("{error:?}"),
        }
    }
    let announced =
        raw(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec()).await;
    let error = presign_error(&announced).await;
    assert!(
        error.to_string().contains("longer than 8388608 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn a_refused_connection_is_reported_quickly_and_by_host() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let began = Instant::now();
    let error = presign_error(&format!("http://{host}")).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(matches!(
        &error,
        ClientError::Unreachable {
            fault: NetworkFault::Connect,
            ..
        }
    ));
    assert!(error.to_string().contains(&host), "{error}");
    assert!(
        shown(&error).to_lowercase().contains("refused"),
        "{}",
        shown(&error)
    );
    assert_eq!(error.kind(), ErrorKind::Network);
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_given_up() {
    // It accepts, and never answers what TLS begins with.
    let silent =
        connections(|mut stream, _| async move { while stream.read_u8().await.is_ok() {} }).await;
    let client = builder(&silent.replace("http:", "https:"))
        .connect_timeout(Duration::from_millis(200))
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let began = Instant::now();
    let error = client.presign(&presign_request()).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(
        matches!(
            &error,
            ClientError::Unreachable {
                fault: NetworkFault::Timeout | NetworkFault::Connect,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_unreachable() {
    let plain = connections(|mut stream, _| async move {
        stream.read_u8().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .ok();
    })
    .await;
    let error = presign_error(&plain.replace("http://", "https://")).await;
    assert!(
        matches!(
            &error,
            ClientError::Unreachable {
                fault: NetworkFault::Connect,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_or_stays_silent_is_passing() {
    let address = raw(|_| Vec::new()).await;
    let error = presign_error(&address).await;
    assert!(
        matches!(
            &error,
            ClientError::Unreachable {
                fault: NetworkFault::Broken,
                ..
            }
        ),
        "{error:?}"
    );

    let silent = connections(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let hasty = builder(&silent)
        .request_timeout(Duration::from_millis(50))
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let error = hasty.presign(&presign_request()).await.unwrap_err();
    assert!(
        matches!(
            &error,
            ClientError::Unreachable {
                fault: NetworkFault::Timeout,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_redirect_of_a_call_is_not_followed() {
    let thief = Server::start(|_, _| status(200, "{}")).await;
    let to = format!("{}/take?secret=1", thief.address);
    let server = Server::start(move |_, _| redirect(&to)).await;
    let error = presign_error(&server.address).await;
    let host = &thief.address["http://".len()..];
    assert!(matches!(&error, ClientError::Redirected { to, status: 302, .. } if to == host));
    assert!(!shown(&error).contains("secret"));
    assert!(thief.seen().is_empty());
    assert_eq!(error.kind(), ErrorKind::Protocol);
}
