//! The files that are signed, and whether a signature is one of them.

use super::Fault;
use crate::artifacts::{LocalArtifact, read_text};
use crate::documents::Form;
use release_types::{Arch, FileName, Kind, Os, Platform, ProductName};
use signatures::{Binding, ENDING, MAX_TEXT, PublicKey, STOCK_ENDING, Signature, TrustedComment};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// How installers end that Tauri's updater installs from, in small letters.
const UPDATED_FROM: [&str; 5] = [".appimage", ".deb", ".exe", ".msi", ".rpm"];

/// Whether a file is signed: what an updater puts in the place of what is installed, and what is said of it in
/// documents, which anybody could write.
pub fn is_signed(kind: Kind, filename: &str) -> bool {
    let name = filename.to_ascii_lowercase();
    match kind {
        Kind::Binary => true,
        Kind::Installer => UPDATED_FROM.iter().any(|ending| name.ends_with(ending)),
        Kind::Other => Form::of(filename).is_some(),
        Kind::Signature | Kind::UpdaterManifest => false,
    }
}

/// Where signatures lie that are published under a name of a product on a platform.
pub type SignaturePaths = BTreeMap<(ProductName, Platform, String), PathBuf>;

/// A file that is signed: once, also where it is published for several architectures.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The product.
    pub product: ProductName,
    /// The version.
    pub version: semver::Version,
    /// The name it is published under.
    pub filename: FileName,
    /// What it is for.
    pub kind: Kind,
    /// Where it is.
    pub path: PathBuf,
    /// Where its signature is, or belongs.
    pub signature: PathBuf,
    /// Where the one in minisign's own form is, or belongs.
    pub stock: PathBuf,
    /// Whether there is to be one in that form, by whoever lists the files.
    pub has_stock: bool,
    /// The system it is for.
    pub os: Os,
    /// The architectures it is for, at least one.
    pub archs: Vec<Arch>,
}

/// The files among others that have to be signed or have a signature by `paths`, in their order.
pub fn payloads(
    version: &semver::Version,
    artifacts: &[LocalArtifact],
    paths: &SignaturePaths,
) -> Vec<Payload> {
    let mut found: Vec<Payload> = Vec::new();
    // Where each stands in `found`: there may be thousands.
    let mut known: BTreeMap<(&ProductName, &Path, &str, Os), usize> = BTreeMap::new();
    for file in artifacts {
        let named = |ending: &str| {
            let name = format!("{}{ending}", file.filename);
            paths.get(&(file.product.clone(), file.platform, name))
        };
        let is_named = [ENDING, STOCK_ENDING]
            .into_iter()
            .any(|one| named(one).is_some());
        let has_signature = file.kind != Kind::Signature && is_named;
        if !has_signature && !is_signed(file.kind, file.filename.as_str()) {
            continue;
        }
        let Platform { os, arch } = file.platform;
        let same = (&file.product, &*file.path, file.filename.as_str(), os);
        if let Some(one) = known.get(&same).and_then(|at| found.get_mut(*at)) {
            one.archs.push(arch);
            continue;
        }
        let place = |ending: &str| {
            let named = named(ending).cloned();
            named.unwrap_or_else(|| beside(&file.path, ending))
        };
        known.insert(same, found.len());
        found.push(Payload {
            product: file.product.clone(),
            version: version.clone(),
            filename: file.filename.clone(),
            kind: file.kind,
            path: file.path.clone(),
            signature: place(ENDING),
            stock: place(STOCK_ENDING),
            has_stock: named(STOCK_ENDING).is_some(),
            os,
            archs: vec![arch],
        });
    }
    found
}

/// A file's path with an ending more.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(ending);
    name.into()
}

impl Payload {
    /// The platforms it is published for.
    pub fn platforms(&self) -> impl Iterator<Item = Platform> {
        self.archs.iter().map(|arch| Platform::new(self.os, *arch))
    }

    /// The name that its signature is published under.
    pub fn signature_name(&self) -> String {
        format!("{}{ENDING}", self.filename)
    }

    /// What a signature of ours says of it.
    pub fn comment(&self, now: jiff::Timestamp) -> TrustedComment {
        let timestamp = u64::try_from(now.as_second()).unwrap_or_default();
        let (file, product) = (&self.filename, &self.product);
        let on = (self.os, &self.archs[..]);
        TrustedComment::of(timestamp, (file, product), &self.version, on)
    }

    /// Reads the signature that lies beside it, and judges it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn judge(&self, key: &PublicKey, tauris: bool) -> Result<Signature, Fault> {
        let text = read_signature(&self.signature)?;
        let signature = self.judge_text(&text, key, tauris)?;
        if tauris {
            is_for_tauri(&text)?;
        }
        Ok(signature)
    }

    /// Judges a signature's text. `tauris` says whether one that says less of the file will do, as Tauri's
    /// tools make them.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn judge_text(
        &self,
        text: &str,
        key: &PublicKey,
        tauris: bool,
    ) -> Result<Signature, Fault> {
        let signature: Signature = text.parse()?;
        let file = File::open(&self.path).map_err(signatures::VerifyError::Read)?;
        let said = signature.verify(key, file)?;
        self.is_meant(&said, tauris)?;
        Ok(signature)
    }

    fn is_meant(&self, said: &TrustedComment, tauris: bool) -> Result<(), Fault> {
        let here = self.path.file_name().map(|name| name.to_string_lossy());
        let here = here.unwrap_or_default();
        // Tauri's tools know a file by no other name than that which it has here.
        let names = match tauris {
            true => &[self.filename.as_str(), &here][..],
            false => &[self.filename.as_str()],
        };
        let version = self.version.to_string();
        for platform in self.platforms() {
            let binding = Binding {
                product: &self.product,
                version: &version,
                platform,
                names,
            };
            match tauris {
                true => said.agrees(&binding)?,
                false => said.binds(&binding)?,
            }
        }
        Ok(())
    }
}

/// Makes sure that Tauri's updater can read a signature's text, which takes fewer forms than this program.
pub(super) fn is_for_tauri(text: &str) -> Result<(), Fault> {
    match signatures::is_tauris_form(text) {
        true => Ok(()),
        false => Err(Fault::Form),
    }
}

/// The text of a signature's file.
pub(super) fn read_signature(path: &Path) -> Result<String, Fault> {
    read_text(path, MAX_TEXT).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Fault::Missing,
        _ => Fault::Unreadable(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_what_updaters_install_from_are_signed() {
        use Kind::{Binary, Installer, Other, Signature};
        for (kind, name, expected) in [
            (Binary, "atlas-runner-linux-x64", true),
            (Binary, "Atlas.app.tar.gz", true),
            (Installer, "Atlas_1.0.0_amd64.AppImage", true),
            (Installer, "Atlas_1.0.0_x64-setup.exe", true),
            (Installer, "Atlas_1.0.0_x64_en-US.MSI", true),
            (Installer, "atlas_1.0.0_amd64.deb", true),
            (Installer, "atlas-1.0.0-1.x86_64.rpm", true),
            (Installer, "Atlas_1.0.0_aarch64.dmg", false),
            (Installer, "atlas-cli-installer-windows-x64.zip", false),
            (Signature, "atlas-runner-linux-x64.sig", false),
            (Other, "notes.exe", false),
            (Other, "atlas-runner-linux-x64.intoto.json", true),
            (Other, "atlas-runner-linux-x64.cdx.json", true),
            (Other, "release.json", false),
        ] {
            assert_eq!(is_signed(kind, name), expected, "{kind} {name}");
        }
    }
}
