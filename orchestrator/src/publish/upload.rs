//! The uploads of a release.

use super::{Group, PublishError, presign, report_upload};
use crate::artifacts::LocalArtifact;
use crate::events::Reporter;
use crate::progress::{Direction, FileTransfer, Transfers};
use futures_util::{StreamExt as _, TryStreamExt as _};
use hub_client::{ClientError, HubClient, NetworkFault};
use release_types::{ObjectKey, PresignResponse};
use std::collections::BTreeMap;

/// Uploads what is not stored yet, side by side, and tells each key's provider.
pub(super) async fn upload_all(
    client: &HubClient,
    groups: &[&Group<'_>],
    uploads: usize,
    reporter: &dyn Reporter,
) -> Result<BTreeMap<ObjectKey, String>, PublishError> {
    let transfers = Transfers::new(Direction::Upload);
    let work = groups.iter().flat_map(|group| {
        let transfers = &transfers;
        group.artifacts.iter().map(move |artifact| {
            let sent = !group.stored.contains(artifact);
            let transfer = sent.then(|| transfers.add(artifact.key.as_str(), artifact.size));
            (*artifact, transfer)
        })
    });
    // All are counted before the first begins.
    let work: Vec<_> = work.collect();
    let uploading = futures_util::stream::iter(work)
        .map(|(artifact, transfer)| async move {
            let signed = presign(client, &artifact.key, Some(artifact)).await?;
            let provider = signed.provider.clone();
            if let Some(transfer) = &transfer {
                upload(client, artifact, signed, transfer).await?;
                transfer.gone();
            }
            report_upload(reporter, artifact, transfer.is_none());
            Ok((artifact.key.clone(), provider))
        })
        .buffer_unordered(uploads.max(1))
        .try_collect();
    transfers.watch(reporter, uploading).await
}

async fn upload(
    client: &HubClient,
    artifact: &LocalArtifact,
    signed: PresignResponse,
    transfer: &FileTransfer,
) -> Result<(), PublishError> {
    let send = async |signed: &PresignResponse| {
        let (path, size, sha256) = (&artifact.path, artifact.size, artifact.sha256);
        let transfer = transfer.clone();
        let progress = move |bytes| transfer.at(bytes);
        client.upload(signed, path, size, sha256, progress).await
    };
    let outcome = match send(&signed).await {
        // An address lives for some minutes; on a slow line the queue can outlast it.
        Err(ClientError::UploadUrlRejected { .. }) => {
            send(&presign(client, &artifact.key, Some(artifact)).await?).await
        }
        // One that takes a single upload refuses the second also where the first one's answer was
        // lost. A real conflict refuses again. The refusal may be lost as well, behind the bytes that
        // are under way.
        Err(
            ClientError::UploadRefused { .. }
            | ClientError::Unreachable {
                fault: NetworkFault::Broken,
                ..
            },
        ) if takes_one(&signed) => {
            send(&presign(client, &artifact.key, Some(artifact)).await?).await
        }
        outcome => outcome,
    };
    match outcome {
        Ok(_) => Ok(()),
        Err(source @ ClientError::UploadRefused { .. }) => Err(PublishError::Immutable {
            key: artifact.key.clone(),
            built: artifact.sha256,
            source,
        }),
        Err(error) => Err(error.into()),
    }
}

/// Whether an address is good for one upload only.
fn takes_one(signed: &PresignResponse) -> bool {
    let mut names = signed.upload_headers.keys();
    names.any(|name| name.eq_ignore_ascii_case("if-none-match"))
}
