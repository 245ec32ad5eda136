//! `publish`: what is staged, or what a manifest names.

use super::args::{PublishCommand, StagedArgs};
use super::common::{App, OpenHub};
use crate::artifacts::{LocalArtifact, by_platform, from_manifest};
use crate::dist::{self, Staged};
use crate::error::{Error, with_causes};
use crate::events::{Event, Reporter};
use crate::lock::DirLock;
use crate::publish::{Preflight, Publication, preflight, publish as send};
use crate::receipt::{Receipt, Source};
use crate::select::{self, SelectError};
use crate::settings::{HubChoice, PublishSettings, SettingsError};
use crate::verify::{VerifyError, verify};
use release_types::{Channel, Tag};
use std::path::{Path, PathBuf};

/// Files that are to be published, or compared with what is.
pub(super) struct Goods {
    pub version: semver::Version,
    pub channel: Channel,
    pub artifacts: Vec<LocalArtifact>,
    /// What a staged release was built from.
    pub source: Option<Source>,
    /// Where the receipt goes, for a staged release.
    pub receipt_dir: Option<PathBuf>,
}

impl Goods {
    /// The files of a release's platforms, of which there is at least one.
    pub fn of_staged(
        staged: &[Staged],
        channel: Option<Channel>,
        receipt_dir: Option<PathBuf>,
    ) -> Self {
        let record = &staged[0].record;
        let mut dirty: Vec<_> = staged.iter().flat_map(|s| s.record.dirty.clone()).collect();
        dirty.sort();
        dirty.dedup();
        Self {
            version: record.version.clone(),
            channel: channel.unwrap_or(record.channel),
            artifacts: staged.iter().flat_map(|s| s.artifacts.clone()).collect(),
            source: Some(Source {
                tag: record.tag.clone(),
                commit: record.commit.clone(),
                dirty,
            }),
            receipt_dir,
        }
    }

    pub fn publication(&self) -> Publication<'_> {
        Publication {
            version: &self.version,
            channel: self.channel,
            artifacts: &self.artifacts,
            damaged: &[],
        }
    }

    /// What the published files were built from. A Hub keeps no commit; where an earlier receipt is of
    /// the same publishing, that is from the commit that it names, also when another one makes the
    /// same bytes.
    pub fn published_source(&self, receipt: &Receipt, reporter: &dyn Reporter) -> Option<Source> {
        let file = self.receipt_dir.as_ref();
        let earlier = file.and_then(|dir| Receipt::read(&dir.join(dist::RECEIPT_FILE)));
        let earlier = earlier.filter(|earlier| earlier.is_of(receipt));
        let (Some(was), Some(now)) = (earlier.and_then(|earlier| earlier.source), &self.source)
        else {
            return self.source.clone();
        };
        if was != *now {
            reporter.warn(format!(
                "{} is published already, from {was}: {now} makes the same bytes, and nothing was \
                 changed",
                was.tag
            ));
        }
        Some(was)
    }
}

pub(super) async fn publish(app: &App<'_>, args: PublishCommand) -> Result<(), Error> {
    let settings = app.publish_settings(args.publish)?;
    if args.dry_run {
        let goods = goods(app, args.staged).await?;
        for artifact in &goods.artifacts {
            app.reporter.note(format!(
                "would publish {} ({} bytes, sha256 {}) on channel {}",
                artifact.key, artifact.size, artifact.sha256, goods.channel
            ));
        }
        return Ok(());
    }
    let choice = app.hub_choice(&args.hub)?;
    app.say_which_hub(&choice)?;
    let _state = lock_for(app, &choice)?;
    let dist_dir = app.dist_dir();
    let _dist = match args.staged.manifest.is_none() && dist_dir.is_dir() {
        true => Some(DirLock::acquire(&dist_dir)?),
        false => None,
    };
    let goods = goods(app, args.staged).await?;
    let groups = by_platform(&goods.artifacts);
    let keys: Vec<_> = groups
        .iter()
        .map(|((product, platform), files)| ((*product).clone(), *platform, files[0].key.clone()))
        .collect();
    let products: Vec<_> = groups
        .keys()
        .map(|(product, _)| (*product).clone())
        .collect();
    let hub = app.open_hub(&choice, &products, true).await?;
    let work = async {
        let (version, channel) = (&goods.version, goods.channel);
        let preflight = preflight(&hub.client, version, channel, &keys, &settings).await?;
        publish_and_verify(app, &hub, &goods, &preflight, &settings).await
    };
    let outcome = app.until_interrupted(work).await;
    hub.close(outcome).await
}

