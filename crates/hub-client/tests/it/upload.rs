//! Uploads to a storage of our own.

use crate::support::*;
use hub_client::{
    AnswerProblem, ClientError, ErrorKind, FileChange, NetworkFault, RetryPolicy, Uploaded,
};
use release_types::{PresignResponse, Sha256Digest};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn signed(address: &str, headers: &[(&str, &str)]) -> PresignResponse {
    let pairs = headers
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    PresignResponse {
        url: format!(
            "{address}/bucket/k?X-Amz-Signature=topsecret&x-amz-checksum-crc32=AAAAAA%3D%3D"
        ),
        upload_headers: pairs.collect::<BTreeMap<_, _>>(),
        key: format!("r2::{KEY}"),
        provider: "r2".to_owned(),
    }
}

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Uploads the bytes to the address, announced as they are.
pub(crate) async fn upload(
    address: &str,
    headers: &[(&str, &str)],
    bytes: &[u8],
) -> Result<Uploaded, ClientError> {
    let file = file(bytes);
    // The Hub is another address, which nobody serves.
    let client = client("http://127.0.0.1:9");
    let (size, sha256) = (bytes.len() as u64, Sha256Digest::of(bytes));
    client
        .upload(&signed(address, headers), file.path(), size, sha256, |_| {})
        .await
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn the_bytes_arrive_with_the_signed_headers_and_no_token() {
    let storage = Server::start(|_, _| status(200, "")).await;
    for length in [0, 1, 256 * 1024, 700_001] {
        let sent = bytes(length);
        let done = upload(&storage.address, &[], &sent).await.unwrap();
        assert_eq!(
            (done.size, done.sha256),
            (length as u64, Sha256Digest::of(&sent))
        );
        let seen = storage.seen().pop().unwrap();
        assert!(seen.body == sent, "{length}");
        assert_eq!(seen.method, "PUT");
        assert!(
            seen.target
                .ends_with("?X-Amz-Signature=topsecret&x-amz-checksum-crc32=AAAAAA%3D%3D")
        );
        assert_eq!(
            seen.header("content-type"),
            Some("application/octet-stream")
        );
        assert_eq!(
            seen.header("content-length"),
            Some(length.to_string().as_str())
        );
        assert_eq!(seen.header("transfer-encoding"), None);
        assert!(!seen.tells_a_token());
    }
    let given = [
        ("x-amz-meta", "1"),
        ("authorization", "Bearer blob"),
        ("host", "evil.example"),
        ("content-length", "7"),
    ];
    upload(&storage.address, &given, b"abc").await.unwrap();
    let seen = storage.seen().pop().unwrap();
    assert_eq!(seen.header("x-amz-meta"), Some("1"));
    assert_eq!(seen.header("authorization"), Some("Bearer blob"));
    assert_eq!(seen.header("content-type"), None);
    assert_eq!(seen.header("content-length"), Some("3"));
    assert_eq!(
        seen.header("host"),
        Some(&storage.address["http://".len()..])
    );

    let error = upload(
        &storage.address,
        &[("transfer-encoding", "chunked")],
        b"abc",
    )
    .await
    .unwrap_err();
    assert!(matches!(
        error,
        ClientError::UnexpectedAnswer {
            problem: AnswerProblem::Unusable(_),
            ..
        }
    ));
}

#[tokio::test]
async fn a_file_that_is_not_the_announced_one_never_becomes_an_object() {
    let storage = Server::start(|_, _| status(200, "")).await;
    let client = client("http://127.0.0.1:9");
    let content = bytes(600_000);
    let file = file(&content);
    let signed = signed(&storage.address, &[]);
    let digest = Sha256Digest::of(&content);
    let try_as = |size, digest| client.upload(&signed, file.path(), size, digest, |_| {});

    let error = try_as(599_999, digest).await.unwrap_err();
    assert!(matches!(
        &error,
        ClientError::FileChanged {
            change: FileChange::Size { found: 600_000, .. },
            ..
        }
    ));
    let error = try_as(600_001, digest).await.unwrap_err();
    assert!(matches!(
        &error,
        ClientError::FileChanged {
            change: FileChange::Size { .. },
            ..
        }
    ));
    let error = try_as(600_000, Sha256Digest::of(b"other"))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ClientError::FileChanged { change: FileChange::Digest { found, .. }, .. } if *found == digest),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains(&file.path().display().to_string()),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Local);

    let empty = self::file(b"");
    let error = client
        .upload(&signed, empty.path(), 0, digest, |_| {})
        .await
        .unwrap_err();
    assert!(matches!(&error, ClientError::FileChanged { .. }));
    let gone = std::path::Path::new("/no/such/file");
    let error = client
        .upload(&signed, gone, 1, digest, |_| {})
        .await
        .unwrap_err();
    assert!(matches!(&error, ClientError::Io { path, .. } if path == gone));
    let folder = tempfile::tempdir().unwrap();
    let error = client
        .upload(&signed, folder.path(), 1, digest, |_| {})
        .await
        .unwrap_err();
    assert!(matches!(&error, ClientError::Io { .. }));
    // No request that arrived whole.
    assert!(storage.seen().is_empty());
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_is_noticed() {
    let content = bytes(8_000_000);
    for grows in [true, false] {
        let storage = Server::start(|_, _| status(200, "")).await;
        let client = client("http://127.0.0.1:9");
        let file = file(&content);
        let handle = Mutex::new(Some(file.reopen().unwrap()));
        let change = move |sent: u64| {
            if sent > 0
                && let Some(file) = handle.lock().unwrap().take()
            {
                file.set_len(if grows { 8_000_001 } else { 4_000_000 })
                    .unwrap();
            }
        };
        let signed = signed(&storage.address, &[]);
        let digest = Sha256Digest::of(&content);
        let done = client
            .upload(&signed, file.path(), 8_000_000, digest, change)
            .await;
        let error = done.unwrap_err();
        let found = if grows { 8_000_001 } else { 4_000_000 };
        assert!(
            matches!(&error, ClientError::FileChanged { change: FileChange::Size { expected: 8_000_000, found: f }, .. } if *f == found),
            "{error:?}"
        );
        assert!(storage.seen().is_empty());
    }
}

