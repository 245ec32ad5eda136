//! Putting signatures where the files are: into a staged folder, or beside a manifest's files.

use super::payload::{beside, read_signature};
use super::{Payload, Place, SignError, Signed};
use crate::artifacts::read_rows;
use crate::dist::{self, Addition, DistError, Staged};
use crate::lock::FileLock;
use crate::manifest::put_rows;
use release_types::{FileName, FileNameError, Kind, ManifestRow, Platform};
use signatures::{ENDING, STOCK_ENDING, Signature};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What file systems store of a name, in bytes.
const LONGEST_NAME: usize = 255;

/// How long another run's rows are waited for: signatures are made before, so it only writes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Adds those of the signatures that are of its files to the folder of a staged platform, and to all that is written
/// about it there.
///
/// # Errors
/// When something cannot be written; the folder is as it was then.
pub fn into_folder(dir: &Path, signed: &[Signed], minisig: bool) -> Result<Staged, SignError> {
    let mut additions = Vec::new();
    for one in signed {
        // What lies in the folders of several platforms is added to each by itself.
        let here = one.payload.places.iter();
        let here = here.filter(|place| place.path.starts_with(dir));
        for (ending, _, text) in here.flat_map(|place| texts(one, place, minisig)) {
            additions.push(Addition {
                product: one.payload.product.clone(),
                of: one.payload.filename.clone(),
                filename: name(one, ending).map_err(|error| unfit(dir, &error))?,
                kind: Kind::Signature,
                bytes: text.into_bytes(),
            });
        }
    }
    Ok(dist::add(dir, &additions)?)
}

/// Makes sure, before anything is signed, that signatures are written over nothing but signatures: neither
/// over a file that the manifest names, nor over one that a mistake in it leads to.
///
/// # Errors
/// The first one that would be.
pub fn guard(
    manifest: &Path,
    base: &Path,
    payloads: &[Payload],
    minisig: bool,
) -> Result<(), SignError> {
    for payload in payloads {
        fit_name(payload, minisig)?;
    }
    // What is not there yet is known by its folder.
    let real = |path: &Path| {
        let known = std::fs::canonicalize(path).ok();
        known.or_else(|| {
            let dir = std::fs::canonicalize(path.parent()?).ok()?;
            Some(dir.join(path.file_name()?))
        })
    };
    let rows = read_rows(manifest)?;
    let files = rows.iter().filter(|row| row.kind != Kind::Signature);
    let files = files.map(|row| base.join(&row.path));
    let files = files.chain([manifest.to_owned()]);
    let files: BTreeSet<_> = files.filter_map(|path| real(&path)).collect();
    let mut written: BTreeMap<PathBuf, _> = BTreeMap::new();
    for payload in payloads {
        let places = payload.places.iter().flat_map(|place| {
            let has_stock = minisig || place.has_stock;
            let stock = has_stock.then_some((&place.stock, STOCK_ENDING));
            let all = std::iter::once((&place.signature, ENDING)).chain(stock);
            all.map(move |(path, ending)| (place, path, ending))
        });
        for (place, path, ending) in places {
            let taken = |why| {
                Err(SignError::Taken {
                    payload: payload.filename.clone(),
                    path: path.clone(),
                    why,
                })
            };
            let Some(real) = real(path) else { continue };
            if files.contains(&real) {
                return taken("is a file that the manifest names");
            }
            if std::fs::metadata(&real).is_ok_and(|meta| !meta.is_file()) {
                return taken("is not a file");
            }
            let is_own = *path == beside(&place.path, ending);
            if !is_own && real.symlink_metadata().is_ok() && !is_signature(&real) {
                return taken("is there already and no signature");
            }
            // A file that is published under several names, or for several systems, has a signature for each,
            // which says it.
            let of = (&payload.path, &payload.filename, payload.os);
            if *written.entry(real).or_insert(of) != of {
                return taken("is that of another file's signature");
            }
        }
    }
    Ok(())
}

