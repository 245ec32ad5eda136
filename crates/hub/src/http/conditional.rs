//! What a reader has already, and which part it wants: RFC 9110, sections 13 and 14.
//!
//! Every representation that the Hub shows has a strong `ETag` and no date of change. Header
//! fields that cannot be read count as absent, which is what the standard asks for.

use headers::{ETag, HeaderMapExt as _, IfMatch, IfNoneMatch, IfRange};
use http::{HeaderMap, Method, header};
use http_range_header::{EndPosition, RangeUnsatisfiableError, StartPosition, parse_range_header};
use release_types::Sha256Digest;
use std::fmt::Display;
use std::ops::Range;

/// What the preconditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precondition {
    /// Answer as if there were none.
    Holds,
    /// 304: the reader has it.
    NotModified,
    /// 412: the reader wants something else than what there is.
    Failed,
}

/// Which bytes of a representation are to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them: 200.
    Whole,
    /// These, at least one: 206.
    Part(Range<u64>),
    /// None that exist: 416.
    Nothing,
}

/// The strong tag of what has this digest; equal only where every byte is. None where the text
/// cannot be a tag, which a digest always can.
pub(super) fn etag(sha256: &impl Display) -> Option<ETag> {
    format!("\"{sha256}\"").parse().ok()
}

/// The strong tag of these bytes.
pub(super) fn etag_of(bytes: &[u8]) -> Option<ETag> {
    etag(&Sha256Digest::of(bytes))
}

/// Evaluates the preconditions in the order of section 13.2.2.
pub(super) fn precondition(headers: &HeaderMap, etag: &ETag) -> Precondition {
    if let Some(if_match) = headers.typed_get::<IfMatch>()
        && !if_match.is_any()
        && !if_match.precondition_passes(etag)
    {
        return Precondition::Failed;
    }
    match headers.typed_get::<IfNoneMatch>() {
        Some(if_none_match) if !if_none_match.precondition_passes(etag) => {
            Precondition::NotModified
        }
        _ => Precondition::Holds,
    }
}

/// Which part of `size` bytes a request wants.
///
/// Several ranges are answered with the whole, as section 14.2 leaves to the server: nobody who
/// resumes a download asks for more than one, and many small ones are a way to do harm.
pub(super) fn wanted(method: &Method, headers: &HeaderMap, etag: &ETag, size: u64) -> Wanted {
    // Ranges are defined for GET alone.
    if method != Method::GET || !is_still_the_same(headers, etag) {
        return Wanted::Whole;
    }
    let mut values = headers.get_all(header::RANGE).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (Some(Ok(text)), None) => part(text, size),
        _ => Wanted::Whole,
    }
}

/// Whether `If-Range` is absent or names what there is. A date never does, since none is shown.
fn is_still_the_same(headers: &HeaderMap, etag: &ETag) -> bool {
    if !headers.contains_key(header::IF_RANGE) {
        return true;
    }
    let if_range = headers.typed_get::<IfRange>();
    if_range.is_some_and(|if_range| !if_range.is_modified(Some(etag), None))
}

