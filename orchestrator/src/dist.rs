//! `dist/`: what a build leaves behind, complete enough that every later stage can run from it on
//! another machine.
//!
//! A platform's folder appears at once, by a rename, with its files, a manifest for each product,
//! `release.json` and `SHA256SUMS`. Reading it back checks that all of them agree.

use crate::artifacts::{ArtifactError, LocalArtifact, digest_file, from_manifest};
use crate::build::Built;
use crate::context::World;
use crate::plan::Plan;
use crate::toolchain::Toolchain;
use release_types::{Channel, FileName, Kind, ManifestRow, Platform, ProductName, Sha256Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The name of the document that describes a platform's folder.
pub const RELEASE_FILE: &str = "release.json";

/// The name of the list of digests, in the form that `sha256sum --check` reads.
pub const SUMS_FILE: &str = "SHA256SUMS";

/// The version of `release.json`'s form.
const FORMAT: u32 = 1;

/// All that is known of one platform's build: `release.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// The version of this document's form.
    pub format: u32,
    /// The tag.
    pub tag: String,
    /// The group.
    pub group: String,
    /// The version.
    pub version: semver::Version,
    /// The channel it was built for.
    pub channel: Channel,
    /// The commit.
    pub commit: String,
    /// Files that differed from the commit.
    pub dirty: Vec<String>,
    /// The target triple.
    pub target: String,
    /// The platform.
    pub platform: Platform,
    /// The programs.
    pub artifacts: Vec<RecordedArtifact>,
    /// What built them.
    pub toolchain: RecordedToolchain,
    /// The cargo command.
    pub command: Vec<String>,
    /// Flags the shim added for the target.
    pub rustc_flags: Vec<String>,
    /// What the build's environment got over the allow-list.
    pub environment: BTreeMap<String, String>,
    /// When cargo was started.
    pub started_at: jiff::Timestamp,
    /// When the build was finished and checked.
    pub finished_at: jiff::Timestamp,
}

/// One file of a [`ReleaseRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedArtifact {
    /// The product.
    pub product: ProductName,
    /// The cargo package.
    pub package: String,
    /// The binary target.
    pub bin: String,
    /// Its name.
    pub filename: FileName,
    /// What it is for.
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// The tools of a [`ReleaseRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedToolchain {
    /// What `rustc -vV` printed.
    pub rustc: String,
    /// The linker that was asked for, when it was not rustc's own choice.
    pub linker: Option<String>,
    /// sccache's version, when it was used.
    pub sccache: Option<String>,
    /// The name of the shim's policy.
    pub policy: String,
}

/// Why `dist/` cannot be written or used.
#[derive(Debug, thiserror::Error)]
pub enum DistError {
    /// A file or folder could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such release in `dist/`.
    #[error("there is no release at {}", dir.display())]
    NoRelease {
        /// The folder that was looked for.
        dir: PathBuf,
    },
    /// No release was named, and `dist/` does not hold exactly one.
    #[error("no release was named, and {} holds {}", dir.display(), if found.is_empty() { "none".to_owned() } else { found.join(", ") })]
    WhichRelease {
        /// The folder.
        dir: PathBuf,
        /// What it holds.
        found: Vec<String>,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `release.json` is not understood.
    #[error("{}: {why}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The files of a folder contradict one another.
    #[error("{}: {why}", dir.display())]
    Disagree {
        /// The folder.
        dir: PathBuf,
        /// Which, and about what.
        why: String,
    },
    /// A manifest or one of its files cannot be used.
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
}

/// A platform's folder, read and checked.
#[derive(Debug, Clone)]
pub struct Staged {
    /// The folder.
    pub dir: PathBuf,
    /// Its `release.json`.
    pub record: ReleaseRecord,
    /// The files its manifests name.
    pub artifacts: Vec<LocalArtifact>,
}

/// Stages what was built into the plan's folder, replacing an earlier build of the same platform.
///
/// # Errors
/// When something cannot be written; nothing half-written stays behind.
pub fn stage(
    world: &World,
    plan: &Plan,
    built: &Built,
    toolchain: &Toolchain,
) -> Result<Staged, DistError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| DistError::Write { path, source }
    };
    let parent = plan.staging.parent().unwrap_or(&plan.root);
    std::fs::create_dir_all(parent).map_err(write(parent))?;
    let aside = tempfile::Builder::new()
        .prefix(".staging-")
        .tempdir_in(parent)
        .map_err(write(parent))?;
    let dir = aside.path();
    let mut artifacts = Vec::new();
    let mut sums = BTreeMap::new();
    for product in &built.products {
        let planned = &product.planned;
        let path = dir.join(planned.filename.as_str());
        copy_program(&product.executable, &path).map_err(write(&path))?;
        let (size, sha256) = digest_file(&path).map_err(write(&path))?;
        let row = ManifestRow {
            line: 0,
            path: planned.filename.to_string(),
            platform: plan.platform,
            kind: Kind::Binary,
            filename: planned.filename.clone(),
        };
        let manifest = dir.join(&planned.manifest);
        let text = format!("{}\n", row.to_line());
        write_file(&manifest, text.as_bytes()).map_err(write(&manifest))?;
        sums.insert(planned.filename.to_string(), sha256);
        artifacts.push(RecordedArtifact {
            product: planned.product.clone(),
            package: planned.package.clone(),
            bin: planned.bin.clone(),
            filename: planned.filename.clone(),
            kind: Kind::Binary,
            size,
            sha256,
        });
    }
    let record = record(plan, built, toolchain, artifacts);
    let path = dir.join(RELEASE_FILE);
    let json = serde_json::to_vec_pretty(&record).map_err(|e| DistError::Write {
        path: path.clone(),
        source: e.into(),
    })?;
    write_file(&path, &json).map_err(write(&path))?;
    sums.insert(RELEASE_FILE.to_owned(), Sha256Digest::of(&json));
    let path = dir.join(SUMS_FILE);
    let text: String = sums
        .iter()
        .map(|(name, sha256)| format!("{sha256}  {name}\n"))
        .collect();
    write_file(&path, text.as_bytes()).map_err(write(&path))?;
    replace_dir(aside, &plan.staging, world).map_err(write(&plan.staging))?;
    load_platform(&plan.staging)
}

