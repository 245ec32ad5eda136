//! Proof that a program comes from a commit: it is built anew from a clean checkout, somewhere else
//! and under other circumstances, and compared bit for bit.
//!
//! What is compared with what, and what is told about a difference, is here; the building itself is
//! what `build` does.

mod checkout;
mod explain;
mod report;
mod scratch;

pub use checkout::{Checkout, Place};
pub use explain::{Tree, explain};
pub use report::{Cause, CauseKind, Comparison, Reproduction, SectionDifference, StringDifference};
pub use scratch::{Scratch, sweep};

use crate::dist::{Recipe, ReleaseRecord};
use crate::shim::Policy;
use crate::toolchain::links_with_lld_link;
use process::ProcessError;
use release_types::Platform;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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
    /// A variable cannot be made what the record names.
    #[error("{name} is not what the record names\n  recorded: {recorded}\n  here: {here}")]
    OtherVariable {
        /// The variable.
        name: String,
        /// Its value then.
        recorded: String,
        /// Its value now.
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
    linker: Option<&str>,
) -> Result<(), ReproduceError> {
    let other = |tool, recorded: &str, here: &str| ReproduceError::OtherTool {
        tool,
        recorded: recorded.to_owned(),
        here: here.to_owned(),
    };
    if record.toolchain.rustc.trim() != rustc.trim() {
        return Err(other("rustc", record.toolchain.rustc.trim(), rustc.trim()));
    }
    match (&record.toolchain.linker, linker) {
        (Some(recorded), here) if here != Some(recorded) => {
            Err(other("the linker", recorded, here.unwrap_or("none")))
        }
        _ => Ok(()),
    }
}

/// Compares the variables of a record with those that the build is about to be given.
///
/// # Errors
/// When one differs.
pub fn same_variables(
    recorded: &BTreeMap<String, String>,
    here: &BTreeMap<String, String>,
) -> Result<(), ReproduceError> {
    for name in recorded.keys().chain(here.keys()) {
        let (then, now) = (recorded.get(name), here.get(name));
        if then != now {
            let text = |value: Option<&String>| value.map_or("not set", String::as_str).to_owned();
            return Err(ReproduceError::OtherVariable {
                name: name.clone(),
                recorded: text(then),
                here: text(now),
            });
        }
    }
    Ok(())
}

/// The linker that a build says beforehand it uses, of those that were found: mold where the policy
/// names it, lld-link where it is tried.
pub fn linker<'a>(
    host: Platform,
    policy: &Policy,
    mold: Option<&'a Path>,
    lld_link: Option<&'a Path>,
) -> Option<(&'static str, &'a Path)> {
    if policy.linker.is_some() {
        Some(("mold", mold?))
    } else if links_with_lld_link(host, &policy.target) {
        Some(("lld-link", lld_link?))
    } else {
        None
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
    use release_types::Os;

    #[test]
    fn the_linker_of_six_hosts_and_targets() {
        let (mold, lld) = (Path::new("/mold"), Path::new("/lld-link"));
        for host in Platform::ALL {
            for target in Platform::ALL {
                let policy = Policy {
                    rustc: "rustc".into(),
                    target: target.target_triple().to_owned(),
                    linker: (host.os == Os::Linux && target.os == Os::Linux)
                        .then(|| "mold".to_owned()),
                    remap: Vec::new(),
                };
                let expected = match (host.os, target.os) {
                    (Os::Linux, Os::Linux) => Some(("mold", mold)),
                    (Os::Windows, Os::Windows) => Some(("lld-link", lld)),
                    _ => None,
                };
                assert_eq!(linker(host, &policy, Some(mold), Some(lld)), expected);
                assert_eq!(linker(host, &policy, None, None), None);
            }
        }
    }

    #[test]
    fn a_variable_that_differs_is_named() {
        let of = |value: &str| BTreeMap::from([("CC".to_owned(), value.to_owned())]);
        assert!(same_variables(&of("gcc"), &of("gcc")).is_ok());
        let error = same_variables(&of("gcc"), &BTreeMap::new()).unwrap_err();
        let text = error.to_string();
        assert_eq!(
            text,
            "CC is not what the record names\n  recorded: gcc\n  here: not set"
        );
        assert!(same_variables(&BTreeMap::new(), &of("gcc")).is_err());
    }

    #[test]
    fn names_of_commits() {
        assert!(is_object_name(&"0a".repeat(20)));
        assert!(is_object_name(&"0a".repeat(32)));
        for other in ["", "main", "--orphan=x", "0a0a0a0", &"0g".repeat(20)] {
            assert!(!is_object_name(other), "{other}");
        }
    }
}
