//! Lists, page by page: a product's releases for everybody, uploaded objects for who publishes.

use super::AppState;
use super::auth::Publisher;
use super::body::{Segments, parsed};
use super::error::ApiError;
use super::releases::{known_product, shown};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use http::HeaderMap;
use release_types::{Channel, ObjectList};
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
pub(super) async fn objects(
    State(app): State<AppState>,
    _: Publisher,
    page: PageQuery,
) -> Result<Json<ObjectList>, ApiError> {
    let page = read(page)?;
    let prefix = page.prefix.as_deref().unwrap_or(ARTIFACTS);
    if !prefix.starts_with(ARTIFACTS) {
        let message = format!("`prefix` does not begin with {ARTIFACTS}");
        return Err(ApiError::bad_request(message));
    }
    let limit = page.limit()?;
    let after = page.after.as_deref().unwrap_or_default();
    // What has come meanwhile belongs to it.
    app.hub.settle_below(prefix).await?;
    let (provider, catalogue) = (app.hub.storage().provider(), app.hub.catalogue());
    let list = catalogue.uploaded(provider, prefix, after, limit).await?;
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
