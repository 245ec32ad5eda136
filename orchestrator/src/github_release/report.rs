//! What a run ends with: what is on GitHub now.

use release_types::Sha256Digest;
use serde::Serialize;
use std::fmt;

/// The version of the document's form.
pub(super) const FORMAT: u32 = 1;

/// A release that is on GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Released {
    /// The version of this document's form.
    pub format: u32,
    /// The address of GitHub's API.
    pub api: String,
    /// `owner/name`.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The commit the tag is at, which is the one that was built.
    pub commit: String,
    /// Its page.
    pub url: String,
    /// Whether it is marked as a pre-release.
    pub prerelease: bool,
    /// Whether this run has made it GitHub's latest; nothing where the release was there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<bool>,
    /// Whether all of it was there already, so that nothing was changed.
    pub unchanged: bool,
    /// Its files, by name.
    pub assets: Vec<ReleasedAsset>,
}

/// One of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleasedAsset {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Their digest, here and on GitHub.
    pub sha256: Sha256Digest,
    /// Where anybody downloads it.
    pub url: String,
}

impl fmt::Display for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            repository,
            tag,
            commit,
            url,
            ..
        } = self;
        writeln!(f, "release   {tag} of {repository}")?;
        writeln!(f, "source    {tag} at {commit}")?;
        writeln!(f, "page      {url}")?;
        let kind = match (self.prerelease, self.latest) {
            (true, _) => "a pre-release",
            (false, Some(true)) => "the latest release",
            (false, Some(false)) => "a release, and not the latest",
            (false, None) => "a release that was there already",
        };
        write!(f, "marked    {kind}")?;
        for asset in &self.assets {
            let ReleasedAsset {
                name,
                size,
                sha256,
                url,
            } = asset;
            write!(
                f,
                "\n  {name} ({size} bytes)\n           sha256 {sha256}\n           {url}"
            )?;
        }
        Ok(())
    }
}
