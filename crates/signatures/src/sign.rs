//! Making signatures, and keys to make them with.
//!
//! What minisign's library holds of a secret key cannot be erased from here; the texts around it are.

use crate::comment::TrustedComment;
use crate::key::PublicKey;
use crate::signature::Signature;
use crate::wrapping::{TextError, payload, unwrap, wrap};
use minisign::{ErrorKind, KeyPair, PError, SecretKey, SecretKeyBox};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::io::{self, Read};

/// What Tauri writes into the comment that nobody signs.
const UNTRUSTED: &str = "signature from tauri secret key";

/// The length of a secret key with all that belongs to it, in bytes.
const SECRET_KEY: usize = 158;

/// Where in it the way of its encryption stands, and what stands there when there is none.
const ENCRYPTION: std::ops::Range<usize> = 2..4;
const NONE: [u8; 2] = [0, 0];

/// Where in it the operations and the bytes of memory stand that scrypt may take, as numbers of 64 bits.
const OPERATIONS: usize = 38;
const MEMORY: usize = 46;

/// What a key may ask of scrypt. minisign writes 2^25 operations and 2^30 bytes, and halves both on a machine that has
/// less, down to libsodium's least, 2^15 and 2^24; its Rust library, and with it Tauri, writes 2^20 and 2^25. The
/// library here computes and allocates whatever a key says, up to 137 GB, so it is asked for no more than twice that.
const MAY_OPERATE: std::ops::RangeInclusive<u64> = 1 << 15..=1 << 26;
const MAY_HOLD: std::ops::RangeInclusive<u64> = 1 << 24..=1 << 30;

/// A secret key that is ready to sign.
pub struct SigningKey {
    secret: SecretKey,
    own: minisign::PublicKey,
    public: PublicKey,
}

/// Why there is no key or no signature. None of them repeats anything of a key or a password.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The text is no secret key.
    #[error("it is no secret key")]
    Text(#[from] TextError),
    /// The key is encrypted, and there was no password.
    #[error("the secret key is encrypted, and no password was given")]
    NoPassword,
    /// The key is encrypted with another password.
    #[error("the password is not the secret key's")]
    WrongPassword,
    /// The key's parts do not fit together.
    #[error("the secret key is damaged")]
    Damaged,
    /// The file could not be read.
    #[error("the file that is to be signed cannot be read")]
    Read(#[source] io::Error),
    /// The system has no randomness, or the library has failed.
    #[error("signing failed: {0}")]
    Failed(String),
}

impl SigningKey {
    /// Reads a secret key in Tauri's form or minisign's, encrypted or not. Nobody is asked for a
    /// password; an empty one is none.
    ///
    /// # Errors
    /// When it is no secret key, or the password is not its own.
    pub fn open(text: &SecretString, password: Option<&SecretString>) -> Result<Self, SignError> {
        const WHAT: &str = "secret key";
        let lines = unwrap(text.expose_secret())?;
        // Secrets' stores and editors add blanks, which the parser below does not take.
        let lines: Vec<&str> = lines.lines().map(str::trim).collect();
        let lines = lines.join("\n");
        let raw: [u8; SECRET_KEY] = payload(&lines, WHAT)?;
        let stored = SecretKey::from_bytes(&raw).map_err(|_| SignError::Damaged)?;
        let password = password.map(ExposeSecret::expose_secret);
        let password = password.filter(|password| !password.is_empty());
        let secret = if raw[ENCRYPTION] == NONE {
            let stored = SecretKeyBox::from(lines).into_unencrypted_secret_key();
            stored.map_err(|_| SignError::Damaged)?
        } else if !stored.is_encrypted() {
            // Some versions of Tauri's tool call a key encrypted that an empty password has left as it was.
            stored
        } else if !is_affordable(&raw) {
            return Err(SignError::Damaged);
        } else {
            // Others have encrypted it with the empty password.
            let given = password.unwrap_or_default().to_owned();
            let opened = SecretKeyBox::from(lines).into_secret_key(Some(given));
            opened.map_err(|error| match (error.kind(), password) {
                (ErrorKind::Verify, None) => SignError::NoPassword,
                (ErrorKind::Verify, Some(_)) => SignError::WrongPassword,
                _ => SignError::Damaged,
            })?
        };
        let own = minisign::PublicKey::from_secret_key(&secret).map_err(|_| SignError::Damaged)?;
        let public = own.to_base64().parse().map_err(|_| SignError::Damaged)?;
        Ok(Self {
            secret,
            own,
            public,
        })
    }

    /// The key that its signatures are checked with.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs all bytes of a reader, and what the comment says of them.
    ///
    /// # Errors
    /// When the bytes cannot be read, or the system has no randomness.
    pub fn sign(&self, bytes: impl Read, comment: &TrustedComment) -> Result<Signature, SignError> {
        let (own, secret) = (Some(&self.own), &self.secret);
        let comment = comment.to_string();
        let made = minisign::sign(own, secret, bytes, Some(&comment), Some(UNTRUSTED));
        let made = made.map_err(|error| match error.kind() {
            ErrorKind::Io => SignError::Read(io::Error::other(error.to_string())),
            _ => failed(&error),
        })?;
        Ok(made.to_string().parse()?)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, ***)", self.public.id())
    }
}

