//! Tokens: random, recognisable by their beginning, with a checksum against typing errors.
//!
//! `atlas_app_`, `atlas_pack_`, `atlas_admin_` or `atlas_user_`, then 56 hexadecimal digits of randomness (224 bits) and the
//! CRC-32 of all that as eight more. The Hub keeps the SHA-256 of the whole: a token has too much
//! randomness for a slow hash to add anything, and looking it up by its hash gives a clock nothing
//! to measure.

use crate::HubError;
use release_types::{Sha256Digest, UserRole};
use secrecy::{ExposeSecret as _, SecretString};

/// Whom a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Release automation.
    App,
    /// Automation of one pack.
    Pack,
    /// An administrator of the Hub.
    Admin,
    /// A user who is no administrator.
    User,
}

impl TokenKind {
    /// What the audit calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Pack => "pack",
            Self::Admin => "admin",
            Self::User => "user",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::App => "atlas_app_",
            Self::Pack => "atlas_pack_",
            Self::Admin => "atlas_admin_",
            Self::User => "atlas_user_",
        }
    }

    /// What a user of this role holds. What the holder may do is asked of the user, not of this.
    pub(crate) const fn of(role: UserRole) -> Self {
        match role {
            UserRole::Admin => Self::Admin,
            UserRole::Creator => Self::User,
        }
    }
}

/// What the catalogue knows a token by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TokenHash {
    pub(crate) kind: TokenKind,
    pub(crate) hash: String,
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

/// What the catalogue would have stored of a token of one of these kinds, or nothing where the
/// text cannot be one: another beginning, another length, or a checksum that does not fit. That is
/// known without asking anybody, and so is whether a text found elsewhere is a leaked token.
pub(crate) fn recognise(kinds: &[TokenKind], token: &SecretString) -> Option<TokenHash> {
    let text = token.expose_secret();
    kinds.iter().find_map(|&kind| {
        let digits = text.strip_prefix(kind.prefix())?;
        if digits.len() != 2 * RANDOM_BYTES + 8 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let (body, checksum) = text.split_at(text.len() - 8);
        let fits = u32::from_str_radix(checksum, 16) == Ok(crc32fast::hash(body.as_bytes()));
        fits.then(|| TokenHash {
            kind,
            hash: hash(text),
        })
    })
}

/// A random identifier: 32 hexadecimal digits.
pub(crate) fn random_id() -> Result<String, HubError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(hex::encode(random))
}

/// Whether a text is what such an identifier looks like.
pub(crate) fn is_random_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn hash(token: &str) -> String {
    Sha256Digest::of(token.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [TokenKind; 4] = [
        TokenKind::App,
        TokenKind::Pack,
        TokenKind::Admin,
        TokenKind::User,
    ];

    #[test]
    fn a_token_has_enough_randomness_and_is_of_one_kind() {
        const { assert!(RANDOM_BYTES * 8 >= 180) };
        for kind in KINDS {
            let (token, other) = (NewToken::draw(kind).unwrap(), NewToken::draw(kind).unwrap());
            let text = token.secret.expose_secret();
            assert!(text.starts_with(&token.prefix));
            // Of the randomness only what is shown is stored in plain.
            assert_eq!(token.prefix.len(), kind.prefix().len() + SHOWN_DIGITS);
            assert_ne!(token.hash, other.hash);
            for wanted in KINDS {
                let found = recognise(&[wanted], &token.secret);
                let expected = (wanted == kind).then(|| token.hash.clone());
                assert_eq!(found.map(|found| found.hash), expected);
            }
            let found = recognise(&KINDS, &token.secret).unwrap();
            assert_eq!((found.kind, found.hash), (kind, token.hash));
        }
    }

    /// Issued by the first version, and its hash as that stored it.
    #[test]
    fn tokens_of_before_are_still_recognised() {
        let old = "atlas_app_000102030405060708090a0b0c0d0e0f101112131415161718191a1b3dc22418";
        let found = recognise(&[TokenKind::App], &old.to_owned().into()).unwrap();
        assert_eq!(
            found.hash,
            "ec28c26ef059e67ebbabd9c51000cafa2616762209cfb1a418b7169df61d3251"
        );
    }

    #[test]
    fn debug_does_not_show_a_token() {
        let token = NewToken::draw(TokenKind::App).unwrap();
        assert!(!format!("{token:?}").contains(token.secret.expose_secret()));
    }

    fn drawn() -> impl Strategy<Value = String> {
        (0..KINDS.len()).prop_map(|kind| {
            let token = NewToken::draw(KINDS[kind]).unwrap();
            token.secret.expose_secret().to_owned()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn one_wrong_character_is_noticed(token in drawn(), at in any::<prop::sample::Index>(), c in "[ -~]") {
            let at = at.index(token.len());
            prop_assume!(!token[at..=at].eq_ignore_ascii_case(&c));
            let wrong = format!("{}{c}{}", &token[..at], &token[at + 1..]);
            prop_assert_eq!(recognise(&KINDS, &wrong.into()), None);
        }

        #[test]
        fn two_characters_in_the_wrong_order_are_noticed(token in drawn(), at in any::<prop::sample::Index>()) {
            let at = at.index(token.len() - 1);
            let mut wrong = token.clone().into_bytes();
            wrong.swap(at, at + 1);
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assume!(wrong != token);
            prop_assert_eq!(recognise(&KINDS, &wrong.into()), None);
        }

        #[test]
        fn what_is_cut_short_or_longer_is_noticed(token in drawn(), at in any::<prop::sample::Index>(), more in "[0-9a-f]{1,8}") {
            let short = token[..at.index(token.len())].to_owned();
            prop_assert_eq!(recognise(&KINDS, &short.into()), None);
            prop_assert_eq!(recognise(&KINDS, &format!("{token}{more}").into()), None);
        }

        #[test]
        fn no_other_text_is_taken_for_a_token(text in "\\PC{0,100}|atlas_(app|pack|admin|user)_[0-9a-f]{64}") {
            // A text of that form has the right checksum once in four thousand million times.
            prop_assert_eq!(recognise(&KINDS, &text.into()), None);
        }
    }
}
