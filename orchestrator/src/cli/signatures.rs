//! Signatures, as several commands need them: the keys, signing, and the look before anything is sent.

use super::args::SignerKind;
use super::common::App;
use super::goods::Goods;
use crate::artifacts::LocalArtifact;
use crate::dist::{self, Staged};
use crate::error::Error;
use crate::events::Event;
use crate::products::{self, ProductsError};
use crate::sign::{self, Keys, Secret, SignError, SignaturePaths, Signed, Tauri, payloads};
use hub_client::HubClient;
use release_types::ProductName;
use std::collections::BTreeSet;
use std::path::Path;

/// Files, and where their signatures lie or belong.
pub(super) struct Batch {
    pub version: semver::Version,
    pub artifacts: Vec<LocalArtifact>,
    pub paths: SignaturePaths,
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
    pub async fn sign(&self, app: &App<'_>, batch: Batch) -> Result<Vec<Signed>, Error> {
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
    let is_staged = goods.manifest.is_none();
    for one in adopted {
        let file = one.put(is_staged)?;
        app.reporter.note(format!(
            "{} is published already with another signature of the same bytes, which is as good: it is kept",
            file.key
        ));
        for other in &mut goods.artifacts {
            if other.key == file.key {
                other.clone_from(&file);
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
