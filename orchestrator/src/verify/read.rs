//! Reading files back, side by side: as many at once as is asked for, each in memory that does not grow
//! with it.

use super::signed::{Checking, Signed};
use super::{ExpectedFile, Look};
use crate::events::Event;
use crate::progress::{Direction, FileTransfer, Transfers};
use crate::receipt::{Against, ReceiptAsset};
use futures_util::StreamExt as _;
use hub_client::{ClientError, ErrorKind, HubClient};
use std::collections::BTreeMap;

/// A file that is to be read back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// How it has to be.
    pub(super) file: &'a ExpectedFile,
    /// What the Hub calls it.
    pub(super) download_id: &'a str,
    /// Whether the Hub lists it as it has to be.
    pub(super) as_listed: bool,
}

impl Wanted<'_> {
    /// Its line of a receipt.
    pub(super) fn asset(&self, client: &HubClient) -> ReceiptAsset {
        let ExpectedFile {
            product,
            platform,
            kind,
            filename,
            size,
            sha256,
            ..
        } = self.file;
        ReceiptAsset {
            product: product.clone(),
            platform: *platform,
            kind: *kind,
            filename: filename.clone(),
            size: *size,
            sha256: *sha256,
            download_id: self.download_id.to_owned(),
            url: format!("{}/api/v1/download/{}", client.hub(), self.download_id),
        }
    }
}

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// What has to be there.
    Same,
    /// Something else, or nothing.
    Differs(String),
}

/// Reads files back and tells of those that are right, in their order. What cannot be fetched for now
/// ends it.
pub(super) async fn read_all(
    look: Look<'_>,
    files: &[(&Wanted<'_>, Option<Signed<'_>>)],
    against: Against,
) -> Result<Vec<Found>, ClientError> {
    let (client, reporter) = (look.client, look.reporter);
    let transfers = Transfers::new(Direction::ReadBack);
    // All are counted before the first begins; a call exists only while it is made.
    let counted = files.iter().map(|(wanted, _)| {
        let file = wanted.file;
        transfers.add(file.key.to_string(), file.size)
    });
    let counted: Vec<FileTransfer> = counted.collect();
    let calls = files.iter().zip(&counted).enumerate();
    let calls = calls.map(|(index, ((wanted, signed), transfer))| async move {
        let signed = signed.as_ref();
        (
            index,
            read(client, (wanted, signed), against, transfer).await,
        )
    });
    let mut work = futures_util::stream::iter(calls).buffer_unordered(look.settings.at_once.max(1));
    let reading = async {
        let (mut found, mut early) = (Vec::with_capacity(files.len()), BTreeMap::new());
        while let Some((index, outcome)) = work.next().await {
            early.insert(index, outcome?);
            while let Some(next) = early.remove(&found.len()) {
                if next == Found::Same {
                    let ExpectedFile {
                        product,
                        platform,
                        filename,
                        sha256,
                        ..
                    } = files[found.len()].0.file;
                    reporter.event(Event::Verified {
                        product: product.clone(),
                        platform: *platform,
                        filename: filename.to_string(),
                        sha256: *sha256,
                    });
                }
                found.push(next);
            }
        }
        Ok(found)
    };
    transfers.watch(reporter, reading).await
}

/// Whether the Hub answers, and what it answers is not the file, or no id that an address holds.
pub(super) fn is_answer(error: &ClientError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Verification | ErrorKind::Refused | ErrorKind::Usage
    )
}

async fn read(
    client: &HubClient,
    (wanted, signed): (&Wanted<'_>, Option<&Signed<'_>>),
    against: Against,
    transfer: &FileTransfer,
) -> Result<Found, ClientError> {
    let ExpectedFile {
        key, size, sha256, ..
    } = wanted.file;
    let checking = signed.map(Signed::begin);
    let progress = |so_far| {
        if let (0, Some(checking)) = (so_far, &checking) {
            checking.starts_anew();
        }
        transfer.at(so_far);
    };
    let seen = |bytes: &[u8]| {
        if let Some(checking) = &checking {
            checking.takes(bytes);
        }
    };
    let read = client.read_back_seen(wanted.download_id, *size, progress, seen);
    let read = read.await;
    transfer.gone();
    let read = match read {
        Ok(read) => read,
        Err(error) if is_answer(&error) => {
            let how = format!("{key} cannot be read back: {error}");
            return Ok(Found::Differs(how));
        }
        Err(error) => return Err(error),
    };
    if (read.sha256, read.size) == (*sha256, *size) {
        let fault = checking.and_then(Checking::fault);
        return Ok(fault.map_or(Found::Same, Found::Differs));
    }
    let should = match against {
        Against::Built => "built were",
        Against::Listed => "listed are",
    };
    Ok(Found::Differs(format!(
        "{key} downloads as {} bytes with sha256 {}; {should} {size} bytes with {sha256}",
        read.size, read.sha256
    )))
}
