//! Staging: what was built becomes a platform's folder, all at once.

use super::aside;
use super::carry::signatures_of;
use super::{
    DistError, FORMAT, JOURNAL_FILE, RECEIPT_FILE, RELEASE_FILE, RecordedArtifact,
    RecordedToolchain, ReleaseRecord, SUMS_FILE, Staged, load_platform, read_record_file,
};
use crate::artifacts::digest_file;
use crate::build::{Built, environment};
use crate::code_sign::CodeSigned;
use crate::documents::{self, is_about_a_run};
use crate::installers::Made;
use crate::plan::Plan;
use crate::system;
use release_types::{Kind, ManifestRow, Platform, Sha256Digest};
use signatures::PublicKey;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Stages what was built, with the installers made of it and the documents about it, into the plan's folder, in the place of an
/// earlier build of the same platform, which can still be put back. Programs that were code-signed are
/// taken in the place of those that cargo has made; what these were is recorded.
///
/// # Errors
/// When something cannot be written; nothing half-written stays behind.
pub fn stage(
    plan: &Plan,
    built: &Built,
    (installers, documents): (&Made, &documents::Made),
    code_signed: Option<&CodeSigned>,
) -> Result<(Staged, Earlier), DistError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| DistError::Write { path, source }
    };
    let parent = plan.staging.parent().unwrap_or(&plan.root);
    std::fs::create_dir_all(parent).map_err(write(parent))?;
    aside::sweep(parent).map_err(write(parent))?;
    let aside = aside::staging(parent).map_err(write(parent))?;
    let dir = aside.path();
    let mut artifacts = Vec::new();
    let mut sums = BTreeMap::new();
    for (index, product) in built.products.iter().enumerate() {
        let signed = code_signed.and_then(|signed| signed.files.get(index));
        let (program, before_signing) = match signed {
            Some((path, before)) => (path, Some(*before)),
            None => (&product.executable, None),
        };
        let planned = &product.planned;
        let path = dir.join(planned.filename.as_str());
        copy_file(program, &path, 0o755).map_err(write(&path))?;
        let (size, sha256) = digest_file(&path).map_err(write(&path))?;
        let program = RecordedArtifact {
            product: planned.product.clone(),
            package: planned.package.clone(),
            bin: planned.bin.clone(),
            filename: planned.filename.clone(),
            kind: Kind::Binary,
            size,
            sha256,
            before_signing,
            inspection: Some(product.inspection.clone()),
        };
        let mut files = vec![program];
        for (filename, from) in installers.of(&planned.product) {
            let path = dir.join(filename.as_str());
            copy_file(from, &path, 0o644).map_err(write(&path))?;
            let (size, sha256) = digest_file(&path).map_err(write(&path))?;
            files.push(RecordedArtifact {
                filename: filename.clone(),
                kind: Kind::Installer,
                size,
                sha256,
                before_signing: None,
                inspection: None,
                ..files[0].clone()
            });
        }
        for (filename, bytes) in documents.of(&planned.product) {
            let path = dir.join(filename.as_str());
            write_file(&path, bytes).map_err(write(&path))?;
            files.push(RecordedArtifact {
                filename: filename.clone(),
                kind: Kind::Other,
                size: bytes.len() as u64,
                sha256: Sha256Digest::of(bytes),
                before_signing: None,
                inspection: None,
                ..files[0].clone()
            });
        }
        let mut text = String::new();
        for file in files {
            let signatures = signatures_of(&file, &plan.staging);
            for artifact in std::iter::once(file).chain(signatures) {
                let name = &artifact.filename;
                if artifact.kind == Kind::Signature {
                    let path = dir.join(name.as_str());
                    let signature = plan.staging.join(name.as_str());
                    std::fs::copy(signature, &path).map_err(write(&path))?;
                }
                text += &row(&artifact, plan.platform).to_line();
                text.push('\n');
                sums.insert(name.to_string(), artifact.sha256);
                artifacts.push(artifact);
            }
        }
        let manifest = dir.join(&planned.manifest);
        write_file(&manifest, text.as_bytes()).map_err(write(&manifest))?;
    }
    let mut record = record(plan, built, artifacts);
    record.code_signing = code_signed.map(|signed| signed.signing.clone());
    let path = dir.join(RELEASE_FILE);
    let json = serde_json::to_vec_pretty(&record).map_err(|e| DistError::Write {
        path: path.clone(),
        source: e.into(),
    })?;
    write_file(&path, &json).map_err(write(&path))?;
    sums.insert(RELEASE_FILE.to_owned(), Sha256Digest::of(&json));
    let path = dir.join(SUMS_FILE);
    write_file(&path, sums_text(&sums).as_bytes()).map_err(write(&path))?;
    let earlier = Earlier::put_aside(&plan.staging, parent).map_err(write(&plan.staging))?;
    let staged = publish_dir(aside, &plan.staging)
        .map_err(write(&plan.staging))
        .and_then(|()| load_platform(&plan.staging))
        // The last step: without the receipt the earlier build cannot be put back whole.
        .and_then(|staged| {
            let kept = earlier.keep_papers(&record).map_err(write(parent));
            kept.map(|()| staged)
        });
    match staged {
        Ok(staged) => Ok((staged, earlier)),
        Err(error) => {
            earlier.take_back().map_err(write(&plan.staging))?;
            Err(error)
        }
    }
}

