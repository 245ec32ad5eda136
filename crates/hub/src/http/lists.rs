//! Lists, page by page: a product's releases for everybody, uploaded objects for who publishes.

use super::AppState;
use super::auth::Publisher;
use super::body::{Segments, parsed};
use super::error::ApiError;
use super::openapi::answers::{self, BadRequest, Forbidden, Unauthorized};
use super::openapi::params;
use super::releases::{known_product, shown};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use http::HeaderMap;
use release_types::{Channel, ObjectList, ProductName, ReleaseList};
use serde::Deserialize;

/// How long a page is when nobody says, and the longest it may be.
const LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// Where all uploaded objects are.
const ARTIFACTS: &str = "artifacts/";

/// What can stand in the query of a list.
#[derive(Deserialize)]
pub(super) struct Page {
    channel: Option<String>,
    prefix: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

type PageQuery = Result<Query<Page>, QueryRejection>;

/// `GET /api/v1/releases/{product}`. All channels, unless the query names one.
#[utoipa::path(
    get,
    path = "/api/v1/releases/{product}",
    operation_id = "list_releases",
    tag = "reading",
    summary = "A product's releases, the highest version first",
    params(
        ("product" = ProductName, Path, description = "The product"),
        ("channel" = Option<Channel>, Query, description = "One channel; all when absent"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "How many; 50 when absent"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        params::Conditional,
    ),
    responses(
        (status = 200, description = "A page of them", body = ReleaseList),
        answers::Conditional,
        BadRequest,
    ),
)]
pub(super) async fn releases(
    State(app): State<AppState>,
    Segments(product): Segments<String>,
    page: PageQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let product = known_product(&app, &product).await?;
    let page = read(page)?;
    let channel: Option<Channel> = match &page.channel {
        Some(channel) => Some(parsed("channel", channel)?),
        None => None,
    };
    let limit = page.limit()?;
    let after = page.after.as_deref();
    let list = app
        .hub
        .catalogue()
        .list(&product, channel, after, limit)
        .await?;
    match list {
        Some(list) => shown(&headers, "public, max-age=60", &list),
        None => Err(ApiError::bad_request(
            "`after` is not the `next` of a list of this product",
        )),
    }
}

/// `GET /api/v1/storage/objects`.
#[utoipa::path(
    get,
    path = "/api/v1/storage/objects",
    operation_id = "list_objects",
    tag = "storage",
    summary = "What has been uploaded, by the Hub's own reading",
    params(
        ("prefix" = Option<String>, Query, pattern = "^artifacts/", description = "What keys begin with"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "How many; 50 when absent"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    security(("app" = []), ("user" = [])),
    responses(
        (status = 200, description = "A page of it. One that is short or empty may have a `next`, too", body = ObjectList),
        BadRequest,
        Unauthorized,
        Forbidden,
    ),
)]
pub(super) async fn objects(
    State(app): State<AppState>,
    publisher: Publisher,
    page: PageQuery,
) -> Result<Json<ObjectList>, ApiError> {
    let page = read(page)?;
    let prefix = page.prefix.as_deref().unwrap_or(ARTIFACTS);
    if !prefix.starts_with(ARTIFACTS) {
        let message = format!("`prefix` does not begin with {ARTIFACTS}");
        return Err(ApiError::bad_request(message));
    }
    publisher.may_below(prefix)?;
    let limit = page.limit()?;
    let after = page.after.as_deref().unwrap_or_default();
    // What has come meanwhile belongs to it; for each address that was given out the storage is asked.
    let until = app.hub.settle_below(prefix, after, limit).await?;
    let (provider, catalogue) = (app.hub.storage().provider(), app.hub.catalogue());
    let list = catalogue
        .uploaded(provider, prefix, (after, until.as_ref()), limit)
        .await?;
    Ok(Json(list))
}

fn read(page: PageQuery) -> Result<Page, ApiError> {
    match page {
        Ok(Query(page)) => Ok(page),
        Err(_) => Err(ApiError::bad_request("the query cannot be read")),
    }
}

impl Page {
    fn limit(&self) -> Result<u32, ApiError> {
        let Some(text) = &self.limit else {
            return Ok(LIMIT);
        };
        match text.parse() {
            Ok(limit @ 1..=MAX_LIMIT) => Ok(limit),
            _ => Err(ApiError::bad_request(format!(
                "`limit` is not a number from 1 to {MAX_LIMIT}"
            ))),
        }
    }
}
