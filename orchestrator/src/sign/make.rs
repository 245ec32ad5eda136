//! Making signatures: what is there and good stays, what is missing or no longer good is made.

use super::commit::fit_name;
use super::payload::{is_read, read_signature};
use super::{Fault, Keys, Payload, SignError, SignatureState};
use crate::error::with_causes;
use signatures::{ENDING, PublicKey, STOCK_ENDING, Signature, SigningKey};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A file, and what is known of its signature before anything is signed.
#[derive(Debug)]
pub struct Looked {
    /// The file.
    pub payload: Payload,
    /// Its signature, or what is wrong with it.
    pub found: Result<Signature, Fault>,
    /// What is wrong beside a good one: in another place, or with one in minisign's own form.
    pub amiss: Option<(PathBuf, Fault)>,
    /// Where ones in minisign's own form are that are good.
    pub stocks: BTreeSet<PathBuf>,
}

/// A file with a good signature.
#[derive(Debug)]
pub struct Signed {
    /// The file.
    pub payload: Payload,
    /// Its signature.
    pub signature: Signature,
    /// Whether it was there before.
    pub state: SignatureState,
    /// What was wrong with the one that was there.
    pub why: Option<String>,
    /// Where ones in minisign's own form are that are good, and are left alone.
    pub stocks: BTreeSet<PathBuf>,
}

/// Looks at the signatures that are there. Of a file with several places one that is good is enough: it is put into
/// the others.
///
/// # Errors
/// When a file that is to be signed cannot be read.
pub fn look(
    payloads: Vec<Payload>,
    key: &PublicKey,
    keys: &Keys,
) -> Result<Vec<Looked>, SignError> {
    let mut all = Vec::with_capacity(payloads.len());
    for payload in payloads {
        fit_name(&payload, false)?;
        let tauris = keys.is_tauris(&payload.product);
        let judge = |path: &Path, ending| {
            let text = read_signature(path)?;
            let signature = payload.judge(&text, key, tauris)?;
            is_read(&text, tauris, ending)?;
            Ok(signature)
        };
        let mut good: Option<(&PathBuf, Signature)> = None;
        let mut faults = Vec::new();
        for path in distinct(payload.places.iter().map(|place| &place.signature)) {
            let judged = match &good {
                None => judge(path, ENDING),
                Some((first, signature)) => is_same(path, (first.as_path(), signature)),
            };
            match judged {
                Ok(signature) => {
                    good.get_or_insert((path, signature));
                }
                Err(Fault::Broken(signatures::VerifyError::Read(source))) => {
                    let path = payload.path;
                    return Err(SignError::Io { path, source });
                }
                Err(fault) => faults.push((path.clone(), fault)),
            }
        }
        let with_stock = payload.places.iter().filter(|place| place.has_stock);
        let (mut stocks, mut of_stocks) = (BTreeSet::new(), Vec::new());
        for path in distinct(with_stock.map(|place| &place.stock)) {
            match judge(path, STOCK_ENDING) {
                Ok(_) => {
                    stocks.insert(path.clone());
                }
                Err(fault) => of_stocks.push((path.clone(), fault)),
            }
        }
        let found = match good {
            Some((_, signature)) => Ok(signature),
            None => {
                let is_missing = |(_, fault): &(PathBuf, Fault)| matches!(fault, Fault::Missing);
                let said = faults.iter().position(|fault| !is_missing(fault));
                let fault = said.map(|at| faults.swap_remove(at).1);
                Err(fault.unwrap_or(Fault::Missing))
            }
        };
        all.push(Looked {
            found,
            amiss: faults.into_iter().chain(of_stocks).next(),
            stocks,
            payload,
        });
    }
    Ok(all)
}

/// Each path once, in their order.
fn distinct<'p>(paths: impl Iterator<Item = &'p PathBuf>) -> Vec<&'p PathBuf> {
    let mut known = BTreeSet::new();
    paths.filter(|path| known.insert(*path)).collect()
}

/// The signature in a further place of a file, which has to be the one of the first.
fn is_same(path: &Path, (first, signature): (&Path, &Signature)) -> Result<Signature, Fault> {
    let there: Signature = read_signature(path)?.parse()?;
    match there.to_tauri() == signature.to_tauri() {
        true => Ok(there),
        false => Err(Fault::Another(first.to_owned())),
    }
}

/// Signs what has no good signature.
///
/// # Errors
/// When a file cannot be read, or the system has no randomness.
pub fn sign(
    looked: Vec<Looked>,
    key: &SigningKey,
    now: jiff::Timestamp,
) -> Result<Vec<Signed>, SignError> {
    finish(looked, |payload| {
        let path = || payload.path.clone();
        let file = File::open(&payload.path);
        let file = file.map_err(|source| SignError::Io {
            path: path(),
            source,
        })?;
        let made = key.sign(file, &payload.comment(now));
        made.map_err(|source| SignError::Sign {
            path: path(),
            source,
        })
    })
}

/// Takes what somebody else has signed meanwhile, by the paths of the files, if it is good.
///
/// # Errors
/// When it is not.
pub fn signed_by_others(
    looked: Vec<Looked>,
    key: &PublicKey,
    texts: &BTreeMap<PathBuf, String>,
) -> Result<Vec<Signed>, SignError> {
    finish(looked, |payload| {
        let text = texts.get(&payload.path).ok_or(Fault::Missing);
        let judged = text.and_then(|text| payload.judge(text, key, true));
        judged.map_err(|source| SignError::NotGood {
            path: payload.path.clone(),
            source,
        })
    })
}

fn finish(
    looked: Vec<Looked>,
    make: impl Fn(&Payload) -> Result<Signature, SignError>,
) -> Result<Vec<Signed>, SignError> {
    let mut all = Vec::with_capacity(looked.len());
    for looked in looked {
        let Looked {
            payload,
            found,
            amiss,
            stocks,
        } = looked;
        let (signature, state, why) = match found {
            Ok(signature) => match &amiss {
                None => (signature, SignatureState::Kept, None),
                Some((path, fault)) => {
                    let why = format!("{}: {}", path.display(), with_causes(fault));
                    (signature, SignatureState::Remade, Some(why))
                }
            },
            Err(Fault::Missing) => (make(&payload)?, SignatureState::Made, None),
            Err(fault) => {
                let why = Some(with_causes(&fault));
                (make(&payload)?, SignatureState::Remade, why)
            }
        };
        all.push(Signed {
            payload,
            signature,
            state,
            why,
            stocks,
        });
    }
    Ok(all)
}
