//! Staging: what was built becomes a platform's folder, all at once.

use super::{
    DistError, FORMAT, RECEIPT_FILE, RELEASE_FILE, RecordedArtifact, RecordedToolchain,
    ReleaseRecord, SUMS_FILE, Staged, load_platform,
};
use crate::artifacts::digest_file;
use crate::build::{Built, environment};
use crate::context::World;
use crate::plan::Plan;
use crate::toolchain::Toolchain;
use release_types::{Kind, ManifestRow, Sha256Digest};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Beginnings of the names of what is under way.
const STAGING: &str = ".staging-";
const REPLACED: &str = ".replaced-";
const WRITING: &str = ".writing-";

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
    sweep(parent).map_err(write(parent))?;
    let aside = tempfile::Builder::new()
        .prefix(STAGING)
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
            inspection: Some(product.inspection.clone()),
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
    // It tells of bytes that may be gone in a moment.
    let receipt = parent.join(RECEIPT_FILE);
    if receipt.exists() {
        std::fs::remove_file(&receipt).map_err(write(&receipt))?;
    }
    replace_dir(aside, &plan.staging, world).map_err(write(&plan.staging))?;
    load_platform(&plan.staging)
}

/// Removes what a run that was killed has left half-done; `dist/` is locked, so it is nobody's.
fn sweep(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if ![STAGING, REPLACED, WRITING]
            .iter()
            .any(|start| name.starts_with(start))
        {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn record(
    plan: &Plan,
    built: &Built,
    toolchain: &Toolchain,
    artifacts: Vec<RecordedArtifact>,
) -> ReleaseRecord {
    let environment = environment(plan, toolchain).into_iter();
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
            .map(|(name, value)| (name.to_owned(), value.to_string_lossy().into_owned()))
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
    let mut file = tempfile::Builder::new().prefix(WRITING).tempfile_in(dir)?;
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
        let old = target.with_file_name(format!("{REPLACED}{stamp}"));
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
