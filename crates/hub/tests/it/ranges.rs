//! What a reader has already, and parts of files.

use crate::support::{Server, contents, error, header};
use reqwest::Method;

#[tokio::test]
async fn a_release_that_the_reader_has_is_not_sent_again() {
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    let latest = "/api/v1/releases/runner/latest/linux/x64";
    for (path, cached) in [
        (latest, "public, max-age=60"),
        (
            "/api/v1/releases/runner/1.0.0/linux/x64",
            "public, max-age=300",
        ),
    ] {
        let first = server.get(path).await;
        let tag = header(&first, "etag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        for method in [Method::GET, Method::HEAD] {
            let again = server
                .ask(method, path, &[("if-none-match", tag.as_str())])
                .await;
            assert_eq!(again.status(), 304);
            assert_eq!(header(&again, "etag"), tag);
            assert_eq!(header(&again, "cache-control"), cached);
            assert!(again.bytes().await.unwrap().is_empty());
        }
        let other = server
            .ask(Method::GET, path, &[("if-none-match", "\"other\"")])
            .await;
        assert_eq!(other.status(), 200);
        let failed = server
            .ask(Method::GET, path, &[("if-match", "\"other\"")])
            .await;
        assert_eq!(header(&failed, "cache-control"), "no-store");
        error(failed, 412).await;
    }
    let before = header(&server.get(latest).await, "etag").to_owned();
    server.release("runner", "1.1.0", "linux/x64", &["r"]).await;
    let changed = server
        .ask(Method::GET, latest, &[("if-none-match", before.as_str())])
        .await;
    assert_eq!(changed.status(), 200);
    assert_ne!(header(&changed, "etag"), before);
}

#[tokio::test]
async fn head_has_the_header_fields_of_get() {
    let server = Server::start().await;
    let release = server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    let download = format!("/api/v1/download/{}", release.assets[0].download_id);
    for path in [
        "/api/v1/releases/runner/latest/linux/x64",
        "/api/v1/releases/runner/1.0.0/linux/x64",
        "/api/v1/releases/runner/1.0.1/linux/x64",
        "/artifacts/runner/1.0.0/linux/x64/r",
        "/artifacts/runner/1.0.0/linux/x64/none",
        &download,
    ] {
        let fields = async |method: Method| {
            let response = server.ask(method, path, &[]).await;
            let mut headers = response.headers().clone();
            for own in ["date", "x-request-id"] {
                headers.remove(own);
            }
            (response.status(), headers)
        };
        assert_eq!(fields(Method::GET).await, fields(Method::HEAD).await);
    }
}

#[tokio::test]
async fn parts_of_a_file() {
    let server = Server::start().await;
    server.release("runner", "1.0.0", "linux/x64", &["r"]).await;
    let bytes = contents("runner", "1.0.0", "linux/x64", "r");
    let size = bytes.len();
    let path = "/artifacts/runner/1.0.0/linux/x64/r";
    let whole = server.get(path).await;
    assert_eq!(header(&whole, "accept-ranges"), "bytes");
    let tag = header(&whole, "etag").to_owned();
    let disposition = header(&whole, "content-disposition").to_owned();

    for (range, part) in [
        ("bytes=0-0".to_owned(), 0..1),
        ("bytes=5-".to_owned(), 5..size),
        ("bytes=-7".to_owned(), size - 7..size),
        ("bytes=-9999999".to_owned(), 0..size),
        (format!("bytes=100-{size}"), 100..size),
        (format!("bytes={}-", size - 1), size - 1..size),
    ] {
        let fields = [("range", range.as_str()), ("if-range", tag.as_str())];
        let answer = server.ask(Method::GET, path, &fields).await;
        assert_eq!(answer.status(), 206, "{range}");
        let sent = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!(header(&answer, "content-range"), sent);
        assert_eq!(header(&answer, "content-length"), part.len().to_string());
        assert_eq!(header(&answer, "etag"), tag);
        assert_eq!(header(&answer, "content-disposition"), disposition);
        assert_eq!(answer.bytes().await.unwrap(), bytes[part]);
    }
    for fields in [
        &[("range", "bytes=0-1,5-6")][..],
        &[("range", "bytes=6-5")],
        &[("range", "bytes=1-2"), ("if-range", "\"other\"")],
        &[
            ("range", "bytes=1-2"),
            ("if-range", "Sat, 29 Oct 1994 19:43:31 GMT"),
        ],
    ] {
        let answer = server.ask(Method::GET, path, fields).await;
        assert_eq!(answer.status(), 200, "{fields:?}");
        assert!(answer.bytes().await.unwrap() == bytes);
    }
    for range in [format!("bytes={size}-"), "bytes=-0".to_owned()] {
        let answer = server
            .ask(Method::GET, path, &[("range", range.as_str())])
            .await;
        assert_eq!(header(&answer, "content-range"), format!("bytes */{size}"));
        assert_eq!(header(&answer, "cache-control"), "no-store");
        error(answer, 416).await;
    }
    // What the reader has goes before which part it wants; HEAD knows no parts.
    let has = [("range", "bytes=1-2"), ("if-none-match", tag.as_str())];
    assert_eq!(server.ask(Method::GET, path, &has).await.status(), 304);
    let head = server
        .ask(Method::HEAD, path, &[("range", "bytes=1-2")])
        .await;
    assert_eq!(head.status(), 200);
    assert_eq!(header(&head, "content-length"), size.to_string());
}

#[tokio::test]
async fn an_empty_file_has_no_parts() {
    let server = Server::start().await;
    let key = "artifacts/cli/1.0.0/linux/x64/empty";
    server.upload(key, b"").await;
    let artifact = crate::support::artifact("cli", "1.0.0", "linux/x64", "empty", b"");
    let body = serde_json::json!({
        "version": "1.0.0",
        "platform": {"os": "linux", "arch": "x64"},
        "artifacts": [artifact],
    });
    server.publish("cli", &body).await;
    let path = format!("/{key}");
    let whole = server.get(&path).await;
    assert_eq!(header(&whole, "content-length"), "0");
    assert_eq!(whole.status(), 200);
    let part = server
        .ask(Method::GET, &path, &[("range", "bytes=0-")])
        .await;
    assert_eq!(header(&part, "content-range"), "bytes */0");
    error(part, 416).await;
}

/// How much this process, which is the Hub's too, has read so far, in bytes.
#[cfg(target_os = "linux")]
fn read_so_far() -> u64 {
    let figures = std::fs::read_to_string("/proc/self/io").unwrap();
    let figure = figures
        .lines()
        .find_map(|line| line.strip_prefix("rchar: "));
    figure.unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_asks_for_the_head_alone_has_nothing_read() {
    let server = Server::start().await;
    let bytes = vec![7; 1024 * 1024];
    let key = "artifacts/cli/1.0.0/linux/x64/large";
    assert_eq!(server.upload(key, &bytes).await, 201);
    let artifact = crate::support::artifact("cli", "1.0.0", "linux/x64", "large", &bytes);
    let platform = serde_json::json!({"os": "linux", "arch": "x64"});
    let body = serde_json::json!({
        "version": "1.0.0", "platform": platform, "artifacts": [artifact],
    });
    server.publish("cli", &body).await;
    let before = read_so_far();
    for _ in 0..40 {
        let head = server.ask(Method::HEAD, &format!("/{key}"), &[]).await;
        assert_eq!(head.status(), 200);
        assert_eq!(header(&head, "content-length"), "1048576");
    }
    let read = read_so_far() - before;
    assert!(read < 40 * 64 * 1024, "{read}");
    server.stop().await;
}
