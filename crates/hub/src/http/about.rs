//! What this Hub is, and whether it is well.

use super::AppState;
use super::error::ApiError;
use crate::error::chain;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

/// `GET /api/v1/hub`.
#[derive(Serialize)]
pub(super) struct About {
    name: &'static str,
    version: String,
    api: &'static str,
    /// What this Hub can do beyond the base contract, by the contract's names.
    features: &'static [&'static str],
}

pub(super) async fn hub(State(app): State<AppState>) -> Json<About> {
    Json(About {
        name: "atlas-hub",
        version: app.hub.version().to_owned(),
        api: "1",
        features: &["draft", "objects", "promote", "yank"],
    })
}

/// `GET /healthz`.
#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
}

pub(super) async fn health(State(app): State<AppState>) -> Result<Json<Health>, ApiError> {
    match app.hub.catalogue().ping().await {
        Ok(()) => Ok(Json(Health { status: "ok" })),
        Err(error) => {
            tracing::error!(error = %chain(&error), "the Hub is not well");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Err(ApiError::new(status, "the catalogue does not answer"))
        }
    }
}
