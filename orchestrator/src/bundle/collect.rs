//! Which files a run has made. Bundlers leave what they make in `release/bundle` of a target folder, beside
//! what earlier runs have left there, and say nowhere which is which. So the files there are looked at
//! before and after: one that was not there, or has been written since, is this run's, and no other is.
//! Clocks decide nothing: what differs between two looks is enough. Of a file that may be released its bytes are
//! compared where only its times differ: `chmod`, `touch` and links change these too.

use super::BundleError;
use crate::artifacts::digest_file;
use crate::system;
use release_types::Sha256Digest;
use release_types::bundles::{Rules, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where cargo's profile for releases keeps bundles, below a target folder or one of its folders for targets.
const BUNDLES: &str = "release/bundle";

/// How far below a product's folder target folders are looked for.
const DEPTH: usize = 3;

/// What tells whether a file has been written since it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    size: u64,
    modified: Option<SystemTime>,
    /// When it came about, where the system says so.
    created: Option<SystemTime>,
    /// Another file of this name, or a change that leaves the time as it was, has another one.
    identity: system::Identity,
}

impl Mark {
    fn of(meta: &Metadata) -> Self {
        Self {
            size: meta.len(),
            modified: meta.modified().ok(),
            created: meta.created().ok(),
            identity: system::identity(meta),
        }
    }

    /// Whether it may be the same file, of which only times have moved.
    fn is_alike(&self, other: &Self) -> bool {
        let of = |mark: &Self| (mark.size, mark.created, mark.identity.0);
        of(self) == of(other)
    }
}

/// What has become of files since they were looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Since {
    /// They were not there, or have been written.
    pub written: BTreeSet<PathBuf>,
    /// They have the bytes of before and another time: somebody has written the same once more, or touched them.
    pub touched: BTreeSet<PathBuf>,
}

/// The files in bundlers' folders, at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    /// The folders that are there.
    pub folders: Vec<PathBuf>,
    files: BTreeMap<PathBuf, (Mark, Option<Sha256Digest>)>,
}

impl Look {
    /// Looks into each `release/bundle` of the repository's `target`, of those within a product's folder,
    /// and of the further target folders, and reads what may be released: the first of two looks.
    pub(super) fn reading(
        repository: &Path,
        folder: &Path,
        targets: &[PathBuf],
    ) -> Result<Self, BundleError> {
        let mut look = Self::at(repository, folder, targets)?;
        for (path, (_, sha256)) in &mut look.files {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !matches!(Rules::Bundles.verdict(&name), Verdict::LeftOut(_)) {
                // One that cannot be read is told by its times alone.
                *sha256 = digest_of(path);
            }
        }
        Ok(look)
    }

    /// The same without reading anything: the second.
    pub(super) fn at(
        repository: &Path,
        folder: &Path,
        targets: &[PathBuf],
    ) -> Result<Self, BundleError> {
        let mut all = vec![repository.join("target")];
        all.extend_from_slice(targets);
        all.extend(targets_in(folder)?);
        let mut folders = BTreeSet::new();
        for target in all {
            for dir in bundles_of(&target)? {
                // Several ways lead to one folder where somebody has set links.
                folders.insert(std::fs::canonicalize(&dir).map_err(failed(&dir))?);
            }
        }
        let mut look = Self::default();
        for folder in folders {
            if look.folders.iter().any(|other| folder.starts_with(other)) {
                continue;
            }
            look.take(&folder)?;
            look.folders.push(folder);
        }
        Ok(look)
    }

    fn take(&mut self, folder: &Path) -> Result<(), BundleError> {
        let mut folders = vec![folder.to_owned()];
        while let Some(dir) = folders.pop() {
            for (path, kind) in entries(&dir)? {
                if kind.is_dir() {
                    folders.push(path);
                } else if let Ok(meta) = std::fs::symlink_metadata(&path) {
                    self.files.insert(path, (Mark::of(&meta), None));
                }
            }
        }
        Ok(())
    }