fn part(text: &str, size: u64) -> Wanted {
    let ranges = match parse_range_header(text) {
        Ok(parsed) => parsed.ranges,
        // Well formed, and of no byte.
        Err(RangeUnsatisfiableError::ZeroSuffix) if !text.contains(',') => return Wanted::Nothing,
        Err(_) => return Wanted::Whole,
    };
    let [range] = &ranges[..] else {
        return Wanted::Whole;
    };
    let start = match range.start {
        StartPosition::Index(first) => first,
        StartPosition::FromLast(length) => size.saturating_sub(length),
    };
    let end = match range.end {
        // Backwards, so not a range at all.
        EndPosition::Index(last) if last < start => return Wanted::Whole,
        EndPosition::Index(last) => last.saturating_add(1).min(size),
        EndPosition::LastByte => size,
    };
    if start < end {
        Wanted::Part(start..end)
    } else {
        Wanted::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn tag() -> ETag {
        "\"abc\"".parse().unwrap()
    }

    fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn preconditions_by_the_standard() {
        use Precondition::{Failed, Holds, NotModified};
        for (given, expected) in [
            (&[][..], Holds),
            (&[("if-none-match", "\"abc\"")], NotModified),
            (&[("if-none-match", "W/\"abc\"")], NotModified),
            (&[("if-none-match", "*")], NotModified),
            (
                &[("if-none-match", "\"x,y\", \"abc\" , \"z\"")],
                NotModified,
            ),
            (&[("if-none-match", "\"ab\"")], Holds),
            (&[("if-none-match", "\"x,abc\"")], Holds),
            (&[("if-none-match", "abc")], Holds),
            (&[("if-match", "\"abc\"")], Holds),
            (&[("if-match", "*")], Holds),
            (&[("if-match", "W/\"abc\"")], Failed),
            (&[("if-match", "\"x\"")], Failed),
            (
                &[("if-match", "\"x\""), ("if-none-match", "\"abc\"")],
                Failed,
            ),
            (
                &[("if-match", "\"abc\""), ("if-none-match", "\"abc\"")],
                NotModified,
            ),
        ] {
            assert_eq!(precondition(&fields(given), &tag()), expected, "{given:?}");
        }
    }

    #[test]
    fn ranges_by_the_standard() {
        use Wanted::{Nothing, Part, Whole};
        for (range, expected) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=0-", Part(0..10)),
            ("bytes=3-5", Part(3..6)),
            ("bytes=3-99", Part(3..10)),
            ("bytes=9-", Part(9..10)),
            ("bytes=-3", Part(7..10)),
            ("bytes=-99", Part(0..10)),
            ("bytes=0-18446744073709551615", Part(0..10)),
            ("bytes=10-", Nothing),
            ("bytes=10-12", Nothing),
            ("bytes=18446744073709551615-", Nothing),
            ("bytes=-0", Nothing),
            ("bytes=5-3", Whole),
            ("bytes=12-11", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=0-1, -0", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=0-99999999999999999999999", Whole),
            ("lines=0-1", Whole),
            ("0-1", Whole),
        ] {
            let got = wanted(&Method::GET, &fields(&[("range", range)]), &tag(), 10);
            assert_eq!(got, expected, "{range}");
            let head = wanted(&Method::HEAD, &fields(&[("range", range)]), &tag(), 10);
            assert_eq!(head, Whole, "{range}");
        }
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            let got = wanted(&Method::GET, &fields(&[("range", range)]), &tag(), 0);
            assert_eq!(got, Nothing, "{range} of nothing");
        }
        let twice = fields(&[("range", "bytes=0-1"), ("range", "bytes=0-1")]);
        assert_eq!(wanted(&Method::GET, &twice, &tag(), 10), Whole);
    }

    #[test]
    fn a_part_is_sent_only_of_what_the_reader_has() {
        for (if_range, same) in [
            ("\"abc\"", true),
            ("W/\"abc\"", false),
            ("\"abd\"", false),
            ("*", false),
            ("Sat, 29 Oct 1994 19:43:31 GMT", false),
            ("nonsense", false),
        ] {
            let given = fields(&[("range", "bytes=1-2"), ("if-range", if_range)]);
            let expected = if same {
                Wanted::Part(1..3)
            } else {
                Wanted::Whole
            };
            assert_eq!(wanted(&Method::GET, &given, &tag(), 10), expected);
        }
    }

    proptest! {
        /// As the standard defines them, for numbers of all sizes.
        #[test]
        fn a_part_is_what_was_asked_for_and_exists(
            first in proptest::option::of(any::<u16>()),
            last in proptest::option::of(any::<u16>()),
            size in any::<u16>(),
        ) {
            let number = |n: Option<u16>| n.map_or(String::new(), |n| n.to_string());
            let text = format!("bytes={}-{}", number(first), number(last));
            let position = |at: &u16| match (first, last) {
                (Some(first), Some(last)) => (first..=last).contains(at),
                (Some(first), None) => *at >= first,
                (None, Some(length)) => size - at <= length,
                (None, None) => true,
            };
            let expected: Vec<u64> = (0..size).filter(position).map(u64::from).collect();
            let bad = first.is_none() && last.is_none()
                || matches!((first, last), (Some(first), Some(last)) if last < first);
            match part(&text, size.into()) {
                Wanted::Part(range) => prop_assert_eq!(range.collect::<Vec<_>>(), expected),
                Wanted::Nothing => prop_assert!(expected.is_empty() && !bad),
                Wanted::Whole => prop_assert!(bad),
            }
        }

        #[test]
        fn no_text_leads_outside(text in "(bytes=)?[0-9, a-]{0,30}", size in any::<u64>()) {
            if let Wanted::Part(range) = part(&text, size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
