//! The short addresses that stand in manuals: the newest program or installer, for the platform in
//! the path or for the one that asks.

use super::AppState;
use super::body::Segments;
use super::detect::{self, Detected};
use super::error::ApiError;
use super::openapi::answers::{self, BadRequest, NotFound};
use super::openapi::params;
use super::shared::Lookups;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use release_types::{Arch, Channel, Kind, Platform};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What a short address stands for.
#[derive(Debug, Clone, Copy)]
struct Short {
    path: &'static str,
    product: &'static str,
    kind: Kind,
}

/// The two routes of a short address: for who asks, and for a platform in the path.
macro_rules! short {
    ($name:ident, $product:literal, $kind:ident, $latest:literal, $named:literal) => {
        pub(in crate::http) mod $name {
            use super::*;

            const SHORT: Short = Short {
                path: $latest,
                product: $product,
                kind: Kind::$kind,
            };

            #[utoipa::path(
                get,
                path = $latest,
                operation_id = concat!("newest_", stringify!($name)),
                tag = "reading",
                summary = "Leads to the newest stable file for whoever asks",
                params(params::WhoAsks),
                responses(answers::Found, BadRequest, NotFound),
            )]
            pub(in crate::http) async fn latest(
                State(app): State<AppState>,
                headers: HeaderMap,
            ) -> Result<Response, ApiError> {
                for_whom_asks(&app, SHORT, &headers).await
            }

            #[utoipa::path(
                get,
                path = $named,
                operation_id = concat!("newest_", stringify!($name), "_for"),
                tag = "reading",
                summary = "Leads to the newest stable file for a platform",
                params(
                    ("os" = String, Path, example = "linux", description = "The operating system, by any of its usual names"),
                    ("arch" = String, Path, example = "x64", description = "The architecture, by any of its usual names"),
                ),
                responses(answers::Found, BadRequest, NotFound),
            )]
            pub(in crate::http) async fn named(
                State(app): State<AppState>,
                Segments((os, arch)): Segments<(String, String)>,
            ) -> Result<Response, ApiError> {
                for_platform(&app, SHORT, &os, &arch).await
            }
        }
    };
}

short!(
    runner,
    "runner",
    Binary,
    "/download/runner/latest",
    "/download/runner/latest/{os}/{arch}"
);
short!(
    cli,
    "cli",
    Binary,
    "/download/cli/latest",
    "/download/cli/latest/{os}/{arch}"
);
short!(
    cli_installer,
    "cli",
    Installer,
    "/download/cli/installer/latest",
    "/download/cli/installer/latest/{os}/{arch}"
);
short!(
    app_installer,
    "launcher",
    Installer,
    "/download/app/installer/latest",
    "/download/app/installer/latest/{os}/{arch}"
);

/// `GET /download/…/latest` and `GET /download/…/latest/{os}/{arch}`.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(runner::latest))
        .routes(routes!(runner::named))
        .routes(routes!(cli::latest))
        .routes(routes!(cli::named))
        .routes(routes!(cli_installer::latest))
        .routes(routes!(cli_installer::named))
        .routes(routes!(app_installer::latest))
        .routes(routes!(app_installer::named))
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
             ask for {}/{{os}}/{{arch}}",
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
        let key = (product, kind, *platform);
        if let Some(location) = app.short.get(key, || location(app.clone(), key)).await? {
            return Ok((StatusCode::FOUND, [(header::LOCATION, location)]).into_response());
        }
    }
    let names: Vec<String> = platforms.iter().map(Platform::to_string).collect();
    Err(ApiError::not_found(format!(
        "{product} has no stable {kind} for {}",
        names.join(" or ")
    )))
}

/// Lookups of where short addresses lead. They stand in manuals, so many follow the same.
pub(super) type Newest = Lookups<NewestKey, Result<Option<String>, ApiError>>;

type NewestKey = (&'static str, Kind, Platform);

async fn location(
    app: AppState,
    (product, kind, platform): NewestKey,
) -> Result<Option<String>, ApiError> {
    let catalogue = app.hub.catalogue();
    let newest = catalogue
        .newest_asset(product, Channel::Stable, platform, kind)
        .await?;
    Ok(newest.map(|asset| format!("/api/v1/download/{}", asset.download_id)))
}
