//! The bytes of a released file: whole, in part, or not at all where the reader has them.

use super::AppState;
use super::body::Segments;
use super::conditional::{Precondition, Wanted, etag, precondition, wanted};
use super::error::ApiError;
use super::openapi::answers::{self, BadRequest, NotFound};
use super::openapi::params;
use super::read_ahead;
use crate::catalogue::StoredObject;
use crate::storage::Bucket;
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

/// `GET /artifacts/…`: the bytes of an object that some release refers to, or where they are.
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
    let catalogue = app.hub.catalogue();
    let object = catalogue.released_object(&key).await?;
    let object = object.ok_or_else(missing)?;
    if let Some(response) = answer(&app, &key, &object, &method, &headers).await? {
        return Ok(response);
    }
    // The release's list, or the place of its bytes, may have changed since it was looked up.
    let again = catalogue.released_object(&key).await?;
    let again = again.ok_or_else(missing)?;
    let response = if again == object {
        None
    } else {
        answer(&app, &key, &again, &method, &headers).await?
    };
    response.ok_or_else(|| damaged(&key, &again))
}

/// What is answered for an object; nothing where its bytes are not there.
async fn answer(
    app: &AppState,
    key: &ObjectKey,
    object: &StoredObject,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<Response>, ApiError> {
    let etag = etag(&object.sha256).ok_or_else(ApiError::internal)?;
    let response = match precondition(headers, &etag) {
        Precondition::NotModified => Some(StatusCode::NOT_MODIFIED.into_response()),
        Precondition::Failed => return Err(ApiError::precondition_failed()),
        Precondition::Holds => {
            let part = match wanted(method, headers, &etag, object.size) {
                Wanted::Whole => None,
                Wanted::Part(range) => Some(range),
                Wanted::Nothing => return Ok(Some(no_such_part(object.size))),
            };
            match app.hub.storage().bucket() {
                Some(bucket) if *method == Method::GET && !asks_by_tag(headers) => {
                    return elsewhere(bucket, key, object).await;
                }
                // The catalogue knows all that is asked for.
                Some(_) if *method == Method::HEAD => {
                    Some(with_bytes(object, None, Body::empty())?)
                }
                _ => send(app, key, object, part).await?,
            }
        }
    };
    let Some(mut response) = response else {
        return Ok(None);
    };
    let headers = response.headers_mut();
    headers.typed_insert(etag);
    headers.typed_insert(AcceptRanges::bytes());
    if let Some(disposition) = disposition(key) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    // A file that no release refers to any more can be replaced, so not for ever.
    let cached = HeaderValue::from_static("public, max-age=300");
    headers.insert(header::CACHE_CONTROL, cached);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    Ok(Some(response))
}

/// Whether an answer depends on a tag that the Hub has given. A bucket gives other ones, so it
/// cannot be sent there with the same header fields.
fn asks_by_tag(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_MATCH) || headers.contains_key(header::IF_RANGE)
}

/// 302 to the bucket. The address expires, so the answer is nobody's to keep.
async fn elsewhere(
    bucket: &Bucket,
    key: &ObjectKey,
    object: &StoredObject,
) -> Result<Option<Response>, ApiError> {
    let Some(place) = &object.place else {
        return Ok(None);
    };
    let disposition = plain_disposition(key);
    let url = bucket.download_address(place, &disposition).await?;
    let fields = [
        (header::LOCATION, url.as_str()),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok(Some((StatusCode::FOUND, fields).into_response()))
}

/// 200 with all bytes, or 206 with some, read from where they begin and little more at a time than
/// is sent.
async fn send(
    app: &AppState,
    key: &ObjectKey,
    object: &StoredObject,
    part: Option<Range<u64>>,
) -> Result<Option<Response>, ApiError> {
    let body = match (app.hub.storage().bucket(), &object.place) {
        (None, _) => from_file(app, key, object, part.clone()).await?,
        (Some(bucket), Some(place)) => match bucket.read(place, part.clone()).await? {
            Some((size, parts)) if size == object.size => Some(Body::from_stream(parts)),
            Some(_) => None,
            // A bucket that is gone looks the same.
            None => bucket.owner().await.map(|_| None)?,
        },
        (Some(_), None) => None,
    };
    body.map(|body| with_bytes(object, part, body)).transpose()
}

async fn from_file(
    app: &AppState,
    key: &ObjectKey,
    object: &StoredObject,
    part: Option<Range<u64>>,
) -> Result<Option<Body>, ApiError> {
    let (sha256, size) = (&object.sha256, object.size);
    let Some(mut file) = app.hub.storage().files().open_blob(sha256, size).await? else {
        return Ok(None);
    };
    let Range { start, end } = part.unwrap_or(0..size);
    if start > 0
        && let Err(error) = file.seek(SeekFrom::Start(start)).await
    {
        tracing::error!(%key, %error, "a file cannot be read from its middle");
        return Err(ApiError::internal());
    }
    let bytes = read_ahead::stream(file.into_std().await, end - start);
    Ok(Some(Body::from_stream(bytes)))
}

/// Not 503, since asking again helps nobody, and those who published the file are to know that it is
/// gone. How it is mended is for the log: readers cannot.
fn damaged(key: &ObjectKey, object: &StoredObject) -> ApiError {
    let (sha256, size) = (&object.sha256, object.size);
    tracing::error!(%key, %sha256, size, "stored bytes are damaged; to upload the same mends them");
    ApiError::not_found("the stored bytes of this file are damaged; they are not sent")
}

fn with_bytes(
    object: &StoredObject,
    part: Option<Range<u64>>,
    body: Body,
) -> Result<Response, ApiError> {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let length = part
        .as_ref()
        .map_or(object.size, |part| part.end - part.start);
    headers.insert(header::CONTENT_LENGTH, length.into());
    let content_type = HeaderValue::from_str(&object.content_type);
    let fallback = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, content_type.unwrap_or(fallback));
    if let Some(part) = part {
        let sent = ContentRange::bytes(part, object.size).map_err(|_| ApiError::internal())?;
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

/// To be saved under its name, as a signed address can say it. Some clients (wget is one) undo escapes
/// that need not be, in addresses that they are sent on to, and so break the signature; of these
/// characters none has such an escape.
fn plain_disposition(key: &ObjectKey) -> String {
    let name = key.segments().last().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    format!("attachment; filename=\"{name}\"")
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
