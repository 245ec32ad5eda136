//! Publishing: a look at what the Hub has, the uploads, and one registration for each platform of
//! each product, in that order, so that a refusal comes before any change and no platform is ever
//! registered in part. Nobody sees any of it before all of it is there.

mod files;
mod finish;
mod group;
mod journal;
mod last;
mod places;
mod preflight;
mod register;
mod upload;

pub use finish::{STAGED_FORMAT, StagedOnHub, check_elsewhere, finish, of_others};
pub use journal::{Journal, JournalError};
pub use last::{LastFile, LastPublished};
pub use preflight::{Preflight, not_older, preflight};

use crate::artifacts::LocalArtifact;
use crate::events::{Event, Reporter};
use crate::plan::shortened;
use crate::settings::PublishSettings;
use group::Group;
use hub_client::{ClientError, HubClient};
use places::Uploads;
use register::Registrar;
use release_types::{
    Channel, ObjectKey, Platform, PresignRequest, PresignResponse, ProductName, Sha256Digest,
};
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};
use upload::{Sender, upload_all};

/// How often a release is tried that another run may be publishing at the same time.
const ROUNDS: u32 = 4;

/// How long is waited for that one at most, but for half a second.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

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
    /// The platforms that have to be there before anything is shown, whoever uploads them; those of
    /// the files are required without being named.
    pub require: &'a [Platform],
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
    /// Something that is required is not there.
    #[error(
        "the release is not complete, so nothing of it was made visible{}",
        named(missing)
    )]
    Incomplete {
        /// What is missing, where that was found out here.
        missing: Vec<String>,
        /// What the Hub said, where it was the Hub that found out.
        source: Option<ClientError>,
    },
    /// The Hub says that it shows something, and lists not one file of it.
    #[error("{hub} shows {} without a file, so nothing of it is proven", what.join(", "))]
    NoFiles {
        /// The Hub's address.
        hub: String,
        /// The products and platforms.
        what: Vec<String>,
    },
    /// A release is to be finished by its name, on a Hub that keeps no drafts.
    #[error("{hub} keeps no drafts, so it has bytes and does not know which of them are a release")]
    NoDrafts {
        /// The Hub's address.
        hub: String,
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

    /// Whether another run that publishes the same version may be why: bytes that were uploaded a
    /// moment ago are no longer those that are stored.
    fn may_be_a_rivals(&self) -> bool {
        matches!(
            self,
            Self::Altered(ClientError::Conflict { .. })
                | Self::Incomplete {
                    source: Some(_),
                    ..
                }
        )
    }
}

fn named(missing: &[String]) -> String {
    match missing {
        [] => String::new(),
        missing => format!(": {} is missing", missing.join(", ")),
    }
}

/// How a release is published.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The Hub.
    pub client: &'a HubClient,
    /// What it has said beforehand.
    pub preflight: &'a Preflight,
    /// What the run was asked for.
    pub settings: &'a PublishSettings,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
}

/// Publishes a release: all of it, or nothing that anybody sees.
///
/// What the Hub has already, with the same bytes, is left alone, download ids included; what it has
/// damaged is sent again, and keeps its notes and its date.
///
/// # Errors
/// When the Hub has other bytes, something that is required is missing, the Hub refuses, or it
/// cannot be reached.
pub async fn publish(
    means: Means<'_>,
    release: Publication<'_>,
    now: jiff::Timestamp,
) -> Result<(), PublishError> {
    let Means {
        client, reporter, ..
    } = means;
    reporter.stage(
        "publishing",
        format!("{} to {}", release.version, client.hub()),
    );
    let elsewhere = finish::elsewhere(&release);
    if !means.preflight.has_drafts() {
        finish::are_published(client, &release, &elsewhere).await?;
    }
    let mut round = 1;
    loop {
        let began = Instant::now();
        let error = match publish_once(means, &release, now).await {
            // Where others have to do their part, that they have not is the likelier reason.
            Err(error) if error.may_be_a_rivals() && elsewhere.is_empty() && round < ROUNDS => {
                error
            }
            outcome => return outcome,
        };
        let pause = pause(round, began.elapsed());
        round += 1;
        reporter.warn(format!(
            "{}; another run may be publishing the same version: it is looked at again in {:.1} s",
            crate::error::with_causes(&error),
            pause.as_secs_f32()
        ));
        tokio::time::sleep(pause).await;
    }
}

