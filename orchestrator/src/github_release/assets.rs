//! What becomes files of a release on GitHub: everything that the manifests name, and one list of all
//! digests. Such a release is one folder, so names have to differ.

use super::error::GithubReleaseError;
use crate::artifacts::{LocalArtifact, digest_file};
use crate::dist::SUMS_FILE;
use release_types::bundles::{Said, arch_said, platform_name};
use release_types::{Kind, Sha256Digest};
use std::collections::{BTreeMap, BTreeSet};
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
/// `scratch`. What a launcher's bundler calls alike on two platforms has its platform in its name here, and
/// what GitHub would change is changed before.
///
/// # Errors
/// When two have one name, GitHub does not take one, or the list cannot be written.
pub fn collect(
    artifacts: &[LocalArtifact],
    scratch: &Path,
) -> Result<Vec<Asset>, GithubReleaseError> {
    let mut named: BTreeMap<String, Asset> = BTreeMap::new();
    let names = Names::of(artifacts);
    for artifact in artifacts {
        let name = names.there(artifact);
        let asset = Asset {
            name: name.clone(),
            path: artifact.path.clone(),
            size: artifact.size,
            sha256: artifact.sha256,
        };
        check(&asset)?;
        match named.get(&name) {
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

/// How files are called there.
struct Names<'a> {
    /// Programs and installers whose names do not say what they are for, and are those of others, too.
    unsaid: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(artifacts: &'a [LocalArtifact]) -> Self {
        let is_payload = |one: &&LocalArtifact| matches!(one.kind, Kind::Binary | Kind::Installer);
        let is_unsaid = |one: &&LocalArtifact| {
            let said = arch_said(one.filename.as_str(), one.platform.os);
            said == Said::Nothing
        };
        let unsaid = artifacts.iter().filter(is_payload).filter(is_unsaid);
        let mut names = Self {
            unsaid: unsaid.map(|one| one.filename.as_str()).collect(),
        };
        // Those that are told apart as they are keep their names, which people have addresses of.
        let mut bytes: BTreeMap<&str, Sha256Digest> = BTreeMap::new();
        let mut alike = BTreeSet::new();
        for one in artifacts {
            let name = one.filename.as_str();
            if *bytes.entry(name).or_insert(one.sha256) != one.sha256 {
                alike.extend(names.payload(name));
            }
        }
        names.unsaid = alike;
        names
    }

    /// The payload that a file is, or is called after.
    fn payload<'n>(&self, name: &'n str) -> Option<&'n str> {
        let ends = name.match_indices('.').map(|(end, _)| end);
        let mut heads = std::iter::once(name.len()).chain(ends.rev());
        heads.find_map(|end| Some(&name[..end]).filter(|head| self.unsaid.contains(head)))
    }

    /// The name of a file. One that is about another, such as a signature, goes on being called after it.
    fn there(&self, artifact: &LocalArtifact) -> String {
        let name = artifact.filename.as_str();
        plain(&match self.payload(name) {
            Some(payload) => platform_name(payload, artifact.platform) + &name[payload.len()..],
            None => name.to_owned(),
        })
    }
}

/// A name as GitHub keeps it, which puts dots in the place of what it does not like.
fn plain(name: &str) -> String {
    let keeps = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '@');
    let mut parts = name.split(|c| !keeps(c)).filter(|part| !part.is_empty());
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push('.');
        plain += part;
    }
    plain
}

fn check(asset: &Asset) -> Result<(), GithubReleaseError> {
    if asset.name.is_empty() {
        let path = asset.path.display().to_string();
        return Err(GithubReleaseError::Name(path));
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
        let other = |product, platform| LocalArtifact {
            kind: Kind::Other,
            ..artifact(product, platform, "license", b"3")
        };
        let files = [
            artifact("b", "windows-x64", "b-x64.exe", b"1"),
            artifact("a", "linux-x64", "a-x64", b"2"),
            other("b", "linux-x64"),
            other("a", "macos-arm64"),
        ];
        let assets = collect(&files, dir.path()).unwrap();
        let names: Vec<&str> = assets.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a-x64", "b-x64.exe", "license", "SHA256SUMS"]);
        let text = std::fs::read_to_string(dir.path().join(SUMS_FILE)).unwrap();
        let line = format!("{}  a-x64\n", Sha256Digest::of(b"2"));
        assert!(text.starts_with(&line), "{text}");
        assert_eq!(text.lines().count(), 3);
        assert_eq!(assets[3].sha256, Sha256Digest::of(text.as_bytes()));
    }

    #[test]
    fn bundles_of_several_platforms_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        for (platform, bytes) in [("macos-x64", b"1"), ("macos-arm64", b"2")] {
            let bundle = "Ätlas App.app.tar.gz";
            files.push(artifact("launcher", platform, bundle, bytes));
            for ending in [".sig", ".intoto.json"] {
                let mut file = artifact("launcher", platform, &format!("{bundle}{ending}"), bytes);
                file.kind = Kind::Other;
                files.push(file);
            }
            let universal = "Atlas_universal.dmg";
            files.push(artifact("launcher", platform, universal, b"3"));
        }
        files.push(artifact(
            "launcher",
            "linux-x64",
            "(Atlas) 1~2_amd64.deb",
            b"4",
        ));
        // What is one file, or the only one of its name, keeps it.
        files.push(artifact("launcher", "linux-x64", "install.sh", b"5"));
        files.push(artifact("launcher", "macos-x64", "install.sh", b"5"));
        files.push(artifact("launcher", "windows-x64", "tool.exe", b"6"));
        let assets = collect(&files, dir.path()).unwrap();
        let names: Vec<&str> = assets.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "Atlas.1.2_amd64.deb",
                "Atlas_universal.dmg",
                "install.sh",
                "tlas.App_macos-arm64.app.tar.gz",
                "tlas.App_macos-arm64.app.tar.gz.intoto.json",
                "tlas.App_macos-arm64.app.tar.gz.sig",
                "tlas.App_macos-x64.app.tar.gz",
                "tlas.App_macos-x64.app.tar.gz.intoto.json",
                "tlas.App_macos-x64.app.tar.gz.sig",
                "tool.exe",
                "SHA256SUMS",
            ]
        );
    }

    #[test]
    fn what_github_cannot_keep_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |files: &[LocalArtifact]| collect(files, dir.path()).unwrap_err().to_string();
        for (one, other) in [("same-x64", "same-x64"), ("a b_x64", "a~b_x64")] {
            let two = [
                artifact("a", "linux-x64", one, b"1"),
                artifact("a", "macos-x64", other, b"2"),
            ];
            let why = refused(&two);
            assert!(why.contains("are both called "), "{why}");
        }
        let mut file = artifact("a", "linux-x64", "ä", b"1");
        file.kind = Kind::Other;
        assert!(refused(&[file]).contains("no name for GitHub"));
        let mut sums = artifact("a", "linux-x64", SUMS_FILE, b"1");
        sums.kind = Kind::Other;
        assert!(refused(&[sums]).contains("both called SHA256SUMS"));
        let mut large = artifact("a", "linux-x64", "a", b"1");
        large.size = LARGEST;
        assert!(refused(&[large]).contains("takes less than 2147483648"));
        let many = (0..MOST).map(|n| artifact("a", "linux-x64", &format!("f{n}"), b"1"));
        let many: Vec<LocalArtifact> = many.collect();
        assert!(refused(&many).contains("1001 files"));
    }
}
