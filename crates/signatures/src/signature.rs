//! Signatures, and checking them while bytes pass by.

use crate::comment::TrustedComment;
use crate::key::{KeyId, PublicKey};
use crate::wrapping::{TextError, payload, unwrap, wrap};
use minisign_verify::{Error, StreamVerifier};
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

/// A signature's text, understood. Nothing in it is to be believed before it is checked.
#[derive(Clone)]
pub struct Signature {
    inner: minisign_verify::Signature,
    id: KeyId,
    lines: String,
}

/// Why a signature does not hold.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It was made with another key.
    #[error("it was made with the key {found}, not with {expected}")]
    OtherKey {
        /// The key it was made with.
        found: KeyId,
        /// The key it should have been made with.
        expected: KeyId,
    },
    /// It is over other bytes, or forged.
    #[error("it belongs to other bytes")]
    OtherBytes,
    /// It is not over a digest of the file, as minisign's oldest were.
    #[error("it is of minisign's old form, without a digest of the file")]
    Legacy,
    /// The bytes could not be read.
    #[error("the signed bytes cannot be read")]
    Read(#[from] io::Error),
}

impl Signature {
    /// The number of the key it says it was made with.
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    /// The signature as Tauri writes it: what `signature` in an update's answer is.
    pub fn to_tauri(&self) -> String {
        wrap(&self.lines)
    }

    /// The signature as minisign writes it: four lines.
    pub fn to_minisign(&self) -> &str {
        &self.lines
    }

    /// Checks it over all bytes of a reader, and returns what it says of them.
    ///
    /// # Errors
    /// When it does not hold, or the bytes cannot be read.
    pub fn verify(
        &self,
        key: &PublicKey,
        mut bytes: impl Read,
    ) -> Result<TrustedComment, VerifyError> {
        let mut verifier = key.verifier(self)?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match bytes.read(&mut buffer) {
                Ok(0) => return verifier.finish(),
                Ok(read) => verifier.update(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Reads either form.
impl FromStr for Signature {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        const WHAT: &str = "signature";
        let lines = unwrap(text)?;
        let raw: [u8; 74] = payload(&lines, WHAT)?;
        let inner = minisign_verify::Signature::decode(&lines);
        let inner = inner.map_err(|error| match error {
            Error::UnsupportedAlgorithm => TextError::Algorithm,
            _ => TextError::Damaged(WHAT),
        })?;
        let mut id = [0; 8];
        id.copy_from_slice(&raw[2..10]);
        // As minisign writes them, whatever ends its lines had.
        let lines: Vec<&str> = lines.lines().take(4).collect();
        Ok(Self {
            inner,
            id: KeyId(id),
            lines: lines.join("\n") + "\n",
        })
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature(by {})", self.id)
    }
}

/// A check under way.
pub struct Verifier<'a> {
    inner: StreamVerifier<'a>,
    signature: &'a Signature,
}

impl<'a> Verifier<'a> {
    pub(crate) fn new(
        key: &'a minisign_verify::PublicKey,
        id: KeyId,
        signature: &'a Signature,
    ) -> Result<Self, VerifyError> {
        match key.verify_stream(&signature.inner) {
            Ok(inner) => Ok(Self { inner, signature }),
            Err(Error::UnexpectedKeyId) => Err(VerifyError::OtherKey {
                found: signature.id,
                expected: id,
            }),
            Err(_) => Err(VerifyError::Legacy),
        }
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    /// Checks the signature over all bytes that were taken, and returns what it says of them.
    ///
    /// # Errors
    /// When it does not hold.
    pub fn finish(mut self) -> Result<TrustedComment, VerifyError> {
        self.inner.finalize().map_err(|_| VerifyError::OtherBytes)?;
        // Only now is it more than somebody's words.
        Ok(TrustedComment::parse(
            self.signature.inner.trusted_comment(),
        ))
    }
}
