//! Running a signing tool: within a time, and with what it says told without secrets.

use super::CodeSignError;
use super::alone::alone_for;
use super::secrets::Secrets;
use crate::context::World;
use process::{Command, Output, ProcessError};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How many of a tool's last lines are told.
const LINES: usize = 20;

/// How long putting something away may take.
const PUTTING_AWAY: Duration = Duration::from_secs(30);

/// Finds a tool that has to be there, since the credentials are.
pub(super) fn need(world: &World, tool: &'static str) -> Result<PathBuf, CodeSignError> {
    let found = world.find_program(tool);
    found.ok_or(CodeSignError::Missing { tool })
}

/// Runs a tool to a good end and returns what it wrote to standard output.
pub(super) async fn run(
    world: &World,
    tool: &'static str,
    command: &Command,
    (limit, secrets): (Duration, &Secrets),
) -> Result<String, CodeSignError> {
    let output = output(world, tool, command, limit).await?;
    match output.status.success() {
        true => Ok(output.stdout_text()),
        false => Err(failed(tool, command, &output, secrets)),
    }
}

/// Runs a tool to its end, whatever that is.
pub(super) async fn output(
    world: &World,
    tool: &'static str,
    command: &Command,
    limit: Duration,
) -> Result<Output, CodeSignError> {
    let output = world.runner.output(command, limit).await;
    output.map_err(|source| CodeSignError::Process { tool, source })
}

/// The error of a tool that has failed.
pub(super) fn failed(
    tool: &'static str,
    command: &Command,
    output: &Output,
    secrets: &Secrets,
) -> CodeSignError {
    CodeSignError::Tool {
        tool,
        // No argument is a secret.
        command: command.to_string(),
        status: output.status,
        said: secrets.strike(&last_lines(output)),
    }
}

/// The end of what a tool has said. Some write why they fail to the one stream, some to the other.
fn last_lines(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr];
    let texts = streams.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
    let lines: Vec<&str> = lines
        .into_iter()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// How long another run may keep something from being put away.
const KEPT_WAITING: Duration = Duration::from_secs(10);

/// What makes the further arguments of a command of what it has answered without them; nothing where there is nothing
/// to do.
type Adjust = Box<dyn Fn(&str) -> Option<Vec<OsString>> + Send>;

/// A step of putting something away.
pub(super) enum Step {
    /// A command; one that has nothing to do has to succeed.
    Run(Command),
    /// A command that tells how things are by then, and once more with what is made of that.
    Adjust(Command, Adjust),
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(command) => f.debug_tuple("Run").field(command).finish(),
            Self::Adjust(command, _) => f.debug_tuple("Adjust").field(command).finish(),
        }
    }
}

impl Step {
    fn run(&self) -> Result<(), ProcessError> {
        match self {
            Self::Run(command) => blocking(command).map(|_| ()),
            Self::Adjust(command, adjust) => {
                let said = blocking(command)?.stdout_text();
                match adjust(&said) {
                    Some(more) => blocking(&command.clone().args(more)).map(|_| ()),
                    None => Ok(()),
                }
            }
        }
    }
}

fn blocking(command: &Command) -> Result<Output, ProcessError> {
    let output = command.output_blocking()?;
    match output.status.success() {
        true => Ok(output),
        false => Err(ProcessError::Failed {
            command: command.to_string(),
            status: output.status,
            stderr: last_lines(&output),
        }),
    }
}

/// Steps that put away what signing has left on this machine. They are taken when this is dropped: after an
/// error, an interruption and a panic too.
#[derive(Debug)]
pub(super) struct PutAway {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What is locked meanwhile, where another run may be at the same.
    pub lock: Option<PathBuf>,
    /// What stays behind where they fail, for people.
    pub what: String,
}

impl Drop for PutAway {
    /// Waits for it, since the process may end next: on a thread, for a bounded time, and not through
    /// the runner, which starts nothing any more once the run is interrupted.
    fn drop(&mut self) {
        let (steps, lock) = (std::mem::take(&mut self.steps), self.lock.take());
        let (send, done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _alone = lock.and_then(|path| alone_for(&path, KEPT_WAITING));
            // All of them, whatever becomes of the first.
            let failed: Vec<_> = steps.iter().filter_map(|step| step.run().err()).collect();
            // Nobody may wait any more.
            let _sent = send.send(failed);
        });
        match done.recv_timeout(PUTTING_AWAY) {
            Ok(failed) => {
                for error in failed {
                    tracing::warn!(%error, "{} may still be on this machine", self.what);
                }
            }
            Err(_) => tracing::warn!("{} may still be on this machine", self.what),
        }
    }
}
