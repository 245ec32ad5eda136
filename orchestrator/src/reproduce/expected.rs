//! What a build is compared with: files of another build, of a record, or of a Hub.

use super::subject::Subject;
use super::{Comparison, ReproduceError, explain, io};
use crate::artifacts::LocalArtifact;
use crate::dist::{ReleaseRecord, Staged};
use crate::documents::{Form, is_about_a_run};
use crate::products::Product;
use crate::sbom::other_maker;
use hub_client::{ClientError, HubClient};
use release_types::{Channel, Kind, ProductName, Sha256Digest};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What the names of installers for macOS end with.
const MACOS_INSTALLER: &str = ".pkg";

/// One file that a build is compared with.
#[derive(Debug, Clone)]
pub struct Expected {
    product: ProductName,
    kind: Kind,
    filename: String,
    pub(super) size: u64,
    sha256: Sha256Digest,
    /// Whether its product's program was code-signed.
    signed: CodeSigned,
    /// Where the bytes are, if anywhere. Those of a Hub are always read, others to explain a
    /// difference.
    pub(super) bytes: Option<Bytes>,
}

/// Whether a product's program had the operating system's own signature. An installer holds the program as users
/// run it, so it holds that signature too, and no build makes one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CodeSigned {
    No,
    /// Where it differs: the workspace says that it is to be.
    Perhaps,
    Yes,
}

/// Where bytes are.
#[derive(Debug, Clone)]
pub(super) enum Bytes {
    File(PathBuf),
    Download(String),
}

impl Expected {
    /// The files that a record names, as they were before code signing; their bytes are nowhere.
    pub fn of_record(record: &ReleaseRecord) -> Vec<Self> {
        let signed = record.artifacts.iter();
        let signed = signed.filter(|file| file.before_signing.is_some());
        let signed: BTreeSet<&ProductName> = signed.map(|file| &file.product).collect();
        let files = record.artifacts.iter().map(|artifact| {
            let before = artifact.before_signing;
            Self {
                signed: match signed.contains(&artifact.product) {
                    true => CodeSigned::Yes,
                    false => CodeSigned::No,
                },
                product: artifact.product.clone(),
                kind: artifact.kind,
                filename: artifact.filename.to_string(),
                size: before.map_or(artifact.size, |before| before.size),
                sha256: before.map_or(artifact.sha256, |before| before.sha256),
                bytes: None,
            }
        });
        files.collect()
    }

    /// The files of another build.
    pub(super) fn of_build(staged: &Staged) -> Vec<Self> {
        let files = staged.artifacts.iter().map(|artifact| Self {
            product: artifact.product.clone(),
            kind: artifact.kind,
            filename: artifact.filename.to_string(),
            size: artifact.size,
            sha256: artifact.sha256,
            // Builds that are compared sign nothing.
            signed: CodeSigned::No,
            bytes: Some(Bytes::File(artifact.path.clone())),
        });
        files.collect()
    }

    /// What a Hub has published of these products, each on this channel in the subject's version
    /// and for its platform.
    ///
    /// # Errors
    /// When one is not there, or the Hub cannot be asked.
    pub async fn published(
        client: &HubClient,
        subject: &Subject,
        channel: Channel,
        products: Vec<Product>,
    ) -> Result<Vec<Self>, ReproduceError> {
        let version = subject.tag.version.to_string();
        let platform = subject.platform;
        let mut expected = Vec::new();
        for product in products {
            let name = product.product;
            let found = match client.release(&name, &version, platform, channel).await {
                // A Hub that does not know the product has published nothing of it.
                Err(ClientError::BadRequest { message, .. })
                    if message.contains("is not a product") =>
                {
                    None
                }
                found => found?,
            };
            let Some(release) = found else {
                return Err(ReproduceError::NotPublished {
                    what: format!("{name} {version} for {platform}"),
                    channel: channel.to_string(),
                });
            };
            expected.extend(release.assets.into_iter().map(|asset| Self {
                product: name.clone(),
                kind: asset.kind,
                filename: asset.filename,
                size: asset.size,
                sha256: asset.sha256,
                signed: match subject.perhaps_signed {
                    true => CodeSigned::Perhaps,
                    false => CodeSigned::No,
                },
                bytes: Some(Bytes::Download(asset.download_id)),
            }));
        }
        Ok(expected)
    }

    fn is_of(&self, artifact: &LocalArtifact) -> bool {
        self.product == artifact.product && self.filename == artifact.filename.as_str()
    }

