//! Staging what a bundle command has made: its files become a platform's folder, all at once, which is
//! then like that of any other release.

use super::aside;
use super::carry::signatures_of;
use super::write::{publish_dir, row, sums_text, write_file};
use super::{
    DistError, Earlier, FORMAT, RELEASE_FILE, RecordedArtifact, RecordedToolchain, ReleaseRecord,
    SUMS_FILE, Staged, load_platform,
};
use crate::artifacts::digest_file;
use crate::build::Recipe;
use crate::bundle::{BundlePlan, Made, MadeProduct};
use crate::documents::{File, OfBundles};
use release_types::{Kind, ManifestRow, Platform, Sha256Digest};
use signatures::PublicKey;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Copies of what a command has made, which no later one can change: commands may write to one path, and for each
/// platform its own command's file counts. They go when this is dropped, and so does the release's folder where
/// nothing is in it then.
#[derive(Debug)]
pub struct Kept {
    copies: Option<tempfile::TempDir>,
    release: PathBuf,
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.copies.take());
        // It is still needed where something was staged, and then it is not empty.
        if let Err(error) = std::fs::remove_dir(&self.release) {
            tracing::trace!(dir = %self.release.display(), %error, "the folder stays");
        }
    }
}

/// Copies what was made to where the release of this plan is going to lie, and lets its rows name the copies.
///
/// # Errors
/// When something cannot be read or written.
pub fn keep_bundles(
    plan: &BundlePlan,
    made: MadeProduct,
) -> Result<(MadeProduct, Kept), DistError> {
    let release = plan.staging.parent().unwrap_or(&plan.repository);
    let write = |source| DistError::Write {
        path: release.to_owned(),
        source,
    };
    std::fs::create_dir_all(release).map_err(write)?;
    let mut kept = Kept {
        copies: None,
        release: release.to_owned(),
    };
    let copies = kept.copies.insert(aside::staging(release).map_err(write)?);
    let mut done: BTreeMap<String, String> = BTreeMap::new();
    let mut rows = Vec::with_capacity(made.rows.len());
    for row in made.rows {
        let path = match done.get(&row.path) {
            Some(path) => path.clone(),
            None => {
                let from: PathBuf = plan.repository.join(&row.path).components().collect();
                // Two files of one name may come from two folders.
                let to = copies.path().join(done.len().to_string());
                copy(&from, &to)?;
                let to = to.to_str().map(str::to_owned);
                let to = to.ok_or_else(|| write(io::ErrorKind::InvalidFilename.into()))?;
                done.insert(row.path.clone(), to.clone());
                to
            }
        };
        rows.push(ManifestRow { path, ..row });
    }
    let made = MadeProduct {
        rows,
        planned: made.planned,
    };
    Ok((made, kept))
}

/// Stages what was made for a platform into its folder, with the statement about it, in the place of an earlier build,
/// which can still be put back. The plan is one of the release's, for this platform or another.
///
/// # Errors
/// When something cannot be read or written; nothing half-written stays behind.
pub fn stage_bundles(
    (plan, made): (&BundlePlan, &Made),
    platform: Platform,
    documents: &OfBundles<'_>,
) -> Result<(Staged, Earlier), DistError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| DistError::Write { path, source }
    };
    let parent = plan.staging.parent().unwrap_or(&plan.repository);
    let target = parent.join(platform.to_string());
    std::fs::create_dir_all(parent).map_err(write(parent))?;
    aside::sweep(parent).map_err(write(parent))?;
    let aside = aside::staging(parent).map_err(write(parent))?;
    let dir = aside.path();
    let (mut artifacts, mut sums) = (Vec::new(), BTreeMap::new());
    for product in &made.products {
        let mut files = files_of(plan, (made, product), platform, dir)?;
        if files.is_empty() {
            continue;
        }
        let stated = files.iter().filter(|file| file.kind != Kind::Signature);
        let stated: Vec<File> = stated.map(File::from).collect();
        let statement = documents.statement(product, platform, &stated, &target);
        if let Some((filename, bytes)) = statement? {
            let path = dir.join(filename.as_str());
            write_file(&path, &bytes).map_err(write(&path))?;
            files.push(RecordedArtifact {
                filename,
                kind: Kind::Other,
                size: bytes.len() as u64,
                sha256: Sha256Digest::of(&bytes),
                before_signing: None,
                ..files[0].clone()
            });
        }
        let mut text = String::new();
        for file in add_earlier_signatures(files, &target, dir)? {
            text += &row(&file, platform).to_line();
            text.push('\n');
            sums.insert(file.filename.to_string(), file.sha256);
            artifacts.push(file);
        }
        let path = dir.join(format!("{}.manifest", product.planned.product));
        write_file(&path, text.as_bytes()).map_err(write(&path))?;
    }
    let record = record(plan, made, platform, artifacts);
    let path = dir.join(RELEASE_FILE);
    let json = serde_json::to_vec_pretty(&record).map_err(|error| DistError::Write {
        path: path.clone(),
        source: error.into(),
    })?;
    write_file(&path, &json).map_err(write(&path))?;
    sums.insert(RELEASE_FILE.to_owned(), Sha256Digest::of(&json));
    let path = dir.join(SUMS_FILE);
    write_file(&path, sums_text(&sums).as_bytes()).map_err(write(&path))?;
    let earlier = Earlier::put_aside(&target, parent).map_err(write(&target))?;
    let staged = publish_dir(aside, &target)
        .map_err(write(&target))
        .and_then(|()| load_platform(&target))
        // The last step: without the receipt the earlier build cannot be put back whole.
        .and_then(|staged| {
            let kept = earlier.keep_papers(&record).map_err(write(parent));
            kept.map(|()| staged)
        });
    match staged {
        Ok(staged) => Ok((staged, earlier)),
        Err(error) => {
            earlier.take_back().map_err(write(&target))?;
            Err(error)
        }
    }
}

