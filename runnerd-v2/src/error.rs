//! What ends a daemon, and the exit code that says so to a script.

use crate::endpoint::BindError;
use runner_ipc::EndpointError;
use std::io;

/// Why a daemon could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunnerdError {
    /// There is no place to listen at.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The place could not be taken or given back.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The system refused something that every daemon needs.
    #[error("could not {what}")]
    System {
        /// What it refused.
        what: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl RunnerdError {
    /// 2 when what was asked for is wrong, 9 when the machine is in the way.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Endpoint(_) => 2,
            Self::Bind(_) | Self::System { .. } => 9,
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Endpoint(error) => Some(error.hint()),
            Self::Bind(error) => error.hint(),
            Self::System { .. } => None,
        }
    }
}