    /// What comes of comparing it with what was built. `bytes` are this file's, when they have been downloaded; those
    /// of a file here are read where there is a difference to explain.
    pub(super) fn compared(
        &self,
        artifact: &LocalArtifact,
        mut bytes: Option<Vec<u8>>,
    ) -> Result<Found, ReproduceError> {
        let mut identical = self.seems_to_be(artifact);
        if let (Some(Bytes::File(path)), false) = (&self.bytes, identical) {
            bytes = Some(std::fs::read(path).map_err(io(path))?);
        }
        let (mut sections, mut strings) = (Vec::new(), Vec::new());
        if let Some(bytes) = bytes {
            let built = std::fs::read(&artifact.path).map_err(io(&artifact.path))?;
            if built != bytes {
                // Its word on who has made it is all in a bill of materials that follows from no commit.
                let form = Form::of(artifact.filename.as_str());
                let is_bill = matches!(form, Some((Form::Sbom, _)));
                if is_bill
                    && artifact.kind == Kind::Other
                    && let Some(maker) = other_maker(&built, &bytes)
                {
                    return Ok(Found::ByAnother(maker));
                }
                identical = false;
                (sections, strings) = explain(&built, &bytes);
            }
        }
        Ok(Found::Compared(Comparison {
            product: artifact.product.clone(),
            filename: artifact.filename.to_string(),
            kind: artifact.kind,
            identical,
            size: artifact.size,
            sha256: artifact.sha256,
            other_size: self.size,
            other_sha256: self.sha256,
            sections,
            strings,
        }))
    }

    fn seems_to_be(&self, artifact: &LocalArtifact) -> bool {
        (self.sha256, self.size) == (artifact.sha256, artifact.size)
    }
}

/// What came of comparing two files.
#[derive(Debug)]
pub(super) enum Found {
    /// This.
    Compared(Comparison),
    /// Two bills of materials say the same, and another version of this program has made the other one.
    ByAnother(String),
}

/// What something built is to be compared with.
#[derive(Debug)]
pub(super) enum Compared<'a> {
    /// With this file.
    With(&'a Expected),
    /// With none, for this reason.
    Not(String),
}

/// The file that something built is to be compared with. `before` is what was found of others, a product's program
/// before its installers.
///
/// # Errors
/// When there is none for a program, which is a difference.
pub(super) fn counterpart<'a>(
    artifact: &LocalArtifact,
    expected: &'a [Expected],
    before: &[Comparison],
) -> Result<Compared<'a>, ReproduceError> {
    let filename = artifact.filename.as_str();
    let is_installer = artifact.kind == Kind::Installer;
    let document = Form::of(filename).filter(|_| artifact.kind == Kind::Other);
    if document.is_some() && is_about_a_run(filename) {
        return Ok(Compared::Not(format!(
            "{filename} is not compared: it names a run and its times, and each build is another run"
        )));
    }
    let found = expected.iter().find(|other| other.is_of(artifact));
    let differs = || {
        let mut of_product = before.iter().filter(|one| one.product == artifact.product);
        of_product.any(|one| !one.identical)
    };
    let is_signed = |signed| match signed {
        CodeSigned::No => false,
        CodeSigned::Perhaps => differs(),
        CodeSigned::Yes => true,
    };
    if is_installer && found.is_some_and(|other| is_signed(other.signed)) {
        return Ok(Compared::Not(format!(
            "{filename} is not proven: it holds a code-signed program, and no build makes a code signature again"
        )));
    }
    if is_installer && filename.ends_with(MACOS_INSTALLER) {
        return Ok(Compared::Not(format!(
            "{filename} is not compared: macOS's own tool makes it, and writes the time into it"
        )));
    }
    match found {
        Some(other) if document.is_some() && is_signed(other.signed) => Ok(Compared::Not(format!(
            "{filename} is not compared: it names the digest of a program that was code-signed"
        ))),
        Some(other) => Ok(Compared::With(other)),
        // They may have been left out, or come later.
        None if is_installer || document.is_some() => Ok(Compared::Not(format!(
            "{filename} is not compared: there is no such file to compare it with"
        ))),
        None => Err(ReproduceError::Differs(format!(
            "{filename} was built, and there is no such file to compare it with"
        ))),
    }
}

/// Notes on what was expected and was not built: no build makes a signature or an installer, and
/// nothing is proven of it.
///
/// # Errors
/// When a program is missing, which is a difference.
pub(super) fn not_made(
    built: &[LocalArtifact],
    expected: &[Expected],
) -> Result<Vec<String>, ReproduceError> {
    let mut notes = Vec::new();
    for other in expected {
        if built.iter().any(|artifact| other.is_of(artifact)) {
            continue;
        }
        let filename = &other.filename;
        match other.kind {
            Kind::Binary => {
                return Err(ReproduceError::Differs(format!(
                    "{filename} is to be compared with, and the commit does not make it"
                )));
            }
            kind => notes.push(format!(
                "{filename} ({kind}) is not proven: no build makes it"
            )),
        }
    }
    Ok(notes)
}

#[cfg(test)]
mod tests;
