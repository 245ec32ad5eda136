//! A Hub on a disk that is full.
//!
//! SQLite then cannot begin with a catalogue at all: for what its connections share it makes a small
//! file. A connection that is alone keeps that in memory, and so can be asked which stored bytes no object
//! has. They go, and then there is room to begin.

use crate::belonging::age_of;
use crate::catalogue::Catalogue;
use crate::data_dir::DataDir;
use crate::error::error_chain;
use crate::storage::{Files, Storage, Unknown};
use crate::{HubConfig, HubError};
use std::collections::HashSet;
use std::io::ErrorKind;

/// Whether something has failed for want of room.
async fn is_lacking(error: &HubError, storage: &Storage) -> bool {
    let sure = error.is_storage_full();
    sure || (error.may_be_storage_full() && storage.files().is_full().await)
}

/// That the disk is full: the source of a [`HubError::Io`] of that kind.
#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
struct Full(#[source] HubError);

/// Says what has failed in words that tell of the disk.
fn lacking(error: HubError, dir: &DataDir) -> HubError {
    if matches!(error, HubError::Io { .. } | HubError::Bucket { .. }) {
        // It does already.
        return error;
    }
    let source = std::io::Error::new(ErrorKind::StorageFull, Full(error));
    HubError::io("open", &dir.database())(source)
}

/// After a catalogue could not be opened: makes room where that was what lacked, once, and tells what it
/// has `made`. Then it can be tried again.
///
/// # Errors
/// With what failed, where room would not help or there is none to be made.
pub(crate) async fn or_fail(
    error: HubError,
    made: &mut Vec<Unknown>,
    config: &HubConfig,
    (dir, storage): (&DataDir, &Storage),
) -> Result<(), HubError> {
    if !is_lacking(&error, storage).await {
        return Err(error);
    }
    // Once is enough: it removes all that it may.
    if made.is_empty() {
        *made = make(config, dir, storage).await;
        if !made.is_empty() {
            return Ok(());
        }
    }
    Err(lacking(error, dir))
}

/// Removes the stored bytes that no object has, and tells which they were. Nobody else may have the
/// catalogue open. Where it may be older than the bytes, or is of a version that keeps them in other ways,
/// all of them stay; so they do where these settings want it so.
async fn make(config: &HubConfig, dir: &DataDir, storage: &Storage) -> Vec<Unknown> {
    let mut gone = Vec::new();
    let is_here = config.database.is_none() && storage.bucket().is_none();
    if config.make_room
        && is_here
        && let Err(error) = remove_unknown(config, dir, storage.files(), &mut gone).await
    {
        tracing::warn!(error = %error_chain(&error), "not all the room is made that could be");
    }
    gone
}

async fn remove_unknown(
    config: &HubConfig,
    dir: &DataDir,
    files: &Files,
    gone: &mut Vec<Unknown>,
) -> Result<(), HubError> {
    let seen = age_of(&config.data_dir)?;
    let catalogue = Catalogue::open_alone(&dir.database()).await?;
    let known = known(&catalogue, seen).await;
    catalogue.close().await;
    let Some(known) = known? else {
        return Ok(());
    };
    let stored = files.stored().await?;
    for unknown in files.unknown(stored, known, config.clock.now()).await? {
        let path = &unknown.path;
        std::fs::remove_file(path).map_err(HubError::io("remove", path))?;
        tracing::warn!(
            file = %path.display(),
            "the disk is full: removed bytes that nothing refers to"
        );
        gone.push(unknown);
    }
    Ok(())
}

/// The names of what objects have; nothing where there may be others.
async fn known(catalogue: &Catalogue, seen: u64) -> Result<Option<HashSet<String>>, HubError> {
    let all = catalogue.is_usable().await?
        && !catalogue.is_copy().await?
        && catalogue.age().await? >= seen;
    match all {
        true => Ok(Some(catalogue.blobs().await?)),
        false => Ok(None),
    }
}
