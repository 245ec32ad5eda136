//! What `reproduce` found: one document, for people and for programs.

use super::ReproduceError;
use crate::text::{one_line, told};
use release_types::{Kind, Platform, ProductName, Sha256Digest};
use serde::Serialize;
use std::fmt;

/// The version of the document's form.
pub(super) const FORMAT: u32 = 1;

/// The outcome.
#[derive(Debug, Clone, Serialize)]
pub struct Reproduction {
    /// The version of this document's form.
    pub format: u32,
    /// The tag.
    pub tag: String,
    /// The commit that was built.
    pub commit: String,
    /// The platform.
    pub platform: Platform,
    /// What the build was compared with.
    pub against: Against,
    /// Whether every file is the same.
    pub identical: bool,
    /// The files.
    pub files: Vec<Comparison>,
    /// Why they differ, as far as it can be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What else is not the same as when the record was made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Reproduction {
    /// What a run ends with that has found this.
    ///
    /// # Errors
    /// When a file differs.
    pub fn verdict(&self) -> Result<(), ReproduceError> {
        if self.identical {
            return Ok(());
        }
        let cause = self.cause.as_ref().map(|cause| cause.detail.as_str());
        Err(ReproduceError::Differs(format!(
            "{} does not come out the same: {}",
            self.tag,
            told(cause.unwrap_or_default())
        )))
    }
}

/// What a build is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// Another build without a cache.
    SecondBuild,
    /// Builds through a cache.
    CachedBuild,
    /// What a Hub has published.
    Hub,
    /// The digests in a record.
    Record,
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecondBuild => "a second build",
            Self::CachedBuild => "builds through a cache",
            Self::Hub => "what the Hub has published",
            Self::Record => "the record",
        })
    }
}

/// One of two files that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What was built.
    Built,
    /// What it is compared with.
    Other,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Built => "what was built",
            Self::Other => "the other",
        })
    }
}

/// One file and its counterpart.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The product.
    pub product: ProductName,
    /// Its name.
    pub filename: String,
    /// What it is for.
    #[serde(skip)]
    pub kind: Kind,
    /// Whether they are the same.
    pub identical: bool,
    /// Bytes of what was built.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Bytes of the counterpart.
    pub other_size: u64,
    /// Its digest.
    pub other_sha256: Sha256Digest,
    /// The parts that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<SectionDifference>,
    /// Text that only one of them holds, shortened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strings: Vec<StringDifference>,
}

/// A section that differs; sizes are in bytes, and absent where there is no such section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SectionDifference {
    /// Its name, or `file` for what lies in no section.
    pub name: String,
    /// Its size.
    pub size: Option<u64>,
    /// The size of its counterpart.
    pub other_size: Option<u64>,
    /// Where the first difference is, from the beginning of the section.
    pub first_difference: u64,
}

/// A text that only one file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StringDifference {
    /// Which.
    pub only_in: Side,
    /// The text.
    pub text: String,
}

/// The kind of a [`Cause`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// A build script made something else the second time.
    BuildScript,
    /// A package that the commit does not hold.
    Outside,
    /// A folder of the machine stands in the program.
    Path,
    /// A moment stands in the program.
    Time,
    /// Another linker, compiler or flag.
    Tools,
    /// The programs are the same, and what a document says of them is not.
    Document,
    /// Nothing of this was seen.
    Unknown,
}

/// Why the bytes differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The kind.
    pub kind: CauseKind,
    /// The packages whose build scripts are to blame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// One sentence.
    pub detail: String,
}

impl fmt::Display for Reproduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.identical {
            "identical"
        } else {
            "different"
        };
        write!(
            f,
            "{word:<9} {} for {}, commit {}",
            self.tag, self.platform, self.commit
        )?;
        write!(f, "\ncompared  with {}", self.against)?;
        for file in &self.files {
            write!(
                f,
                "\n  {} {} bytes, sha256 {}",
                file.filename, file.size, file.sha256
            )?;
            if file.identical {
                continue;
            }
            write!(
                f,
                "\n    is elsewhere {} bytes, sha256 {}",
                file.other_size, file.other_sha256
            )?;
            for section in &file.sections {
                let size = |size: Option<u64>| size.map_or("absent".to_owned(), |n| n.to_string());
                write!(
                    f,
                    "\n    section {}: {} and {} bytes, first difference at {}",
                    one_line(&section.name),
                    size(section.size),
                    size(section.other_size),
                    section.first_difference
                )?;
            }
            for string in &file.strings {
                write!(
                    f,
                    "\n    only in {}: {}",
                    string.only_in,
                    one_line(&string.text)
                )?;
            }
        }
        for note in &self.notes {
            write!(f, "\nnote      {}", told(note))?;
        }
        match &self.cause {
            Some(cause) => write!(f, "\ncause     {}", told(&cause.detail)),
            None => Ok(()),
        }
    }
}
