//! What is on every page and the same for everybody: the style and the icon.

use super::POLICY;
use crate::http::error::ApiError;
use crate::http::openapi::{answers, params};
use crate::http::releases::Document;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use release_types::Sha256Digest;
use std::sync::LazyLock;

const STYLE: &str = include_str!("../../../templates/page.css");
const ICON: &str = include_str!("../../../templates/icon.svg");

/// The style's address. It changes when the style does, so the style can be kept for long.
pub(super) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256Digest::of(STYLE.as_bytes()).to_string();
    format!("/page.css?{}", &digest[..16])
});

/// `GET /page.css`.
#[utoipa::path(
    get,
    path = "/page.css",
    operation_id = "page_style",
    tag = "page",
    summary = "How the page looks",
    params(params::Conditional),
    responses(
        (status = 200, description = "The style", body = String, content_type = "text/css"),
        answers::Conditional,
    ),
)]
pub(in crate::http) async fn style(headers: HeaderMap) -> Result<Response, ApiError> {
    fixed(&headers, "text/css; charset=utf-8", STYLE)
}

/// `GET /icon.svg`.
#[utoipa::path(
    get,
    path = "/icon.svg",
    operation_id = "page_icon",
    tag = "page",
    summary = "The page's icon",
    params(params::Conditional),
    responses(
        (status = 200, description = "The icon", body = String, content_type = "image/svg+xml"),
        answers::Conditional,
    ),
)]
pub(in crate::http) async fn icon(headers: HeaderMap) -> Result<Response, ApiError> {
    fixed(&headers, "image/svg+xml", ICON)
}

fn fixed(
    headers: &HeaderMap,
    content_type: &'static str,
    text: &'static str,
) -> Result<Response, ApiError> {
    let cached = "public, max-age=86400";
    let fixed = Document::of(content_type, text.as_bytes().to_vec())?;
    let mut response = fixed.shown(headers, cached)?;
    let nosniff = HeaderValue::from_static("nosniff");
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    // An image that somebody opens by itself is a document too.
    let policy = HeaderValue::from_static(POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
