//! Reading `dist/`: from folders to files that may be published, with everything that is written
//! about them compared.

use super::platforms::{is_release, platform_dirs, sub_dirs};
use super::{DistError, FORMAT, OLDEST_FORMAT, RELEASE_FILE, ReleaseRecord, SUMS_FILE, Staged};
use crate::artifacts::{DOCUMENT_LIMIT, digest_file, from_manifest_of, read_text};
use crate::plan::release_dir;
use release_types::{FileName, Kind, ProductName, Sha256Digest, Tag};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of a release: the one that the tag names, or the only one there is.
///
/// # Errors
/// When the folder cannot be read, or without a tag there is not exactly one.
pub fn find(dist_dir: &Path, tag: Option<&Tag>) -> Result<PathBuf, DistError> {
    if let Some(tag) = tag {
        return Ok(release_dir(dist_dir, tag));
    }
    let mut found = Vec::new();
    if dist_dir.is_dir() {
        for dir in sub_dirs(dist_dir)? {
            if is_release(&dir)? {
                found.push(dir);
            }
        }
    }
    if let [one] = &found[..] {
        return Ok(one.clone());
    }
    let names = found.iter().filter_map(|dir| dir.file_name());
    Err(DistError::WhichRelease {
        dir: dist_dir.to_owned(),
        found: names
            .map(|name| name.to_string_lossy().into_owned())
            .collect(),
    })
}

/// Finds a release and reads it; its `release.json` has to be about the tag that was named.
///
/// # Errors
/// As [`find`] and [`load`], and when the folder is that of another release.
pub fn open(dist_dir: &Path, tag: Option<&Tag>) -> Result<(PathBuf, Vec<Staged>), DistError> {
    let dir = find(dist_dir, tag)?;
    let staged = load(&dir)?;
    let Some(tag) = tag else {
        return Ok((dir, staged));
    };
    let record = &staged[0].record;
    if (&record.group, &record.version) == (&tag.group, &tag.version) {
        return Ok((dir, staged));
    }
    Err(DistError::Disagree {
        why: format!("it holds {}-v{}, not {tag}", record.group, record.version),
        dir,
    })
}

/// The folders of a release's platforms, of which there is at least one.
///
/// # Errors
/// When there is none, one of them has no record, or the folder cannot be read.
pub fn platforms_of(release_dir: &Path) -> Result<Vec<PathBuf>, DistError> {
    let dirs = match release_dir.is_dir() {
        true => platform_dirs(release_dir)?,
        false => Vec::new(),
    };
    match dirs.is_empty() {
        true => Err(DistError::NoRelease {
            dir: release_dir.to_owned(),
        }),
        false => Ok(dirs),
    }
}

/// Reads every platform of a release.
///
/// # Errors
/// When there is none, one cannot be read, or the files of one contradict one another.
pub fn load(release_dir: &Path) -> Result<Vec<Staged>, DistError> {
    let staged: Vec<Staged> = platforms_of(release_dir)?
        .iter()
        .map(|dir| load_platform(dir))
        .collect::<Result<_, _>>()?;
    agree(
        release_dir,
        &staged.iter().map(|one| &one.record).collect::<Vec<_>>(),
    )?;
    Ok(staged)
}

/// Makes sure that records are of one tag, channel and commit.
///
/// # Errors
/// Which two are not.
pub(super) fn agree(dir: &Path, records: &[&ReleaseRecord]) -> Result<(), DistError> {
    let facts = |r: &ReleaseRecord| {
        (
            r.group.clone(),
            r.version.clone(),
            r.channel,
            r.commit.clone(),
        )
    };
    let Some((first, others)) = records.split_first() else {
        return Ok(());
    };
    match others.iter().find(|other| facts(other) != facts(first)) {
        None => Ok(()),
        Some(other) => Err(DistError::Disagree {
            dir: dir.to_owned(),
            why: format!(
                "{} and {} are of different releases (tag, channel or commit)",
                first.platform, other.platform
            ),
        }),
    }
}

/// Reads one platform's folder and checks that manifests, files, `release.json` and `SHA256SUMS`
/// agree.
///
/// # Errors
/// When one cannot be read, or they do not agree.
pub fn load_platform(dir: &Path) -> Result<Staged, DistError> {
    load_files(dir, |_| true)
}

/// The same but for signatures, which may be missing or belong to other bytes: what is to be signed.
///
/// # Errors
/// As [`load_platform`].
pub fn load_unsigned(dir: &Path) -> Result<Staged, DistError> {
    load_files(dir, |kind| kind != Kind::Signature)
}

