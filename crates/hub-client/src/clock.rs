//! How this machine's clock stands to the Hub's, by the `Date` of the Hub's own answers.

use crate::HubClient;
use crate::answer::header;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap};
use std::sync::{Mutex, PoisonError};

/// What the last answer that had a `Date` says.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Option<SignedDuration>>);

impl Clock {
    /// Takes note of an answer that has just come to a request that was sent after `before`.
    pub(crate) fn note(&self, before: Timestamp, headers: &HeaderMap) {
        let Some(date) = date(headers) else { return };
        let ahead = ahead((before, Timestamp::now()), date);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
    }
}

/// How far this machine's clock is ahead, where it went from `began` to `ended` while the Hub's showed
/// `date`, in whole seconds. The answer may have been made at any time between, so nothing that fits is
/// called a difference.
fn ahead((began, ended): (Timestamp, Timestamp), date: Timestamp) -> SignedDuration {
    let last = date + SignedDuration::from_secs(1);
    let ahead = if last < began {
        began.duration_since(last)
    } else if date > ended {
        ended.duration_since(date)
    } else {
        SignedDuration::ZERO
    };
    SignedDuration::from_secs(ahead.as_secs())
}

/// When the server says that it made the answer.
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    header(headers, &DATE).and_then(http_date)
}

/// A time in the form of HTTP's header fields.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    parser.parse_timestamp(text).ok()
}

impl HubClient {
    /// How far this machine's clock is ahead of the Hub's at least, negative where it is behind, by
    /// the Hub's last answer to a call that changes or might change something; nothing where there was
    /// none, or it did not say.
    pub fn clock_ahead(&self) -> Option<SignedDuration> {
        let clock = &self.0.clock.0;
        *clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_explained_by_the_way_is_a_difference() {
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        // A call from 10 to 40.
        for (date, expected) in [
            (10, 0),
            (40, 0),
            (9, 0),
            (25, 0),
            (8, 1),
            (42, -2),
            (-110, 119),
        ] {
            let found = ahead((at(10), at(40)), at(date));
            assert_eq!(found.as_secs(), expected, "{date}");
        }
    }
}
