//! Credentials out of the environment, and texts without them.

use super::CodeSignError;
use crate::context::World;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret as _, SecretString};

/// Texts that nobody may see, whoever repeats them.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets(Vec<SecretString>);

impl Secrets {
    pub fn new(all: impl IntoIterator<Item = SecretString>) -> Self {
        Self(all.into_iter().collect())
    }

    pub fn and(mut self, more: SecretString) -> Self {
        self.0.push(more);
        self
    }

    /// A text with each of them struck out. One of several lines goes line by line too, since tools
    /// break and indent what they repeat.
    pub fn strike(&self, text: &str) -> String {
        let mut words: Vec<&str> = Vec::new();
        for secret in &self.0 {
            let whole = secret.expose_secret();
            words.push(whole);
            words.push(whole.trim());
            words.extend(whole.lines().map(str::trim).filter(|line| line.len() > 7));
        }
        words.retain(|word| !word.is_empty());
        // The longest first: one may be a part of another.
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words
            .into_iter()
            .fold(text.to_owned(), |text, word| text.replace(word, "***"))
    }
}

/// The value of a variable that has to be there by now.
pub(super) fn of(world: &World, name: &'static str) -> Result<SecretString, CodeSignError> {
    let text = world.env.text(name)?.unwrap_or_default();
    Ok(SecretString::from(text.to_owned()))
}

/// What a variable holds in base64, however its lines are broken.
pub(super) fn decoded(name: &'static str, text: &SecretString) -> Result<Vec<u8>, CodeSignError> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&STANDARD, config);
    let text: String = text.expose_secret().split_whitespace().collect();
    match engine.decode(text) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        // Where it stops being base64 would tell a part of it.
        _ => Err(CodeSignError::NotBase64 { variable: name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_secret_is_struck_out() {
        let secrets = Secrets::new(
            ["pass", "password", "", "LINEONEONE\nLINETWOTWO\n"]
                .map(|text| SecretString::from(text.to_owned())),
        );
        assert_eq!(
            secrets.strike("bad password, bad pass: LINETWOTWO x"),
            "bad ***, bad ***: *** x"
        );
        assert!(!format!("{secrets:?}").contains("pass\""));
    }

    #[test]
    fn base64_is_read_in_lines_and_never_repeated() {
        let read = |text: &str| decoded("WIN_B64_PFX", &SecretString::from(text.to_owned()));
        assert_eq!(read("aGVs\r\nbG8=\n").unwrap(), b"hello");
        assert_eq!(read("aGVsbG8").unwrap(), b"hello");
        for wrong in ["", "hunter2!", " "] {
            let error = read(wrong).unwrap_err().to_string();
            assert_eq!(error, "WIN_B64_PFX holds no base64");
        }
    }
}
