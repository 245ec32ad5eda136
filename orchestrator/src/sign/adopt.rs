//! Signatures that a Hub has already. Two signatures of the same bytes are both good and not the same file,
//! and what is published never changes: a release that is made again elsewhere keeps the first.

use super::check::signature_paths;
use super::payload::{is_for_tauri, payloads};
use super::{Keys, Payload, SignError};
use crate::artifacts::LocalArtifact;
use crate::dist::{self, Addition};
use hub_client::{ClientError, HubClient};
use release_types::{Asset, Channel, FileName, Kind, Platform, ProductName, Release, Sha256Digest};
use signatures::{ENDING, MAX_TEXT, STOCK_ENDING};
use std::collections::BTreeSet;

/// A signature of the Hub's that is kept in the place of one that was made here.
#[derive(Debug)]
pub struct Adopted {
    /// The one that was made here.
    pub instead_of: LocalArtifact,
    /// The file that it is of.
    pub of: FileName,
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
                of: self.of,
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
/// that are good.
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
    let mut adopted: Vec<Adopted> = Vec::new();
    for (product, platform) in groups {
        for &channel in Channel::ALL {
            let text = version.to_string();
            let found = client.release(product, &text, platform, channel).await?;
            let Some(release) = found else { continue };
            for payload in &payloads {
                if &payload.product != product || !payload.platforms().any(|on| on == platform) {
                    continue;
                }
                for one in of_payload(client, &release, artifacts, payload, keys).await? {
                    let key = &one.instead_of.key;
                    if adopted.iter().all(|other| other.instead_of.key != *key) {
                        adopted.push(one);
                    }
                }
            }
        }
    }
    Ok(adopted)
}

async fn of_payload(
    client: &HubClient,
    release: &Release,
    artifacts: &[LocalArtifact],
    payload: &Payload,
    keys: &Keys,
) -> Result<Vec<Adopted>, ClientError> {
    let mut adopted = Vec::new();
    let platform = release.platform;
    let here = |name: &str| {
        artifacts.iter().find(|file| {
            (&file.product, file.platform) == (&payload.product, platform)
                && file.filename.as_str() == name
        })
    };
    let there = |name: &str| release.assets.iter().find(|asset| asset.filename == name);
    let is_same = |local: &LocalArtifact, asset: &Asset| {
        (local.sha256, local.size) == (asset.sha256, asset.size)
    };
    let name = payload.filename.as_str();
    let (Some(local), Some(asset)) = (here(name), there(name)) else {
        return Ok(adopted);
    };
    let Some(key) = keys.of(&payload.product) else {
        return Ok(adopted);
    };
    // Other bytes are a conflict, which is told by whoever sends them.
    if !is_same(local, asset) {
        return Ok(adopted);
    }
    for ending in [ENDING, STOCK_ENDING] {
        let name = format!("{name}{ending}");
        let (Some(local), Some(asset)) = (here(&name), there(&name)) else {
            continue;
        };
        if is_same(local, asset) || asset.size > MAX_TEXT || asset.kind != Kind::Signature {
            continue;
        }
        let mut bytes = Vec::new();
        let read = client.download(&asset.download_id, asset.size, &mut bytes);
        if read.await?.sha256 != asset.sha256 {
            continue;
        }
        let tauris = keys.is_tauris(&payload.product);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (of, key) = (payload.clone(), key.clone());
        // It reads all of the file.
        let strictly = tauris && ending == ENDING;
        let judging = move || {
            let is_read = !strictly || is_for_tauri(&text).is_ok();
            is_read && of.judge_text(&text, &key, tauris).is_ok()
        };
        let is_good = match tokio::task::spawn_blocking(judging).await {
            Ok(is_good) => is_good,
            // It is never cancelled, so it can only have panicked.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        if is_good {
            adopted.push(Adopted {
                instead_of: local.clone(),
                of: payload.filename.clone(),
                bytes,
            });
        }
    }
    Ok(adopted)
}
