//! A named pipe for this machine only. Windows keeps it from other users by itself: without a
//! security descriptor of its own, only the creator, administrators and the system may write to a
//! pipe, and who cannot write cannot ask.
//! See <https://learn.microsoft.com/windows/win32/ipc/named-pipe-security-and-access-rights>.

use super::BindError;
use axum::serve::Listener;
use runner_ipc::Endpoint;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

/// How long to wait after a failure to accept or to make the next instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Takes an endpoint: makes the first instance of its pipe.
///
/// # Errors
/// When somebody has the pipe, or the system refuses to make it.
pub async fn bind(endpoint: &Endpoint) -> Result<(PeerListener, Claim), BindError> {
    let path = endpoint.path().to_owned();
    match instance(&path, true) {
        Ok(waiting) => Ok((PeerListener { path, waiting }, Claim)),
        // What Windows answers when the first instance that is asked for is not the first.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(BindError::AlreadyRunning {
                endpoint: endpoint.clone(),
                pid: None,
            })
        }
        Err(source) => Err(BindError::Io {
            what: "create the pipe",
            path,
            source,
        }),
    }
}

fn instance(path: &Path, first: bool) -> io::Result<NamedPipeServer> {
    ServerOptions::new()
        .first_pipe_instance(first)
        .reject_remote_clients(true)
        .create(path)
}

/// A pipe ends with the last handle to it; there is nothing to give back.
#[derive(Debug)]
pub struct Claim;

impl Claim {
    /// Does nothing, because nothing is left.
    ///
    /// # Errors
    /// Never.
    pub async fn release(self) -> Result<(), BindError> {
        Ok(())
    }
}

/// Hands out an instance of the pipe for each client, and has the next one ready before that, so
/// that the name never ceases to exist.
#[derive(Debug)]
pub struct PeerListener {
    path: PathBuf,
    waiting: NamedPipeServer,
}

impl Listener for PeerListener {
    type Io = NamedPipeServer;
    type Addr = ();

    async fn accept(&mut self) -> (NamedPipeServer, ()) {
        loop {
            let connected = self.waiting.connect().await;
            if let Err(error) = &connected {
                // For example a client that has gone again already: this instance is of no more use.
                tracing::warn!(%error, "could not accept a connection");
            }
            let next = loop {
                match instance(&self.path, false) {
                    Ok(next) => break next,
                    Err(error) => {
                        tracing::error!(%error, "could not create another instance of the pipe");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            };
            let used = std::mem::replace(&mut self.waiting, next);
            if connected.is_ok() {
                return (used, ());
            }
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}
