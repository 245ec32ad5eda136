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
mod lifecycle;
mod lists;
mod metrics;
mod objects;
mod packs;
mod presign;
mod publish;
mod publish_body;
mod read_ahead;
mod releases;
mod shared;
mod short;
mod tokens;
mod updates;

use crate::Hub;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use error::{ApiError, MayBeStorageFull};
use gate::Gate;
use http::StatusCode;
pub(crate) use metrics::router as metrics_router;
use std::any::Any;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

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
}

type AppState = Arc<App>;

/// All routes of a Hub.
pub(crate) fn router(hub: Hub, base: Url) -> Router {
    let gate = Arc::new(Gate::new(hub.metrics().clone(), hub.config()));
    let app = Arc::new(App {
        hub,
        base,
        readiness: health::Readiness::default(),
        latest: releases::Latest::default(),
    });
    let routes = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/api/v1/hub", get(about::hub))
        .route("/api/v1/storage/presign", post(presign::presign))
        .route(
            "/artifacts/{*path}",
            get(bytes::download).put(objects::upload),
        )
        .route("/api/v1/storage/objects", get(lists::objects))
        .route(
            "/api/v1/releases/finalize",
            post(lifecycle::finalize).layer(DefaultBodyLimit::max(MAX_JSON_LIST)),
        )
        .route("/api/v1/releases/{product}", get(lists::releases))
        .route("/packs/{*path}", put(objects::upload_build))
        .route("/api/v1/ci/presign", post(ci::presign))
        .route("/api/v1/ci/complete", post(ci::complete))
        .route(
            "/api/v1/packs/{pack}/deploy-tokens",
            get(packs::list).post(packs::issue).delete(packs::revoke),
        )
        .route(
            "/api/v1/releases/{product}/publish",
            post(publish::publish).layer(DefaultBodyLimit::max(MAX_JSON_LIST)),
        )
        .route(
            "/api/v1/releases/{product}/{version}/promote",
            post(lifecycle::promote),
        )
        .route(
            "/api/v1/releases/{product}/{version}/yank",
            post(lifecycle::yank).delete(lifecycle::unyank),
        )
        .route(
            "/api/v1/releases/{product}/latest/{os}/{arch}",
            get(releases::latest),
        )
        .route(
            "/api/v1/releases/{product}/{version}/{os}/{arch}",
            get(releases::version),
        )
        .route("/api/v1/download/{download_id}", get(releases::download))
        .route("/api/v1/launcher/updates/{os}/{arch}", get(updates::stable))
        .route(
            "/api/v1/launcher/updates/{channel}/{os}/{arch}",
            get(updates::of_channel),
        )
        .route("/download/runner/install", get(install::script))
        .merge(short::routes())
        .route(
            "/api/v1/deploy/app-tokens",
            get(tokens::list).post(tokens::issue).delete(tokens::revoke),
        )
        .layer(axum::middleware::map_response_with_state(
            app.clone(),
            tell_full_storage,
        ))
        .with_state(app);
    with_layers(routes, gate)
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
        .fallback(|| async { ApiError::new(StatusCode::NOT_FOUND, "there is nothing here") })
        .method_not_allowed_fallback(|| async {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            ApiError::new(status, "this path does not take this method")
        })
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
