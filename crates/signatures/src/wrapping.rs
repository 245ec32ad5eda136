//! The two forms that keys and signatures are written in: minisign's lines, and one line of base64 over
//! all of them, which is Tauri's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
#[cfg(feature = "sign")]
use secrecy::{ExposeSecret as _, SecretString};

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

/// Whether a text is in Tauri's form as Tauri's updater reads it: one line of base64, unbroken, over minisign's lines
/// alone. Whether these hold is not looked at.
pub fn is_tauris_form(text: &str) -> bool {
    let decoded = STANDARD.decode(text.trim()).ok();
    let lines = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    lines.is_some_and(|lines| minisign_verify::Signature::decode(&lines).is_ok())
}

/// All lines of a key's text, in the form that it has and in the other one, the longest first: what has to be hidden of
/// it. A text that is no key's has only its own lines.
#[cfg(feature = "sign")]
pub fn lines_of_all_forms(text: &SecretString) -> Vec<SecretString> {
    let text = text.expose_secret().trim();
    let mut forms: Vec<String> = vec![text.to_owned()];
    if let Ok(lines) = unwrap(text) {
        let own: Vec<&str> = lines.trim().lines().map(str::trim).collect();
        let joined = own.join("\n");
        forms.extend([
            wrap(&joined),
            wrap(&format!("{joined}\n")),
            wrap(&lines),
            joined,
        ]);
        // Some tools break lines and some do not.
        forms.push(text.split_ascii_whitespace().collect());
    }
    let mut lines: Vec<String> = forms
        .iter()
        .flat_map(|form| form.lines())
        .map(|line| line.trim().to_owned())
        .chain(forms.iter().cloned())
        .filter(|line| !line.is_empty())
        .collect();
    lines.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    lines.dedup();
    lines.into_iter().map(SecretString::from).collect()
}

/// The base64 of a key's text in both of its forms, unbroken and without what stands in every key's: what has to be hidden
/// of it wherever its lines are broken. Nothing of a text that is no key's.
#[cfg(feature = "sign")]
pub fn unbroken_forms(text: &SecretString) -> Vec<SecretString> {
    let text = text.expose_secret().trim();
    let Ok(lines) = unwrap(text) else {
        return Vec::new();
    };
    let own: Vec<&str> = lines.trim().lines().map(str::trim).collect();
    let joined = own.join("\n");
    let body = own.get(1).map(|line| (*line).to_owned());
    // Three bytes are four letters, and the comment is known to everybody.
    let comment = |lines: &str| lines.find('\n').map_or(0, |end| (end + 1) / 3 * 4);
    let wrapped = [joined.clone(), format!("{joined}\n"), lines.clone()];
    let wrapped = wrapped
        .iter()
        .map(|lines| wrap(lines)[comment(lines)..].to_owned());
    let mut forms: Vec<String> = wrapped.chain(body).collect();
    forms.sort();
    forms.dedup();
    forms.into_iter().map(SecretString::from).collect()
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

    #[test]
    fn the_form_of_tauris_updater_is_told_from_others() {
        let body = STANDARD.encode([b"ED".as_slice(), &[7; 72]].concat());
        let global = STANDARD.encode([7; 64]);
        let lines = format!("{UNTRUSTED} a\n{body}\ntrusted comment: b\n{global}\n");
        let good = wrap(&lines);
        assert!(is_tauris_form(&good) && is_tauris_form(&format!("{good}\n")));
        let (one, other) = good.split_at(76);
        for bad in [
            lines.clone(),
            format!("{one}\n{other}"),
            format!("{one}\n\n{other}"),
            wrap(&format!("\n{lines}")),
            wrap(&lines.replacen('\n', "\n\n", 1)),
            wrap(&good),
            wrap("no signature"),
            String::new(),
        ] {
            assert!(!is_tauris_form(&bad), "{bad}");
        }
    }

    #[test]
    #[cfg(feature = "sign")]
    fn every_line_of_a_key_is_known_in_both_forms() {
        let key = format!("{UNTRUSTED} secret key\nAAAABBBBCCCCDDDD");
        let wrapped = [wrap(&key), wrap(&format!("{key}\n"))];
        for text in [&key, &format!("{key}\r\n"), &wrapped[0], &wrapped[1]] {
            let lines = lines_of_all_forms(&SecretString::from(text.clone()));
            let lines: Vec<&str> = lines.iter().map(|line| line.expose_secret()).collect();
            for line in key.lines().chain(wrapped.iter().map(String::as_str)) {
                assert!(lines.contains(&line), "{line}: {lines:?}");
            }
            assert!(lines.is_sorted_by_key(|line| std::cmp::Reverse(line.len())));
        }
        let broken = format!("{}\n{}", &wrapped[0][..20], &wrapped[0][20..]);
        let lines = lines_of_all_forms(&SecretString::from(broken));
        let has = |text: &str| lines.iter().any(|line| line.expose_secret() == text);
        assert!(has(&wrapped[0][..20]) && has(&wrapped[0]) && has("AAAABBBBCCCCDDDD"));
    }

    #[test]
    #[cfg(feature = "sign")]
    fn the_unbroken_forms_hold_the_key_and_not_its_comment() {
        let key = format!("{UNTRUSTED} secret key\nAAAABBBBCCCCDDDD");
        let wrapped = wrap(&format!("{key}\n"));
        let known = wrap(UNTRUSTED);
        for text in [
            &key,
            &wrapped,
            &format!("{}\n{}", &wrapped[..20], &wrapped[20..]),
        ] {
            let forms = unbroken_forms(&SecretString::from(text.clone()));
            let forms: Vec<&str> = forms.iter().map(|form| form.expose_secret()).collect();
            assert!(forms.contains(&"AAAABBBBCCCCDDDD"), "{forms:?}");
            let of_body = |form: &&&str| wrapped.ends_with(**form) && form.len() >= 24;
            assert!(forms.iter().any(|form| of_body(&form)), "{forms:?}");
            assert!(forms.iter().all(|form| !form.contains(&known[..24])));
        }
        assert!(unbroken_forms(&SecretString::from("hunter2".to_owned())).is_empty());
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
