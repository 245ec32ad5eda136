//! The operating systems' own signatures of bundles: after the command that makes them, before anything is
//! staged, as programs get theirs.

use super::Made;
use crate::code_sign::{CodeSignError, Signer, takes};
use crate::context::World;
use crate::events::Reporter;
use release_types::bundles::payload_of;
use release_types::{Kind, ManifestRow};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Signs copies of a platform's bundles, whose paths start in the repository's folder, as far as they are those that
/// are signed as a whole, and lets the rows name these. A signature for updaters that the command itself has made of such
/// a bundle is of other bytes from then on, and is left out.
///
/// # Errors
/// As [`Signer::sign`].
pub async fn sign_bundles(
    world: &World,
    repository: &Path,
    made: &mut Made,
    signer: &Signer,
    reporter: &dyn Reporter,
) -> Result<(), CodeSignError> {
    let is_signed = |row: &&ManifestRow| takes(row.platform.os, row.kind, row.filename.as_str());
    let rows = made.products.iter().flat_map(|product| &product.rows);
    let files: BTreeMap<&str, &ManifestRow> = rows
        .filter(is_signed)
        .map(|row| (row.path.as_str(), row))
        .collect();
    if files.is_empty() {
        let tool = signer.tool();
        reporter.note(format!(
            "no bundle is of a kind that {tool} signs as a whole"
        ));
        return Ok(());
    }
    let paths: Vec<String> = files.keys().map(|path| (*path).to_owned()).collect();
    let files = files.values().map(|row| {
        let from: PathBuf = repository.join(&row.path).components().collect();
        (from, row.filename.to_string())
    });
    let files: Vec<(PathBuf, String)> = files.collect();
    let signed = signer.sign(world, &files).await?;
    let copies: BTreeMap<String, _> = paths.into_iter().zip(signed.files.iter()).collect();
    for product in &mut made.products {
        let is_of_other_bytes = |row: &ManifestRow| {
            row.kind == Kind::Signature
                && product.rows.iter().any(|payload| {
                    payload.platform == row.platform
                        && payload_of(row.filename.as_str()) == Some(payload.filename.as_str())
                        && copies.contains_key(&payload.path)
                })
        };
        let (outdated, mut rows): (Vec<_>, Vec<_>) =
            product.rows.iter().cloned().partition(is_of_other_bytes);
        for row in outdated {
            reporter.note(format!(
                "left out: {}: what it signs has been code-signed since",
                row.filename
            ));
        }
        for row in &mut rows {
            let Some((path, before)) = copies.get(&row.path) else {
                continue;
            };
            row.path = path.to_string_lossy().into_owned();
            made.before_signing.insert(row.path.clone(), *before);
        }
        product.rows = rows;
    }
    let signing = &signed.signing;
    reporter.note(format!(
        "code-signed for {}, with the time of {}",
        signing.identity, signing.timestamp
    ));
    made.code_signed = Some(signed);
    Ok(())
}
