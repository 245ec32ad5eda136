//! Running a signing tool: within a time, and with what it says told without secrets.

use super::CodeSignError;
use super::secrets::Secrets;
use crate::context::World;
use process::{Command, Output, ProcessError};
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

/// Commands that put away what signing has left on this machine. They run when this is dropped: after an
/// error, an interruption and a panic too.
#[derive(Debug)]
pub(super) struct PutAway {
    /// The commands, in order. A command that has nothing to do has to succeed.
    pub commands: Vec<Command>,
    /// What stays behind where they fail, for people.
    pub what: String,
}

impl Drop for PutAway {
    /// Waits for it, since the process may end next: on a thread, for a bounded time, and not through
    /// the runner, which starts nothing any more once the run is interrupted.
    fn drop(&mut self) {
        let commands = std::mem::take(&mut self.commands);
        let (send, done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let run = |command: &Command| -> Result<(), ProcessError> {
                let output = command.output_blocking()?;
                match output.status.success() {
                    true => Ok(()),
                    false => Err(ProcessError::Failed {
                        command: command.to_string(),
                        status: output.status,
                        stderr: last_lines(&output),
                    }),
                }
            };
            // All of them, whatever becomes of the first.
            let failed: Vec<_> = commands
                .iter()
                .filter_map(|command| run(command).err())
                .collect();
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
