//! How this machine's clock stands to the Hub's, by the `Date` of the Hub's own answers.

use crate::answer::header;
use crate::{AnswerProblem, ClientError, HubClient};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap};
use std::sync::{Mutex, PoisonError};

/// The year 9999, the last that can be written down: no clock shows it, and what comes after may be no time.
const END: Timestamp = Timestamp::constant(253_370_764_800, 0);

/// What the last answer that had a `Date` says.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Option<Compared>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    /// How far this machine's clock is ahead.
    Ahead(SignedDuration),
    /// It says a time that no clock shows.
    Absurd,
}

impl Clock {
    /// Takes note of an answer that has just come to a request that was sent after `before`.
    pub(crate) fn note(&self, before: Timestamp, headers: &HeaderMap) {
        let Some(date) = date(headers) else { return };
        let found = match date < END {
            true => Compared::Ahead(ahead((before, Timestamp::now()), date)),
            false => Compared::Absurd,
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }
}

/// How far this machine's clock is ahead, where it went from `began` to `ended` while the Hub's showed
/// `date`, in whole seconds. The answer may have been made at any time between, so nothing that fits is
/// called a difference.
fn ahead((began, ended): (Timestamp, Timestamp), date: Timestamp) -> SignedDuration {
    let last = date.checked_add(SignedDuration::from_secs(1));
    let last = last.unwrap_or(date);
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
    ///
    /// # Errors
    /// When what it said is a time that no clock shows.
    pub fn clock_ahead(&self) -> Result<Option<SignedDuration>, ClientError> {
        let clock = &self.0.clock.0;
        match *clock.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(None),
            Some(Compared::Ahead(ahead)) => Ok(Some(ahead)),
            Some(Compared::Absurd) => {
                let call = self.call("compare this machine's clock with the Hub's");
                Err(call.unexpected(AnswerProblem::Unusable("the date")))
            }
        }
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

    #[test]
    fn a_date_at_the_end_of_time_is_no_time() {
        let at = |date: &str| {
            let clock = Clock::default();
            let mut headers = HeaderMap::new();
            headers.insert(DATE, date.parse().unwrap());
            clock.note(Timestamp::now(), &headers);
            *clock.0.lock().unwrap()
        };
        assert_eq!(at("Thu, 30 Dec 9999 22:00:00 GMT"), Some(Compared::Absurd));
        assert_eq!(at("Fri, 01 Jan 9999 00:00:00 GMT"), Some(Compared::Absurd));
        let far = at("Thu, 31 Dec 9998 23:59:59 GMT");
        assert!(matches!(far, Some(Compared::Ahead(ahead)) if ahead.is_negative()));
        assert_eq!(at("Fri, 31 Dec 9999 23:59:59 GMT"), None);
        let (now, never) = (Timestamp::now(), Timestamp::MAX);
        assert!(ahead((now, now), never).is_negative());
    }
}
