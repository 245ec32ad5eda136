//! What was done, and proven: a document for programs, and lines for people.

use crate::receipt::ReceiptAsset;
use release_types::{Channel, Platform, ProductName};
use serde::Serialize;

/// The version of each of these documents' form.
pub(super) const FORMAT: u32 = 1;

/// By which calls it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// By the Hub's own for it.
    Hub,
    /// By publishing the same keys again.
    Publishing,
}

/// What another channel has now, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Promotion {
    /// The version of this document's form.
    pub format: u32,
    /// The Hub's address.
    pub hub: String,
    /// The products, as they were named.
    pub products: Vec<ProductName>,
    /// The version.
    pub version: semver::Version,
    /// The channel that had it.
    pub from: Channel,
    /// The channel that has it now.
    pub to: Channel,
    /// How it was done.
    pub by: How,
    /// Whether the channel's `latest` is this version for every platform of it.
    pub latest: bool,
    /// Every file, as the channel lists it. Those that were registered by publishing were downloaded
    /// and compared as well.
    pub assets: Vec<PromotedAsset>,
    /// When the last of it had been read back.
    pub verified_at: jiff::Timestamp,
}

/// One file of a [`Promotion`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PromotedAsset {
    /// The file.
    #[serde(flatten)]
    pub asset: ReceiptAsset,
    /// Whether the channel had it before.
    pub unchanged: bool,
}

/// What is no longer offered, or is again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Yank {
    /// The version of this document's form.
    pub format: u32,
    /// The Hub's address.
    pub hub: String,
    /// The version.
    pub version: semver::Version,
    /// The channel.
    pub channel: Channel,
    /// Whether it is offered again.
    pub undone: bool,
    /// Why it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What has become of each product.
    pub products: Vec<Yanked>,
}

/// One product of a [`Yank`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Yanked {
    /// The product.
    pub product: ProductName,
    /// Whether it was so before.
    pub unchanged: bool,
    /// Further channels that offer the version.
    pub offered_on: Vec<Channel>,
    /// What `latest` answers now for the version's platforms.
    pub latest: Vec<Offered>,
}

/// What a platform is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offered {
    /// Its `os` and `arch`.
    #[serde(flatten)]
    pub platform: Platform,
    /// The version; none where there is nothing.
    pub version: Option<String>,
}

/// Which versions are the newest again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rollback {
    /// The version of this document's form.
    pub format: u32,
    /// The Hub's address.
    pub hub: String,
    /// The channel.
    pub channel: Channel,
    /// How it was done.
    pub by: How,
    /// The reason that was given for what was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What has become of each product.
    pub products: Vec<RolledBack>,
    /// When the last of it had been read back.
    pub verified_at: jiff::Timestamp,
}

/// One product of a [`Rollback`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RolledBack {
    /// The product.
    pub product: ProductName,
    /// The version that is the newest again.
    pub version: String,
    /// The version that was, where there was one.
    pub before: Option<String>,
    /// Whether it was the newest already, so that nothing was done.
    pub unchanged: bool,
    /// The versions that were taken back for it.
    pub yanked: Vec<String>,
    /// The platforms that have it.
    pub platforms: Vec<Platform>,
    /// The platforms that had something newer and do not have it, with what they are offered now.
    pub lacking: Vec<Offered>,
}
