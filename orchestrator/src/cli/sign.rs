//! `sign` and `signer`, and the checks of `publish` and `release`.

use super::args::{SignCommand, SignerCommand, SignerKind, StagedArgs};
use super::common::App;
use super::goods::{Goods, goods, named_tag};
use crate::artifacts::{LocalArtifact, from_manifest_of, read_signature_paths};
use crate::dist::{self, Staged};
use crate::error::Error;
use crate::events::Event;
use crate::outcome::Outcome;
use crate::products::{self, ProductsError};
use crate::settings::SettingsError;
use crate::sign::{self, Keys, Secret, SignError, SignaturePaths, Signed, Tauri, payloads};
use hub_client::HubClient;
use release_types::{Kind, ProductName, Sha256Digest};
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(super) async fn signer(app: &App<'_>, command: SignerCommand) -> Result<(), Error> {
    let SignerCommand::Generate { output } = command;
    let path = app.world.absolute(&output);
    let password = app.world.env.text(sign::PASSWORD_VAR);
    let password = password.map_err(SettingsError::from)?;
    let password = password.map(|text| SecretString::from(text.to_owned()));
    if password.is_none() {
        app.reporter.warn(format!(
            "{} is not set: whoever gets hold of the secret key can sign with it",
            sign::PASSWORD_VAR
        ));
    }
    let made = app
        .reading(move || Ok(sign::generate(&path, password.as_ref())?))
        .await?;
    let made = Outcome::SigningKey(made);
    app.reporter.event(Event::Outcome(Box::new(made)));
    Ok(())
}

pub(super) async fn sign(app: &App<'_>, args: SignCommand) -> Result<(), Error> {
    if args.check {
        return check_alone(app, args).await;
    }
    let secret = sign::secret(app.world)?.ok_or(SignError::NoKey)?;
    let own = secret.key.public().clone();
    let named = args.key.public_key.as_deref();
    let keys = app.keys(named).await?.own(Some(&own));
    let minisig = args.minisig || keys.minisig();
    let how = How {
        secret: &secret,
        keys: &keys,
        signer: args.signer,
        minisig,
    };
    match (args.manifest, args.product, args.version) {
        (Some(manifest), Some(product), Some(version)) => {
            let manifest = app.world.absolute(&manifest);
            let base = match args.base_dir {
                Some(dir) => app.world.absolute(&dir),
                None => manifest.parent().map(Path::to_owned).unwrap_or_default(),
            };
            keys.accept([&product], &own)?;
            let subject = (manifest.clone(), base, product, version);
            let batch = app.reading(move || of_manifest(subject)).await?;
            app.reporter
                .stage("signing", format!("{}", manifest.display()));
            let signed = how.sign(app, batch).await?;
            app.reading(move || Ok(sign::into_manifest(&manifest, &signed, minisig)?))
                .await
        }
        _ => {
            let tag = named_tag(app, args.tag)?;
            let dist_dirs = app.dist_dirs();
            let _locks = app.lock_dist_dirs(&dist_dirs)?;
            for dist_dir in dist_dirs {
                let release = dist::find(&dist_dir, tag.as_ref())?;
                for dir in dist::platforms_of(&release)? {
                    how.sign_folder(app, &dir).await?;
                }
            }
            Ok(())
        }
    }
}

/// `sign --check`: what `publish` looks at before it sends anything.
async fn check_alone(app: &App<'_>, args: SignCommand) -> Result<(), Error> {
    let staged = StagedArgs {
        tag: args.tag,
        manifest: args.manifest,
        product: args.product.into_iter().collect(),
        version: args.version,
        base_dir: args.base_dir,
        // It is not looked at; a version that names none is signed like any other.
        channel: Some(release_types::Channel::Stable),
    };
    let goods = goods(app, staged).await?;
    let own = sign::secret(app.world)?;
    let own = own.as_ref().map(|secret| secret.key.public());
    let keys = keys_for(app, &goods, args.key.public_key.as_deref()).await?;
    let keys = keys.own(own);
    let products = goods.products();
    if products.iter().all(|product| keys.of(product).is_none()) {
        app.reporter.warn(
            "no public key is known, so whether signatures are good was not looked at: name one with --public-key, or `public-key` in [workspace.metadata.atlas-release]"
                .to_owned(),
        );
    }
    check_signatures(app, &goods, keys).await
}

