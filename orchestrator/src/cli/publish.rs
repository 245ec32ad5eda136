//! `publish`: what is staged, or what a manifest names.

use super::args::{PublishCommand, StagedArgs};
use super::common::{App, OpenHub};
use crate::artifacts::{LocalArtifact, from_manifest};
use crate::dist;
use crate::error::Error;
use crate::events::Event;
use crate::lock::DirLock;
use crate::plan::release_dir;
use crate::publish::{Preflight, Publication, preflight, publish as send};
use crate::select::{self, SelectError};
use crate::settings::{PublishSettings, SettingsError};
use crate::verify::{LatestRule, verify};
use release_types::{Channel, Tag};
use std::path::{Path, PathBuf};

/// Name of the receipt in a release's folder.
const RECEIPT_FILE: &str = "receipt.json";

/// Files that are to be published, or compared with what is.
pub(super) struct Goods {
    pub version: semver::Version,
    pub channel: Channel,
    pub artifacts: Vec<LocalArtifact>,
    /// Where the receipt goes, for a staged release.
    pub receipt_dir: Option<PathBuf>,
}

impl Goods {
    pub fn publication(&self) -> Publication<'_> {
        Publication {
            version: &self.version,
            channel: self.channel,
            artifacts: &self.artifacts,
        }
    }
}

pub(super) async fn publish(app: &App<'_>, args: PublishCommand) -> Result<(), Error> {
    let settings = app.publish_settings(args.publish)?;
    let goods = goods(app, &args.staged)?;
    if args.dry_run {
        for artifact in &goods.artifacts {
            app.reporter.note(format!(
                "would publish {} ({} bytes, sha256 {}) on channel {}",
                artifact.key, artifact.size, artifact.sha256, goods.channel
            ));
        }
        return Ok(());
    }
    let choice = app.hub_choice(&args.hub)?;
    let state_dir = app.state_dir()?;
    let _state = match args.hub.local {
        true => Some(app.lock_state(&state_dir)?),
        false => None,
    };
    let _dist = match &goods.receipt_dir {
        Some(_) => Some(DirLock::acquire(&app.dist_dir())?),
        None => None,
    };
    let mut products: Vec<_> = goods.artifacts.iter().map(|a| a.product.clone()).collect();
    products.dedup();
    let hub = app.open_hub(&choice, &state_dir, &products, true).await?;
    let work = async {
        let mut keys: Vec<_> = goods
            .artifacts
            .iter()
            .map(|a| (a.product.clone(), a.platform, a.key.clone()))
            .collect();
        keys.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
        let (version, channel) = (&goods.version, goods.channel);
        let preflight = preflight(&hub.client, version, channel, &keys, &settings).await?;
        publish_and_verify(app, &hub, &goods, &preflight, &settings).await
    };
    let outcome = work.await;
    hub.close(outcome).await
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
    let rule = |product: &_| match preflight.is_backport(product) {
        true => LatestRule::AnotherVersion,
        false => LatestRule::ThisVersion,
    };
    let mut receipt = verify(client, goods.publication(), &rule, now, reporter).await?;
    receipt.serve_command = hub.serve_command(app);
    if let Some(dir) = &goods.receipt_dir {
        let path = dir.join(RECEIPT_FILE);
        serde_json::to_vec_pretty(&receipt)
            .map_err(std::io::Error::from)
            .and_then(|json| dist::write_atomically(&path, &json))
            .map_err(|source| Error::Io { path, source })?;
    }
    reporter.event(Event::Receipt(Box::new(receipt)));
    Ok(())
}

/// The files that the arguments name, read and checked.
pub(super) fn goods(app: &App<'_>, args: &StagedArgs) -> Result<Goods, Error> {
    match (&args.manifest, &args.product, &args.version) {
        (Some(manifest), Some(product), Some(version)) => {
            let manifest = app.world.absolute(manifest);
            let base = match &args.base_dir {
                Some(dir) => app.world.absolute(dir),
                None => manifest.parent().map(Path::to_owned).unwrap_or_default(),
            };
            let channel = args
                .channel
                .or_else(|| Channel::of_version(version))
                .ok_or_else(|| SelectError::NoChannel(version.clone()))?;
            Ok(Goods {
                artifacts: from_manifest(&manifest, &base, product, version)?,
                version: version.clone(),
                channel,
                receipt_dir: None,
            })
        }
        (None, _, _) => staged_goods(app, args),
        // clap asks for product and version with every manifest.
        (Some(_), _, _) => {
            Err(SettingsError::Flags("--manifest needs --product and --version".to_owned()).into())
        }
    }
}

fn staged_goods(app: &App<'_>, args: &StagedArgs) -> Result<Goods, Error> {
    let dist_dir = app.dist_dir();
    let request = select::Request {
        tag: args.tag.clone(),
        ..select::Request::default()
    };
    let dir = match select::named_tag(app.world, &request).map_err(SettingsError::from)? {
        Some(text) => {
            let tag: Tag = text.parse().map_err(|error| SelectError::Tag {
                error,
                groups: Vec::new(),
            })?;
            release_dir(&dist_dir, &tag)
        }
        None => the_one_release(&dist_dir)?,
    };
    let staged = dist::load(&dir)?;
    let record = &staged[0].record;
    Ok(Goods {
        version: record.version.clone(),
        channel: args.channel.unwrap_or(record.channel),
        artifacts: staged.iter().flat_map(|s| s.artifacts.clone()).collect(),
        receipt_dir: Some(dir),
    })
}

fn the_one_release(dist_dir: &Path) -> Result<PathBuf, Error> {
    let mut releases = match dist_dir.is_dir() {
        true => dist::releases(dist_dir)?,
        false => Vec::new(),
    };
    match (releases.pop(), releases.is_empty()) {
        (Some(release), true) => Ok(release),
        (last, _) => Err(dist::DistError::WhichRelease {
            dir: dist_dir.to_owned(),
            found: releases
                .iter()
                .chain(&last)
                .filter_map(|dir| dir.file_name())
                .map(|name| name.to_string_lossy().into_owned())
                .collect(),
        }
        .into()),
    }
}
