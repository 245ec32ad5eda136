//! `GET /download/runner/install`: a script that installs the newest runner and its daemon.
//!
//! The script holds the digests itself, so it needs nothing to read JSON with, and what it loads is
//! compared with what this answer said. Every address in it begins with the Hub's public URL.

use super::AppState;
use super::error::ApiError;
use super::openapi::answers::{self, NotFound};
use super::openapi::params;
use super::releases::Document;
use super::shared::Lookups;
use crate::catalogue::NewestAsset;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use release_types::{Channel, Kind, Os, Platform};

const TEMPLATE: &str = include_str!("install.sh");

/// The products, and what their programs are called when they are installed.
const PROGRAMS: [(&str, &str); 2] = [("runner", "atlas-runner"), ("runnerd", "atlas-runnerd")];

#[utoipa::path(
    get,
    path = "/download/runner/install",
    operation_id = "install_script",
    tag = "reading",
    summary = "A POSIX shell script that installs the newest runner",
    params(params::Conditional),
    responses(
        (status = 200, description = "The script", body = String, content_type = "text/x-shellscript"),
        answers::Conditional,
        NotFound,
    ),
)]
pub(super) async fn script(
    State(app): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let script = app.script.get((), || newest(app.clone())).await?;
    let mut response = script.shown(&headers, "public, max-age=60")?;
    let nosniff = HeaderValue::from_static("nosniff");
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    Ok(response)
}

/// Lookups of what the script installs.
pub(super) type Script = Lookups<(), Result<Document, ApiError>>;

async fn newest(app: AppState) -> Result<Document, ApiError> {
    // Windows has no POSIX shell.
    let platforms = Platform::ALL.into_iter().filter(|p| p.os != Os::Windows);
    let wanted: Vec<_> = platforms
        .clone()
        .flat_map(|platform| PROGRAMS.map(|(product, _)| (product, platform, Kind::Binary)))
        .collect();
    // At one moment, so that products that were shown together are installed together.
    let catalogue = app.hub.catalogue();
    let found = catalogue.newest_assets(Channel::Stable, &wanted).await?;
    let mut cases = String::new();
    for (platform, files) in platforms.zip(found.chunks(PROGRAMS.len())) {
        cases.push_str(&case(platform, files));
    }
    if cases.is_empty() {
        let message = "there is no stable runner to install yet";
        return Err(ApiError::not_found(message));
    }
    let hub = quoted(app.base.as_str().trim_end_matches('/'));
    let script = TEMPLATE
        .replace("@HUB@", &hub)
        .replace("@CASES@", cases.trim_end());
    Document::of("text/x-shellscript; charset=utf-8", script.into_bytes())
}

/// What the script loads on a platform; nothing where it has no runner. A daemon alone is of no
/// use, a runner alone is.
fn case(platform: Platform, newest: &[Option<NewestAsset>]) -> String {
    let mut case = format!("    {platform})\n");
    for ((_, name), file) in PROGRAMS.into_iter().zip(newest) {
        match file {
            Some(file) => {
                let (version, id) = (quoted(&file.version), quoted(&file.download_id));
                let line = format!("      fetch {name} {version} {id} {}\n", file.sha256);
                case.push_str(&line);
            }
            None if name == PROGRAMS[0].1 => return String::new(),
            None => {}
        }
    }
    case.push_str("      ;;\n");
    case
}

/// A text as one word of a shell's.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_cannot_end_its_word() {
        assert_eq!(quoted("https://hub.example"), "'https://hub.example'");
        assert_eq!(quoted("a'; rm -rf /"), r"'a'\''; rm -rf /'");
        assert_eq!(quoted("$(x) `y`"), "'$(x) `y`'");
    }
}
