//! What a build is compared with: files of another build, of a record, or of a Hub.

use super::subject::Subject;
use super::{Comparison, ReproduceError, explain, io};
use crate::artifacts::LocalArtifact;
use crate::dist::{ReleaseRecord, Staged};
use crate::documents::{Form, is_about_a_run};
use crate::products::Product;
use hub_client::{ClientError, HubClient};
use release_types::{Channel, Kind, ProductName, Sha256Digest};
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
    /// Whether the digest is that of another file than was published: of the one before code signing.
    is_code_signed: bool,
    /// Where the bytes are, if anywhere. Those of a Hub are always read, others to explain a
    /// difference.
    pub(super) bytes: Option<Bytes>,
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
        let files = record.artifacts.iter().map(|artifact| {
            let before = artifact.before_signing;
            Self {
                product: artifact.product.clone(),
                kind: artifact.kind,
                filename: artifact.filename.to_string(),
                size: before.map_or(artifact.size, |before| before.size),
                sha256: before.map_or(artifact.sha256, |before| before.sha256),
                is_code_signed: before.is_some(),
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
            is_code_signed: false,
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
                is_code_signed: false,
                bytes: Some(Bytes::Download(asset.download_id)),
            }));
        }
        Ok(expected)
    }

    fn is_of(&self, artifact: &LocalArtifact) -> bool {
        self.product == artifact.product && self.filename == artifact.filename.as_str()
    }

    /// The comparison with what was built. `bytes` are this file's, when they have been read.
    pub(super) fn compared(
        &self,
        artifact: &LocalArtifact,
        bytes: Option<&[u8]>,
    ) -> Result<Comparison, ReproduceError> {
        let mut identical = self.seems_to_be(artifact);
        let (mut sections, mut strings) = (Vec::new(), Vec::new());
        if let Some(bytes) = bytes {
            let built = std::fs::read(&artifact.path).map_err(io(&artifact.path))?;
            if built != bytes {
                identical = false;
                (sections, strings) = explain(&built, bytes);
            }
        }
        Ok(Comparison {
            product: artifact.product.clone(),
            filename: artifact.filename.to_string(),
            identical,
            size: artifact.size,
            sha256: artifact.sha256,
            other_size: self.size,
            other_sha256: self.sha256,
            sections,
            strings,
        })
    }

    /// Whether the bytes have to be read: what a Hub says of a file is no proof of what it gives
    /// out, and a difference is to be explained.
    pub(super) fn must_be_read(&self, artifact: &LocalArtifact) -> bool {
        !self.seems_to_be(artifact) || matches!(self.bytes, Some(Bytes::Download(_)))
    }

    fn seems_to_be(&self, artifact: &LocalArtifact) -> bool {
        (self.sha256, self.size) == (artifact.sha256, artifact.size)
    }
}

/// What something built is to be compared with.
#[derive(Debug)]
pub(super) enum Compared<'a> {
    /// With this file.
    With(&'a Expected),
    /// With none, for this reason.
    Not(String),
}