/// What an earlier build left in the place of this one, with the receipt that tells of it. It is
/// removed when this is dropped, unless it is put back.
#[derive(Debug)]
pub struct Earlier {
    target: PathBuf,
    aside: Option<tempfile::TempDir>,
}

impl Earlier {
    pub(super) fn put_aside(target: &Path, parent: &Path) -> io::Result<Self> {
        let mut earlier = Self {
            target: target.to_owned(),
            aside: None,
        };
        if target.exists() {
            if !target.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            let aside = aside::replaced(parent)?;
            // The folder last: what is put aside goes with `aside` when a step fails.
            let receipt = parent.join(RECEIPT_FILE);
            if receipt.exists() {
                std::fs::rename(&receipt, aside.path().join(RECEIPT_FILE))?;
            }
            std::fs::rename(target, aside.path().join(aside::name(target)))?;
            earlier.aside = Some(aside);
        }
        Ok(earlier)
    }

    /// Leaves the receipt and the journal where they were when this build has the earlier one's bytes:
    /// what they say of them is still so, and nobody else says what they were published from.
    pub(super) fn keep_papers(&self, record: &ReleaseRecord) -> io::Result<()> {
        let Some(aside) = &self.aside else {
            return Ok(());
        };
        let receipt = aside.path().join(RECEIPT_FILE);
        let folder = aside.path().join(aside::name(&self.target));
        let before = read_record_file(&folder.join(RELEASE_FILE)).ok();
        let files = |record: &ReleaseRecord| -> Vec<_> {
            // What tells of a run tells of the same bytes, whichever run it was.
            let files = record.artifacts.iter();
            files
                .filter(|file| !is_about_a_run(file.filename.as_str()))
                .map(|file| (file.product.clone(), file.filename.clone(), file.sha256))
                .collect()
        };
        if before.is_none_or(|before| files(&before) != files(record)) {
            return Ok(());
        }
        // The earlier folder keeps its own, in case it is put back. What is no journal is not taken along.
        let journal = folder.join(JOURNAL_FILE);
        if journal.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            std::fs::copy(journal, self.target.join(JOURNAL_FILE))?;
        }
        if receipt.exists() {
            std::fs::rename(receipt, self.target.with_file_name(RECEIPT_FILE))?;
        }
        Ok(())
    }

    /// Undoes a staging that has failed: the earlier build is where it was, or nothing is.
    pub(super) fn take_back(self) -> io::Result<()> {
        let target = self.target.clone();
        if !self.restore()? && target.exists() {
            std::fs::remove_dir_all(target)?;
        }
        Ok(())
    }

    /// Puts the earlier build back in the place of this one: what is published stays at hand when
    /// what was built now is refused. Whether there was one.
    ///
    /// # Errors
    /// What the system says. Both builds are kept then, this one in its place if there is a way.
    pub fn restore(self) -> io::Result<bool> {
        let Some(aside) = self.aside else {
            return Ok(false);
        };
        let put_back = || {
            let parent = self.target.parent().unwrap_or(&self.target);
            // Nothing is removed before the earlier one is in its place.
            let refused = aside::staging(parent)?;
            let now = refused.path().join(aside::name(&self.target));
            let is_there = self.target.exists();
            if is_there {
                std::fs::rename(&self.target, &now)?;
            }
            let before = aside.path().join(aside::name(&self.target));
            if let Err(error) = std::fs::rename(before, &self.target) {
                if is_there && std::fs::rename(&now, &self.target).is_err() {
                    let _kept: PathBuf = refused.keep();
                }
                return Err(error);
            }
            let receipt = aside.path().join(RECEIPT_FILE);
            if receipt.exists() {
                std::fs::rename(receipt, self.target.with_file_name(RECEIPT_FILE))?;
            }
            Ok(true)
        };
        let outcome = put_back();
        if outcome.is_err() {
            let _kept: PathBuf = aside.keep();
        }
        outcome
    }
}

