//! The files that `publish` and `verify` are about.

use super::args::StagedArgs;
use super::channels::channel_of;
use super::common::App;
use super::manifest::wrong;
use super::names::look_at_names;
use crate::artifacts::{ArtifactError, LocalArtifact, from_manifest};
use crate::context::World;
use crate::dist::{self, DistError, Staged};
use crate::documents;
use crate::error::Error;
use crate::events::Reporter;
use crate::manifest::contradictions_in;
use crate::publish::{Journal, Publication};
use crate::receipt::{Receipt, Source};
use crate::select::{self, SelectError};
use crate::settings::SettingsError;
use crate::sign::{self, Batch, Keys};
use hub_client::HubClient;
use release_types::{Channel, Platform, ProductName, Tag};
use signatures::PublicKey;
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

/// The files that the arguments name, with the keys that their signatures are good by: the one that is named or
/// known, else that of the key that is there to sign with.
///
/// # Errors
/// When they cannot be read, or all that is wrong with their signatures, missing ones included.
pub(super) async fn signed_goods(
    app: &App<'_>,
    args: StagedArgs,
    (named, own): (Option<&str>, Option<&PublicKey>),
) -> Result<(Goods, Keys), Error> {
    let keys = app.keys(named).await?.own(own);
    match goods(app, args.clone()).await {
        Ok(goods) => {
            let keys = keys.recorded(goods.public_key.as_deref())?;
            check_signatures(app, &goods, &keys).await?;
            Ok((goods, keys))
        }
        Err(error) if is_signature_missing(&error) => {
            // The first that is missing was in the way; it is told with all the others.
            if let Ok((batch, recorded)) = unsigned(app, args).await {
                let keys = keys.recorded(recorded.as_deref())?;
                sign::check_all(app.world, batch, &keys, app.reporter.as_ref()).await?;
            }
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// Makes sure that a manifest that is to be published does not contradict itself, and that no link of it leads to what it
/// does not name; or says so, where that is allowed.
///
/// # Errors
/// All places where it does.
pub(super) async fn check_manifest(
    app: &App<'_>,
    args: &StagedArgs,
    is_allowed: bool,
) -> Result<(), Error> {
    let Some(manifest) = &args.manifest else {
        return Ok(());
    };
    let (manifest, base) = place(app.world, manifest, args.files.base_dir.as_deref());
    let file = manifest.clone();
    let found = app
        .reading(move || Ok(contradictions_in(&file, &base)))
        .await?;
    if is_allowed {
        for one in found {
            app.reporter.warn(format!(
                "line {} is published as it is: {}",
                one.line, one.message
            ));
        }
        return Ok(());
    }
    match found.is_empty() {
        true => Ok(()),
        false => Err(wrong(app, &manifest, found).into()),
    }
}

/// Makes sure that all is signed that has to be, and every signature good.
pub(super) async fn check_signatures(
    app: &App<'_>,
    goods: &Goods,
    keys: &Keys,
) -> Result<(), Error> {
    let batch = Batch {
        version: goods.version.clone(),
        artifacts: goods.artifacts.clone(),
        paths: sign::signature_paths(&goods.artifacts),
        scratch: PathBuf::new(),
    };
    Ok(sign::check_all(app.world, batch, keys, app.reporter.as_ref()).await?)
}

fn is_signature_missing(error: &Error) -> bool {
    let error = match error {
        Error::Artifacts(error) | Error::Dist(DistError::Artifacts(error)) => error,
        _ => return false,
    };
    matches!(error, ArtifactError::NoSignature { .. })
}

/// The files that the arguments name but for signatures, where those are said to be, and the public key that was
/// recorded with them.
async fn unsigned(app: &App<'_>, args: StagedArgs) -> Result<(Batch, Option<String>), Error> {
    let named = args.product.clone();
    if let (Some(manifest), [product], Some(version)) =
        (&args.manifest, &args.product[..], &args.files.version)
    {
        let (manifest, base) = place(app.world, manifest, args.files.base_dir.as_deref());
        let (product, version) = (product.clone(), version.clone());
        let read = move || Ok(Batch::of_manifest((&manifest, &base), &product, version)?);
        return Ok((app.reading(read).await?, None));
    }
    let tag = named_tag(app, args.tag)?;
    let dist_dirs = app.dist_dirs();
    app.reading(move || {
        let mut all = Vec::new();
        for dist_dir in dist_dirs {
            for dir in dist::platforms_of(&dist::find(&dist_dir, tag.as_ref())?)? {
                all.push(dist::load_unsigned(&dir)?);
            }
        }
        let recorded = all.iter().find_map(|one| one.record.public_key.clone());
        let mut batch = Batch::of_staged(&all).ok_or(DistError::NoRelease {
            dir: PathBuf::from("dist"),
        })?;
        let is_meant = |product: &ProductName| named.is_empty() || named.contains(product);
        batch.artifacts.retain(|file| is_meant(&file.product));
        batch.paths.retain(|(product, ..), _| is_meant(product));
        Ok((batch, recorded))
    })
    .await
}

/// Where a manifest is, and where its relative paths start.
pub(super) fn place(world: &World, manifest: &Path, base: Option<&Path>) -> (PathBuf, PathBuf) {
    let manifest = world.absolute(manifest);
    let base = match base {
        Some(dir) => world.absolute(dir),
        None => manifest.parent().map(Path::to_owned).unwrap_or_default(),
    };
    (manifest, base)
}

/// Keeps the signatures that the Hub has of the same bytes.
pub(super) async fn keep_the_hubs(
    app: &App<'_>,
    client: &HubClient,
    goods: &mut Goods,
    keys: &Keys,
) -> Result<(), Error> {
    let files = (&mut goods.artifacts[..], goods.manifest.is_none());
    let (world, reporter) = (app.world, app.reporter.as_ref());
    Ok(sign::keep_the_hubs((world, client), &goods.version, files, keys, reporter).await?)
}

/// Keeps the statements that the Hub has about the same programs, as it keeps signatures: they tell of the run
/// that was first.
pub(super) async fn keep_the_hubs_statements(
    app: &App<'_>,
    client: &HubClient,
    goods: &mut Goods,
    keys: &Keys,
) -> Result<(), Error> {
    let adopted = documents::of_hub(client, &goods.version, &goods.artifacts, keys).await?;
    let is_staged = goods.manifest.is_none();
    for one in adopted {
        if let Some(file) = one.statement() {
            app.reporter.note(format!(
                "{} is published already, from another run that has made the same program: it is kept",
                file.key
            ));
        }
        for file in app.reading(move || Ok(one.put(is_staged)?)).await? {
            for other in &mut goods.artifacts {
                if other.key == file.key {
                    other.clone_from(&file);
                }
            }
        }
    }
    Ok(())
}

/// The files that the arguments name, read and checked.
pub(super) async fn goods(app: &App<'_>, args: StagedArgs) -> Result<Goods, Error> {
    match (args.manifest, &args.product[..], args.files.version) {
        (Some(manifest), [product], Some(version)) => {
            let (manifest, base) = place(app.world, &manifest, args.files.base_dir.as_deref());
            let channel = channel_of(app, args.files.channel, &version).await?;
            let product = product.clone();
            let (from, of) = ((&*manifest, &*base), (&product, &version));
            look_at_names(app, from, of, &args.files.names).await?;
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
