//! Publishing: a look at what the Hub has, the uploads, and one registration for each platform of
//! each product, in that order, so that a refusal comes before any change and no platform is ever
//! registered in part.

mod files;
mod journal;
mod last;
mod preflight;
mod upload;

pub use journal::{Journal, JournalError};
pub use last::{LastFile, LastPublished};
pub use preflight::{Preflight, preflight};

use crate::artifacts::{LocalArtifact, by_platform};
use crate::events::{Event, Reporter};
use crate::settings::PublishSettings;
use hub_client::{ClientError, HubClient};
use release_types::{
    Artifact, Asset, Channel, ObjectKey, Platform, PresignRequest, PresignResponse, ProductName,
    PublishRequest, Release, Sha256Digest,
};
use upload::{Sender, lists_objects, upload_all};

/// How many uploads run side by side unless told otherwise.
pub const DEFAULT_UPLOADS: usize = 4;

/// What is to be published where.
#[derive(Debug, Clone, Copy)]
pub struct Publication<'a> {
    /// The version.
    pub version: &'a semver::Version,
    /// The channel.
    pub channel: Channel,
    /// The files.
    pub artifacts: &'a [LocalArtifact],
    /// Which of them the Hub lists and does not give out as they are: they are sent again.
    pub damaged: &'a [ObjectKey],
    /// What earlier runs have noted, and where this one notes what it does.
    pub journal: Option<&'a Journal>,
}

/// Why a release is not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The channel's newest version is higher.
    #[error(
        "{product} {version} is older than {latest}, which is the newest on channel {channel} for {platform}"
    )]
    Older {
        /// The product.
        product: ProductName,
        /// The version that was to be published.
        version: semver::Version,
        /// The version that is there.
        latest: String,
        /// The channel.
        channel: Channel,
        /// The platform.
        platform: Platform,
    },
    /// The version is there with other bytes.
    #[error(
        "{key} is published already with other bytes: the Hub has sha256 {published}, this build has {built}"
    )]
    Conflict {
        /// The key.
        key: ObjectKey,
        /// The digest on the Hub.
        published: Sha256Digest,
        /// The digest of the local file.
        built: Sha256Digest,
    },
    /// The version is there with a file that is not among those to be published.
    #[error(
        "{product} {version} is published already for {platform} with `{filename}`, which is not part of this release"
    )]
    Extra {
        /// The product.
        product: ProductName,
        /// The version.
        version: semver::Version,
        /// The platform.
        platform: Platform,
        /// The file.
        filename: String,
    },
    /// The storage holds other bytes under the key and keeps them.
    #[error("the storage refuses to replace {key} (this build has sha256 {built})")]
    Immutable {
        /// The key.
        key: ObjectKey,
        /// The digest of the local file.
        built: Sha256Digest,
        /// What the storage said.
        source: ClientError,
    },
    /// The date of a backport would make it the newest on a Hub that goes by dates.
    #[error(
        "--published-at {given} is not before {newest}, when the newest release of the channel was published, so a backport could become the newest"
    )]
    BackportDate {
        /// The date that was given.
        given: jiff::Timestamp,
        /// The newest release's.
        newest: jiff::Timestamp,
    },
    /// The release would be dated by a clock that is ahead of the Hub's.
    #[error(
        "this machine's clock is {ahead:#} ahead of the Hub's, so the release would be dated in the future"
    )]
    Clock {
        /// By how much.
        ahead: jiff::SignedDuration,
    },
    /// The journal cannot be used. Nothing is registered then that was not before.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What was registered is not what was sent.
    #[error("the Hub did not take the release as it was sent")]
    Altered(#[source] ClientError),
    /// The Hub could not be asked or said no.
    #[error(transparent)]
    Client(#[from] ClientError),
}

async fn presign(
    client: &HubClient,
    key: &ObjectKey,
    artifact: Option<&LocalArtifact>,
) -> Result<PresignResponse, ClientError> {
    client
        .presign(&PresignRequest {
            size: artifact.map(|a| a.size),
            sha256: artifact.map(|a| a.sha256),
            ..PresignRequest::upload(key.clone())
        })
        .await
}

impl PublishError {
    /// Whether the Hub keeps what it has and will not have this instead.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Conflict { .. } | Self::Extra { .. } | Self::Immutable { .. }
        )
    }
}

/// One platform of one product: what is registered by one call.
struct Group<'a> {
    product: &'a ProductName,
    platform: Platform,
    artifacts: Vec<&'a LocalArtifact>,
    /// What the channel has of it.
    published: Option<Release>,
    /// Files of it that some channel has with the same bytes.
    stored: Vec<&'a LocalArtifact>,
    /// Whether the Hub has lost or damaged some of its bytes.
    damaged: bool,
}

impl Group<'_> {
    /// Whether the channel lists all of it, and nothing else, as it is.
    fn is_complete(&self) -> bool {
        let published = self.published.as_ref();
        let listed = published.is_some_and(|release| {
            release.assets.len() == self.artifacts.len()
                && self.artifacts.iter().all(|artifact| {
                    release.assets.iter().any(|asset| {
                        asset.filename == artifact.filename.as_str() && asset.kind == artifact.kind
                    })
                })
        });
        listed && !self.damaged
    }
}

