//! What becomes of releases: drafts are shown, versions promoted, taken back and offered again.

use super::AppState;
use super::auth::Publisher;
use super::body::{JsonObject, Segments, parsed, platform, text};
use super::error::ApiError;
use super::openapi::answers::{self, Conflict, Forbidden, NotFound, Unauthorized};
use super::openapi::bodies;
use super::releases::known_product;
use crate::catalogue::{Finalized, Promoted, Target};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use release_types::{
    Channel, ObjectKey, ProductName, ReleaseSummary, Releases, Sha256Digest, schema,
};
use semver::Version;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// How many platforms one call may make visible, whatever files they have.
const MAX_TARGETS: usize = 500;

/// How many things that are in the way are told.
const MAX_REASONS: usize = 20;

/// The longest reason, in characters.
const MAX_REASON: usize = 1000;

/// `POST /api/v1/releases/finalize`.
#[utoipa::path(
    post,
    path = "/api/v1/releases/finalize",
    operation_id = "finalize",
    tag = "releases",
    summary = "Shows drafts, all in one moment or none",
    request_body = bodies::Finalize,
    security(("app" = []), ("user" = [])),
    responses(
        (status = 200, description = "One release for each platform", body = Releases),
        answers::Body,
        Unauthorized,
        Forbidden,
        Conflict,
    ),
)]
pub(super) async fn finalize(
    State(app): State<AppState>,
    publisher: Publisher,
    body: JsonObject,
) -> Result<Json<Releases>, ApiError> {
    let (mut targets, mut files) = (Vec::new(), HashMap::new());
    for (index, release) in body.objects("releases")?.iter().enumerate() {
        let at = |error: ApiError| error.at(&format!("releases[{index}]"));
        targets.extend(targets_of(&app, &publisher, release).await.map_err(at)?);
        files.extend(files_of(release).map_err(at)?);
        if targets.len() > MAX_TARGETS {
            let message = format!("more than {MAX_TARGETS} platforms in one call");
            return Err(ApiError::bad_request(message));
        }
    }
    // Each is read and answered once, however often it is named.
    let mut seen = HashSet::new();
    targets.retain(|target| seen.insert(target.clone()));
    match app.hub.finalize(targets, files).await? {
        Finalized::Done(releases) => Ok(Json(Releases { releases })),
        Finalized::Refused(why) => Err(ApiError::conflict(format!(
            "nothing was made visible: {}",
            sentence(&why)
        ))),
        Finalized::TooMany(most) => Err(ApiError::bad_request(format!(
            "these platforms have more than {most} files; make fewer of them visible in one call"
        ))),
    }
}

/// What is in the way, of many things the first.
fn sentence(why: &[String]) -> String {
    let told = why[..why.len().min(MAX_REASONS)].join("; ");
    match why.len().saturating_sub(MAX_REASONS) {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

async fn targets_of(
    app: &AppState,
    publisher: &Publisher,
    release: &JsonObject,
) -> Result<Vec<Target>, ApiError> {
    let product = release.required("product")?;
    publisher.may(product)?;
    let product = known_product(app, product).await?;
    let version = release.version()?;
    let channel = release.channel()?;
    let mut targets = Vec::new();
    for (index, named) in release.objects("platforms")?.iter().enumerate() {
        let read = || platform(named.required("os")?, named.required("arch")?);
        targets.push(Target {
            product: product.clone(),
            version: version.clone(),
            channel,
            platform: read().map_err(|error| error.at(&format!("platforms[{index}]")))?,
        });
    }
    Ok(targets)
}

/// What the drafts have to hold, where the caller says so.
fn files_of(release: &JsonObject) -> Result<Vec<(ObjectKey, Sha256Digest)>, ApiError> {
    let files = match release.get("files") {
        None => return Ok(Vec::new()),
        Some(Value::Object(files)) => files,
        Some(_) => return Err(ApiError::bad_request("`files` is not an object")),
    };
    let file = |(key, digest): (&String, &Value)| {
        let name = format!("files.{key}");
        Ok((parsed("files", key)?, parsed(&name, text(&name, digest)?)?))
    };
    files.iter().map(file).collect()
}

/// `POST /api/v1/releases/{product}/{version}/promote`.
#[utoipa::path(
    post,
    path = "/api/v1/releases/{product}/{version}/promote",
    operation_id = "promote",
    tag = "releases",
    summary = "Gives another channel a release too",
    params(
        ("product" = ProductName, Path, description = "The product"),
        ("version" = schema::Version, Path, description = "The version"),
    ),
    request_body = bodies::Promote,
    security(("app" = []), ("user" = [])),
    responses(
        (status = 201, description = "One release for each platform", body = Releases),
        answers::Body,
        Unauthorized,
        Forbidden,
        NotFound,
        Conflict,
    ),
)]
pub(super) async fn promote(
    State(app): State<AppState>,
    publisher: Publisher,
    Segments(path): Segments<(String, String)>,
    body: JsonObject,
) -> Result<(StatusCode, Json<Releases>), ApiError> {
    let (product, version) = named(&app, &publisher, path).await?;
    let from: Channel = parsed("from", body.required("from")?)?;
    let to: Channel = parsed("to", body.required("to")?)?;
    if from == to {
        let message = "`from` and `to` are the same channel";
        return Err(ApiError::bad_request(message));
    }
    let promoted = app
        .hub
        .promote(product.clone(), version.clone(), (from, to))
        .await?;
    match promoted {
        Promoted::Done(releases) => Ok((StatusCode::CREATED, Json(Releases { releases }))),
        Promoted::Unknown => Err(unknown(&product, &version, from)),
        Promoted::Yanked(channel) => Err(ApiError::conflict(format!(
            "{product} {version} is yanked on {channel}"
        ))),
        Promoted::Conflict(why) => Err(ApiError::conflict(why)),
        Promoted::TooMany(most) => Err(ApiError::bad_request(format!(
            "{product} {version} has more than {most} files on {from}; publish its platforms on {to} \
             one at a time"
        ))),
    }
}

