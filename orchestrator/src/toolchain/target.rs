//! Whether a rustc can build for a target at all: whether the target's standard library is there.

use super::{Rustc, ToolchainError, not_told};
use crate::context::World;
use crate::rustup;
use process::AllowList;
use release_types::Platform;
use std::path::Path;
use std::time::Duration;

/// How long rustc may take to tell a path.
const LIMIT: Duration = Duration::from_secs(60);

/// Makes sure that the standard library of every target is there, before anything is built.
///
/// A rustc that may build the standard library itself (a nightly one, or one that is told to act so
/// by a `RUSTC_BOOTSTRAP` that the build's environment holds) is not asked. Source: The Cargo Book,
/// "build-std".
///
/// # Errors
/// When one is missing.
pub async fn check_targets(
    world: &World,
    rustc: &Rustc,
    targets: &[Platform],
    build: &AllowList,
) -> Result<(), ToolchainError> {
    let may_build_std =
        world.env.allowed(build).is_set("RUSTC_BOOTSTRAP") || is_nightly(&rustc.verbose_version);
    // The host's is part of rustc itself.
    let others = targets.iter().filter(|target| **target != world.host);
    for target in others.filter(|_| !may_build_std) {
        let target = target.target_triple();
        let command = rustup::asked(world.command(&rustc.path, &AllowList::base().build()))
            .cwd(&world.cwd)
            .args(["--print", "target-libdir", "--target", target]);
        let output = world
            .runner
            .success(&command, LIMIT)
            .await
            .map_err(|error| not_told("rustc", error))?;
        if !holds_std(Path::new(&output.stdout_text())) {
            return Err(ToolchainError::NoTarget { target });
        }
    }
    Ok(())
}

fn is_nightly(verbose_version: &str) -> bool {
    verbose_version
        .lines()
        .filter_map(|line| line.strip_prefix("release: "))
        .any(|release| release.contains("-nightly") || release.contains("-dev"))
}

fn holds_std(libdir: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(libdir) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("libstd-")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels() {
        assert!(is_nightly(
            "rustc 1.97.0-nightly\nrelease: 1.97.0-nightly\n"
        ));
        assert!(!is_nightly(
            "rustc 1.95.0\nrelease: 1.95.0\nLLVM version: 22\n"
        ));
    }

    #[test]
    fn a_standard_library_is_known_by_its_file() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!holds_std(dir.path()));
        std::fs::write(dir.path().join("libstd-0123456789abcdef.rlib"), "").unwrap();
        assert!(holds_std(dir.path()));
        assert!(!holds_std(&dir.path().join("missing")));
    }
}
