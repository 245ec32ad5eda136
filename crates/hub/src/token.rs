//! Tokens: random, recognisable by their beginning, with a checksum against typing errors.
//!
//! `atlas_app_` or `atlas_admin_`, then 56 hexadecimal digits of randomness (224 bits) and the
//! CRC-32 of all that as eight more. The Hub keeps the SHA-256 of the whole: a token has too much
//! randomness for a slow hash to add anything, and looking it up by its hash gives a clock nothing
//! to measure.

use crate::HubError;
use release_types::Sha256Digest;
use secrecy::{ExposeSecret as _, SecretString};

/// Whom a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Release automation.
    App,
    /// An administrator of the Hub.
    Admin,
}

impl TokenKind {
    /// What the audit calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Admin => "admin",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::App => "atlas_app_",
            Self::Admin => "atlas_admin_",
        }
    }
}

const RANDOM_BYTES: usize = 28;
const SHOWN_DIGITS: usize = 8;

/// A token that was just drawn.
#[derive(Debug)]
pub(crate) struct NewToken {
    /// The token itself, shown once.
    pub(crate) secret: SecretString,
    /// What is stored of it.
    pub(crate) hash: String,
    /// Its first characters, to recognise it by.
    pub(crate) prefix: String,
}

impl NewToken {
    /// Draws a token.
    pub(crate) fn draw(kind: TokenKind) -> Result<Self, HubError> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random)?;
        let body = format!("{}{}", kind.prefix(), hex::encode(random));
        let text = format!("{body}{:08x}", crc32fast::hash(body.as_bytes()));
        Ok(Self {
            hash: hash(&text),
            prefix: text[..kind.prefix().len() + SHOWN_DIGITS].to_owned(),
            secret: text.into(),
        })
    }
}

/// What the catalogue would have stored of a token, or nothing where the text cannot be a token
/// of this kind: another beginning, another length, or a checksum that does not fit.
pub(crate) fn stored_hash(kind: TokenKind, token: &SecretString) -> Option<String> {
    let text = token.expose_secret();
    let digits = text.strip_prefix(kind.prefix())?;
    if digits.len() != 2 * RANDOM_BYTES + 8 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let (body, checksum) = text.split_at(text.len() - 8);
    let fits = u32::from_str_radix(checksum, 16) == Ok(crc32fast::hash(body.as_bytes()));
    fits.then(|| hash(text))
}

/// A random identifier: 32 hexadecimal digits.
pub(crate) fn random_id() -> Result<String, HubError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(hex::encode(random))
}

fn hash(token: &str) -> String {
    Sha256Digest::of(token.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_and_a_typing_error_too() {
        for kind in [TokenKind::App, TokenKind::Admin] {
            let token = NewToken::draw(kind).unwrap();
            let text = token.secret.expose_secret().to_owned();
            assert!(text.starts_with(&token.prefix));
            assert_eq!(stored_hash(kind, &token.secret), Some(token.hash.clone()));

            let mut typo = text.clone().into_bytes();
            let at = token.prefix.len();
            typo[at] = if typo[at] == b'0' { b'1' } else { b'0' };
            let typo = String::from_utf8(typo).unwrap();
            for wrong in [typo.as_str(), &text[1..], "", &text[..text.len() - 1]] {
                assert_eq!(stored_hash(kind, &wrong.to_owned().into()), None, "{wrong}");
            }
        }
        let app = NewToken::draw(TokenKind::App).unwrap();
        assert_eq!(stored_hash(TokenKind::Admin, &app.secret), None);
    }

    #[test]
    fn debug_does_not_show_a_token() {
        let token = NewToken::draw(TokenKind::App).unwrap();
        assert!(!format!("{token:?}").contains(token.secret.expose_secret()));
    }
}
