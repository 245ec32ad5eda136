//! A Hub without a page for people.

use super::AppState;
use super::error::ApiError;
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;

/// None.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
}

/// What is answered where there is nothing.
pub(super) fn missing(_: &HeaderMap) -> Response {
    ApiError::nothing_here().into_response()
}
