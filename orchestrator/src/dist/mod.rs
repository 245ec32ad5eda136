//! `dist/`: what a build leaves behind, complete enough that every later stage can run from it on
//! another machine.
//!
//! A platform's folder appears at once, by a rename, with its files, a manifest for each product,
//! `release.json` and `SHA256SUMS`. Reading it back checks that all of them agree.

mod add;
mod aside;
mod bundles;
mod carry;
mod code_signed;
mod contradiction;
mod many;
mod merge;
mod platforms;
mod read;
mod records;
mod write;

pub use add::{Addition, add};
pub use aside::{file as file_aside, staging as aside_in};
pub use bundles::{Kept, keep_bundles, stage_bundles};
pub use code_signed::code_signed_before;
pub use many::Files;
pub use merge::open_all;
pub use read::{find, load, load_platform, load_unsigned, open, platforms_of, read_record_file};
pub use records::{Named, records, staged_as};
pub use write::{Earlier, rewrite_atomically, stage, write_atomically};

use crate::artifacts::{ArtifactError, LocalArtifact};
use crate::build::Recipe;
use crate::code_sign::{BeforeSigning, CodeSigning};
use crate::documents::DocumentError;
use crate::inspect::Inspection;
use crate::text::told;
use crate::toolchain::CacheUse;
use release_types::{Channel, FileName, Kind, Platform, ProductName, Sha256Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the document that describes a platform's folder.
pub const RELEASE_FILE: &str = "release.json";

/// The name of the list of digests, in the form that `sha256sum --check` reads.
pub const SUMS_FILE: &str = "SHA256SUMS";

/// The name of the receipt in a release's folder.
pub const RECEIPT_FILE: &str = "receipt.json";

/// The name of the list of what was sent from a platform's folder, and where to. No stage before
/// publishing knows it, and nothing else in the folder names it.
pub const JOURNAL_FILE: &str = "publish.journal";

/// The version of `release.json`'s form.
const FORMAT: u32 = 2;

/// The oldest form that is still read: without a recipe.
const OLDEST_FORMAT: u32 = 1;

/// All that is known of one platform's build: `release.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// The version of this document's form.
    pub format: u32,
    /// The tag.
    pub tag: String,
    /// The group.
    pub group: String,
    /// The version.
    pub version: semver::Version,
    /// The channel it was built for.
    pub channel: Channel,
    /// The commit.
    pub commit: String,
    /// Files that differed from the commit.
    pub dirty: Vec<String>,
    /// The target triple.
    pub target: String,
    /// The platform.
    pub platform: Platform,
    /// The programs.
    pub artifacts: Vec<RecordedArtifact>,
    /// What built them.
    pub toolchain: RecordedToolchain,
    /// The cargo command.
    pub command: Vec<String>,
    /// Flags the shim added for the target.
    pub rustc_flags: Vec<String>,
    /// What the build's environment got over the allow-list.
    pub environment: BTreeMap<String, String>,
    /// The platforms without which nothing of the release is shown, as the workspace says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<Platform>,
    /// The key that signatures of the files are checked with, in Tauri's form, as the workspace says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// What has code-signed the programs, where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_signing: Option<CodeSigning>,
    /// How to make the same bytes again; nothing in records of format 1.
    #[serde(default)]
    pub recipe: Option<Recipe>,
    /// When cargo was started.
    pub started_at: jiff::Timestamp,
    /// When the build was finished and checked.
    pub finished_at: jiff::Timestamp,
}

/// One file of a [`ReleaseRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedArtifact {
    /// The product.
    pub product: ProductName,
    /// The cargo package.
    pub package: String,
    /// The binary target.
    pub bin: String,
    /// Its name.
    pub filename: FileName,
    /// What it is for.
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// What it was before it was code-signed, where it is: the bytes that the commit makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_signing: Option<BeforeSigning>,
    /// What its file says about itself, for a program.
    #[serde(default)]
    pub inspection: Option<Inspection>,
}

/// The tools of a [`ReleaseRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedToolchain {
    /// What `rustc -vV` printed.
    pub rustc: String,
    /// The linker that was asked for, when it was not rustc's own choice.
    pub linker: Option<String>,
    /// sccache's version, when it was used.
    pub sccache: Option<String>,
    /// What the compiler cache was good for, when it was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheUse>,
    /// The name of the shim's policy.
    pub policy: String,
}

/// Why `dist/` cannot be written or used.
#[derive(Debug, thiserror::Error)]
pub enum DistError {
    /// A file or folder could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A document about the files cannot be made.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// There is no such release in `dist/`.
    #[error("there is no release at {}", dir.display())]
    NoRelease {
        /// The folder that was looked for.
        dir: PathBuf,
    },
    /// No release was named, and `dist/` does not hold exactly one.
    #[error("no release was named, and {} holds {}", dir.display(), if found.is_empty() { "none".to_owned() } else { found.join(", ") })]
    WhichRelease {
        /// The folder.
        dir: PathBuf,
        /// What it holds.
        found: Vec<String>,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `release.json` is not understood.
    #[error("{}: {}", path.display(), told(why))]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A platform's folder has no record, so nobody knows what belongs to it.
    #[error("{} cannot be a part of the release: {why}", dir.display())]
    Unrecorded {
        /// The folder.
        dir: PathBuf,
        /// What is there, and what is not.
        why: String,
    },
    /// The files of a folder contradict one another.
    #[error("{}: {}", dir.display(), told(why))]
    Disagree {
        /// The folder.
        dir: PathBuf,
        /// Which, and about what.
        why: String,
    },
    /// Two folders hold a platform of one release, with other files.
    #[error("{} and {} both hold {platform}, and not the same files: {}", first.display(), second.display(), told(why))]
    Twice {
        /// The platform.
        platform: Platform,
        /// One folder.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The first difference.
        why: String,
    },
    /// A manifest or one of its files cannot be used.
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
}

/// A platform's folder, read and checked.
#[derive(Debug, Clone)]
pub struct Staged {
    /// The folder.
    pub dir: PathBuf,
    /// Its `release.json`.
    pub record: ReleaseRecord,
    /// The files its manifests name.
    pub artifacts: Vec<LocalArtifact>,
}

impl ReleaseRecord {
    /// Where the signatures lie that are recorded, in the folder `dir`.
    pub fn signature_paths(
        &self,
        dir: &Path,
    ) -> BTreeMap<(ProductName, Platform, String), PathBuf> {
        let files = self.artifacts.iter();
        let signatures = files.filter(|file| file.kind == Kind::Signature);
        let places = signatures.map(|file| {
            let key = (
                file.product.clone(),
                self.platform,
                file.filename.to_string(),
            );
            (key, dir.join(file.filename.as_str()))
        });
        places.collect()
    }
}

impl Staged {
    /// The same folder in another place, where it was moved to after it was read.
    fn moved_to(mut self, dir: &Path) -> Self {
        for file in &mut self.artifacts {
            if let Ok(rest) = file.path.strip_prefix(&self.dir) {
                file.path = dir.join(rest);
            }
        }
        self.dir = dir.to_owned();
        self
    }
}
