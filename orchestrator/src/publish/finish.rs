//! What one machine leaves for another one: a release that is staged on the Hub, and its end.

use super::group::ASKED_AT_ONCE;
use super::register::{Targets, finalize, named, read, with_files};
use super::{Publication, PublishError};
use crate::artifacts::LocalArtifact;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hub_client::{AnswerProblem, ClientError, HubClient};
use release_types::{Channel, FileName, Platform, ProductName, Release, artifact_key};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

/// The version of [`StagedOnHub`]'s form.
pub const STAGED_FORMAT: u32 = 1;

/// What is uploaded to a Hub and not shown by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StagedOnHub {
    /// The version of this document's form.
    pub format: u32,
    /// The Hub's address.
    pub hub: String,
    /// The products, by name.
    pub products: Vec<ProductName>,
    /// The version.
    pub version: semver::Version,
    /// The channel.
    pub channel: Channel,
    /// The platforms.
    pub platforms: Vec<Platform>,
    /// Whether the Hub keeps the lists of files as drafts; else it has the bytes alone.
    pub drafts: bool,
    /// The command that shows the release.
    pub command: String,
    /// Whether all of it is published already, so that there is nothing to show.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub published: bool,
}

impl fmt::Display for StagedOnHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let products: Vec<&str> = self.products.iter().map(ProductName::as_str).collect();
        let platforms: Vec<String> = self.platforms.iter().map(Platform::to_string).collect();
        let what = match self.published {
            true => "published",
            false => "staged   ",
        };
        writeln!(
            f,
            "{what} {} {} for {} on channel {}",
            products.join(", "),
            self.version,
            platforms.join(", "),
            self.channel
        )?;
        writeln!(f, "hub       {}", self.hub)?;
        if self.published {
            return write!(
                f,
                "to finish nothing: it was published already, and stays as it is"
            );
        }
        let kept = match self.drafts {
            true => "as drafts, which nobody sees",
            false => "the bytes alone: this Hub has no drafts, so whoever finishes needs dist/",
        };
        writeln!(f, "kept      {kept}")?;
        write!(f, "to finish {}", self.command)
    }
}

/// The platforms of products that are required and not among the files of the release.
pub(super) fn elsewhere(release: &Publication<'_>) -> Targets {
    let of = |artifact: &LocalArtifact| (artifact.product.clone(), artifact.platform);
    beside(release.artifacts.iter().map(of).collect(), release.require)
}

/// What is required of the products beside what is here.
fn beside(here: Targets, require: &[Platform]) -> Targets {
    let products: BTreeSet<_> = here.iter().map(|(product, _)| product.clone()).collect();
    let mut all = of_all(&products, require);
    all.retain(|target| !here.contains(target));
    all
}

fn of_all<'p>(
    products: impl IntoIterator<Item = &'p ProductName>,
    platforms: &[Platform],
) -> Targets {
    let all = products.into_iter().flat_map(|product| {
        let of_one = platforms.iter();
        of_one.map(move |platform| (product.clone(), *platform))
    });
    all.collect()
}

/// Makes sure, before anything is built, that what is required of a release beside `here` is
/// published: on a Hub without drafts nobody can tell otherwise that it is there.
///
/// # Errors
/// [`PublishError::Incomplete`] names what is missing; or the Hub could not be asked.
pub async fn check_elsewhere(
    client: &HubClient,
    release: &Publication<'_>,
    here: impl IntoIterator<Item = (ProductName, Platform)>,
) -> Result<(), PublishError> {
    let targets = beside(here.into_iter().collect(), release.require);
    are_published(client, release, &targets).await
}

pub(super) async fn are_published(
    client: &HubClient,
    release: &Publication<'_>,
    targets: &Targets,
) -> Result<(), PublishError> {
    let asked: Vec<_> = targets
        .iter()
        .map(|(product, platform)| read(client, release, (product, *platform)))
        .collect();
    let found: Vec<Option<Release>> = futures_util::stream::iter(asked)
        .buffered(ASKED_AT_ONCE)
        .try_collect()
        .await?;
    // What is listed without a file is no more there than what is not listed.
    let is_there = |one: &Option<Release>| one.as_ref().is_some_and(|one| !one.assets.is_empty());
    let missing = targets.iter().zip(&found);
    let missing = missing.filter(|(_, one)| !is_there(one));
    let missing: Vec<String> = missing.map(|(target, _)| named(target)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(PublishError::Incomplete {
        missing,
        source: None,
    })
}

/// Shows a release that was staged earlier, by its name alone, and returns its files as the Hub lists
/// them.
///
/// # Errors
/// When something was never staged, the Hub refuses or lists no file of something, or it cannot be
/// reached.
pub async fn finish(
    client: &HubClient,
    release: &Publication<'_>,
    products: &[ProductName],
) -> Result<Vec<LocalArtifact>, PublishError> {
    let targets = of_all(products, release.require);
    let shown = finalize(client, release, &targets, &[]).await?;
    let mut files = Vec::new();
    for release in &shown {
        files.extend(as_listed(client, release)?);
    }
    Ok(files)
}

/// The files of the platforms that are required and that somebody else has uploaded, as the Hub lists
/// them.
///
/// # Errors
/// When one of them is not published or has no files, or the Hub cannot be asked.
pub async fn of_others(
    client: &HubClient,
    release: &Publication<'_>,
) -> Result<Vec<LocalArtifact>, PublishError> {
    let targets = elsewhere(release);
    let mut lists = Vec::with_capacity(targets.len());
    for target in &targets {
        let (product, platform) = target;
        let found = read(client, release, (product, *platform)).await?;
        lists.push(found.ok_or_else(|| PublishError::Incomplete {
            missing: vec![named(target)],
            source: None,
        })?);
    }
    let mut files = Vec::new();
    for list in with_files(client, &targets, lists)? {
        files.extend(as_listed(client, &list)?);
    }
    Ok(files)
}

/// A list of files as those of this machine are described. There is nothing behind their paths.
fn as_listed(client: &HubClient, release: &Release) -> Result<Vec<LocalArtifact>, ClientError> {
    let (product, platform) = (&release.product, release.platform);
    let unusable = |problem| ClientError::UnexpectedAnswer {
        host: client.hub().host(),
        what: format!("read {product} {} for {platform}", release.version),
        problem: AnswerProblem::Unusable(problem),
    };
    let version = release.version.parse();
    let version: semver::Version = version.map_err(|_| unusable("the version"))?;
    let file = |asset: &release_types::Asset| {
        let filename: FileName = asset.filename.parse().ok()?;
        let key = artifact_key(product, &version, platform, &filename).ok()?;
        Some(LocalArtifact {
            product: product.clone(),
            platform,
            kind: asset.kind,
            filename,
            key,
            path: PathBuf::new(),
            size: asset.size,
            sha256: asset.sha256,
            modified: None,
        })
    };
    let files = release.assets.iter().map(file);
    files
        .collect::<Option<_>>()
        .ok_or_else(|| unusable("the name of a file"))
}
