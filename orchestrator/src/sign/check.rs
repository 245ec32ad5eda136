//! Checking what is about to be published: that all is signed that has to be, and every signature good.

use super::payload::{payloads, read_signature};
use super::{Fault, Keys, Payload, SignError, SignaturePaths, SignatureState};
use crate::artifacts::LocalArtifact;
use crate::error::with_causes;
use release_types::{Kind, Platform, ProductName};
use signatures::{KeyId, STOCK_ENDING, Signature};
use std::path::{Path, PathBuf};

/// A signature that was looked at.
#[derive(Debug)]
pub struct Checked {
    /// The file that it is of.
    pub payload: Payload,
    /// The key that it was made with.
    pub key: KeyId,
    /// Whether it is good, or could only be read.
    pub state: SignatureState,
}

/// Checks the signatures of files, all of them before it says what is wrong.
///
/// # Errors
/// Every file that has none and has to have one, and every signature that is not good; or that a product of
/// which there has to be a public key has none.
pub fn check(
    version: &semver::Version,
    artifacts: &[LocalArtifact],
    keys: &Keys,
) -> Result<Vec<Checked>, SignError> {
    let paths = signature_paths(artifacts);
    let (mut good, mut list) = (Vec::new(), Vec::new());
    for payload in payloads(version, artifacts, &paths) {
        keys.is_known(&payload.product)?;
        match of_payload(&payload, &paths, keys) {
            Ok(Some((key, state))) => good.push(Checked {
                payload,
                key,
                state,
            }),
            Ok(None) => {}
            Err((path, fault)) => {
                let fault = with_causes(&fault);
                list.push(format!("{}: {fault}", path.display()));
            }
        }
    }
    match list.is_empty() {
        true => Ok(good),
        false => Err(SignError::Unsigned { list }),
    }
}

/// Where the files of kind `signature` lie.
pub(super) fn signature_paths(artifacts: &[LocalArtifact]) -> SignaturePaths {
    let signatures = artifacts.iter().filter(|file| file.kind == Kind::Signature);
    let named = signatures.map(|file| {
        let key = (
            file.product.clone(),
            file.platform,
            file.filename.to_string(),
        );
        (key, file.path.clone())
    });
    named.collect()
}

/// What is known of a file's signature, or which file is wrong, and how.
fn of_payload(
    payload: &Payload,
    paths: &SignaturePaths,
    keys: &Keys,
) -> Result<Option<(KeyId, SignatureState)>, (PathBuf, Fault)> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |fault: Fault| (path, fault)
    };
    let product = &payload.product;
    let name = payload.signature_name();
    let is_there = |platform| paths.contains_key(&named(product, platform, &name));
    // What a person installs from need not be signed.
    let is_needed = payload.kind == Kind::Binary && keys.are_needed(product);
    if is_needed && !payload.platforms().all(is_there) {
        return Err(at(&payload.path)(Fault::Missing));
    }
    if !payload.platforms().any(is_there) {
        return Ok(None);
    }
    let tauris = keys.is_tauris(product);
    let Some(key) = keys.of(product) else {
        // Without a key it may be of any other make, unless an updater is known to read it.
        if !tauris {
            return Ok(None);
        }
        let text = read_signature(&payload.signature).map_err(at(&payload.path))?;
        let signature = text.parse::<Signature>();
        let signature = signature.map_err(|why| at(&payload.path)(why.into()))?;
        return Ok(Some((signature.key_id(), SignatureState::Unchecked)));
    };
    let signature = payload.judge(key, tauris).map_err(at(&payload.path))?;
    let stock = format!("{}{STOCK_ENDING}", payload.filename);
    let stock = payload
        .platforms()
        .find_map(|platform| paths.get(&named(product, platform, &stock)));
    if let Some(path) = stock {
        let judged = read_signature(path).and_then(|text| payload.judge_text(&text, key, tauris));
        judged.map_err(at(path))?;
    }
    Ok(Some((signature.key_id(), SignatureState::Checked)))
}

fn named(product: &ProductName, platform: Platform, name: &str) -> (ProductName, Platform, String) {
    (product.clone(), platform, name.to_owned())
}
