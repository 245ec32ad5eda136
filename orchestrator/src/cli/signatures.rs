//! Signatures, as several commands need them: the keys, signing, and the look before anything is sent.

use super::args::SignerKind;
use super::common::App;
use super::goods::Goods;
use crate::artifacts::LocalArtifact;
use crate::dist::{self, Staged};
use crate::documents;
use crate::error::{Error, with_causes};
use crate::events::Event;
use crate::products::{self, ProductsError, SigningSettings};
use crate::sign::{self, Keys, Secret, SignError, SignaturePaths, Signed, Tauri, payloads};
use hub_client::HubClient;
use release_types::ProductName;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Files, and where their signatures lie or belong.
pub(super) struct Batch {
    pub version: semver::Version,
    pub artifacts: Vec<LocalArtifact>,
    pub paths: SignaturePaths,
    /// A folder for what comes and goes, where nobody looks at files one by one.
    pub scratch: PathBuf,
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
            paths: record.signature_paths(dir),
            scratch: dir.parent().unwrap_or(dir).to_owned(),
        };
        let signed = self.sign(app, batch).await?;
        let (folder, minisig) = (dir.to_owned(), self.minisig);
        app.reading(move || Ok(sign::into_folder(&folder, &signed, minisig)?))
            .await
    }

    /// Signs what has no good signature, and tells of all.
    pub async fn sign(&self, app: &App<'_>, batch: Batch) -> Result<Vec<Signed>, Error> {
        let (key, keys) = (self.secret.key.clone(), self.keys.clone());
        let scratch = batch.scratch.clone();
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
                let (mut tools, mut texts) = (BTreeMap::new(), BTreeMap::new());
                for one in looked.iter().filter(|one| one.found.is_err()) {
                    let product = &one.payload.product;
                    let folder = self.keys.folder(product);
                    let folder = folder.ok_or_else(|| SignError::NoFolder {
                        product: product.clone(),
                    })?;
                    let tauri = match tools.get(&folder) {
                        Some(tauri) => tauri,
                        None => {
                            let found = Tauri::find(app.world, &folder).await?;
                            &*tools.entry(folder).or_insert(found)
                        }
                    };
                    let with = (scratch.as_path(), self.secret);
                    let text = tauri.sign(app.world, &one.payload, with).await?;
                    texts.insert(one.payload.path.clone(), text);
                }
                app.reading(move || Ok(sign::signed_by_others(looked, key.public(), &texts)?))
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
    /// there; where there is one whose key cannot be known, a flag has to name it.
    pub async fn keys(&self, named: Option<&str>) -> Result<Keys, Error> {
        let world = self.world;
        let dir = world.cwd.clone();
        let read = self.reading(move || Ok(products::signing(&dir)));
        let settings = match read.await? {
            Ok(settings) => settings,
            Err(error @ ProductsError::Manifest { .. }) if named.is_some() => {
                let why = with_causes(&error);
                self.reporter
                    .warn(format!("the workspace's settings are not known: {why}"));
                SigningSettings::default()
            }
            Err(error) => return Err(error.into()),
        };
        let keys = Keys::of_workspace(settings);
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
        let file = app.reading(move || Ok(one.put(is_staged)?)).await?;
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