/// Publishes a release.
///
/// What the Hub has already, with the same bytes, is left alone, download ids included; what it has
/// damaged is sent again, and keeps its notes and its date.
///
/// # Errors
/// When the Hub has other bytes, refuses, or cannot be reached.
pub async fn publish(
    client: &HubClient,
    release: Publication<'_>,
    preflight: &Preflight,
    settings: &PublishSettings,
    now: jiff::Timestamp,
    reporter: &dyn Reporter,
) -> Result<(), PublishError> {
    reporter.stage(
        "publishing",
        format!("{} to {}", release.version, client.hub()),
    );
    let mut groups = group(&release);
    for group in &mut groups {
        inspect(client, &release, group).await?;
    }
    let open: Vec<&Group<'_>> = groups.iter().filter(|group| !group.is_complete()).collect();
    let sender = Sender {
        client,
        release,
        reporter,
        lists_objects: lists_objects(preflight),
    };
    let uploads = upload_all(sender, &open, settings.uploads).await?;
    // Before the first registration: a disk that takes no more must not end the run between two.
    if let Some(journal) = release.journal {
        for group in &open {
            let files = &group.artifacts;
            journal.registers(files, release.channel, false).await?;
        }
    }
    for group in &groups {
        let (product, platform) = (group.product, group.platform);
        if group.is_complete() {
            if settings.notes.is_some() || settings.published_at.is_some() {
                reporter.warn(format!(
                    "{product} for {platform} is published already: its notes and date stay as they are"
                ));
            }
            for artifact in &group.artifacts {
                report_upload(reporter, artifact, true);
            }
            reporter.event(Event::Registered {
                product: product.clone(),
                platform,
                unchanged: true,
            });
            continue;
        }
        let own = group.published.as_ref().filter(|_| group.damaged);
        // One date for all platforms of a product: a date that an earlier run has given it stays.
        let earlier = groups
            .iter()
            .filter(|other| other.product == product)
            .find_map(|other| other.published.as_ref().map(|release| release.published_at));
        let backport = preflight
            .newest
            .get(product)
            .map(|newest| *newest - jiff::SignedDuration::from_secs(1));
        let published_at = own
            .map(|release| release.published_at)
            .or(settings.published_at)
            .or(backport)
            .or(earlier)
            .unwrap_or(now);
        let request = PublishRequest {
            version: release.version.to_string(),
            channel: release.channel,
            platform,
            artifacts: group
                .artifacts
                .iter()
                .map(|artifact| Artifact {
                    key: artifact.key.clone(),
                    provider: uploads.provider(&artifact.key),
                    filename: artifact.filename.clone(),
                    size: artifact.size,
                    sha256: artifact.sha256,
                    kind: artifact.kind,
                })
                .collect(),
            notes: settings.notes.clone().filter(|_| !group.damaged),
            published_at: Some(published_at),
        };
        uploads
            .settled(sender, group, || client.publish(product, &request))
            .await?;
        if let Some(journal) = release.journal {
            let noted = journal.registers(&group.artifacts, release.channel, true);
            if let Err(error) = noted.await {
                // It is done, and the Hub says so to whoever asks.
                reporter.warn(crate::error::with_causes(&error));
            }
        }
        reporter.event(Event::Registered {
            product: product.clone(),
            platform,
            unchanged: false,
        });
    }
    Ok(())
}

fn group<'a>(release: &Publication<'a>) -> Vec<Group<'a>> {
    by_platform(release.artifacts)
        .into_iter()
        .map(|((product, platform), artifacts)| Group {
            product,
            platform,
            damaged: artifacts.iter().any(|a| release.damaged.contains(&a.key)),
            artifacts,
            published: None,
            stored: Vec::new(),
        })
        .collect()
}

/// Looks for the version on every channel, since a key knows no channel: the same name with other
/// bytes anywhere is a conflict.
async fn inspect(
    client: &HubClient,
    release: &Publication<'_>,
    group: &mut Group<'_>,
) -> Result<(), PublishError> {
    let version = release.version.to_string();
    for &channel in Channel::ALL {
        let found = client
            .release(group.product, &version, group.platform, channel)
            .await?;
        let Some(found) = found else { continue };
        for asset in &found.assets {
            let local = group
                .artifacts
                .iter()
                .find(|a| a.filename.as_str() == asset.filename);
            match local {
                Some(local) if is_same(local, asset) => {
                    let whole = !release.damaged.contains(&local.key);
                    group.stored.extend(whole.then_some(local));
                }
                Some(local) => {
                    return Err(PublishError::Conflict {
                        key: local.key.clone(),
                        published: asset.sha256,
                        built: local.sha256,
                    });
                }
                None if channel == release.channel => {
                    return Err(PublishError::Extra {
                        product: group.product.clone(),
                        version: release.version.clone(),
                        platform: group.platform,
                        filename: asset.filename.clone(),
                    });
                }
                None => {}
            }
        }
        if channel == release.channel {
            group.published = Some(found);
        }
    }
    Ok(())
}

fn is_same(local: &LocalArtifact, asset: &Asset) -> bool {
    local.sha256 == asset.sha256 && local.size == asset.size
}

fn report_upload(reporter: &dyn Reporter, artifact: &LocalArtifact, unchanged: bool) {
    reporter.event(Event::Uploaded {
        key: artifact.key.to_string(),
        size: artifact.size,
        sha256: artifact.sha256,
        unchanged,
    });
}
