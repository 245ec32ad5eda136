//! The bytes of a released file: whole, in part, or not at all where the reader has them.

use super::AppState;
use super::body::Segments;
use super::conditional::{Precondition, Wanted, etag, precondition, wanted};
use super::error::ApiError;
use super::openapi::answers::{self, BadRequest, NotFound};
use super::openapi::params;
use super::read_ahead;
use crate::catalogue::StoredObject;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use headers::{AcceptRanges, ContentRange, HeaderMapExt as _};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use release_types::{Arch, FileName, ObjectKey, Os, ProductName, schema};
use std::io::SeekFrom;
use std::ops::Range;
use tokio::io::AsyncSeekExt as _;

/// `GET /artifacts/…`: the bytes of an object that some release refers to.
#[utoipa::path(
    get,
    path = "/artifacts/{*path}",
    operation_id = "file",
    tag = "reading",
    summary = "The bytes of a released file",
    params(
        ("product" = ProductName, Path, description = "The product"),
        ("version" = schema::Version, Path, description = "The version"),
        ("os" = Os, Path, description = "The operating system"),
        ("arch" = Arch, Path, description = "The architecture"),
        ("filename" = FileName, Path, description = "The file's name"),
        params::Conditional,
        params::Part,
    ),
    responses(answers::File, BadRequest, NotFound),
)]
pub(super) async fn download(
    State(app): State<AppState>,
    Segments(path): Segments<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found("no release has this file");
    let key: ObjectKey = format!("artifacts/{path}").parse().map_err(|_| missing())?;
    let object = app.hub.catalogue().released_object(&key).await?;
    let object = object.ok_or_else(missing)?;
    let etag = etag(&object.sha256).ok_or_else(ApiError::internal)?;
    let mut response = match precondition(&headers, &etag) {
        Precondition::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Precondition::Failed => return Err(ApiError::precondition_failed()),
        Precondition::Holds => {
            let part = match wanted(&method, &headers, &etag, object.size) {
                Wanted::Whole => None,
                Wanted::Part(range) => Some(range),
                Wanted::Nothing => return Ok(no_such_part(object.size)),
            };
            send(&app, &key, &object, part).await?
        }
    };
    let headers = response.headers_mut();
    headers.typed_insert(etag);
    headers.typed_insert(AcceptRanges::bytes());
    if let Some(disposition) = disposition(&key) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    // A file that no release refers to any more can be replaced, so not for ever.
    let cached = HeaderValue::from_static("public, max-age=300");
    headers.insert(header::CACHE_CONTROL, cached);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    Ok(response)
}

/// 200 with all bytes, or 206 with some, read from where they begin and little more at a time than
/// is sent.
async fn send(
    app: &AppState,
    key: &ObjectKey,
    object: &StoredObject,
    part: Option<Range<u64>>,
) -> Result<Response, ApiError> {
    let (sha256, size) = (&object.sha256, object.size);
    let Some(mut file) = app.hub.storage().open_blob(sha256, size).await? else {
        tracing::error!(%key, %sha256, size, "stored bytes are damaged");
        let message = "the stored bytes of this file are damaged; upload it again";
        return Err(ApiError::not_found(message));
    };
    let Range { start, end } = part.clone().unwrap_or(0..size);
    if start > 0
        && let Err(error) = file.seek(SeekFrom::Start(start)).await
    {
        tracing::error!(%key, %error, "a file cannot be read from its middle");
        return Err(ApiError::internal());
    }
    let bytes = read_ahead::stream(file.into_std().await, end - start);
    let mut response = Body::from_stream(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, (end - start).into());
    let content_type = HeaderValue::from_str(&object.content_type);
    let fallback = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, content_type.unwrap_or(fallback));
    if let Some(part) = part {
        let sent = ContentRange::bytes(part, size).map_err(|_| ApiError::internal())?;
        headers.typed_insert(sent);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

fn no_such_part(size: u64) -> Response {
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    let message = format!("this file is {size} bytes long, and the range is outside of it");
    let mut response = ApiError::new(status, message).into_response();
    let headers = response.headers_mut();
    headers.typed_insert(ContentRange::unsatisfied_bytes(size));
    headers.typed_insert(AcceptRanges::bytes());
    response
}

/// To be saved under its name. curl and its like read the plain form alone, and no name holds a
/// quote or a backslash.
fn disposition(key: &ObjectKey) -> Option<HeaderValue> {
    let name = key.segments().last().unwrap_or_default();
    let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii() { c } else { '_' })
        .collect();
    let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&disposition).ok()
}
