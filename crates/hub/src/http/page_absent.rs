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

/// Nothing is.
pub(super) fn is_for_people(_: &str, _: &HeaderMap) -> bool {
    false
}

/// The answer as it is.
pub(super) fn told_to_people(response: Response) -> Response {
    response
}

/// What is answered where there is nothing.
pub(super) fn missing(_: &HeaderMap) -> Response {
    ApiError::nothing_here().into_response()
}