fn record(
    plan: &Plan,
    built: &Built,
    toolchain: &Toolchain,
    artifacts: Vec<RecordedArtifact>,
) -> ReleaseRecord {
    let environment = plan.environment.iter();
    ReleaseRecord {
        format: FORMAT,
        tag: plan.tag.clone(),
        group: plan.group.clone(),
        version: plan.version.clone(),
        channel: plan.channel,
        commit: plan.commit.clone(),
        dirty: plan.dirty.clone(),
        target: plan.target.to_owned(),
        platform: plan.platform,
        artifacts,
        toolchain: RecordedToolchain {
            rustc: toolchain.rustc.verbose_version.clone(),
            linker: toolchain.mold.clone(),
            sccache: toolchain.sccache.as_ref().map(|s| s.version().to_owned()),
            policy: toolchain.policy.digest(),
        },
        command: plan.command.clone(),
        rustc_flags: plan.rustc_flags.clone(),
        environment: environment
            .map(|(k, v)| ((*k).to_owned(), v.clone()))
            .collect(),
        started_at: built.started_at,
        finished_at: built.finished_at,
    }
}

fn copy_program(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = std::fs::File::open(from)?;
    let mut target = std::fs::File::create_new(to)?;
    io::copy(&mut source, &mut target)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        target.set_permissions(std::fs::Permissions::from_mode(0o755))?;
    }
    target.sync_all()
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Writes a file so that it is either the old one or the new one, never a part.
///
/// # Errors
/// What the system says.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".writing-")
        .tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file()
            .set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path)?;
    Ok(())
}

/// Puts a finished folder where it belongs, in place of an older one.
fn replace_dir(aside: tempfile::TempDir, target: &Path, world: &World) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(aside.path(), std::fs::Permissions::from_mode(0o755))?;
    }
    if target.exists() {
        let stamp = (world.now)().as_nanosecond();
        let old = target.with_file_name(format!(".replaced-{stamp}"));
        std::fs::rename(target, &old)?;
        if let Err(error) = std::fs::rename(aside.path(), target) {
            std::fs::rename(&old, target)?;
            return Err(error);
        }
        std::fs::remove_dir_all(&old)?;
    } else {
        std::fs::rename(aside.path(), target)?;
    }
    // The folder has another name now; there is nothing left to remove under the old one.
    let _moved: PathBuf = aside.keep();
    Ok(())
}

/// The releases in `dist/` that have at least one platform's folder.
///
/// # Errors
/// When the folder cannot be read.
pub fn releases(dist_dir: &Path) -> Result<Vec<PathBuf>, DistError> {
    let mut found = Vec::new();
    for dir in sub_dirs(dist_dir)? {
        if !platform_dirs(&dir)?.is_empty() {
            found.push(dir);
        }
    }
    Ok(found)
}

