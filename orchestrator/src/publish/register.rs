//! Registering: what is uploaded becomes a release.
//!
//! Where the Hub has drafts, every platform is registered as one, and a single call then shows all of
//! them. Elsewhere the registrations come right after one another, at the very end.

use super::group::{ASKED_AT_ONCE, Group};
use super::places::Uploads;
use super::upload::Sender;
use super::{Means, Preflight, Publication, PublishError};
use crate::events::{Event, Reporter};
use crate::settings::PublishSettings;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hub_client::{ClientError, HubClient};
use release_types::{
    Artifact, FinalizeRelease, FinalizeRequest, ObjectKey, Platform, ProductName, PublishRequest,
    Release, Sha256Digest,
};
use std::collections::{BTreeMap, BTreeSet};

impl Preflight {
    /// Whether the Hub keeps drafts: platforms that nobody sees before all of them are shown.
    pub fn has_drafts(&self) -> bool {
        let hub = self.capabilities.as_ref();
        hub.is_some_and(|hub| hub.has("draft"))
    }
}

/// Platforms of products.
pub(super) type Targets = BTreeSet<(ProductName, Platform)>;

/// Registers what is uploaded.
pub(super) struct Registrar<'a> {
    pub(super) client: &'a HubClient,
    pub(super) release: &'a Publication<'a>,
    pub(super) preflight: &'a Preflight,
    pub(super) settings: &'a PublishSettings,
    pub(super) reporter: &'a dyn Reporter,
    sender: Sender<'a>,
    /// Where the files are.
    uploads: Uploads,
}

impl<'a> Registrar<'a> {
    pub(super) fn of(means: Means<'a>, release: &'a Publication<'a>, uploads: Uploads) -> Self {
        Self {
            client: means.client,
            release,
            preflight: means.preflight,
            settings: means.settings,
            reporter: means.reporter,
            sender: Sender::of(means, release),
            uploads,
        }
    }
}

