//! Making signatures: what is there and good stays, what is missing or no longer good is made.

use super::payload::read_signature;
use super::{Fault, Keys, Payload, SignError, SignatureState};
use signatures::{PublicKey, Signature, SigningKey};
use std::fs::File;

/// A file, and what is known of its signature before anything is signed.
#[derive(Debug)]
pub struct Looked {
    /// The file.
    pub payload: Payload,
    /// Its signature, or what is wrong with it.
    pub found: Result<Signature, Fault>,
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
        let found = payload.judge(key, keys.is_tauris(&payload.product));
        if let Err(Fault::Broken(signatures::VerifyError::Read(source))) = found {
            let path = payload.path;
            return Err(SignError::Io { path, source });
        }
        all.push(Looked { payload, found });
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

/// Takes what somebody else has signed meanwhile, if it is good.
///
/// # Errors
/// When it is not.
pub fn signed_by_others(looked: Vec<Looked>, key: &PublicKey) -> Result<Vec<Signed>, SignError> {
    finish(looked, |payload| {
        let text = read_signature(&payload.signature);
        let judged = text.and_then(|text| payload.judge_text(&text, key, true));
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
    for Looked { payload, found } in looked {
        let (signature, state, why) = match found {
            Ok(signature) => (signature, SignatureState::Kept, None),
            Err(Fault::Missing) => (make(&payload)?, SignatureState::Made, None),
            Err(fault) => {
                let why = Some(fault.to_string());
                (make(&payload)?, SignatureState::Remade, why)
            }
        };
        all.push(Signed {
            payload,
            signature,
            state,
            why,
        });
    }
    Ok(all)
}
