//! The build-script half: which version, commit, target and compiler a build has, said to cargo as
//! environment variables for the compiler. What the program does with them is `build_info!`'s part.
//!
//! A build script is a program of its own that nobody hands anything to; this is one of the two
//! places that read the environment and start a child themselves.

use crate::marker::MAX_VERSION_LEN;
use semver::Version;
use std::env::VarError;
use std::path::{Path, PathBuf};

/// Why a build cannot be given its version.
#[derive(Debug, PartialEq, Eq)]
enum EmitError {
    /// A variable holds what is no text.
    NotText {
        /// The variable's name.
        variable: &'static str,
        /// Its value, as far as it can be shown.
        value: String,
    },
    /// Cargo did not set a variable that it sets for every build script.
    NotSet {
        /// The variable's name.
        variable: &'static str,
    },
    /// The version is not strict SemVer 2.0.
    Version {
        /// Where it comes from.
        variable: &'static str,
        /// What it is.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The commit is not one in hexadecimal.
    Commit {
        /// What it is.
        value: String,
    },
    /// The compiler does not say which one it is.
    Rustc {
        /// The compiler.
        rustc: String,
        /// What went wrong.
        problem: String,
    },
}

impl std::fmt::Display for EmitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotText { variable, value } => {
                write!(f, "{variable} is {value:?}, which is not valid UTF-8")
            }
            Self::NotSet { variable } => {
                write!(f, "{variable} is not set; was this started by cargo?")
            }
            Self::Version {
                variable,
                value,
                problem,
            } => write!(
                f,
                "{variable} is {value:?}, which is not a SemVer version like 1.4.0 or 1.4.0-rc.1: {problem}"
            ),
            Self::Commit { value } => write!(
                f,
                "ATLAS_BUILD_COMMIT is {value:?}, which is not a commit of 7 to 64 hexadecimal digits"
            ),
            Self::Rustc { rustc, problem } => {
                write!(f, "could not ask {rustc:?} for its version: {problem}")
            }
        }
    }
}

impl std::error::Error for EmitError {}

/// Tells cargo the version, commit, target and compiler of this build. To be called by the build
/// script of a package that uses `build_info!`.
///
/// The version is that of `ATLAS_BUILD_VERSION`, without white space around it and without one
/// leading `v`, or the package's own when that is unset or empty. The commit is that of
/// `ATLAS_BUILD_COMMIT`, or git's `HEAD`, or unknown. When either variable holds something else,
/// the build fails with a message that names it.
pub fn emit() {
    // Said first, so that a failed run is also repeated when the variable changes.
    println!("cargo::rerun-if-env-changed=ATLAS_BUILD_VERSION");
    println!("cargo::rerun-if-env-changed=ATLAS_BUILD_COMMIT");
    match resolve() {
        Ok(directives) => directives.iter().for_each(|line| println!("{line}")),
        Err(error) => {
            println!("cargo::error={error}");
            std::process::exit(1);
        }
    }
}

fn resolve() -> Result<Vec<String>, EmitError> {
    let version = version(
        variable("ATLAS_BUILD_VERSION")?.as_deref(),
        &required("CARGO_PKG_VERSION")?,
    )?;
    let package = PathBuf::from(required("CARGO_MANIFEST_DIR")?);
    let (commit, watched) = match commit(variable("ATLAS_BUILD_COMMIT")?.as_deref())? {
        Some(commit) => (Some(commit), Vec::new()),
        None => (git(&package, &["rev-parse", "HEAD"]), watched(&package)),
    };
    let target = required("TARGET")?;
    let rustc = rustc_version(&required("RUSTC")?)?;
    Ok(directives(
        &version,
        commit.as_deref(),
        &target,
        &rustc,
        &watched,
    ))
}

/// The version of a build, from what was asked for and what the package's manifest says.
fn version(asked: Option<&str>, package: &str) -> Result<Version, EmitError> {
    let (variable, value) = match asked.map(str::trim).filter(|text| !text.is_empty()) {
        Some(asked) => ("ATLAS_BUILD_VERSION", asked),
        None => ("CARGO_PKG_VERSION", package),
    };
    let refused = |problem: String| EmitError::Version {
        variable,
        value: value.to_owned(),
        problem,
    };
    let text = value.strip_prefix('v').unwrap_or(value);
    if text.len() > MAX_VERSION_LEN {
        return Err(refused(format!("longer than {MAX_VERSION_LEN} characters")));
    }
    Version::parse(text).map_err(|error| refused(error.to_string()))
}

/// The commit that was asked for, if any was.
fn commit(asked: Option<&str>) -> Result<Option<String>, EmitError> {
    let Some(asked) = asked.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if (7..=64).contains(&asked.len()) && asked.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(Some(asked.to_ascii_lowercase()))
    } else {
        Err(EmitError::Commit {
            value: asked.to_owned(),
        })
    }
}