/// Files, and where their signatures lie or belong.
struct Batch {
    version: semver::Version,
    artifacts: Vec<LocalArtifact>,
    paths: SignaturePaths,
}

/// What a manifest names, but for signatures, which may be missing.
fn of_manifest(
    (manifest, base, product, version): (PathBuf, PathBuf, ProductName, semver::Version),
) -> Result<Batch, Error> {
    let wanted = |kind| kind != Kind::Signature;
    let artifacts = from_manifest_of(&manifest, &base, (&product, &version), wanted)?;
    Ok(Batch {
        paths: read_signature_paths(&manifest, &base, &product)?,
        artifacts,
        version,
    })
}

/// How files are signed.
pub(super) struct How<'a> {
    pub secret: &'a Secret,
    pub keys: &'a Keys,
    pub signer: SignerKind,
    pub minisig: bool,
}

impl How<'_> {
    /// Signs a platform that is staged, in a folder that the caller has locked.
    pub async fn sign_folder(&self, app: &App<'_>, dir: &Path) -> Result<Staged, Error> {
        let folder = dir.to_owned();
        let staged = app
            .reading(move || Ok(dist::load_unsigned(&folder)?))
            .await?;
        let record = &staged.record;
        let products: BTreeSet<_> = staged.artifacts.iter().map(|file| &file.product).collect();
        let keys = self.keys.clone().recorded(record.public_key.as_deref())?;
        keys.accept(products, self.secret.key.public())?;
        let what = format!("{} for {}", record.tag, record.platform);
        app.reporter.stage("signing", what);
        let batch = Batch {
            version: record.version.clone(),
            artifacts: staged.artifacts,
            paths: SignaturePaths::new(),
        };
        let signed = self.sign(app, batch).await?;
        let (folder, minisig) = (dir.to_owned(), self.minisig);
        app.reading(move || Ok(sign::into_folder(&folder, &signed, minisig)?))
            .await
    }

    /// Signs what has no good signature, and tells of all.
    async fn sign(&self, app: &App<'_>, batch: Batch) -> Result<Vec<Signed>, Error> {
        let (key, keys) = (self.secret.key.clone(), self.keys.clone());
        let looked = app
            .reading(move || {
                let all = payloads(&batch.version, &batch.artifacts, &batch.paths);
                Ok(sign::look(all, key.public(), &keys)?)
            })
            .await?;
        let (key, now) = (self.secret.key.clone(), (app.world.now)());
        let signed = match self.signer {
            SignerKind::Native => {
                app.reading(move || Ok(sign::sign(looked, &key, now)?))
                    .await?
            }
            SignerKind::Tauri => {
                for one in looked.iter().filter(|one| one.found.is_err()) {
                    let product = &one.payload.product;
                    let folder = self.keys.folder(product);
                    let folder = folder.ok_or_else(|| SignError::NoFolder {
                        product: product.clone(),
                    })?;
                    let tauri = Tauri::find(app.world, &folder).await?;
                    tauri.sign(app.world, &one.payload, self.secret).await?;
                }
                app.reading(move || Ok(sign::signed_by_others(looked, key.public())?))
                    .await?
            }
        };
        for one in &signed {
            app.reporter.event(Event::Signature {
                product: one.payload.product.clone(),
                path: one.payload.path.clone(),
                key_id: one.signature.key_id().to_string(),
                state: one.state,
                why: one.why.clone(),
            });
        }
        Ok(signed)
    }
}