/// A new pair of keys.
#[derive(Debug)]
pub struct KeyPairText {
    /// The secret key, in Tauri's form.
    pub secret: SecretString,
    /// The public key.
    pub public: PublicKey,
}

/// Makes a pair of keys; the secret one is encrypted when there is a password that is not empty.
///
/// # Errors
/// When the system has no randomness.
pub fn generate(password: Option<&SecretString>) -> Result<KeyPairText, SignError> {
    let password = password.map(ExposeSecret::expose_secret);
    let password = password.filter(|password| !password.is_empty());
    let pair = match password {
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password.to_owned())),
        None => KeyPair::generate_unencrypted_keypair(),
    };
    let KeyPair { pk, sk } = pair.map_err(|error| failed(&error))?;
    let lines = sk.to_box(None).map_err(|error| failed(&error))?;
    Ok(KeyPairText {
        secret: SecretString::from(wrap(&lines.into_string())),
        public: pk.to_base64().parse()?,
    })
}

/// Whether a key asks of scrypt what some tool lets it. All of them write powers of two, which no number is any more of
/// which one bit is wrong.
fn is_affordable(raw: &[u8; SECRET_KEY]) -> bool {
    let number = |from: usize| {
        let bytes = raw[from..from + 8].iter().rev();
        bytes.fold(0, |number: u64, byte| (number << 8) | u64::from(*byte))
    };
    [(OPERATIONS, MAY_OPERATE), (MEMORY, MAY_HOLD)]
        .into_iter()
        .map(|(from, range)| (number(from), range))
        .all(|(number, range)| number.is_power_of_two() && range.contains(&number))
}

fn failed(error: &PError) -> SignError {
    SignError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_tool_asks_of_scrypt_is_granted_and_nothing_else() {
        let asks = |operations: u64, memory: u64| {
            let mut raw = [0; SECRET_KEY];
            raw[OPERATIONS..MEMORY].copy_from_slice(&operations.to_le_bytes());
            raw[MEMORY..MEMORY + 8].copy_from_slice(&memory.to_le_bytes());
            is_affordable(&raw)
        };
        // minisign halves what is most until the machine has it; the sixth is what Tauri writes.
        for halved in 0..=6 {
            assert!(
                asks(33_554_432 >> halved, 1_073_741_824 >> halved),
                "{halved}"
            );
        }
        assert!(asks(1_048_576, 33_554_432) && asks(524_288, 16_777_216));
        for (operations, memory) in [
            (0, 0),
            (0, 33_554_432),
            (1_048_576, 0),
            (1 << 27, 33_554_432),
            (1_048_576, 1 << 31),
            (u64::MAX, 33_554_432),
            (1_048_576, u64::MAX),
            (1_048_577, 33_554_432),
        ] {
            assert!(!asks(operations, memory), "{operations} and {memory}");
        }
    }
}
