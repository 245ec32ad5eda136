//! Values of options, from the words that a person gives.

use crate::text::without_v;
use release_types::{Channel, Platform};

/// A version as this program publishes it.
pub fn parse_version(text: &str) -> Result<semver::Version, String> {
    text.parse()
        .map_err(|error: semver::Error| match without_v(text) {
            Some(version) => format!("{error}; it is written without the `v`: {version}"),
            None => error.to_string(),
        })
}

pub fn parse_channel(text: &str) -> Result<Channel, release_types::UnknownName> {
    text.parse()
}

pub fn parse_target(triple: &str) -> Result<Platform, String> {
    Platform::from_target_triple(triple).ok_or_else(|| {
        let known: Vec<&str> = Platform::ALL.iter().map(|p| p.target_triple()).collect();
        format!("expected one of: {}", known.join(" "))
    })
}

pub fn parse_side_by_side(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=64) => Ok(n),
        _ => Err("expected a number from 1 to 64".to_owned()),
    }
}