/// Makes sure that a file's signatures can be called after it, here and where it is published.
///
/// # Errors
/// When such a name cannot be.
pub(super) fn fit_name(payload: &Payload, minisig: bool) -> Result<(), SignError> {
    let unfit = |source| SignError::SignatureName {
        payload: payload.filename.clone(),
        source,
    };
    for place in &payload.places {
        let stock = (minisig || place.has_stock).then_some((STOCK_ENDING, &place.stock));
        for (ending, path) in std::iter::once((ENDING, &place.signature)).chain(stock) {
            let published = format!("{}{ending}", payload.filename);
            published.parse::<FileName>().map_err(unfit)?;
            let local = path.file_name().unwrap_or_default();
            if local.len() > LONGEST_NAME {
                return Err(unfit(FileNameError {
                    name: local.to_string_lossy().into_owned(),
                    why: "no system stores a name of more than 255 bytes",
                }));
            }
        }
    }
    Ok(())
}

fn is_signature(path: &Path) -> bool {
    read_signature(path).is_ok_and(|text| text.parse::<Signature>().is_ok())
}

/// Writes signatures beside a manifest's files, then their rows into it.
///
/// # Errors
/// When something cannot be written. A signature that is there by then is found again by the next run.
pub fn into_manifest(manifest: &Path, signed: &[Signed], minisig: bool) -> Result<(), SignError> {
    // Another run may put its rows into it: whoever writes what was read before would take them out again.
    let _lock = FileLock::acquire(manifest, PATIENCE)?;
    let there = read_rows(manifest)?;
    let mut paths: HashMap<(Platform, &str), &str> = HashMap::new();
    for row in &there {
        let key = (row.platform, row.filename.as_str());
        paths.entry(key).or_insert(&row.path);
    }
    let mut files = dist::Files::default();
    let mut rows = Vec::new();
    for one in signed {
        let payload = &one.payload;
        for place in &payload.places {
            let platform = Platform::new(payload.os, place.arch);
            let named = |name: &FileName| {
                let path = paths.get(&(platform, name.as_str()));
                path.map(|path| (*path).to_owned())
            };
            for (ending, path, text) in texts(one, place, minisig) {
                write(&mut files, path, &text)?;
                let filename = name(one, ending).map_err(|error| unfit(manifest, &error))?;
                // One that stands there already says where it is.
                let path = named(&filename).or_else(|| {
                    let of_file = named(&payload.filename)?;
                    Some(format!("{of_file}{ending}"))
                });
                rows.push(ManifestRow {
                    line: 0,
                    path: path.unwrap_or_else(|| filename.to_string()),
                    platform,
                    kind: Kind::Signature,
                    filename,
                });
            }
        }
    }
    put_rows(manifest, &rows)?;
    Ok(())
}

/// The texts that are written of a signature in a place of its file: how their names end, and where they go.
fn texts<'p>(
    signed: &Signed,
    place: &'p Place,
    minisig: bool,
) -> Vec<(&'static str, &'p Path, String)> {
    let signature = &signed.signature;
    let mut texts = vec![(ENDING, place.signature.as_path(), signature.to_tauri())];
    // One that is good is left alone, as long as it is recorded.
    if (minisig || place.has_stock) && !signed.stocks.contains(&place.stock) {
        let text = signature.to_minisign().to_owned();
        texts.push((STOCK_ENDING, &place.stock, text));
    }
    texts
}

fn name(signed: &Signed, ending: &str) -> Result<FileName, FileNameError> {
    format!("{}{ending}", signed.payload.filename).parse()
}

fn unfit(path: &Path, error: &FileNameError) -> DistError {
    DistError::Record {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

/// Writes a file at once, unless it is as it should be. What is there is never waited for.
fn write(files: &mut dist::Files, path: &Path, text: &str) -> Result<(), SignError> {
    if read_signature(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let written = files.write(path, text.as_bytes());
    written.map_err(|source| SignError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
