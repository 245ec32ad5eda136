//! One file, until GitHub has it: sent, found to be there, or found to be another.
//!
//! A name is taken from the moment an upload begins, also where it never ends. What is unfinished is
//! removed and sent again; where another run may be at it, that is given time first.

use super::assets::Asset;
use super::client::{GitHub, Sent};
use super::error::{Differing, GithubReleaseError};
use super::wire::{RemoteAsset, RemoteRelease};
use crate::events::Reporter;
use crate::progress::{Direction, FileTransfer, Transfers};
use hub_client::ClientError;
use jiff::SignedDuration;
use release_types::Sha256Digest;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long somebody's upload may take at least, before it counts as left behind.
const LEFT_BEHIND: SignedDuration = SignedDuration::from_secs(30);

/// So many bytes more of a file give it a second more.
const PACE: u64 = 1024 * 1024;

/// How often it is looked whether somebody else's upload is done.
const LOOK: Duration = Duration::from_secs(2);

/// How often a name that is taken, by nothing that is listed, is tried again.
const UNLISTED: u32 = 5;

/// How what is on GitHub stands to a file.
pub(super) enum Standing {
    /// It is that file.
    Same,
    /// It is another.
    Other(Differing),
    /// It has not come to its end.
    Unfinished,
}

/// What compares and sends the files of a release.
pub(super) struct Sender<'a> {
    pub github: &'a GitHub,
    pub release: &'a RemoteRelease,
    pub reporter: &'a dyn Reporter,
    /// Digests that were found by reading, by the asset's id.
    read: Mutex<BTreeMap<u64, Sha256Digest>>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        github: &'a GitHub,
        release: &'a RemoteRelease,
        reporter: &'a dyn Reporter,
    ) -> Self {
        Self {
            github,
            release,
            reporter,
            read: Mutex::default(),
        }
    }

    /// Compares, by GitHub's own digest, or by size and reading back where it has none. One attempt.
    pub(super) async fn compare(
        &self,
        asset: &Asset,
        there: &RemoteAsset,
    ) -> Result<Standing, ClientError> {
        if !there.is_uploaded() {
            return Ok(Standing::Unfinished);
        }
        let known = there.sha256().or_else(|| {
            let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            read.get(&there.id).copied()
        });
        let sha256 = match known {
            Some(sha256) => sha256,
            None => {
                let transfers = Transfers::new(Direction::ReadBack);
                let transfer = transfers.add(&asset.name, there.size);
                let progress = |bytes| transfer.at(bytes);
                let reading = self.github.digest(there, &progress);
                let found = transfers.watch(self.reporter, reading).await?.sha256;
                let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
                read.insert(there.id, found);
                found
            }
        };
        if (there.size, sha256) == (asset.size, asset.sha256) {
            return Ok(Standing::Same);
        }
        Ok(Standing::Other(Differing {
            name: asset.name.clone(),
            there_size: there.size,
            there: sha256,
            here_size: asset.size,
            here: asset.sha256,
        }))
    }

    /// Sends a file, after what is `there` of its name and unfinished, if anything.
    pub(super) async fn send(
        &self,
        asset: &Asset,
        there: Option<&RemoteAsset>,
        transfer: &FileTransfer,
    ) -> Result<(), GithubReleaseError> {
        let what = format!("upload {}", asset.name);
        // What this run has begun it may remove at once.
        let begun = AtomicBool::new(false);
        let damaged = AtomicU32::new(0);
        let first = AtomicBool::new(true);
        let (begun, damaged, first) = (&begun, &damaged, &first);
        let attempt = || async move {
            let mut there = match first.swap(false, Ordering::Relaxed) {
                true => there.cloned(),
                false => self.named(asset).await?,
            };
            let mut unlisted = 0;
            loop {
                if let Some(found) = there.take() {
                    match self.cleared(asset, found, begun).await? {
                        None => {}
                        Some(Standing::Other(differing)) => {
                            return Ok(Err(self.conflict(differing)));
                        }
                        Some(_) => return Ok(Ok(())),
                    }
                }
                let sent = self.transferred(asset, transfer).await;
                // Whatever comes of it, the name was free, so what has it now is this upload's doing.
                let nothing = matches!(
                    sent,
                    Ok(Sent::Exists) | Err(ClientError::RateLimited { .. })
                );
                if !nothing {
                    begun.store(true, Ordering::Relaxed);
                }
                match sent? {
                    Sent::Taken(found) => {
                        return match self.is_right(asset, &found, damaged).await? {
                            Some(outcome) => Ok(outcome),
                            None => Err(self.damaged(asset)),
                        };
                    }
                    Sent::Exists => {
                        // Somebody else's, or one whose answer was lost.
                        there = self.named(asset).await?;
                        if there.is_none() {
                            unlisted += 1;
                            if unlisted > UNLISTED {
                                return Err(self.hidden(asset));
                            }
                            tokio::time::sleep(LOOK).await;
                        }
                    }
                }
            }
        };
        let outcome = self.github.attempts(&what, attempt).await?;
        transfer.gone();
        outcome
    }

    async fn transferred(
        &self,
        asset: &Asset,
        transfer: &FileTransfer,
    ) -> Result<Sent, ClientError> {
        let transfer = transfer.clone();
        let progress = Arc::new(move |bytes| transfer.at(bytes));
        self.github.upload(self.release, asset, progress).await
    }

    /// Whether what was taken is what was sent; nothing where it is not and was removed, to be sent once
    /// more.
    async fn is_right(
        &self,
        asset: &Asset,
        found: &RemoteAsset,
        damaged: &AtomicU32,
    ) -> Result<Option<Result<(), GithubReleaseError>>, ClientError> {
        if found.name != asset.name {
            self.github.remove_asset(found).await?;
            return Ok(Some(Err(GithubReleaseError::Renamed {
                sent: asset.name.clone(),
                named: crate::text::one_line(&found.name),
            })));
        }
        let there = found.sha256();
        let same = there.is_none_or(|there| there == asset.sha256) && found.size == asset.size;
        // What has no digest yet is compared once all files are there.
        if same {
            return Ok(Some(Ok(())));
        }
        self.github.remove_asset(found).await?;
        if damaged.fetch_add(1, Ordering::Relaxed) == 0 {
            return Ok(None);
        }
        let differing = Differing {
            name: asset.name.clone(),
            there_size: found.size,
            there: there.unwrap_or(asset.sha256),
            here_size: asset.size,
            here: asset.sha256,
        };
        Ok(Some(Err(GithubReleaseError::Altered {
            differing: vec![differing],
        })))
    }

    /// Makes way for a file: what is unfinished is removed, and nothing is returned. What is finished by
    /// then is returned with how it stands.
    async fn cleared(
        &self,
        asset: &Asset,
        mut there: RemoteAsset,
        begun: &AtomicBool,
    ) -> Result<Option<Standing>, ClientError> {
        let mut told = false;
        loop {
            match self.compare(asset, &there).await? {
                Standing::Unfinished => {}
                standing => return Ok(Some(standing)),
            }
            if begun.load(Ordering::Relaxed) || self.is_left_behind(asset, &there) {
                self.github.remove_asset(&there).await?;
                return Ok(None);
            }
            if !std::mem::replace(&mut told, true) {
                self.reporter.note(format!(
                    "{} is unfinished on GitHub: another run may be sending it, and is waited for",
                    asset.name
                ));
            }
            tokio::time::sleep(LOOK).await;
            match self.named(asset).await? {
                Some(found) => there = found,
                None => return Ok(None),
            }
        }
    }

    /// Whether nobody can be at work on an unfinished file any more.
    fn is_left_behind(&self, asset: &Asset, there: &RemoteAsset) -> bool {
        let Some(began) = there.created_at else {
            return true;
        };
        let more = i64::try_from(asset.size / PACE).unwrap_or(i64::MAX);
        let patience = LEFT_BEHIND.saturating_add(SignedDuration::from_secs(more));
        let age = self.github.now().duration_since(began);
        // By its own clock nothing of GitHub's was begun after now.
        age > patience || age < SignedDuration::from_secs(-60)
    }

    async fn named(&self, asset: &Asset) -> Result<Option<RemoteAsset>, ClientError> {
        let all = self.github.assets(self.release.id).await?;
        Ok(all.into_iter().find(|one| one.name == asset.name))
    }

    fn conflict(&self, differing: Differing) -> GithubReleaseError {
        GithubReleaseError::Conflict {
            tag: self.release.tag_name.clone(),
            differing: vec![differing],
        }
    }

    /// The passing error of what is sent once more.
    fn damaged(&self, asset: &Asset) -> ClientError {
        self.passing(asset, "it has stored other bytes than were sent")
    }

    fn hidden(&self, asset: &Asset) -> ClientError {
        self.passing(asset, "it has a file of this name and lists none")
    }

    fn passing(&self, asset: &Asset, message: &str) -> ClientError {
        ClientError::Unavailable {
            host: "GitHub".to_owned(),
            what: format!("upload {}", asset.name),
            status: 422,
            message: message.to_owned(),
            retry_after: None,
        }
    }
}
