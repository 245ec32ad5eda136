//! Signatures that a Hub has already. Two signatures of the same bytes are both good and not the same file,
//! and what is published never changes: a release that is made again elsewhere keeps the first.

use super::check::signature_paths;
use super::payload::{is_read, payloads};
use super::{Keys, Payload, SignError};
use crate::artifacts::LocalArtifact;
use crate::dist::{self, Addition};
use hub_client::{ClientError, HubClient};
use release_types::{
    Asset, Channel, Kind, ObjectKey, Platform, ProductName, Release, Sha256Digest,
};
use signatures::{ENDING, MAX_TEXT, STOCK_ENDING};
use std::collections::BTreeSet;

/// A signature of the Hub's that is kept in the place of one that was made here.
#[derive(Debug)]
pub struct Adopted {
    /// The one that was made here.
    pub instead_of: LocalArtifact,
    /// The file that it is of.
    pub of: Payload,
    /// The Hub's.
    pub bytes: Vec<u8>,
}

impl Adopted {
    /// Puts it in the place of the one that was made here, and returns the file as it is then. In a staged
    /// folder all that is written about it there changes with it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(self, is_staged: bool) -> Result<LocalArtifact, SignError> {
        let mut file = self.instead_of;
        let io = |source| SignError::Io {
            path: file.path.clone(),
            source,
        };
        let (size, sha256) = (self.bytes.len() as u64, Sha256Digest::of(&self.bytes));
        if is_staged {
            let dir = file.path.parent().unwrap_or(&file.path);
            let addition = Addition {
                product: file.product.clone(),
                of: self.of.filename,
                filename: file.filename.clone(),
                kind: Kind::Signature,
                bytes: self.bytes,
            };
            dist::add(dir, &[addition])?;
        } else {
            dist::write_atomically(&file.path, &self.bytes).map_err(io)?;
        }
        let meta = std::fs::metadata(&file.path).map_err(io)?;
        file.modified = meta.modified().ok();
        (file.size, file.sha256) = (size, sha256);
        Ok(file)
    }
}

/// The signatures of these files that the Hub has published, with other bytes than those that lie here, and
/// that are good. A file that the Hub has for one platform keeps its signature for the others, too.
///
/// # Errors
/// When the Hub cannot be asked.
pub async fn of_hub(
    client: &HubClient,
    version: &semver::Version,
    artifacts: &[LocalArtifact],
    keys: &Keys,
) -> Result<Vec<Adopted>, ClientError> {
    let signed = artifacts.iter().filter(|file| file.kind == Kind::Signature);
    let groups: BTreeSet<(&ProductName, Platform)> =
        signed.map(|file| (&file.product, file.platform)).collect();
    let payloads = payloads(version, artifacts, &signature_paths(artifacts));
    let mut look = Look {
        client,
        artifacts,
        keys,
        published: BTreeSet::new(),
        adopted: Vec::new(),
    };
    for (product, platform) in groups {
        for &channel in Channel::ALL {
            let text = version.to_string();
            let found = client.release(product, &text, platform, channel).await?;
            let Some(release) = found else { continue };
            for payload in &payloads {
                if &payload.product == product && payload.platforms().contains(&platform) {
                    look.at(&release, payload).await?;
                }
            }
        }
    }
    look.spread().await;
    Ok(look.adopted)
}

/// What has been found out.
struct Look<'a> {
    client: &'a HubClient,
    artifacts: &'a [LocalArtifact],
    keys: &'a Keys,
    /// The signatures that lie here and of which the Hub has some.
    published: BTreeSet<&'a ObjectKey>,
    adopted: Vec<Adopted>,
}

