//! What nobody needs any more, and its removal: drafts that were never finalized, uploads that were
//! never registered, and bytes that no upload has.
//!
//! Bytes that the catalogue does not know are a killed process's leftovers, or else the catalogue
//! is an older one that was put back beside newer bytes. The two look alike, so a catalogue that may
//! have been put back removes nothing of the kind until its operator says so.

use crate::belonging::notice_older;
use crate::catalogue::{Catalogue, Unregistered};
use crate::error::error_chain;
use crate::storage::{Bucket, Unknown};
use crate::{Hub, HubError};
use jiff::{SignedDuration, Timestamp};
use release_types::ObjectKey;
use std::collections::HashMap;
use tokio_util::task::AbortOnDropHandle;

/// How many uploads are forgotten in one transaction: each costs a write that is waited for.
const AT_ONCE: usize = 500;

/// How to look for what can go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collection {
    /// Only tells.
    pub dry_run: bool,
    /// Removes unknown bytes also where the catalogue may be older than they are, from now on.
    pub forget_unknown: bool,
}

/// What went, or could go.
#[derive(Debug, Default)]
pub struct Collected {
    /// Drafts that nobody has finalized in time: product, version, channel and platform.
    pub drafts: Vec<String>,
    /// Uploads that no release took in time.
    pub unregistered: Vec<ObjectKey>,
    /// Bytes that no upload has, by their digest.
    pub unknown: Vec<String>,
    /// How many bytes all that is.
    pub bytes: u64,
    /// How much was left because the catalogue may be older than it is.
    pub kept: usize,
}

impl Hub {
    /// Removes what nobody needs any more.
    ///
    /// # Errors
    /// When the database or the disk fails.
    pub async fn collect(&self, how: Collection) -> Result<Collected, HubError> {
        let mut collected = Collected::default();
        for unknown in self.take_made_room() {
            collected.bytes += unknown.size;
            collected.unknown.push(unknown.sha256.to_string());
        }
        let before = before(self.now(), self.config().keep_unregistered);
        if how.forget_unknown && !how.dry_run {
            self.catalogue().mark_copy(false).await?;
        }
        let keep = !how.forget_unknown && self.catalogue().is_copy().await?;
        self.collect_drafts(how, &mut collected).await?;
        if !how.dry_run {
            self.catalogue().forget_used_id_tokens(self.now()).await?;
        }
        let mut overdue = self.catalogue().unregistered(before).await?;
        // A newer catalogue may have released them, and their bytes are the same ones.
        if keep && self.storage().bucket().is_some() {
            collected.kept += overdue.len();
            overdue.clear();
        }
        while !overdue.is_empty() {
            let some = overdue.split_off(overdue.len().saturating_sub(AT_ONCE));
            let some = match how.dry_run {
                true => some,
                false => self.forget(some, before).await?,
            };
            if !how.dry_run {
                self.remove_bytes(&some).await?;
            }
            for upload in some {
                let Unregistered { key, size, .. } = &upload;
                tracing::info!(%key, dry_run = how.dry_run, "removing an upload of no release");
                collected.bytes += size;
                collected.unregistered.push(upload.key);
            }
        }
        collected.unregistered.sort_unstable();
        if let Some(bucket) = self.storage().bucket() {
            if !keep {
                self.collect_uploads(bucket, before, how, &mut collected)
                    .await?;
            }
            self.collect_places(bucket, keep, how, &mut collected)
                .await?;
            return Ok(collected);
        }
        // The files first: what is stored while the catalogue is read is not among them.
        let lying = self.storage().files().stored().await?;
        let known = self.catalogue().blobs().await?;
        let files = self.storage().files();
        for unknown in files.unknown(lying, known, self.now()).await? {
            if keep {
                tracing::warn!(file = %unknown.path.display(), "the catalogue may be older than these bytes");
                collected.kept += 1;
                continue;
            }
            if how.dry_run || self.remove_unknown(&unknown).await? {
                tracing::info!(file = %unknown.path.display(), dry_run = how.dry_run, "removing bytes that nothing refers to");
                collected.bytes += unknown.size;
                collected.unknown.push(unknown.sha256.to_string());
            }
        }
        Ok(collected)
    }

