//! The two forms that keys and signatures are written in: minisign's lines, and one line of base64 over
//! all of them, which is Tauri's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why a text is no key or no signature. None of them repeats the text, which may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// Longer than any is.
    #[error("it is longer than any key or signature")]
    TooLong,
    /// Neither form.
    #[error("it is neither minisign's lines nor Tauri's base64 of them")]
    Form,
    /// A line that should be base64 of so many bytes is not.
    #[error("its {0} is damaged")]
    Damaged(&'static str),
    /// An algorithm that is not minisign's Ed25519.
    #[error("its algorithm is not known")]
    Algorithm,
}

/// What minisign's texts begin with.
const UNTRUSTED: &str = "untrusted comment:";

/// minisign's lines of a text in either form.
pub(crate) fn unwrap(text: &str) -> Result<String, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() as u64 > crate::MAX_TEXT {
        return Err(TextError::TooLong);
    }
    if text.starts_with(UNTRUSTED) {
        return Ok(text.to_owned());
    }
    // Some tools and secret stores break long lines.
    let one_line: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(one_line).map_err(|_| TextError::Form)?;
    let inner = String::from_utf8(bytes).map_err(|_| TextError::Form)?;
    match inner.trim_start().starts_with(UNTRUSTED) {
        true => Ok(inner.trim_start().to_owned()),
        false => Err(TextError::Form),
    }
}

/// Tauri's form of minisign's lines.
pub(crate) fn wrap(lines: &str) -> String {
    STANDARD.encode(lines)
}

/// The second line's bytes, which are so many.
pub(crate) fn payload<const N: usize>(
    lines: &str,
    what: &'static str,
) -> Result<[u8; N], TextError> {
    let line = lines.lines().nth(1).unwrap_or_default();
    bytes(line, what)
}

/// The bytes of a line of base64, which are so many.
pub(crate) fn bytes<const N: usize>(line: &str, what: &'static str) -> Result<[u8; N], TextError> {
    let bytes = STANDARD.decode(line.trim());
    let bytes = bytes.map_err(|_| TextError::Damaged(what))?;
    bytes.try_into().map_err(|_| TextError::Damaged(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms_are_one_text() {
        let lines = "untrusted comment: key\nAAAA\n";
        assert_eq!(unwrap(lines).unwrap(), lines.trim());
        let wrapped = wrap(lines);
        assert_eq!(unwrap(&wrapped).unwrap(), lines);
        let broken = wrapped.split_at(10);
        let broken = format!("  {}\r\n{}\n", broken.0, broken.1);
        assert_eq!(unwrap(&broken).unwrap(), lines);
        assert_eq!(unwrap(" \n"), Err(TextError::Empty));
        assert_eq!(unwrap("no key"), Err(TextError::Form));
        assert_eq!(unwrap(&wrap("no key")), Err(TextError::Form));
        let long = wrap(&format!("{UNTRUSTED}{}", "x".repeat(16 * 1024)));
        assert_eq!(unwrap(&long), Err(TextError::TooLong));
    }

    proptest! {
        #[test]
        fn what_begins_as_they_do_is_one_in_either_form(text in "\\PC{0,60}(\n\\PC{0,20}){0,3}") {
            let lines = format!("{UNTRUSTED}{text}");
            let unwrapped = unwrap(&lines);
            prop_assert_eq!(unwrapped.as_deref(), Ok(lines.trim()));
            prop_assert_eq!(unwrap(&wrap(&lines)), Ok(lines.clone()));
            // Nor does what follows make anything panic.
            let raw: Result<[u8; 74], _> = payload(&lines, "signature");
            prop_assert!(raw.is_err() || lines.lines().nth(1).is_some());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            prop_assert!(unwrap(&text).is_ok() == text.trim().starts_with(UNTRUSTED));
        }
    }
}
