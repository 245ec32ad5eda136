//! `POST /api/v1/storage/presign`: an address to upload one object to.

use super::AppState;
use super::body::{JsonObject, size};
use super::error::ApiError;
use super::objects::too_large;
use super::openapi::answers::{self, Forbidden, Unauthorized};
use super::openapi::bodies;
use super::trusted::AnyPublisher;
use crate::settle::LARGEST;
use crate::token::random_id;
use crate::upload_url::Grant;
use axum::Json;
use axum::extract::State;
use http::{StatusCode, header};
use release_types::{Arch, FileName, ObjectKey, Os, PresignResponse, ProductName};
use std::collections::BTreeMap;
use url::Url;

/// Storages that Hubs can have.
const PROVIDERS: [&str; 4] = ["local", "r2", "s3", "vercel_blob"];

const DEFAULT_CONTENT_TYPE: &str = "application/octet-stream";

#[utoipa::path(
    post,
    path = "/api/v1/storage/presign",
    operation_id = "presign",
    tag = "storage",
    summary = "Asks for an address to upload an object to",
    request_body = bodies::Presign,
    security(("app" = []), ("job" = []), ("user" = [])),
    responses(
        (status = 200, description = "Where to `PUT` the bytes, for 15 minutes", body = PresignResponse),
        answers::Body,
        Unauthorized,
        Forbidden,
    ),
)]
pub(super) async fn presign(
    State(app): State<AppState>,
    AnyPublisher(publisher): AnyPublisher,
    body: JsonObject,
) -> Result<Json<PresignResponse>, ApiError> {
    let key: ObjectKey = body.required("key")?.parse().map_err(bad_request)?;
    match body.required("action")? {
        "upload" => {}
        other => {
            let message = format!("`action`: `{}` is not `upload`", other.escape_debug());
            return Err(ApiError::bad_request(message));
        }
    }
    publisher.may_below(key.as_str())?;
    if !is_writable(&app, &key).await? {
        return Err(ApiError::forbidden(format!(
            "`{key}` may not be written: expected artifacts/{{product}}/{{version}}/{{os}}/{{arch}}/{{filename}}"
        )));
    }
    let provider = app.hub.storage().provider();
    check_provider(body.text("provider")?, provider)?;
    let grant = grant(key, &body)?;
    let (url, upload_headers) = sign(&app, &grant).await?;
    Ok(Json(PresignResponse {
        url: url.into(),
        upload_headers,
        key: format!("{provider}::{}", grant.key),
        provider: provider.to_owned(),
    }))
}

/// The address that an upload goes to, and the header fields it has to have. It is the Hub's own, or
/// one in its bucket that nothing else was ever given.
pub(super) async fn sign(
    app: &AppState,
    grant: &Grant,
) -> Result<(Url, BTreeMap<String, String>), ApiError> {
    let mut most = app.hub.config().limits.upload;
    let bucket = app.hub.storage().bucket();
    if bucket.is_some() {
        most = most.min(LARGEST);
    }
    if grant.size.is_some_and(|size| size > most) {
        return Err(too_large(most));
    }
    let now = app.hub.now();
    let Some(bucket) = bucket else {
        let url = app.hub.signer().sign(&app.base, grant, now);
        let content_type = (header::CONTENT_TYPE.to_string(), grant.content_type.clone());
        return Ok((url, BTreeMap::from([content_type])));
    };
    let id = random_id()?;
    let signed = bucket.upload_address(&id, grant).await?;
    app.hub.catalogue().add_upload(&id, grant, now).await?;
    Ok(signed)
}

/// An upload to a key, as the body wants it.
pub(super) fn grant(key: ObjectKey, body: &JsonObject) -> Result<Grant, ApiError> {
    Ok(Grant {
        content_type: content_type(body.text("contentType")?)?,
        size: body
            .get("size")
            .map(|value| size("size", value))
            .transpose()?,
        sha256: body.parsed("sha256")?,
        key,
    })
}

fn bad_request(error: impl std::fmt::Display) -> ApiError {
    ApiError::bad_request(error.to_string())
}

/// Whether a key is where artifacts of a product that this Hub has belong.
async fn is_writable(app: &AppState, key: &ObjectKey) -> Result<bool, ApiError> {
    let segments: Vec<&str> = key.segments().collect();
    let ["artifacts", product, version, os, arch, filename] = segments[..] else {
        return Ok(false);
    };
    let well_formed = semver::Version::parse(version).is_ok()
        && os.parse::<Os>().is_ok()
        && arch.parse::<Arch>().is_ok()
        && filename.parse::<FileName>().is_ok();
    match product.parse::<ProductName>() {
        Ok(product) if well_formed => Ok(app.hub.catalogue().has_product(&product).await?),
        _ => Ok(false),
    }
}

fn check_provider(asked: Option<&str>, own: &str) -> Result<(), ApiError> {
    match asked {
        None => Ok(()),
        Some(asked) if asked == own => Ok(()),
        Some(other) if PROVIDERS.contains(&other) => {
            let message = format!("the storage `{other}` is not enabled on this Hub");
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message))
        }
        Some(other) => Err(ApiError::bad_request(format!(
            "`provider`: `{}` is not a storage",
            other.escape_debug()
        ))),
    }
}

/// The media type an upload will have: visible ASCII with a slash, as a header can carry it.
fn content_type(asked: Option<&str>) -> Result<String, ApiError> {
    let text = asked.unwrap_or(DEFAULT_CONTENT_TYPE);
    let visible = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    let fits = text.len() <= 255 && text.contains('/') && visible && text.trim() == text;
    if fits {
        Ok(text.to_owned())
    } else {
        Err(ApiError::bad_request("`contentType` is not a media type"))
    }
}
