//! Checking what is about to be published: that all is signed that has to be, and every signature good.

use super::payload::{is_read, payloads, read_signature};
use super::{Fault, Keys, Payload, SignError, SignaturePaths, SignatureState};
use crate::artifacts::LocalArtifact;
use crate::error::with_causes;
use release_types::{Kind, Platform, ProductName};
use signatures::{ENDING, KeyId, STOCK_ENDING, Signature};
use std::collections::{BTreeMap, BTreeSet};
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

/// Checks the signatures of files, all of them before it says what is wrong. `paths` are where signatures are said
/// to lie; those that do not are as wrong as those that do not hold.
///
/// # Errors
/// Every file that has none and has to have one, and every signature that is missing or not good; or that a product
/// of which there has to be a public key has none.
pub fn check(
    version: &semver::Version,
    artifacts: &[LocalArtifact],
    paths: &SignaturePaths,
    keys: &Keys,
) -> Result<Vec<Checked>, SignError> {
    let is_gone = |path: &&Path| path.try_exists().is_ok_and(|is_there| !is_there);
    let named = paths.values().map(PathBuf::as_path);
    let gone: BTreeSet<&Path> = named.filter(is_gone).collect();
    let missing = gone.iter();
    let missing = missing.map(|path| format!("{}: the signature is missing", path.display()));
    let mut list: Vec<String> = missing.collect();
    list.extend(orphans(artifacts, paths));
    let (mut good, mut unknown) = (Vec::new(), None);
    for payload in payloads(version, artifacts, paths) {
        if let Err(error) = keys.is_known(&payload.product) {
            // Nothing more can be said of its signatures than that.
            unknown.get_or_insert(error);
            continue;
        }
        let mut faults = Vec::new();
        let found = of_payload(&payload, (paths, &gone), keys, &mut faults);
        let faults = faults.into_iter();
        list.extend(
            faults.map(|(path, fault)| format!("{}: {}", path.display(), with_causes(&fault))),
        );
        good.extend(found.map(|(key, state)| Checked {
            payload,
            key,
            state,
        }));
    }
    match (list.is_empty(), unknown) {
        (true, None) => Ok(good),
        (true, Some(error)) => Err(error),
        (false, unknown) => {
            list.extend(unknown.map(|error| error.to_string()));
            Err(SignError::Unsigned { list })
        }
    }
}

/// The signatures that are of no file that is published with them. Nobody could check them, whatever they say.
fn orphans(artifacts: &[LocalArtifact], paths: &SignaturePaths) -> Vec<String> {
    let payloads = artifacts.iter().filter(|file| file.kind != Kind::Signature);
    let payloads: BTreeSet<(&ProductName, Platform, &str)> = payloads
        .map(|file| (&file.product, file.platform, file.filename.as_str()))
        .collect();
    let told = paths
        .iter()
        .filter_map(|((product, platform, name), path)| {
            let of = name.strip_suffix(ENDING);
            let of = of.or_else(|| name.strip_suffix(STOCK_ENDING));
            let why = match of {
                Some(of) if payloads.contains(&(product, *platform, of)) => return None,
                Some(of) => format!("it signs `{of}`, which is not published for {platform}"),
                None => format!("`{name}` is a signature, and is called after no file"),
            };
            Some(format!("{}: {why}", path.display()))
        });
    told.collect()
}

/// Where the files of kind `signature` lie.
pub fn signature_paths(artifacts: &[LocalArtifact]) -> SignaturePaths {
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

/// What is known of a file's signature. What is wrong is added to `faults`, with the file that it is told of.
fn of_payload(
    payload: &Payload,
    (paths, gone): (&SignaturePaths, &BTreeSet<&Path>),
    keys: &Keys,
    faults: &mut Vec<(PathBuf, Fault)>,
) -> Option<(KeyId, SignatureState)> {
    let product = &payload.product;
    let row = |ending, platform| {
        let name = format!("{}{ending}", payload.filename);
        paths.get(&(product.clone(), platform, name))
    };
    let (key, tauris) = (keys.of(product), keys.is_tauris(product));
    let is_needed = keys.need(product, payload.kind, payload.filename.as_str());
    let platforms = payload.platforms();
    let bare = payload.places.iter().filter(|place| {
        let platform = Platform::new(payload.os, place.arch);
        is_needed && row(ENDING, platform).is_none()
    });
    let bare: BTreeSet<&Path> = bare.map(|place| place.path.as_path()).collect();
    faults.extend(
        bare.into_iter()
            .map(|path| (path.to_owned(), Fault::Missing)),
    );
    let mut found = None;
    for ending in [ENDING, STOCK_ENDING] {
        let mut all: BTreeMap<&Path, Vec<Platform>> = BTreeMap::new();
        for &platform in &platforms {
            if let Some(path) = row(ending, platform) {
                all.entry(path).or_default().push(platform);
            }
        }
        all.retain(|path, _| !gone.contains(path));
        for (path, on) in all {
            let text = || read_signature(path);
            let is_read = |text: &str| is_read(text, tauris, ending);
            let judged = match key {
                Some(key) => text().and_then(|text| {
                    let signature = payload.judge_for(&on, &text, key, tauris)?;
                    is_read(&text)?;
                    Ok((signature.key_id(), SignatureState::Checked))
                }),
                // Without a key it may be of any other make, unless an updater is known to read it.
                None if tauris && ending == ENDING => text().and_then(|text| {
                    let signature: Signature = text.parse()?;
                    is_read(&text)?;
                    Ok((signature.key_id(), SignatureState::Unchecked))
                }),
                None => continue,
            };
            match judged {
                Ok(judged) => {
                    found.get_or_insert(judged);
                }
                Err(fault) => {
                    let of = match ending {
                        ENDING => payload.path_on(&on),
                        _ => path,
                    };
                    faults.push((of.to_owned(), fault));
                }
            }
        }
    }
    found
}
