//! Downloads: redirects, bounds, digests.

use crate::support::*;
use hub_client::{AnswerProblem, ClientError, ErrorKind, NetworkFault};
use release_types::Sha256Digest;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

const ID: &str = "dl_0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn redirects_are_followed_without_tokens() {
    let storage = Server::start(|seen, _| match seen.target.as_str() {
        "/a?sig=1" => redirect("/b"),
        "/b" => redirect("c"),
        _ => status(200, "abc"),
    })
    .await;
    let to = format!("{}/a?sig=1", storage.address);
    let hub = Server::start(move |_, _| redirect(&to)).await;
    let client = client(&hub.address);
    let mut sink = Vec::new();
    let done = client.download(ID, 3, &mut sink).await.unwrap();
    assert_eq!(
        (done.size, done.sha256, sink.as_slice()),
        (3, Sha256Digest::of(b"abc"), &b"abc"[..])
    );
    let again = client.digest_of_download(ID, 3).await.unwrap();
    assert_eq!(again, done);
    assert_eq!(hub.seen()[0].target, format!("/api/v1/download/{ID}"));
    // The redirect said it was good for a year; it was asked for again all the same.
    assert_eq!(hub.seen().len(), 2);
    let seen = [hub.seen(), storage.seen()].concat();
    assert!(!seen.iter().any(Seen::tells_a_token));
    assert!(
        seen.iter()
            .all(|s| s.header("accept-encoding") == Some("identity"))
    );
}

#[tokio::test]
async fn endless_and_unsafe_redirects_are_refused() {
    let hub = Server::start(|seen, _| redirect(&format!("{}x", seen.target))).await;
    let error = client(&hub.address)
        .digest_of_download(ID, 3)
        .await
        .unwrap_err();
    assert!(matches!(
        &error,
        ClientError::UnexpectedAnswer {
            problem: AnswerProblem::TooManyRedirects,
            ..
        }
    ));
    assert_eq!(hub.seen().len(), 6);

    for to in [
        "http://s.example/x?sig=topsecret",
        "ftp://s.example/x?sig=topsecret",
        "file:///etc/passwd",
    ] {
        let hub = Server::start(move |_, _| redirect(to)).await;
        let error = client(&hub.address)
            .digest_of_download(ID, 3)
            .await
            .unwrap_err();
        assert!(matches!(&error, ClientError::Insecure { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(!shown(&error).contains("topsecret"));
    }
    let hub = Server::start(|_, _| status(302, "")).await;
    let error = client(&hub.address)
        .digest_of_download(ID, 3)
        .await
        .unwrap_err();
    assert!(matches!(
        &error,
        ClientError::UnexpectedAnswer {
            problem: AnswerProblem::Unusable(_),
            ..
        }
    ));
}

#[tokio::test]
async fn more_bytes_than_expected_stop_the_download() {
    let announced = Server::start(|_, _| status(200, "abcd")).await;
    let endless = connections(|mut stream, _| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok();
        while stream.write_all(&[7; 65536]).await.is_ok() {}
    })
    .await;
    for address in [&announced.address, &endless] {
        let mut sink = Vec::new();
        let error = client(address)
            .download(ID, 3, &mut sink)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, ClientError::DownloadTooLong { limit: 3, .. }),
            "{error:?}"
        );
        assert_eq!(error.kind(), ErrorKind::Verification);
        assert!(sink.is_empty());
    }
    let fewer = client(&announced.address)
        .digest_of_download(ID, 9)
        .await
        .unwrap();
    assert_eq!(fewer.size, 4);
}

#[tokio::test]
async fn a_digest_is_taken_again_where_the_download_breaks() {
    let address = raw(|number| match number {
        0 => b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na".to_vec(),
        1 => b"HTTP/1.1 429 Slow\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc".to_vec(),
    })
    .await;
    let done = client(&address).digest_of_download(ID, 3).await.unwrap();
    assert_eq!(done.sha256, Sha256Digest::of(b"abc"));

    let cut = raw(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na".to_vec()).await;
    let mut sink = Vec::new();
    let error = client(&cut).download(ID, 3, &mut sink).await.unwrap_err();
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
    assert_eq!(sink, b"a");
}

#[tokio::test]
async fn a_reader_is_told_how_far_it_is_and_when_it_starts_anew() {
    let address = raw(|number| match number {
        0 => b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na".to_vec(),
        _ => b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc".to_vec(),
    })
    .await;
    let told = Mutex::new(Vec::new());
    let tell = |bytes| told.lock().unwrap().push(bytes);
    let done = client(&address).read_back(ID, 3, tell).await.unwrap();
    assert_eq!(done.size, 3);
    let told = told.into_inner().unwrap();
    let anew = told.iter().rposition(|&bytes| bytes == 0).unwrap();
    assert_eq!((told[0], told[anew - 1]), (0, 1), "{told:?}");
    assert_eq!(told.last(), Some(&3));
    assert!(told[anew..].is_sorted(), "{told:?}");
}

#[tokio::test]
async fn a_download_that_stands_still_ends() {
    let address = connections(|mut stream, _| async move {
        read_head(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na")
            .await
            .ok();
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    let client = builder(&address)
        .stall_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let error = client.digest_of_download(ID, 3).await.unwrap_err();
    assert!(matches!(
        &error,
        ClientError::Unreachable {
            fault: NetworkFault::Stalled,
            ..
        }
    ));
}

#[tokio::test]
async fn what_is_not_there_is_said_with_the_host_that_lacks_it() {
    let storage = Server::start(|_, _| {
        status(
            404,
            "<Error><Code>NoSuchKey</Code><Message>absent</Message></Error>",
        )
    })
    .await;
    let to = format!("{}/k?sig=topsecret", storage.address);
    let hub = Server::start(move |_, _| redirect(&to)).await;
    let error = client(&hub.address)
        .digest_of_download(ID, 3)
        .await
        .unwrap_err();
    let host = &storage.address["http://".len()..];
    assert!(matches!(&error, ClientError::NotFound { host: h, .. } if h == host));
    assert!(error.to_string().contains("NoSuchKey: absent"), "{error}");
    for id in ["", "dl_", "x", "dl_../..", "dl_a/b", "dl_a?b"] {
        let error = client(&hub.address)
            .digest_of_download(id, 3)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{id}");
    }
}
