//! Builds of packs: presigned, uploaded, and put on a channel.

use crate::artifacts::digest_file;
use crate::events::{Event, Reporter};
use crate::progress::{Direction, Transfers};
use crate::text::one_line;
use crate::tokens::is_doubtful;
use hub_client::{ClientError, HubClient, NetworkFault};
use release_types::{
    BuildUpload, BuildUploadRequest, CompleteBuildRequest, PackChannel, PackId, Sha256Digest,
};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// The version of the document's form.
const FORMAT: u32 = 1;

/// What our own Hub calls itself: its second answer to a completion is the first.
const OURS: &str = "atlas-hub";

/// What is to be published as a build.
#[derive(Debug, Clone)]
pub struct Build {
    /// Whose it is.
    pub pack: PackId,
    /// Its version: any text.
    pub version: String,
    /// Where it is to be offered.
    pub channel: PackChannel,
    /// The commit it was built from.
    pub commit_hash: Option<String>,
    /// What that commit says of itself.
    pub commit_message: Option<String>,
    /// The file.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Their digest.
    pub sha256: Sha256Digest,
}

/// A build that is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedBuild {
    /// The version of this document's form.
    pub format: u32,
    /// The Hub's address.
    pub hub: String,
    /// Whose it is.
    pub pack: PackId,
    /// What the Hub calls it.
    pub build_id: String,
    /// `<provider>::<key>`.
    pub artifact_key: String,
    /// Its version.
    pub version: String,
    /// Where it is offered.
    pub channel: PackChannel,
    /// Bytes.
    pub size: u64,
    /// Their digest.
    pub sha256: Sha256Digest,
    /// The commit it was built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_hash: Option<String>,
}

/// Why a build is not published.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is nothing in the file.
    #[error("{} is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The Hub gave no answer that says whether the build is complete.
    #[error("whether the build {build_id} is complete is not known")]
    Doubtful {
        /// What the Hub calls it.
        build_id: String,
        /// What came instead of an answer.
        source: ClientError,
    },
    /// The Hub could not be asked or said no.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl PackError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Client(ClientError::Unauthorized { .. } | ClientError::Forbidden { .. }) => Some(
                "ATLAS_PACK_DEPLOY_TOKEN has to hold a deploy token of this pack that was not revoked, atlas_pack_…; `atlas-release token issue --pack` makes one. A job without one needs a rule of the Hub's (`atlas-hub trust add --pack`)"
                    .to_owned(),
            ),
            Self::Doubtful { .. } => Some(
                "look on the Hub whether its channel has it: the same command again makes another build"
                    .to_owned(),
            ),
            Self::Read { .. } | Self::Empty { .. } | Self::Client(_) => None,
        }
    }
}

/// A file's length and digest.
///
/// # Errors
/// When it cannot be read or has nothing in it.
pub fn measure(path: &Path) -> Result<(u64, Sha256Digest), PackError> {
    let read = digest_file(path).map_err(|source| PackError::Read {
        path: path.to_owned(),
        source,
    })?;
    if read.0 == 0 {
        return Err(PackError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(read)
}

/// Publishes a build.
///
/// # Errors
/// When the file has changed, the Hub or its storage refuses or cannot be reached, or the Hub's answer
/// is about other bytes.
pub async fn publish(
    client: &HubClient,
    build: &Build,
    reporter: &dyn Reporter,
) -> Result<PublishedBuild, PackError> {
    let Build {
        pack,
        version,
        channel,
        size,
        sha256,
        ..
    } = build;
    reporter.stage(
        "publishing",
        format!("{pack} {} to {}", one_line(version), client.hub()),
    );
    let hub = client.capabilities().await?;
    let repeatable = hub.is_some_and(|hub| hub.name == OURS);
    let upload = upload(client, build, reporter).await?;
    reporter.event(Event::Uploaded {
        key: upload.artifact_key.clone(),
        size: *size,
        sha256: *sha256,
        unchanged: false,
    });
    let request = CompleteBuildRequest {
        pack_id: pack.clone(),
        build_id: upload.build_id.clone(),
        artifact_key: upload.artifact_key.clone(),
        version: version.clone(),
        channel: *channel,
        commit_hash: build.commit_hash.clone(),
        commit_message: build.commit_message.clone(),
        artifact_size: Some(*size),
    };
    let completed = client.complete_build(&request, *sha256, repeatable).await;
    completed.map_err(|source| match is_doubtful(&source) {
        true => PackError::Doubtful {
            build_id: upload.build_id.clone(),
            source,
        },
        false => source.into(),
    })?;
    Ok(PublishedBuild {
        format: FORMAT,
        hub: client.hub().to_string(),
        pack: pack.clone(),
        build_id: upload.build_id,
        artifact_key: upload.artifact_key,
        version: version.clone(),
        channel: *channel,
        size: *size,
        sha256: *sha256,
        commit_hash: build.commit_hash.clone(),
    })
}

/// Uploads a build. An address that is no longer good is asked for anew, and so is one whose upload
/// may have been taken although its answer was lost: each is of a build of its own, and one that is
/// never completed is nobody's.
async fn upload(
    client: &HubClient,
    build: &Build,
    reporter: &dyn Reporter,
) -> Result<BuildUpload, ClientError> {
    let request = BuildUploadRequest {
        pack_id: build.pack.clone(),
        size: Some(build.size),
        sha256: Some(build.sha256),
    };
    let mut tried = false;
    loop {
        let upload = client.presign_build(&request).await?;
        // Anew each time: what was sent under another key is not part of this build.
        let transfers = Transfers::new(Direction::Upload);
        let file = transfers.add(upload.artifact_key.as_str(), build.size);
        let progress = move |bytes| file.at(bytes);
        let (path, size, sha256) = (&build.path, build.size, build.sha256);
        let sending = client.upload_build(&upload, path, size, sha256, progress);
        match transfers.watch(reporter, sending).await {
            Ok(_) => return Ok(upload),
            Err(
                ClientError::UploadUrlRejected { .. }
                | ClientError::UploadRefused { .. }
                | ClientError::Unreachable {
                    fault: NetworkFault::Broken,
                    ..
                },
            ) if !tried => tried = true,
            Err(error) => return Err(error),
        }
    }
}

impl fmt::Display for PublishedBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = one_line(&self.version);
        writeln!(f, "build     {} of {} {version}", self.build_id, self.pack)?;
        writeln!(f, "channel   {}", self.channel)?;
        writeln!(f, "hub       {}", self.hub)?;
        if let Some(commit) = &self.commit_hash {
            writeln!(f, "commit    {}", one_line(commit))?;
        }
        write!(
            f,
            "  {} ({} bytes)\n           sha256 {}",
            one_line(&self.artifact_key),
            self.size,
            self.sha256
        )
    }
}
