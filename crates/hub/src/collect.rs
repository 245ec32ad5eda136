//! What nobody needs any more, and its removal: uploads that were never registered, and bytes that
//! no upload has.
//!
//! Bytes that the catalogue does not know are a killed process's leftovers, or else the catalogue
//! is an older one that was put back beside newer bytes. The two look alike, so a catalogue that may
//! have been put back removes nothing of the kind until its operator says so.

use crate::catalogue::{Catalogue, Unregistered};
use crate::data_dir::{fsync_folder, private_file};
use crate::error::chain;
use crate::storage::{Bucket, Storage, Unknown};
use crate::token::random_id;
use crate::{Hub, HubError};
use jiff::{SignedDuration, Timestamp};
use release_types::ObjectKey;
use std::io::Write as _;
use std::path::Path;

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
        let before = self.now() - self.config().keep_unregistered;
        if how.forget_unknown && !how.dry_run {
            self.catalogue().mark_copy(false).await?;
        }
        let keep = !how.forget_unknown && self.catalogue().is_copy().await?;
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
            for upload in some {
                let Unregistered { key, size, .. } = &upload;
                if !how.dry_run {
                    self.remove_bytes(&upload).await?;
                }
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
        let known = self.catalogue().blobs().await?;
        for unknown in self.storage().files().unknown(&known, self.now())? {
            if keep {
                tracing::warn!(file = %unknown.path.display(), "the catalogue may be older than these bytes");
                collected.kept += 1;
                continue;
            }
            if how.dry_run || self.remove_unknown(&unknown).await? {
                tracing::info!(file = %unknown.path.display(), dry_run = how.dry_run, "removing bytes that nothing refers to");
                collected.bytes += unknown.size;
                collected.unknown.push(unknown.name);
            }
        }
        Ok(collected)
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
                tracing::warn!(%key, error = %chain(&error), "an upload stays");
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

    async fn remove_bytes(&self, upload: &Unregistered) -> Result<(), HubError> {
        match (self.storage().bucket(), &upload.place) {
            (None, _) => self.remove_if_orphaned(&upload.sha256).await,
            (Some(bucket), Some(place)) => bucket.remove(place).await,
            (Some(_), None) => Ok(()),
        }
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
        for upload in self.catalogue().uploads_before(before).await? {
            let lying = bucket.arrived(&upload.id).await?;
            if !how.dry_run {
                bucket.remove_upload(&upload.id).await?;
                let mut tx = self.catalogue().write().await?;
                Catalogue::take_upload(&mut tx, &upload.id).await?;
                tx.commit().await?;
            }
            if let Some(lying) = lying {
                let key = upload.grant.key;
                tracing::info!(%key, dry_run = how.dry_run, "removing an upload of no release");
                collected.unregistered.push(key);
                collected.bytes += lying.size;
            }
        }
        let known = self.catalogue().upload_ids().await?;
        for lying in bucket.unknown_uploads(&known).await? {
            if !lying.is_old(self.now()) {
                continue;
            }
            if !how.dry_run {
                bucket.remove_upload(&lying.name).await?;
            }
            tracing::info!(
                upload = lying.name,
                dry_run = how.dry_run,
                "removing what came late"
            );
            collected.bytes += lying.size;
            collected.unknown.push(lying.name);
        }
        Ok(())
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
            if !how.dry_run {
                bucket.remove(place).await?;
            }
            tracing::info!(
                place,
                dry_run = how.dry_run,
                "removing bytes that nothing refers to"
            );
            collected.bytes += lying.size;
            collected.unknown.push(lying.name);
        }
        Ok(())
    }

    /// Removes bytes while nobody can begin to use them.
    async fn remove_unknown(&self, unknown: &Unknown) -> Result<bool, HubError> {
        let mut tx = self.catalogue().write().await?;
        if let Ok(sha256) = unknown.name.parse()
            && Catalogue::has_blob(&mut tx, &sha256).await?
        {
            return Ok(false);
        }
        match std::fs::remove_file(&unknown.path) {
            Ok(()) => Ok(true),
            // Another collection, of a person's `gc` beside the server's, was faster.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(HubError::io("remove", &unknown.path)(error)),
        }
    }

    /// Collects now and then, for as long as it is polled.
    pub(crate) async fn collect_forever(&self, pause: std::time::Duration) {
        loop {
            tokio::time::sleep(pause).await;
            let root = &self.config().data_dir;
            if let Err(error) = notice_older(self.catalogue(), self.storage(), root).await {
                tracing::warn!(error = %chain(&error), "the catalogue's age is not noted");
                // Others may have come to write there; what is theirs is not known here.
                if self.storage().bucket().is_some() {
                    continue;
                }
            }
            if let Err(error) = self.collect(Collection::default()).await {
                tracing::warn!(error = %chain(&error), "what nobody needs stays for now");
            }
        }
    }
}

/// Finds out whether the catalogue is older than the folder, and marks it if so.
///
/// Both count openings and the hours that a server runs, the catalogue first. Where the folder has
/// seen more than the catalogue remembers, the catalogue was put back. Bytes are removed when they
/// are a day old, so a catalogue that does not know them is older than that.
///
/// A bucket holds that for all its Hubs, whose folders may be new ones each time.
pub(crate) async fn notice_older(
    catalogue: &Catalogue,
    storage: &Storage,
    root: &Path,
) -> Result<(), HubError> {
    if let Some(bucket) = storage.bucket() {
        let id = catalogue.keep("catalogue_id", &random_id()?).await?;
        if !bucket.is_claimed().await? && catalogue.has_places().await? {
            return Err(HubError::Config(format!(
                "{} holds nothing of this catalogue's, which has bytes in a bucket: is it the right one, \
                 and has nobody emptied it?",
                bucket.name()
            )));
        }
        let age = catalogue.grow_older(bucket.claim(&id).await?).await?;
        return bucket.remember(&id, age).await;
    }
    let file = root.join("age");
    let seen: u64 = match std::fs::read_to_string(&file) {
        Ok(text) => text.trim().parse().unwrap_or(0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(HubError::io("read", &file)(error)),
    };
    let age = catalogue.grow_older(seen).await?;
    write(&file, age).map_err(HubError::io("write", &file))?;
    fsync_folder(root)
}

fn write(file: &Path, age: u64) -> std::io::Result<()> {
    let aside = file.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut writing = private_file(options.write(true).create(true).truncate(true)).open(&aside)?;
    writeln!(writing, "{age}")?;
    writing.sync_all()?;
    std::fs::rename(&aside, file)
}

/// How long uploads that no release takes are kept, unless something else is said.
pub(crate) const KEEP_UNREGISTERED: SignedDuration = SignedDuration::from_hours(7 * 24);
