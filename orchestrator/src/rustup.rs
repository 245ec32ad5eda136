//! What rustup, which stands in for cargo and rustc, says in their place. Pure.

use process::{Command, Env, ProcessError};

/// The variable that keeps rustup from fetching what a folder asks for.
const AUTO_INSTALL: &str = "RUSTUP_AUTO_INSTALL";

/// The Rust toolchain that a folder asks for is not on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Rust toolchain {} is not installed", name.as_deref().unwrap_or("of rustup's default"))]
pub struct NoToolchain {
    /// Its name; none where rustup has no default and nothing names one.
    pub name: Option<String>,
}

impl NoToolchain {
    /// What a failure of cargo or rustc means, when it was rustup that refused. Tried with rustup 1.29:
    /// "error: toolchain '1.80.0-x86_64-unknown-linux-gnu' is not installed", and "error: rustup could
    /// not choose a version of cargo to run, because one wasn't specified explicitly, and no default
    /// is configured."
    pub fn of(error: &ProcessError) -> Option<Self> {
        let ProcessError::Failed { stderr, .. } = error else {
            return None;
        };
        let named = stderr.lines().find_map(|line| {
            let (_, rest) = line.split_once("toolchain '")?;
            let (name, rest) = rest.split_once('\'')?;
            rest.starts_with(" is not installed")
                .then(|| name.to_owned())
        });
        if named.is_none() && !stderr.contains("rustup could not choose a version of ") {
            return None;
        }
        Some(Self { name: named })
    }

    /// What a person does about it.
    pub fn remedy(&self) -> String {
        match &self.name {
            Some(name) => format!(
                "`rustup toolchain install` in this folder installs it, with the components that \
                 rust-toolchain.toml names; elsewhere `rustup toolchain install {name}`"
            ),
            None => "`rustup default stable` installs one".to_owned(),
        }
    }
}

/// Keeps rustup from fetching anything for what is run with this environment.
pub fn forbid_downloads(env: &mut Env) {
    env.set(AUTO_INSTALL, "0");
}

/// The same for one command.
pub fn without_downloads(command: Command) -> Command {
    command.env(AUTO_INSTALL, "0")
}

/// A question to a program that rustup may stand in for: a refusal is to end with its reason, not
/// with the places in rustup that it came from.
pub fn asked(command: Command) -> Command {
    command.env("RUST_BACKTRACE", "0")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    fn failed(stderr: &str) -> ProcessError {
        ProcessError::Failed {
            command: "cargo metadata".to_owned(),
            status: std::process::ExitStatus::from_raw(1 << 8),
            stderr: stderr.to_owned(),
        }
    }

    #[test]
    fn rustups_refusal_is_told_from_other_failures() {
        let refused = "error: toolchain '1.80.0-x86_64-unknown-linux-gnu' is not installed\n\
                       help: run `rustup toolchain install` to install it";
        let found = NoToolchain::of(&failed(refused)).unwrap();
        assert_eq!(
            found.to_string(),
            "the Rust toolchain 1.80.0-x86_64-unknown-linux-gnu is not installed"
        );
        let remedy = found.remedy();
        assert!(
            remedy.ends_with("`rustup toolchain install 1.80.0-x86_64-unknown-linux-gnu`"),
            "{remedy}"
        );
        let none = "error: rustup could not choose a version of cargo to run, because one wasn't \
                    specified explicitly, and no default is configured.\n\
                    help: run 'rustup default stable' to download the latest stable release";
        let found = NoToolchain::of(&failed(none)).unwrap();
        assert_eq!(found.name, None);
        assert!(found.remedy().contains("rustup default stable"));
        for other in [
            "",
            "error: could not find `Cargo.toml` in `/w` or any parent directory",
            "error: component 'rust-src' for the toolchain '1.95.0' is unavailable",
        ] {
            assert_eq!(NoToolchain::of(&failed(other)), None, "{other}");
        }
        let lost = ProcessError::NotFound {
            program: "cargo".into(),
        };
        assert_eq!(NoToolchain::of(&lost), None);
    }
}
