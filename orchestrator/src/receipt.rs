//! The receipt: what is published, and proven to be what was built.

use crate::artifacts::{DOCUMENT_LIMIT, read_text};
use release_types::{Channel, FileName, Kind, Platform, ProductName, Sha256Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// The version of the document's form.
pub const FORMAT: u32 = 1;

/// One published file that was read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptAsset {
    /// The product.
    pub product: ProductName,
    /// Its `os` and `arch`.
    #[serde(flatten)]
    pub platform: Platform,
    /// What it is for.
    pub kind: Kind,
    /// Its name.
    pub filename: FileName,
    /// Bytes.
    pub size: u64,
    /// Its digest, of the bytes as they were downloaded.
    pub sha256: Sha256Digest,
    /// What the Hub calls it.
    pub download_id: String,
    /// Where it can be downloaded.
    pub url: String,
}

/// What a release was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The tag.
    pub tag: String,
    /// The commit.
    pub commit: String,
    /// Files that differed from the commit.
    pub dirty: Vec<String>,
}

/// What is published and verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The version of this document's form.
    pub format: u32,
    /// The Hub's address.
    pub hub: String,
    /// The products, by name.
    pub products: Vec<ProductName>,
    /// The version.
    pub version: semver::Version,
    /// The channel.
    pub channel: Channel,
    /// When the release counts as published.
    pub published_at: jiff::Timestamp,
    /// Whether the channel's `latest` is this version for every platform; not so for a backport.
    pub latest: bool,
    /// The platforms.
    pub platforms: Vec<Platform>,
    /// Every file, read back through the public API.
    pub assets: Vec<ReceiptAsset>,
    /// When the last file had been read back.
    pub verified_at: jiff::Timestamp,
    /// What it was built from, where that is known: `tag`, `commit`, `dirty`.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// For the embedded Hub: the command that serves the release again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serve_command: Option<String>,
}

impl Receipt {
    /// A receipt that was written earlier; nothing where there is none that can be understood.
    pub fn read(path: &Path) -> Option<Self> {
        let text = read_text(path, DOCUMENT_LIMIT).ok()?;
        let receipt: Self = serde_json::from_str(&text).ok()?;
        (receipt.format == FORMAT).then_some(receipt)
    }

    /// Whether another receipt is of the same publishing: a Hub gives each a download id of its own.
    pub fn is_of(&self, other: &Self) -> bool {
        let id = |asset: &ReceiptAsset| {
            let at = (asset.product.clone(), asset.platform);
            let (name, sha256) = (asset.filename.to_string(), asset.sha256.to_string());
            (at, name, sha256, asset.download_id.clone())
        };
        let ids = |receipt: &Self| -> BTreeSet<_> { receipt.assets.iter().map(&id).collect() };
        let what = |receipt: &Self| (receipt.version.clone(), receipt.channel, ids(receipt));
        what(self) == what(other)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.commit)?;
        match self.dirty.len() {
            0 => Ok(()),
            n => write!(f, " and {n} files that differ from it"),
        }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.products.iter().map(ProductName::as_str).collect();
        writeln!(
            f,
            "receipt   {} {} on channel {}, verified {}",
            names.join(", "),
            self.version,
            self.channel,
            self.verified_at
        )?;
        if let Some(source) = &self.source {
            writeln!(f, "source    {} at {source}", source.tag)?;
        }
        writeln!(f, "hub       {}", self.hub)?;
        let latest = if self.latest {
            "this version"
        } else {
            "another version"
        };
        write!(f, "latest    {latest}")?;
        for asset in &self.assets {
            write!(
                f,
                "\n  {:<9}{} {} ({} bytes)\n           sha256 {}\n           {}",
                asset.product, asset.platform, asset.filename, asset.size, asset.sha256, asset.url
            )?;
        }
        if let Some(command) = &self.serve_command {
            write!(
                f,
                "\n\nThe embedded Hub ended with this run. To serve the release again:\n  {command}"
            )?;
        }
        Ok(())
    }
}
