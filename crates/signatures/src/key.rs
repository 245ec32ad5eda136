//! Public keys.

use crate::signature::{Signature, Verifier, VerifyError};
use crate::wrapping::{TextError, bytes, payload, unwrap, wrap};
use std::fmt;
use std::str::FromStr;

/// The number that keys and signatures carry, so that it is seen which belong together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(crate) [u8; 8]);

/// As minisign writes it.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: minisign_verify::PublicKey,
    id: KeyId,
    /// minisign's line of it.
    line: String,
}

impl PublicKey {
    /// Which key it is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The key as Tauri writes it: what `plugins.updater.pubkey` is set to.
    pub fn to_tauri(&self) -> String {
        wrap(&self.to_minisign())
    }

    /// The key as minisign writes it: two lines.
    pub fn to_minisign(&self) -> String {
        let Self { id, line, .. } = self;
        format!("untrusted comment: minisign public key: {id}\n{line}\n")
    }

    /// minisign's line of it, as its `-P` takes it.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Begins to check a signature over bytes that are still to come.
    ///
    /// # Errors
    /// When the signature is another key's, or of a form that would need all bytes at once.
    pub fn verifier<'a>(&'a self, signature: &'a Signature) -> Result<Verifier<'a>, VerifyError> {
        Verifier::new(&self.key, self.id, signature)
    }
}

/// Reads Tauri's form, minisign's two lines, or the second of them alone.
impl FromStr for PublicKey {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        const WHAT: &str = "key";
        let text = text.trim();
        let raw: [u8; 42] = match bytes(text, WHAT) {
            Ok(raw) => raw,
            Err(_) => payload(&unwrap(text)?, WHAT)?,
        };
        let line = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, raw);
        let key = minisign_verify::PublicKey::from_base64(&line);
        let key = key.map_err(|error| match error {
            minisign_verify::Error::UnsupportedAlgorithm => TextError::Algorithm,
            _ => TextError::Damaged(WHAT),
        })?;
        let mut id = [0; 8];
        id.copy_from_slice(&raw[2..10]);
        Ok(Self {
            key,
            id: KeyId(id),
            line,
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}
