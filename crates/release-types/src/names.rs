//! Names that become part of paths, keys and URLs, checked once so that they are safe in all.

use crate::text_serde;
use std::fmt;
use std::str::FromStr;
use unicode_normalization::UnicodeNormalization as _;

/// A text that cannot be a product's or a group's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a product name: expected 1 to 64 of a-z, 0-9 and `-`, beginning with a letter and not ending with `-`"
)]
pub struct NameError(pub String);

/// What the Hub calls a product: `runner`, `runnerd`, `cli`, `launcher`, or one its operator added.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductName(String);

impl ProductName {
    /// The products that every Hub has.
    pub const BUILT_IN: [&'static str; 4] = ["launcher", "cli", "runner", "runnerd"];

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProductName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fits = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError(text.to_owned()))
        }
    }
}

impl fmt::Display for ProductName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

text_serde!(ProductName);

/// Why a text cannot be an artifact's file name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be a file name: {why}", name.escape_debug())]
pub struct FileNameError {
    /// The text that was refused.
    pub name: String,
    /// Which rule it breaks.
    pub why: &'static str,
}

/// The name of an artifact's file: one path segment that every supported system can store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

/// Device names that Windows reserves, with or without an ending; it takes three of the digits in their
/// raised form too. Source: Microsoft, "Naming Files, Paths, and Namespaces", and for the console's, "Console
/// Handles".
const RESERVED: [&str; 30] = [
    "con", "prn", "aux", "nul", "conin$", "conout$", "com1", "com2", "com3", "com4", "com5",
    "com6", "com7", "com8", "com9", "com¹", "com²", "com³", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5",
    "lpt6", "lpt7", "lpt8", "lpt9", "lpt¹", "lpt²", "lpt³",
];

impl FileName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn fault(text: &str) -> Option<&'static str> {
        if text.is_empty() {
            return Some("it is empty");
        }
        if text.len() > 255 {
            return Some("it is longer than 255 bytes");
        }
        if text.contains(['/', '\\']) {
            return Some("it holds a path separator");
        }
        if text == "." || text == ".." {
            return Some("it names a folder");
        }
        if text.chars().any(char::is_control) {
            return Some("it holds a control character");
        }
        if text.chars().any(is_unseen) {
            return Some("it holds a character that is not seen or turns the direction of text");
        }
        if is_escaped(text) {
            return Some("it holds an escaped dot, separator or NUL");
        }
        if text.contains(['<', '>', ':', '"', '|', '?', '*']) {
            return Some("it holds one of < > : \" | ? *");
        }
        if text.ends_with(['.', ' ']) {
            return Some("it ends with a dot or a space");
        }
        let stem = text.split('.').next().unwrap_or(text).trim_end();
        if RESERVED.contains(&stem.to_ascii_lowercase().as_str()) {
            return Some("Windows reserves it for a device");
        }
        None
    }
}

/// A name as systems see it that take some names for the same: without case, and with its accents in one form, since
/// macOS writes them in another one than most keyboards do.
pub fn folded(name: &str) -> String {
    let apart: String = name.nfd().collect();
    apart.to_lowercase().nfc().collect()
}

/// Whether a character makes people read another name than programs do: Unicode's controls of
/// direction, ends of lines, and what has no shape. Joiners have none either, but words need them.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}'
    )
}

/// Whether a proxy or a server that unescapes a name once too often would see another path.
fn is_escaped(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["%2e", "%2f", "%5c", "%00"]
        .iter()
        .any(|escape| text.contains(escape))
}

impl FromStr for FileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, FileNameError> {
        match Self::fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(why) => Err(FileNameError {
                name: text.to_owned(),
                why,
            }),
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

text_serde!(FileName);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn product_names() {
        for good in ["runner", "a", "my-tool2"] {
            assert!(good.parse::<ProductName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "Runner",
            "1a",
            "a_b",
            "a/b",
            "..",
            "a-",
            &"a".repeat(65),
        ] {
            assert!(bad.parse::<ProductName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_that_some_system_takes_for_the_same_are_one_when_folded() {
        let composed = "Entr\u{e9}e_1.0.0.dmg";
        let apart = "ENTRE\u{301}E_1.0.0.dmg";
        assert_eq!(folded(composed), folded(apart));
        assert_ne!(folded(composed), folded("Entree_1.0.0.dmg"));
        assert_ne!(folded("x\u{fb01}"), folded("xfi"));
    }

    #[test]
    fn file_names_that_some_system_cannot_store_are_refused() {
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "nul",
            "CON.txt",
            "com1.tar.gz",
            "COM¹.deb",
            "lpt³",
            "ConOut$.txt",
            "a.",
            "a ",
            "a\0b",
            "a\nb",
            "a\u{202e}fdp.exe",
            "a\u{2066}b",
            "a\u{200b}",
            "\u{feff}a",
            "a\u{2028}b",
            "a:b",
            "a|b",
            "%2e%2E",
            "a%2Fb",
            "a%5cb",
            "a%00",
            &"x".repeat(256),
        ] {
            assert!(bad.parse::<FileName>().is_err(), "{bad:?}");
        }
        for good in [
            "atlas-runner.exe",
            "Atlas App_1.0.dmg",
            "console",
            ".hidden",
            "é.bin",
            "نمی\u{200c}خواهم.bin",
            "שלום.bin",
        ] {
            assert!(good.parse::<FileName>().is_ok(), "{good:?}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_file_name_is_one_clean_segment(text in "\\PC{0,20}") {
            if let Ok(name) = text.parse::<FileName>() {
                prop_assert_eq!(name.as_str(), text.as_str());
                let path = std::path::Path::new(name.as_str());
                prop_assert_eq!(path.components().count(), 1);
                prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
            }
        }
    }
}
