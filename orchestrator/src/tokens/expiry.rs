//! When a token stops working, as people say it. Pure.

use super::TokenError;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use std::str::FromStr;

/// A time, or a span from now on.
#[derive(Debug, Clone, Copy)]
pub enum Expiry {
    /// Then.
    At(Timestamp),
    /// So long from now.
    After(Span),
}

impl FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unusable = |error: jiff::Error| {
            format!(
                "expected a time such as 2030-01-31T12:00:00Z, or a span such as 90d or 12h: {error}"
            )
        };
        match text.parse() {
            Ok(time) => Ok(Self::At(time)),
            // What looks like a date is told what a date lacks.
            Err(error) if text.starts_with(|c: char| c.is_ascii_digit()) && text.contains('-') => {
                Err(unusable(error))
            }
            Err(_) => text.parse().map(Self::After).map_err(unusable),
        }
    }
}

impl Expiry {
    /// The time, in whole seconds. Days and longer are counted in UTC.
    ///
    /// # Errors
    /// When it is over already, or beyond the calendar.
    pub fn resolve(self, now: Timestamp) -> Result<Timestamp, TokenError> {
        let end = match self {
            Self::At(time) => time,
            Self::After(span) => now
                .to_zoned_datetime(TimeZone::UTC)
                .checked_add(span)
                .map_err(|error| TokenError::Expires(error.to_string()))?
                .timestamp(),
        };
        let end = Timestamp::from_second(end.as_second())
            .map_err(|error| TokenError::Expires(error.to_string()))?;
        if end <= now {
            return Err(TokenError::Expires(format!("{end} is over already")));
        }
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_at_a_time_or_after_a_span() {
        let now: Timestamp = "2028-02-29T10:00:00.7Z".parse().unwrap();
        let end = |text: &str| {
            let expiry: Expiry = text.parse()?;
            let end = expiry.resolve(now).map_err(|error| error.to_string())?;
            Ok::<_, String>(end.to_string())
        };
        for (text, ends) in [
            ("2030-01-31T12:00:00Z", "2030-01-31T12:00:00Z"),
            ("2030-01-31T12:00:00.25+02:00", "2030-01-31T10:00:00Z"),
            ("90d", "2028-05-29T10:00:00Z"),
            ("12h", "2028-02-29T22:00:00Z"),
            ("1y", "2029-02-28T10:00:00Z"),
            ("2 weeks", "2028-03-14T10:00:00Z"),
        ] {
            assert_eq!(end(text).as_deref(), Ok(ends), "{text}");
        }
        for (bad, why) in [
            ("", "expected a time"),
            ("soon", "expected a time"),
            ("90", "expected a time"),
            ("2030-01-31", "expected a time"),
            ("90000y", ""),
            ("2028-02-29T09:59:59Z", "is over already"),
            ("0s", "is over already"),
            ("-1d", "is over already"),
            ("1d ago", "is over already"),
        ] {
            let said = end(bad).unwrap_err();
            assert!(said.contains(why), "{bad}: {said}");
        }
    }
}
