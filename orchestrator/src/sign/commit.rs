//! Putting signatures where the files are: into a staged folder, or beside a manifest's files.

use super::{SignError, Signed};
use crate::artifacts::{ArtifactError, DOCUMENT_LIMIT, read_text};
use crate::dist::{self, Addition, DistError, Staged};
use crate::manifest::put_rows;
use release_types::{FileName, FileNameError, Kind, ManifestRow, parse_manifest};
use signatures::{ENDING, STOCK_ENDING};
use std::path::Path;

/// Adds signatures to the folder of a staged platform, and to all that is written about it there.
///
/// # Errors
/// When something cannot be written; the folder is as it was then.
pub fn into_folder(dir: &Path, signed: &[Signed], minisig: bool) -> Result<Staged, SignError> {
    let mut additions = Vec::new();
    for one in signed {
        for (ending, text) in texts(one, minisig) {
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

/// Writes signatures beside a manifest's files, then their rows into it.
///
/// # Errors
/// When something cannot be written. A signature that is there by then is found again by the next run.
pub fn into_manifest(manifest: &Path, signed: &[Signed], minisig: bool) -> Result<(), SignError> {
    let read = |source| ArtifactError::Read {
        path: manifest.to_owned(),
        source,
    };
    let row = |source| ArtifactError::Row {
        path: manifest.to_owned(),
        source,
    };
    let text = read_text(manifest, DOCUMENT_LIMIT).map_err(read)?;
    let there = parse_manifest(&text).map_err(row)?;
    let mut rows = Vec::new();
    for one in signed {
        let payload = &one.payload;
        for (ending, text) in texts(one, minisig) {
            let path = match ending {
                ENDING => payload.signature.clone(),
                _ => payload.stock.clone(),
            };
            write(&path, text.as_bytes())?;
            let filename = name(one, ending).map_err(|error| unfit(manifest, &error))?;
            for platform in payload.platforms() {
                let named = |name: &FileName| {
                    let is_it = |row: &&ManifestRow| {
                        row.platform == platform && row.filename.as_str() == name.as_str()
                    };
                    there.iter().find(is_it).map(|row| row.path.clone())
                };
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
                    filename: filename.clone(),
                });
            }
        }
    }
    put_rows(manifest, &rows)?;
    Ok(())
}

/// The texts that are written of a signature, and how their files end.
fn texts(signed: &Signed, minisig: bool) -> Vec<(&'static str, String)> {
    let signature = &signed.signature;
    let mut texts = vec![(ENDING, signature.to_tauri())];
    if minisig {
        texts.push((STOCK_ENDING, signature.to_minisign().to_owned()));
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

/// Writes a file at once, unless it is as it should be.
fn write(path: &Path, bytes: &[u8]) -> Result<(), SignError> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    dist::write_atomically(path, bytes).map_err(|source| SignError::Io {
        path: path.to_owned(),
        source,
    })
}
