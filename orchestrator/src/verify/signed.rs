//! Signatures of what is read back: their texts are fetched first, and checked while the bytes pass by. What is asked
//! of them is what is asked before anything is sent.

use super::list::Group;
use super::read::is_answer;
use super::{Expectation, ExpectedFile};
use crate::sign::{Keys, is_read};
use crate::text::told;
use hub_client::{ClientError, HubClient};
use release_types::{Asset, Kind};
use signatures::{
    Binding, ENDING, MAX_TEXT, PublicKey, STOCK_ENDING, Signature, TextError, Verifier,
};
use std::sync::{Mutex, PoisonError};

/// What has to be signed, or is, and with which key.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    file: &'a ExpectedFile,
    version: String,
    key: &'a PublicKey,
    tauris: bool,
    /// Its signatures, at least one, or what is wrong with that already.
    signatures: Vec<Named>,
}

/// A signature, or what is wrong with that already, and what it is called where something else is wrong with it.
type Named = (String, Result<Signature, String>);

impl<'a> Signed<'a> {
    /// What is known of a file's signatures, where there is a key to check them with.
    ///
    /// # Errors
    /// When the Hub cannot be asked for them.
    pub(super) async fn of(
        client: &HubClient,
        keys: &'a Keys,
        (expected, group): (&'a Expectation, &Group<'_>),
        file: &'a ExpectedFile,
    ) -> Result<Option<Self>, ClientError> {
        let Some(key) = keys.of(&file.product) else {
            return Ok(None);
        };
        if file.kind == Kind::Signature {
            return Ok(None);
        }
        let tauris = keys.is_tauris(&file.product);
        let mut signatures = Vec::new();
        for ending in [ENDING, STOCK_ENDING] {
            let name = format!("{}{ending}", file.filename);
            let mut assets = group.release.iter().flat_map(|release| &release.assets);
            let what = match ending {
                ENDING => "its signature".to_owned(),
                _ => format!("its signature {name}"),
            };
            let signature = match assets.find(|asset| asset.filename == name) {
                None => {
                    let is_needed = keys.need(&file.product, file.kind, file.filename.as_str());
                    if ending != ENDING || !is_needed {
                        continue;
                    }
                    Err("it has no signature".to_owned())
                }
                Some(asset) if asset.size > MAX_TEXT => Err(format!("{name} is too long for one")),
                Some(asset) => match text_of(client, asset).await {
                    Ok(text) => read(&text, tauris, ending).map_err(|why| format!("{name}: {why}")),
                    Err(error) if is_answer(&error) => {
                        Err(format!("{what} cannot be read back: {error}"))
                    }
                    Err(error) => return Err(error),
                },
            };
            signatures.push((what, signature));
        }
        Ok((!signatures.is_empty()).then(|| Self {
            file,
            version: expected.version.to_string(),
            key,
            tauris,
            signatures,
        }))
    }

    /// Begins to check them.
    pub(super) fn begin(&self) -> Checking<'_> {
        let begun = self.signatures.iter().map(|(what, signature)| {
            let signature = signature.as_ref().map_err(Clone::clone)?;
            let begun = self.key.verifier(signature);
            begun.map_err(|why| format!("{what} does not hold: {why}"))
        });
        Checking {
            of: self,
            verifiers: Mutex::new(begun.collect()),
        }
    }
}

/// A signature's text, which has to be in a form that its readers know.
fn read(text: &str, tauris: bool, ending: &str) -> Result<Signature, String> {
    let signature: Signature = text.parse().map_err(|why: TextError| why.to_string())?;
    is_read(text, tauris, ending).map_err(|why| why.to_string())?;
    Ok(signature)
}

/// The text of a signature's file, which is no longer than it is listed.
async fn text_of(client: &HubClient, asset: &Asset) -> Result<String, ClientError> {
    let bytes = Mutex::new(Vec::new());
    let held = || bytes.lock().unwrap_or_else(PoisonError::into_inner);
    let progress = |so_far| {
        // They come once more.
        if so_far == 0 {
            held().clear();
        }
    };
    let seen = |new: &[u8]| held().extend_from_slice(new);
    let (id, size) = (&asset.download_id, asset.size);
    client.read_back_seen(id, size, progress, seen).await?;
    let text = String::from_utf8_lossy(&held()).into_owned();
    Ok(text)
}

/// A check under way.
pub(super) struct Checking<'a> {
    of: &'a Signed<'a>,
    /// One for each signature.
    verifiers: Mutex<Vec<Result<Verifier<'a>, String>>>,
}

