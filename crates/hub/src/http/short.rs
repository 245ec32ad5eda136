//! The short addresses that stand in manuals: the newest program or installer, for the platform in
//! the path or for the one that asks.

use super::AppState;
use super::body::Segments;
use super::detect::{self, Detected};
use super::error::ApiError;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use release_types::{Arch, Channel, Kind, Platform};

/// What a short address stands for.
#[derive(Debug, Clone, Copy)]
struct Short {
    path: &'static str,
    product: &'static str,
    kind: Kind,
}

const SHORT: [Short; 4] = [
    Short {
        path: "runner",
        product: "runner",
        kind: Kind::Binary,
    },
    Short {
        path: "cli",
        product: "cli",
        kind: Kind::Binary,
    },
    Short {
        path: "cli/installer",
        product: "cli",
        kind: Kind::Installer,
    },
    Short {
        path: "app/installer",
        product: "launcher",
        kind: Kind::Installer,
    },
];

/// `GET /download/…/latest` and `GET /download/…/latest/{os}/{arch}`.
pub(super) fn routes() -> Router<AppState> {
    let mut routes = Router::new();
    for short in SHORT {
        let latest = format!("/download/{}/latest", short.path);
        let named = format!("{latest}/{{os}}/{{arch}}");
        routes = routes
            .route(
                &latest,
                get(
                    move |State(app): State<AppState>, headers: HeaderMap| async move {
                        for_whom_asks(&app, short, &headers).await
                    },
                ),
            )
            .route(
                &named,
                get(
                    move |State(app): State<AppState>,
                          Segments((os, arch)): Segments<(String, String)>| async move {
                        for_platform(&app, short, &os, &arch).await
                    },
                ),
            );
    }
    routes
}

async fn for_platform(
    app: &AppState,
    short: Short,
    os: &str,
    arch: &str,
) -> Result<Response, ApiError> {
    let platform = detect::named(os, arch)?;
    let mut response = newest(app, short, &[platform]).await?;
    // As long as `latest`, which it stands for.
    let cached = HeaderValue::from_static("public, max-age=60");
    response.headers_mut().insert(header::CACHE_CONTROL, cached);
    Ok(response)
}

/// The answer depends on who asks, so no cache keeps it.
async fn for_whom_asks(
    app: &AppState,
    short: Short,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let answer = match detect::detect(headers) {
        Some(detected) => newest(app, short, &candidates(detected)).await,
        None => Err(ApiError::bad_request(format!(
            "this client does not name a platform that there are releases for; \
             ask for /download/{}/latest/{{os}}/{{arch}}",
            short.path
        ))),
    };
    let mut response = answer.unwrap_or_else(ApiError::into_response);
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static(detect::VARY));
    let wish = HeaderValue::from_static(detect::ACCEPT_CH);
    headers.insert("accept-ch", wish);
    Ok(response)
}

/// Where the architecture is not known, x64 first: the other kind of Mac and of Windows machine
/// runs its programs too.
fn candidates(detected: Detected) -> Vec<Platform> {
    let archs = match detected.arch {
        Some(arch) => vec![arch],
        None => vec![Arch::X64, Arch::Arm64],
    };
    let platform = |arch| Platform::new(detected.os, arch);
    archs.into_iter().map(platform).collect()
}

async fn newest(
    app: &AppState,
    short: Short,
    platforms: &[Platform],
) -> Result<Response, ApiError> {
    let Short { product, kind, .. } = short;
    for platform in platforms {
        let catalogue = app.hub.catalogue();
        let newest = catalogue
            .newest_asset(product, Channel::Stable, *platform, kind)
            .await?;
        if let Some(asset) = newest {
            let location = format!("/api/v1/download/{}", asset.download_id);
            return Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response());
        }
    }
    let names: Vec<String> = platforms.iter().map(Platform::to_string).collect();
    Err(ApiError::not_found(format!(
        "{product} has no stable {kind} for {}",
        names.join(" or ")
    )))
}
