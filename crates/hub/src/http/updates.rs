//! What installed launchers ask: is there an update. In the form that Tauri's updater reads.

use super::AppState;
use super::body::{Segments, parsed};
use super::detect;
use super::error::ApiError;
use super::openapi::answers::{self, BadRequest, NotFound};
use super::openapi::params;
use super::releases::Document;
use super::shared::Lookups;
use crate::catalogue::SignedFile;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use release_types::{Arch, Channel, Kind, Os, Platform, UpdateFile, UpdateManifest};
use std::collections::BTreeMap;

/// The product that is updated this way.
const LAUNCHER: &str = "launcher";

/// The longest text that is taken for a signature, in bytes. Tauri's have some 400.
const MAX_SIGNATURE: u64 = 16 * 1024;

/// `GET /api/v1/launcher/updates/{os}/{arch}`.
#[utoipa::path(
    get,
    path = "/api/v1/launcher/updates/{os}/{arch}",
    operation_id = "launcher_update",
    tag = "reading",
    summary = "The newest launcher, in the form that Tauri's updater reads",
    params(
        ("os" = String, Path, example = "linux", description = "The operating system, by any of its usual names"),
        ("arch" = String, Path, example = "x64", description = "The architecture, by any of its usual names"),
        params::Conditional,
    ),
    responses(
        (status = 200, description = "What to update to", body = UpdateManifest),
        answers::Conditional,
        BadRequest,
        NotFound,
    ),
)]
pub(super) async fn stable(
    State(app): State<AppState>,
    Segments((os, arch)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    update(&app, Channel::Stable, detect::named(&os, &arch)?, &headers).await
}

/// `GET /api/v1/launcher/updates/{channel}/{os}/{arch}`.
#[utoipa::path(
    get,
    path = "/api/v1/launcher/updates/{channel}/{os}/{arch}",
    operation_id = "launcher_update_of_channel",
    tag = "reading",
    summary = "The newest launcher, in the form that Tauri's updater reads",
    params(
        ("channel" = Channel, Path, description = "The channel"),
        ("os" = String, Path, example = "linux", description = "The operating system, by any of its usual names"),
        ("arch" = String, Path, example = "x64", description = "The architecture, by any of its usual names"),
        params::Conditional,
    ),
    responses(
        (status = 200, description = "What to update to", body = UpdateManifest),
        answers::Conditional,
        BadRequest,
        NotFound,
    ),
)]
pub(super) async fn of_channel(
    State(app): State<AppState>,
    Segments((channel, os, arch)): Segments<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let channel = parsed("channel", &channel)?;
    update(&app, channel, detect::named(&os, &arch)?, &headers).await
}

async fn update(
    app: &AppState,
    channel: Channel,
    platform: Platform,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let key = (channel, platform);
    let found = app.updates.get(key, || newest(app.clone(), key)).await?;
    found.shown(headers, "public, max-age=60")
}

/// Lookups of updates. Installed launchers all ask for the same few.
pub(super) type Updates = Lookups<UpdateKey, Result<Document, ApiError>>;

type UpdateKey = (Channel, Platform);

async fn newest(app: AppState, (channel, platform): UpdateKey) -> Result<Document, ApiError> {
    let none = || {
        ApiError::not_found(format!(
            "there is no signed {channel} update for {platform}"
        ))
    };
    let catalogue = app.hub.catalogue();
    let release = catalogue.newest_signed(LAUNCHER, channel, platform).await?;
    let release = release.ok_or_else(none)?;
    let target = target(platform);
    let mut platforms = BTreeMap::new();
    // The first of each kind is the one.
    for file in release.files {
        let Some(signature) = signature(&app, &file).await? else {
            continue;
        };
        let path = format!("api/v1/download/{}", file.asset.download_id);
        let update = UpdateFile {
            url: format!("{}{path}", app.base),
            signature,
        };
        if let Some(bundle) = bundle(&file.asset.filename, file.asset.kind) {
            let key = format!("{target}-{bundle}");
            platforms.entry(key).or_insert_with(|| update.clone());
        }
        platforms.entry(target.clone()).or_insert(update);
    }
    if platforms.is_empty() {
        return Err(none());
    }
    let manifest = UpdateManifest {
        version: release.version,
        notes: release.notes.unwrap_or_default(),
        pub_date: release.published_at,
        platforms,
    };
    Document::new(&manifest)
}

