//! The upload that an address was signed for.

use super::AppState;
use super::body::{Segments, parsed};
use super::error::ApiError;
use super::openapi::Bytes;
use super::openapi::answers::{self, Conflict, Forbidden};
use crate::catalogue::PutOutcome;
use crate::storage::Staging;
use crate::upload_url::{Grant, SignedQuery};
use crate::{Hub, context};
use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::{Query, State};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use release_types::{Arch, FileName, ObjectKey, Os, PackId, ProductName, Sha256Digest, schema};
use serde::Serialize;
use std::time::{Duration, Instant};

/// How long an upload may send nothing before it is given up.
const UPLOAD_PAUSE: Duration = Duration::from_secs(60);

/// What an upload that takes longer than that has to make in a second, on average, in bytes.
const UPLOAD_PACE: u64 = 1024;

/// What was stored.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Stored {
    key: ObjectKey,
    size: u64,
    sha256: Sha256Digest,
}

/// `PUT /artifacts/…`, with the query that presign has signed.
#[utoipa::path(
    put,
    path = "/artifacts/{*path}",
    operation_id = "upload",
    tag = "storage",
    summary = "Uploads an object to a signed address",
    params(
        ("product" = ProductName, Path, description = "The product"),
        ("version" = schema::Version, Path, description = "The version"),
        ("os" = Os, Path, description = "The operating system"),
        ("arch" = Arch, Path, description = "The architecture"),
        ("filename" = FileName, Path, description = "The file's name"),
        SignedQuery,
    ),
    request_body(
        content = Bytes,
        content_type = "application/octet-stream",
        description = "The bytes, with the content-type that presign has answered",
    ),
    responses(
        (status = 200, description = "These bytes were there already", body = Stored),
        (status = 201, description = "Stored, on disk", body = Stored),
        answers::Body,
        Forbidden,
        Conflict,
    ),
)]
pub(super) async fn upload(
    State(app): State<AppState>,
    Segments(path): Segments<String>,
    query: UploadQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Stored>), ApiError> {
    put(&app, &format!("artifacts/{path}"), query, &headers, body).await
}

/// `PUT /packs/…`, with the query that presign has signed.
#[utoipa::path(
    put,
    path = "/packs/{*path}",
    operation_id = "upload_build",
    tag = "packs",
    summary = "Uploads a pack's build to a signed address",
    params(
        ("packId" = PackId, Path, description = "The pack"),
        ("filename" = FileName, Path, description = "The build's id and `.atlas`"),
        SignedQuery,
    ),
    request_body(
        content = Bytes,
        content_type = "application/octet-stream",
        description = "The bytes, with the content-type that presign has answered",
    ),
    responses(
        (status = 200, description = "These bytes were there already", body = Stored),
        (status = 201, description = "Stored, on disk", body = Stored),
        answers::Body,
        Forbidden,
        Conflict,
    ),
)]
pub(super) async fn upload_build(
    State(app): State<AppState>,
    Segments(path): Segments<String>,
    query: UploadQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Stored>), ApiError> {
    put(&app, &format!("packs/{path}"), query, &headers, body).await
}

/// An upload address's query, if it is one.
type UploadQuery = Result<Query<SignedQuery>, axum::extract::rejection::QueryRejection>;

async fn put(
    app: &AppState,
    key: &str,
    query: UploadQuery,
    headers: &HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Stored>), ApiError> {
    let grant = granted(app, key, query.ok(), headers)?;
    let staging = receive(app, &grant, body.into_data_stream()).await?;
    // A task of its own: all has come, so it is stored also when the client does not wait for that.
    // When it sends the same once more, it finds it done.
    let storing = context::spawn(store(app.hub.clone(), grant, staging));
    storing.await.map_err(|error| {
        tracing::error!(%error, "storing an upload hit a defect");
        ApiError::internal()
    })?
}

