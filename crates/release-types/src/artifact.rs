//! What an artifact is to the Hub: its kind, its channel and the key its bytes are stored under.

use crate::{FileName, Platform, ProductName, named_enum, text_serde};
use std::fmt;
use std::str::FromStr;

named_enum! {
    /// What an artifact is for.
    Kind ("a kind of artifact") {
        /// Something a person installs from.
        Installer = "installer",
        /// A program, or a payload an updater applies.
        Binary = "binary",
        /// The detached signature of the artifact with the same name less `.sig`.
        Signature = "signature",
        /// A document an updater reads.
        UpdaterManifest = "updater-manifest",
        /// Anything else.
        Other = "other",
    }
}

named_enum! {
    /// Which stream of releases a version belongs to.
    Channel ("a channel") {
        /// For everybody.
        Stable = "stable",
        /// For those who test what comes next.
        Beta = "beta",
        /// For those who build it.
        Dev = "dev",
    }
}

impl Channel {
    /// The channel that a version names by itself: `stable` without a pre-release, `beta` or `dev`
    /// where the pre-release's first identifier says so, otherwise none.
    pub fn of_version(version: &semver::Version) -> Option<Self> {
        if version.pre.is_empty() {
            return Some(Self::Stable);
        }
        match version.pre.split('.').next() {
            Some("beta") => Some(Self::Beta),
            Some("dev") => Some(Self::Dev),
            _ => None,
        }
    }
}

/// Why a text cannot be an object's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an object key: {why}", key.escape_debug())]
pub struct ObjectKeyError {
    /// The text that was refused, shortened to its first 200 characters.
    pub key: String,
    /// Which rule it breaks.
    pub why: &'static str,
}

/// The raw key of a stored object: a clean relative path with `/` between its segments.
///
/// Every segment is a [`FileName`], so a key can never leave the folder it is joined to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// The longest key that is accepted, in bytes. S3 stores keys of up to 1024 bytes.
    pub const MAX_LEN: usize = 1024;

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path's segments, at least one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl FromStr for ObjectKey {
    type Err = ObjectKeyError;

    fn from_str(text: &str) -> Result<Self, ObjectKeyError> {
        let fault = |why| ObjectKeyError {
            key: text.chars().take(200).collect(),
            why,
        };
        if text.len() > Self::MAX_LEN {
            return Err(fault("it is longer than 1024 bytes"));
        }
        for segment in text.split('/') {
            if let Err(error) = segment.parse::<FileName>() {
                return Err(fault(match error.why {
                    "it is empty" => "it has an empty segment",
                    why => why,
                }));
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

text_serde!(ObjectKey);

/// The key an artifact is uploaded under: `artifacts/{product}/{version}/{os}/{arch}/{filename}`.
///
/// # Errors
/// When the parts together are longer than [`ObjectKey::MAX_LEN`], or the version is longer than a
/// file name may be.
pub fn artifact_key(
    product: &ProductName,
    version: &semver::Version,
    platform: Platform,
    filename: &FileName,
) -> Result<ObjectKey, ObjectKeyError> {
    format!(
        "artifacts/{product}/{version}/{}/{}/{filename}",
        platform.os, platform.arch
    )
    .parse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arch, Os};

    #[test]
    fn keys_that_leave_their_folder_are_refused() {
        for bad in [
            "",
            "/artifacts/x",
            "artifacts//x",
            "artifacts/../x",
            "artifacts/./x",
            "artifacts\\x",
            "artifacts/\0",
            "C:/x",
            "artifacts/CON",
            "artifacts/x/",
            &format!("artifacts/{}", "x/".repeat(600)),
        ] {
            assert!(bad.parse::<ObjectKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_artifact_has_the_key_of_the_specification() {
        let key = artifact_key(
            &"runner".parse().unwrap(),
            &"1.2.3-beta.1+b7".parse().unwrap(),
            Platform::new(Os::Linux, Arch::X64),
            &"atlas-runner-linux-x64".parse().unwrap(),
        )
        .unwrap();
        assert_eq!(
            key.as_str(),
            "artifacts/runner/1.2.3-beta.1+b7/linux/x64/atlas-runner-linux-x64"
        );
    }

    #[test]
    fn channels_by_pre_release() {
        let of = |v: &str| Channel::of_version(&v.parse().unwrap());
        assert_eq!(of("1.0.0"), Some(Channel::Stable));
        assert_eq!(of("1.0.0+build"), Some(Channel::Stable));
        assert_eq!(of("1.0.0-beta.2"), Some(Channel::Beta));
        assert_eq!(of("1.0.0-dev.12+g1"), Some(Channel::Dev));
        assert_eq!(of("1.0.0-rc.1"), None);
        assert_eq!(of("1.0.0-beta2"), None);
    }
}