    /// Drafts that nobody has finalized in time. What they held is an upload like others from then on.
    async fn collect_drafts(
        &self,
        how: Collection,
        collected: &mut Collected,
    ) -> Result<(), HubError> {
        let now = self.now();
        let before = before(now, self.config().keep_drafts);
        collected.drafts = match how.dry_run {
            true => self.catalogue().overdue_drafts(before).await?,
            false => self.catalogue().expire_drafts(before, now).await?,
        };
        for draft in &collected.drafts {
            tracing::info!(
                draft,
                dry_run = how.dry_run,
                "removing a draft of no release"
            );
        }
        Ok(())
    }

    /// Forgets uploads in one transaction, and returns those that are forgotten. Where something of a
    /// later version refers to one of them, each is tried by itself.
    async fn forget(
        &self,
        uploads: Vec<Unregistered>,
        before: Timestamp,
    ) -> Result<Vec<Unregistered>, HubError> {
        let keys = uploads.iter().map(|upload| &upload.key);
        let gone = match self.forget_keys(keys.collect(), before).await {
            Ok(gone) => gone,
            Err(error) if uploads.len() == 1 => {
                let key = &uploads[0].key;
                tracing::warn!(%key, error = %error_chain(&error), "an upload stays");
                vec![false]
            }
            Err(_) => {
                let mut gone = Vec::with_capacity(uploads.len());
                for upload in uploads {
                    gone.extend(Box::pin(self.forget(vec![upload], before)).await?);
                }
                return Ok(gone);
            }
        };
        let told = uploads.into_iter().zip(gone);
        Ok(told
            .filter_map(|(upload, gone)| gone.then_some(upload))
            .collect())
    }

    async fn forget_keys(
        &self,
        keys: Vec<&ObjectKey>,
        before: Timestamp,
    ) -> Result<Vec<bool>, HubError> {
        let mut tx = self.catalogue().write().await?;
        let mut gone = Vec::with_capacity(keys.len());
        for key in keys {
            gone.push(Catalogue::forget_unregistered(&mut tx, key, before).await?);
        }
        tx.commit().await?;
        Ok(gone)
    }

    async fn remove_bytes(&self, uploads: &[Unregistered]) -> Result<(), HubError> {
        if let Some(bucket) = self.storage().bucket() {
            let places = uploads.iter().filter_map(|upload| upload.place.clone());
            return bucket.remove_all(places.collect()).await;
        }
        for upload in uploads {
            self.remove_if_orphaned(&upload.sha256).await?;
        }
        Ok(())
    }

    /// Uploads into the bucket that nobody has asked for in time, and those that are of no address
    /// any more.
    async fn collect_uploads(
        &self,
        bucket: &Bucket,
        before: Timestamp,
        how: Collection,
        collected: &mut Collected,
    ) -> Result<(), HubError> {
        // The list first: an address is noted before it is given out.
        let all = bucket.uploads().await?;
        let overdue = self.catalogue().uploads_before(before).await?;
        let known = self.catalogue().upload_ids().await?;
        // What is forgotten here is nobody else's to remove or to register any more. Where this ends in
        // between, the bytes are of no address, and go when they are old.
        let mut forgotten = HashMap::new();
        for some in overdue.chunks(AT_ONCE) {
            let mut tx = self.catalogue().write().await?;
            for upload in some {
                if how.dry_run || Catalogue::take_upload(&mut tx, &upload.id).await? {
                    forgotten.insert(&upload.id, &upload.grant.key);
                }
            }
            tx.commit().await?;
        }
        let mut gone = Vec::new();
        for lying in all {
            let name = &lying.name;
            if let Some(&key) = forgotten.get(name) {
                tracing::info!(%key, dry_run = how.dry_run, "removing an upload of no release");
                collected.unregistered.push(key.clone());
            } else if !known.contains(name) && lying.is_old(self.now()) {
                tracing::info!(
                    upload = name,
                    dry_run = how.dry_run,
                    "removing what came late"
                );
                collected.unknown.push(name.clone());
            } else {
                continue;
            }
            collected.bytes += lying.size;
            gone.push(lying.name);
        }
        collected.unregistered.sort_unstable();
        match how.dry_run {
            true => Ok(()),
            false => bucket.remove_uploads(gone).await,
        }
    }

