//! Why a question has no answer, and the exit code that says so to a script.

use runner_ipc::{ClientError, EndpointError, SOCKET_VARIABLE};
use std::io;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// There is no place where a daemon could be.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The daemon did not tell.
    #[error(transparent)]
    Daemon(#[from] ClientError),
    /// The system refused something that every command needs.
    #[error("could not {what}")]
    System {
        /// What it refused.
        what: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl RunnerError {
    /// 2 when what was asked for is wrong, 7 when no daemon answers, 9 when the machine is in the
    /// way.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Endpoint(_) => 2,
            Self::Daemon(
                ClientError::NotRunning { .. }
                | ClientError::Unanswered { .. }
                | ClientError::BadAnswer { .. },
            ) => 7,
            Self::Daemon(ClientError::Denied { .. } | ClientError::Connect { .. })
            | Self::System { .. } => 9,
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Endpoint(error) => error.hint(),
            Self::Daemon(ClientError::NotRunning { .. }) => format!(
                "start it with `atlas-runnerd run`; if it listens elsewhere, say where with \
                 --socket or {SOCKET_VARIABLE}"
            ),
            Self::Daemon(ClientError::Denied { .. }) => {
                "run this as the user that runs the daemon".to_owned()
            }
            Self::Daemon(ClientError::Unanswered { .. }) => {
                "the daemon may be stuck: look at its log, and restart it".to_owned()
            }
            Self::Daemon(ClientError::BadAnswer { .. }) => {
                "look whether it really is atlas-runnerd that listens there".to_owned()
            }
            Self::Daemon(ClientError::Connect { .. }) | Self::System { .. } => return None,
        })
    }
}
