//! The receipt: what is published, and proven to be what was built.

use crate::artifacts::{DOCUMENT_LIMIT, read_text};
use crate::text::one_line;
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

/// What the published files were compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// What was built, as this machine or a record knows it.
    #[default]
    Built,
    /// What the Hub itself lists: whoever lists other files than were built is not found out.
    Listed,
}

impl Against {
    fn is_built(&self) -> bool {
        *self == Self::Built
    }
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
    /// The version. What others have published may have any text for one.
    pub version: String,
    /// The channel.
    pub channel: Channel,
    /// When the release counts as published.
    pub published_at: jiff::Timestamp,
    /// Whether the channel's `latest` is this version for every platform; not so for a backport.
    pub latest: bool,
    /// The platforms.
    pub platforms: Vec<Platform>,
    /// What the files were compared with, where that is not what was built.
    #[serde(default, skip_serializing_if = "Against::is_built")]
    pub against: Against,
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

/// What was found of a release of which only some files, drawn at random, were read back. It is no
/// receipt, and is called by another name wherever it is shown or written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// What a receipt would hold. Its `assets` are those that were read back.
    #[serde(flatten)]
    pub found: Receipt,
    /// How many files were read back.
    pub read: usize,
    /// How many files the release has.
    pub of: usize,
    /// The others. Of them the Hub's list alone was compared.
    pub unread: Vec<ReceiptAsset>,
}

impl Receipt {
    /// Which release it is about.
    pub fn subject(&self) -> String {
        let names: Vec<&str> = self.products.iter().map(ProductName::as_str).collect();
        let (names, channel) = (names.join(", "), self.channel);
        let version = one_line(&self.version);
        format!("{names} {version} on channel {channel}")
    }

    /// All but the first line.
    fn body(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            writeln!(f, "source    {} at {source}", source.tag)?;
        }
        writeln!(f, "hub       {}", self.hub)?;
        if self.against == Against::Listed {
            writeln!(
                f,
                "against   the Hub's own list; what was built is not known here"
            )?;
        }
        let latest = if self.latest {
            "this version"
        } else {
            "another version"
        };
        write!(f, "latest    {latest}")?;
        files(f, &self.assets)
    }

    fn end(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(command) = &self.serve_command {
            write!(
                f,
                "\n\nThe embedded Hub ended with this run. To serve the release again:\n  {command}"
            )?;
        }
        Ok(())
    }
}

fn files(f: &mut fmt::Formatter<'_>, assets: &[ReceiptAsset]) -> fmt::Result {
    for asset in assets {
        write!(
            f,
            "\n  {:<9}{} {} ({} bytes)\n           sha256 {}\n           {}",
            asset.product, asset.platform, asset.filename, asset.size, asset.sha256, asset.url
        )?;
    }
    Ok(())
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, at) = (self.subject(), self.verified_at);
        writeln!(f, "receipt   {subject}, verified {at}")?;
        self.body(f)?;
        self.end(f)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            found, read, of, ..
        } = self;
        let (subject, at) = (found.subject(), found.verified_at);
        writeln!(
            f,
            "sample    {subject}: only {read} of {of} files were read back, {at}"
        )?;
        found.body(f)?;
        write!(
            f,
            "\nnot read  {} files, compared by the Hub's list alone",
            self.unread.len()
        )?;
        files(f, &self.unread)?;
        found.end(f)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::Value;

    /// A receipt of so many files.
    pub(crate) fn receipt(files: usize) -> Receipt {
        let product: ProductName = "alpha".parse().unwrap();
        let platform = Platform::ALL[0];
        let asset = |number: usize| ReceiptAsset {
            product: product.clone(),
            platform,
            kind: Kind::Binary,
            filename: format!("alpha-{number}").parse().unwrap(),
            size: number as u64 + 1,
            sha256: Sha256Digest::of(number.to_string().as_bytes()),
            download_id: format!("dl_{number:032}"),
            url: format!("https://hub.example.com/api/v1/download/dl_{number:032}"),
        };
        Receipt {
            format: FORMAT,
            hub: "https://hub.example.com".to_owned(),
            products: vec![product.clone()],
            version: "1.4.0".to_owned(),
            channel: Channel::Stable,
            published_at: jiff::Timestamp::UNIX_EPOCH,
            latest: true,
            platforms: vec![platform],
            against: Against::Built,
            assets: (0..files).map(asset).collect(),
            verified_at: jiff::Timestamp::UNIX_EPOCH,
            source: Some(Source {
                tag: "demo-v1.4.0".to_owned(),
                commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
                dirty: Vec::new(),
            }),
            serve_command: None,
        }
    }

    /// A sample of one of three files.
    pub(crate) fn sample() -> Sample {
        let mut found = receipt(3);
        let unread = found.assets.split_off(1);
        Sample {
            found,
            read: 1,
            of: 3,
            unread,
        }
    }

    #[test]
    fn a_sample_looks_like_no_receipt() {
        let shown = sample().to_string();
        assert!(!shown.contains("receipt") && !shown.contains("verified"));
        insta::assert_snapshot!(shown, @r"
        sample    alpha 1.4.0 on channel stable: only 1 of 3 files were read back, 1970-01-01T00:00:00Z
        source    demo-v1.4.0 at 0123456789abcdef0123456789abcdef01234567
        hub       https://hub.example.com
        latest    this version
          alpha    windows-x64 alpha-0 (1 bytes)
                   sha256 5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9
                   https://hub.example.com/api/v1/download/dl_00000000000000000000000000000000
        not read  2 files, compared by the Hub's list alone
          alpha    windows-x64 alpha-1 (2 bytes)
                   sha256 6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b
                   https://hub.example.com/api/v1/download/dl_00000000000000000000000000000001
          alpha    windows-x64 alpha-2 (3 bytes)
                   sha256 d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35
                   https://hub.example.com/api/v1/download/dl_00000000000000000000000000000002
        ");
        let event = crate::events::Event::Sample(Box::new(sample()));
        let value: Value = serde_json::to_value(event).unwrap();
        assert_eq!(value["event"], "sample");
        assert_eq!((&value["read"], &value["of"]), (&1.into(), &3.into()));
        assert_eq!(value["assets"].as_array().unwrap().len(), 1);
        assert_eq!(value["unread"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_receipt_says_when_nobody_knows_what_was_built() {
        let mut receipt = receipt(0);
        let value = serde_json::to_value(&receipt).unwrap();
        assert!(value.get("against").is_none(), "as it ever was: {value}");
        assert!(!receipt.to_string().contains("against"));
        receipt.against = Against::Listed;
        let value = serde_json::to_value(&receipt).unwrap();
        assert_eq!(value["against"], "listed");
        let said = "against   the Hub's own list; what was built is not known here";
        assert!(receipt.to_string().contains(said));
    }
}