impl App<'_> {
    /// The public keys that a flag or the workspace here name. Neither cargo nor a workspace has to be
    /// there.
    pub async fn keys(&self, named: Option<&str>) -> Result<Keys, Error> {
        let world = self.world;
        let mut above = world.cwd.ancestors();
        let is_workspace = above.any(|dir| dir.join("Cargo.toml").is_file());
        let settings = match is_workspace && world.find_program("cargo").is_some() {
            false => None,
            true => match products::signing(world).await {
                Ok(settings) => Some(settings),
                Err(ProductsError::NoCargo | ProductsError::NoToolchain(_)) => None,
                Err(error @ ProductsError::WorkspaceSection { .. }) => return Err(error.into()),
                Err(error) => {
                    let why = crate::error::with_causes(&error);
                    self.reporter
                        .warn(format!("the workspace's public key is not known: {why}"));
                    None
                }
            },
        };
        let keys = Keys::of_workspace(settings.unwrap_or_default());
        Ok(keys.named(world, named)?)
    }
}

/// The public keys that files are checked with.
pub(super) async fn keys_for(
    app: &App<'_>,
    goods: &Goods,
    named: Option<&str>,
) -> Result<Keys, Error> {
    let keys = app.keys(named).await?;
    Ok(keys.recorded(goods.public_key.as_deref())?)
}

/// Makes sure that all is signed that has to be, and every signature good.
pub(super) async fn check_signatures(
    app: &App<'_>,
    goods: &Goods,
    keys: Keys,
) -> Result<(), Error> {
    let (version, artifacts) = (goods.version.clone(), goods.artifacts.clone());
    let checked = app
        .reading(move || Ok(sign::check(&version, &artifacts, &keys)?))
        .await?;
    for one in checked {
        app.reporter.event(Event::Signature {
            product: one.payload.product,
            path: one.payload.path,
            key_id: one.key.to_string(),
            state: one.state,
            why: None,
        });
    }
    Ok(())
}

/// Keeps the signatures that the Hub has of the same bytes: what is published never changes, and theirs
/// are as good. They take the place of those that lie here.
pub(super) async fn keep_the_hubs(
    app: &App<'_>,
    client: &HubClient,
    goods: &mut Goods,
    keys: &Keys,
) -> Result<(), Error> {
    let adopted = sign::of_hub(client, &goods.version, &goods.artifacts, keys).await?;
    for one in adopted {
        let path = &one.instead_of.path;
        match &goods.manifest {
            None => {
                let dir = path.parent().unwrap_or(path);
                let addition = dist::Addition {
                    product: one.instead_of.product.clone(),
                    of: one.of,
                    filename: one.instead_of.filename.clone(),
                    kind: Kind::Signature,
                    bytes: one.bytes.clone(),
                };
                dist::add(dir, &[addition])?;
            }
            Some(_) => {
                dist::write_atomically(path, &one.bytes).map_err(|source| Error::Io {
                    path: path.clone(),
                    source,
                })?;
            }
        }
        app.reporter.note(format!(
            "{} is published already with another signature of the same bytes, which is as good: it is kept",
            one.instead_of.key
        ));
        for file in &mut goods.artifacts {
            if file.key == one.instead_of.key {
                file.size = one.bytes.len() as u64;
                file.sha256 = Sha256Digest::of(&one.bytes);
                let meta = std::fs::metadata(path);
                file.modified = meta.and_then(|meta| meta.modified()).ok();
            }
        }
    }
    Ok(())
}

/// What `release` signs with: the key in the environment, which has to be there where one is configured.
pub(super) fn secret_for_release<'p>(
    app: &App<'_>,
    products: impl IntoIterator<Item = &'p ProductName>,
    keys: &Keys,
) -> Result<Option<Secret>, Error> {
    let secret = sign::secret(app.world)?;
    let products: Vec<_> = products.into_iter().collect();
    match &secret {
        Some(secret) => keys.accept(products, secret.key.public())?,
        None => {
            for product in products {
                if let Some(key) = keys.configured(product) {
                    let (product, key) = (product.clone(), key.id());
                    return Err(SignError::KeyNeeded { product, key }.into());
                }
            }
        }
    }
    Ok(secret)
}
