//! The tools a build needs: found, installed where they are missing, tried out, and wired in.
//!
//! [`find`] only looks, so that a plan is quick; [`ensure`] makes sure that what is used works.

mod cc;
mod compilers;
mod ensure;
mod env;
mod find;
mod install;
mod installer;
mod linker;
mod lld;
mod probe;
mod recipes;
mod reproducible;
mod sccache;
mod target;
mod tool;

pub use cc::{C_FLAGS_VAR, CCompilers, joined};
pub use compilers::c_compilers_map;
pub use ensure::ensure;
pub use env::{BuildEnv, CommonEnv, build_environment, common_environment, uses_github_cache};
pub use find::{Found, Rustc, find, rustc};
pub(crate) use install::installed_sccache;
pub use install::{installers, run_ways};
pub use installer::{Installer, Reason};
pub use linker::{known_linker, left_by, tried_linker};
pub(crate) use lld::probe as try_lld_link;
pub use lld::{LldLink, find as find_lld_link};
pub(crate) use probe::{
    APPLE_LINKER, C_COMPILER, Question, first_line, linker as try_linker, scratch, version,
};
pub use recipes::{Installers, Way, line, planned_path, recipe, recipes};
pub(crate) use sccache::Secrets;
pub use sccache::{CacheUse, Sccache, stall_limit};
pub use target::check_targets;
pub use tool::{Need, Tool, no_version, number};

use crate::context::World;
use crate::rustup::NoToolchain;
use crate::shim::Policy;
use process::ProcessError;
use release_types::Platform;
use std::path::PathBuf;
use std::time::Duration;

/// What the build is to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Link with mold, where the target is Linux and so is the host.
    pub mold: bool,
    /// Compile through sccache.
    pub sccache: bool,
    /// Install what is wanted and missing.
    pub install: bool,
    /// How long everything may wait for sccache before the build goes on without it.
    pub cache_stall: Duration,
}

/// Why the toolchain cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// A tool is not there.
    #[error("`{tool}` was not found on PATH")]
    Missing {
        /// The tool.
        tool: &'static str,
    },
    /// The rustc that the environment names is not there.
    #[error("the rustc that RUSTC names, {}, was not found", .0.display())]
    NamedRustc(PathBuf),
    /// A tool is not there and could not be installed.
    #[error("`{tool}` is missing and could not be installed")]
    Install {
        /// The tool.
        tool: &'static str,
        /// Why not.
        source: ProcessError,
    },
    /// Nothing on this machine could install the tool.
    #[error(
        "`{tool}` is missing, and this machine has nothing that could install it (looked for {looked_for})"
    )]
    NoInstaller {
        /// The tool.
        tool: &'static str,
        /// The installers that were looked for.
        looked_for: String,
    },
    /// A tool is there but does not do its work.
    #[error("`{tool}` ({}) does not work: {why}", path.display())]
    Broken {
        /// The tool.
        tool: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What was tried and what came of it.
        why: String,
    },
    /// The Rust toolchain that this folder asks for is not there.
    #[error(transparent)]
    NoToolchain(#[from] NoToolchain),
    /// The standard library of a target is not there.
    #[error("this Rust toolchain has no standard library for {target}")]
    NoTarget {
        /// The target triple.
        target: &'static str,
    },
    /// A tool could not be asked.
    #[error("could not ask `{tool}` about itself")]
    Ask {
        /// The tool.
        tool: &'static str,
        /// What happened.
        source: ProcessError,
    },
    /// No program may be run from the folder for temporary files.
    #[error("no program can be run from {}, where tools are tried", dir.display())]
    NoPrograms {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The run was interrupted.
    #[error(transparent)]
    Interrupted(ProcessError),
    /// A file or folder could not be used.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A toolchain that was tried and works.
#[derive(Debug)]
pub struct Toolchain {
    /// cargo.
    pub cargo: PathBuf,
    /// The rustc that does the work.
    pub rustc: Rustc,
    /// The shim that cargo is given as `RUSTC`.
    pub shim: PathBuf,
    /// What the shim does.
    pub policy: Policy,
    /// The C compilers that add the policy's flags, where they know them.
    pub c_compilers: Option<CCompilers>,
    /// mold's version, when it links.
    pub mold: Option<String>,
    /// lld-link's version, when it links.
    pub lld_link: Option<String>,
    /// Folders that the build's `PATH` needs at its end.
    pub extra_path: Vec<PathBuf>,
    /// The running cache, when it works.
    pub sccache: Option<Sccache>,
}

/// The platform that a policy is for.
fn policy_target(policy: &Policy, world: &World) -> Platform {
    Platform::from_target_triple(&policy.target).unwrap_or(world.host)
}

/// Why a tool did not tell about itself.
fn not_told(tool: &'static str, error: ProcessError) -> ToolchainError {
    match NoToolchain::of(&error) {
        Some(none) => none.into(),
        None => interrupted_or(error, |source| ToolchainError::Ask { tool, source }),
    }
}

/// Tells an interrupted run apart from a tool that failed.
fn interrupted_or(
    error: ProcessError,
    other: impl FnOnce(ProcessError) -> ToolchainError,
) -> ToolchainError {
    match error {
        error @ ProcessError::Interrupted { .. } => ToolchainError::Interrupted(error),
        error => other(error),
    }
}