async fn publish_once(
    means: Means<'_>,
    release: &Publication<'_>,
    now: jiff::Timestamp,
) -> Result<(), PublishError> {
    let groups = Group::all(means.client, release).await?;
    tell_additions(means.reporter, release, &groups);
    let registrar = Registrar::of(means, release, upload(means, release, &groups).await?);
    if !means.preflight.has_drafts() {
        return registrar.at_once(&groups, now).await;
    }
    registrar.as_drafts(&groups).await?;
    registrar.show(&groups, &finish::elsewhere(release)).await
}

/// Uploads a release for another run to show, and registers it as drafts where the Hub has them.
///
/// Whether all of it is published already, so that nothing is left to be shown, is what it returns.
///
/// # Errors
/// As [`publish`], but for what is required.
pub async fn stage(means: Means<'_>, release: Publication<'_>) -> Result<bool, PublishError> {
    let Means {
        client, reporter, ..
    } = means;
    reporter.stage(
        "staging",
        format!("{} on {}", release.version, client.hub()),
    );
    let groups = Group::all(client, &release).await?;
    tell_additions(reporter, &release, &groups);
    let uploads = upload(means, &release, &groups).await?;
    if means.preflight.has_drafts() {
        let registrar = Registrar::of(means, &release, uploads);
        registrar.as_drafts(&groups).await?;
    }
    for group in groups.iter().filter(|group| group.is_complete()) {
        let (product, platform) = (group.product, group.platform);
        reporter.note(format!("{product} for {platform} is published already"));
    }
    Ok(groups.iter().all(Group::is_complete))
}

/// Says which files come to what is published already. That is allowed, since no byte of it changes; but who
/// has installed from it knows nothing of them.
fn tell_additions(reporter: &dyn Reporter, release: &Publication<'_>, groups: &[Group<'_>]) {
    for group in groups {
        let added = group.additions();
        if added.is_empty() {
            continue;
        }
        let files = if added.len() == 1 { "file" } else { "files" };
        reporter.warn(format!(
            "adds {} {files} to a published release, {} {} for {}: {}",
            added.len(),
            group.product,
            release.version,
            group.platform,
            shortened(&added)
        ));
    }
}

/// Uploads what is not complete, and tells where it is.
async fn upload(
    means: Means<'_>,
    release: &Publication<'_>,
    groups: &[Group<'_>],
) -> Result<Uploads, PublishError> {
    let open: Vec<&Group<'_>> = groups.iter().filter(|group| !group.is_complete()).collect();
    upload_all(Sender::of(means, release), &open, means.settings.uploads).await
}

/// How long is waited for another run after a round that took so long: of two that wait for one another,
/// one begins first. The longer a round takes, the likelier the next two overlap as well, so the time that
/// is drawn from grows with it, and doubles with each round.
fn pause(round: u32, took: Duration) -> Duration {
    let window = took
        .saturating_mul(1 << round.min(8))
        .saturating_add(Duration::from_secs(2));
    let window = window.min(LONGEST_PAUSE);
    let drawn = RandomState::new().hash_one(0) % 1000;
    let drawn = u32::try_from(drawn).unwrap_or_default();
    Duration::from_millis(500) + window * drawn / 1000
}

fn report_upload(reporter: &dyn Reporter, artifact: &LocalArtifact, unchanged: bool) {
    reporter.event(Event::Uploaded {
        key: artifact.key.to_string(),
        size: artifact.size,
        sha256: artifact.sha256,
        unchanged,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_collides_again_waits_longer_and_not_for_ever() {
        let longest = |round, took| {
            let all = (0..2000).map(|_| pause(round, Duration::from_secs(took)));
            all.max().unwrap_or_default().as_secs()
        };
        assert!((2..3).contains(&longest(1, 0)));
        // Twice, four times and eight times what a round took, and two seconds.
        assert!((18..=22).contains(&longest(1, 10)));
        assert!((36..=42).contains(&longest(2, 10)));
        assert!((54..=60).contains(&longest(3, 10)));
        assert!((54..=60).contains(&longest(u32::MAX, u64::MAX)));
        assert!(pause(1, Duration::ZERO) >= Duration::from_millis(500));
    }
}
