//! What installers and updaters ask: the newest release, one release, one file.

use super::AppState;
use super::body::{ChannelQuery, Segments, parsed, platform};
use super::conditional::{Precondition, etag_of, precondition};
use super::error::ApiError;
use super::kept::Kept;
use super::openapi::answers::{self, BadRequest, NotFound};
use super::openapi::params;
use super::shared::Lookups;
use crate::upload_url::object_path;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headers::{ETag, HeaderMapExt as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use release_types::{Arch, Channel, Os, Platform, ProductName, Release, schema};
use semver::Version;
use serde::Serialize;
use std::time::Instant;

/// `GET /api/v1/releases/{product}/latest/{os}/{arch}`.
#[utoipa::path(
    get,
    path = "/api/v1/releases/{product}/latest/{os}/{arch}",
    operation_id = "latest",
    tag = "reading",
    summary = "The highest version of a channel that a platform has",
    params(
        ("product" = ProductName, Path, description = "The product"),
        ("os" = Os, Path, description = "The operating system"),
        ("arch" = Arch, Path, description = "The architecture"),
        params::StableUnlessNamed,
        params::Conditional,
    ),
    responses(
        (status = 200, description = "The release", body = Release),
        answers::Conditional,
        BadRequest,
        NotFound,
    ),
)]
pub(super) async fn latest(
    State(app): State<AppState>,
    Segments((product, os, arch)): Segments<(String, String, String)>,
    ChannelQuery(channel): ChannelQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let product: ProductName = product.parse().map_err(|_| no_product(&product))?;
    let platform = platform(&os, &arch)?;
    let key = (product, channel, platform);
    // The number of changes first: what is looked up then has all of them.
    let (changes, asked) = (app.hub.catalogue().changes(), Instant::now());
    let kept = changes.and_then(|changes| app.latest_kept.get(&key, changes));
    let newest = match kept {
        Some(kept) => kept,
        None => {
            let lookup = || newest(app.clone(), key.clone());
            let newest = app.latest.get(key.clone(), lookup).await?;
            if let Some(changes) = changes {
                let kept = newest.clone();
                app.latest_kept.put(key, changes, asked, kept);
            }
            newest
        }
    };
    newest.shown(&headers, "public, max-age=60")
}

/// Newest releases that were looked up a moment ago.
pub(super) type LatestKept = Kept<LatestKey, Document>;

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
#[utoipa::path(
    get,
    path = "/api/v1/releases/{product}/{version}/{os}/{arch}",
    operation_id = "release",
    tag = "reading",
    summary = "One platform of one release",
    params(
        ("product" = ProductName, Path, description = "The product"),
        ("version" = schema::Version, Path, description = "The version"),
        ("os" = Os, Path, description = "The operating system"),
        ("arch" = Arch, Path, description = "The architecture"),
        params::StableUnlessNamed,
        params::Conditional,
    ),
    responses(
        (status = 200, description = "The release", body = Release),
        answers::Conditional,
        BadRequest,
        NotFound,
    ),
)]
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

/// What is shown to readers, and its tag.
#[derive(Debug, Clone)]
pub(super) struct Document {
    content_type: &'static str,
    bytes: Bytes,
    etag: ETag,
}

impl Document {
    /// A document as JSON.
    pub(super) fn new(document: &impl Serialize) -> Result<Self, ApiError> {
        let json = serde_json::to_vec(document).map_err(|error| {
            tracing::error!(%error, "an answer cannot be written as JSON");
            ApiError::internal()
        })?;
        Self::of_json(json)
    }

    /// What is JSON already.
    pub(super) fn of_json(json: Vec<u8>) -> Result<Self, ApiError> {
        Self::of("application/json", json)
    }

    /// What is of any type.
    pub(super) fn of(content_type: &'static str, bytes: Vec<u8>) -> Result<Self, ApiError> {
        Ok(Self {
            content_type,
            etag: etag_of(&bytes).ok_or_else(ApiError::internal)?,
            bytes: bytes.into(),
        })
    }

    /// It, unless the reader has it.
    pub(super) fn shown(
        &self,
        headers: &HeaderMap,
        cache_control: &'static str,
    ) -> Result<Response, ApiError> {
        let content_type = [(header::CONTENT_TYPE, self.content_type)];
        let mut response = match precondition(headers, &self.etag) {
            Precondition::Holds => (content_type, self.bytes.clone()).into_response(),
            Precondition::NotModified => StatusCode::NOT_MODIFIED.into_response(),
            Precondition::Failed => return Err(ApiError::precondition_failed()),
        };
        let headers = response.headers_mut();
        headers.typed_insert(self.etag.clone());
        let cache_control = HeaderValue::from_static(cache_control);
        headers.insert(header::CACHE_CONTROL, cache_control);
        Ok(response)
    }
}

/// A document as JSON with a tag of its own, unless the reader has it.
pub(super) fn shown(
    headers: &HeaderMap,
    cache_control: &'static str,
    document: &impl Serialize,
) -> Result<Response, ApiError> {
    Document::new(document)?.shown(headers, cache_control)
}

/// `GET /api/v1/download/{download_id}`.
#[utoipa::path(
    get,
    path = "/api/v1/download/{download_id}",
    operation_id = "download",
    tag = "reading",
    summary = "Leads to the bytes of a file",
    params(("download_id" = schema::DownloadId, Path, description = "The file's download id")),
    responses(
        (
            status = 302,
            description = "Where the bytes are",
            headers(("location" = String, description = "Their address")),
        ),
        BadRequest,
        NotFound,
    ),
)]
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