fn directives(
    version: &Version,
    commit: Option<&str>,
    target: &str,
    rustc: &str,
    watched: &[PathBuf],
) -> Vec<String> {
    let mut lines = vec![
        format!("cargo::rustc-env=BUILD_VERSION_VERSION={version}"),
        // Always set, so that a variable of that name in the environment cannot stand in for it.
        format!(
            "cargo::rustc-env=BUILD_VERSION_COMMIT={}",
            commit.unwrap_or_default()
        ),
        format!("cargo::rustc-env=BUILD_VERSION_TARGET={target}"),
        format!("cargo::rustc-env=BUILD_VERSION_RUSTC={rustc}"),
    ];
    lines.extend(
        watched
            .iter()
            .map(|path| format!("cargo::rerun-if-changed={}", path.display())),
    );
    lines
}

/// The files of the repository that change when `HEAD` becomes another commit: `HEAD` itself for a
/// switch, its log for a commit or a reset, and the branches where no log is kept. Only those that
/// exist: a missing one would make cargo run the build script each time.
fn watched(package: &Path) -> Vec<PathBuf> {
    let existing = |name: &str| {
        git(package, &["rev-parse", "--git-path", name])
            .map(|path| package.join(path))
            .filter(|path| path.exists())
    };
    let moves = existing("logs/HEAD").or_else(|| existing("refs/heads"));
    existing("HEAD").into_iter().chain(moves).collect()
}

/// What git says, or nothing: no git, no repository and no commit yet are all the same here.
fn git(package: &Path, args: &[&str]) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a build script has nobody that could start a child for it"
    )]
    let mut git = std::process::Command::new("git");
    let output = git.arg("-C").arg(package).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

fn rustc_version(rustc: &str) -> Result<String, EmitError> {
    let refused = |problem: String| EmitError::Rustc {
        rustc: rustc.to_owned(),
        problem,
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "a build script has nobody that could start a child for it"
    )]
    let mut command = std::process::Command::new(rustc);
    let output = command
        .arg("-V")
        .output()
        .map_err(|error| refused(error.to_string()))?;
    if !output.status.success() {
        return Err(refused(output.status.to_string()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(refused("it printed nothing".to_owned())),
    }
}

fn variable(name: &'static str) -> Result<Option<String>, EmitError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo speaks to build scripts through their environment"
    )]
    let value = std::env::var(name);
    match value {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(value)) => Err(EmitError::NotText {
            variable: name,
            value: value.to_string_lossy().into_owned(),
        }),
    }
}

fn required(name: &'static str) -> Result<String, EmitError> {
    variable(name)?.ok_or(EmitError::NotSet { variable: name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_asked_for_wins_over_the_packages() {
        for (asked, expected) in [
            (Some("0.3.1"), "0.3.1"),
            (Some("v0.3.1"), "0.3.1"),
            (Some(" v0.3.1-rc.1+abc\n"), "0.3.1-rc.1+abc"),
            (Some(""), "1.0.0"),
            (Some("  "), "1.0.0"),
            (None, "1.0.0"),
        ] {
            assert_eq!(version(asked, "1.0.0").unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_strict_semver_is_refused_by_name() {
        let long = format!("1.0.0+{}", "a".repeat(MAX_VERSION_LEN));
        for bad in [
            "1.4", "vv1.4.0", "V1.4.0", "01.4.0", "1.4.0-01", "latest", &long,
        ] {
            let error = version(Some(bad), "1.0.0").unwrap_err();
            let shown = error.to_string();
            assert!(
                shown.contains("ATLAS_BUILD_VERSION") && shown.contains(bad),
                "{shown}"
            );
            assert_eq!(shown.lines().count(), 1);
        }
        // A directive to cargo is one line, whatever the value is.
        let error = version(Some("1.0.0\ncargo::rustc-env=X=Y"), "1.0.0").unwrap_err();
        assert_eq!(error.to_string().lines().count(), 1);
    }

    #[test]
    fn a_commit_is_hexadecimal_or_nothing() {
        let full = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(commit(Some(full)).unwrap().as_deref(), Some(full));
        assert_eq!(
            commit(Some(" ABCDEF0 ")).unwrap().as_deref(),
            Some("abcdef0")
        );
        assert_eq!(commit(Some("")), Ok(None));
        assert_eq!(commit(None), Ok(None));
        for bad in ["main", "abc", "0123456\n7"] {
            assert!(
                commit(Some(bad))
                    .unwrap_err()
                    .to_string()
                    .contains("ATLAS_BUILD_COMMIT")
            );
        }
    }

    #[test]
    fn an_unknown_commit_is_said_too() {
        let lines = directives(
            &Version::new(1, 4, 0),
            None,
            "x86_64-unknown-linux-gnu",
            "rustc 1.95.0",
            &[PathBuf::from("/r/.git/HEAD")],
        );
        assert_eq!(
            lines,
            [
                "cargo::rustc-env=BUILD_VERSION_VERSION=1.4.0",
                "cargo::rustc-env=BUILD_VERSION_COMMIT=",
                "cargo::rustc-env=BUILD_VERSION_TARGET=x86_64-unknown-linux-gnu",
                "cargo::rustc-env=BUILD_VERSION_RUSTC=rustc 1.95.0",
                "cargo::rerun-if-changed=/r/.git/HEAD",
            ]
        );
    }
}
