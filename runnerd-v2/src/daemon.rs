//! A daemon's life: take the endpoint, serve, give it back. Each part is another module's.

use crate::endpoint::{self, Claim, PeerListener};
use crate::server::{self, Ended};
use crate::{RunnerdError, Settings};
use axum::Router;
use build_version::BuildInfo;
use runner_ipc::Endpoint;

/// A daemon that can be reached.
#[derive(Debug)]
pub struct Daemon {
    endpoint: Endpoint,
    listener: PeerListener,
    claim: Claim,
    router: Router,
}

impl Daemon {
    /// Takes the endpoint. Connections are possible from now on, and wait until [`Daemon::run`].
    ///
    /// # Errors
    /// When another daemon has the endpoint, or it cannot be had safely.
    pub async fn bind(settings: Settings, build: BuildInfo) -> Result<Self, RunnerdError> {
        let (listener, claim) = endpoint::bind(&settings.endpoint).await?;
        Ok(Self {
            endpoint: settings.endpoint,
            listener,
            claim,
            router: server::router(build),
        })
    }

    /// Where it can be reached.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Serves until `shutdown` is done, lets running requests finish, and gives the endpoint back.
    ///
    /// # Errors
    /// When the endpoint could not be given back.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), RunnerdError> {
        tracing::info!(endpoint = %self.endpoint, "listening");
        match server::serve(self.listener, self.router, shutdown).await {
            Ended::Drained => tracing::info!("stopped"),
            Ended::CutOff => tracing::warn!("stopped with requests unanswered"),
        }
        Ok(self.claim.release().await?)
    }
}
