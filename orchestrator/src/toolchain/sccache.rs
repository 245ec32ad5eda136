//! A compiler cache of this build's own: a server on a private socket, tried before it is used and
//! stopped afterwards, so that nobody else's server can make this build fail or hang.

use super::probe::{TRIAL_SOURCE, compiler, run, scratch};
use super::{ToolchainError, interrupted_or};
use crate::context::World;
use crate::shim::Policy;
use process::{AllowList, Env, Runner};
use release_types::Os;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the server may take to start or stop. Its own limit for starting is 10 s.
const LIMIT: Duration = Duration::from_secs(20);

/// Variables that the server needs to reach a shared cache, most of them secret. Only the server's
/// starter sees them, never cargo or a compiler.
const CREDENTIALS: [&str; 26] = [
    "ACTIONS_RESULTS_URL",
    "ACTIONS_CACHE_URL",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_CACHE_SERVICE_V2",
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "SCCACHE_MEMCACHED_KEY_PREFIX",
    "SCCACHE_REDIS_KEY_PREFIX",
    "SCCACHE_S3_KEY_PREFIX",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "SCCACHE_AZURE_CONNECTION_STRING",
    "SCCACHE_GCS_KEY_PATH",
    "SCCACHE_REDIS_PASSWORD",
    "SCCACHE_WEBDAV_PASSWORD",
    "SCCACHE_WEBDAV_TOKEN",
    "SCCACHE_WEBDAV_USERNAME",
    "SCCACHE_REDIS_USERNAME",
];

/// A running server and how to reach it.
#[derive(Debug)]
pub struct Sccache {
    path: PathBuf,
    version: String,
    address: Env,
    // Holds the socket, which outlives the server; gone with this value.
    _socket_dir: tempfile::TempDir,
}

impl Sccache {
    /// Starts a server.
    ///
    /// # Errors
    /// When it does not start within a bounded time.
    pub async fn start(
        world: &World,
        path: PathBuf,
        version: String,
    ) -> Result<Self, ToolchainError> {
        let socket_dir = scratch()?;
        let address = address(world.host.os, socket_dir.path())?;
        let allowed = AllowList::base()
            .network()
            .and(&["SCCACHE_*"])
            .and(&CREDENTIALS);
        let mut command = world
            .command(&path, &allowed)
            .envs(&address)
            // Nobody stops the server of a run that was killed; it ends by itself.
            .env("SCCACHE_IDLE_TIMEOUT", "3600")
            .env("SCCACHE_IGNORE_SERVER_IO_ERROR", "1")
            .arg("--start-server");
        if super::env::REMOTE_CACHE_VARS
            .iter()
            .all(|name| !world.env.is_set(name))
            && world.in_github_actions()
        {
            command = command.env("SCCACHE_GHA_ENABLED", "true");
        }
        let sccache = Self {
            path,
            version,
            address,
            _socket_dir: socket_dir,
        };
        if let Err(error) = world.runner.success(&command, LIMIT).await {
            sccache.stop(world).await;
            return Err(interrupted_or(error, |error| ToolchainError::Broken {
                tool: "sccache",
                path: sccache.path.clone(),
                why: crate::error::with_causes(&error),
            }));
        }
        Ok(sccache)
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it calls its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The variables by which a client finds this server.
    pub fn address(&self) -> &Env {
        &self.address
    }

    /// Compiles one file through the cache and the shim.
    ///
    /// # Errors
    /// When that fails or does not end within a bounded time.
    pub async fn probe(
        &self,
        world: &World,
        shim: &Path,
        policy: &Policy,
    ) -> Result<(), ToolchainError> {
        let broken = |why: String| ToolchainError::Broken {
            tool: "sccache",
            path: self.path.clone(),
            why,
        };
        let scratch = scratch()?;
        let source = scratch.path().join("trial.rs");
        std::fs::write(&source, TRIAL_SOURCE).map_err(|error| ToolchainError::Io {
            path: source.clone(),
            source: error,
        })?;
        let command = compiler(world, &self.path, policy)
            .ok_or_else(|| broken("the policy holds a path that is no text".to_owned()))?
            .envs(&self.address)
            .arg(shim)
            .args([
                "--crate-name",
                "trial",
                "--crate-type",
                "rlib",
                "--emit",
                "metadata,link",
            ])
            .args(["--target", &policy.target, "--out-dir"])
            .arg(scratch.path())
            .arg(&source);
        run(
            world,
            &command,
            &broken,
            "compiling one file through it failed",
        )
        .await?;
        if scratch.path().join("libtrial.rlib").is_file() {
            Ok(())
        } else {
            Err(broken("it compiled one file and left no output".to_owned()))
        }
    }

    /// Stops the server, also when the run has been interrupted.
    pub async fn stop(&self, world: &World) {
        let command = world
            .command(&self.path, &AllowList::base())
            .envs(&self.address)
            .arg("--stop-server");
        // A runner of its own: the run's would refuse to start anything once interrupted.
        if let Err(error) = Runner::default().success(&command, LIMIT).await {
            tracing::debug!(%error, "the sccache server could not be stopped; it has probably ended");
        }
    }
}

/// The address of a server that nobody else uses: a socket in a fresh folder, or, where there are
/// no such sockets, a port that is free now.
fn address(os: Os, dir: &Path) -> Result<Env, ToolchainError> {
    if os == Os::Windows {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|source| ToolchainError::Io {
                path: dir.to_owned(),
                source,
            })?
            .port();
        return Ok([("SCCACHE_SERVER_PORT", port.to_string())]
            .into_iter()
            .collect());
    }
    Ok([("SCCACHE_SERVER_UDS", dir.join("s").into_os_string())]
        .into_iter()
        .collect())
}
