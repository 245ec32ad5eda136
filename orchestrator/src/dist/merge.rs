//! The folders of several machines, as one release.

use super::{DistError, Staged, open, read};
use crate::artifacts::LocalArtifact;
use crate::documents::is_about_a_run;
use release_types::{FileName, Kind, ProductName, Sha256Digest, Tag};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Opens a release in each of the folders and returns the first one's place with the platforms of all.
///
/// # Errors
/// When one of them does not hold the release, they are of different releases, or two of one platform
/// differ.
pub fn open_all(
    dist_dirs: &[PathBuf],
    tag: Option<&Tag>,
) -> Result<(PathBuf, Vec<Staged>), DistError> {
    let mut first = None;
    let mut all = Vec::new();
    for dist_dir in dist_dirs {
        let (dir, staged) = open(dist_dir, tag)?;
        first.get_or_insert(dir);
        all.extend(staged);
    }
    match first {
        Some(dir) => {
            let staged = merge(&dir, all)?;
            Ok((dir, staged))
        }
        None => Err(DistError::NoRelease {
            dir: PathBuf::from("dist"),
        }),
    }
}

/// Makes one release of staged platforms. One that is there twice, file by file the same, is there
/// once.
fn merge(dir: &Path, all: Vec<Staged>) -> Result<Vec<Staged>, DistError> {
    let mut merged: Vec<Staged> = Vec::with_capacity(all.len());
    for staged in all {
        let platform = staged.record.platform;
        let before = merged.iter().find(|one| one.record.platform == platform);
        let Some(before) = before else {
            merged.push(staged);
            continue;
        };
        if let Some(why) = difference(before, &staged) {
            return Err(DistError::Twice {
                platform,
                first: before.dir.clone(),
                second: staged.dir,
                why,
            });
        }
    }
    let records: Vec<_> = merged.iter().map(|one| &one.record).collect();
    read::agree(dir, &records)?;
    merged.sort_by_key(|staged| staged.record.platform.to_string());
    Ok(merged)
}

/// The first file that two folders do not have alike.
fn difference(first: &Staged, second: &Staged) -> Option<String> {
    type Name = (ProductName, FileName);
    type What = (Kind, u64, Sha256Digest);
    let files = |staged: &Staged| -> BTreeMap<Name, What> {
        let file = |artifact: &LocalArtifact| {
            let LocalArtifact { kind, size, .. } = *artifact;
            let name = (artifact.product.clone(), artifact.filename.clone());
            (name, (kind, size, artifact.sha256))
        };
        // Two machines that make the same bytes have a statement each, of which the first one's is taken.
        let files = staged.artifacts.iter();
        files
            .filter(|file| !is_about_a_run(file.filename.as_str()))
            .map(file)
            .collect()
    };
    let (first, second) = (files(first), files(second));
    let names = first.keys().chain(second.keys());
    let mut differing = names.filter(|name| first.get(*name) != second.get(*name));
    differing.next().map(|name| {
        let told = |what: Option<&What>| match what {
            Some((kind, size, sha256)) => format!("{kind}, {size} bytes, sha256 {sha256}"),
            None => "not there".to_owned(),
        };
        let (product, filename) = name;
        format!(
            "{filename} of {product} is {} in the one and {} in the other",
            told(first.get(name)),
            told(second.get(name))
        )
    })
}
