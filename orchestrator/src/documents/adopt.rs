//! Statements that a Hub has already. Two runs that make the same bytes have a statement each, and what is
//! published never changes: the first one stays, with the signatures that belong to it.

use super::{Form, STATEMENT_LIMIT, Statement};
use crate::artifacts::{LocalArtifact, read_text};
use crate::dist::{self, Addition, DistError};
use crate::sign::Keys;
use hub_client::{ClientError, HubClient};
use release_types::{Asset, Channel, FileName, Kind, Platform, ProductName, Release, Sha256Digest};
use signatures::{Binding, ENDING, MAX_TEXT, STOCK_ENDING, Signature};
use std::collections::BTreeSet;

/// A statement of the Hub's that is kept in the place of one that was made here.
#[derive(Debug)]
pub struct Adopted {
    /// The program that it is about.
    program: FileName,
    /// The files that were made here, each with what takes its place: the statement, then its signatures.
    files: Vec<(LocalArtifact, Vec<u8>)>,
}

impl Adopted {
    /// The statement that was made here.
    pub fn statement(&self) -> Option<&LocalArtifact> {
        self.files.first().map(|(file, _)| file)
    }

    /// Puts the Hub's in the place of what was made here, and returns the files as they are then. In a staged
    /// folder all that is written about them there changes with them.
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn put(self, is_staged: bool) -> Result<Vec<LocalArtifact>, DistError> {
        let Some(statement) = self.statement().cloned() else {
            return Ok(Vec::new());
        };
        let additions = self.files.iter().map(|(file, bytes)| Addition {
            product: file.product.clone(),
            of: match file.kind {
                Kind::Signature => statement.filename.clone(),
                _ => self.program.clone(),
            },
            filename: file.filename.clone(),
            kind: file.kind,
            bytes: bytes.clone(),
        });
        if is_staged {
            let dir = statement.path.parent().unwrap_or(&statement.path);
            dist::add(dir, &additions.collect::<Vec<_>>())?;
        }
        let mut put = Vec::with_capacity(self.files.len());
        for (mut file, bytes) in self.files {
            let io = |source| DistError::Write {
                path: file.path.clone(),
                source,
            };
            if !is_staged {
                dist::write_atomically(&file.path, &bytes).map_err(io)?;
            }
            let meta = std::fs::metadata(&file.path).map_err(io)?;
            file.modified = meta.modified().ok();
            (file.size, file.sha256) = (bytes.len() as u64, Sha256Digest::of(&bytes));
            put.push(file);
        }
        Ok(put)
    }
}

/// The statements that the Hub has published of these programs, as long as they say what those that were made
/// here do, but for the run, and have what those have of signatures; a good one in any case where there is a key.
///
/// # Errors
/// When the Hub cannot be asked.
pub async fn of_hub(
    client: &HubClient,
    version: &semver::Version,
    artifacts: &[LocalArtifact],
    keys: &Keys,
) -> Result<Vec<Adopted>, ClientError> {
    let is_statement = |file: &&LocalArtifact| {
        let form = Form::of(file.filename.as_str());
        file.kind == Kind::Other && form.is_some_and(|(form, _)| form == Form::Provenance)
    };
    let statements: Vec<_> = artifacts.iter().filter(is_statement).collect();
    let groups: BTreeSet<(&ProductName, Platform)> = statements
        .iter()
        .map(|file| (&file.product, file.platform))
        .collect();
    let mut adopted: Vec<Adopted> = Vec::new();
    for (product, platform) in groups {
        for &channel in Channel::ALL {
            let text = version.to_string();
            let found = client.release(product, &text, platform, channel).await?;
            let Some(release) = found else { continue };
            for statement in &statements {
                let is_known = adopted
                    .iter()
                    .filter_map(Adopted::statement)
                    .any(|known| known.key == statement.key);
                if is_known || (&statement.product, statement.platform) != (product, platform) {
                    continue;
                }
                let look = Look {
                    client,
                    version,
                    release: &release,
                    artifacts,
                    keys,
                };
                adopted.extend(look.of(statement).await?);
            }
        }
    }
    Ok(adopted)
}

/// The statement that was made here.
fn made_here(local: &LocalArtifact) -> Option<Statement> {
    let text = read_text(&local.path, STATEMENT_LIMIT).ok()?;
    Statement::read(text.as_bytes()).ok()
}

