//! Why a child did not do its work. What that means to a person is for callers to say.

use crate::Command;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

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
