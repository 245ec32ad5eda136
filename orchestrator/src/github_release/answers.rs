//! What GitHub's answers mean beyond their status.

use super::wire::{Fault, FieldFault};
use http::{HeaderName, StatusCode};
use hub_client::{Answer, ClientError};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long no call is made where GitHub names no time.
const PAUSE: Duration = Duration::from_secs(60);

/// How long no call is to be made, where an answer says that there were too many.
pub(super) fn asked_to_wait(answer: &Answer) -> Option<Duration> {
    let named = |name| answer.header(&HeaderName::from_static(name));
    let limit = Limit {
        status: answer.status.as_u16(),
        asked: answer.retry_after(),
        remaining: named("x-ratelimit-remaining"),
        reset: named("x-ratelimit-reset"),
        message: answer.message(),
        now: answer.date().unwrap_or_else(Timestamp::now),
    };
    limit.wait()
}

/// What an answer says of limits.
#[derive(Debug, Clone, Copy)]
struct Limit<'a> {
    status: u16,
    /// `Retry-After`.
    asked: Option<Duration>,
    /// How many calls are left.
    remaining: Option<&'a str>,
    /// When there are more, in seconds since 1970.
    reset: Option<&'a str>,
    message: &'a str,
    now: Timestamp,
}

impl Limit<'_> {
    /// GitHub says that it is too much by 403 as well as by 429, and 403 means other things too.
    fn wait(&self) -> Option<Duration> {
        let spent = self.remaining == Some("0");
        let in_words = self.message.to_ascii_lowercase().contains("rate limit");
        let is_limit = match self.status {
            429 => true,
            403 => self.asked.is_some() || spent || in_words,
            _ => false,
        };
        if !is_limit {
            return None;
        }
        let reset = self.reset.filter(|_| spent);
        let reset = reset.and_then(moment);
        let left = reset.and_then(|at| Duration::try_from(at.duration_since(self.now)).ok());
        // Its clock shows whole seconds.
        let left = left.map(|left| left + Duration::from_secs(1));
        Some(self.asked.or(left).unwrap_or(PAUSE))
    }
}

/// A moment in seconds since 1970. One that no integer holds, or no calendar has, is the last there is: whoever
/// is told so is not to come back in a minute.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = text.parse().unwrap_or(i64::MAX);
    Some(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

/// What a success says; else the error.
pub(super) fn value<T: DeserializeOwned>(answer: Answer) -> Result<T, ClientError> {
    match answer.status.is_success() {
        true => answer.json(),
        false => Err(refused(answer)),
    }
}

/// Whether a refusal has this word for programs.
pub(super) fn says(answer: &Answer, word: &str) -> bool {
    let fault: Fault = answer.json().unwrap_or_default();
    fault
        .errors
        .iter()
        .any(|one| matches!(one, FieldFault::Field { code, .. } if code == word))
}

/// The error of a refusal, with what GitHub says of single fields.
pub(super) fn refused(answer: Answer) -> ClientError {
    let fault: Fault = answer.json().unwrap_or_default();
    if answer.status != StatusCode::UNPROCESSABLE_ENTITY || fault.errors.is_empty() {
        return answer.into_error();
    }
    let told = fault.errors.iter().map(|one| match one {
        FieldFault::Text(text) => text.clone(),
        FieldFault::Field {
            field,
            code,
            message,
        } => {
            let parts = [field, code, message].map(String::as_str);
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            parts.join(" ")
        }
        FieldFault::Other(_) => "something that is not known here".to_owned(),
    });
    let told: Vec<String> = told.collect();
    ClientError::Refused {
        host: answer.host().to_owned(),
        what: answer.what().to_owned(),
        status: answer.status.as_u16(),
        message: answer.fit(&format!("{}: {}", fault.message, told.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Limit<'_> = Limit {
        status: 403,
        asked: None,
        remaining: None,
        reset: None,
        message: "Resource not accessible by integration",
        now: Timestamp::UNIX_EPOCH,
    };

    #[test]
    fn a_limit_says_how_long_to_wait_and_other_refusals_do_not() {
        let seconds = |limit: Limit<'_>| limit.wait().map(|wait| wait.as_secs());
        assert_eq!(seconds(NONE), None);
        let left = Limit {
            remaining: Some("10"),
            reset: Some("90"),
            ..NONE
        };
        assert_eq!(seconds(left), None);
        let other = Limit {
            status: 404,
            remaining: Some("0"),
            ..NONE
        };
        assert_eq!(seconds(other), None);
        let asked = Some(Duration::from_secs(7));
        assert_eq!(seconds(Limit { asked, ..NONE }), Some(7));
        let spent = Limit {
            remaining: Some("0"),
            reset: Some("90"),
            ..NONE
        };
        assert_eq!(seconds(spent), Some(91));
        assert_eq!(seconds(Limit { asked, ..spent }), Some(7));
        assert_eq!(
            seconds(Limit {
                reset: Some("soon"),
                ..spent
            }),
            Some(60)
        );
        let ages = 7000 * 365 * 24 * 60 * 60;
        for far in ["9".repeat(12), "9".repeat(25), "9".repeat(60)] {
            let reset = Some(far.as_str());
            assert!(seconds(Limit { reset, ..spent }) > Some(ages), "{far}");
        }
        let words = "You have exceeded a secondary rate limit.";
        assert_eq!(
            seconds(Limit {
                message: words,
                ..NONE
            }),
            Some(60)
        );
        assert_eq!(
            seconds(Limit {
                status: 429,
                ..NONE
            }),
            Some(60)
        );
    }
}
