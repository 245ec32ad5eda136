//! Documents of the calls that go beyond the base contract. A Hub that has them says so in its
//! `features`; others answer 404.

use crate::{Channel, ObjectKey, Platform, ProductName, Release, Sha256Digest, named_enum};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

named_enum! {
    /// Whether a release is offered.
    ReleaseState ("a state of releases") {
        /// It is.
        Published = "published",
        /// It was taken back: never the newest again, still there by version.
        Yanked = "yanked",
    }
}

/// A release as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReleaseSummary {
    /// The version, as it was published.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Version))]
    pub version: String,
    /// The channel.
    pub channel: Channel,
    /// When it counts as published.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Time))]
    pub published_at: jiff::Timestamp,
    /// The platforms that have assets.
    pub platforms: Vec<Platform>,
    /// Whether it is offered.
    pub state: ReleaseState,
    /// Since when it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schema::Time>))]
    pub yanked_at: Option<jiff::Timestamp>,
    /// Why it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yank_reason: Option<String>,
}

/// `GET /api/v1/releases/{product}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReleaseList {
    /// The highest version first.
    pub releases: Vec<ReleaseSummary>,
    /// Where the list goes on: the next call's `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One uploaded object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObjectEntry {
    /// The raw key.
    pub key: ObjectKey,
    /// The storage that has it.
    pub provider: String,
    /// Bytes, as the Hub has counted them.
    pub size: u64,
    /// Their digest, as the Hub has computed it.
    pub sha256: Sha256Digest,
    /// When it was uploaded.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Time))]
    pub uploaded_at: jiff::Timestamp,
}

/// `GET /api/v1/storage/objects`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObjectList {
    /// By key.
    pub objects: Vec<ObjectEntry>,
    /// Where the list goes on: the next call's `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `POST /api/v1/releases/finalize`: shows drafts, all in one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalizeRequest {
    /// What is to be visible.
    pub releases: Vec<FinalizeRelease>,
}

/// One release of a [`FinalizeRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalizeRelease {
    /// The product.
    pub product: ProductName,
    /// The version.
    pub version: String,
    /// The channel.
    pub channel: Channel,
    /// The platforms, each of which was registered before.
    pub platforms: Vec<Platform>,
    /// The files that drafts of some of these platforms have to have, and no others, so that nobody
    /// shows what another one has registered in the meantime. Platforms without a file here are shown
    /// as they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<ObjectKey, Sha256Digest>,
}

/// `POST /api/v1/releases/{product}/{version}/promote`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromoteRequest {
    /// The channel that has the release.
    pub from: Channel,
    /// The channel that is to have it too.
    pub to: Channel,
}

/// `POST` and `DELETE /api/v1/releases/{product}/{version}/yank`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct YankRequest {
    /// The channel that it is taken back on, or offered on again.
    pub channel: Channel,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer to [`FinalizeRequest`] and [`PromoteRequest`]: one release for each platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Releases {
    /// In the order of the request, or by platform.
    pub releases: Vec<Release>,
}
