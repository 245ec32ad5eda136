//! Signing as a stage: what lies in a staged folder or stands in a manifest is looked at, signed where it has to be,
//! and told of; and what is about to be sent is looked at once more.

use super::{
    Keys, Payload, Secret, SignError, SignaturePaths, Signed, Tauri, check, guard, into_folder,
    into_manifest, look, of_hub, payloads, sign, signed_by_others,
};
use crate::artifacts::{LocalArtifact, from_manifest_of, read_signature_paths};
use crate::context::World;
use crate::dist::{self, DistError, Staged};
use crate::events::{Event, Reporter};
use crate::text::first_of;
use hub_client::HubClient;
use release_types::{Kind, ProductName};
use signatures::ENDING;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Who makes signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// This program.
    Native,
    /// Tauri's own tool, in the product's folder.
    Tauri,
}

/// Files, and where their signatures lie or belong.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The version of all of them.
    pub version: semver::Version,
    /// The files.
    pub artifacts: Vec<LocalArtifact>,
    /// Where their signatures are.
    pub paths: SignaturePaths,
    /// A folder for what comes and goes, where nobody looks at files one by one.
    pub scratch: PathBuf,
}

impl Batch {
    /// What a manifest names, but for signatures, which may be missing.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn of_manifest(
        (manifest, base): (&Path, &Path),
        product: &ProductName,
        version: semver::Version,
    ) -> Result<Self, SignError> {
        let wanted = |kind| kind != Kind::Signature;
        Ok(Self {
            artifacts: from_manifest_of(manifest, base, (product, &version), wanted)?,
            paths: read_signature_paths(manifest, base, product)?,
            version,
            scratch: manifest.parent().unwrap_or(base).to_owned(),
        })
    }

    /// The same, and nothing but signatures is written over when it is signed.
    ///
    /// # Errors
    /// When a file cannot be read, or a signature would be written over something else.
    pub fn to_sign(
        (manifest, base): (&Path, &Path),
        product: &ProductName,
        version: semver::Version,
        minisig: bool,
    ) -> Result<Self, SignError> {
        let batch = Self::of_manifest((manifest, base), product, version)?;
        let all = payloads(&batch.version, &batch.artifacts, &batch.paths);
        guard(manifest, base, &all, minisig)?;
        Ok(batch)
    }

    /// The files of platforms that are staged; nothing where there are none.
    pub fn of_staged(staged: &[Staged]) -> Option<Self> {
        let first = staged.first()?;
        let files = staged.iter().flat_map(|one| one.artifacts.iter().cloned());
        let paths = staged
            .iter()
            .flat_map(|one| one.record.signature_paths(&one.dir));
        Some(Self {
            version: first.record.version.clone(),
            artifacts: files.collect(),
            paths: paths.collect(),
            scratch: first.dir.parent().unwrap_or(&first.dir).to_owned(),
        })
    }
}

/// How files are signed, and who is told.
#[derive(Clone, Copy)]
pub struct Signing<'a> {
    /// The outside.
    pub world: &'a World,
    /// Who is told of each signature.
    pub reporter: &'a dyn Reporter,
    /// What is signed with.
    pub secret: &'a Secret,
    /// What signatures are checked with.
    pub keys: &'a Keys,
    /// Who makes them.
    pub signer: Signer,
    /// Whether one in minisign's own form goes along.
    pub minisig: bool,
}

