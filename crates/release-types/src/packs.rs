//! Packs: their names, who works on them, and what their automation says to the Hub.

use crate::{FileName, ObjectKey, ObjectKeyError, Sha256Digest, named_enum, text_serde};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The header that carries a pack deploy token.
pub const PACK_TOKEN_HEADER: &str = "x-atlas-pack-deploy-token";

named_enum! {
    /// Which stream of a pack's builds one belongs to.
    PackChannel ("a pack channel") {
        /// For those who build it.
        Dev = "dev",
        /// For those who test what comes next.
        Beta = "beta",
        /// For everybody.
        Production = "production",
    }
}

named_enum! {
    /// What a person is to a Hub.
    UserRole ("a role") {
        /// May do everything.
        Admin = "admin",
        /// May do what the packs allow that have them as a member.
        Creator = "creator",
    }
}

named_enum! {
    /// What a person is to a pack. Both may issue and revoke its deploy tokens.
    MemberRole ("a member's role") {
        /// Made it.
        Creator = "creator",
        /// Looks after it.
        Admin = "admin",
    }
}

/// A text that cannot be a pack's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a pack id: expected 1 to 64 of letters, digits, `-` and `_`, beginning with a letter or digit, and no name that Windows reserves",
    .0.escape_debug()
)]
pub struct PackIdError(pub String);

/// What the Hub calls a pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackId(String);

impl PackId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackId {
    type Err = PackIdError;

    fn from_str(text: &str) -> Result<Self, PackIdError> {
        let fits = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && text.parse::<FileName>().is_ok();
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(PackIdError(text.chars().take(200).collect()))
        }
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

text_serde!(PackId);

/// The key a build is uploaded under: `packs/{packId}/builds/{buildId}.atlas`.
///
/// # Errors
/// When the build's id cannot stand in a file's name.
pub fn build_key(pack: &PackId, build_id: &str) -> Result<ObjectKey, ObjectKeyError> {
    format!("packs/{pack}/builds/{build_id}.atlas").parse()
}

/// `POST /api/v1/ci/presign`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildUploadRequest {
    /// Whose build it will be.
    pub pack_id: PackId,
    /// The length the upload is bound to, in bytes. A deployed Hub ignores it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The digest the upload is bound to. A deployed Hub ignores it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
}

/// The answer to `POST /api/v1/ci/presign`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BuildUpload {
    /// What the Hub calls the build.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::BuildId))]
    pub build_id: String,
    /// `<provider>::<key>`.
    pub artifact_key: String,
    /// Where to `PUT` the bytes. It carries a signature: never log it.
    pub upload_url: String,
    /// The headers of the upload, exactly these.
    #[serde(default)]
    pub upload_headers: BTreeMap<String, String>,
    /// The storage's name.
    pub artifact_provider: String,
}

impl fmt::Debug for BuildUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildUpload")
            .field("build_id", &self.build_id)
            .field("artifact_key", &self.artifact_key)
            .field("upload_url", &"***")
            .field("upload_headers", &self.upload_headers.keys())
            .field("artifact_provider", &self.artifact_provider)
            .finish()
    }
}

/// `POST /api/v1/ci/complete`: puts an uploaded build on a channel of its pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteBuildRequest {
    /// Whose build it is.
    pub pack_id: PackId,
    /// What the Hub called it when it was presigned.
    pub build_id: String,
    /// `<provider>::<key>`, as it was answered then.
    pub artifact_key: String,
    /// The version its automation gives it.
    pub version: String,
    /// Where it is to be offered.
    pub channel: PackChannel,
    /// The commit it was built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_hash: Option<String>,
    /// What that commit says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_message: Option<String>,
    /// Bytes that were uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_size: Option<u64>,
}

/// A complete build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PackBuild {
    /// What the Hub calls it.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::BuildId))]
    pub id: String,
    /// Whose it is.
    pub pack_id: PackId,
    /// The version its automation gave it.
    pub version: String,
    /// `<provider>::<key>`.
    pub artifact_key: String,
    /// The storage's name.
    pub artifact_provider: String,
    /// Bytes, as the Hub counted them.
    pub artifact_size: u64,
    /// Their digest, as the Hub computed it.
    pub sha256: Sha256Digest,
    /// The commit it was built from.
    pub commit_hash: Option<String>,
    /// What that commit says of itself.
    pub commit_message: Option<String>,
    /// When it was completed.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Time))]
    pub created_at: jiff::Timestamp,
}

/// A channel of a pack, by a build that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PackChannelBuild {
    /// Which channel.
    pub name: PackChannel,
    /// Whose it is.
    pub pack_id: PackId,
    /// The build.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::BuildId))]
    pub build_id: String,
    /// Since when the channel has it.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Time))]
    pub updated_at: jiff::Timestamp,
}

/// The answer to `POST /api/v1/ci/complete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompletedBuild {
    /// The build.
    pub build: PackBuild,
    /// Where it is offered.
    pub channel: PackChannelBuild,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pack_ids() {
        for good in ["a", "my-pack", "Pack_2", "0f9c", &"x".repeat(64)] {
            assert!(good.parse::<PackId>().is_ok(), "{good}");
        }
        let long = "x".repeat(65);
        for bad in [
            "", "-a", "_a", "a/b", "..", "a.b", "a b", "é", "CON", "nul", "a\n", &long,
        ] {
            assert!(bad.parse::<PackId>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_pack_id_always_makes_a_key(text in "[A-Za-z0-9_-]{1,64}", id in "[0-9a-f]{32}") {
            if let Ok(pack) = text.parse::<PackId>() {
                let key = build_key(&pack, &id).unwrap();
                let segments: Vec<&str> = key.segments().collect();
                prop_assert_eq!(segments, ["packs", pack.as_str(), "builds", &format!("{id}.atlas")]);
            }
        }
    }
}