/// Reads every platform of a release.
///
/// # Errors
/// When there is none, one cannot be read, or the files of one contradict one another.
pub fn load(release_dir: &Path) -> Result<Vec<Staged>, DistError> {
    let dirs = if release_dir.is_dir() {
        platform_dirs(release_dir)?
    } else {
        Vec::new()
    };
    if dirs.is_empty() {
        return Err(DistError::NoRelease {
            dir: release_dir.to_owned(),
        });
    }
    let staged: Vec<Staged> = dirs
        .iter()
        .map(|dir| load_platform(dir))
        .collect::<Result<_, _>>()?;
    for other in &staged[1..] {
        let (a, b) = (&staged[0].record, &other.record);
        let facts = |r: &ReleaseRecord| {
            (
                r.group.clone(),
                r.version.clone(),
                r.channel,
                r.commit.clone(),
            )
        };
        if facts(a) != facts(b) {
            return Err(DistError::Disagree {
                dir: release_dir.to_owned(),
                why: format!(
                    "{} and {} are of different releases (tag, channel or commit)",
                    a.platform, b.platform
                ),
            });
        }
    }
    Ok(staged)
}

fn sub_dirs(dir: &Path) -> Result<Vec<PathBuf>, DistError> {
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

fn platform_dirs(release_dir: &Path) -> Result<Vec<PathBuf>, DistError> {
    let mut dirs = sub_dirs(release_dir)?;
    dirs.retain(|dir| dir.join(RELEASE_FILE).is_file());
    Ok(dirs)
}

/// Reads one platform's folder and checks that manifests, files, `release.json` and `SHA256SUMS`
/// agree.
///
/// # Errors
/// When one cannot be read, or they do not agree.
pub fn load_platform(dir: &Path) -> Result<Staged, DistError> {
    let record = read_record(dir)?;
    let disagree = |why: String| DistError::Disagree {
        dir: dir.to_owned(),
        why,
    };
    let mut products: Vec<&ProductName> = record.artifacts.iter().map(|a| &a.product).collect();
    products.dedup();
    let mut artifacts = Vec::new();
    for product in products {
        let manifest = dir.join(format!("{product}.manifest"));
        artifacts.extend(from_manifest(&manifest, dir, product, &record.version)?);
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
        if (recorded.sha256, recorded.kind) != (artifact.sha256, artifact.kind) {
            return Err(disagree(format!(
                "{name} has sha256 {} and kind {}, and {RELEASE_FILE} says {} and {}",
                artifact.sha256, artifact.kind, recorded.sha256, recorded.kind
            )));
        }
    }
    if let Some(missing) = record.artifacts.iter().find(|r| {
        !artifacts
            .iter()
            .any(|a| a.product == r.product && a.filename == r.filename)
    }) {
        return Err(disagree(format!(
            "{} stands in {RELEASE_FILE} and in no manifest",
            missing.filename
        )));
    }
    check_sums(dir)?;
    Ok(Staged {
        dir: dir.to_owned(),
        record,
        artifacts,
    })
}

fn read_record(dir: &Path) -> Result<ReleaseRecord, DistError> {
    let path = dir.join(RELEASE_FILE);
    let text = std::fs::read_to_string(&path).map_err(|source| DistError::Read {
        path: path.clone(),
        source,
    })?;
    let fault = |why: String| DistError::Record {
        path: path.clone(),
        why,
    };
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| fault(format!("not JSON: {error}")))?;
    if value["format"] != FORMAT {
        return Err(fault(format!(
            "its format is {}, and this atlas-release reads {FORMAT}",
            value["format"]
        )));
    }
    serde_json::from_value(value).map_err(|error| fault(error.to_string()))
}

fn check_sums(dir: &Path) -> Result<(), DistError> {
    let path = dir.join(SUMS_FILE);
    let read = |path: &Path| {
        let path = path.to_owned();
        move |source| DistError::Read { path, source }
    };
    let text = std::fs::read_to_string(&path).map_err(read(&path))?;
    for (index, line) in text.lines().enumerate() {
        let parsed = line.split_once("  ").and_then(|(sum, name)| {
            Some((
                sum.parse::<Sha256Digest>().ok()?,
                name.parse::<FileName>().ok()?,
            ))
        });
        let Some((sum, name)) = parsed else {
            return Err(DistError::Record {
                path,
                why: format!(
                    "line {}: expected a digest, two spaces and a file name",
                    index + 1
                ),
            });
        };
        let file = dir.join(name.as_str());
        let (_, found) = digest_file(&file).map_err(read(&file))?;
        if found != sum {
            return Err(DistError::Disagree {
                dir: dir.to_owned(),
                why: format!("{name} has sha256 {found}, and {SUMS_FILE} says {sum}"),
            });
        }
    }
    Ok(())
}