impl Signing<'_> {
    /// Signs platforms of a release that are staged, in folders that the caller has locked, and returns them in their
    /// order. What lies in several of them is signed once, for all.
    ///
    /// # Errors
    /// When a file cannot be read, signed or written; each folder is as it was then, or has all of its signatures.
    pub async fn folders(&self, dirs: &[PathBuf]) -> Result<Vec<Staged>, SignError> {
        let folders = dirs.to_vec();
        let load = move || -> Result<Vec<Staged>, DistError> {
            folders.iter().map(|dir| dist::load_unsigned(dir)).collect()
        };
        let staged = apart(self.world, load).await??;
        let mut signed = Vec::with_capacity(staged.len());
        // Who names no tag may have named folders of several releases.
        let of_one = |one: &Staged, other: &Staged| {
            (&one.record.tag, &one.record.version) == (&other.record.tag, &other.record.version)
        };
        for release in staged.chunk_by(of_one) {
            signed.extend(self.release(release).await?);
        }
        Ok(signed)
    }

    /// Signs platforms of one release.
    async fn release(&self, staged: &[Staged]) -> Result<Vec<Staged>, SignError> {
        let Some(batch) = Batch::of_staged(staged) else {
            return Ok(Vec::new());
        };
        for one in staged {
            let products: BTreeSet<_> = one.artifacts.iter().map(|file| &file.product).collect();
            let record = &one.record;
            let keys = self.keys.clone().recorded(record.public_key.as_deref())?;
            keys.accept(products, self.secret.key.public())?;
        }
        let platforms = staged.iter().map(|one| one.record.platform.to_string());
        let platforms: BTreeSet<String> = platforms.collect();
        let platforms: Vec<String> = platforms.into_iter().collect();
        let what = format!("{} for {}", staged[0].record.tag, platforms.join(", "));
        self.reporter.stage("signing", what);
        let signed = self.batch(batch).await?;
        let folders: Vec<PathBuf> = staged.iter().map(|one| one.dir.clone()).collect();
        let minisig = self.minisig;
        let commit = move || {
            let all = folders.iter().map(|dir| into_folder(dir, &signed, minisig));
            let staged = all.collect::<Result<Vec<_>, SignError>>()?;
            Ok::<_, SignError>((staged, signed))
        };
        let (staged, signed) = apart(self.world, commit).await??;
        self.tell(&signed);
        Ok(staged)
    }

    /// Signs the files of a manifest, and writes signatures and their rows.
    ///
    /// # Errors
    /// When a file cannot be read, signed or written.
    pub async fn manifest(&self, manifest: &Path, batch: Batch) -> Result<(), SignError> {
        let signed = self.batch(batch).await?;
        let (manifest, minisig) = (manifest.to_owned(), self.minisig);
        let commit = move || into_manifest(&manifest, &signed, minisig).map(|()| signed);
        let signed = apart(self.world, commit).await??;
        self.tell(&signed);
        Ok(())
    }

    /// Tells of signatures, when they are where they belong.
    fn tell(&self, signed: &[Signed]) {
        for one in signed {
            self.reporter.event(Event::Signature {
                product: one.payload.product.clone(),
                path: one.payload.path.clone(),
                key_id: one.signature.key_id().to_string(),
                state: one.state,
                why: one.why.clone(),
            });
        }
    }

    /// Signs what has no good signature. Nothing is written.
    async fn batch(&self, batch: Batch) -> Result<Vec<Signed>, SignError> {
        let (key, keys) = (self.secret.key.clone(), self.keys.clone());
        let scratch = batch.scratch.clone();
        let looked = apart(self.world, move || {
            let all = payloads(&batch.version, &batch.artifacts, &batch.paths);
            look(all, key.public(), &keys)
        });
        let looked = looked.await??;
        let (key, now) = (self.secret.key.clone(), (self.world.now)());
        let signed = match self.signer {
            Signer::Native => apart(self.world, move || sign(looked, &key, now)).await??,
            Signer::Tauri => {
                let unsigned = looked.iter().filter(|one| one.found.is_err());
                let unsigned = unsigned.map(|one| &one.payload);
                let texts = self.by_tauri(unsigned, &scratch).await?;
                let finish = move || signed_by_others(looked, key.public(), &texts);
                apart(self.world, finish).await??
            }
        };
        Ok(signed)
    }

    /// What Tauri's tool makes of files, by their paths.
    async fn by_tauri(
        &self,
        files: impl Iterator<Item = &Payload>,
        scratch: &Path,
    ) -> Result<BTreeMap<PathBuf, String>, SignError> {
        let (mut tools, mut texts) = (BTreeMap::new(), BTreeMap::new());
        for file in files {
            let folder = self.keys.folder(&file.product);
            let folder = folder.ok_or_else(|| SignError::NoFolder {
                product: file.product.clone(),
            })?;
            let tauri = match tools.get(&folder) {
                Some(tauri) => tauri,
                None => {
                    let found = Tauri::find(self.world, &folder).await?;
                    &*tools.entry(folder).or_insert(found)
                }
            };
            let with = (scratch, self.secret);
            let text = tauri.sign(self.world, file, with).await?;
            texts.insert(file.path.clone(), text);
        }
        Ok(texts)
    }
}

/// Makes sure that all is signed that has to be, and every signature good, and tells of each.
///
/// # Errors
/// As [`check`].
pub async fn check_all(
    world: &World,
    batch: Batch,
    keys: &Keys,
    reporter: &dyn Reporter,
) -> Result<(), SignError> {
    let bare = batch.artifacts.iter().filter(|file| {
        let (product, name) = (&file.product, file.filename.as_str());
        let row = (product.clone(), file.platform, format!("{name}{ENDING}"));
        keys.are_updated_from(product, file.kind, name)
            && !keys.need(product, file.kind, name)
            && keys.are_needed(product)
            && !batch.paths.contains_key(&row)
    });
    let bare: Vec<String> = bare.map(|file| file.filename.to_string()).collect();
    if !bare.is_empty() {
        reporter.warn(format!(
            "what is installed is not updated from files without a signature: {}",
            first_of(&bare).join(", ")
        ));
    }
    let keys = keys.clone();
    let checked = apart(world, move || {
        check(&batch.version, &batch.artifacts, &batch.paths, &keys)
    });
    let checked = checked.await??;
    for one in checked {
        reporter.event(Event::Signature {
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
///
/// # Errors
/// When the Hub cannot be asked, or a file cannot be written.
pub async fn keep_the_hubs(
    (world, client): (&World, &HubClient),
    version: &semver::Version,
    (artifacts, is_staged): (&mut [LocalArtifact], bool),
    keys: &Keys,
    reporter: &dyn Reporter,
) -> Result<(), SignError> {
    for one in of_hub(client, version, artifacts, keys).await? {
        let file = apart(world, move || one.put(is_staged)).await??;
        reporter.note(format!(
            "{} is published already with another signature of the same bytes, which is as good: it is kept",
            file.key
        ));
        for other in artifacts.iter_mut() {
            if other.key == file.key {
                other.clone_from(&file);
            } else if other.path == file.path {
                // The same file is published for another platform, too.
                (other.size, other.sha256) = (file.size, file.sha256);
                other.modified = file.modified;
            }
        }
    }
    Ok(())
}

/// Work that reads much, where it holds up nothing.
async fn apart<T: Send + 'static>(
    world: &World,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SignError> {
    world.apart(work).await.ok_or(SignError::Interrupted)
}
