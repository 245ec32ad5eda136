//! A compiler cache of this build's own: a server on a private socket, tried before it is used and
//! stopped afterwards, so that nobody else's server can make this build fail or hang.

mod config;
mod credentials;
mod github;
mod redact;
mod shared;
mod socket;
mod usage;

pub(super) use config::names_others;
pub use config::stall_limit;
pub(crate) use redact::Secrets;
pub use usage::CacheUse;

use super::probe::{TRIAL_SOURCE, compiler, has_room, run_within, scratch};
use super::{ToolchainError, interrupted_or};
use crate::context::World;
use crate::shim::Policy;
use process::{AllowList, Background, Env, ProcessError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the server may take to start, stop or answer: what sccache itself allows for a start.
/// One whose shared cache does not answer takes longer.
const LIMIT: Duration = Duration::from_secs(10);

/// How long it may take to compile a file of one line. A build without it is right too, so nobody is
/// to wait long for it.
const TRIAL_LIMIT: Duration = Duration::from_secs(20);

/// How long the server is given to finish what it still writes to its cache.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running server and how to reach it. It ends, with the compilers it has started, when this is
/// dropped.
#[derive(Debug)]
pub struct Sccache {
    path: PathBuf,
    version: String,
    address: Env,
    empty_config: PathBuf,
    stall_limit: Duration,
    keep_alive: Duration,
    secrets: Secrets,
    server: Option<Background>,
    // Holds the socket, which outlives the server, and the empty configuration; gone with this value.
    _socket_dir: tempfile::TempDir,
}

impl Sccache {
    /// Starts a server.
    ///
    /// # Errors
    /// When it does not answer within a bounded time.
    pub async fn start(
        world: &World,
        path: PathBuf,
        version: String,
        policy: Option<&Policy>,
        stall_limit: Duration,
    ) -> Result<Self, ToolchainError> {
        let secrets = Secrets::of(world);
        let broken = |why: String| ToolchainError::Broken {
            tool: "sccache",
            path: path.clone(),
            why: secrets.redact(&why),
        };
        let github = super::env::uses_github_cache(world);
        if github && let Some(why) = github::lacks(&world.env) {
            return Err(broken(why));
        }
        let socket_dir = socket::folder(world)?;
        let log = socket_dir.path().join("log");
        let empty = socket_dir.path().join("config");
        std::fs::write(&empty, "").map_err(|source| ToolchainError::Io {
            path: empty.clone(),
            source,
        })?;
        let idle_limit = config::idle_limit(&world.env);
        let address = socket::address(world.host.os, socket_dir.path())?;
        let mut command = world
            .command(&path, &credentials::seen_by_server())
            .envs(&config::server_variables(world, &empty))
            .envs(&address)
            // A child of ours like any other, instead of a daemon that outlives the run.
            .env("SCCACHE_START_SERVER", "1")
            .env("SCCACHE_NO_DAEMON", "1")
            .env("SCCACHE_IDLE_TIMEOUT", idle_limit.as_secs().to_string())
            .env("SCCACHE_ERROR_LOG", &log)
            .env("SCCACHE_IGNORE_SERVER_IO_ERROR", "1");
        if let Some(dirs) = policy.and_then(|policy| base_dirs(world, policy)) {
            command = command
                .env("SCCACHE_BASEDIRS", dirs)
                // Its short way past the preprocessor looks for headers under the names that are left
                // of them, and takes those of another folder for these. Tried with sccache 0.16.
                .env("SCCACHE_DIRECT", "false");
        }
        if github {
            command = command.env("SCCACHE_GHA_ENABLED", "true");
        }
        let mut server = world.runner.background(&command).map_err(|error| {
            interrupted_or(error, |error| broken(crate::error::with_causes(&error)))
        })?;
        let waited = std::time::Instant::now();
        while !socket::answers(&address) {
            if server.has_ended() {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                let why = match secrets.complaint(&log) {
                    Some(words) => format!(": {words}"),
                    None => String::new(),
                };
                return Err(broken(format!(
                    "its server ended as soon as it was started{why}"
                )));
            }
            if waited.elapsed() > LIMIT {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                let cause = match secrets.complaint(&log) {
                    Some(words) => Some(words),
                    None => shared::trouble(world).await,
                };
                return Err(broken(format!(
                    "its server was not ready within {} s{}",
                    LIMIT.as_secs(),
                    cause.map(|cause| format!(": {cause}")).unwrap_or_default()
                )));
            }
            if world.runner.cancellation().is_cancelled() {
                let command = command.to_string();
                return Err(ToolchainError::Interrupted(ProcessError::Interrupted {
                    command,
                }));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Self {
            path,
            version,
            address,
            empty_config: empty,
            stall_limit,
            keep_alive: config::keep_alive(idle_limit),
            secrets,
            server: Some(server),
            _socket_dir: socket_dir,
        })
    }

    /// How long everything may wait for it.
    pub fn stall_limit(&self) -> Duration {
        self.stall_limit
    }

    /// How often it has to be asked something while the build runs.
    pub fn keep_alive(&self) -> Duration {
        self.keep_alive
    }

    /// What must not be repeated of its words.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it calls its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What a client's environment needs: how to find this server, and what keeps a client that
    /// does not find it from leaving one of its own behind. Such a one stays a child of the client,
    /// where it is ended with it. All that is configured is the server's: a client reads its user's
    /// file too, and fails when it does not understand it.
    pub fn client(&self) -> Env {
        let mut env = self.address.clone();
        env.set("SCCACHE_NO_DAEMON", "1");
        env.set(config::CONF_VAR, &self.empty_config);
        env
    }

    /// The server's process id, as long as it runs.
    pub fn id(&mut self) -> Option<u32> {
        let server = self.server.as_mut()?;
        if server.has_ended() {
            None
        } else {
            server.id()
        }
    }

    /// What the cache has been used for since the server was started or its statistics were set
    /// to zero; none when the server does not tell.
    pub async fn usage(&self, world: &World) -> Option<CacheUse> {
        let arguments = ["--show-stats", "--stats-format", "json"];
        let answer = self.ask(world, &arguments).await?;
        CacheUse::parse(&answer)
    }

    /// Sets the statistics to zero.
    pub async fn forget_usage(&self, world: &World) {
        self.ask(world, &["--zero-stats"]).await;
    }

    async fn ask(&self, world: &World, arguments: &[&str]) -> Option<String> {
        let command = world
            .command(&self.path, &AllowList::base())
            .envs(&self.client())
            .args(arguments.iter().copied());
        match world.runner.success(&command, LIMIT).await {
            Ok(output) => Some(output.stdout_text()),
            Err(error) => {
                let error = self.secrets.redact(&error.to_string());
                tracing::debug!(error, "the sccache server does not answer");
                None
            }
        }
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
            why: self.secrets.redact(&why),
        };
        let scratch = scratch(world)?;
        let source = scratch.path().join("trial.rs");
        std::fs::write(&source, TRIAL_SOURCE).map_err(|error| ToolchainError::Io {
            path: source.clone(),
            source: error,
        })?;
        let command = compiler(world, &self.path, policy)
            .ok_or_else(|| broken("the policy holds a path that is no text".to_owned()))?
            .envs(&self.client())
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
        let what = "compiling one file through it failed";
        let outcome = run_within(TRIAL_LIMIT, world, &command, &broken, what).await;
        if let Err(error @ ToolchainError::Broken { .. }) = outcome {
            has_room(scratch.path())?;
            return Err(error);
        }
        outcome?;
        if !scratch.path().join("libtrial.rlib").is_file() {
            return Err(broken("it compiled one file and left no output".to_owned()));
        }
        self.forget_usage(world).await;
        Ok(())
    }

    /// Kills the server and the compilers it has started.
    pub async fn kill(mut self) {
        if let Some(server) = self.server.take() {
            server.end(Duration::ZERO).await;
        }
    }

    /// Stops the server: it may finish what it still writes to its cache, unless the run has been
    /// interrupted.
    pub async fn stop(&mut self, world: &World) {
        let Some(server) = self.server.take() else {
            return;
        };
        if world.runner.cancellation().is_cancelled() {
            return server.end(Duration::ZERO).await;
        }
        if self.ask(world, &["--stop-server"]).await.is_none() {
            return server.end(Duration::ZERO).await;
        }
        server.end(STOP_LIMIT).await;
    }
}

/// The folders that are to count for nothing in the keys of C code. The policy's flags give them
/// names in what is compiled, so where the compilers take those flags it is the same anywhere.
fn base_dirs(world: &World, policy: &Policy) -> Option<std::ffi::OsString> {
    let target = super::policy_target(policy, world);
    if !super::c_compilers_map(world.host, target) {
        return None;
    }
    let users = world.env.get("SCCACHE_BASEDIRS").unwrap_or_default();
    let users = std::env::split_paths(users).filter(|dir| dir.is_absolute());
    std::env::join_paths(
        policy
            .remap
            .iter()
            .map(|(from, _)| from.clone())
            .chain(users),
    )
    .ok()
}
