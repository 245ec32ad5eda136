//! What a program knows about its own build, as a value, as text and as JSON. It is filled in by
//! `build_info!`; when to show it is left to the programs.

use crate::marker::{HEADER_LEN, OVERHEAD};
use semver::Version;
use std::fmt::Write as _;
use std::hint::black_box;

/// Which build of which program this is.
///
/// `Display` is the name and the version: `atlas-runner 1.4.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildInfo {
    name: &'static str,
    version: &'static str,
    commit: Option<&'static str>,
    target: &'static str,
    rustc: &'static str,
}

impl BuildInfo {
    /// The program's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The version, as strict SemVer 2.0 without a leading `v`.
    pub const fn version(&self) -> &'static str {
        self.version
    }

    /// The commit it was built from, in hexadecimal, if that was known.
    pub const fn commit(&self) -> Option<&'static str> {
        self.commit
    }

    /// The target triple it was built for.
    pub const fn target(&self) -> &'static str {
        self.target
    }

    /// The compiler, as `rustc -V` names it.
    pub const fn rustc(&self) -> &'static str {
        self.rustc
    }

    /// The version, to be compared with others.
    #[expect(
        clippy::expect_used,
        reason = "`emit` and `with_version` let nothing else through"
    )]
    pub fn semver(&self) -> Version {
        Version::parse(self.version).expect("a build's version is SemVer")
    }

    /// The same build under another version, so that a test can have two programs that differ. The
    /// marker in the executable stays what it was.
    ///
    /// # Panics
    /// When the version is not strict SemVer 2.0.
    #[must_use]
    pub fn with_version(mut self, version: &'static str) -> Self {
        assert!(Version::parse(version).is_ok(), "{version:?} is not SemVer");
        self.version = version;
        self
    }

    /// Four lines for people: name and version, commit, target, compiler. The last one is not ended.
    pub fn to_text(&self) -> String {
        format!(
            "{self}\ncommit: {}\ntarget: {}\nrustc: {}",
            self.commit.unwrap_or("unknown"),
            self.target,
            self.rustc
        )
    }

    /// One line of JSON: an object with `name`, `version`, `commit` (text or `null`), `target` and
    /// `rustc`.
    pub fn to_json(&self) -> String {
        let members = [
            ("name", Some(self.name)),
            ("version", Some(self.version)),
            ("commit", self.commit),
            ("target", Some(self.target)),
            ("rustc", Some(self.rustc)),
        ];
        let members: Vec<String> = members
            .iter()
            .map(|(key, value)| format!("\"{key}\":{}", value.map_or("null".to_owned(), json_text)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

impl std::fmt::Display for BuildInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// The version is read out of the marker's own bytes, through a barrier that the compiler cannot
/// see behind: the marker is needed as long as the version is, and the two cannot differ.
#[doc(hidden)]
#[expect(
    clippy::expect_used,
    reason = "the marker was made from a `str` at compile time"
)]
pub fn from_marker<const N: usize>(
    name: &'static str,
    marker: &'static [u8; N],
    commit: &'static str,
    target: &'static str,
    rustc: &'static str,
) -> BuildInfo {
    const { assert!(N > OVERHEAD, "a marker holds a version") };
    let version =
        std::str::from_utf8(&black_box(marker)[HEADER_LEN..]).expect("a marker's version is text");
    BuildInfo {
        name,
        version,
        commit: Some(commit).filter(|commit| !commit.is_empty()),
        target,
        rustc,
    }
}

fn json_text(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                // Every control character is in the basic plane, so four digits are enough.
                #[expect(clippy::expect_used, reason = "writing to a `String` cannot fail")]
                write!(quoted, "\\u{:04x}", u32::from(c)).expect("memory");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: BuildInfo = BuildInfo {
        name: "atlas-runner",
        version: "1.4.0",
        commit: None,
        target: "x86_64-unknown-linux-gnu",
        rustc: "rustc 1.95.0 (59807616e 2026-04-14)",
    };

    #[test]
    fn it_shows_as_name_and_version() {
        assert_eq!(INFO.to_string(), "atlas-runner 1.4.0");
        assert_eq!(
            INFO.with_version("2.0.0-rc.1").to_string(),
            "atlas-runner 2.0.0-rc.1"
        );
        assert_eq!(
            INFO.to_text(),
            "atlas-runner 1.4.0\ncommit: unknown\ntarget: x86_64-unknown-linux-gnu\n\
             rustc: rustc 1.95.0 (59807616e 2026-04-14)"
        );
    }

    #[test]
    #[should_panic(expected = "\"1.4\" is not SemVer")]
    fn a_version_that_is_none_is_refused() {
        drop(INFO.with_version("1.4").to_string());
    }

    #[test]
    fn json_has_every_member_in_order() {
        assert_eq!(
            INFO.to_json(),
            r#"{"name":"atlas-runner","version":"1.4.0","commit":null,"target":"x86_64-unknown-linux-gnu","rustc":"rustc 1.95.0 (59807616e 2026-04-14)"}"#
        );
        let odd = BuildInfo {
            commit: Some("a\"b\\c\n\u{85}é"),
            ..INFO
        };
        assert!(odd.to_json().contains(r#""commit":"a\"b\\c\u000a\u0085é""#));
    }
}