impl Registrar<'_> {
    /// Registers every group that is not complete, one right after the other. All that nobody has
    /// given a date get this one.
    pub(super) async fn at_once(
        &self,
        groups: &[Group<'_>],
        now: jiff::Timestamp,
    ) -> Result<(), PublishError> {
        self.note(groups).await?;
        for group in groups {
            if group.is_complete() {
                self.unchanged(group);
                continue;
            }
            let date = self.date(group, groups).unwrap_or(now);
            let publish = async |uploads: &Uploads| {
                let request = self.request(group, Some(date), uploads);
                self.client.publish(group.product, &request).await
            };
            match self.uploads.settled(self.sender, group, publish).await {
                Ok(_) => {}
                Err(PublishError::Client(error)) if error.is_passing() => {
                    self.settle(group, error).await?;
                }
                Err(error) => return Err(error),
            }
            self.registered(group).await;
        }
        Ok(())
    }

    /// Registers every group that is not complete as a draft, which nobody sees. A date that nobody
    /// has given is left to the moment in which they are shown.
    pub(super) async fn as_drafts(&self, groups: &[Group<'_>]) -> Result<(), PublishError> {
        self.note(groups).await?;
        let drafts: Vec<_> = groups
            .iter()
            .filter(|group| !group.is_complete())
            .map(|group| {
                let date = self.date(group, groups);
                async move {
                    let draft = async |uploads: &Uploads| {
                        let request = self.request(group, date, uploads);
                        self.client.publish_draft(group.product, &request).await
                    };
                    self.uploads.settled(self.sender, group, draft).await
                }
            })
            .collect();
        futures_util::stream::iter(drafts)
            .buffered(ASKED_AT_ONCE)
            .try_for_each(|_| std::future::ready(Ok(())))
            .await
    }

    /// Notes that the groups that are not complete are about to be registered, before the first is: a
    /// disk that takes no more must not end the run between two.
    async fn note(&self, groups: &[Group<'_>]) -> Result<(), PublishError> {
        if let Some(journal) = self.release.journal {
            for group in groups.iter().filter(|group| !group.is_complete()) {
                let (files, channel) = (&group.artifacts, self.release.channel);
                journal.registers(files, channel, false).await?;
            }
        }
        Ok(())
    }

    /// Shows the drafts of all groups that are not complete, and of what else is required, in one
    /// moment.
    pub(super) async fn show(
        &self,
        groups: &[Group<'_>],
        elsewhere: &Targets,
    ) -> Result<(), PublishError> {
        // What is complete has no draft of ours. One of somebody else's is not to be shown by us.
        let open = groups.iter().filter(|group| !group.is_complete());
        let mut targets: Targets = open
            .map(|group| (group.product.clone(), group.platform))
            .collect();
        targets.extend(elsewhere.iter().cloned());
        let shown = if targets.is_empty() {
            Vec::new()
        } else {
            finalize(self.client, self.release, &targets, groups).await?
        };
        for group in groups {
            let own = |release: &&Release| {
                (&release.product, release.platform) == (group.product, group.platform)
            };
            match shown.iter().find(own) {
                // Another run may have put a draft of its own in the place of ours.
                Some(release) => {
                    group.check(self.release, release)?;
                    self.registered(group).await;
                }
                None => self.unchanged(group),
            }
        }
        Ok(())
    }

    fn request(
        &self,
        group: &Group<'_>,
        published_at: Option<jiff::Timestamp>,
        uploads: &Uploads,
    ) -> PublishRequest {
        let artifact = |artifact: &&crate::artifacts::LocalArtifact| Artifact {
            key: artifact.key.clone(),
            provider: uploads.provider(&artifact.key),
            filename: artifact.filename.clone(),
            size: artifact.size,
            sha256: artifact.sha256,
            kind: artifact.kind,
        };
        // What is only mended keeps its notes.
        let mended = group.damaged && group.published.is_some();
        PublishRequest {
            version: self.release.version.to_string(),
            channel: self.release.channel,
            platform: group.platform,
            artifacts: group.artifacts.iter().map(artifact).collect(),
            notes: self.settings.notes.clone().filter(|_| !mended),
            published_at,
        }
    }

    /// When a group counts as published, where that is decided already. One date for all platforms of
    /// a product: a date that an earlier run has given it stays.
    fn date(&self, group: &Group<'_>, groups: &[Group<'_>]) -> Option<jiff::Timestamp> {
        let at = |group: &Group<'_>| group.published.as_ref().map(|release| release.published_at);
        let own = Some(group).filter(|group| group.damaged).and_then(at);
        let backport = self.preflight.backports.get(group.product).copied();
        let mut of_product = groups.iter().filter(|other| other.product == group.product);
        own.or(self.settings.published_at)
            .or(backport)
            .or_else(|| of_product.find_map(at))
    }

    /// What came of a registration whose answer did not arrive: the Hub is asked.
    async fn settle(&self, group: &Group<'_>, lost: ClientError) -> Result<(), PublishError> {
        let found = read(self.client, self.release, (group.product, group.platform)).await;
        match found {
            Ok(Some(found)) if group.is_listed_by(&found) => {
                self.told_by_reading(&lost);
                Ok(())
            }
            _ => Err(lost.into()),
        }
    }

    fn told_by_reading(&self, lost: &ClientError) {
        self.reporter
            .warn(format!("{lost}; the Hub shows that it was done"));
    }

    async fn registered(&self, group: &Group<'_>) {
        if let Some(journal) = self.release.journal {
            let noted = journal.registers(&group.artifacts, self.release.channel, true);
            if let Err(error) = noted.await {
                // It is done, and the Hub says so to whoever asks.
                self.reporter.warn(crate::error::with_causes(&error));
            }
        }
        self.event(group, false);
    }

    fn unchanged(&self, group: &Group<'_>) {
        let (product, platform) = (group.product, group.platform);
        if self.settings.notes.is_some() || self.settings.published_at.is_some() {
            self.reporter.warn(format!(
                "{product} for {platform} is published already: its notes and date stay as they are"
            ));
        }
        for artifact in &group.artifacts {
            super::report_upload(self.reporter, artifact, true);
        }
        self.event(group, true);
    }

    fn event(&self, group: &Group<'_>, unchanged: bool) {
        self.reporter.event(Event::Registered {
            product: group.product.clone(),
            platform: group.platform,
            unchanged,
        });
    }
}

/// Shows drafts, all in one moment or none. An answer that does not arrive is made up for by reading:
/// since nothing or everything is shown, what `groups` list tells about the rest.
pub(super) async fn finalize(
    client: &HubClient,
    release: &Publication<'_>,
    targets: &Targets,
    groups: &[Group<'_>],
) -> Result<Vec<Release>, PublishError> {
    let mut platforms: BTreeMap<&ProductName, Vec<Platform>> = BTreeMap::new();
    for (product, platform) in targets {
        platforms.entry(product).or_default().push(*platform);
    }
    let releases = platforms.into_iter();
    let request = FinalizeRequest {
        releases: releases
            .map(|(product, platforms)| FinalizeRelease {
                product: product.clone(),
                version: release.version.to_string(),
                channel: release.channel,
                files: drafted(groups, product, &platforms),
                platforms,
            })
            .collect(),
    };
    let lost = match client.finalize(&request).await {
        Ok(shown) => return with_files(client, targets, shown),
        Err(error @ ClientError::Conflict { .. }) => {
            return Err(PublishError::Incomplete {
                missing: Vec::new(),
                source: Some(error),
            });
        }
        Err(error) if error.is_passing() => error,
        Err(error) => return Err(error.into()),
    };
    let mut shown = Vec::with_capacity(targets.len());
    for (product, platform) in targets {
        let found = read(client, release, (product, *platform)).await;
        let Ok(Some(found)) = found else {
            return Err(lost.into());
        };
        let mut own = groups.iter();
        let own = own.find(|group| (group.product, group.platform) == (product, *platform));
        if own.is_some_and(|group| !group.is_listed_by(&found)) {
            return Err(lost.into());
        }
        shown.push(found);
    }
    with_files(client, targets, shown)
}

/// The releases, if each of the platforms has files: one without any would be proven by reading nothing
/// back.
///
/// # Errors
/// Which have none.
pub(super) fn with_files(
    client: &HubClient,
    targets: &Targets,
    shown: Vec<Release>,
) -> Result<Vec<Release>, PublishError> {
    let has_files = |(product, platform): &(ProductName, Platform)| {
        let mut own = shown.iter();
        own.any(|one| {
            (&one.product, &one.platform) == (product, platform) && !one.assets.is_empty()
        })
    };
    let bare = targets.iter().filter(|target| !has_files(target));
    let bare: Vec<String> = bare.map(named).collect();
    if bare.is_empty() {
        return Ok(shown);
    }
    let hub = client.hub().to_string();
    Err(PublishError::NoFiles { hub, what: bare })
}

/// A platform of a product in words.
pub(super) fn named((product, platform): &(ProductName, Platform)) -> String {
    format!("{product} for {platform}")
}

/// The files of the drafts that this run has registered: where another run has put one of its own in
/// the place of such a draft, the Hub shows neither.
fn drafted(
    groups: &[Group<'_>],
    product: &ProductName,
    platforms: &[Platform],
) -> BTreeMap<ObjectKey, Sha256Digest> {
    let own = groups.iter().filter(|group| {
        group.product == product && platforms.contains(&group.platform) && !group.is_complete()
    });
    let files = own.flat_map(|group| &group.artifacts);
    files.map(|file| (file.key.clone(), file.sha256)).collect()
}

/// What the release's channel has of it for a platform.
pub(super) async fn read(
    client: &HubClient,
    release: &Publication<'_>,
    (product, platform): (&ProductName, Platform),
) -> Result<Option<Release>, ClientError> {
    let version = release.version.to_string();
    client
        .release(product, &version, platform, release.channel)
        .await
}
