//! The files that are signed, and whether a signature is one of them.

use super::Fault;
use crate::artifacts::{LocalArtifact, read_text};
use crate::documents::Form;
use release_types::{Arch, FileName, Kind, Os, Platform, ProductName};
use signatures::{Binding, ENDING, MAX_TEXT, PublicKey, STOCK_ENDING, Signature, TrustedComment};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Where it is; the first of its places.
    pub path: PathBuf,
    /// The system it is for.
    pub os: Os,
    /// What it is published as and where its signatures are, at least one.
    pub places: Vec<Place>,
}

/// One of the rows that a signed file is published by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The architecture.
    pub arch: Arch,
    /// Where the file is.
    pub path: PathBuf,
    /// Where its signature is, or belongs.
    pub signature: PathBuf,
    /// Where the one in minisign's own form is, or belongs.
    pub stock: PathBuf,
    /// Whether there is to be one in that form, by whoever lists the files.
    pub has_stock: bool,
}

/// The files among others that have to be signed or have a signature by `paths`, in their order.
///
/// A file that is published for several architectures is one, and has one signature that is for all of them: a
/// manifest has a row of the same file for each, a staged universal bundle lies in the folders of both of Apple's.
pub fn payloads(
    version: &semver::Version,
    artifacts: &[LocalArtifact],
    paths: &SignaturePaths,
) -> Vec<Payload> {
    let mut found: Vec<(Payload, &LocalArtifact)> = Vec::new();
    // Where those of a name stand in `found`: there may be thousands of names, and few files of each.
    let mut known: BTreeMap<(&ProductName, &str, Os), Vec<usize>> = BTreeMap::new();
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
        let at = |ending: &str| {
            let named = named(ending).cloned();
            named.unwrap_or_else(|| beside(&file.path, ending))
        };
        let place = Place {
            arch: file.platform.arch,
            path: file.path.clone(),
            signature: at(ENDING),
            stock: at(STOCK_ENDING),
            has_stock: named(STOCK_ENDING).is_some(),
        };
        let name = (&file.product, file.filename.as_str(), file.platform.os);
        let of_name = known.entry(name).or_default();
        let same = of_name
            .iter()
            .find(|index| is_one_file(found[**index].1, file));
        if let Some(index) = same {
            found[*index].0.places.push(place);
            continue;
        }
        of_name.push(found.len());
        let payload = Payload {
            product: file.product.clone(),
            version: version.clone(),
            filename: file.filename.clone(),
            kind: file.kind,
            path: file.path.clone(),
            os: file.platform.os,
            places: vec![place],
        };
        found.push((payload, file));
    }
    found.into_iter().map(|(payload, _)| payload).collect()
}

/// Whether two files of one product, name and system are one that is published twice. For other systems than
/// Apple's there are no universal files: the same bytes in two places are two files there.
fn is_one_file(first: &LocalArtifact, file: &LocalArtifact) -> bool {
    let is_same = (first.sha256, first.size) == (file.sha256, file.size);
    let is_universal = file.platform.os == Os::Macos || first.platform == file.platform;
    first.path == file.path || (is_same && is_universal)
}

/// A file's path with an ending more.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(ending);
    name.into()
}

impl Payload {
    /// The architectures it is for, each once.
    pub fn archs(&self) -> BTreeSet<Arch> {
        self.places.iter().map(|place| place.arch).collect()
    }

    /// The platforms it is published for, each once.
    pub fn platforms(&self) -> Vec<Platform> {
        let archs = self.archs().into_iter();
        archs.map(|arch| Platform::new(self.os, arch)).collect()
    }

    /// Where it is for the first of some of its platforms.
    pub fn path_on(&self, platforms: &[Platform]) -> &Path {
        let archs = platforms.iter().map(|on| on.arch);
        let first = archs.min();
        let place = self.places.iter().find(|place| Some(place.arch) == first);
        place.map_or(&self.path, |place| &place.path)
    }

    /// The name that its signature is published under.
    pub fn signature_name(&self) -> String {
        format!("{}{ENDING}", self.filename)
    }

    /// What a signature of ours says of it.
    pub fn comment(&self, now: jiff::Timestamp) -> TrustedComment {
        let timestamp = u64::try_from(now.as_second()).unwrap_or_default();
        let (file, product) = (&self.filename, &self.product);
        let archs: Vec<Arch> = self.archs().into_iter().collect();
        TrustedComment::of(timestamp, (file, product), &self.version, (self.os, &archs))
    }

    /// Judges a signature's text, which has to be for all platforms that it is published for.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn judge(&self, text: &str, key: &PublicKey, tauris: bool) -> Result<Signature, Fault> {
        self.judge_for(&self.platforms(), text, key, tauris)
    }

    /// Judges the text of a signature for some of its platforms. `tauris` says whether one that says less of the
    /// file will do, as Tauri's tools make them.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn judge_for(
        &self,
        platforms: &[Platform],
        text: &str,
        key: &PublicKey,
        tauris: bool,
    ) -> Result<Signature, Fault> {
        let signature: Signature = text.parse()?;
        let file = File::open(&self.path).map_err(signatures::VerifyError::Read)?;
        let said = signature.verify(key, file)?;
        self.is_meant(platforms, &said, tauris)?;
        Ok(signature)
    }

    fn is_meant(
        &self,
        platforms: &[Platform],
        said: &TrustedComment,
        tauris: bool,
    ) -> Result<(), Fault> {
        let here = self.path.file_name().map(|name| name.to_string_lossy());
        let here = here.unwrap_or_default();
        // Tauri's tools know a file by no other name than that which it has here.
        let names = match tauris {
            true => &[self.filename.as_str(), &here][..],
            false => &[self.filename.as_str()],
        };
        let version = self.version.to_string();
        for platform in platforms {
            let binding = Binding {
                product: &self.product,
                version: &version,
                platform: *platform,
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

/// Makes sure that a signature's text can be read by who reads it: what ends with `.sig` of a product that Tauri's
/// updater updates, which takes fewer forms than this program, by that.
///
/// # Errors
/// When it cannot.
pub fn is_read(text: &str, tauris: bool, ending: &str) -> Result<(), Fault> {
    match tauris && ending == ENDING && !signatures::is_tauris_form(text) {
        true => Err(Fault::Form),
        false => Ok(()),
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
