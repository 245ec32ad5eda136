//! Uploads that went to the bucket, and become objects.
//!
//! Nobody tells the Hub when a client has put something into the bucket. So it looks when somebody
//! wants to know: when a release is registered, a build completed, or uploads are listed. What has
//! come is copied to a place of its own, read there, and only what was read counts. Everything is
//! noted in one transaction; a process that ends before leaves an upload that the next one finds, and
//! a process that ends after leaves bytes that nothing refers to, which are swept.

use crate::catalogue::{Catalogue, PutOutcome, StoredObject, Upload};
use crate::error::error_chain;
use crate::fail_point::fail_point;
use crate::storage::{Bucket, Lying, Presence};
use crate::token::random_id;
use crate::upload_url::Grant;
use crate::{Hub, HubError, context};
use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use release_types::{ObjectKey, Sha256Digest};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many keys of one request are settled at a time, and how many uploads of all requests are read.
const AT_ONCE: usize = 8;
const READERS: usize = 16;

/// The most that a store takes in one request, in bytes.
pub(crate) const LARGEST: u64 = 5 * 1024 * 1024 * 1024;

/// How long somebody who asks waits for what is being read: clients and proxies before the Hub give up
/// an answer after 30 s, and those that are told so ask again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Which keys are being settled: whoever asks again while that takes waits for it, and does not read
/// all of it once more.
#[derive(Debug)]
pub(crate) struct Settling {
    keys: Mutex<HashMap<ObjectKey, Weak<tokio::sync::Mutex<()>>>>,
    readers: Semaphore,
    /// Whose turn it is to finalize. Who asks again meanwhile, since the bucket is asked for every file,
    /// finds it done, instead of asking for all of them a second time.
    pub(crate) finalizing: tokio::sync::Mutex<()>,
}

impl Default for Settling {
    fn default() -> Self {
        Self {
            keys: Mutex::default(),
            readers: Semaphore::new(READERS),
            finalizing: tokio::sync::Mutex::default(),
        }
    }
}

impl Settling {
    fn turn(&self, key: &ObjectKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = keys.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        keys.insert(key.clone(), Arc::downgrade(&turn));
        turn
    }
}

impl Hub {
    /// Makes objects of all that has come for these keys. Without a bucket there is nothing to do.
    ///
    /// What takes longer than [`PATIENCE`] goes on, and is [`HubError::StillReading`] until it is done.
    pub(crate) async fn settle(&self, keys: Vec<ObjectKey>) -> Result<(), HubError> {
        if self.storage().bucket().is_none() {
            return Ok(());
        }
        let presence = Presence::default();
        let settling = keys.into_iter().map(|key| {
            let (hub, presence) = (self.clone(), presence.clone());
            context::to_its_end(async move { hub.settle_key(&key, &presence).await })
        });
        let settling = futures_util::stream::iter(settling).buffer_unordered(AT_ONCE);
        match tokio::time::timeout(PATIENCE, settling.try_collect()).await {
            Ok(settled) => settled,
            Err(_) => Err(HubError::StillReading),
        }
    }

