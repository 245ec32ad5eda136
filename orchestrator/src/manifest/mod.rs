//! Manifests of files that other programs have made: built from folders by the names of what lies
//! there, checked, shown, and changed.
//!
//! What a name says is decided in `release_types::bundles`; what a batch of names says together in
//! `batch`, which looks at no file. Building ends with the check that `manifest check` makes, so that
//! the two cannot disagree. Nothing here knows who publishes the files.

mod write;

pub use write::{put_rows, write};

use std::path::PathBuf;

/// Why a manifest cannot be built, used or written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestsError {
    /// The manifest, or a folder that it is to be built from, cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Rows cannot be put into the manifest.
    #[error("{}: {source}", path.display())]
    Rows {
        /// The manifest.
        path: PathBuf,
        /// The place and what is wrong there.
        source: release_types::ManifestError,
    },
    /// The manifest cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The manifest.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