    /// What has become of the files since an earlier look.
    pub(super) fn since(&self, earlier: &Self) -> Since {
        let mut since = Since::default();
        for (path, (now, _)) in &self.files {
            match earlier.files.get(path) {
                Some((before, _)) if before == now => {}
                Some((before, Some(bytes)))
                    if before.is_alike(now) && digest_of(path) == Some(*bytes) =>
                {
                    // Whoever writes moves this time, and whoever changes a mode does not.
                    if before.modified != now.modified {
                        since.touched.insert(path.clone());
                    }
                }
                _ => {
                    since.written.insert(path.clone());
                }
            }
        }
        since
    }
}

/// The digest of what is a file and can be read.
fn digest_of(path: &Path) -> Option<Sha256Digest> {
    let is_file = path.symlink_metadata().ok()?.is_file();
    is_file
        .then(|| digest_file(path).ok())?
        .map(|(_, sha256)| sha256)
}

/// The target folders within a product's folder.
fn targets_in(folder: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((dir, depth)) = folders.pop() {
        for (path, kind) in entries(&dir)? {
            let name = path.file_name().unwrap_or_default();
            let hidden = name.as_encoded_bytes().starts_with(b".");
            if name == "target" && path.is_dir() {
                found.push(path);
            } else if kind.is_dir() && !hidden && name != "node_modules" && depth < DEPTH {
                folders.push((path, depth + 1));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The folders of bundles in a target folder: of this machine, and of each target that has one of its own.
fn bundles_of(target: &Path) -> Result<Vec<PathBuf>, BundleError> {
    if !target.is_dir() {
        return Ok(Vec::new());
    }
    let mut places = vec![target.join(BUNDLES)];
    for (path, kind) in entries(target)? {
        if kind.is_dir() {
            places.push(path.join(BUNDLES));
        }
    }
    places.retain(|dir| dir.is_dir());
    Ok(places)
}

fn entries(dir: &Path) -> Result<Vec<(PathBuf, std::fs::FileType)>, BundleError> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed(dir))? {
        let entry = entry.map_err(failed(dir))?;
        all.push((entry.path(), entry.file_type().map_err(failed(dir))?));
    }
    Ok(all)
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> BundleError + use<> {
    let path = path.to_owned();
    move |source| BundleError::Read {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_since_is_new() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let folder = root.join("apps/launcher");
        std::fs::create_dir_all(&folder).unwrap();
        let look = || Look::reading(&root, &folder, &[]).unwrap();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        let nothing = look();
        assert!(nothing.folders.is_empty());
        let old = write("target/release/bundle/deb/A_1.0.0_amd64.deb", "old");
        let kept = write(
            "apps/launcher/src-tauri/target/release/bundle/rpm/A.rpm",
            "kept",
        );
        write("target/release/other/A.deb", "no bundle");
        write(
            "apps/launcher/node_modules/x/target/release/bundle/A.deb",
            "x",
        );
        let before = look();
        assert_eq!(
            before.since(&nothing).written,
            [old.clone(), kept.clone()].into()
        );
        assert_eq!(look().since(&before), Since::default());

        // The same bytes, written anew, with the time of before.
        let time = old.metadata().unwrap().modified().unwrap();
        std::fs::remove_file(&old).unwrap();
        write("target/release/bundle/deb/A_1.0.0_amd64.deb", "old");
        let file = std::fs::File::options().write(true).open(&old).unwrap();
        file.set_modified(time).unwrap();
        let triple = "apps/launcher/target/x86_64-unknown-linux-gnu/release/bundle/deb/B.deb";
        let new = write(triple, "new");
        let since = look().since(&before);
        assert_eq!(since.written, [old.clone(), new].into());
        assert!(since.touched.is_empty());

        // Only its times are moved.
        let before = look();
        std::fs::hard_link(&kept, root.join("elsewhere")).unwrap();
        crate::system::set_mode(&kept, 0o600).unwrap();
        assert_eq!(look().since(&before), Since::default());
        let file = std::fs::File::options().write(true).open(&kept).unwrap();
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(7);
        file.set_modified(later).unwrap();
        let since = look().since(&before);
        assert_eq!(
            (since.written, since.touched),
            ([].into(), [kept.clone()].into())
        );
        // Written in its place, it is not what it was, whatever its time says.
        let before = look();
        std::fs::write(&kept, "KEPT").unwrap();
        file.set_modified(later).unwrap();
        assert_eq!(look().since(&before).written, [kept].into());
    }
}
