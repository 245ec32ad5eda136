//! The uploads of a release: what is stored already is left out, the rest is sent side by side, and
//! what a storage keeps or a Hub misses after all is settled by content.

use super::files::check_files;
use super::journal::Claim;
use super::places::{LeftOut, Uploads};
use super::{Group, Journal, Means, Publication, PublishError, presign, report_upload};
use crate::artifacts::LocalArtifact;
use crate::events::Reporter;
use crate::progress::{Direction, FileTransfer, Transfers};
use crate::text::told;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hub_client::{ClientError, HubClient, NetworkFault};
use release_types::{Channel, ObjectEntry, ObjectKey, PresignResponse, Sha256Digest};
use std::collections::BTreeMap;

/// What is sent, where to, and how it is told.
#[derive(Clone, Copy)]
pub(super) struct Sender<'a> {
    pub client: &'a HubClient,
    pub release: Publication<'a>,
    pub reporter: &'a dyn Reporter,
    /// Whether the Hub says by itself what is stored.
    pub lists_objects: bool,
}

/// Why a file need not be sent.
enum Stored {
    /// A release on some channel has it.
    Published,
    /// It is in this storage, by the Hub's own list.
    In(String),
    /// It is in this storage, by the journal alone.
    Noted(String),
}

/// Uploads what is not stored yet, side by side.
pub(super) async fn upload_all(
    sender: Sender<'_>,
    groups: &[&Group<'_>],
    uploads: usize,
) -> Result<Uploads, PublishError> {
    let listed = sender.listed(groups, uploads).await?;
    let mut work = Vec::new();
    for group in groups {
        for &artifact in &group.artifacts {
            let published = group.stored.contains(&artifact);
            work.push((artifact, sender.stored(artifact, published, &listed)));
        }
    }
    if work.is_empty() {
        return Ok(Uploads::default());
    }
    sender.tell_of_foreign_lines();
    let work = work.into_iter().map(|(artifact, stored)| async move {
        let stored = sender.confirmed(artifact, stored).await?;
        Ok::<_, PublishError>((artifact, stored))
    });
    let work: Vec<_> = futures_util::stream::iter(work)
        .buffered(uploads.max(1))
        .try_collect()
        .await?;
    let sent = work.iter().filter(|(_, stored)| stored.is_none());
    check_files(sent.map(|(artifact, _)| *artifact)).await?;
    let transfers = Transfers::new(Direction::Upload);
    // All are counted before the first begins.
    let work: Vec<_> = work
        .into_iter()
        .map(|(artifact, stored)| {
            let transfer = stored.is_none().then(|| added(&transfers, artifact));
            (artifact, stored, transfer)
        })
        .collect();
    let work = work
        .into_iter()
        .map(|(artifact, stored, transfer)| async move {
            let left_out = match &stored {
                None => None,
                Some(Stored::Noted(_)) => Some(LeftOut::ByJournal),
                Some(Stored::In(_) | Stored::Published) => Some(LeftOut::ByHub),
            };
            let provider = match stored {
                Some(Stored::In(provider) | Stored::Noted(provider)) => provider,
                Some(Stored::Published) => {
                    presign(sender.client, &artifact.key, Some(artifact))
                        .await?
                        .provider
                }
                None => sender.send(artifact, transfer.as_ref()).await?,
            };
            report_upload(sender.reporter, artifact, left_out.is_some());
            Ok::<_, PublishError>((artifact.key.clone(), provider, left_out))
        });
    let mut work = futures_util::stream::iter(work).buffer_unordered(uploads.max(1));
    let uploading = async {
        let mut done = Uploads::default();
        while let Some((key, provider, left_out)) = work.try_next().await? {
            done.add(key, provider, left_out);
        }
        Ok(done)
    };
    transfers.watch(sender.reporter, uploading).await
}

pub(super) fn added(transfers: &Transfers, artifact: &LocalArtifact) -> FileTransfer {
    transfers.add(artifact.key.as_str(), artifact.size)
}

impl<'a> Sender<'a> {
    pub(super) fn of(means: Means<'a>, release: &Publication<'a>) -> Self {
        let hub = means.preflight.capabilities.as_ref();
        Self {
            client: means.client,
            release: *release,
            reporter: means.reporter,
            lists_objects: hub.is_some_and(|hub| hub.has("objects")),
        }
    }
}

impl Sender<'_> {
    /// What the Hub says is stored of these groups, where it does say so.
    async fn listed(
        &self,
        groups: &[&Group<'_>],
        at_once: usize,
    ) -> Result<BTreeMap<ObjectKey, ObjectEntry>, PublishError> {
        if !self.lists_objects {
            return Ok(BTreeMap::new());
        }
        let lists = groups.iter().filter_map(|group| {
            // All keys of a platform are in one folder.
            let key = group.artifacts.first()?.key.as_str();
            let folder = key.rfind('/').map_or(key, |end| &key[..=end]);
            Some(self.client.list_objects(folder))
        });
        let lists: Vec<_> = futures_util::stream::iter(lists)
            .buffered(at_once.max(1))
            .try_collect()
            .await?;
        let all = lists.into_iter().flatten().flatten();
        Ok(all.map(|object| (object.key.clone(), object)).collect())
    }

    /// Whether a file need not be sent. The Hub's list counts for more than the journal.
    fn stored(
        &self,
        artifact: &LocalArtifact,
        published: bool,
        listed: &BTreeMap<ObjectKey, ObjectEntry>,
    ) -> Option<Stored> {
        if self.release.damaged.contains(&artifact.key) {
            return None;
        }
        let same = |object: &&ObjectEntry| {
            (object.size, object.sha256) == (artifact.size, artifact.sha256)
        };
        if let Some(object) = listed.get(&artifact.key).filter(same) {
            return Some(Stored::In(object.provider.clone()));
        }
        if published {
            return Some(Stored::Published);
        }
        let claim = self.release.journal.and_then(|j| j.claim(artifact));
        let Some(Claim::Uploaded { provider }) = claim else {
            return None;
        };
        if self.lists_objects {
            self.reporter.warn(format!(
                "the journal says that {} is uploaded, and the Hub has not got it: it is sent again",
                artifact.key
            ));
            return None;
        }
        Some(Stored::Noted(provider.clone()))
    }

    /// What the journal alone says is believed where uploads still go to the storage that it names: the Hub
    /// may have another one by now, and will not hear of the old one.
    async fn confirmed(
        &self,
        artifact: &LocalArtifact,
        stored: Option<Stored>,
    ) -> Result<Option<Stored>, PublishError> {
        let Some(Stored::Noted(noted)) = stored else {
            return Ok(stored);
        };
        let now = presign(self.client, &artifact.key, Some(artifact)).await?;
        if now.provider == noted {
            return Ok(Some(Stored::Noted(noted)));
        }
        self.reporter.warn(format!(
            "the journal says that {} is in the storage {}, and the Hub has {} now: it is sent again",
            artifact.key,
            told(&noted),
            told(&now.provider)
        ));
        Ok(None)
    }

    fn tell_of_foreign_lines(&self) {
        let lines = match self.release.journal.map_or(0, Journal::foreign) {
            0 => return,
            1 => "one line of the publish journal is".to_owned(),
            lines => format!("{lines} lines of the publish journal are"),
        };
        self.reporter.note(format!(
            "{lines} of another Hub, version or bytes, or cannot be understood: nothing is taken from there"
        ));
    }

    /// Sends a file and tells which storage has it now.
    pub(super) async fn send(
        &self,
        artifact: &LocalArtifact,
        transfer: Option<&FileTransfer>,
    ) -> Result<String, PublishError> {
        let (client, journal) = (self.client, self.release.journal);
        let presigned = async {
            let signed = presign(client, &artifact.key, Some(artifact)).await;
            signed.map_err(PublishError::from)
        };
        let noted = async {
            match journal {
                Some(journal) => Ok(journal.sending(artifact).await?),
                None => Ok(()),
            }
        };
        let (signed, ()) = tokio::try_join!(presigned, noted)?;
        let provider = signed.provider.clone();
        self.upload(artifact, signed, transfer).await?;
        if let Some(transfer) = transfer {
            transfer.gone();
        }
        if let Some(journal) = journal {
            journal.uploaded(artifact, &provider).await?;
        }
        Ok(provider)
    }

    async fn upload(
        &self,
        artifact: &LocalArtifact,
        signed: PresignResponse,
        transfer: Option<&FileTransfer>,
    ) -> Result<(), PublishError> {
        let client = self.client;
        let send = async |signed: &PresignResponse| {
            let (path, size, sha256) = (&artifact.path, artifact.size, artifact.sha256);
            let transfer = transfer.cloned();
            let progress = move |bytes| {
                if let Some(transfer) = &transfer {
                    transfer.at(bytes);
                }
            };
            client.upload(signed, path, size, sha256, progress).await
        };
        let mut may_be_ours = false;
        let outcome = match send(&signed).await {
            // An address lives for some minutes; on a slow line the queue can outlast it.
            Err(ClientError::UploadUrlRejected { .. }) => {
                send(&presign(client, &artifact.key, Some(artifact)).await?).await
            }
            // One that takes a single upload refuses the second also where the first one's answer was
            // lost. A real conflict refuses again. The refusal may be lost as well, behind the bytes
            // that are under way.
            Err(
                error @ (ClientError::UploadRefused { .. }
                | ClientError::Unreachable {
                    fault: NetworkFault::Broken,
                    ..
                }),
            ) if takes_one(&signed) => {
                may_be_ours = is_maybe_own(&error);
                send(&presign(client, &artifact.key, Some(artifact)).await?).await
            }
            outcome => outcome,
        };
        match outcome {
            Ok(_) => Ok(()),
            Err(source @ ClientError::UploadRefused { .. }) => {
                may_be_ours |= is_maybe_own(&source);
                self.settle(artifact, source, may_be_ours).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A storage keeps what it has in the place of a file: with the same bytes that is as good as sent.
    async fn settle(
        &self,
        artifact: &LocalArtifact,
        source: ClientError,
        may_be_ours: bool,
    ) -> Result<(), PublishError> {
        if let Some(published) = self.kept(artifact).await? {
            if published == artifact.sha256 {
                return Ok(());
            }
            return Err(PublishError::Conflict {
                key: artifact.key.clone(),
                published,
                built: artifact.sha256,
            });
        }
        // Nobody says what it is. It may be what this run, or one before it, has sent without hearing
        // of it; then it would be refused for ever. What is registered is read back in any case.
        let journal = self.release.journal;
        let begun = journal.is_some_and(|journal| journal.claim(artifact).is_some());
        if may_be_ours || begun {
            self.reporter.warn(format!(
                "the storage keeps what it has of {}, which is taken for an upload of this file whose \
                 answer was lost; it is read back once it is registered",
                artifact.key
            ));
            return Ok(());
        }
        if let Some(journal) = journal {
            journal.void(artifact).await?;
        }
        Err(PublishError::Immutable {
            key: artifact.key.clone(),
            built: artifact.sha256,
            source,
        })
    }

    /// The digest of what is stored in a file's place, where the Hub says so: in its list, or in a
    /// release that has come meanwhile.
    async fn kept(&self, artifact: &LocalArtifact) -> Result<Option<Sha256Digest>, PublishError> {
        if self.lists_objects {
            let objects = self.client.list_objects(artifact.key.as_str()).await?;
            let mut objects = objects.into_iter().flatten();
            let found = objects.find(|object| object.key == artifact.key);
            if let Some(object) = found {
                return Ok(Some(object.sha256));
            }
        }
        let version = self.release.version.to_string();
        for &channel in Channel::ALL {
            let (product, platform) = (&artifact.product, artifact.platform);
            let found = self.client.release(product, &version, platform, channel);
            let assets = found.await?.map_or(Vec::new(), |release| release.assets);
            let mut assets = assets.into_iter();
            let found = assets.find(|asset| asset.filename == artifact.filename.as_str());
            if let Some(asset) = found {
                return Ok(Some(asset.sha256));
            }
        }
        Ok(None)
    }
}

fn is_maybe_own(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::UploadRefused {
            maybe_own: true,
            ..
        }
    )
}

/// Whether an address is good for one upload only.
fn takes_one(signed: &PresignResponse) -> bool {
    let mut names = signed.upload_headers.keys();
    names.any(|name| name.eq_ignore_ascii_case("if-none-match"))
}
