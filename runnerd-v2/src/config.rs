//! What a daemon needs to know before it starts, from its flags and its environment.

use process::Env;
use runner_ipc::{Endpoint, EndpointError, Host};
use std::path::PathBuf;

/// The settings of a daemon, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it listens.
    pub endpoint: Endpoint,
}

impl Settings {
    /// The settings that flags and environment come to; a flag wins.
    ///
    /// # Errors
    /// When there is no place to listen at that the system can have.
    pub fn resolve(socket: Option<PathBuf>, host: Host, env: &Env) -> Result<Self, EndpointError> {
        Ok(Self {
            endpoint: Endpoint::resolve(socket, host, env)?,
        })
    }
}
