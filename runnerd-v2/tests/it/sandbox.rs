//! A folder and an environment of its own for each test, and the daemon started in it.

use release_types::Os;
use runner_ipc::{Endpoint, SOCKET_VARIABLE};
use rustix::process::{Pid, Signal, kill_process};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

const PROGRAM: &str = env!("CARGO_BIN_EXE_atlas-runnerd");

/// Much longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Sandbox(TempDir);

/// A daemon that has said that it is ready. Killed when dropped.
pub struct Running {
    pub ready_line: String,
    child: Child,
    _stdout: BufReader<ChildStdout>,
}

pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Sandbox {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Where the daemon listens. Its folder does not exist at first.
    pub fn socket(&self) -> PathBuf {
        self.0.path().join("run/runnerd.sock")
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(Os::Linux, self.socket()).unwrap()
    }

    /// The names in the socket's folder.
    pub fn files(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.socket().parent().unwrap()) else {
            return Vec::new();
        };
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    pub async fn start(&self) -> Running {
        ready(self.spawn(&["run"])).await
    }

    pub async fn start_with_umask(&self, mask: &str) -> Running {
        let script = format!("umask {mask}; exec '{PROGRAM}' run");
        ready(self.child("/bin/sh", &["-c", &script], true)).await
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        self.child(PROGRAM, args, true)
    }

    /// What a successful command writes to standard output; nothing may be on standard error.
    pub async fn prints(&self, args: &[&str]) -> String {
        let ended = ended(self.spawn(args)).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        ended.stdout
    }

    /// How a command fails; nothing may be on standard output.
    pub async fn fails(&self, args: &[&str]) -> Ended {
        let ended = ended(self.spawn(args)).await;
        assert_eq!(ended.stdout, "");
        ended
    }

    /// As [`Sandbox::fails`], in an empty environment.
    pub async fn fails_bare(&self, args: &[&str]) -> Ended {
        ended(self.child(PROGRAM, args, false)).await
    }

    fn child(&self, program: &str, args: &[&str], with_socket: bool) -> Child {
        #[expect(
            clippy::disallowed_methods,
            reason = "`process` ends its children itself; here they are sent signals and watched"
        )]
        let mut command = Command::new(program);
        command.args(args).env_clear().current_dir(self.0.path());
        if with_socket {
            command.env(SOCKET_VARIABLE, self.socket());
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.spawn().unwrap()
    }
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Sends a signal and waits for the end.
    pub async fn signal(self, signal: Signal) -> Ended {
        let pid = Pid::from_raw(self.pid().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        ended(self.child).await
    }
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The exit code of a child that has ended.
pub fn exited(child: &mut Child) -> Option<i32> {
    child.try_wait().unwrap().and_then(|status| status.code())
}

/// Waits until something is so.
pub async fn eventually(mut so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !so().await {
        assert!(begun.elapsed() < PATIENCE, "it never came to that");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ready(mut child: Child) -> Running {
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let read = tokio::time::timeout(PATIENCE, stdout.read_line(&mut line)).await;
    if read.unwrap().unwrap() == 0 {
        panic!("{}", ended(child).await.stderr);
    }
    Running {
        ready_line: line.trim_end().to_owned(),
        child,
        _stdout: stdout,
    }
}

async fn ended(child: Child) -> Ended {
    let begun = Instant::now();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output());
    let output = output.await.unwrap().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: begun.elapsed(),
    }
}
