//! The tools a build needs: found, installed where they are missing, tried out, and wired in.
//!
//! [`find`] only looks, so that a plan is quick; [`ensure`] makes sure that what is used works.

mod cc;
mod compilers;
mod env;
mod find;
mod install;
mod lld;
mod probe;
mod recipes;
mod reproducible;
mod sccache;
mod target;
mod tool;

pub use cc::{C_FLAGS_VAR, CCompilers, joined};
pub use compilers::c_compilers_map;
pub use env::{BuildEnv, CommonEnv, build_environment, common_environment, uses_github_cache};
pub use find::{Found, Rustc, find, rustc};
pub(crate) use install::installed_sccache;
pub use install::{installers, run_ways};
pub(crate) use lld::probe as try_lld_link;
pub use lld::{LldLink, find as find_lld_link};
pub(crate) use probe::{
    APPLE_LINKER, Question, first_line, linker as try_linker, scratch, version,
};
pub use recipes::{Installers, Reason, Way, line, planned_path, recipe, recipes};
pub(crate) use sccache::Secrets;
pub use sccache::{CacheUse, Sccache, stall_limit};
pub use target::check_targets;
pub use tool::{Need, Tool, bounded, no_version, number};

use crate::context::World;
use crate::events::{Event, Reporter};
use crate::shim::{self, Policy};
use process::ProcessError;
use release_types::{Os, Platform};
use std::path::{Path, PathBuf};
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
    /// What the cache was good for, once the build is done.
    pub cache: Option<CacheUse>,
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
    let shim_dir = state_dir.join("shim");
    let shim =
        shim::install(&world.exe, &shim_dir, world.host).map_err(|source| ToolchainError::Io {
            path: shim_dir,
            source,
        })?;
    let c_compilers = match c_compilers_map(world.host, policy_target(&policy, world)) {
        true => {
            let dir = cc::folder(state_dir);
            let compilers = cc::install(world, &dir);
            Some(compilers.map_err(|source| ToolchainError::Io { path: dir, source })?)
        }
        false => None,
    };
    let ensure = Ensure {
        world,
        wanted,
        shim: &shim,
        policy: &policy,
        state_dir,
        reporter,
    };
    let mold = match &policy.linker {
        Some(_) => Some(ensure.mold(found.mold.as_deref()).await?),
        None => None,
    };
    let mut extra_path = Vec::new();
    let lld_link = match links_with_lld_link(world.host, &policy.target) {
        true => {
            let (version, folder) = ensure.lld_link(found.lld_link, &found.rustc).await?;
            extra_path.extend(folder);
            Some(version)
        }
        false => None,
    };
    let sccache = match wanted.sccache {
        true => ensure.sccache_or_none(found.sccache.as_deref()).await?,
        false => None,
    };
    Ok(Toolchain {
        cargo: found.cargo,
        rustc: found.rustc,
        shim,
        policy,
        c_compilers,
        mold,
        lld_link,
        extra_path,
        sccache,
        cache: None,
    })
}

/// The platform that a policy is for.
fn policy_target(policy: &Policy, world: &World) -> Platform {
    Platform::from_target_triple(&policy.target).unwrap_or(world.host)
}

/// Whether a build on this host for this target links with lld-link and can try it beforehand.
pub fn links_with_lld_link(host: Platform, target: &str) -> bool {
    let target = Platform::from_target_triple(target);
    host.os == Os::Windows && target.is_some_and(|target| target.os == Os::Windows)
}

/// What making sure of a tool needs to know.
struct Ensure<'a> {
    world: &'a World,
    wanted: Wanted,
    shim: &'a Path,
    policy: &'a Policy,
    state_dir: &'a Path,
    reporter: &'a dyn Reporter,
}

/// A tool that is there: where, in which version, and whether this run installed it.
struct Present {
    path: PathBuf,
    version: String,
    installed: bool,
}

