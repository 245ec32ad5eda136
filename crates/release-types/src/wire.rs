//! The Distribution API's JSON documents, shared by server and client.
//!
//! Requests and answers carry the fields of the wire contract; unknown ones are ignored on both
//! sides. Versions travel as text, because a deployed Hub accepts any.

use crate::{Channel, FileName, Kind, ObjectKey, Platform, ProductName, Sha256Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The header that carries an app deploy token.
pub const DEPLOY_TOKEN_HEADER: &str = "x-atlas-app-deploy-token";

/// Every error's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// One sentence.
    pub error: String,
    /// A word for programs, where they need to know more than the status says. Not every Hub has
    /// it; those words that have a meaning are [`BAD_DIGEST`] and [`STILL_READING`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// The [`ErrorBody::code`] of an upload whose bytes did not arrive as they were announced.
pub const BAD_DIGEST: &str = "bad_digest";

/// The [`ErrorBody::code`] of a 503 by which the Hub says that it is at work on what was asked: it reads
/// uploads that have come to its storage, and whoever asks again later finds more of them read.
pub const STILL_READING: &str = "still_reading";

/// `POST /api/v1/storage/presign`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresignRequest {
    /// Always `upload`.
    pub action: String,
    /// The raw key.
    pub key: ObjectKey,
    /// The media type the upload will have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Which storage to use, when the Hub has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The length the upload is bound to, in bytes. A deployed Hub ignores it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The digest the upload is bound to. A deployed Hub ignores it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
}

/// The answer to [`PresignRequest`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PresignResponse {
    /// Where to `PUT` the bytes. It carries a signature: never log it.
    pub url: String,
    /// The headers of the upload, exactly these.
    #[serde(default)]
    pub upload_headers: BTreeMap<String, String>,
    /// `<provider>::<key>`.
    pub key: String,
    /// The storage's name, which publish wants back.
    pub provider: String,
}

impl PresignRequest {
    /// Asks for an address to upload an object to, bound to nothing but its key.
    pub fn upload(key: ObjectKey) -> Self {
        Self {
            action: "upload".to_owned(),
            key,
            content_type: None,
            provider: None,
            size: None,
            sha256: None,
        }
    }
}

impl std::fmt::Debug for PresignResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PresignResponse")
            .field("url", &"***")
            .field("upload_headers", &self.upload_headers.keys())
            .field("key", &self.key)
            .field("provider", &self.provider)
            .finish()
    }
}

/// One artifact of a [`PublishRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The raw key, without the provider.
    pub key: ObjectKey,
    /// The storage's name, from the presign answer.
    pub provider: String,
    /// The name users download it by.
    pub filename: FileName,
    /// Bytes.
    pub size: u64,
    /// The digest of the bytes.
    pub sha256: Sha256Digest,
    /// What it is for.
    pub kind: Kind,
}

/// `POST /api/v1/releases/{product}/publish`: registers one platform of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishRequest {
    /// The version.
    pub version: String,
    /// The channel.
    pub channel: Channel,
    /// The platform whose list this is.
    pub platform: Platform,
    /// The whole list; it replaces what that platform had.
    pub artifacts: Vec<Artifact>,
    /// Release notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// When the release counts as published; the Hub's clock when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<jiff::Timestamp>,
}

/// One downloadable file of a [`Release`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Asset {
    /// What it is for.
    pub kind: Kind,
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = FileName))]
    pub filename: String,
    /// Bytes.
    pub size: u64,
    /// The digest of the bytes.
    pub sha256: Sha256Digest,
    /// `dl_` and 32 hexadecimal digits.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::DownloadId))]
    pub download_id: String,
}

/// A release as the Hub shows one platform of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Release {
    /// The product.
    pub product: ProductName,
    /// The version, as it was published.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Version))]
    pub version: String,
    /// The channel.
    pub channel: Channel,
    /// When it counts as published.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Time))]
    pub published_at: jiff::Timestamp,
    /// The platform whose assets these are.
    pub platform: Platform,
    /// Sorted by kind, then file name.
    pub assets: Vec<Asset>,
}

/// An update in the form that Tauri's updater reads: `GET /api/v1/launcher/updates/…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateManifest {
    /// The version to update to.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Version))]
    pub version: String,
    /// What is new in it; empty where nobody said.
    #[serde(default)]
    pub notes: String,
    /// When it was published.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Time))]
    pub pub_date: jiff::Timestamp,
    /// What to load, by `<os>-<arch>` and by `<os>-<arch>-<bundle>`, in Tauri's names.
    pub platforms: BTreeMap<String, UpdateFile>,
}

/// One file of an [`UpdateManifest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateFile {
    /// Where to load it.
    pub url: String,
    /// The text of its signature.
    pub signature: String,
}

/// What the Hub tells about an app token: all but the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AppToken {
    /// What to revoke it by.
    pub id: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// The first characters of the token, to recognise it by.
    pub token_prefix: String,
    /// When it was issued.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Time))]
    pub created_at: jiff::Timestamp,
    /// When it was last used.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schema::Time>))]
    pub last_used_at: Option<jiff::Timestamp>,
    /// When it was revoked.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schema::Time>))]
    pub revoked_at: Option<jiff::Timestamp>,
    /// When it stops working.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schema::Time>))]
    pub expires_at: Option<jiff::Timestamp>,
}

/// `GET /api/v1/deploy/app-tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenList {
    /// Newest first.
    pub tokens: Vec<AppToken>,
}

/// `POST /api/v1/deploy/app-tokens`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssueTokenRequest {
    /// What its owner calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// RFC 3339; the Hub refuses what it cannot read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// The answer to [`IssueTokenRequest`]: the one time the token itself is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IssuedToken {
    /// The token. Never log it.
    pub token: String,
    /// What the Hub keeps of it.
    pub record: AppToken,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken")
            .field("token", &"***")
            .field("record", &self.record)
            .finish()
    }
}

/// `DELETE /api/v1/deploy/app-tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokeTokenRequest {
    /// Which one.
    pub token_id: String,
}

/// The answer to [`RevokeTokenRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevokedToken {
    /// When it stopped working.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Time))]
    pub revoked_at: jiff::Timestamp,
}
