//! What keeps files out of a manifest that they belong into. Each is told with the file and what can
//! be done about it.

use release_types::{FileName, FileNameError, ManifestProblem, Os, Platform};
use std::fmt;

/// Why a file that is to be released cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing says which system it is for.
    #[error("{path}: its name has none of the words windows, darwin, macos, osx and linux")]
    NoOs {
        /// The file.
        path: String,
    },
    /// Its name names several systems, or another one than its ending.
    #[error("{path}: its name says more than one system")]
    SeveralOs {
        /// The file.
        path: String,
    },
    /// It is in doubt which processor it is for.
    #[error("{path}: {doubt}; say which: --arch {}", quoted(&format!("{path}=x64")))]
    Arch {
        /// The file.
        path: String,
        /// Why.
        doubt: Doubt,
    },
    /// `--arch` cannot be followed.
    #[error("--arch {file}: {why}")]
    Named {
        /// What was named.
        file: String,
        /// Why not.
        why: &'static str,
    },
    /// A signature whose payload is not there.
    #[error("{path}: it signs `{payload}`, which {why}")]
    NoPayload {
        /// The signature.
        path: String,
        /// The name of the payload.
        payload: String,
        /// What there is instead.
        why: &'static str,
    },
    /// It cannot be published under its name.
    #[error("{path}: {source}")]
    Name {
        /// The file.
        path: String,
        /// Why not.
        source: FileNameError,
    },
    /// It cannot stand in a manifest.
    #[error("{path}: {source}")]
    Row {
        /// The file.
        path: String,
        /// Why not.
        source: ManifestProblem,
    },
    /// Two files have one key.
    #[error("{path}: `{filename}` for {platform} is {first} already: both would have one key")]
    Twice {
        /// The file.
        path: String,
        /// The first one.
        first: String,
        /// The name of the first.
        filename: FileName,
        /// For which platform.
        platform: Platform,
    },
    /// Two files differ in nothing but the version that their names say.
    #[error(
        "{path}: it is of version {version}, and {first}, which is called the same otherwise, of {other}: leave one of them out"
    )]
    TwoVersions {
        /// The file.
        path: String,
        /// Its version.
        version: String,
        /// The first one.
        first: String,
        /// The version of the first.
        other: String,
    },
    /// It is another name of a file that is for another platform.
    #[error(
        "{path}: by its name it is for {platform}, and it is the same file as {first}, which is for {other}"
    )]
    SameFile {
        /// The file.
        path: String,
        /// For which platform.
        platform: Platform,
        /// The first one.
        first: String,
        /// For which platform the first is.
        other: Platform,
    },
    /// It is no file that can be published.
    #[error("{path}: {why}")]
    Unfit {
        /// The file.
        path: String,
        /// Why not.
        why: &'static str,
    },
}

impl Fault {
    /// What is wrong, for who has no flags to say more of a file.
    pub(super) fn without_flags(&self) -> String {
        match self {
            Self::Arch { path, doubt } => format!("{path}: {doubt}"),
            other => other.to_string(),
        }
    }
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Why it is not known which processor a file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// It says nothing, and neither does anything else for the same system.
    Nothing(Os),
    /// It says nothing, and the others for the same system say different things: these.
    Others(Os, Vec<String>),
    /// It says different things.
    Several,
    /// It says a processor that nothing is released for, by this word.
    Foreign(&'static str),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(os) => write!(
                f,
                "its name says no architecture, and no other file for {os} does here"
            ),
            Self::Others(os, others) => write!(
                f,
                "its name says no architecture, and there are files for {os} on {}",
                others.join(" and ")
            ),
            Self::Several => f.write_str("its name says more than one architecture"),
            Self::Foreign(word) => write!(
                f,
                "its name says `{word}`, an architecture that nothing is released for"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_typed_is_one_word_of_a_shell() {
        let fault = Fault::Arch {
            path: "it's.dmg".to_owned(),
            doubt: Doubt::Several,
        };
        assert!(fault.to_string().ends_with(r"--arch 'it'\''s.dmg=x64'"));
    }
}
