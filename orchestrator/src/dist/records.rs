//! Finding a release by whatever a person calls it, and reading what was recorded of it without the
//! files themselves.

use super::platforms::{is_release, platform_dirs, sub_dirs};
use super::read::agree;
use super::{DistError, RELEASE_FILE, ReleaseRecord, find, read_record_file};
use crate::plan::release_dir;
use release_types::{ProductName, Tag};
use std::path::{Path, PathBuf};

/// What a release is called by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// Its tag.
    Tag(Tag),
    /// Its version, whatever its group.
    Version(semver::Version),
}

impl Named {
    /// The version that either of them names.
    pub fn version(&self) -> &semver::Version {
        match self {
            Self::Tag(tag) => &tag.version,
            Self::Version(version) => version,
        }
    }

    fn is_of(&self, record: &ReleaseRecord) -> bool {
        let group = match self {
            Self::Tag(tag) => Some(&tag.group),
            Self::Version(_) => None,
        };
        record.version == *self.version() && group.is_none_or(|group| *group == record.group)
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Version(version) => version.fmt(f),
        }
    }
}

/// The tag of the release of that name that is staged in `dist/`, if one is.
///
/// # Errors
/// When the folder cannot be read, or holds that version of several groups.
pub fn staged_as(dist_dir: &Path, name: &Named) -> Result<Option<Tag>, DistError> {
    if !dist_dir.is_dir() {
        return Ok(None);
    }
    let version = match name {
        Named::Tag(tag) => {
            return Ok(release_dir(dist_dir, tag).is_dir().then(|| tag.clone()));
        }
        Named::Version(version) => version,
    };
    let mut found = Vec::new();
    for dir in sub_dirs(dist_dir)? {
        let name = dir.file_name().and_then(|name| name.to_str());
        let group = name.and_then(|name| name.strip_suffix(&format!("-{version}")));
        // What looks like another version's pre-release is no group.
        let Some(group) = group.filter(|group| group.parse::<ProductName>().is_ok()) else {
            continue;
        };
        if is_release(&dir)? {
            found.push(Tag {
                group: group.to_owned(),
                version: version.clone(),
            });
        }
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(DistError::WhichRelease {
            dir: dist_dir.to_owned(),
            found: found.iter().map(Tag::to_string).collect(),
        }),
    }
}

/// The records below a path, all of one release, at least one: of a `release.json`, a platform's folder,
/// a release's, or a whole `dist/`, in which the name says which.
///
/// # Errors
/// When there are none, one cannot be read or names no files, or they are not of one release or not of
/// the one that is named.
pub fn records(path: &Path, name: Option<&Named>) -> Result<Vec<ReleaseRecord>, DistError> {
    let (dir, files) = record_files(path, name)?;
    let mut records = Vec::with_capacity(files.len());
    for file in files {
        let record = read_record_file(&file)?;
        if record.artifacts.is_empty() {
            let why = "it names no files".to_owned();
            return Err(DistError::Record { path: file, why });
        }
        records.push(record);
    }
    let all: Vec<&ReleaseRecord> = records.iter().collect();
    agree(&dir, &all)?;
    let first = &records[0];
    match name {
        Some(name) if !name.is_of(first) => Err(DistError::Disagree {
            dir,
            why: format!("it holds {}-v{}, not {name}", first.group, first.version),
        }),
        _ => Ok(records),
    }
}

/// The folder of a release and its records, of which there is at least one.
fn record_files(path: &Path, name: Option<&Named>) -> Result<(PathBuf, Vec<PathBuf>), DistError> {
    if path.is_file() {
        return Ok((path.to_owned(), vec![path.to_owned()]));
    }
    let file = path.join(RELEASE_FILE);
    if file.is_file() {
        return Ok((path.to_owned(), vec![file]));
    }
    let missing = |dir: &Path| DistError::NoRelease {
        dir: dir.to_owned(),
    };
    if !path.is_dir() {
        return Err(missing(path));
    }
    let mut dir = path.to_owned();
    let mut platforms = platform_dirs(&dir)?;
    if platforms.is_empty() {
        let tag = name.map(|name| staged_as(path, name)).transpose()?;
        let tag = tag
            .map(|found| found.ok_or_else(|| missing(path)))
            .transpose()?;
        dir = find(path, tag.as_ref())?;
        platforms = platform_dirs(&dir)?;
    }
    let files: Vec<PathBuf> = platforms.iter().map(|dir| dir.join(RELEASE_FILE)).collect();
    match files.is_empty() {
        true => Err(missing(&dir)),
        false => Ok((dir, files)),
    }
}
