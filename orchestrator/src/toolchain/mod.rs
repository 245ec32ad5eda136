//! The tools a build needs: found, installed where they are missing, tried out, and wired in.
//!
//! [`find`] only looks, so that a plan is quick; [`ensure`] makes sure that what is used works.

mod env;
mod find;
mod install;
mod probe;
mod sccache;

pub use env::{BuildEnv, REMOTE_CACHE_VARS, build_environment};
pub use find::{Found, Rustc, find};
pub use install::{Installers, Tool, installers, recipe};
pub use sccache::Sccache;

use crate::context::World;
use crate::events::{Event, Reporter};
use crate::shim::{self, Policy};
use process::ProcessError;
use std::path::{Path, PathBuf};

/// What the build is to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Link with mold, where the target is Linux and so is the host.
    pub mold: bool,
    /// Compile through sccache.
    pub sccache: bool,
    /// Install what is wanted and missing.
    pub install: bool,
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
    /// A tool could not be asked.
    #[error("could not ask `{tool}` about itself")]
    Ask {
        /// The tool.
        tool: &'static str,
        /// What happened.
        source: ProcessError,
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
    /// mold's version, when it links.
    pub mold: Option<String>,
    /// The running cache, when it works.
    pub sccache: Option<Sccache>,
}

/// Installs what is wanted and missing, and tries out all that the build will use.
///
/// # Errors
/// When a needed tool is missing, cannot be installed or does not work. A cache is never needed:
/// without a working one there is a warning.
pub async fn ensure(
    world: &World,
    found: Found,
    wanted: Wanted,
    policy: Policy,
    state_dir: &Path,
    reporter: &dyn Reporter,
) -> Result<Toolchain, ToolchainError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| ToolchainError::Io { path, source }
    };
    let shim_dir = state_dir.join("shim");
    let shim = shim::install(&world.exe, &shim_dir).map_err(io(&shim_dir))?;
    let mold = if policy.linker.is_some() {
        Some(ensure_mold(world, &found, wanted, &shim, &policy, state_dir, reporter).await?)
    } else {
        None
    };
    let sccache = if wanted.sccache {
        ensure_sccache(world, &found, wanted, &shim, &policy, state_dir, reporter).await?
    } else {
        None
    };
    Ok(Toolchain {
        cargo: found.cargo,
        rustc: found.rustc,
        shim,
        policy,
        mold,
        sccache,
    })
}

async fn ensure_mold(
    world: &World,
    found: &Found,
    wanted: Wanted,
    shim: &Path,
    policy: &Policy,
    state_dir: &Path,
    reporter: &dyn Reporter,
) -> Result<String, ToolchainError> {
    let (path, installed) = match &found.mold {
        Some(path) => (path.clone(), false),
        None if !wanted.install => return Err(ToolchainError::Missing { tool: "mold" }),
        None => (
            install::install(world, Tool::Mold, state_dir, reporter).await?,
            true,
        ),
    };
    let version = probe::version(world, "mold", &path).await?;
    probe::linker(world, "mold", &path, shim, policy).await?;
    reporter.event(Event::Tool {
        name: "mold",
        path,
        version: version.clone(),
        installed,
    });
    Ok(version)
}

async fn ensure_sccache(
    world: &World,
    found: &Found,
    wanted: Wanted,
    shim: &Path,
    policy: &Policy,
    state_dir: &Path,
    reporter: &dyn Reporter,
) -> Result<Option<Sccache>, ToolchainError> {
    let attempt = async {
        let (path, installed) = match &found.sccache {
            Some(path) => (path.clone(), false),
            None if !wanted.install => return Err(ToolchainError::Missing { tool: "sccache" }),
            None => (
                install::install(world, Tool::Sccache, state_dir, reporter).await?,
                true,
            ),
        };
        let version = probe::version(world, "sccache", &path).await?;
        let sccache = Sccache::start(world, path, version).await?;
        if let Err(error) = sccache.probe(world, shim, policy).await {
            sccache.stop(world).await;
            return Err(error);
        }
        Ok((sccache, installed))
    };
    match attempt.await {
        Ok((sccache, installed)) => {
            reporter.event(Event::Tool {
                name: "sccache",
                path: sccache.path().to_owned(),
                version: sccache.version().to_owned(),
                installed,
            });
            Ok(Some(sccache))
        }
        Err(error @ ToolchainError::Interrupted(_)) => Err(error),
        Err(error) => {
            let causes = crate::error::with_causes(&error);
            reporter.warn(format!("building without sccache: {causes}"));
            Ok(None)
        }
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
