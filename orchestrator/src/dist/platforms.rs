//! Which folders of a release are its platforms.
//!
//! A platform is known by its `release.json`. A folder that has other papers of one and not that is a
//! platform whose files have not all come, such as by a download that broke: it is never left out in
//! silence, since what is published without it is not the release.

use super::{DistError, JOURNAL_FILE, RELEASE_FILE, SUMS_FILE};
use crate::text::told;
use release_types::{Platform, ProductName};
use std::io;
use std::path::{Path, PathBuf};

/// How many papers of a folder are named at most.
const NAMED: usize = 4;

/// What a folder within a release's is.
enum Folder {
    /// One with a record.
    Platform,
    /// One that should have a record: what is wrong, and whether its papers say so, or its name alone.
    Unrecorded { why: String, papers: bool },
    /// Somebody's own.
    Other,
}

/// The folders in a folder that are not hidden, by name.
pub(super) fn sub_dirs(dir: &Path) -> Result<Vec<PathBuf>, DistError> {
    let read = |source| DistError::Read {
        path: dir.to_owned(),
        source,
    };
    let mut dirs = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.is_dir() {
            dirs.push(path);
        }
    }
    dirs.sort();
    Ok(dirs)
}

/// The folders of a release's platforms; none where it is no release's folder.
///
/// # Errors
/// When it cannot be read, or a platform's record is not there.
pub(super) fn platform_dirs(release_dir: &Path) -> Result<Vec<PathBuf>, DistError> {
    let mut platforms = Vec::new();
    let mut unrecorded = Vec::new();
    for dir in sub_dirs(release_dir)? {
        match look(&dir) {
            Folder::Platform => platforms.push(dir),
            Folder::Unrecorded { why, papers } => unrecorded.push((dir, why, papers)),
            Folder::Other => {}
        }
    }
    // Beside others, its name says enough.
    let missed = unrecorded
        .into_iter()
        .find(|(_, _, papers)| *papers || !platforms.is_empty());
    match missed {
        Some((dir, why, _)) => Err(DistError::Unrecorded { dir, why }),
        None => Ok(platforms),
    }
}

/// Whether a folder is a release's, also one that cannot be used as it is.
///
/// # Errors
/// When it cannot be read.
pub(super) fn is_release(dir: &Path) -> Result<bool, DistError> {
    let folders = sub_dirs(dir)?;
    Ok(folders.iter().any(|dir| match look(dir) {
        Folder::Platform => true,
        Folder::Unrecorded { papers, .. } => papers,
        Folder::Other => false,
    }))
}

fn look(dir: &Path) -> Folder {
    let record = dir.join(RELEASE_FILE);
    if record.is_file() {
        return Folder::Platform;
    }
    // A link that leads nowhere is there, too.
    if record.symlink_metadata().is_ok() {
        let why = format!("its {RELEASE_FILE} is no file that can be read");
        return Folder::Unrecorded { why, papers: true };
    }
    let name = dir.file_name().and_then(|name| name.to_str());
    let by_name = name.is_some_and(|name| name.parse::<Platform>().is_ok());
    let names = match names(dir) {
        Ok(names) => names,
        Err(error) if by_name => {
            let why = format!("it cannot be read ({error})");
            return Folder::Unrecorded { why, papers: false };
        }
        Err(_) => return Folder::Other,
    };
    let mut papers: Vec<&str> = names.iter().map(String::as_str).collect();
    papers.retain(|name| is_paper(name));
    if papers.is_empty() {
        let holds = match names.is_empty() {
            true => "is empty",
            false => "is named like a platform's",
        };
        let why = format!("it {holds} and has no {RELEASE_FILE}");
        return match by_name {
            true => Folder::Unrecorded { why, papers: false },
            false => Folder::Other,
        };
    }
    let more = match papers.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    papers.truncate(NAMED);
    let why = format!("it has {}{more} and no {RELEASE_FILE}", papers.join(", "));
    Folder::Unrecorded {
        why: told(&why),
        papers: true,
    }
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Whether nothing but a platform's folder has a file of this name.
fn is_paper(name: &str) -> bool {
    // Others have manifests too, such as `app.exe.manifest` for Windows: no product is called so.
    let of_product = |name: &str| name.parse::<ProductName>().is_ok();
    let manifest = name.strip_suffix(".manifest");
    name == SUMS_FILE || name == JOURNAL_FILE || manifest.is_some_and(of_product)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_folder_that_should_be_a_platforms_is_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let make = |path: &str, files: &[&str]| {
            let at = dir.path().join(path);
            fs::create_dir_all(&at).unwrap();
            for file in files {
                fs::write(at.join(file), "").unwrap();
            }
            at
        };
        let missed = |release: &str| {
            let error = platform_dirs(&dir.path().join(release)).unwrap_err();
            let DistError::Unrecorded { dir, why } = error else {
                panic!("{error}");
            };
            let name = dir.file_name().unwrap().to_string_lossy().into_owned();
            (name, why)
        };
        // Of other things, nothing is said.
        make("other/notes", &["a.txt"]);
        make("other/linux-x64", &["program"]);
        assert!(platform_dirs(&dir.path().join("other")).unwrap().is_empty());
        assert!(!is_release(&dir.path().join("other")).unwrap());
        // Beside a platform, a name is enough, whatever is in it.
        make("one/linux-x64", &[RELEASE_FILE]);
        make("one/notes", &["a.txt"]);
        assert_eq!(platform_dirs(&dir.path().join("one")).unwrap().len(), 1);
        for (files, why) in [
            (&[][..], "it is empty and has no release.json"),
            (
                &["program"],
                "it is named like a platform's and has no release.json",
            ),
            (
                &["SHA256SUMS", "a.manifest"],
                "it has SHA256SUMS, a.manifest and no release.json",
            ),
        ] {
            make("one/macos-arm64", files);
            assert_eq!(missed("one"), ("macos-arm64".to_owned(), why.to_owned()));
        }
        // Papers are enough, whatever the name.
        for paper in [SUMS_FILE, JOURNAL_FILE, "a.manifest"] {
            let at = make(&format!("of-{paper}/anything"), &[paper]);
            assert!(
                missed(&format!("of-{paper}"))
                    .1
                    .starts_with(&format!("it has {paper} and"))
            );
            assert!(is_release(at.parent().unwrap()).unwrap());
        }
        make("folder/linux-x64/release.json", &[]);
        assert!(
            missed("folder")
                .1
                .starts_with("its release.json is no file")
        );
    }
}
