//! A folder of its own for each test, a daemon in this process, and the program started beside it.

use process::{Command, Env, Runner};
use release_types::Os;
use runner_ipc::{Endpoint, SOCKET_VARIABLE};
use runnerd::{Daemon, Settings};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const PROGRAM: &str = env!("CARGO_BIN_EXE_atlas-runner");

/// The version that the program under test has.
pub const VERSION: &str = env!("BUILD_VERSION_VERSION");

pub struct Sandbox(TempDir);

pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A daemon that runs until it is told to stop.
pub struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Sandbox {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Where the daemon listens. Its folder does not exist at first.
    pub fn socket(&self) -> PathBuf {
        self.0.path().join("run/runnerd.sock")
    }

    pub async fn daemon(&self, version: &'static str) -> Running {
        let build = build_version::build_info!("atlas-runnerd").with_version(version);
        let endpoint = Endpoint::new(Os::Linux, self.socket()).unwrap();
        let daemon = Daemon::bind(Settings { endpoint }, build).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async {
            daemon.run(async { stopped.await.unwrap() }).await.unwrap();
        });
        Running { stop, task }
    }

    /// Runs the program with the sandbox's socket in its environment.
    pub async fn run(&self, args: &[&str]) -> Said {
        let env = [(SOCKET_VARIABLE, self.socket())].into_iter().collect();
        self.run_with(args, &env).await
    }

    pub async fn run_with(&self, args: &[&str], env: &Env) -> Said {
        let command = Command::new(PROGRAM)
            .args(args.iter().copied())
            .envs(env)
            .cwd(self.0.path());
        let output = Runner::default()
            .output(&command, Duration::from_secs(30))
            .await
            .unwrap();
        Said {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Running {
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}
