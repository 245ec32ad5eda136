//! Running children: with deadlines, line by line, and never left behind.

use crate::Command;
use process_wrap::tokio::{ChildWrapper, CommandWrap};
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio_util::sync::CancellationToken;

/// How long a child that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// The most that is kept of either stream by [`Runner::output`].
const CAPTURE_LIMIT: u64 = 16 * 1024 * 1024;

/// The longest line that is handed on by [`Runner::lines`]; cargo's messages may hold a whole file
/// of diagnostics.
const LINE_LIMIT: usize = 16 * 1024 * 1024;

/// Why a child did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is no such program.
    #[error("`{}` was not found", program.display())]
    NotFound {
        /// What was to be run.
        program: PathBuf,
    },
    /// The program is there but could not be started.
    #[error("could not start `{command}`")]
    Spawn {
        /// The command line.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended with a failure.
    #[error("`{command}` failed ({status}){}", detail(stderr))]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// It was still running at its deadline and was ended.
    #[error("`{command}` did not finish within {} s and was ended", limit.as_secs_f32())]
    TimedOut {
        /// The command line.
        command: String,
        /// The deadline.
        limit: Duration,
    },
    /// The whole run was interrupted and the child ended.
    #[error("interrupted while `{command}` was running")]
    Interrupted {
        /// The command line.
        command: String,
    },
    /// Reading its output or waiting for it failed.
    #[error("lost the connection to `{command}`")]
    Io {
        /// The command line.
        command: String,
        /// What the system said.
        source: io::Error,
    },
}

fn detail(stderr: &str) -> String {
    let text = stderr.trim();
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

impl ProcessError {
    pub(crate) fn from_spawn(command: &Command, source: io::Error) -> Self {
        // A missing working directory is reported by the system with the same code.
        let cwd_exists = command.cwd.as_ref().is_none_or(|dir| dir.is_dir());
        if source.kind() == io::ErrorKind::NotFound && cwd_exists {
            Self::NotFound {
                program: command.program.clone(),
            }
        } else {
            Self::Spawn {
                command: command.to_string(),
                source,
            }
        }
    }
}

/// What a child that was run to its end has said.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, of which no more than 16 MiB is kept.
    pub stdout: Vec<u8>,
    /// Its standard error, likewise.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard output as text, with what is no UTF-8 replaced, without white space around it.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }
}

/// Which of a child's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line that a child wrote, without its end. A carriage return also ends a line on standard
/// error, because progress bars use it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it was written.
    pub stream: Stream,
    /// The text, with what is no UTF-8 replaced.
    pub text: String,
}

/// Starts children and ends them when the run is interrupted.
#[derive(Debug, Clone, Default)]
pub struct Runner {
    cancel: CancellationToken,
}

impl Runner {
    /// A runner whose children end when the token is cancelled.
    pub fn new(cancel: CancellationToken) -> Self {
        Self { cancel }
    }

    /// The token that ends this runner's children.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Runs a command to its end and keeps what it writes, whatever its exit status is.
    ///
    /// # Errors
    /// When it cannot be started, does not end within `limit`, or the run is interrupted.
    pub async fn output(&self, command: &Command, limit: Duration) -> Result<Output, ProcessError> {
        let mut child = self.spawn(command)?;
        let (stdout, stderr) = (child.0.stdout().take(), child.0.stderr().take());
        let work = async {
            let (status, stdout, stderr) =
                tokio::try_join!(child.0.wait(), captured(stdout), captured(stderr))?;
            Ok(Output {
                status,
                stdout,
                stderr,
            })
        };
        let outcome = tokio::select! {
            done = work => return done.map_err(|source| lost(command, source)),
            () = self.cancel.cancelled() => ProcessError::Interrupted { command: command.to_string() },
            () = tokio::time::sleep(limit) => ProcessError::TimedOut { command: command.to_string(), limit },
        };
        child.end().await;
        Err(outcome)
    }

