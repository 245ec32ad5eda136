//! The files that `publish` and `verify` are about.

use super::args::StagedArgs;
use super::common::App;
use crate::artifacts::{LocalArtifact, from_manifest};
use crate::dist::{self, Staged};
use crate::error::Error;
use crate::events::Reporter;
use crate::publish::{Journal, Publication};
use crate::receipt::{Receipt, Source};
use crate::select::{self, SelectError};
use crate::settings::SettingsError;
use release_types::{Channel, Platform, ProductName, Tag};
use std::collections::BTreeSet;
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
    /// The platforms' folders, for a staged release.
    pub folders: Vec<PathBuf>,
    /// The platforms without which nothing is shown, beside those of the files.
    pub require: Vec<Platform>,
    /// The group of a staged release.
    pub group: Option<String>,
    /// The key that was recorded with a staged release.
    pub public_key: Option<String>,
    /// The manifest that the files are from, where they are not staged.
    pub manifest: Option<PathBuf>,
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
        let mut require: Vec<Platform> = Vec::new();
        for platform in staged.iter().flat_map(|s| &s.record.require) {
            if !require.contains(platform) {
                require.push(*platform);
            }
        }
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
            folders: staged.iter().map(|s| s.dir.clone()).collect(),
            require,
            group: Some(record.group.clone()),
            public_key: staged.iter().find_map(|s| s.record.public_key.clone()),
            manifest: None,
        }
    }

    /// The same, where a flag says which platforms are required, or leaves it as it is.
    pub fn requiring(mut self, named: Vec<Platform>) -> Self {
        if !named.is_empty() {
            self.require = named;
        }
        self
    }

    /// The files of some of its products alone; none named means all.
    fn of_products(mut self, named: &[ProductName]) -> Result<Self, SettingsError> {
        let all = self.products();
        if let Some(unknown) = named.iter().find(|product| !all.contains(product)) {
            let why = format!("dist/ has nothing of the product `{unknown}`");
            return Err(SettingsError::Flags(why));
        }
        if !named.is_empty() {
            self.artifacts.retain(|file| named.contains(&file.product));
        }
        Ok(self)
    }

    /// What is published, or compared; without a journal.
    pub fn publication(&self) -> Publication<'_> {
        Publication {
            version: &self.version,
            channel: self.channel,
            artifacts: &self.artifacts,
            damaged: &[],
            require: &self.require,
            journal: None,
        }
    }

    /// The same with a journal, which is read and written.
    pub fn noted_in<'a>(&'a self, journal: &'a Journal) -> Publication<'a> {
        Publication {
            journal: Some(journal),
            ..self.publication()
        }
    }

    /// The products, each once, by name.
    pub fn products(&self) -> Vec<ProductName> {
        let products = self.artifacts.iter().map(|file| file.product.clone());
        products.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The platforms, each once.
    pub fn platforms(&self) -> Vec<Platform> {
        let platforms = self.artifacts.iter().map(|file| file.platform);
        platforms.collect::<BTreeSet<_>>().into_iter().collect()
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

/// The files that the arguments name, read and checked.
pub(super) async fn goods(app: &App<'_>, args: StagedArgs) -> Result<Goods, Error> {
    match (args.manifest, &args.product[..], args.files.version) {
        (Some(manifest), [product], Some(version)) => {
            let manifest = app.world.absolute(&manifest);
            let base = match args.files.base_dir {
                Some(dir) => app.world.absolute(&dir),
                None => manifest.parent().map(Path::to_owned).unwrap_or_default(),
            };
            let channel = channel_of(args.files.channel, &version)?;
            let product = product.clone();
            app.reading(move || {
                Ok(Goods {
                    artifacts: from_manifest(&manifest, &base, &product, &version)?,
                    version,
                    channel,
                    source: None,
                    receipt_dir: None,
                    folders: Vec::new(),
                    require: Vec::new(),
                    group: None,
                    public_key: None,
                    manifest: Some(manifest),
                })
            })
            .await
        }
        (None, _, _) => {
            let tag = named_tag(app, args.tag)?;
            let dist_dirs = app.dist_dirs();
            let channel = args.files.channel;
            let products = args.product.clone();
            app.reading(move || {
                let (dir, staged) = dist::open_all(&dist_dirs, tag.as_ref())?;
                let goods = Goods::of_staged(&staged, channel, Some(dir));
                Ok(goods.of_products(&products)?)
            })
            .await
        }
        // clap asks for product and version with every manifest.
        (Some(_), _, _) => Err(SettingsError::Flags(
            "--manifest needs one --product and --version: its files are one product's".to_owned(),
        )
        .into()),
    }
}

/// The channel that was named, or the one that the version says.
pub(super) fn channel_of(
    named: Option<Channel>,
    version: &semver::Version,
) -> Result<Channel, SelectError> {
    named
        .or_else(|| Channel::of_version(version))
        .ok_or_else(|| SelectError::NoChannel(version.clone()))
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