/// What the address allows, when the request keeps to it as far as its head shows.
fn granted(
    app: &AppState,
    key: &str,
    query: Option<Query<SignedQuery>>,
    headers: &HeaderMap,
) -> Result<Grant, ApiError> {
    let key: ObjectKey = parsed("key", key)?;
    if app.hub.storage().bucket().is_some() {
        return Err(ApiError::forbidden(
            "uploads go to the bucket that presign names",
        ));
    }
    let Some(Query(query)) = query else {
        return Err(ApiError::forbidden("uploads need an address from presign"));
    };
    let grant = app
        .hub
        .signer()
        .check(key, query, app.hub.now())
        .map_err(|refused| ApiError::forbidden(refused.to_string()))?;
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if content_type != Some(grant.content_type.as_bytes()) {
        return Err(ApiError::bad_request(format!(
            "this upload has to have the content-type `{}`",
            grant.content_type
        )));
    }
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(ApiError::bad_request(
            "an object is uploaded whole, not in ranges",
        ));
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let length: Option<u64> = length.and_then(|value| value.to_str().ok()?.parse().ok());
    let most = app.hub.config().limits.upload;
    if length.or(grant.size).is_some_and(|length| length > most) {
        return Err(too_large(most));
    }
    match (grant.size, length) {
        (Some(size), Some(length)) if size != length => Err(wrong_size(size)),
        _ => Ok(grant),
    }
}

/// Also for presign.
pub(super) fn too_large(most: u64) -> ApiError {
    let message = format!("an upload may be {most} bytes long");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

fn wrong_size(size: u64) -> ApiError {
    ApiError::bad_request(format!("this upload has to be {size} bytes long"))
}

/// Brings a complete upload to the disk and into the catalogue, if it is what was agreed.
async fn store(
    hub: Hub,
    grant: Grant,
    staging: Staging,
) -> Result<(StatusCode, Json<Stored>), ApiError> {
    let staged = staging.finish().await?;
    if let Some(expected) = grant.sha256
        && expected != staged.sha256
    {
        return Err(ApiError::bad_digest(format!(
            "the bytes received have the SHA-256 {}, not {expected}",
            staged.sha256
        )));
    }
    let stored = Stored {
        key: grant.key,
        size: staged.size,
        sha256: staged.sha256,
    };
    let outcome = hub.store(&stored.key, &grant.content_type, staged).await;
    match outcome? {
        PutOutcome::Created | PutOutcome::Replaced(_) => Ok((StatusCode::CREATED, Json(stored))),
        PutOutcome::Same => Ok((StatusCode::OK, Json(stored))),
        PutOutcome::Immutable => Err(ApiError::conflict(format!(
            "`{}` has other bytes, and a release or build refers to them",
            stored.key
        ))),
    }
}

/// Writes the body to a file of its own, complete when this returns.
async fn receive(
    app: &AppState,
    grant: &Grant,
    mut body: BodyDataStream,
) -> Result<Staging, ApiError> {
    let most = app.hub.config().limits.upload;
    let mut staging = app.hub.storage().files().stage().await?;
    let started = Instant::now();
    loop {
        let next = tokio::time::timeout(UPLOAD_PAUSE, body.next());
        let chunk = match next.await {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                tracing::info!(%error, "an upload broke off");
                return Err(ApiError::bad_request("the upload broke off"));
            }
            Err(_) => {
                let message = "the upload stood still for too long";
                return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, message));
            }
        };
        staging.write(&chunk).await?;
        if staging.size() > most {
            return Err(too_large(most));
        }
        let took = started.elapsed();
        if took > UPLOAD_PAUSE && staging.size() < took.as_secs() * UPLOAD_PACE {
            let message = "the upload is too slow";
            return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, message));
        }
        if let Some(size) = grant.size
            && staging.size() > size
        {
            return Err(wrong_size(size));
        }
    }
    match grant.size {
        Some(size) if size != staging.size() => Err(wrong_size(size)),
        _ => Ok(staging),
    }
}