/// What one release of the Hub's has.
struct Look<'a> {
    client: &'a HubClient,
    version: &'a semver::Version,
    release: &'a Release,
    artifacts: &'a [LocalArtifact],
    keys: &'a Keys,
}

impl Look<'_> {
    fn here(&self, product: &ProductName, name: &str) -> Option<&LocalArtifact> {
        self.artifacts.iter().find(|file| {
            (&file.product, file.platform) == (product, self.release.platform)
                && file.filename.as_str() == name
        })
    }

    fn there(&self, name: &str) -> Option<&Asset> {
        let mut assets = self.release.assets.iter();
        assets.find(|asset| asset.filename == name)
    }

    /// The Hub's, where it has another one about the same program.
    async fn of(&self, local: &LocalArtifact) -> Result<Option<Adopted>, ClientError> {
        let (name, product) = (local.filename.as_str(), &local.product);
        let Some(here) = made_here(local) else {
            return Ok(None);
        };
        // What it is about: the program, or the first of what a command has made.
        let mut subjects = here.subject.iter();
        let Some(program) = subjects.find_map(|one| self.here(product, one.name())) else {
            return Ok(None);
        };
        let Some(listed) = self.there(program.filename.as_str()) else {
            return Ok(None);
        };
        // Other bytes are a conflict, which is told by whoever sends them.
        if (program.sha256, program.size) != (listed.sha256, listed.size) {
            return Ok(None);
        }
        let Some(asset) = self.there(name) else {
            return Ok(None);
        };
        if (local.sha256, local.size) == (asset.sha256, asset.size) || asset.kind != local.kind {
            return Ok(None);
        }
        let Some(bytes) = self.read(asset, STATEMENT_LIMIT).await? else {
            return Ok(None);
        };
        // Whoever may publish can have put it there, and it may come to be signed here: nothing but the run may
        // be another than what was found out here.
        let Ok(there) = Statement::read(&bytes) else {
            return Ok(None);
        };
        let sha256 = there.sha256_of(program.filename.as_str());
        if !there.is_of_the_same_making(&here) || sha256 != Some(&program.sha256.to_string()) {
            return Ok(None);
        }
        let has_key = self.keys.of(product).is_some();
        let mut files = vec![(local.clone(), bytes)];
        for ending in [ENDING, STOCK_ENDING] {
            let name = format!("{name}{ending}");
            let here = self.here(product, &name);
            // One that was made here belongs to the statement that was made here. Where there is a key, the
            // Hub's counts by its own signature alone, and is not signed here in its place.
            let is_needed = here.is_some() || (has_key && ending == ENDING);
            let Some(asset) = self.there(&name) else {
                match is_needed {
                    true => return Ok(None),
                    false => continue,
                }
            };
            if !is_needed {
                continue;
            }
            let Some(text) = self.read(asset, MAX_TEXT).await? else {
                return Ok(None);
            };
            if !self.is_good(local, &files[0].1, &text) {
                return Ok(None);
            }
            files.extend(here.map(|here| (here.clone(), text)));
        }
        Ok(Some(Adopted {
            program: program.filename.clone(),
            files,
        }))
    }

    /// The bytes of a small file; nothing where it is none, or the Hub gives out another one.
    async fn read(&self, asset: &Asset, limit: u64) -> Result<Option<Vec<u8>>, ClientError> {
        if asset.size > limit {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let read = self
            .client
            .download(&asset.download_id, asset.size, &mut bytes);
        let read = read.await?;
        Ok((read.sha256 == asset.sha256).then_some(bytes))
    }

    /// Whether a signature is one of these bytes under this name, where there is a key to check it with.
    fn is_good(&self, file: &LocalArtifact, bytes: &[u8], text: &[u8]) -> bool {
        let Some(key) = self.keys.of(&file.product) else {
            return true;
        };
        let text = String::from_utf8_lossy(text);
        let signature: Option<Signature> = text.parse().ok();
        let said = signature.and_then(|signature| signature.verify(key, bytes).ok());
        said.is_some_and(|said| {
            let binding = Binding {
                product: &file.product,
                version: &self.version.to_string(),
                platform: file.platform,
                names: &[file.filename.as_str()],
            };
            said.binds(&binding).is_ok()
        })
    }
}
