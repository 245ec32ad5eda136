//! The page for people: what is released, in HTML that needs no script.
//!
//! Everything on it is what anybody may ask the API for. Nothing is loaded from elsewhere, and the
//! policy sent with it lets a browser load nothing but the Hub's own style and icon.

mod commands;
mod fixed;
mod notes;
mod view;

use super::AppState;
use super::body::Segments;
use super::error::ApiError;
use super::openapi::answers;
use super::openapi::params;
use super::releases::Document;
use super::shared::Lookups;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use release_types::{ProductName, schema};
use semver::Version;
use serde::Deserialize;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

/// No script, no frame, no form, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// How many releases stand in the list of a product's page.
const LISTED: u32 = 50;

/// The page's routes. No product has a name with a dot, and those that are routes of the API's have no
/// page.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(overview))
        .routes(routes!(fixed::style))
        .routes(routes!(fixed::icon))
        .routes(routes!(product).map(only_of_products))
        .routes(routes!(version).map(only_of_products))
}

/// These routes match every short path: where there is no product of that name, there is nothing.
fn only_of_products(route: MethodRouter<AppState>) -> MethodRouter<AppState> {
    route.fallback(
        |State(app): State<AppState>, Segments(path): Segments<Vec<(String, String)>>| async move {
            let name = path.first().map(|(_, name)| name.as_str());
            match known(&app, name.unwrap_or_default()).await {
                Ok(Some(_)) => Err(ApiError::no_such_method()),
                Ok(None) => Err::<(), _>(ApiError::nothing_here()),
                Err(error) => Err(error),
            }
        },
    )
}

/// What is answered where there is nothing: a page to browsers, and else JSON.
pub(super) fn missing(headers: &HeaderMap) -> Response {
    if !is_browser(headers) {
        return ApiError::nothing_here().into_response();
    }
    let page = Missing {
        page: Page::new("Nothing here"),
    };
    let mut response = match page.render() {
        Ok(html) => (StatusCode::NOT_FOUND, html).into_response(),
        Err(error) => return not_rendered(&error).into_response(),
    };
    as_page(&mut response);
    response
}

/// Where people are: the pages, what leads nowhere, and the addresses of downloads that they pass on. What
/// is answered elsewhere is the API's, and JSON for everybody.
pub(super) fn is_for_people(route: &str, headers: &HeaderMap) -> bool {
    let page = matches!(route, "/" | "/{product}" | "/{product}/{version}" | "none");
    (page || route.starts_with("/download/")) && is_browser(headers)
}

/// The answer to a browser where there is an error that passes: its page, in the place of the JSON.
pub(super) fn told_to_people(mut response: Response) -> Response {
    let (title, lead) = match response.status() {
        StatusCode::TOO_MANY_REQUESTS => (
            "Too many requests",
            "More was asked from here than this Hub answers in that time. Load the page again in a moment.",
        ),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE => (
            "Not now",
            "This Hub cannot answer at the moment. Load the page again in a while.",
        ),
        StatusCode::INTERNAL_SERVER_ERROR => (
            "It failed",
            "This Hub could not make the page. Whoever runs it finds the reason in its log.",
        ),
        _ => return response,
    };
    let page = Failed {
        page: Page::new(title),
        lead,
    };
    match page.render() {
        Ok(html) => {
            response.headers_mut().remove(header::CONTENT_LENGTH);
            *response.body_mut() = html.into();
            as_page(&mut response);
        }
        Err(error) => tracing::error!(%error, "a page cannot be written"),
    }
    response
}

fn is_browser(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).map(HeaderValue::as_bytes);
    accept.is_some_and(|accept| String::from_utf8_lossy(accept).contains("text/html"))
}

/// What all pages have in common.
struct Page {
    title: String,
    style: &'static str,
}

impl Page {
    fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            style: &fixed::STYLE_PATH,
        }
    }
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    page: Page,
    products: Vec<view::Product>,
    /// Products of which nothing is released.
    empty: Vec<String>,
}

#[derive(Template)]
#[template(path = "product.html")]
struct ProductPage {
    page: Page,
    product: view::Product,
    list: Vec<view::Listed>,
    /// Where the list goes on.
    next: Option<String>,
    /// Whether this is not the list's beginning.
    is_later: bool,
}

#[derive(Template)]
#[template(path = "version.html")]
struct VersionPage {
    page: Page,
    product: String,
    version: String,
    releases: Vec<view::Release>,
}

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing {
    page: Page,
}

#[derive(Template)]
#[template(path = "failed.html")]
struct Failed {
    page: Page,
    lead: &'static str,
}

/// `GET /`.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "overview_page",
    tag = "page",
    summary = "What is released, for people",
    params(params::Conditional),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        answers::Conditional,
    ),
)]
async fn overview(State(app): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    shown(&app, Asked::Overview, &headers).await
}

