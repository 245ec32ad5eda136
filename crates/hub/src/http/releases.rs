//! What installers and updaters ask: the newest release, one release, one file.

use super::AppState;
use super::body::{ChannelQuery, Segments, parsed, platform};
use super::error::ApiError;
use crate::upload_url::object_path;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use release_types::{ProductName, Release};
use semver::Version;

/// `GET /api/v1/releases/{product}/latest/{os}/{arch}`.
pub(super) async fn latest(
    State(app): State<AppState>,
    Segments((product, os, arch)): Segments<(String, String, String)>,
    ChannelQuery(channel): ChannelQuery,
) -> Result<impl IntoResponse, ApiError> {
    let product = known_product(&app, &product).await?;
    let platform = platform(&os, &arch)?;
    let release = app
        .hub
        .catalogue()
        .latest(&product, channel, platform)
        .await?;
    match release {
        Some(release) => Ok(cached("public, max-age=60", release)),
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
) -> Result<impl IntoResponse, ApiError> {
    let product = known_product(&app, &product).await?;
    let platform = platform(&os, &arch)?;
    let version: Version = parsed("version", &version)?;
    let release = app
        .hub
        .catalogue()
        .release(&product, &version, channel, platform)
        .await?;
    match release {
        Some(release) => Ok(cached("public, max-age=300", release)),
        None => Err(ApiError::not_found(format!(
            "{product} {version} is not released on {channel} for {platform}"
        ))),
    }
}

fn cached(how: &'static str, release: Release) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, how)], Json(release))
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
    let unknown = || {
        let name: String = name.chars().take(64).collect();
        ApiError::bad_request(format!("`{}` is not a product", name.escape_debug()))
    };
    let product: ProductName = name.parse().map_err(|_| unknown())?;
    if app.hub.catalogue().has_product(&product).await? {
        Ok(product)
    } else {
        Err(unknown())
    }
}