fn record(plan: &Plan, built: &Built, artifacts: Vec<RecordedArtifact>) -> ReleaseRecord {
    let toolchain = &built.toolchain;
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
            linker: toolchain.mold.clone().or(toolchain.lld_link.clone()),
            sccache: toolchain.sccache.as_ref().map(|s| s.version().to_owned()),
            cache: built.cache.clone(),
            policy: toolchain.policy.digest(),
        },
        command: plan.command.clone(),
        rustc_flags: plan.rustc_flags.clone(),
        environment: environment
            .map(|(name, value)| (name.to_owned(), value.to_string_lossy().into_owned()))
            .collect(),
        require: plan.require.clone(),
        public_key: plan
            .products
            .iter()
            .find_map(|product| plan.signed_by.key_of(&product.product))
            .map(PublicKey::to_tauri),
        code_signing: None,
        recipe: Some(built.recipe.clone()),
        started_at: built.started_at,
        finished_at: built.finished_at,
    }
}

fn copy_file(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    let mut source = std::fs::File::open(from)?;
    let mut target = std::fs::File::create_new(to)?;
    io::copy(&mut source, &mut target)?;
    system::set_mode(to, mode)?;
    target.sync_all()
}

/// The row of a file that lies beside its manifest.
pub(super) fn row(artifact: &RecordedArtifact, platform: Platform) -> ManifestRow {
    ManifestRow {
        line: 0,
        path: artifact.filename.to_string(),
        platform,
        kind: artifact.kind,
        filename: artifact.filename.clone(),
    }
}

/// What `SHA256SUMS` says of files.
pub(super) fn sums_text(sums: &BTreeMap<String, Sha256Digest>) -> String {
    let lines = sums.iter();
    lines
        .map(|(name, sha256)| format!("{sha256}  {name}\n"))
        .collect()
}

pub(super) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Writes a file so that it is either the old one or the new one, never a part.
///
/// # Errors
/// What the system says.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_file(path, bytes, 0o644, aside::file)
}

/// The same for a file that is a person's: it stays as open or closed to others as it was, and where a link
/// stands in its place, what that leads to is written. A device or a pipe is given the bytes and stays what it is.
///
/// # Errors
/// What the system says, also that nobody reads a pipe.
pub fn rewrite_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Ok(meta) = std::fs::metadata(path)
        && system::takes_bytes(&meta)
    {
        return system::open_to_write(path)?.write_all(bytes);
    }
    let real = match path.symlink_metadata() {
        Ok(meta) if meta.is_symlink() => std::fs::canonicalize(path)?,
        _ => path.to_owned(),
    };
    let mode = match system::mode(&real) {
        Ok(mode) => mode.unwrap_or(0o644),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0o644,
        Err(error) => return Err(error),
    };
    replace_file(&real, bytes, mode, aside::file)
}

/// Puts a file in the place of another one, or of a link, but of nothing else.
pub(super) fn replace_file(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    make: fn(&Path) -> io::Result<NamedTempFile>,
) -> io::Result<()> {
    if let Ok(meta) = path.symlink_metadata()
        && !meta.is_file()
        && !meta.is_symlink()
    {
        return Err(io::Error::other("what is there is not a regular file"));
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = make(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    system::set_mode(file.path(), mode)?;
    file.persist(path)?;
    Ok(())
}

/// Puts a finished folder where it belongs.
pub(super) fn publish_dir(aside: tempfile::TempDir, target: &Path) -> io::Result<()> {
    system::set_mode(aside.path(), 0o755)?;
    std::fs::rename(aside.path(), target)?;
    // The folder has another name now; there is nothing left to remove under the old one.
    let _moved: PathBuf = aside.keep();
    Ok(())
}
