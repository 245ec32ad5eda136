//! The tools that this program knows: what each is for, where it is needed, and which version of it
//! will do. Pure.

use crate::text::bounded;
use release_types::{Os, Platform};
use serde::Serialize;

/// A tool that releases are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// The build tool.
    Cargo,
    /// The compiler.
    Rustc,
    /// The version control.
    Git,
    /// The linker for Linux.
    Mold,
    /// The linker for Windows.
    LldLink,
    /// The compiler cache.
    Sccache,
}

/// How much depends on a tool on one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Nothing can be built without it.
    Needed,
    /// It is used where it works, and builds go on without it.
    Recommended,
    /// Builds for this host never use it.
    Optional,
}

impl Tool {
    /// All of them, in the order in which a build meets them.
    pub const ALL: [Self; 6] = [
        Self::Cargo,
        Self::Rustc,
        Self::Git,
        Self::Mold,
        Self::LldLink,
        Self::Sccache,
    ];

    /// Its name, as it is on `PATH`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Rustc => "rustc",
            Self::Git => "git",
            Self::Mold => "mold",
            Self::LldLink => "lld-link",
            Self::Sccache => "sccache",
        }
    }

    /// What it is for.
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Cargo => "builds the programs",
            Self::Rustc => "compiles them",
            Self::Git => "tells the commit and the tag that are released",
            Self::Mold => "links programs for Linux",
            Self::LldLink => "links programs for Windows",
            Self::Sccache => "compiles once what was compiled before",
        }
    }

    /// How much depends on it on a host.
    pub const fn need(self, host: Platform) -> Need {
        match (self, host.os) {
            (Self::Cargo | Self::Rustc | Self::Git, _)
            | (Self::Mold, Os::Linux)
            | (Self::LldLink, Os::Windows) => Need::Needed,
            (Self::Sccache, _) => Need::Recommended,
            (Self::Mold | Self::LldLink, _) => Need::Optional,
        }
    }

    /// The smallest version that is accepted.
    ///
    /// Cargo and rustc 1.85 brought the edition 2024. git 2.20 is the oldest that is still met.
    /// sccache has had private sockets since 0.10; without one, this build and somebody else's
    /// would share a server. lld-link 14 is the oldest that has been tried.
    pub const fn smallest(self) -> semver::Version {
        match self {
            Self::Cargo | Self::Rustc => semver::Version::new(1, 85, 0),
            Self::Git => semver::Version::new(2, 20, 0),
            Self::Mold => semver::Version::new(1, 0, 0),
            Self::LldLink => semver::Version::new(14, 0, 0),
            Self::Sccache => semver::Version::new(0, 10, 0),
        }
    }

    /// Whether a tool that calls its version so is new enough.
    pub fn accepts(self, version: &str) -> bool {
        self.refusal(version).is_none()
    }

    /// What is wrong with a tool that calls its version so; nothing when it is new enough.
    pub fn refusal(self, version: &str) -> Option<String> {
        let smallest = self.smallest();
        match number(version) {
            None => Some(no_version("--version", version)),
            Some(number) if number >= smallest => None,
            Some(_) => {
                let version = bounded(version);
                Some(format!(
                    "`{version}` is too old: {smallest} or newer is needed"
                ))
            }
        }
    }
}

/// What is wrong with a tool that prints no version.
pub fn no_version(asked: &str, printed: &str) -> String {
    match bounded(printed).trim() {
        "" => format!("asked for its version with {asked}, it prints nothing"),
        text => format!("asked for its version with {asked}, it prints `{text}`, which is none"),
    }
}

/// The first version number in a text: `git version 2.45.1.windows.1` is 2.45.1, `v3.08` is 3.8.0,
/// and what stands behind a hyphen does not make it older.
pub fn number(text: &str) -> Option<semver::Version> {
    text.split_whitespace().find_map(|word| {
        let word = word.strip_prefix('v').unwrap_or(word);
        let end = word.find(|c: char| !c.is_ascii_digit() && c != '.');
        let mut parts = word[..end.unwrap_or(word.len())]
            .split('.')
            .map_while(|part| part.parse::<u64>().ok());
        let (major, minor) = (parts.next()?, parts.next()?);
        Some(semver::Version::new(
            major,
            minor,
            parts.next().unwrap_or(0),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_is_not_accepted() {
        for (tool, version, accepted) in [
            (Tool::Sccache, "sccache 0.16.0", true),
            (Tool::Sccache, "sccache 0.7.7", false),
            (Tool::Sccache, "sccache", false),
            (Tool::Mold, "mold 1.10.1 (compatible with GNU ld)", true),
            (Tool::Git, "git version 2.45.1.windows.1", true),
            (Tool::Git, "git version 2.39.3 (Apple Git-146)", true),
            (Tool::Git, "git version 2.9", false),
            (Tool::LldLink, "Debian LLD 14.0.6", true),
            (Tool::LldLink, "LLD 9.0.1", false),
            (Tool::Rustc, "rustc 1.97.0-nightly (abc 2026-01-01)", true),
            (Tool::Cargo, "cargo 1.84.1 (66221abde 2024-11-19)", false),
        ] {
            assert_eq!(tool.accepts(version), accepted, "{version}");
        }
    }

    #[test]
    fn a_rust_that_is_accepted_builds_what_programs_depend_on() {
        let manifest = include_str!("../../../crates/build-version/Cargo.toml");
        let manifest: toml::Table = manifest.parse().unwrap();
        let needed = manifest["package"]["rust-version"].as_str().unwrap();
        for tool in [Tool::Cargo, Tool::Rustc] {
            assert_eq!(number(needed), Some(tool.smallest()));
        }
    }

    #[test]
    fn what_is_no_version_is_told_apart_and_cut_short() {
        let refusal = |version: &str| Tool::Mold.refusal(version).unwrap();
        assert_eq!(
            refusal("mold 0.9.6"),
            "`mold 0.9.6` is too old: 1.0.0 or newer is needed"
        );
        assert_eq!(
            refusal(""),
            "asked for its version with --version, it prints nothing"
        );
        let garbage = format!("\u{1b}[31mELF\u{0}{}\nsecond line", "é".repeat(1000));
        let text = refusal(&garbage);
        assert!(
            text.contains("prints `\u{fffd}[31mELF\u{fffd}é")
                && text.ends_with("é…`, which is none"),
            "{text}"
        );
        assert!(
            text.chars().count() < 140 && !text.contains("second"),
            "{text}"
        );
        let long = format!("mold 2.30.0 ({}; compatible with GNU ld)", "0".repeat(40));
        assert!(bounded(&long).ends_with('…'));
        assert_eq!(number("v3.08"), Some(semver::Version::new(3, 8, 0)));
    }

    #[test]
    fn each_host_needs_its_own_linker() {
        for host in Platform::ALL {
            let needs = |tool: Tool| tool.need(host) == Need::Needed;
            assert_eq!(needs(Tool::Mold), host.os == Os::Linux);
            assert_eq!(needs(Tool::LldLink), host.os == Os::Windows);
            assert!(!needs(Tool::Sccache) && needs(Tool::Git));
        }
    }
}