    /// Bytes in the bucket that no object has. Whoever drew their place is no more about to use it
    /// when it is old, so nobody has to be kept from writing meanwhile.
    async fn collect_places(
        &self,
        bucket: &Bucket,
        keep: bool,
        how: Collection,
        collected: &mut Collected,
    ) -> Result<(), HubError> {
        let known = self.catalogue().places().await?;
        let mut gone = Vec::new();
        for lying in bucket.unknown(&known).await? {
            let place = &lying.name;
            if !lying.is_old(self.now()) {
                continue;
            }
            if keep {
                tracing::warn!(place, "the catalogue may be older than these bytes");
                collected.kept += 1;
                continue;
            }
            gone.push(place.clone());
            tracing::info!(
                place,
                dry_run = how.dry_run,
                "removing bytes that nothing refers to"
            );
            collected.bytes += lying.size;
            collected.unknown.push(lying.name);
        }
        match how.dry_run {
            true => Ok(()),
            false => bucket.remove_all(gone).await,
        }
    }

    /// Removes bytes while nobody can begin to use them.
    async fn remove_unknown(&self, unknown: &Unknown) -> Result<bool, HubError> {
        let mut tx = self.catalogue().write().await?;
        if Catalogue::has_blob(&mut tx, &unknown.sha256).await? {
            return Ok(false);
        }
        match std::fs::remove_file(&unknown.path) {
            Ok(()) => Ok(true),
            // Another collection, of a person's `gc` beside the server's, was faster.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(HubError::io("remove", &unknown.path)(error)),
        }
    }

    /// What opening a Hub removes: what lies in files. Left over by a killed process, that may be all
    /// the room there is, so it goes before anything else is done, and on one machine it is listed
    /// quickly. A bucket is listed by [`Hub::sweep`]: it can be large and far away, and nothing
    /// that is served hangs on it.
    ///
    /// What cannot be removed, or looked at, keeps nothing from being served.
    pub(crate) async fn collect_at_start(&self) {
        if self.config().collect_on_open && self.storage().bucket().is_none() {
            self.try_to_collect().await;
        }
    }

    /// Collects now and then until it is told to end, in a task of its own: whatever that waits for,
    /// connections are accepted meanwhile. In a bucket at once, too.
    pub(crate) fn sweep(&self, pause: std::time::Duration) -> Sweep {
        let hub = self.clone();
        let sweeping = async move { hub.collect_forever(pause).await };
        Sweep(AbortOnDropHandle::new(tokio::spawn(sweeping)))
    }

    async fn collect_forever(&self, pause: std::time::Duration) {
        if self.config().collect_on_open && self.storage().bucket().is_some() {
            self.try_to_collect().await;
        }
        loop {
            tokio::time::sleep(pause).await;
            let root = &self.config().data_dir;
            if let Err(error) = notice_older(self.catalogue(), self.storage(), root).await {
                tracing::warn!(error = %error_chain(&error), "the catalogue's age is not noted");
                // Others may have come to write there; what is theirs is not known here.
                if self.storage().bucket().is_some() {
                    continue;
                }
            }
            self.try_to_collect().await;
        }
    }

    async fn try_to_collect(&self) {
        if let Err(error) = self.collect(Collection::default()).await {
            tracing::warn!(error = %error_chain(&error), "what nobody needs stays for now");
        }
    }
}

/// A task that collects. It ends when this is dropped.
pub(crate) struct Sweep(AbortOnDropHandle<()>);

impl Sweep {
    /// Ends it; nothing is removed any more when this returns.
    pub(crate) async fn end(self) {
        self.0.abort();
        if let Err(error) = self.0.await
            && error.is_panic()
        {
            tracing::error!(%error, "looking for what nobody needs hit a defect");
        }
    }
}

/// What is older goes. Where there is no such time, because so much is kept, nothing is older.
fn before(now: Timestamp, keep: SignedDuration) -> Timestamp {
    now.checked_sub(keep).unwrap_or(Timestamp::MIN)
}

/// How long uploads that no release takes are kept, unless something else is said.
pub(crate) const KEEP_UNREGISTERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The same of drafts. Their finalizing may wait for another platform's builder, or for a person.
pub(crate) const KEEP_DRAFTS: SignedDuration = SignedDuration::from_hours(30 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_longer_than_there_is_time_is_kept() {
        let now: Timestamp = "2026-01-31T00:00:00Z".parse().unwrap();
        let day = SignedDuration::from_hours(24);
        assert_eq!(before(now, day).to_string(), "2026-01-30T00:00:00Z");
        for long in [
            SignedDuration::from_hours(u32::MAX.into()),
            SignedDuration::MAX,
        ] {
            assert_eq!(before(now, long), Timestamp::MIN);
        }
    }
}
