//! What a program is made of: the packages that cargo resolves for it, and which of them needs which.
//!
//! It is read from what `cargo tree` prints, which resolves features for the packages and the target of
//! one build, as `cargo build` does. `cargo metadata` unites the features of the whole workspace, its
//! tests included, and so names packages that are in no program. Who asks cargo is for others to know;
//! this is pure.

mod lock;
mod tree;

pub use lock::Lock;
pub use tree::{Mark, read};

use release_types::Sha256Digest;
use semver::Version;

/// The packages of one program, by name, version and source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependencies {
    /// All of them, the program's own among them.
    pub packages: Vec<Package>,
    /// Where the program's own package is among them.
    pub root: usize,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Where it comes from.
    pub source: Source,
    /// What it is needed for.
    pub kind: Kind,
    /// Its licence, in its own words.
    pub licence: Option<String>,
    /// Where its source is kept, in its own words.
    pub repository: Option<String>,
    /// The digest of the file that a registry gives out for it, as the lock file has it.
    pub checksum: Option<Sha256Digest>,
    /// Which it needs itself: places in [`Dependencies::packages`], in order.
    pub needs: Vec<usize>,
}

/// Where a package comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// crates.io.
    CratesIo,
    /// Another registry: the address of its index, as cargo writes it (`sparse+https://…`).
    Registry(String),
    /// A git repository: its address with the commit, as cargo writes it (`git+https://…#…`).
    Git(String),
    /// A folder: of the workspace, or beside it.
    Local,
}

/// What a package is needed for. The stronger one counts where it is needed for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// To build: by a build script, or as a macro.
    Build,
    /// It is in the program.
    Runtime,
}

/// Why it is not known what a program is made of.
#[derive(Debug, thiserror::Error)]
pub enum DependenciesError {
    /// cargo has printed something that this program does not know.
    #[error("`cargo tree` printed a line that was not understood: {}", crate::text::told(.0))]
    Line(String),
    /// cargo has printed no tree of a package.
    #[error("`cargo tree` printed nothing of package `{0}`")]
    NoRoot(String),
    /// The lock file is none.
    #[error("Cargo.lock was not understood")]
    Lock(#[from] toml::de::Error),
}