/// The file that something built is to be compared with.
///
/// # Errors
/// When there is none for a program, which is a difference.
pub(super) fn counterpart<'a>(
    artifact: &LocalArtifact,
    expected: &'a [Expected],
) -> Result<Compared<'a>, ReproduceError> {
    let filename = artifact.filename.as_str();
    let is_installer = artifact.kind == Kind::Installer;
    let document = Form::of(filename).filter(|_| artifact.kind == Kind::Other);
    if document.is_some() && is_about_a_run(filename) {
        return Ok(Compared::Not(format!(
            "{filename} is not compared: it names a run and its times, and each build is another run"
        )));
    }
    if is_installer && filename.ends_with(MACOS_INSTALLER) {
        return Ok(Compared::Not(format!(
            "{filename} is not compared: macOS's own tool makes it, and writes the time into it"
        )));
    }
    let found = expected.iter().find(|other| other.is_of(artifact));
    match found {
        Some(_) if document.is_some_and(|(_, program)| is_changed(artifact, program, expected)) => {
            Ok(Compared::Not(format!(
                "{filename} is not compared: it names the digest of a program that was code-signed"
            )))
        }
        // What a program is made of is in the program too, where it is compared.
        Some(other)
            if matches!(document, Some((Form::Sbom, _))) && other.sha256 != artifact.sha256 =>
        {
            Ok(Compared::Not(format!(
                "{filename} is not the same: it names the version of atlas-release that has made it"
            )))
        }
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

/// Whether a program was code-signed, by what is compared with: then it is another file than the commit makes.
fn is_changed(artifact: &LocalArtifact, program: &str, expected: &[Expected]) -> bool {
    let mut programs = expected.iter().filter(|other| other.is_code_signed);
    programs.any(|other| (&other.product, &other.filename[..]) == (&artifact.product, program))
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
mod tests {
    use super::*;

    fn expected(kind: Kind, filename: &str) -> Expected {
        Expected {
            product: "one".parse().unwrap(),
            kind,
            filename: filename.to_owned(),
            size: 1,
            sha256: Sha256Digest::of(b"1"),
            is_code_signed: false,
            bytes: None,
        }
    }

    fn built(kind: Kind, filename: &str) -> LocalArtifact {
        let (product, filename) = ("one".parse().unwrap(), filename.parse().unwrap());
        let (version, platform) = ("1.0.0".parse().unwrap(), release_types::Platform::ALL[0]);
        LocalArtifact {
            key: release_types::artifact_key(&product, &version, platform, &filename).unwrap(),
            product,
            platform,
            kind,
            filename,
            path: PathBuf::new(),
            size: 1,
            sha256: Sha256Digest::of(b"1"),
            modified: None,
        }
    }

    #[test]
    fn an_installer_that_is_nowhere_else_is_a_note_and_a_program_a_difference() {
        let all = [
            expected(Kind::Binary, "one-linux-x64"),
            expected(Kind::Installer, "one-installer-linux-x64.deb"),
            expected(Kind::Installer, "one-installer-macos-x64.pkg"),
        ];
        for (kind, name) in [
            (Kind::Binary, "one-linux-x64"),
            (Kind::Installer, "one-installer-linux-x64.deb"),
        ] {
            let found = counterpart(&built(kind, name), &all).unwrap();
            assert!(matches!(found, Compared::With(other) if other.filename == name));
        }
        for (name, says) in [
            ("one-installer-linux-x64.rpm", "there is no such file"),
            ("one-installer-macos-x64.pkg", "writes the time into it"),
        ] {
            let found = counterpart(&built(Kind::Installer, name), &all).unwrap();
            assert!(matches!(found, Compared::Not(why) if why.contains(says)));
        }
        let error = counterpart(&built(Kind::Binary, "two-linux-x64"), &all).unwrap_err();
        assert!(error.to_string().contains("two-linux-x64 was built"));
    }

    #[test]
    fn documents_are_compared_as_far_as_the_commit_decides_about_them() {
        let mut all = [
            expected(Kind::Binary, "one"),
            expected(Kind::Other, "one.cdx.json"),
            expected(Kind::Other, "one.intoto.json"),
        ];
        let not = |name: &str, all: &[Expected]| {
            let found = counterpart(&built(Kind::Other, name), all).unwrap();
            match found {
                Compared::With(other) => other.filename.clone(),
                Compared::Not(why) => why,
            }
        };
        assert_eq!(not("one.cdx.json", &all), "one.cdx.json");
        assert!(not("one.intoto.json", &all).contains("it names a run and its times"));
        assert!(not("two.cdx.json", &all).contains("there is no such file"));
        all[1].sha256 = Sha256Digest::of(b"2");
        assert!(not("one.cdx.json", &all).contains("it names the version of atlas-release"));
        all[0].is_code_signed = true;
        assert!(not("one.cdx.json", &all).contains("that was code-signed"));
        // A file of that name that is no document is what any other file is.
        let other = counterpart(&built(Kind::Binary, "two.cdx.json"), &all);
        assert!(other.is_err());
    }

    #[test]
    fn what_no_build_makes_is_a_note_and_a_missing_program_a_difference() {
        let all = [
            expected(Kind::Signature, "one-linux-x64.sig"),
            expected(Kind::Installer, "one.deb"),
        ];
        assert_eq!(
            not_made(&[], &all).unwrap(),
            [
                "one-linux-x64.sig (signature) is not proven: no build makes it",
                "one.deb (installer) is not proven: no build makes it",
            ]
        );
        let program = [expected(Kind::Binary, "one-linux-x64")];
        let error = not_made(&[], &program).unwrap_err().to_string();
        assert!(error.ends_with("the commit does not make it"), "{error}");
    }
}
