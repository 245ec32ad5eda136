//! What this Hub is.

use super::AppState;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

/// `GET /api/v1/hub`.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct About {
    name: &'static str,
    version: String,
    api: &'static str,
    /// What this Hub can do beyond the base contract, by the contract's names.
    features: &'static [&'static str],
}

#[utoipa::path(
    get,
    path = "/api/v1/hub",
    operation_id = "about",
    tag = "hub",
    summary = "What this Hub is and can do",
    responses((status = 200, description = "Its version and features", body = About)),
)]
pub(super) async fn hub(State(app): State<AppState>) -> Json<About> {
    Json(About {
        name: "atlas-hub",
        version: app.hub.version().to_owned(),
        api: "1",
        features: &["draft", "objects", "promote", "yank", "oidc"],
    })
}