    /// Like [`Runner::output`], but a failing exit status is an error, with the end of what the
    /// command wrote to standard error.
    ///
    /// # Errors
    /// As [`Runner::output`], and when the exit status is not success.
    pub async fn success(
        &self,
        command: &Command,
        limit: Duration,
    ) -> Result<Output, ProcessError> {
        let output = self.output(command, limit).await?;
        if output.status.success() {
            return Ok(output);
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = text.trim().lines().collect();
        Err(ProcessError::Failed {
            command: command.to_string(),
            status: output.status,
            stderr: lines[lines.len().saturating_sub(12)..].join("\n"),
        })
    }

    /// Runs a command to its end and hands on each line as it is written.
    ///
    /// # Errors
    /// When it cannot be started or the run is interrupted; a failing exit status is no error here.
    pub async fn lines(
        &self,
        command: &Command,
        mut on_line: impl FnMut(Line),
    ) -> Result<ExitStatus, ProcessError> {
        let mut child = self.spawn(command)?;
        let (send, mut lines) = tokio::sync::mpsc::channel(64);
        let readers =
            [
                child.0.stdout().take().map(|s| {
                    tokio::spawn(forward(Stream::Stdout, BufReader::new(s), send.clone()))
                }),
                child
                    .0
                    .stderr()
                    .take()
                    .map(|s| tokio::spawn(forward(Stream::Stderr, BufReader::new(s), send))),
            ];
        loop {
            tokio::select! {
                line = lines.recv() => match line {
                    Some(line) => on_line(line),
                    None => break,
                },
                () = self.cancel.cancelled() => {
                    child.end().await;
                    return Err(ProcessError::Interrupted { command: command.to_string() });
                }
            }
        }
        for reader in readers.into_iter().flatten() {
            reader
                .await
                .map_err(io::Error::other)
                .and_then(|read| read)
                .map_err(|source| lost(command, source))?;
        }
        tokio::select! {
            status = child.0.wait() => status.map_err(|source| lost(command, source)),
            () = self.cancel.cancelled() => {
                child.end().await;
                Err(ProcessError::Interrupted { command: command.to_string() })
            }
        }
    }

    fn spawn(&self, command: &Command) -> Result<Child, ProcessError> {
        let mut tokio_command = command.to_tokio();
        tokio_command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut wrap = CommandWrap::from(tokio_command);
        #[cfg(unix)]
        wrap.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        wrap.wrap(process_wrap::tokio::JobObject);
        tracing::debug!(%command, "starting a child process");
        wrap.spawn()
            .map(Child)
            .map_err(|source| ProcessError::from_spawn(command, source))
    }
}

/// A child that is killed, with all it started, when it is no longer wanted.
struct Child(Box<dyn ChildWrapper>);

impl Child {
    /// Asks the child and all it started to end, then makes them.
    async fn end(&mut self) {
        #[cfg(unix)]
        let asked = self
            .0
            .signal(rustix::process::Signal::TERM.as_raw())
            .is_ok();
        #[cfg(not(unix))]
        let asked = false;
        if asked && tokio::time::timeout(GRACE, self.0.wait()).await.is_ok() {
            return;
        }
        if let Err(error) = Box::into_pin(self.0.kill()).await {
            tracing::debug!(%error, "a child process could not be killed; it has probably ended");
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Nobody waited for it to its end: what is still running in its group must not outlive us.
        if matches!(self.0.try_wait(), Ok(None))
            && let Err(error) = self.0.start_kill()
        {
            tracing::debug!(%error, "a child process could not be killed; it has probably ended");
        }
    }
}

fn lost(command: &Command, source: io::Error) -> ProcessError {
    ProcessError::Io {
        command: command.to_string(),
        source,
    }
}

/// Reads a stream to its end, keeping the first [`CAPTURE_LIMIT`] bytes.
async fn captured(stream: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        (&mut stream)
            .take(CAPTURE_LIMIT)
            .read_to_end(&mut kept)
            .await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}

async fn forward(
    stream: Stream,
    mut reader: BufReader<impl AsyncRead + Unpin>,
    send: tokio::sync::mpsc::Sender<Line>,
) -> io::Result<()> {
    let mut pending = Vec::new();
    loop {
        let chunk = reader.fill_buf().await?;
        let ended = chunk.is_empty();
        let end = chunk
            .iter()
            .position(|&b| b == b'\n' || (b == b'\r' && stream == Stream::Stderr));
        let taken = end.map_or(chunk.len(), |at| at + 1);
        pending.extend_from_slice(&chunk[..end.unwrap_or(chunk.len())]);
        reader.consume(taken);
        if end.is_some() || ended || pending.len() > LINE_LIMIT {
            if !pending.is_empty() {
                let text = String::from_utf8_lossy(&pending)
                    .trim_end_matches('\r')
                    .to_owned();
                pending.clear();
                if send.send(Line { stream, text }).await.is_err() {
                    return Ok(());
                }
            }
            if ended {
                return Ok(());
            }
        }
    }
}