impl Ensure<'_> {
    /// Takes a tool that was found, when it is new enough, or installs it.
    async fn present(&self, tool: Tool, found: Option<&Path>) -> Result<Present, ToolchainError> {
        if let Some(path) = found {
            let version = probe::version(self.world, tool.name(), path).await?;
            let Some(why) = tool.refusal(&version) else {
                return Ok(Present {
                    path: path.to_owned(),
                    version,
                    installed: false,
                });
            };
            if !self.wanted.install {
                return Err(ToolchainError::Broken {
                    tool: tool.name(),
                    path: path.to_owned(),
                    why,
                });
            }
            self.reporter.note(format!("{}: {why}", path.display()));
        } else if !self.wanted.install {
            return Err(ToolchainError::Missing { tool: tool.name() });
        }
        let path = install::install(self.world, tool, self.state_dir, self.reporter).await?;
        let version = probe::version(self.world, tool.name(), &path).await?;
        if let Some(why) = tool.refusal(&version) {
            return Err(ToolchainError::Broken {
                tool: tool.name(),
                path,
                why,
            });
        }
        Ok(Present {
            path,
            version,
            installed: true,
        })
    }

    fn report(&self, tool: Tool, present: &Present) {
        self.reporter.event(Event::Tool {
            name: tool.name(),
            path: present.path.clone(),
            version: present.version.clone(),
            installed: present.installed,
        });
    }

    async fn mold(&self, found: Option<&Path>) -> Result<String, ToolchainError> {
        let mold = self.present(Tool::Mold, found).await?;
        probe::linker(self.world, "mold", &mold.path, self.shim, self.policy).await?;
        self.report(Tool::Mold, &mold);
        Ok(mold.version)
    }

    /// lld-link's version, and the folder that has to be added to `PATH` for it.
    async fn lld_link(
        &self,
        found: Option<LldLink>,
        rustc: &Rustc,
    ) -> Result<(String, Option<PathBuf>), ToolchainError> {
        let path = found.map(|found| found.path);
        let present = self.present(Tool::LldLink, path.as_deref()).await?;
        lld::probe(self.world, &present.path, Some(rustc)).await?;
        self.report(Tool::LldLink, &present);
        let folder = lld::find(self.world).and_then(|found| found.off_path);
        Ok((present.version, folder))
    }

    async fn sccache(&self, found: Option<&Path>) -> Result<Sccache, ToolchainError> {
        let found = self.usable_sccache(found).await?;
        let present = self.present(Tool::Sccache, found.as_deref()).await?;
        let (path, version) = (present.path.clone(), present.version.clone());
        let stall = self.wanted.cache_stall;
        let start = Sccache::start(self.world, path, version, Some(self.policy), stall);
        let sccache = start.await?;
        if let Err(error) = sccache.probe(self.world, self.shim, self.policy).await {
            // It has nothing to finish, and one that hangs would only hold up the build.
            sccache.kill().await;
            return Err(error);
        }
        self.report(Tool::Sccache, &present);
        Ok(sccache)
    }

    /// What was found, unless it is too old or tells no version while an earlier run has installed
    /// one.
    async fn usable_sccache(
        &self,
        found: Option<&Path>,
    ) -> Result<Option<PathBuf>, ToolchainError> {
        let own = installed_sccache(self.world.host, self.state_dir);
        let (Some(found), Some(own)) = (found, own) else {
            return Ok(found.map(Path::to_owned));
        };
        match probe::version(self.world, Tool::Sccache.name(), found).await {
            Ok(version) if Tool::Sccache.accepts(&version) => Ok(Some(found.to_owned())),
            Err(error @ ToolchainError::Interrupted(_)) => Err(error),
            Ok(_) | Err(_) => Ok(Some(own)),
        }
    }

    async fn sccache_or_none(
        &self,
        found: Option<&Path>,
    ) -> Result<Option<Sccache>, ToolchainError> {
        match self.sccache(found).await {
            Ok(sccache) => Ok(Some(sccache)),
            Err(error @ ToolchainError::Interrupted(_)) => Err(error),
            Err(error) => {
                let causes = crate::error::with_causes(&error);
                self.reporter
                    .warn(format!("building without sccache: {causes}"));
                Ok(None)
            }
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
