use super::*;
use reqwest::header::DATE;

#[test]
fn code_and_sentence_are_found_in_every_dialect() {
    for (body, code, text) in [
        (r#"{"error":"no such key"}"#, None, Some("no such key")),
        (
            r#"{"error":"it differs","code":"bad_digest"}"#,
            Some("bad_digest"),
            Some("it differs"),
        ),
        (
            r#"{"error":{"code":"x","message":"too big"}}"#,
            Some("x"),
            Some("too big"),
        ),
        (r#"{"error":{"code":7}}"#, None, None),
        (r#"{"message":"hm"}"#, None, Some("hm")),
        (
            "<?xml version=\"1.0\"?><Error><Code>BadDigest</Code><Message>differs</Message><StringToSign>s</StringToSign></Error>",
            Some("BadDigest"),
            Some("BadDigest: differs"),
        ),
        (
            "<html>secret</html>",
            None,
            Some("it answered with a web page"),
        ),
        ("[1]", None, None),
        ("plain", None, None),
        ("", None, None),
    ] {
        let found = said(body);
        assert_eq!(
            (found.code.as_deref(), found.text.as_deref()),
            (code, text),
            "{body}"
        );
    }
}

#[test]
fn retry_after_is_read_in_both_forms() {
    let wait = |pairs: &[(HeaderName, &str)]| {
        let map = pairs.iter().map(|(n, v)| (n.clone(), v.parse().unwrap()));
        retry_after(&map.collect())
    };
    assert_eq!(wait(&[(RETRY_AFTER, "7")]), Some(Duration::from_secs(7)));
    let now = (DATE, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(
        wait(&[(RETRY_AFTER, "Sun, 06 Nov 1994 08:50:07 GMT"), now.clone()]),
        Some(Duration::from_secs(30))
    );
    assert_eq!(
        wait(&[(RETRY_AFTER, "Sun, 06 Nov 1994 08:00:00 GMT"), now]),
        Some(Duration::ZERO)
    );
    // No integer holds it, and it is a long time all the same.
    let long = "9".repeat(60);
    assert_eq!(wait(&[(RETRY_AFTER, &long)]), Some(Duration::MAX));
    assert_eq!(wait(&[(RETRY_AFTER, "soon")]), None);
    assert_eq!(wait(&[(RETRY_AFTER, "-1")]), None);
    assert_eq!(wait(&[]), None);
}