async fn overview_page(app: &AppState) -> Result<Document, ApiError> {
    let mut products = Vec::new();
    let mut empty = Vec::new();
    for (name, newest) in app.hub.catalogue().overview().await? {
        if newest.is_empty() {
            empty.push(name.to_string());
        } else {
            products.push(view::Product::new(&app.base, &name, newest));
        }
    }
    let page = Page::new("Releases");
    rendered(&Overview {
        page,
        products,
        empty,
    })
}

#[derive(Deserialize)]
struct List {
    after: Option<String>,
}

/// `GET /{product}`.
#[utoipa::path(
    get,
    path = "/{product}",
    operation_id = "product_page",
    tag = "page",
    summary = "A product's releases, for people",
    params(
        ("product" = ProductName, Path, description = "The product"),
        ("after" = Option<String>, Query, description = "Where the list goes on"),
        params::Conditional,
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        answers::Conditional,
        answers::BadRequest,
        answers::MissingPage,
    ),
)]
async fn product(
    State(app): State<AppState>,
    Segments(name): Segments<String>,
    list: Result<Query<List>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(name) = known(&app, &name).await? else {
        return Ok(missing(&headers));
    };
    let Ok(Query(List { after })) = list else {
        return Err(ApiError::bad_request("the query cannot be read"));
    };
    shown(&app, Asked::Product(name, after), &headers).await
}

async fn product_page(
    app: &AppState,
    name: &ProductName,
    after: Option<&str>,
) -> Result<Option<Document>, ApiError> {
    let catalogue = app.hub.catalogue();
    let newest = catalogue.newest_of_channels(name).await?;
    let Some(list) = catalogue.list(name, None, after, LISTED).await? else {
        return Ok(None);
    };
    let listed = |summary| view::Listed::new(name, summary);
    let page = ProductPage {
        page: Page::new(name.as_str()),
        list: list.releases.into_iter().map(listed).collect(),
        next: list.next.map(|next| format!("/{name}?after={next}")),
        is_later: after.is_some(),
        product: view::Product::new(&app.base, name, newest),
    };
    rendered(&page).map(Some)
}

/// `GET /{product}/{version}`.
#[utoipa::path(
    get,
    path = "/{product}/{version}",
    operation_id = "version_page",
    tag = "page",
    summary = "One version with its files, for people",
    params(
        ("product" = ProductName, Path, description = "The product"),
        ("version" = schema::Version, Path, description = "The version"),
        params::Conditional,
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        answers::Conditional,
        answers::BadRequest,
        answers::MissingPage,
    ),
)]
async fn version(
    State(app): State<AppState>,
    Segments((name, version)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (Some(name), Ok(version)) = (known(&app, &name).await?, Version::parse(&version)) else {
        return Ok(missing(&headers));
    };
    shown(&app, Asked::Version(name, version), &headers).await
}

async fn version_page(
    app: &AppState,
    name: &ProductName,
    version: &Version,
) -> Result<Option<Document>, ApiError> {
    let on_channels = app.hub.catalogue().on_channels(name, version).await?;
    if on_channels.is_empty() {
        return Ok(None);
    }
    let release = |shown| view::Release::new(&app.base, name, shown);
    let page = VersionPage {
        page: Page::new(format!("{name} {version}")),
        product: name.to_string(),
        version: version.to_string(),
        releases: on_channels.into_iter().map(release).collect(),
    };
    rendered(&page).map(Some)
}

/// The product of a path, if there is one.
async fn known(app: &AppState, name: &str) -> Result<Option<ProductName>, ApiError> {
    let Ok(name) = name.parse::<ProductName>() else {
        return Ok(None);
    };
    let exists = app.hub.catalogue().has_product(&name).await?;
    Ok(exists.then_some(name))
}

/// A page of releases.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    Overview,
    Product(ProductName, Option<String>),
    Version(ProductName, Version),
}

/// Pages that are being made.
pub(super) type Pages = Lookups<Asked, Result<Option<Document>, ApiError>>;

async fn shown(app: &AppState, asked: Asked, headers: &HeaderMap) -> Result<Response, ApiError> {
    let make = || made(app.clone(), asked.clone());
    let Some(page) = app.pages.get(asked.clone(), make).await? else {
        return Ok(missing(headers));
    };
    let mut response = page.shown(headers, "public, max-age=60")?;
    as_page(&mut response);
    Ok(response)
}

/// A page; nothing where nothing is released of what was asked for.
async fn made(app: AppState, asked: Asked) -> Result<Option<Document>, ApiError> {
    match asked {
        Asked::Overview => overview_page(&app).await.map(Some),
        Asked::Product(name, after) => product_page(&app, &name, after.as_deref()).await,
        Asked::Version(name, version) => version_page(&app, &name, &version).await,
    }
}

fn rendered(page: &impl Template) -> Result<Document, ApiError> {
    let html = page.render().map_err(|error| not_rendered(&error))?;
    Document::of("text/html; charset=utf-8", html.into_bytes())
}

/// The header fields that every page has.
fn as_page(response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        headers.insert(header::VARY, HeaderValue::from_static("accept"));
    }
}

fn not_rendered(error: &askama::Error) -> ApiError {
    tracing::error!(%error, "a page cannot be written");
    ApiError::internal()
}
