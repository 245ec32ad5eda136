//! The channels of pre-releases whose names say none, as a workspace declares them:
//!
//! ```toml
//! [workspace.metadata.atlas-release]
//! channels = { rc = "beta" }
//! ```

use super::Workspace;
use release_types::Channel;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Channels by the first identifier of a pre-release, without the digits at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct PreReleases(BTreeMap<String, Channel>);

impl PreReleases {
    /// By what a version's pre-release is looked up: `rc` of `1.4.0-rc.1` and of `1.4.0-rc1`. An identifier of
    /// digits alone is itself.
    pub fn word(version: &semver::Version) -> &str {
        let first = version.pre.split('.').next().unwrap_or_default();
        match first.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "" => first,
            word => word,
        }
    }
}

impl TryFrom<BTreeMap<String, String>> for PreReleases {
    type Error = String;

    fn try_from(named: BTreeMap<String, String>) -> Result<Self, String> {
        let read = |(word, channel): (String, String)| {
            let wrong = |why: String| format!("`channels`: `{word}`: {why}");
            let channel: Channel = channel.parse().map_err(|error| wrong(format!("{error}")))?;
            let pre = semver::Prerelease::new(&word).map_err(|error| wrong(error.to_string()))?;
            let version = semver::Version {
                pre,
                ..semver::Version::new(0, 0, 0)
            };
            if Self::word(&version) != word {
                return Err(wrong(
                    "it has to be the first identifier of a pre-release, without the digits at its end"
                        .to_owned(),
                ));
            }
            match Channel::of_version(&version) {
                Some(own) if own != channel => {
                    Err(wrong(format!("this word names the channel {own} itself")))
                }
                _ => Ok((word, channel)),
            }
        };
        let named = named.into_iter().map(read);
        Ok(Self(named.collect::<Result<_, _>>()?))
    }
}

impl Workspace {
    /// The channel that a version names by itself, or that the workspace has for such pre-releases.
    pub fn channel_of(&self, version: &semver::Version) -> Option<Channel> {
        let declared = || self.pre_releases.0.get(PreReleases::word(version)).copied();
        Channel::of_version(version).or_else(declared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(value: Value) -> Result<PreReleases, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_pre_release_is_looked_up_by_its_first_word() {
        for (version, word) in [
            ("1.4.0-rc.1", "rc"),
            ("1.4.0-rc1", "rc"),
            ("1.4.0-rc12.x", "rc"),
            ("1.4.0-alpha-2", "alpha-"),
            ("1.4.0-0.3.7", "0"),
            ("1.4.0", ""),
        ] {
            let version = version.parse().unwrap();
            assert_eq!(PreReleases::word(&version), word, "{version}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let read_all = read(json!({"rc": "beta", "0": "dev", "beta": "beta"})).unwrap();
        assert_eq!(read_all.0.len(), 3);
        for (value, says) in [
            (
                json!({"rc": "nightly"}),
                "`channels`: `rc`: `nightly` is not a channel",
            ),
            (
                json!({"rc1": "beta"}),
                "`rc1`: it has to be the first identifier",
            ),
            (
                json!({"rc.1": "beta"}),
                "`rc.1`: it has to be the first identifier",
            ),
            (json!({"r c": "beta"}), "`channels`: `r c`: "),
            (
                json!({"": "beta"}),
                "`channels`: ``: this word names the channel stable itself",
            ),
            (
                json!({"beta": "dev"}),
                "`beta`: this word names the channel beta itself",
            ),
        ] {
            let error = read(value).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
