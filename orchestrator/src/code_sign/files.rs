//! Files that others have made, such as a launcher's installers: which of them are signed, and the document
//! beside their manifest that says what has been.

use super::{BeforeSigning, CodeSignError, CodeSigning};
use release_types::{FileName, Kind, Os, Platform, Sha256Digest};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// The version of the document's form.
const FORMAT: u32 = 1;

/// What has been code-signed of a manifest's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedFiles {
    /// The version of this document's form.
    pub format: u32,
    /// The files.
    pub files: Vec<SignedFile>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedFile {
    /// The platform that its row names.
    pub platform: Platform,
    /// The name that it is published under.
    pub filename: FileName,
    /// What it is now.
    pub sha256: Sha256Digest,
    /// What it was before.
    pub before_signing: BeforeSigning,
    /// What has signed it.
    pub code_signing: CodeSigning,
}

impl Default for SignedFiles {
    fn default() -> Self {
        Self {
            format: FORMAT,
            files: Vec::new(),
        }
    }
}

impl SignedFiles {
    /// Reads the document's text.
    ///
    /// # Errors
    /// When it is none, or of a later form.
    pub fn read(text: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match read.format {
            FORMAT => Ok(read),
            other => Err(format!("it is of format {other}, and {FORMAT} is known")),
        }
    }

    /// Notes a file, in the place of what was known of it.
    pub fn note(&mut self, file: SignedFile) {
        let key = |file: &SignedFile| (file.platform, file.filename.clone());
        self.files.retain(|other| key(other) != key(&file));
        self.files.push(file);
    }
}

/// Whether a file is of a kind that the system's tool signs as a whole. What is in an archive has to be
/// signed before it is packed, and a `.pkg` needs a certificate of another kind.
pub fn takes(os: Os, kind: Kind, filename: &str) -> bool {
    let name = filename.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match (os, kind) {
        (Os::Linux, _) | (_, Kind::Signature | Kind::UpdaterManifest | Kind::Other) => false,
        (Os::Windows, Kind::Binary | Kind::Installer) => ends(&[".exe", ".msi"]),
        (Os::Macos, Kind::Binary) => ends(&[".dmg"]) || !name.contains('.'),
        (Os::Macos, Kind::Installer) => ends(&[".dmg"]),
    }
}

/// Puts a signed copy in the place of the file it was made of, at one moment, with that file's permissions.
///
/// # Errors
/// What the system says; the file is as it was then.
pub fn put_in_place(signed: &Path, file: &Path) -> Result<(), CodeSignError> {
    let put = || -> io::Result<()> {
        let dir = file.parent().unwrap_or(Path::new("."));
        let mut aside = tempfile::Builder::new()
            .prefix(".signing-")
            .tempfile_in(dir)?;
        io::copy(&mut std::fs::File::open(signed)?, aside.as_file_mut())?;
        let permissions = std::fs::metadata(file)?.permissions();
        std::fs::set_permissions(aside.path(), permissions)?;
        aside.as_file().sync_all()?;
        aside.persist(file)?;
        Ok(())
    };
    put().map_err(|source| CodeSignError::Io {
        path: file.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_as_a_whole() {
        for (os, kind, name, signed) in [
            (
                Os::Windows,
                Kind::Installer,
                "Atlas_1.4.0_x64-setup.EXE",
                true,
            ),
            (
                Os::Windows,
                Kind::Installer,
                "Atlas_1.4.0_x64_en-US.msi",
                true,
            ),
            (
                Os::Windows,
                Kind::Binary,
                "Atlas_1.4.0_x64-setup.nsis.zip",
                false,
            ),
            (Os::Windows, Kind::Signature, "Atlas.exe", false),
            (Os::Macos, Kind::Installer, "Atlas_1.4.0_aarch64.dmg", true),
            (Os::Macos, Kind::Installer, "atlas-1.4.0.pkg", false),
            (Os::Macos, Kind::Binary, "Atlas.app.tar.gz", false),
            (Os::Macos, Kind::Binary, "atlas-release-macos-arm64", true),
            (Os::Linux, Kind::Installer, "Atlas.exe", false),
        ] {
            assert_eq!(takes(os, kind, name), signed, "{name}");
        }
    }

    #[test]
    fn a_file_is_replaced_and_keeps_its_permissions() {
        let dir = tempfile::tempdir().unwrap();
        let (signed, file) = (dir.path().join("signed"), dir.path().join("file"));
        std::fs::write(&signed, "signed").unwrap();
        std::fs::write(&file, "before").unwrap();
        crate::system::set_mode(&file, 0o755).unwrap();
        put_in_place(&signed, &file).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"signed");
        let mode = crate::system::mode(&file).unwrap();
        assert!(mode.is_none_or(|mode| mode == 0o755));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