#[tokio::test]
async fn an_upload_begins_anew_and_says_so() {
    let storage = Server::start(|_, before| {
        if before == 0 {
            status(503, "")
        } else {
            status(200, "")
        }
    })
    .await;
    let content = bytes(300_000);
    let file = file(&content);
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    client("http://127.0.0.1:9")
        .upload(
            &signed(&storage.address, &[]),
            file.path(),
            300_000,
            Sha256Digest::of(&content),
            move |sent| {
                log.lock().unwrap().push(sent);
            },
        )
        .await
        .unwrap();
    assert_eq!(
        *told.lock().unwrap(),
        [0, 262_144, 300_000, 0, 262_144, 300_000]
    );
    assert!(storage.seen().iter().all(|seen| seen.body == content));
}

#[tokio::test]
async fn a_redirected_upload_is_not_followed() {
    let thief = Server::start(|_, _| status(200, "")).await;
    let to = format!("{}/x?sig=topsecret", thief.address);
    let storage = Server::start(move |_, _| redirect(&to)).await;
    let error = upload(&storage.address, &[], b"abc").await.unwrap_err();
    assert!(matches!(&error, ClientError::Redirected { .. }));
    assert!(thief.seen().is_empty() && !shown(&error).contains("topsecret"));
}

#[tokio::test]
async fn a_storage_that_answers_early_or_not_at_all_is_noticed() {
    let early = raw(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let error = upload(&early, &[], &bytes(20_000_000)).await.unwrap_err();
    assert!(
        matches!(
            &error,
            ClientError::UnexpectedAnswer {
                problem: AnswerProblem::Early,
                ..
            } | ClientError::Unreachable {
                fault: NetworkFault::Broken,
                ..
            }
        ),
        "{error:?}"
    );
    let stalled = connections(|mut stream, _| async move {
        stream.read_u8().await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    let client = builder("http://127.0.0.1:9")
        .stall_timeout(Duration::from_millis(200))
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    for length in [3, 20_000_000] {
        let content = bytes(length);
        let file = file(&content);
        let digest = Sha256Digest::of(&content);
        let signed = signed(&stalled, &[]);
        let done = client
            .upload(&signed, file.path(), length as u64, digest, |_| {})
            .await;
        let error = done.unwrap_err();
        assert!(
            matches!(
                &error,
                ClientError::Unreachable {
                    fault: NetworkFault::Stalled,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(!shown(&error).contains("topsecret"));
    }
}

#[tokio::test]
async fn more_headers_than_a_request_can_have_are_refused() {
    let storage = Server::start(|_, _| status(200, "")).await;
    let names: Vec<String> = (0..30_000).map(|number| format!("x-{number}")).collect();
    let given: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let error = upload(&storage.address, &given, b"abc").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(
        error.to_string().contains("the number of upload headers"),
        "{error}"
    );
    upload(&storage.address, &given[..90], b"abc")
        .await
        .unwrap();
    assert_eq!(storage.seen().len(), 1);
}

/// What has come into a file's place is never waited for: opening it is outside of every time-out.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_pipe_in_the_place_of_a_file_is_refused_at_once() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let storage = Server::start(|_, _| status(200, "")).await;
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("app");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from(0o600), 0).unwrap();
    let (client, signed) = (client("http://127.0.0.1:9"), signed(&storage.address, &[]));
    let uploading = client.upload(&signed, &pipe, 3, Sha256Digest::of(b"abc"), |_| {});
    let ended = tokio::time::timeout(Duration::from_secs(10), uploading).await;
    // Whoever waits for it is let go, so that this ends.
    let both = std::fs::File::options().read(true).write(true).open(&pipe);
    let error = ended.expect("it waits for nobody").unwrap_err();
    drop(both);
    assert!(matches!(&error, ClientError::Io { path, .. } if *path == pipe));
    assert_eq!(error.kind(), ErrorKind::Local);
    let said = shown(&error);
    assert!(
        said.contains("it is a named pipe, not a regular file"),
        "{said}"
    );
    assert_eq!(storage.seen().len(), 0);
}

/// A storage that has every byte, and brings them to a disk that is slow.
#[tokio::test]
async fn a_storage_has_time_to_keep_what_it_has_got() {
    let slow = connections(|mut stream, _| async move {
        read_head(&mut stream).await;
        let mut body = vec![0; 20_000_000];
        stream.read_exact(&mut body).await.unwrap();
        tokio::time::sleep(Duration::from_millis(900)).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
    })
    .await;
    let client = builder("http://127.0.0.1:9")
        .stall_timeout(Duration::from_millis(400))
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let content = bytes(20_000_000);
    let (file, digest) = (file(&content), Sha256Digest::of(&content));
    let signed = signed(&slow, &[]);
    let done = client.upload(&signed, file.path(), 20_000_000, digest, |_| {});
    done.await.unwrap();
}

#[tokio::test]
async fn a_refusal_before_the_body_was_read_is_still_a_refusal() {
    let storage = connections(|mut stream, _| async move {
        read_head(&mut stream).await;
        let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        // A server that closes at once may have its answer lost in the network's buffers.
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    let error = upload(&storage, &[], &bytes(20_000_000)).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::UploadUrlRejected { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_unreachable_storage_is_named_without_its_query() {
    let error = upload("http://127.0.0.1:9", &[], b"abc").await.unwrap_err();
    assert!(matches!(&error, ClientError::Unreachable { host, .. } if host == "127.0.0.1:9"));
    assert!(!shown(&error).contains("topsecret"), "{}", shown(&error));
    let error = upload("http://storage.example", &[], b"abc")
        .await
        .unwrap_err();
    assert!(matches!(&error, ClientError::Insecure { .. }));
    assert!(!shown(&error).contains("topsecret"), "{}", shown(&error));
}