/// Locks the state folder where the embedded Hub is used; another Hub needs none.
pub(super) fn lock_for(app: &App<'_>, choice: &HubChoice) -> Result<Option<DirLock>, Error> {
    match choice {
        HubChoice::Local => Ok(Some(app.lock_state(&app.state_dir()?)?)),
        HubChoice::Remote(_) => Ok(None),
    }
}

/// Reads back what was sent. What the Hub lists and does not give out as it is, is sent once more:
/// the bytes are those that it lists, so nothing that is published changes.
async fn read_back(
    app: &App<'_>,
    hub: &OpenHub,
    goods: &Goods,
    preflight: &Preflight,
    settings: &PublishSettings,
) -> Result<Receipt, Error> {
    let (client, reporter, now) = (&hub.client, app.reporter.as_ref(), app.world.now);
    let rule = |product: &_, platform| preflight.latest_rule(product, platform);
    let (files, at_once) = (goods.publication(), settings.read_backs);
    let verified = verify(client, files, &rule, at_once, now, reporter).await;
    let damaged = match &verified {
        Err(VerifyError::Differences { damaged, .. }) => &damaged[..],
        _ => &[],
    };
    if damaged.is_empty() {
        return Ok(verified?);
    }
    for key in damaged {
        reporter.warn(format!(
            "the Hub has lost or damaged the bytes of {key}: they are sent again"
        ));
    }
    let again = Publication {
        damaged,
        ..goods.publication()
    };
    if let Err(error) = send(client, again, preflight, settings, now(), reporter).await {
        // What was found counts for more than that it could not be mended.
        reporter.warn(format!("it cannot be mended: {}", with_causes(&error)));
        return Ok(verified?);
    }
    Ok(verify(client, files, &rule, at_once, now, reporter).await?)
}

/// The part that `publish` and `release` share: send, read back, write the receipt.
pub(super) async fn publish_and_verify(
    app: &App<'_>,
    hub: &OpenHub,
    goods: &Goods,
    preflight: &Preflight,
    settings: &PublishSettings,
) -> Result<(), Error> {
    let (client, reporter) = (&hub.client, app.reporter.as_ref());
    let now = app.world.now;
    send(
        client,
        goods.publication(),
        preflight,
        settings,
        now(),
        reporter,
    )
    .await?;
    let mut receipt = read_back(app, hub, goods, preflight, settings).await?;
    receipt.source = goods.published_source(&receipt, reporter);
    receipt.serve_command = hub.serve_command(app);
    if let Some(dir) = &goods.receipt_dir {
        let path = dir.join(dist::RECEIPT_FILE);
        serde_json::to_vec_pretty(&receipt)
            .map_err(std::io::Error::from)
            .and_then(|json| dist::write_atomically(&path, &json))
            .map_err(|source| Error::Io { path, source })?;
    }
    reporter.event(Event::Receipt(Box::new(receipt)));
    Ok(())
}

/// The files that the arguments name, read and checked.
pub(super) async fn goods(app: &App<'_>, args: StagedArgs) -> Result<Goods, Error> {
    match (args.manifest, args.product, args.version) {
        (Some(manifest), Some(product), Some(version)) => {
            let manifest = app.world.absolute(&manifest);
            let base = match args.base_dir {
                Some(dir) => app.world.absolute(&dir),
                None => manifest.parent().map(Path::to_owned).unwrap_or_default(),
            };
            let channel = args
                .channel
                .or_else(|| Channel::of_version(&version))
                .ok_or_else(|| SelectError::NoChannel(version.clone()))?;
            app.reading(move || {
                Ok(Goods {
                    artifacts: from_manifest(&manifest, &base, &product, &version)?,
                    version,
                    channel,
                    source: None,
                    receipt_dir: None,
                })
            })
            .await
        }
        (None, _, _) => {
            let tag = named_tag(app, args.tag)?;
            let dist_dir = app.dist_dir();
            let channel = args.channel;
            app.reading(move || {
                let (dir, staged) = dist::open(&dist_dir, tag.as_ref())?;
                Ok(Goods::of_staged(&staged, channel, Some(dir)))
            })
            .await
        }
        // clap asks for product and version with every manifest.
        (Some(_), _, _) => {
            Err(SettingsError::Flags("--manifest needs --product and --version".to_owned()).into())
        }
    }
}

/// The tag of the argument or the job, if either names one.
pub(super) fn named_tag(app: &App<'_>, tag: Option<String>) -> Result<Option<Tag>, Error> {
    let request = select::Request {
        tag,
        ..select::Request::default()
    };
    let text = select::named_tag(app.world, &request).map_err(SettingsError::from)?;
    let tag = text.map(|text| text.parse()).transpose();
    Ok(tag.map_err(|error| SelectError::Tag {
        error,
        groups: Vec::new(),
    })?)
}
