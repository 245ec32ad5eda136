//! Proof that a program comes from a commit: it is built anew from a clean checkout, somewhere else
//! and under other circumstances, and compared bit for bit.
//!
//! What is built where, what it is compared with, and what is told about a difference is here; the
//! building itself is what `build` does.

mod checkout;
mod expected;
mod explain;
mod proof;
mod report;
mod repository;
mod scratch;
mod seed;
mod settings;
mod subject;
mod submodules;
mod tools;
mod trust;

pub use checkout::{Checkout, Place};
pub use expected::Expected;
pub use explain::{Tree, explain};
pub use proof::{Counterpart, Maker, Order, Proof};
pub use report::{
    Against, Cause, CauseKind, Comparison, Reproduction, SectionDifference, Side, StringDifference,
};
pub use scratch::Scratch;
pub use subject::{Request, Subject};
pub use tools::{cache_folder, linker_version, other_tools, other_words, same_tools};

use crate::text::{first_of, indented, told};
use hub_client::ClientError;
use process::ProcessError;
use std::path::{Path, PathBuf};

/// Why nothing is proven.
#[derive(Debug, thiserror::Error)]
pub enum ReproduceError {
    /// The bytes differ.
    #[error("{0}")]
    Differs(String),
    /// There is nothing to compare with.
    #[error("{what} is not published on channel {channel}")]
    NotPublished {
        /// Product, version and platform.
        what: String,
        /// The channel.
        channel: String,
    },
    /// The tag that was asked for is at another commit than the record's.
    #[error("the record is of commit {recorded}, and `{tag}` is at {at} here")]
    OtherCommit {
        /// The tag.
        tag: String,
        /// The commit that the record names.
        recorded: String,
        /// The commit that the tag is at.
        at: String,
    },
    /// The lock file of the commit is not the one that was built with.
    #[error("the record names another Cargo.lock than commit {commit} has")]
    OtherLock {
        /// The commit.
        commit: String,
    },
    /// This machine has another tool than the record.
    #[error(
        "{tool} is not what the record names\n  recorded: {}\n  here: {}",
        indented(recorded),
        indented(here)
    )]
    OtherTool {
        /// The tool.
        tool: &'static str,
        /// What was used then.
        recorded: String,
        /// What would be used now.
        here: String,
    },
    /// A variable cannot be made what the record names.
    #[error(
        "{} is not what the record names\n  recorded: {}\n  here: {}",
        told(name),
        told(recorded),
        told(here)
    )]
    OtherVariable {
        /// The variable.
        name: String,
        /// Its value then.
        recorded: String,
        /// Its value now.
        here: String,
    },
    /// There is no cache to be proven harmless.
    #[error("--with-cache asks for sccache, and {0}")]
    NoSccache(String),
    /// The cache that was to be proven harmless does not work.
    #[error("nothing was taken from the cache, so nothing is known about it")]
    NoCache,
    /// The record decides what would be run here, and nobody has said that it may.
    #[error("the record sets what is not set here, and it decides which programs run:\n  {}", first_of(.0).join("\n  "))]
    NoLeave(Vec<String>),
    /// The record cannot be used.
    #[error("{}: {}", path.display(), told(why))]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The record is of a tree that is in no commit.
    #[error("the record is of files that differed from the commit: {}", crate::plan::shortened(.dirty))]
    Unprovable {
        /// The files.
        dirty: Vec<String>,
    },
    /// The commit is not here.
    #[error("this repository has no commit {commit}")]
    NoCommit {
        /// The commit.
        commit: String,
    },
    /// A package that the build needs is in no commit.
    #[error("the commit does not hold all that it is made of: a package is taken from {}, outside of the repository", dir.display())]
    Outside {
        /// Where the package would have to be beside the checkout.
        dir: PathBuf,
    },
    /// A submodule of the commit is not here.
    #[error("this repository has no copy of its submodule `{path}` with commit {commit}")]
    NoSubmodule {
        /// Where the submodule belongs.
        path: String,
        /// Its commit.
        commit: String,
    },
    /// git had no content for some files of the commit.
    #[error(
        "this repository has not all files of commit {commit}: {}",
        crate::plan::shortened(files)
    )]
    Incomplete {
        /// The commit.
        commit: String,
        /// The files that are not there.
        files: Vec<String>,
    },
    /// The repository belongs to somebody else, and nobody has told git to trust it.
    #[error("git does not trust the repository that {} is in", dir.display())]
    Owner {
        /// The folder.
        dir: PathBuf,
        /// What git said.
        source: ProcessError,
    },
    /// The commit could not be checked out.
    #[error("git could not check the commit out")]
    Git(#[source] ProcessError),
    /// The Hub could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file or folder could not be used.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> ReproduceError + use<> {
    let path = path.to_owned();
    move |source| ReproduceError::Io { path, source }
}
