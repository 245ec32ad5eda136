//! What went wrong with a bucket, in our own words: what `object_store` says can hold addresses, and
//! what a store answers can hold the request's signature.

use crate::HubError;
use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

/// Begins the text of an answer that is an error.
const STATUS: &str = "Server returned non-2xx status code: ";

/// Begins the text of an answer that says 200 and then reports an error, as copies may.
const LATE: &str = "Server returned error response: ";

/// What is the matter.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) why: String,
    missing: bool,
    full: bool,
}

impl Problem {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            missing: false,
            full: false,
        }
    }

    /// No answer came in time.
    pub(super) fn silent() -> Self {
        Self::new("it does not answer")
    }

    pub(super) fn at(self, action: &'static str, bucket: &str) -> HubError {
        HubError::Bucket {
            action,
            bucket: bucket.to_owned(),
            why: self.why,
            missing: self.missing,
            full: self.full,
        }
    }
}

/// Reads an error, and takes nothing over but a status and the protocol's own word for it.
pub(super) fn problem(error: &Error) -> Problem {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = next {
        if let Some(http) = cause.downcast_ref::<HttpError>() {
            return Problem::new(match http.kind() {
                HttpErrorKind::Connect => "no connection to it",
                HttpErrorKind::Timeout => "it does not answer",
                HttpErrorKind::Request | HttpErrorKind::Interrupted => "the connection broke off",
                _ => "its answer cannot be read",
            });
        }
        let text = cause.to_string();
        if let Some(answer) = text.strip_prefix(STATUS) {
            let mut problem = answered(answer);
            // A bucket that is missing is not an object that is missing.
            let no_bucket = problem.why.contains("NoSuchBucket");
            problem.missing = matches!(error, Error::NotFound { .. }) && !no_bucket;
            return problem;
        }
        if let Some(answer) = text.strip_prefix(LATE) {
            return answered(answer);
        }
        next = cause.source();
    }
    let mut problem = Problem::new(match error {
        Error::NotFound { .. } => "there is no such object",
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => "it refuses",
        _ => "it cannot be used as it is set up; are region, endpoint and credentials right?",
    });
    problem.missing = matches!(error, Error::NotFound { .. });
    problem
}

/// `403 Forbidden: <Error><Code>AccessDenied</Code>…`
fn answered(answer: &str) -> Problem {
    let status: String = answer.chars().take_while(char::is_ascii_digit).collect();
    let code = answer
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    let code = code
        .map(|(code, _)| code)
        .filter(|code| code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric()));
    let mut problem = Problem::new(match code {
        Some(code) if status.is_empty() => format!("it answers {code}"),
        Some(code) => format!("it answers {status} {code}"),
        None if status.is_empty() => "it answers with an error".to_owned(),
        None => format!("it answers {status}"),
    });
    problem.full = status == "507" || code == Some("XMinioStorageFull");
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str);

    fn of(text: &'static str) -> Error {
        Error::Generic {
            store: "S3",
            source: Box::new(Said(text)),
        }
    }

    #[test]
    fn nothing_of_a_request_is_repeated() {
        let answer = "Server returned non-2xx status code: 403 Forbidden: <Error>\
             <Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>hush</AWSAccessKeyId>\
             <SignatureProvided>hush</SignatureProvided></Error>";
        let found = problem(&of(answer));
        assert_eq!(found.why, "it answers 403 SignatureDoesNotMatch");
        assert!(!found.missing && !found.full);
        let error = found.at("read from", "s3://releases");
        assert_eq!(
            error.to_string(),
            "cannot read from s3://releases: it answers 403 SignatureDoesNotMatch"
        );
        let crafted =
            "Server returned non-2xx status code: 507 x: <Code>X-Amz-Signature=hush</Code>";
        let found = problem(&of(crafted));
        assert_eq!(found.why, "it answers 507");
        assert!(found.full);
        let late = problem(&of(
            "Server returned error response: <Error><Code>SlowDown</Code>",
        ));
        assert_eq!(late.why, "it answers SlowDown");
        let other = problem(&of("GET https://b.example/?X-Amz-Signature=hush failed"));
        assert!(!other.why.contains("hush"), "{}", other.why);
    }

    #[test]
    fn a_missing_bucket_is_no_missing_object() {
        let missing = |text| {
            let source = Box::new(Said(text));
            let path = "p".to_owned();
            problem(&Error::NotFound { path, source }).missing
        };
        let answer = "Server returned non-2xx status code: 404 Not Found: <Code>NoSuchKey</Code>";
        assert!(missing(answer));
        assert!(missing("of a HEAD"));
        let answer =
            "Server returned non-2xx status code: 404 Not Found: <Code>NoSuchBucket</Code>";
        assert!(!missing(answer));
    }
}