fn load_files(dir: &Path, wanted: impl Fn(Kind) -> bool) -> Result<Staged, DistError> {
    let record = read_record(dir)?;
    let disagree = |why: String| DistError::Disagree {
        dir: dir.to_owned(),
        why,
    };
    if record.artifacts.is_empty() {
        return Err(disagree(format!("{RELEASE_FILE} names no files")));
    }
    let mut products: Vec<&ProductName> = record.artifacts.iter().map(|a| &a.product).collect();
    products.dedup();
    let mut artifacts = Vec::new();
    for product in products {
        let manifest = dir.join(format!("{product}.manifest"));
        let of = (product, &record.version);
        artifacts.extend(from_manifest_of(&manifest, dir, of, &wanted)?);
    }
    for artifact in &artifacts {
        let name = &artifact.filename;
        let recorded = record
            .artifacts
            .iter()
            .find(|r| r.product == artifact.product && r.filename == artifact.filename)
            .ok_or_else(|| {
                disagree(format!(
                    "{name} stands in a manifest and not in {RELEASE_FILE}"
                ))
            })?;
        if artifact.platform != record.platform {
            return Err(disagree(format!(
                "{name} is for {} by its manifest, and {RELEASE_FILE} is for {}",
                artifact.platform, record.platform
            )));
        }
        if (recorded.sha256, recorded.size) != (artifact.sha256, artifact.size) {
            return Err(disagree(format!(
                "{name} has sha256 {} in {} bytes, and {RELEASE_FILE} says {} in {}",
                artifact.sha256, artifact.size, recorded.sha256, recorded.size
            )));
        }
        if recorded.kind != artifact.kind {
            return Err(disagree(format!(
                "{name} is of kind {} by its manifest, and {RELEASE_FILE} says {}",
                artifact.kind, recorded.kind
            )));
        }
    }
    let recorded = record.artifacts.iter().filter(|r| wanted(r.kind));
    if let Some(missing) = recorded.into_iter().find(|r| {
        !artifacts
            .iter()
            .any(|a| a.product == r.product && a.filename == r.filename)
    }) {
        return Err(disagree(format!(
            "{} stands in {RELEASE_FILE} and in no manifest",
            missing.filename
        )));
    }
    check_sums(dir, &record, &wanted)?;
    Ok(Staged {
        dir: dir.to_owned(),
        record,
        artifacts,
    })
}

fn read_record(dir: &Path) -> Result<ReleaseRecord, DistError> {
    read_record_file(&dir.join(RELEASE_FILE))
}

/// Reads a `release.json`, wherever it lies, and checks that it does not contradict itself.
///
/// # Errors
/// When it cannot be read or understood.
pub fn read_record_file(path: &Path) -> Result<ReleaseRecord, DistError> {
    let path = path.to_owned();
    let text = read_text(&path, DOCUMENT_LIMIT).map_err(|source| DistError::Read {
        path: path.clone(),
        source,
    })?;
    let fault = |why: String| DistError::Record {
        path: path.clone(),
        why,
    };
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| fault(format!("not JSON: {error}")))?;
    let format = value["format"].as_u64();
    if !format.is_some_and(|n| (OLDEST_FORMAT.into()..=FORMAT.into()).contains(&n)) {
        return Err(fault(format!(
            "its format is {}, and this atlas-release reads {OLDEST_FORMAT} to {FORMAT}",
            value["format"]
        )));
    }
    let record: ReleaseRecord =
        serde_json::from_value(value).map_err(|error| fault(error.to_string()))?;
    match record.contradiction() {
        Some(why) => Err(fault(why)),
        None => Ok(record),
    }
}

/// Checks every line of `SHA256SUMS`, and that no file is without one.
fn check_sums(
    dir: &Path,
    record: &ReleaseRecord,
    wanted: impl Fn(Kind) -> bool,
) -> Result<(), DistError> {
    let read = |path: &Path| {
        let path = path.to_owned();
        move |source| DistError::Read { path, source }
    };
    let disagree = |why: String| DistError::Disagree {
        dir: dir.to_owned(),
        why,
    };
    let listed = read_sums(dir)?;
    let names = record.artifacts.iter().filter(|a| wanted(a.kind));
    let names = names.map(|a| a.filename.as_str());
    if let Some(missing) = names
        .chain([RELEASE_FILE])
        .find(|&name| !listed.contains_key(name))
    {
        return Err(disagree(format!("{SUMS_FILE} has no line for {missing}")));
    }
    for (name, sum) in listed {
        // Programs have been read and compared with the record already.
        let known = record
            .artifacts
            .iter()
            .find(|a| a.filename.as_str() == name);
        let found = match known {
            Some(artifact) if !wanted(artifact.kind) => continue,
            Some(artifact) => artifact.sha256,
            None => {
                let file = dir.join(&name);
                digest_file(&file).map_err(read(&file))?.1
            }
        };
        if found != sum {
            return Err(disagree(format!(
                "{name} has sha256 {found}, and {SUMS_FILE} says {sum}"
            )));
        }
    }
    Ok(())
}

/// The lines of `SHA256SUMS`.
pub(super) fn read_sums(dir: &Path) -> Result<BTreeMap<String, Sha256Digest>, DistError> {
    let path = dir.join(SUMS_FILE);
    let text = read_text(&path, DOCUMENT_LIMIT).map_err(|source| DistError::Read {
        path: path.clone(),
        source,
    })?;
    let mut listed = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let parsed = line.split_once("  ").and_then(|(sum, name)| {
            let name: FileName = name.parse().ok()?;
            Some((name.to_string(), sum.parse::<Sha256Digest>().ok()?))
        });
        let Some((name, sum)) = parsed else {
            return Err(DistError::Record {
                path,
                why: format!(
                    "line {}: expected a digest, two spaces and a file name",
                    index + 1
                ),
            });
        };
        listed.insert(name, sum);
    }
    Ok(listed)
}