impl<'a> Look<'a> {
    fn here(&self, payload: &Payload, platform: Platform, name: &str) -> Option<&'a LocalArtifact> {
        self.artifacts.iter().find(|file| {
            (&file.product, file.platform) == (&payload.product, platform)
                && file.filename.as_str() == name
        })
    }

    /// Looks at the signatures of a file that one release of the Hub's has.
    async fn at(&mut self, release: &Release, payload: &Payload) -> Result<(), ClientError> {
        let platform = release.platform;
        let there = |name: &str| release.assets.iter().find(|asset| asset.filename == name);
        let is_same = |local: &LocalArtifact, asset: &Asset| {
            (local.sha256, local.size) == (asset.sha256, asset.size)
        };
        let name = payload.filename.as_str();
        let (Some(local), Some(asset)) = (self.here(payload, platform, name), there(name)) else {
            return Ok(());
        };
        // Other bytes are a conflict, which is told by whoever sends them.
        if self.keys.of(&payload.product).is_none() || !is_same(local, asset) {
            return Ok(());
        }
        for ending in [ENDING, STOCK_ENDING] {
            let name = format!("{name}{ending}");
            let here = self.here(payload, platform, &name);
            let (Some(local), Some(asset)) = (here, there(&name)) else {
                continue;
            };
            self.published.insert(&local.key);
            let mut known = self.adopted.iter();
            let is_known = known.any(|one| one.instead_of.key == local.key);
            let is_other = !is_same(local, asset) && asset.kind == Kind::Signature;
            if is_known || !is_other || asset.size > MAX_TEXT {
                continue;
            }
            let mut bytes = Vec::new();
            let read = self
                .client
                .download(&asset.download_id, asset.size, &mut bytes);
            if read.await?.sha256 != asset.sha256 {
                continue;
            }
            // One file here may be the signature for several platforms.
            let on = payload.platforms().into_iter().filter(|on| {
                let other = self.here(payload, *on, &name);
                *on == platform || other.is_some_and(|other| other.path == local.path)
            });
            let on: Vec<Platform> = on.collect();
            if self.is_good(payload, (&bytes, ending), on).await {
                self.adopted.push(Adopted {
                    instead_of: local.clone(),
                    of: payload.clone(),
                    bytes,
                });
            }
        }
        Ok(())
    }

    /// Gives the Hub's signature of a file to its other platforms as well, for which the Hub has none.
    async fn spread(&mut self) {
        let mut more: Vec<Adopted> = Vec::new();
        for one in &self.adopted {
            let (payload, first) = (&one.of, &one.instead_of);
            let ending = match first.filename.as_str().ends_with(STOCK_ENDING) {
                true => STOCK_ENDING,
                false => ENDING,
            };
            for on in payload.platforms() {
                let Some(other) = self.here(payload, on, first.filename.as_str()) else {
                    continue;
                };
                let is_known = self
                    .adopted
                    .iter()
                    .chain(&more)
                    .any(|known| known.instead_of.key == other.key);
                if is_known || self.published.contains(&other.key) {
                    continue;
                }
                // What is one file with it has been judged with it.
                let is_one = other.path == first.path;
                if is_one || self.is_good(payload, (&one.bytes, ending), vec![on]).await {
                    more.push(Adopted {
                        instead_of: other.clone(),
                        of: payload.clone(),
                        bytes: one.bytes.clone(),
                    });
                }
            }
        }
        self.adopted.extend(more);
    }

    /// Whether a signature is good for some platforms of a file, all of which is read.
    async fn is_good(
        &self,
        payload: &Payload,
        (bytes, ending): (&[u8], &'static str),
        platforms: Vec<Platform>,
    ) -> bool {
        let Some(key) = self.keys.of(&payload.product).cloned() else {
            return false;
        };
        let tauris = self.keys.is_tauris(&payload.product);
        let (of, text) = (payload.clone(), String::from_utf8_lossy(bytes).into_owned());
        let judging = move || {
            let is_good = of.judge_for(&platforms, &text, &key, tauris).is_ok();
            is_good && is_read(&text, tauris, ending).is_ok()
        };
        match tokio::task::spawn_blocking(judging).await {
            Ok(is_good) => is_good,
            // It is never cancelled, so it can only have panicked.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}
