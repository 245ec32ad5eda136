//! What this Hub is.

use super::AppState;
use axum::Json;
use axum::extract::State;
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
