//! The compiler cache of a bundle command. `atlas-release env` lets later steps of a job compile through sccache, and
//! what GitHub's cache is reached by is no build's to see; so where the command would start a server of
//! sccache's, it gets the one that this run has started, as builds of programs do.

use crate::build::tell_usage;
use crate::context::World;
use crate::error::with_causes;
use crate::events::Reporter;
use crate::toolchain::{CacheUse, Sccache, Tool, ToolchainError, Wanted, version};
use process::Env;
use std::convert::Infallible;
use std::ffi::OsStr;
use std::path::Path;

/// Names what compilers are run through.
pub(super) const WRAPPER: &str = "RUSTC_WRAPPER";

/// What compiles are cached by.
#[derive(Debug)]
pub enum Cache {
    /// Whatever the command finds for itself.
    Own,
    /// Nothing.
    Off,
    /// A server of this run.
    On(Box<Sccache>),
}

impl Cache {
    /// Starts sccache's server, where `RUSTC_WRAPPER` names that. One that does not start is done without.
    ///
    /// # Errors
    /// When the run is interrupted.
    pub async fn start(
        world: &World,
        wanted: Wanted,
        reporter: &dyn Reporter,
    ) -> Result<Self, ToolchainError> {
        let named = world.env.get(WRAPPER).map(Path::new);
        let Some(named) = named.filter(|path| path.file_stem() == Some(OsStr::new("sccache")))
        else {
            return Ok(Self::Own);
        };
        if !wanted.sccache {
            return Ok(Self::Off);
        }
        let found = match (named.components().count(), named.to_str()) {
            (1, Some(name)) => world.find_program(name),
            _ => Some(world.absolute(named)),
        };
        let Some(path) = found else {
            reporter.warn(format!(
                "bundling without sccache: {WRAPPER} names it, and it is not on PATH"
            ));
            return Ok(Self::Off);
        };
        let started = async {
            let version = version(world, Tool::Sccache.name(), &path).await?;
            Sccache::start(world, path.clone(), version, None, wanted.cache_stall).await
        };
        match started.await {
            Ok(server) => Ok(Self::On(Box::new(server))),
            Err(error @ ToolchainError::Interrupted(_)) => Err(error),
            Err(error) => {
                reporter.warn(format!("bundling without sccache: {}", with_causes(&error)));
                Ok(Self::Off)
            }
        }
    }

    /// Whether a command's own variables of the cache count.
    pub(super) fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }

    /// Lets a command find it.
    pub(super) fn give_to(&self, env: &mut Env) {
        if let Self::On(server) = self {
            *env = std::mem::take(env).with(&server.client());
            env.set(WRAPPER, server.path());
        }
    }

    /// Its version, where it is this run's.
    pub(super) fn version(&self) -> Option<String> {
        match self {
            Self::On(server) => Some(server.version().to_owned()),
            Self::Own | Self::Off => None,
        }
    }

    /// Says what it was good for.
    pub(super) async fn tell(
        &mut self,
        world: &World,
        reporter: &dyn Reporter,
    ) -> Option<CacheUse> {
        let Self::On(server) = self else {
            return None;
        };
        tell_usage(world, server, reporter).await
    }

    /// Asks it something now and then, for one that nobody asks for long ends. It never comes back.
    pub(super) async fn keep_alive(&self, world: &World) -> Infallible {
        loop {
            match self {
                Self::On(server) => {
                    tokio::time::sleep(server.keep_alive()).await;
                    server.usage(world).await;
                }
                Self::Own | Self::Off => std::future::pending().await,
            }
        }
    }

    /// Ends what this run has started.
    pub async fn stop(self, world: &World) {
        if let Self::On(mut server) = self {
            server.stop(world).await;
        }
    }
}
