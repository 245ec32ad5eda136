//! `/api/v1/ci/…`: a pack's automation uploads a build and completes it.
//!
//! Nothing is noted of a build before it is complete: its id is in the signed address and in the
//! key, so that what is never completed is an upload that nothing refers to, like any other.

use super::auth::Builder;
use super::body::{JsonObject, parsed, size};
use super::error::ApiError;
use super::openapi::answers::{self, Conflict, Forbidden, NotFound};
use super::openapi::bodies;
use super::presign::{grant, sign};
use super::{AppState, trusted};
use crate::catalogue::{Completed, Completion, Purpose};
use crate::token::random_id;
use crate::trust::Trusted;
use axum::Json;
use axum::extract::State;
use release_types::{BuildUpload, CompletedBuild, ObjectKey, PackChannel, PackId, build_key};

/// The longest version of a build, in characters.
const MAX_VERSION: usize = 128;

/// `POST /api/v1/ci/presign`.
#[utoipa::path(
    post,
    path = "/api/v1/ci/presign",
    operation_id = "presign_build",
    tag = "packs",
    summary = "Asks for an address to upload a pack's build to",
    request_body = bodies::Build,
    security(("pack" = []), ("job" = []), ("user" = [])),
    responses(
        (status = 200, description = "The build's id, and where to `PUT` its bytes", body = BuildUpload),
        answers::Body,
        Forbidden,
        NotFound,
    ),
)]
pub(super) async fn presign(
    State(app): State<AppState>,
    builder: Builder,
    body: JsonObject,
) -> Result<Json<BuildUpload>, ApiError> {
    let (pack, job) = pack(&app, builder, &body).await?;
    let build_id = random_id()?;
    trusted::use_up(&app, job.as_ref(), Purpose::Build(&build_id)).await?;
    let grant = grant(key(&pack, &build_id)?, &body)?;
    let (url, upload_headers) = sign(&app, &grant).await?;
    let provider = app.hub.storage().provider();
    Ok(Json(BuildUpload {
        build_id,
        artifact_key: format!("{provider}::{}", grant.key),
        upload_url: url.into(),
        upload_headers,
        artifact_provider: provider.to_owned(),
    }))
}

/// `POST /api/v1/ci/complete`.
#[utoipa::path(
    post,
    path = "/api/v1/ci/complete",
    operation_id = "complete_build",
    tag = "packs",
    summary = "Puts an uploaded build on a channel of its pack",
    request_body = bodies::Complete,
    security(("pack" = []), ("job" = []), ("user" = [])),
    responses(
        (status = 200, description = "The build, and the channel that has it", body = CompletedBuild),
        answers::Body,
        Forbidden,
        NotFound,
        Conflict,
    ),
)]
pub(super) async fn complete(
    State(app): State<AppState>,
    builder: Builder,
    body: JsonObject,
) -> Result<Json<CompletedBuild>, ApiError> {
    let (pack, job) = pack(&app, builder, &body).await?;
    let completion = completion(pack, &body, app.hub.storage().provider())?;
    let purpose = Purpose::Complete(&completion.build_id, completion.channel.as_str());
    trusted::use_up(&app, job.as_ref(), purpose).await?;
    match app.hub.complete_build(&completion).await? {
        Completed::Done(completed) => Ok(Json(*completed)),
        Completed::Conflict(why) => Err(ApiError::conflict(why)),
    }
}

/// The pack that the call names, where the caller may make builds of it, and the job that the caller is.
async fn pack(
    app: &AppState,
    builder: Builder,
    body: &JsonObject,
) -> Result<(PackId, Option<Trusted>), ApiError> {
    let named = body.required("packId")?;
    match builder {
        Builder::Of(pack) if pack.as_str() == named => Ok((pack, None)),
        // A rule names no pack that there is not.
        Builder::Job(job) if job.has_pack(named) => Ok((parsed("packId", named)?, Some(*job))),
        Builder::Job(_) => Err(ApiError::forbidden(
            "no rule lets this job make builds of `packId`",
        )),
        Builder::Of(_) => Err(ApiError::forbidden(
            "this deploy token is of another pack than `packId`",
        )),
        Builder::Admin => {
            let pack: PackId = parsed("packId", named)?;
            if app.hub.catalogue().has_pack(&pack).await? {
                Ok((pack, None))
            } else {
                Err(ApiError::not_found(format!("there is no pack {pack}")))
            }
        }
    }
}

/// The body, checked in this order: build, key, version, channel, commit, size.
fn completion(pack: PackId, body: &JsonObject, provider: &str) -> Result<Completion, ApiError> {
    let build_id = body.required("buildId")?;
    let key = body.required("artifactKey").and_then(|named| {
        let key = key(&pack, build_id)?;
        // What presign answered, or the raw key, which publish takes.
        let raw = named
            .strip_prefix(provider)
            .and_then(|rest| rest.strip_prefix("::"));
        if raw.unwrap_or(named) == key.as_str() {
            Ok(key)
        } else {
            Err(ApiError::bad_request(
                "`artifactKey` is not the key that presign gave for this pack and build",
            ))
        }
    })?;
    let version = body.required("version")?;
    let length = version.chars().count();
    if !(1..=MAX_VERSION).contains(&length) || version.chars().any(char::is_control) {
        return Err(ApiError::bad_request(format!(
            "`version` is not 1 to {MAX_VERSION} characters without control characters"
        )));
    }
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(Completion {
        version: version.to_owned(),
        channel: body.parsed("channel")?.unwrap_or(PackChannel::Dev),
        commit_hash: owned(body.text("commitHash")?),
        commit_message: owned(body.text("commitMessage")?),
        size: body
            .get("artifactSize")
            .map(|value| size("artifactSize", value))
            .transpose()?,
        build_id: build_id.to_owned(),
        key,
        pack,
    })
}

/// The key of a build, whose id has to be one that presign draws.
fn key(pack: &PackId, build_id: &str) -> Result<ObjectKey, ApiError> {
    let drawn = build_id.len() == 32
        && build_id
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !drawn {
        return Err(ApiError::bad_request("`buildId` is not a build's id"));
    }
    build_key(pack, build_id).map_err(|error| ApiError::bad_request(format!("`buildId`: {error}")))
}
