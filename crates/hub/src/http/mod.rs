//! The Distribution API over HTTP: routes here, one file for each group of them.
//!
//! Handlers translate: request to values, values to the Hub, the Hub's answer to JSON. Every
//! error is JSON too, whoever finds it, and nothing of a request but its method and its route's
//! template is ever logged.

mod about;
mod auth;
mod body;
mod bytes;
mod ci;
mod conditional;
mod detect;
mod error;
mod gate;
mod health;
mod install;
mod kept;
mod lifecycle;
mod lists;
mod metrics;
mod objects;
mod openapi;
mod packs;
#[cfg_attr(not(feature = "page"), path = "page_absent.rs")]
mod page;
mod presign;
mod publish;
mod publish_body;
mod read_ahead;
mod releases;
mod shared;
mod short;
mod tokens;
mod trusted;
mod unread;
mod updates;

use crate::Hub;
use crate::trust::Trust;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use error::{ApiError, MayBeStorageFull};
use gate::Gate;
use http::HeaderMap;
pub(crate) use metrics::router as metrics_router;
use releases::Document;
use std::any::Any;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

/// The largest JSON body that is read, in bytes; most say little.
const MAX_JSON: usize = 64 * 1024;

/// The largest one that lists files.
const MAX_JSON_LIST: usize = 1024 * 1024;

/// What every handler can reach.
#[derive(Debug)]
struct App {
    hub: Hub,
    /// What upload addresses begin with.
    base: Url,
    readiness: health::Readiness,
    latest: releases::Latest,
    latest_kept: releases::LatestKept,
    updates: updates::Updates,
    short: short::Newest,
    trust: Trust,
    script: install::Script,
    #[cfg(feature = "page")]
    pages: page::Pages,
    /// What the Hub says of its API.
    description: Option<Document>,
}

type AppState = Arc<App>;

/// All routes of a Hub.
pub(crate) fn router(hub: Hub, base: Url) -> Router {
    let gate = Arc::new(Gate::new(hub.metrics().clone(), hub.config()));
    let (routes, gathered) = described_routes().split_for_parts();
    let description = openapi::rendered(gathered).and_then(|json| Document::of_json(json.into()));
    let trust = Trust::new(hub.config(), &base);
    let app = Arc::new(App {
        hub,
        base,
        readiness: health::Readiness::default(),
        latest: releases::Latest::default(),
        latest_kept: releases::LatestKept::default(),
        updates: updates::Updates::default(),
        short: short::Newest::default(),
        trust,
        script: install::Script::default(),
        #[cfg(feature = "page")]
        pages: page::Pages::default(),
        description: description.ok(),
    });
    let routes = routes
        .layer(axum::middleware::map_response_with_state(
            app.clone(),
            tell_full_storage,
        ))
        .with_state(app);
    with_layers(routes, gate)
}

/// The Hub's API in OpenAPI 3.1, as it is served at `/openapi.json`. Nothing where it cannot be
/// written as JSON, which is a defect.
pub fn describe_api() -> Option<String> {
    openapi::rendered(described_routes().into_openapi()).ok()
}

/// All routes, each with what it says of itself.
fn described_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::begun())
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(openapi::document))
        .routes(routes!(about::hub))
        .routes(routes!(presign::presign))
        .routes(routes!(bytes::download, objects::upload))
        .routes(routes!(lists::objects))
        .routes(with_long_bodies(routes!(lifecycle::finalize)))
        .routes(routes!(lists::releases))
        .routes(routes!(objects::upload_build))
        .routes(routes!(ci::presign))
        .routes(routes!(ci::complete))
        .routes(routes!(packs::list, packs::issue, packs::revoke))
        .routes(with_long_bodies(routes!(publish::publish)))
        .routes(routes!(lifecycle::promote))
        .routes(routes!(lifecycle::yank, lifecycle::unyank))
        .routes(routes!(releases::latest))
        .routes(routes!(releases::version))
        .routes(routes!(releases::download))
        .routes(routes!(updates::stable))
        .routes(routes!(updates::of_channel))
        .routes(routes!(install::script))
        .merge(short::routes())
        .routes(routes!(tokens::list, tokens::issue, tokens::revoke))
        .routes(routes!(trusted::exchange))
        .merge(page::routes())
}

/// A route whose bodies list files.
fn with_long_bodies(route: UtoipaMethodRouter<AppState>) -> UtoipaMethodRouter<AppState> {
    route.layer(DefaultBodyLimit::max(MAX_JSON_LIST))
}

/// Where the error alone does not say whether the storage is full, the storage is asked.
async fn tell_full_storage(State(app): State<AppState>, response: Response) -> Response {
    let suspected = response.extensions().get::<MayBeStorageFull>().is_some();
    if suspected && app.hub.storage().files().is_full().await {
        return ApiError::storage_full().into_response();
    }
    response
}

/// What surrounds all routes: answers for what no route takes, limits, the log, panics caught.
fn with_layers(routes: Router, gate: Arc<Gate>) -> Router {
    routes
        .fallback(|headers: HeaderMap| async move { page::missing(&headers) })
        .method_not_allowed_fallback(|| async { ApiError::no_such_method() })
        .layer(DefaultBodyLimit::max(MAX_JSON))
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(axum::middleware::from_fn_with_state(gate, gate::pass))
}

fn after_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = text, "a request hit a defect");
    ApiError::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;

    #[test]
    fn no_product_is_called_as_an_address_of_the_hubs_own_begins() {
        let api: serde_json::Value = serde_json::from_str(&describe_api().unwrap()).unwrap();
        let first = |path: &String| path.split('/').nth(1).unwrap_or_default().to_owned();
        let mut firsts: Vec<String> = api["paths"]
            .as_object()
            .unwrap()
            .keys()
            .map(first)
            .collect();
        // What no product can be called anyway does not have to be refused.
        firsts.retain(|first| first.parse::<release_types::ProductName>().is_ok());
        firsts.push("metrics".to_owned());
        firsts.sort();
        firsts.dedup();
        assert_eq!(firsts, crate::catalogue::RESERVED);
    }

    #[tokio::test]
    async fn a_panic_is_answered_as_json() {
        let routes = Router::new().route(
            "/panic",
            get(|| async {
                if true {
                    panic!("on purpose");
                }
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = crate::HubConfig::new("/nowhere");
        let metrics = crate::metrics::Metrics::new(&config.statement_times);
        let gate = Arc::new(Gate::new(Arc::new(metrics), &config));
        let server = crate::server::run(
            listener,
            with_layers(routes, gate),
            std::future::pending(),
            &config,
            None,
        );
        let client = async {
            rustls::crypto::ring::default_provider()
                .install_default()
                .ok();
            let url = format!("http://{address}/panic");
            let response = reqwest::get(url).await.unwrap();
            assert_eq!(response.status(), 500);
            let body: release_types::ErrorBody = response.json().await.unwrap();
            assert!(!body.error.contains("on purpose"));
        };
        tokio::select! {
            () = server => unreachable!(),
            () = client => {}
        }
    }
}
