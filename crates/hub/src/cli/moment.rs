//! Moments as an operator types them: a time, a day, or how long it is from now.

use super::CliError;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use std::str::FromStr;

/// A time such as `2030-01-31T12:00:00Z`, or a span such as `90d`, `12h` or `1y`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    At(Timestamp),
    Away(Span),
}

/// The same, or a day such as `2030-01-31`, which begins as it does in UTC: for what is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct PastMoment(Moment);

/// What may stand for a moment that is to come, and for one that is over.
const TO_COME: &str =
    "expected a time such as 2030-01-31T12:00:00Z, or a span from now such as 90d, 12h or 1y";
const OVER: &str = "expected a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31, or a span back \
                    from now such as 2h or 7d";

/// What was expected in the place of a text, and of one that looks like such a thing what is wrong with it.
fn unfit(expected: &str, text: &str, error: &jiff::Error) -> String {
    match text.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("{expected} ({error})"),
        false => expected.to_owned(),
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| unfit(TO_COME, text, &error))
    }
}

impl Moment {
    fn parse(text: &str) -> Result<Self, jiff::Error> {
        match text.parse() {
            Ok(time) => Ok(Self::At(time)),
            Err(no_time)
                if text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('-') =>
            {
                Err(no_time)
            }
            Err(_) => text.parse().map(Self::Away),
        }
    }
}

impl FromStr for PastMoment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| unfit(OVER, text, &error))
    }
}

impl PastMoment {
    fn parse(text: &str) -> Result<Self, jiff::Error> {
        // A date is also what a time begins with, so it has to be nothing else.
        let is_day = text.len() == "2030-01-31".len();
        if is_day && let Ok(day) = text.parse::<Date>() {
            let begin = day.to_zoned_datetime(TimeZone::UTC)?;
            return Ok(Self(Moment::At(begin.timestamp())));
        }
        Moment::parse(text).map(Self)
    }
}

impl Moment {
    /// When it is, where a span is counted on from now. Days and longer are counted in UTC.
    pub(super) fn after(self, now: Timestamp) -> Result<Timestamp, jiff::Error> {
        match self {
            Self::At(time) => Ok(time),
            Self::Away(span) => Ok(now
                .to_zoned_datetime(TimeZone::UTC)
                .checked_add(span)?
                .timestamp()),
        }
    }
}

impl PastMoment {
    /// When it was, where a span is counted back from now: `2h` and `2h ago` are the same.
    pub(super) fn before(self, now: Timestamp) -> Result<Timestamp, CliError> {
        let moment = match self.0 {
            Moment::Away(span) => Moment::Away(span.abs().negate()),
            at @ Moment::At(_) => at,
        };
        let time = moment.after(now);
        time.map_err(|error| CliError::Usage(format!("--since: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2028-02-29T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_moment_to_come_is_a_time_or_a_span() {
        let resolved = |text: &str| {
            let moment: Moment = text.parse().ok()?;
            Some(moment.after(now()).ok()?.to_string())
        };
        for (text, end) in [
            ("2030-01-31T12:00:00Z", "2030-01-31T12:00:00Z"),
            ("2030-01-31T12:00:00+02:00", "2030-01-31T10:00:00Z"),
            ("90d", "2028-05-29T10:00:00Z"),
            ("12h", "2028-02-29T22:00:00Z"),
            ("1y", "2029-02-28T10:00:00Z"),
        ] {
            assert_eq!(resolved(text).as_deref(), Some(end), "{text}");
        }
        for bad in ["", "soon", "2030-01-31", "7", "90000y"] {
            assert_eq!(resolved(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_moment_that_is_over_may_be_a_day_too() {
        let resolved = |text: &str| {
            let moment: PastMoment = text.parse().ok()?;
            Some(moment.before(now()).ok()?.to_string())
        };
        for (text, since) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
            ("2026-01-31", "2026-01-31T00:00:00Z"),
            ("2h", "2028-02-29T08:00:00Z"),
            ("2h ago", "2028-02-29T08:00:00Z"),
            ("7d", "2028-02-22T10:00:00Z"),
            ("1y", "2027-02-28T10:00:00Z"),
        ] {
            assert_eq!(resolved(text).as_deref(), Some(since), "{text}");
        }
        for bad in ["", "lately", "2026-01", "2026-13-01", "7", "90000y"] {
            assert_eq!(resolved(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_moment_is_told_what_would_be() {
        let said = |text: &str| text.parse::<PastMoment>().unwrap_err();
        for text in ["yesterday", "", "2026-13-01"] {
            assert!(said(text).starts_with(OVER), "{}", said(text));
        }
        assert_eq!(said("yesterday"), OVER);
        // What looks like a day is told what is wrong with it, too.
        assert!(said("2026-13-01").len() > OVER.len());
        let said = "soon".parse::<Moment>().unwrap_err();
        assert_eq!(said, TO_COME);
    }
}
