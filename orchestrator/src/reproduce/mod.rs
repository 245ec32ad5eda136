//! Proof that a program comes from a commit: it is built anew from a clean checkout, somewhere else
//! and under other circumstances, and compared bit for bit.
//!
//! What is compared with what, and what is told about a difference, is here; the building itself is
//! what `build` does.

mod checkout;
mod explain;
mod report;

pub use checkout::{Checkout, Place};
pub use explain::{Tree, explain};
pub use report::{Cause, CauseKind, Comparison, Reproduction, SectionDifference, StringDifference};

use crate::dist::{Recipe, ReleaseRecord};
use process::ProcessError;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Why nothing is proven.
#[derive(Debug, thiserror::Error)]
pub enum ReproduceError {
    /// The bytes differ.
    #[error("{0}")]
    Differs(String),
    /// There is nothing to compare with.
    #[error("{what} is not published on channel {channel}")]
    NotPublished {
        /// Product, version and platform.
        what: String,
        /// The channel.
        channel: String,
    },
    /// The lock file of the commit is not the one that was built with.
    #[error("the record names another Cargo.lock than commit {commit} has")]
    OtherLock {
        /// The commit.
        commit: String,
    },
    /// This machine has another tool than the record.
    #[error("{tool} is not what the record names\n  recorded: {recorded}\n  here: {here}")]
    OtherTool {
        /// The tool.
        tool: &'static str,
        /// What was used then.
        recorded: String,
        /// What would be used now.
        here: String,
    },
    /// The cache that was to be proven harmless does not work.
    #[error("nothing was taken from the cache, so nothing is known about it")]
    NoCache,
    /// The record cannot be used.
    #[error("{}: {why}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The record is of a tree that is in no commit.
    #[error("the record is of files that differed from the commit: {}", crate::plan::shortened(.dirty))]
    Unprovable {
        /// The files.
        dirty: Vec<String>,
    },
    /// The commit is not here.
    #[error("this repository has no commit {commit}")]
    NoCommit {
        /// The commit.
        commit: String,
    },
    /// The commit could not be checked out.
    #[error("git could not check the commit out")]
    Git(#[source] ProcessError),
    /// A file or folder could not be used.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Whether a text is the full name of a commit: in SHA-1 or SHA-256, as hexadecimal digits.
pub fn is_object_name(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Compares the tools of a record with those that are about to be used: other tools make other
/// bytes, and minutes can be saved by saying so first.
///
/// # Errors
/// When one differs.
pub fn same_tools(
    record: &ReleaseRecord,
    rustc: &str,
    mold: Option<&str>,
) -> Result<(), ReproduceError> {
    let other = |tool, recorded: &str, here: &str| ReproduceError::OtherTool {
        tool,
        recorded: recorded.to_owned(),
        here: here.to_owned(),
    };
    if record.toolchain.rustc.trim() != rustc.trim() {
        return Err(other("rustc", record.toolchain.rustc.trim(), rustc.trim()));
    }
    match (&record.toolchain.linker, mold) {
        (Some(recorded), here) if here != Some(recorded) => {
            Err(other("the linker", recorded, here.unwrap_or("none")))
        }
        _ => Ok(()),
    }
}

/// Compares the tools of two finished builds, for what could not be known before.
pub fn other_tools(record: &ReleaseRecord, built: &ReleaseRecord) -> Vec<String> {
    let (Some(then), Some(now)) = (&record.recipe, &built.recipe) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut differ = |what: &str, then: Option<String>, now: Option<String>| {
        if then != now {
            let text = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
            found.push(format!(
                "{what}: recorded {}, here {}",
                text(then),
                text(now)
            ));
        }
    };
    let flags = |flags: &[String]| (!flags.is_empty()).then(|| flags.join(" "));
    let json = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string);
    differ("linker", then.linker.clone(), now.linker.clone());
    let (a, b) = (then.c_compiler.clone(), now.c_compiler.clone());
    differ("C compiler", a, b);
    let cargo = |recipe: &Recipe| Some(recipe.cargo.clone()).filter(|text| !text.is_empty());
    differ("cargo", cargo(then), cargo(now));
    differ(
        "rustc flags",
        flags(&then.rustc_flags),
        flags(&now.rustc_flags),
    );
    differ("C flags", flags(&then.c_flags), flags(&now.c_flags));
    differ("profile", json(&then.profile), json(&now.profile));
    let names: BTreeSet<&String> = then
        .environment
        .keys()
        .chain(now.environment.keys())
        .collect();
    for name in names {
        let value = |recipe: &Recipe| recipe.environment.get(name).cloned();
        differ(&format!("variable {name}"), value(then), value(now));
    }
    found
}

/// The likely cause of the differences that were found.
pub fn likely_cause(
    trees: Option<(&Tree, &Tree)>,
    folders: &[PathBuf],
    files: &[Comparison],
    tools: &[String],
) -> Cause {
    let strings: Vec<StringDifference> = files.iter().flat_map(|f| f.strings.clone()).collect();
    explain::cause(trees, folders, &strings, tools)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_commits() {
        assert!(is_object_name(&"0a".repeat(20)));
        assert!(is_object_name(&"0a".repeat(32)));
        for other in ["", "main", "--orphan=x", "0a0a0a0", &"0g".repeat(20)] {
            assert!(!is_object_name(other), "{other}");
        }
    }
}
