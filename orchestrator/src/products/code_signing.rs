//! What a workspace says of the signatures that operating systems ask for: Authenticode on Windows,
//! Developer ID on macOS. Nothing is signed so where the table is missing.
//!
//! ```toml
//! [workspace.metadata.atlas-release.windows-sign]
//! timestamp-url = "http://timestamp.example.com"
//!
//! [workspace.metadata.atlas-release.macos-sign]
//! identity = "Developer ID Application: Example Ltd (ABCDE12345)"
//! entitlements = "macos/entitlements.plist"
//! notarize = true
//! ```

use serde::Deserialize;
use std::path::{Path, PathBuf};
use url::Url;

/// How programs are code-signed; not at all where a system's part is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeSignSettings {
    /// For Windows.
    pub windows: Option<WindowsSign>,
    /// For macOS.
    pub macos: Option<MacosSign>,
}

/// Authenticode.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WindowsSign {
    /// The server that says when it was signed (RFC 3161). Without its word a signature ends with its
    /// certificate.
    pub timestamp_url: String,
    /// Whether nothing may be built for release that is not signed.
    #[serde(default)]
    pub required: bool,
}

/// Developer ID, and Apple's notary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MacosSign {
    /// The identity's name, or a part of it; not needed where the certificate holds one alone.
    pub identity: Option<String>,
    /// A property list with what the programs may do beyond the hardened runtime's bounds; below the
    /// workspace's folder in Cargo.toml, absolute here.
    pub entitlements: Option<PathBuf>,
    /// The server that says when it was signed; Apple's where none is named.
    pub timestamp_url: Option<String>,
    /// Whether what is signed is shown to Apple's notary.
    #[serde(default)]
    pub notarize: bool,
    /// Whether nothing may be built for release that is not signed.
    #[serde(default)]
    pub required: bool,
}

impl CodeSignSettings {
    /// The settings of a workspace at `root`.
    ///
    /// # Errors
    /// What cannot be used, in words.
    pub(super) fn of(
        windows: Option<WindowsSign>,
        macos: Option<MacosSign>,
        root: &Path,
    ) -> Result<Self, String> {
        if let Some(windows) = &windows {
            check_url("windows-sign", &windows.timestamp_url)?;
        }
        let Some(mut macos) = macos else {
            return Ok(Self { windows, macos });
        };
        if let Some(url) = &macos.timestamp_url {
            check_url("macos-sign", url)?;
        }
        if macos
            .identity
            .as_deref()
            .is_some_and(|name| name.trim().is_empty())
        {
            return Err("`macos-sign.identity` is empty".to_owned());
        }
        if let Some(named) = &macos.entitlements {
            let path = root.join(named);
            if !path.is_file() {
                let path = path.display();
                return Err(format!(
                    "`macos-sign.entitlements`: there is no file {path}"
                ));
            }
            macos.entitlements = Some(path);
        }
        let macos = Some(macos);
        Ok(Self { windows, macos })
    }
}

/// The server's word is signed, so plain http will do, and most servers have nothing else. The address is
/// an argument and is recorded, so it may hold no password.
fn check_url(table: &str, text: &str) -> Result<(), String> {
    let at = |why: &str| Err(format!("`{table}.timestamp-url`: {why}"));
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            at("it has to begin with http:// or https://")
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            at("it may hold no user and no password, since it is recorded")
        }
        Ok(_) => Ok(()),
        Err(error) => at(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::WorkspaceSection;

    fn settings(text: &str, root: &Path) -> Result<CodeSignSettings, String> {
        let section: WorkspaceSection = toml::from_str(text).map_err(|e| e.to_string())?;
        CodeSignSettings::of(section.windows_sign, section.macos_sign, root)
    }

    #[test]
    fn it_is_off_until_somebody_says_how() {
        let root = tempfile::tempdir().unwrap();
        let of = |text: &str| settings(text, root.path()).unwrap();
        assert_eq!(of(""), CodeSignSettings::default());
        let windows = of("[windows-sign]\ntimestamp-url = 'http://time.example.com'\n");
        assert!(!windows.windows.unwrap().required);
        assert_eq!(windows.macos, None);
        assert_eq!(of("[macos-sign]\n").macos, Some(MacosSign::default()));
        std::fs::write(root.path().join("e.plist"), "<plist/>").unwrap();
        let macos = of("[macos-sign]\nentitlements = 'e.plist'\nnotarize = true\n").macos;
        let macos = macos.unwrap();
        assert_eq!(macos.entitlements, Some(root.path().join("e.plist")));
        assert!(macos.notarize);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (text, says) in [
            ("[windows-sign]\n", "missing field `timestamp-url`"),
            (
                "[windows-sign]\ntimestamp-url = 'ftp://x'\n",
                "windows-sign.timestamp-url",
            ),
            (
                "[windows-sign]\ntimestamp-url = 'http://u:p@x'\n",
                "no password",
            ),
            ("[windows-sign]\ntimestamp-url = 'x'\n", "relative URL"),
            (
                "[windows-sign]\ntimestamp-url = 'http://x'\npassword = 'p'\n",
                "unknown field `password`",
            ),
            (
                "[macos-sign]\ntimestamp-url = ''\n",
                "macos-sign.timestamp-url",
            ),
            ("[macos-sign]\nidentity = ' '\n", "macos-sign.identity"),
            (
                "[macos-sign]\nentitlements = 'none'\n",
                "there is no file /w/none",
            ),
            ("[macos-sign]\ncolour = 'red'\n", "unknown field `colour`"),
        ] {
            let error = settings(text, Path::new("/w")).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
