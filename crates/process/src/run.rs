//! Running children: with deadlines, line by line, and never left behind.

use crate::child::Child;
use crate::command::Input;
use crate::stream::{Lines, capture};
use crate::{Command, Line, ProcessError, Stream};
use process_wrap::tokio::CommandWrap;
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long what a child started may keep the child's output open once the child itself has ended.
/// A server that was started to stay never closes it.
const DRAIN: Duration = Duration::from_secs(3);

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

/// How a command that was watched has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<T> {
    /// By itself, whatever its exit status is.
    ByItself(ExitStatus),
    /// It was ended, for this reason.
    GivenUp(T),
}

/// What becomes of what a command that has ended has left running.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Left,
    Ended,
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
    /// What the command leaves running stays so, and may keep the output open for three seconds
    /// more before it is no longer listened to.
    ///
    /// # Errors
    /// When it cannot be started, does not end within `limit`, or the run is interrupted.
    pub async fn output(&self, command: &Command, limit: Duration) -> Result<Output, ProcessError> {
        let mut child = self.spawn(command, Stdio::piped)?;
        let (out, err) = child.streams();
        let stdin = child.stdin();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = {
            let mut reading = pin!(async {
                let reads = async {
                    tokio::try_join!(capture(out, &mut stdout), capture(err, &mut stderr))
                };
                // Side by side: a child may write before it has read everything.
                tokio::join!(feed(stdin, command), reads).1
            });
            let mut patience = pin!(tokio::time::sleep(limit));
            let mut open = true;
            let mut ended = None;
            loop {
                tokio::select! {
                    read = &mut reading, if open => {
                        read.map_err(|source| lost(command, source))?;
                        open = false;
                    }
                    status = child.leader().wait(), if ended.is_none() => {
                        ended = Some(status.map_err(|source| lost(command, source))?);
                        patience.as_mut().reset(Instant::now() + DRAIN);
                    }
                    () = &mut patience => match ended {
                        Some(status) => {
                            tracing::debug!(%command, "its output stays open and is left");
                            break status;
                        }
                        None => {
                            child.end().await;
                            let command = command.to_string();
                            return Err(ProcessError::TimedOut { command, limit });
                        }
                    },
                    () = self.cancel.cancelled() => return Err(child.interrupt(command).await),
                }
                if let Some(status) = ended
                    && !open
                {
                    break status;
                }
            }
        };
        child.leave();
        Ok(Output {
            status,
            stdout,
            stderr,
        })
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
    /// What it leaves running is treated as by [`Runner::output`].
    ///
    /// # Errors
    /// When it cannot be started or the run is interrupted; a failing exit status is no error here.
    pub async fn lines(
        &self,
        command: &Command,
        on_line: impl FnMut(Line),
    ) -> Result<ExitStatus, ProcessError> {
        let never = |_| std::future::pending::<Infallible>();
        match self.follow(command, on_line, never, Rest::Left).await? {
            Ended::ByItself(status) => Ok(status),
            Ended::GivenUp(never) => match never {},
        }
    }

    /// Like [`Runner::lines`], but the command is given up, and ended with all it started, as soon
    /// as a future is ready, which is made from the command's process id. What a command that ends
    /// by itself leaves running is ended too.
    ///
    /// # Errors
    /// As [`Runner::lines`].
    pub async fn lines_unless<T, F: Future<Output = T>>(
        &self,
        command: &Command,
        on_line: impl FnMut(Line),
        give_up: impl FnOnce(u32) -> F,
    ) -> Result<Ended<T>, ProcessError> {
        self.follow(command, on_line, give_up, Rest::Ended).await
    }

    async fn follow<T, F: Future<Output = T>>(
        &self,
        command: &Command,
        mut on_line: impl FnMut(Line),
        give_up: impl FnOnce(u32) -> F,
        rest: Rest,
    ) -> Result<Ended<T>, ProcessError> {
        let mut child = self.spawn(command, Stdio::piped)?;
        let mut give_up = pin!(give_up(child.leader().id().unwrap_or_default()));
        let (send, mut lines) = tokio::sync::mpsc::channel(64);
        let enough = CancellationToken::new();
        let mut readers = JoinSet::new();
        let (out, err) = child.streams();
        if let Some(stdout) = out {
            let lines = Lines::new(Stream::Stdout, send.clone());
            readers.spawn(lines.forward(stdout, enough.clone()));
        }
        if let Some(stderr) = err {
            let lines = Lines::new(Stream::Stderr, send);
            readers.spawn(lines.forward(stderr, enough.clone()));
        }
        let status = loop {
            tokio::select! {
                Some(line) = lines.recv() => on_line(line),
                status = child.leader().wait() => {
                    break status.map_err(|source| lost(command, source))?;
                }
                why = &mut give_up => {
                    child.end().await;
                    return Ok(Ended::GivenUp(why));
                }
                () = self.cancel.cancelled() => return Err(child.interrupt(command).await),
            }
        };
        if rest == Rest::Ended {
            child.kill();
        }
        // Only waiting counts, so that nothing that is there already is lost to a caller that takes
        // long over a line.
        let mut patience = DRAIN;
        loop {
            let waiting = Instant::now();
            tokio::select! {
                line = lines.recv() => match line {
                    Some(line) => {
                        patience = patience.saturating_sub(waiting.elapsed());
                        on_line(line);
                    }
                    None => break,
                },
                () = tokio::time::sleep(patience), if !enough.is_cancelled() => {
                    tracing::debug!(%command, "its output stays open and is left");
                    enough.cancel();
                }
                () = self.cancel.cancelled() => return Err(child.interrupt(command).await),
            }
        }
        while let Some(read) = readers.join_next().await {
            read.map_err(io::Error::other)
                .and_then(|read| read)
                .map_err(|source| lost(command, source))?;
        }
        child.leave();
        Ok(Ended::ByItself(status))
    }

    /// Starts a command that goes on in the background, such as a server, with its output thrown
    /// away. It ends, with all it started, when the returned value is dropped.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn background(&self, command: &Command) -> Result<Background, ProcessError> {
        self.spawn(command, Stdio::null).map(Background)
    }

    fn spawn(&self, command: &Command, output: fn() -> Stdio) -> Result<Child, ProcessError> {
        let mut tokio_command = command.to_tokio();
        let input = match command.input {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        };
        tokio_command.stdin(input).stdout(output()).stderr(output());
        let mut wrap = CommandWrap::from(tokio_command);
        #[cfg(unix)]
        wrap.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        wrap.wrap(process_wrap::tokio::JobObject);
        tracing::debug!(%command, "starting a child process");
        wrap.spawn()
            .map(Child::new)
            .map_err(|source| ProcessError::from_spawn(command, source))
    }
}

/// A child in the background, killed with all it started when this is dropped.
pub struct Background(Child);

impl Background {
    /// Its process id, until it has ended.
    pub fn id(&mut self) -> Option<u32> {
        self.0.leader().id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.0.leader().try_wait(), Ok(None))
    }

    /// Gives it some time to end by itself, then kills it and all it started.
    pub async fn end(mut self, grace: Duration) {
        if tokio::time::timeout(grace, self.0.leader().wait())
            .await
            .is_err()
        {
            tracing::debug!("a child process in the background did not end by itself");
        }
        self.0.end().await;
    }
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Background")
    }
}

/// Gives a child what it is to read. One that ends without having read it all has its reasons.
async fn feed(stdin: Option<ChildStdin>, command: &Command) {
    if let (Some(mut stdin), Some(Input(bytes))) = (stdin, &command.input)
        && let Err(error) = stdin.write_all(bytes).await
    {
        tracing::debug!(%command, %error, "not all of its input was read");
    }
}

fn lost(command: &Command, source: io::Error) -> ProcessError {
    ProcessError::Io {
        command: command.to_string(),
        source,
    }
}
