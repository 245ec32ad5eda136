//! What installers and updaters ask: the newest release, one release, one file.

use super::AppState;
use super::body::{ChannelQuery, Segments, parsed, platform};
use super::conditional::{Precondition, etag_of, precondition};
use super::error::ApiError;
use super::shared::Lookups;
use crate::upload_url::object_path;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headers::{ETag, HeaderMapExt as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use release_types::{Channel, Platform, ProductName};
use semver::Version;
use serde::Serialize;

/// `GET /api/v1/releases/{product}/latest/{os}/{arch}`.
pub(super) async fn latest(
    State(app): State<AppState>,
    Segments((product, os, arch)): Segments<(String, String, String)>,
    ChannelQuery(channel): ChannelQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let product: ProductName = product.parse().map_err(|_| no_product(&product))?;
    let platform = platform(&os, &arch)?;
    let key = (product, channel, platform);
    let lookup = || newest(app.clone(), key.clone());
    let Document { json, etag } = app.latest.get(key.clone(), lookup).await?;
    let json_type = "application/json";
    with_tag(&headers, "public, max-age=60", json_type, json, etag)
}

/// Lookups of newest releases. Installed programs all ask for the same few.
pub(super) type Latest = Lookups<LatestKey, Result<Document, ApiError>>;

type LatestKey = (ProductName, Channel, Platform);

async fn newest(app: AppState, key: LatestKey) -> Result<Document, ApiError> {
    let (product, channel, platform) = key;
    let catalogue = app.hub.catalogue();
    match catalogue.latest(&product, channel, platform).await? {
        Some(release) => Document::new(&release),
        None if !catalogue.has_product(&product).await? => Err(no_product(product.as_str())),
        None => Err(ApiError::not_found(format!(
            "{product} has no {channel} release for {platform}"
        ))),
    }
}

/// `GET /api/v1/releases/{product}/{version}/{os}/{arch}`.
pub(super) async fn version(
    State(app): State<AppState>,
    Segments((product, version, os, arch)): Segments<(String, String, String, String)>,
    ChannelQuery(channel): ChannelQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let product = known_product(&app, &product).await?;
    let platform = platform(&os, &arch)?;
    let version: Version = parsed("version", &version)?;
    let release = app
        .hub
        .catalogue()
        .release(&product, &version, channel, platform)
        .await?;
    match release {
        Some(release) => shown(&headers, "public, max-age=300", &release),
        None => Err(ApiError::not_found(format!(
            "{product} {version} is not released on {channel} for {platform}"
        ))),
    }
}

/// A document as JSON, and its tag.
#[derive(Debug, Clone)]
pub(super) struct Document {
    json: Bytes,
    etag: ETag,
}

impl Document {
    fn new(document: &impl Serialize) -> Result<Self, ApiError> {
        let json = serde_json::to_vec(document).map_err(|error| {
            tracing::error!(%error, "an answer cannot be written as JSON");
            ApiError::internal()
        })?;
        Ok(Self {
            etag: etag_of(&json).ok_or_else(ApiError::internal)?,
            json: json.into(),
        })
    }
}

/// A document as JSON with a tag of its own, unless the reader has it.
pub(super) fn shown(
    headers: &HeaderMap,
    cache_control: &'static str,
    document: &impl Serialize,
) -> Result<Response, ApiError> {
    let Document { json, etag } = Document::new(document)?;
    with_tag(headers, cache_control, "application/json", json, etag)
}

/// These bytes with a tag of their own, unless the reader has them.
pub(super) fn tagged(
    headers: &HeaderMap,
    cache_control: &'static str,
    content_type: &'static str,
    bytes: Vec<u8>,
) -> Result<Response, ApiError> {
    let etag = etag_of(&bytes).ok_or_else(ApiError::internal)?;
    with_tag(headers, cache_control, content_type, bytes.into(), etag)
}

fn with_tag(
    headers: &HeaderMap,
    cache_control: &'static str,
    content_type: &'static str,
    bytes: Bytes,
    etag: ETag,
) -> Result<Response, ApiError> {
    let mut response = match precondition(headers, &etag) {
        Precondition::Holds => ([(header::CONTENT_TYPE, content_type)], bytes).into_response(),
        Precondition::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Precondition::Failed => return Err(ApiError::precondition_failed()),
    };
    let headers = response.headers_mut();
    headers.typed_insert(etag);
    let cache_control = HeaderValue::from_static(cache_control);
    headers.insert(header::CACHE_CONTROL, cache_control);
    Ok(response)
}

/// `GET /api/v1/download/{download_id}`.
pub(super) async fn download(
    State(app): State<AppState>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    if !id.starts_with("dl_") {
        return Err(ApiError::bad_request("a download id begins with `dl_`"));
    }
    match app.hub.catalogue().download(&id).await? {
        Some(key) => Ok((StatusCode::FOUND, [(header::LOCATION, object_path(&key))])),
        None => Err(ApiError::not_found("there is no such download")),
    }
}

/// The product of a path, which this Hub has to have.
pub(super) async fn known_product(app: &AppState, name: &str) -> Result<ProductName, ApiError> {
    let product: ProductName = name.parse().map_err(|_| no_product(name))?;
    if app.hub.catalogue().has_product(&product).await? {
        Ok(product)
    } else {
        Err(no_product(name))
    }
}

fn no_product(name: &str) -> ApiError {
    let name: String = name.chars().take(64).collect();
    ApiError::bad_request(format!("`{}` is not a product", name.escape_debug()))
}
