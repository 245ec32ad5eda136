//! Making signatures: what is there and good stays, what is missing or no longer good is made.

use super::commit::fit_name;
use super::payload::read_signature;
use super::{Fault, Keys, Payload, SignError, SignatureState};
use crate::error::with_causes;
use signatures::{PublicKey, Signature, SigningKey};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

/// A file, and what is known of its signature before anything is signed.
#[derive(Debug)]
pub struct Looked {
    /// The file.
    pub payload: Payload,
    /// Its signature, or what is wrong with it.
    pub found: Result<Signature, Fault>,
    /// What is wrong with the one in minisign's own form, where there has to be one.
    pub stock: Option<Fault>,
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
    /// Whether one in minisign's own form is there and good.
    pub has_stock: bool,
}

/// Looks at the signatures that are there.
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
        let found = payload.judge(key, tauris);
        if let Err(Fault::Broken(signatures::VerifyError::Read(source))) = found {
            let path = payload.path;
            return Err(SignError::Io { path, source });
        }
        let stock = payload.has_stock.then(|| {
            let text = read_signature(&payload.stock);
            text.and_then(|text| payload.judge_text(&text, key, tauris))
        });
        all.push(Looked {
            payload,
            found,
            stock: stock.and_then(Result::err),
        });
    }
    Ok(all)
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
        let judged = text.and_then(|text| payload.judge_text(text, key, true));
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
            stock,
        } = looked;
        let has_stock = payload.has_stock && stock.is_none();
        let (signature, state, why) = match found {
            Ok(signature) => match &stock {
                None => (signature, SignatureState::Kept, None),
                Some(fault) => {
                    let why = format!("{}: {}", payload.stock.display(), with_causes(fault));
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
            has_stock,
        });
    }
    Ok(all)
}