impl<'a> Checking<'a> {
    /// Takes the next bytes.
    pub(super) fn takes(&self, bytes: &[u8]) {
        let verifiers = self.verifiers.lock();
        let mut verifiers = verifiers.unwrap_or_else(PoisonError::into_inner);
        for verifier in verifiers.iter_mut().flatten() {
            verifier.update(bytes);
        }
    }

    /// Forgets all bytes so far: they come once more.
    pub(super) fn starts_anew(&self) {
        let fresh = self.of.begin().verifiers;
        let verifiers = self.verifiers.lock();
        let mut verifiers = verifiers.unwrap_or_else(PoisonError::into_inner);
        *verifiers = fresh.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// What is wrong with the signatures, once all bytes have come.
    pub(super) fn fault(self) -> Option<String> {
        let verifiers = self.verifiers.into_inner();
        let verifiers = verifiers.unwrap_or_else(PoisonError::into_inner);
        let of = self.of;
        let own = [of.file.filename.as_str()];
        let binding = Binding {
            product: &of.file.product,
            version: &of.version,
            platform: of.file.platform,
            // Who has signed it may have had it under another name.
            names: match of.tauris {
                true => &[],
                false => &own,
            },
        };
        let mut faults = Vec::new();
        for (verifier, (what, _)) in verifiers.into_iter().zip(&of.signatures) {
            let said = verifier.and_then(|verifier| {
                let said = verifier.finish();
                said.map_err(|why| format!("{what} does not hold: {why}"))
            });
            let is_meant = said.and_then(|said| {
                let is_meant = match of.tauris {
                    true => said.agrees(&binding),
                    false => said.binds(&binding),
                };
                is_meant.map_err(|why| format!("{what} is for something else: {why}"))
            });
            faults.extend(is_meant.err());
        }
        (!faults.is_empty()).then(|| format!("{}: {}", of.file.key, told(&faults.join("; "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::{Platform, Sha256Digest, artifact_key};
    use signatures::{SigningKey, TrustedComment};

    #[test]
    fn bytes_that_come_once_more_are_counted_once() {
        let pair = signatures::generate(None).unwrap();
        let key = SigningKey::open(&pair.secret, None).unwrap();
        let (product, version) = ("one".parse().unwrap(), semver::Version::new(1, 0, 0));
        let filename = "one-x".parse().unwrap();
        let platform = Platform::ALL[0];
        let said = TrustedComment::of(
            1,
            (&filename, &product),
            &version,
            (platform.os, &[platform.arch]),
        );
        let signature = key.sign(&b"all bytes"[..], &said).unwrap();
        let file = ExpectedFile {
            key: artifact_key(&product, &version, platform, &filename).unwrap(),
            product,
            platform,
            kind: Kind::Binary,
            filename,
            size: 9,
            sha256: Sha256Digest::of(b"all bytes"),
        };
        let signed = |signature| Signed {
            file: &file,
            version: version.to_string(),
            key: &pair.public,
            tauris: false,
            signatures: vec![("its signature".to_owned(), signature)],
        };
        let good = signed(Ok(signature.clone()));
        let broken_off = good.begin();
        broken_off.takes(b"all");
        broken_off.starts_anew();
        broken_off.takes(b"all ");
        broken_off.takes(b"bytes");
        assert_eq!(broken_off.fault(), None);
        let other = good.begin();
        other.takes(b"all byte");
        let fault = other.fault().unwrap();
        assert!(fault.ends_with("one-x: its signature does not hold: it belongs to other bytes"));
        // Every one that there is has to be good.
        let both = Signed {
            signatures: [ENDING, STOCK_ENDING]
                .map(|name| (name.to_owned(), Ok(signature.clone())))
                .into(),
            ..signed(Ok(signature.clone()))
        };
        let taken = both.begin();
        taken.takes(b"other bytes");
        let fault = taken.fault().unwrap();
        let says = "does not hold: it belongs to other bytes";
        let ends = format!("one-x: {ENDING} {says}; {STOCK_ENDING} {says}");
        assert!(fault.ends_with(&ends), "{fault}");
        let none = signed(Err("it has no signature".to_owned()));
        let fault = none.begin().fault().unwrap();
        assert!(fault.ends_with("/one-x: it has no signature"), "{fault}");
        let newer = Signed {
            version: "1.0.1".to_owned(),
            ..signed(Ok(signature))
        };
        let taken = newer.begin();
        taken.takes(b"all bytes");
        assert!(
            taken
                .fault()
                .unwrap()
                .contains("for the version 1.0.0, not for 1.0.1")
        );
    }
}
