//! What GitHub's REST API says of releases, as much of it as counts here. Fields that it may have beside
//! these are not looked at.

use jiff::Timestamp;
use release_types::Sha256Digest;
use serde::{Deserialize, Serialize};

/// A release.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RemoteRelease {
    pub id: u64,
    pub tag_name: String,
    #[serde(default)]
    pub name: Option<String>,
    pub html_url: String,
    pub upload_url: String,
    pub draft: bool,
    #[serde(default)]
    pub prerelease: bool,
    #[serde(default)]
    pub body: Option<String>,
    /// Of a long list only its beginning.
    #[serde(default)]
    pub assets: Vec<RemoteAsset>,
}

/// A file of a release.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RemoteAsset {
    pub id: u64,
    pub name: String,
    /// `uploaded`; anything else is not finished.
    pub state: String,
    pub size: u64,
    /// `sha256:…`; nothing on older Enterprise servers.
    #[serde(default)]
    pub digest: Option<String>,
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    #[serde(default)]
    pub browser_download_url: String,
}

impl RemoteAsset {
    /// Whether all of it has come.
    pub fn is_uploaded(&self) -> bool {
        self.state == "uploaded"
    }

    /// The digest that GitHub itself has computed, where it says one of this kind.
    pub fn sha256(&self) -> Option<Sha256Digest> {
        self.digest.as_ref()?.strip_prefix("sha256:")?.parse().ok()
    }
}

/// A reference of the repository, such as a tag.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct GitRef {
    #[serde(rename = "ref")]
    pub name: String,
    pub object: GitObject,
}

/// An annotated tag.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TagObject {
    pub object: GitObject,
}

/// What a reference or a tag points at.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct GitObject {
    pub sha: String,
    #[serde(rename = "type")]
    pub kind: String,
}

/// Why a request is refused.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Fault {
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub errors: Vec<FieldFault>,
}

/// One thing that is wrong with it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum FieldFault {
    /// In words alone.
    Text(String),
    /// With a word for programs.
    Field {
        #[serde(default)]
        field: String,
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    },
    /// In no form that is known.
    Other(serde::de::IgnoredAny),
}

/// A release that is to be made, or how one is to be changed; what is left out stays as it is.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Change<'a> {
    pub tag_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a str>,
    pub draft: bool,
    pub prerelease: bool,
    /// `true` or `false`, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub make_latest: Option<&'static str>,
}