/// Copies a product's files for a platform, and records them.
fn files_of(
    plan: &BundlePlan,
    (made, product): (&Made, &MadeProduct),
    platform: Platform,
    dir: &Path,
) -> Result<Vec<RecordedArtifact>, DistError> {
    let mut files = Vec::new();
    let rows = product.rows.iter().filter(|row| row.platform == platform);
    for ManifestRow {
        path,
        kind,
        filename,
        ..
    } in rows
    {
        let from: PathBuf = plan.repository.join(path).components().collect();
        let to = dir.join(filename.as_str());
        copy(&from, &to)?;
        let (size, sha256) = digest_file(&to).map_err(|source| DistError::Read {
            path: to.clone(),
            source,
        })?;
        let name = product.planned.product.to_string();
        files.push(RecordedArtifact {
            product: product.planned.product.clone(),
            package: name.clone(),
            bin: name,
            filename: filename.clone(),
            kind: *kind,
            size,
            sha256,
            before_signing: made.before_signing.get(path).copied(),
            inspection: None,
        });
    }
    Ok(files)
}

/// The files, each with the signatures that an earlier build of the same bytes has and this one has not.
fn add_earlier_signatures(
    files: Vec<RecordedArtifact>,
    earlier: &Path,
    dir: &Path,
) -> Result<Vec<RecordedArtifact>, DistError> {
    let mut all: Vec<RecordedArtifact> = Vec::with_capacity(files.len());
    let names: Vec<String> = files.iter().map(|file| file.filename.to_string()).collect();
    for file in files {
        let mut signatures = match file.kind {
            Kind::Signature => Vec::new(),
            _ => signatures_of(&file, earlier),
        };
        signatures.retain(|one| names.iter().all(|name| name != one.filename.as_str()));
        for one in &signatures {
            let name = one.filename.as_str();
            copy(&earlier.join(name), &dir.join(name))?;
        }
        all.push(file);
        all.extend(signatures);
    }
    Ok(all)
}

impl From<&RecordedArtifact> for File {
    fn from(file: &RecordedArtifact) -> Self {
        Self {
            filename: file.filename.clone(),
            sha256: file.sha256,
            before_signing: file.before_signing.map(|before| before.sha256),
        }
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), DistError> {
    let copied = std::fs::copy(from, to).and_then(|_| std::fs::File::open(to)?.sync_all());
    copied.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => DistError::Read {
            path: from.to_owned(),
            source,
        },
        _ => DistError::Write {
            path: to.to_owned(),
            source,
        },
    })
}

fn record(
    plan: &BundlePlan,
    made: &Made,
    platform: Platform,
    artifacts: Vec<RecordedArtifact>,
) -> ReleaseRecord {
    let environment = plan.environment.iter();
    let environment: BTreeMap<String, String> = environment
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let is_code_signed = artifacts.iter().any(|file| file.before_signing.is_some());
    let code_signed = made.code_signed.as_ref().filter(|_| is_code_signed);
    let commands = plan.products.iter().flat_map(|one| one.command.clone());
    ReleaseRecord {
        format: FORMAT,
        tag: plan.tag.clone(),
        group: plan.group.clone(),
        version: plan.version.clone(),
        channel: plan.channel,
        commit: plan.commit.clone(),
        dirty: plan.dirty.clone(),
        target: platform.target_triple().to_owned(),
        platform,
        artifacts,
        toolchain: RecordedToolchain {
            rustc: plan.rustc.clone(),
            linker: None,
            sccache: made.sccache.clone(),
            cache: made.cache.clone(),
            policy: String::new(),
        },
        command: commands.collect(),
        rustc_flags: Vec::new(),
        environment,
        require: plan.require.clone(),
        public_key: plan
            .products
            .iter()
            .find_map(|one| plan.signed_by.key_of(&one.product))
            .map(PublicKey::to_tauri),
        // Who packs bundles writes times and names into them that nobody here knows: no claim is made that
        // the same bytes come out again.
        recipe: Some(Recipe {
            commit_time: plan.commit_time,
            ..Recipe::default()
        }),
        code_signing: code_signed.map(|signed| signed.signing.clone()),
        started_at: made.started_at,
        finished_at: made.finished_at,
    }
}