/// `POST /api/v1/releases/{product}/{version}/yank`.
#[utoipa::path(
    post,
    path = "/api/v1/releases/{product}/{version}/yank",
    operation_id = "yank",
    tag = "releases",
    summary = "Takes a release back: never the newest again",
    params(
        ("product" = ProductName, Path, description = "The product"),
        ("version" = schema::Version, Path, description = "The version"),
    ),
    request_body = Option<bodies::Yank>,
    security(("app" = []), ("user" = [])),
    responses(
        (status = 200, description = "The release as lists show it", body = ReleaseSummary),
        answers::Body,
        Unauthorized,
        Forbidden,
        NotFound,
    ),
)]
pub(super) async fn yank(
    State(app): State<AppState>,
    publisher: Publisher,
    Segments(path): Segments<(String, String)>,
    body: JsonObject,
) -> Result<Json<ReleaseSummary>, ApiError> {
    set_yanked(&app, &publisher, path, (&body, true)).await
}

/// `DELETE /api/v1/releases/{product}/{version}/yank`.
#[utoipa::path(
    delete,
    path = "/api/v1/releases/{product}/{version}/yank",
    operation_id = "unyank",
    tag = "releases",
    summary = "Offers a release again",
    params(
        ("product" = ProductName, Path, description = "The product"),
        ("version" = schema::Version, Path, description = "The version"),
    ),
    request_body = Option<bodies::Yank>,
    security(("app" = []), ("user" = [])),
    responses(
        (status = 200, description = "The release as lists show it", body = ReleaseSummary),
        answers::Body,
        Unauthorized,
        Forbidden,
        NotFound,
    ),
)]
pub(super) async fn unyank(
    State(app): State<AppState>,
    publisher: Publisher,
    Segments(path): Segments<(String, String)>,
    body: JsonObject,
) -> Result<Json<ReleaseSummary>, ApiError> {
    set_yanked(&app, &publisher, path, (&body, false)).await
}

async fn set_yanked(
    app: &AppState,
    publisher: &Publisher,
    path: (String, String),
    (body, yanked): (&JsonObject, bool),
) -> Result<Json<ReleaseSummary>, ApiError> {
    let (product, version) = named(app, publisher, path).await?;
    let channel = body.channel()?;
    let reason = body.text("reason")?;
    if reason.is_some_and(|reason| reason.chars().count() > MAX_REASON) {
        let message = format!("`reason` is longer than {MAX_REASON} characters");
        return Err(ApiError::bad_request(message));
    }
    let release = (product.clone(), version.clone(), channel);
    let reason = reason.map(str::to_owned);
    let summary = app.hub.set_yanked(release, yanked, reason).await?;
    summary
        .map(Json)
        .ok_or_else(|| unknown(&product, &version, channel))
}

async fn named(
    app: &AppState,
    publisher: &Publisher,
    (product, version): (String, String),
) -> Result<(ProductName, Version), ApiError> {
    publisher.may(&product)?;
    let product = known_product(app, &product).await?;
    Ok((product, parsed("version", &version)?))
}

fn unknown(product: &ProductName, version: &Version, channel: Channel) -> ApiError {
    ApiError::not_found(format!("{product} {version} is not released on {channel}"))
}
