//! Whether the catalogue and the stored bytes belong together, and which of them is older.
//!
//! Both count openings and the hours that a server runs, the catalogue first. Where the bytes' place has
//! seen more than the catalogue remembers, the catalogue was put back. Bytes are removed when they
//! are a day old, so a catalogue that does not know them is older than that.

use crate::catalogue::Catalogue;
use crate::data_dir::{fsync_folder, private_file};
use crate::storage::{Bucket, Claim, Storage};
use crate::token::random_id;
use crate::{HubError, plain};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

/// What the catalogue calls the id of the bucket that it has.
pub(crate) const BUCKET: &str = "bucket_id";

/// What it calls its own id, which it has for buckets.
const CATALOGUE: &str = "catalogue_id";

/// Finds out whether the catalogue is older than the folder, and marks it if so.
///
/// A bucket holds that for all its Hubs, whose folders may be new ones each time. It is the catalogue's
/// alone, and the catalogue has no other.
///
/// # Errors
/// [`HubError::Config`] when bucket and catalogue do not belong together.
pub(crate) async fn notice_older(
    catalogue: &Catalogue,
    storage: &Storage,
    root: &Path,
) -> Result<(), HubError> {
    if let Some(bucket) = storage.bucket() {
        return notice_in_bucket(catalogue, bucket).await;
    }
    let file = root.join("age");
    let seen = age_of(root)?;
    let age = catalogue.grow_older(seen).await?;
    write(&file, age).map_err(HubError::io("write", &file))?;
    fsync_folder(root)
}

async fn notice_in_bucket(catalogue: &Catalogue, bucket: &Bucket) -> Result<(), HubError> {
    let id = catalogue.keep(CATALOGUE, &random_id()?).await?;
    let mut claim = match bucket.claimed().await? {
        Some(claim) => claim,
        None => first_claim(catalogue, bucket, &id).await?,
    };
    if claim.catalogue != id {
        return Err(of_another(bucket));
    }
    if catalogue.keep(BUCKET, claim.bucket()).await? != claim.bucket() {
        return Err(other_than_its_own(bucket));
    }
    claim.age = catalogue.grow_older(claim.age).await?;
    bucket.remember(&claim).await
}

/// Makes sure that a bucket is there and is the catalogue's, and changes nothing.
///
/// # Errors
/// [`HubError::Config`] when bucket and catalogue do not belong together.
pub(crate) async fn must_belong(catalogue: &Catalogue, bucket: &Bucket) -> Result<(), HubError> {
    let claim = bucket.owner().await?;
    // A catalogue from a time before there were such ids has none.
    let differs = |kept: Option<String>, id: &str| kept.is_some_and(|kept| kept != id);
    if differs(catalogue.look_up(CATALOGUE).await?, &claim.catalogue) {
        return Err(of_another(bucket));
    }
    if differs(catalogue.look_up(BUCKET).await?, claim.bucket()) {
        return Err(other_than_its_own(bucket));
    }
    Ok(())
}

fn of_another(bucket: &Bucket) -> HubError {
    HubError::Config(format!(
        "{} holds the bytes of another catalogue; each needs a bucket or a prefix of its own",
        bucket.name()
    ))
}

fn other_than_its_own(bucket: &Bucket) -> HubError {
    HubError::Config(format!(
        "{} is another bucket than the one that holds this catalogue's bytes; all Hubs of a \
         catalogue need the same",
        bucket.name()
    ))
}

/// Takes a bucket that nobody has, for a catalogue that has none. Of several Hubs of one catalogue the one
/// that has the right to write does it, and the others find it done.
async fn first_claim(catalogue: &Catalogue, bucket: &Bucket, id: &str) -> Result<Claim, HubError> {
    let mut tx = catalogue.write().await?;
    if let Some(claim) = bucket.claimed().await? {
        return Ok(claim);
    }
    // A catalogue may have bytes and no such id, from a time when there was none.
    if Catalogue::kept(&mut tx, BUCKET).await?.is_some() || catalogue.has_places().await? {
        return Err(HubError::Config(format!(
            "{} holds nothing of this catalogue's, which has a bucket: is it the right one, and has \
             nobody emptied it?",
            bucket.name()
        )));
    }
    // To this catalogue it would be unknown, and so be removed.
    if bucket.has_bytes().await? {
        return Err(HubError::Config(format!(
            "{} has something in it and no hub.json that says whose it is; a Hub needs a bucket or a \
             prefix of its own",
            bucket.name()
        )));
    }
    bucket.try_out(id).await?;
    let claim = bucket.claim(&Claim::new(id, random_id()?)).await?;
    if claim.catalogue == id {
        Catalogue::keep_in(&mut tx, BUCKET, claim.bucket()).await?;
    }
    tx.commit().await?;
    Ok(claim)
}

/// How old a catalogue has been seen in a data directory.
pub(crate) fn age_of(root: &Path) -> Result<u64, HubError> {
    let file = root.join("age");
    let mut text = String::new();
    match plain::open_to_read(&file).and_then(|mut file| file.read_to_string(&mut text)) {
        Ok(_) => Ok(text.trim().parse().unwrap_or(0)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(HubError::io("read", &file)(error)),
    }
}

fn write(file: &Path, age: u64) -> std::io::Result<()> {
    let aside = file.with_extension("new");
    // Of a killed process, or a link that somebody has put there: it goes, and what it leads to stays.
    match std::fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut writing = private_file(options.write(true).create_new(true)).open(&aside)?;
    writeln!(writing, "{age}")?;
    writing.sync_all()?;
    std::fs::rename(&aside, file)
}
