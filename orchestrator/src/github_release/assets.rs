//! What becomes files of a release on GitHub: everything that the manifests name, and one list of all
//! digests. Such a release is one folder, so names have to differ.

use super::error::GithubReleaseError;
use crate::artifacts::{LocalArtifact, digest_file};
use crate::dist::SUMS_FILE;
use release_types::Sha256Digest;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// GitHub takes files of less than this many bytes.
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;

/// So many files a release on GitHub has at most.
const MOST: usize = 1000;

/// A file that is to be one of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its name, there and in the address it is downloaded from.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Their digest.
    pub sha256: Sha256Digest,
}

/// The files of a release by name, and beside them the list of their digests, which is written into
/// `scratch`.
///
/// # Errors
/// When two have one name, GitHub does not take one, or the list cannot be written.
pub fn collect(
    artifacts: &[LocalArtifact],
    scratch: &Path,
) -> Result<Vec<Asset>, GithubReleaseError> {
    let mut named: BTreeMap<String, Asset> = BTreeMap::new();
    for artifact in artifacts {
        let name = artifact.filename.as_str();
        let asset = Asset {
            name: name.to_owned(),
            path: artifact.path.clone(),
            size: artifact.size,
            sha256: artifact.sha256,
        };
        check(&asset)?;
        match named.get(name) {
            // Two products may ship one file.
            Some(same) if same.sha256 == asset.sha256 => {}
            Some(other) => {
                return Err(GithubReleaseError::SameName {
                    name: asset.name,
                    first: other.path.clone(),
                    second: asset.path,
                });
            }
            None => {
                named.insert(asset.name.clone(), asset);
            }
        }
    }
    let sums = scratch.join(SUMS_FILE);
    if let Some(other) = named.get(SUMS_FILE) {
        return Err(GithubReleaseError::SameName {
            name: SUMS_FILE.to_owned(),
            first: other.path.clone(),
            second: sums,
        });
    }
    let mut assets: Vec<Asset> = named.into_values().collect();
    let failed = |source| GithubReleaseError::Write {
        path: sums.clone(),
        source,
    };
    std::fs::write(&sums, digests(&assets)).map_err(failed)?;
    let (size, sha256) = digest_file(&sums).map_err(failed)?;
    assets.push(Asset {
        name: SUMS_FILE.to_owned(),
        path: sums,
        size,
        sha256,
    });
    match assets.len() {
        files if files > MOST => Err(GithubReleaseError::TooMany { files, limit: MOST }),
        _ => Ok(assets),
    }
}

/// A line for each file, as `sha256sum --check` reads it.
fn digests(assets: &[Asset]) -> String {
    let line = |asset: &Asset| format!("{}  {}\n", asset.sha256, asset.name);
    assets.iter().map(line).collect()
}

fn check(asset: &Asset) -> Result<(), GithubReleaseError> {
    let keeps = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@');
    if !asset.name.chars().all(keeps) || asset.name.starts_with('.') {
        return Err(GithubReleaseError::Name(asset.name.clone()));
    }
    if asset.size >= LARGEST {
        return Err(GithubReleaseError::TooLarge {
            name: asset.name.clone(),
            size: asset.size,
            limit: LARGEST,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::{Kind, artifact_key};

    fn artifact(product: &str, platform: &str, name: &str, bytes: &[u8]) -> LocalArtifact {
        let (product, platform, filename) = (
            product.parse().unwrap(),
            platform.parse().unwrap(),
            name.parse().unwrap(),
        );
        let version = semver::Version::new(1, 0, 0);
        LocalArtifact {
            key: artifact_key(&product, &version, platform, &filename).unwrap(),
            product,
            platform,
            kind: Kind::Binary,
            filename,
            path: PathBuf::from(format!("/dist/{platform}/{name}")),
            size: bytes.len() as u64,
            sha256: Sha256Digest::of(bytes),
            modified: None,
        }
    }

    #[test]
    fn all_platforms_are_in_one_list_that_sha256sum_reads() {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            artifact("b", "windows-x64", "b.exe", b"1"),
            artifact("a", "linux-x64", "a", b"2"),
            artifact("b", "linux-x64", "license", b"3"),
            artifact("a", "macos-arm64", "license", b"3"),
        ];
        let assets = collect(&files, dir.path()).unwrap();
        let names: Vec<&str> = assets.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "b.exe", "license", "SHA256SUMS"]);
        let text = std::fs::read_to_string(dir.path().join(SUMS_FILE)).unwrap();
        let line = format!("{}  a\n", Sha256Digest::of(b"2"));
        assert!(text.starts_with(&line), "{text}");
        assert_eq!(text.lines().count(), 3);
        assert_eq!(assets[3].sha256, Sha256Digest::of(text.as_bytes()));
    }

    #[test]
    fn what_github_would_not_keep_as_it_is_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |files: &[LocalArtifact]| collect(files, dir.path()).unwrap_err().to_string();
        let two = [
            artifact("a", "linux-x64", "same", b"1"),
            artifact("a", "macos-x64", "same", b"2"),
        ];
        assert!(refused(&two).contains("are both called same"));
        for name in ["a b", ".hidden", "a~1", "ä"] {
            let why = refused(&[artifact("a", "linux-x64", name, b"1")]);
            assert!(why.contains("another name"), "{why}");
        }
        let sums = artifact("a", "linux-x64", SUMS_FILE, b"1");
        assert!(refused(&[sums]).contains("both called SHA256SUMS"));
        let mut large = artifact("a", "linux-x64", "a", b"1");
        large.size = LARGEST;
        assert!(refused(&[large]).contains("takes less than 2147483648"));
        let many = (0..MOST).map(|n| artifact("a", "linux-x64", &format!("f{n}"), b"1"));
        let many: Vec<LocalArtifact> = many.collect();
        assert!(refused(&many).contains("1001 files"));
    }
}
