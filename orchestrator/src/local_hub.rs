//! The embedded Hub: the real server in this process, on a loopback port, with its data below the
//! state folder. Clients talk to it over HTTP like to any other.

use hub::{Hub, HubConfig, HubError};
use release_types::ProductName;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A Hub that runs until it is stopped.
#[derive(Debug)]
pub struct LocalHub {
    hub: Hub,
    address: SocketAddr,
    token: SecretString,
    token_id: String,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<Result<(), HubError>>,
}

/// The folder of the embedded Hub's data.
pub fn data_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("hub")
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), HubError> {
    let fail = |source| HubError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    Ok((listener, address))
}

fn config(state_dir: &Path, version: &str) -> HubConfig {
    HubConfig {
        version: version.to_owned(),
        ..HubConfig::new(data_dir(state_dir))
    }
}

/// How long a run's token lives when the run is killed before it can revoke it.
const TOKEN_LIFE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

impl LocalHub {
    /// Opens the Hub, adds the products it lacks, issues a token for this run, and serves.
    ///
    /// # Errors
    /// When another process has it open, or its data or a port cannot be used.
    pub async fn start(
        state_dir: &Path,
        version: &str,
        now: jiff::Timestamp,
        products: &[ProductName],
    ) -> Result<Self, HubError> {
        let hub = Hub::open(config(state_dir, version)).await?;
        for product in products {
            hub.add_product(product).await?;
        }
        let issued = hub
            .issue_app_token(Some("embedded run"), Some(now + TOKEN_LIFE))
            .await?;
        let (listener, address) = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let stop = CancellationToken::new();
        let server = tokio::spawn(hub.clone().serve(listener, stop.clone().cancelled_owned()));
        Ok(Self {
            hub,
            address,
            token: issued.token,
            token_id: issued.record.id,
            stop,
            server,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The credential of this run.
    pub fn token(&self) -> SecretString {
        self.token.clone()
    }

    /// Revokes this run's token, lets requests under way finish, and closes the data.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn stop(self) -> Result<(), HubError> {
        let revoked = self.hub.revoke_app_token(&self.token_id).await;
        self.stop.cancel();
        match self.server.await {
            Ok(served) => served.and(revoked.map(|_| ())),
            // The task is never aborted, so it can only have panicked.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

/// Serves what earlier runs have published until `shutdown` is cancelled.
///
/// # Errors
/// When there is nothing to serve, or the data or the address cannot be used.
pub async fn serve(
    state_dir: &Path,
    version: &str,
    address: SocketAddr,
    shutdown: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), HubError> {
    check(state_dir, address)?;
    let hub = Hub::open(config(state_dir, version)).await?;
    let (listener, address) = listen(address).await?;
    ready(address);
    hub.serve(listener, shutdown.cancelled_owned()).await
}

/// Whether there is something to serve, and whether it may be served there.
///
/// # Errors
/// When not.
pub fn check(state_dir: &Path, address: SocketAddr) -> Result<(), HubError> {
    let path = data_dir(state_dir);
    if !Hub::exists(&path) {
        return Err(HubError::NotInitialized { path });
    }
    if !address.ip().is_loopback() {
        return Err(HubError::Config(format!(
            "{address} is not a loopback address: the embedded Hub serves this machine alone"
        )));
    }
    Ok(())
}