/// The text of a file's signature; nothing where it is damaged or cannot be one.
async fn signature(app: &AppState, file: &SignedFile) -> Result<Option<String>, ApiError> {
    let stored = &file.signature;
    let storage = app.hub.storage();
    let text = storage.read_text(stored, MAX_SIGNATURE).await?;
    let text = text.map(|text| text.trim_end().to_owned());
    if text.is_none() {
        let (filename, sha256, size) = (&file.asset.filename, stored.sha256, stored.size);
        tracing::error!(filename, %sha256, size, "a signature cannot be read");
    }
    Ok(text.filter(|text| !text.is_empty()))
}

/// A platform as Tauri calls it.
fn target(platform: Platform) -> String {
    let os = match platform.os {
        Os::Windows => "windows",
        Os::Macos => "darwin",
        Os::Linux => "linux",
    };
    let arch = match platform.arch {
        Arch::X64 => "x86_64",
        Arch::Arm64 => "aarch64",
    };
    format!("{os}-{arch}")
}

/// How a file is installed, as newer updaters ask for it: they look for the kind that they were
/// installed from, so that a `.deb` is not replaced by an AppImage.
fn bundle(filename: &str, kind: Kind) -> Option<&'static str> {
    let name = filename.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".deb"]) {
        Some("deb")
    } else if ends(&[".rpm"]) {
        Some("rpm")
    } else if ends(&[".appimage", ".appimage.tar.gz"]) {
        Some("appimage")
    } else if ends(&[".msi", ".msi.zip"]) {
        Some("msi")
    } else if ends(&[".nsis.zip", "-setup.exe"]) || kind == Kind::Installer && ends(&[".exe"]) {
        Some("nsis")
    } else if ends(&[".app.tar.gz", ".app.zip"]) {
        Some("app")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_by_file_name() {
        use Kind::{Binary, Installer};
        for (name, kind, expected) in [
            ("Atlas_1.0.0_amd64.deb", Installer, Some("deb")),
            ("Atlas-1.0.0-1.x86_64.rpm", Installer, Some("rpm")),
            ("Atlas_1.0.0_amd64.AppImage", Installer, Some("appimage")),
            (
                "Atlas_1.0.0_amd64.AppImage.tar.gz",
                Binary,
                Some("appimage"),
            ),
            ("Atlas_1.0.0_x64_en-US.msi", Installer, Some("msi")),
            ("Atlas_1.0.0_x64_en-US.msi.zip", Binary, Some("msi")),
            ("Atlas_1.0.0_x64-setup.exe", Installer, Some("nsis")),
            ("Atlas_1.0.0_x64-setup.nsis.zip", Binary, Some("nsis")),
            ("Atlas.exe", Installer, Some("nsis")),
            ("Atlas.exe", Binary, None),
            ("Atlas.app.tar.gz", Binary, Some("app")),
            ("Atlas_1.0.0_aarch64.dmg", Installer, None),
            ("Atlas.tar.gz", Binary, None),
        ] {
            assert_eq!(bundle(name, kind), expected, "{name}");
        }
    }

    #[test]
    fn platforms_by_their_names_in_tauri() {
        let names: Vec<String> = Platform::ALL.into_iter().map(target).collect();
        assert_eq!(
            names,
            [
                "windows-x86_64",
                "windows-aarch64",
                "darwin-x86_64",
                "darwin-aarch64",
                "linux-x86_64",
                "linux-aarch64"
            ]
        );
    }
}
