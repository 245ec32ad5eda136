//! Signatures of what is read back: their texts are fetched first, and checked while the bytes pass by.

use super::list::Group;
use super::read::is_answer;
use super::{Expectation, ExpectedFile};
use crate::sign::Keys;
use crate::text::told;
use hub_client::{ClientError, HubClient};
use release_types::{Asset, Kind};
use signatures::{Binding, ENDING, MAX_TEXT, PublicKey, Signature, Verifier};
use std::sync::{Mutex, PoisonError};

/// What has to be signed, or is, and with which key.
#[derive(Debug)]
pub(super) struct Signed<'a> {
    file: &'a ExpectedFile,
    version: String,
    key: &'a PublicKey,
    tauris: bool,
    /// Its signature, or what is wrong with that already.
    signature: Result<Signature, String>,
}

impl<'a> Signed<'a> {
    /// What is known of a file's signature, where there is a key to check it with.
    ///
    /// # Errors
    /// When the Hub cannot be asked for it.
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
        let name = format!("{}{ENDING}", file.filename);
        let mut assets = group.release.iter().flat_map(|release| &release.assets);
        let asset = assets.find(|asset| asset.filename == name);
        let signature = match asset {
            None if file.kind != Kind::Binary || !keys.are_needed(&file.product) => {
                return Ok(None);
            }
            None => Err("it has no signature".to_owned()),
            Some(asset) if asset.size > MAX_TEXT => Err(format!("{name} is too long for one")),
            Some(asset) => match text_of(client, asset).await {
                Ok(text) => text.parse().map_err(|why| format!("{name}: {why}")),
                Err(error) if is_answer(&error) => {
                    Err(format!("its signature cannot be read back: {error}"))
                }
                Err(error) => return Err(error),
            },
        };
        Ok(Some(Self {
            file,
            version: expected.version.to_string(),
            key,
            tauris: keys.is_tauris(&file.product),
            signature,
        }))
    }

    /// Begins to check it.
    pub(super) fn begin(&self) -> Checking<'_> {
        let verifier = self.signature.as_ref().map_err(Clone::clone);
        let verifier = verifier.and_then(|signature| {
            let begun = self.key.verifier(signature);
            begun.map_err(|why| format!("its signature does not hold: {why}"))
        });
        Checking {
            of: self,
            verifier: Mutex::new(verifier),
        }
    }
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
    verifier: Mutex<Result<Verifier<'a>, String>>,
}

impl<'a> Checking<'a> {
    /// Takes the next bytes.
    pub(super) fn takes(&self, bytes: &[u8]) {
        let mut verifier = self.verifier.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(verifier) = &mut *verifier {
            verifier.update(bytes);
        }
    }

    /// Forgets all bytes so far: they come once more.
    pub(super) fn starts_anew(&self) {
        let mut verifier = self.verifier.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = self.of.begin().verifier;
        *verifier = fresh.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// What is wrong with the signature, once all bytes have come.
    pub(super) fn fault(self) -> Option<String> {
        let verifier = self.verifier.into_inner();
        let verifier = verifier.unwrap_or_else(PoisonError::into_inner);
        let Signed {
            file,
            version,
            tauris,
            ..
        } = self.of;
        let said = verifier.and_then(|verifier| {
            let said = verifier.finish();
            said.map_err(|why| format!("its signature does not hold: {why}"))
        });
        let is_meant = said.and_then(|said| {
            let binding = Binding {
                product: &file.product,
                version,
                platform: file.platform,
                // Who has signed it may have had it under another name.
                names: if *tauris {
                    &[]
                } else {
                    &[file.filename.as_str()]
                },
            };
            let is_meant = match *tauris {
                true => said.agrees(&binding),
                false => said.binds(&binding),
            };
            is_meant.map_err(|why| format!("its signature is for something else: {why}"))
        });
        is_meant
            .err()
            .map(|why| format!("{}: {}", file.key, told(&why)))
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
            signature,
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
