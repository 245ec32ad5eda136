//! The figures for Prometheus, on a listener of their own: they are the operator's, not clients'.

use super::error::ApiError;
use crate::Hub;
use crate::metrics::MEDIA_TYPE;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;

/// The routes of the metrics listener.
pub(crate) fn router(hub: Hub) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .fallback(|| async { ApiError::nothing_here() })
        .with_state(hub)
}

/// `GET /metrics`.
async fn metrics(State(hub): State<Hub>) -> Result<impl IntoResponse, ApiError> {
    // Without the catalogue the other figures are worth the more.
    match hub.catalogue().stored().await {
        Ok((objects, bytes)) => hub.metrics().stored(objects, bytes),
        Err(error) => {
            tracing::warn!(error = %crate::error::error_chain(&error), "what is stored was not counted");
        }
    }
    let text = hub.metrics().render().map_err(|error| {
        tracing::error!(%error, "metrics cannot be written");
        ApiError::internal()
    })?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text))
}