    /// The same for the first keys below a prefix and after one, `limit` of them at most. The last of
    /// those, where there are more: what a list shows beyond it may not be all that has come.
    pub(crate) async fn settle_below(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Option<ObjectKey>, HubError> {
        if self.storage().bucket().is_none() {
            return Ok(None);
        }
        let catalogue = self.catalogue();
        let mut keys = catalogue.keys_of_uploads(prefix, after, limit + 1).await?;
        let more = keys.len() > limit as usize;
        keys.truncate(limit as usize);
        let last = keys.last().filter(|_| more).cloned();
        self.settle(keys).await?;
        Ok(last)
    }

    async fn settle_key(&self, key: &ObjectKey, presence: &Presence) -> Result<(), HubError> {
        let Some(bucket) = self.storage().bucket() else {
            return Ok(());
        };
        let turn = self.settling().turn(key);
        let _turn = turn.lock().await;
        let mut come = Vec::new();
        let uploads = self.catalogue().uploads_to(key).await?;
        let waited_for = !uploads.is_empty();
        for upload in uploads {
            if let Some(lying) = bucket.arrived(&upload.id).await? {
                come.push((lying.at, upload, lying));
            }
        }
        if come.is_empty() && waited_for {
            presence.of(bucket).await?;
        }
        // The last one counts. The order in which addresses were given out decides within a second.
        come.sort_by_key(|(at, ..)| *at);
        for (_, upload, lying) in come {
            self.settle_upload(bucket, &upload, &lying).await?;
        }
        Ok(())
    }

    async fn settle_upload(
        &self,
        bucket: &Bucket,
        upload: &Upload,
        lying: &Lying,
    ) -> Result<(), HubError> {
        let Upload { id, grant } = upload;
        let most = self.config().limits.upload.min(LARGEST);
        if let Some(why) = wrong_size(grant, lying.size, most) {
            return self.refuse(bucket, upload, lying, &why).await;
        }
        let Ok(_reader) = self.settling().readers.acquire().await else {
            return Ok(());
        };
        let place = random_id()?;
        if !bucket.keep(id, &place, lying.size).await? {
            // Another Hub was quicker.
            return Ok(());
        }
        fail_point!("settled bytes copied");
        let (sha256, size) = match bucket.digest(&place, lying.size).await {
            Ok(Some(read)) => read,
            Ok(None) => return Err(bucket.lost()),
            Err(error) => {
                tidy(bucket.remove(&place).await);
                return Err(error);
            }
        };
        fail_point!("settled bytes read");
        // Another upload may have come to the address since it was looked at.
        let wrong = wrong_size(grant, size, most);
        if let Some(why) = wrong.or_else(|| wrong_digest(grant, &sha256)) {
            bucket.remove(&place).await?;
            fail_point!("refused bytes gone");
            return self.refuse(bucket, upload, lying, &why).await;
        }
        let object = StoredObject {
            sha256,
            size,
            content_type: grant.content_type.clone(),
            place: Some(place.clone()),
        };
        // By the store's clock, which may be ahead.
        let at = lying.at.min(self.now());
        let unused = self.note(bucket, upload, object, at).await?;
        fail_point!("settled bytes noted");
        for place in unused {
            tidy(bucket.remove(&place).await);
            fail_point!("replaced place gone");
        }
        tidy(bucket.remove_upload(id).await);
        fail_point!("settled upload gone");
        Ok(())
    }

    /// Removes an upload that is not what was agreed. Its address stays good for what was.
    ///
    /// Something may have come in its place already: another Hub may have removed it, and the store
    /// have taken the next. So it is looked at once more, and by the one who has the right to write: no
    /// other Hub removes anything in between.
    async fn refuse(
        &self,
        bucket: &Bucket,
        upload: &Upload,
        lying: &Lying,
        why: &str,
    ) -> Result<(), HubError> {
        tracing::info!(key = %upload.grant.key, why, "an upload is refused");
        let mut tx = self.catalogue().write().await?;
        bucket.remove_upload_as(lying).await?;
        fail_point!("refused upload gone");
        Catalogue::note_refusal(&mut tx, &upload.id, why).await?;
        tx.commit().await
    }

    /// Notes an object whose bytes are at a place, and when they came. Which places nothing refers to
    /// from now on.
    async fn note(
        &self,
        bucket: &Bucket,
        Upload { id, grant }: &Upload,
        mut object: StoredObject,
        at: Timestamp,
    ) -> Result<Vec<String>, HubError> {
        let place = object.place.clone();
        // Bytes that are the same stay where they are, since somebody may be reading them; unless
        // they are gone or damaged, and then the upload mends that.
        let seen = self.catalogue().stored_object(&grant.key).await?;
        let mut looked_at = None;
        if let Some(seen) = seen
            && seen.sha256 == object.sha256
            && let Some(place) = seen.place
        {
            let whole = is_whole(bucket, &place, &object).await?;
            looked_at = Some((place, whole));
        }
        let mut tx = self.catalogue().write().await?;
        if !Catalogue::take_upload(&mut tx, id).await? {
            // Another Hub was quicker.
            return Ok(place.into_iter().collect());
        }
        Catalogue::forget_refusals(&mut tx, &grant.key).await?;
        let before = Catalogue::object_in(&mut tx, &grant.key).await?;
        if let Some(before) = &before
            && stays(before, &object, looked_at.as_ref())
        {
            object.place.clone_from(&before.place);
        }
        let before = before.and_then(|before| before.place);
        let outcome = Catalogue::put_object(&mut tx, &grant.key, &object, at).await?;
        fail_point!("settled bytes before they count");
        tx.commit().await?;
        if outcome == PutOutcome::Immutable {
            tracing::info!(key = %grant.key, "an upload would have changed what is released");
            return Ok(place.into_iter().collect());
        }
        let stale = [place, before].into_iter().flatten();
        Ok(stale
            .filter(|stale| Some(stale) != object.place.as_ref())
            .collect())
    }
}

/// Why this many bytes are not what an address was signed for, or more than may be.
fn wrong_size(grant: &Grant, size: u64, most: u64) -> Option<String> {
    match grant.size {
        Some(agreed) if agreed != size => Some(format!(
            "it has {size} bytes, and its address was signed for {agreed}"
        )),
        _ if size > most => Some(format!("it has {size} bytes, and uploads may have {most}")),
        _ => None,
    }
}

/// Why bytes of this digest are not what an address was signed for.
fn wrong_digest(grant: &Grant, sha256: &Sha256Digest) -> Option<String> {
    let agreed = grant.sha256.filter(|agreed| agreed != sha256)?;
    Some(format!(
        "its SHA-256 is {sha256}, and its address was signed for {agreed}"
    ))
}

/// Whether the bytes at a place are those of an object. What cannot be read is damaged: a store may notice
/// that by itself, and the bytes that have come are there to mend it.
async fn is_whole(
    bucket: &Bucket,
    place: &str,
    StoredObject { sha256, size, .. }: &StoredObject,
) -> Result<bool, HubError> {
    if bucket.size(place).await? != Some(*size) {
        return Ok(false);
    }
    Ok(match bucket.digest(place, *size).await {
        Ok(read) => read == Some((*sha256, *size)),
        Err(error) => {
            tracing::warn!(error = %error_chain(&error), "stored bytes are replaced by what was uploaded");
            false
        }
    })
}

/// Whether bytes stay where the catalogue has them when the same have come again: somebody may be
/// reading them there. Unless they are gone, and then the upload mends that. What has a place that was
/// not looked at has come since, and another Hub has read it there a moment ago.
fn stays(now: &StoredObject, new: &StoredObject, looked_at: Option<&(String, bool)>) -> bool {
    let Some(place) = &now.place else {
        return false;
    };
    let whole = match looked_at {
        Some((looked_at, whole)) if looked_at == place => *whole,
        _ => true,
    };
    whole && now.sha256 == new.sha256
}

/// What is left over is swept later.
fn tidy(done: Result<(), HubError>) {
    if let Err(error) = done {
        tracing::warn!(error = %error_chain(&error), "something stays in the bucket for now");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_or_was_just_mended_by_another_hub_stays() {
        let object = |bytes: &[u8], place: &str| StoredObject {
            sha256: Sha256Digest::of(bytes),
            size: 5,
            content_type: "a/b".to_owned(),
            place: Some(place.to_owned()),
        };
        let new = object(b"hello", "new");
        let looked_at = |whole| Some(("old".to_owned(), whole));
        let stays = |now: &StoredObject, looked_at: Option<_>| stays(now, &new, looked_at.as_ref());
        let old = object(b"hello", "old");
        assert!(stays(&old, looked_at(true)));
        assert!(!stays(&old, looked_at(false)));
        let mended = object(b"hello", "mended");
        assert!(stays(&mended, looked_at(false)));
        assert!(stays(&mended, None));
        let replaced = object(b"jello", "mended");
        assert!(!stays(&replaced, looked_at(true)) && !stays(&replaced, None));
    }
}
