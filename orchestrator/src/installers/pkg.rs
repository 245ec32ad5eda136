//! `.pkg`, by macOS's own `pkgbuild`.

use crate::context::World;
use crate::products::PKGBUILD;
use crate::toolchain::{ToolchainError, scratch};
use packages::{Package, PackageError, core_version, lay_out};
use process::{AllowList, ProcessError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long it may take, for a program of any size.
const LIMIT: Duration = Duration::from_secs(600);

/// Why there is none.
pub(super) enum PkgError {
    Process(ProcessError),
    Package(PackageError),
    Temporary(ToolchainError),
}

/// Packs the files of a package, which are laid out as they are to be installed.
///
/// # Errors
/// When they cannot be, or `pkgbuild` is not there or fails.
pub(super) async fn make(
    world: &World,
    package: &Package,
    identifier: &str,
    out: &Path,
) -> Result<(), PkgError> {
    let scratch = scratch(world).map_err(PkgError::Temporary)?;
    // The folder around it is for nobody else to look into, and pkgbuild records who may.
    let root = scratch.path().join("root");
    lay_out(&package.files, package.modified, &root).map_err(PkgError::Package)?;
    let pkgbuild = world.find_program(PKGBUILD);
    let pkgbuild = pkgbuild.unwrap_or_else(|| PathBuf::from(PKGBUILD));
    let command = world
        .command(pkgbuild, &AllowList::base())
        .arg("--root")
        .arg(&root)
        .args(["--identifier", identifier])
        .args(["--version", &core_version(&package.version)])
        // Root's, whoever has laid them out.
        .args(["--ownership", "recommended"])
        .args(["--install-location", "/"])
        .arg(out);
    let ran = world.runner.success(&command, LIMIT).await;
    ran.map_err(PkgError::Process)?;
    match out.metadata() {
        Ok(meta) if meta.len() > 0 => Ok(()),
        outcome => {
            let source = match outcome {
                Ok(_) => std::io::Error::other("pkgbuild has written nothing"),
                Err(source) => source,
            };
            let path = out.to_owned();
            Err(PkgError::Package(PackageError::Io { path, source }))
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::products::{Format, InstallerSettings};
    use packages::Entry;
    use process::Runner;
    use release_types::Arch;
    use test_support::{FakeTools, Sandbox};

    /// Shows what was laid out in the place of packing it.
    const SHOWS: &str = r#"cd "$2" && for last; do :; done && find . -exec stat -c '%a %Y %n' {} + | sort -k 3 > "$last""#;

    async fn made(sandbox: &Sandbox, script: &str) -> (Result<(), PkgError>, FakeTools, PathBuf) {
        let tools = FakeTools::new(sandbox.root().join("bin"));
        tools.add(PKGBUILD, script);
        let mut world = World::capture(Runner::default()).unwrap();
        world.env.set("PATH", tools.path_before(sandbox.env()));
        let program = sandbox.root().join("program");
        std::fs::write(&program, "run").unwrap();
        let settings = InstallerSettings::example();
        let version = "1.4.0-rc.1+b".parse().unwrap();
        let mut package = settings.package(
            Format::Pkg,
            &version,
            Arch::Arm64,
            Vec::new(),
            1_700_000_000,
        );
        package.files = vec![
            Entry::bytes("usr/local/share/doc/demo/VERSION", "1.4.0-rc.1+b\n"),
            Entry::program("usr/local/bin/demo", &program),
        ];
        let out = sandbox.root().join("demo.pkg");
        let outcome = make(&world, &package, &settings.identifier, &out).await;
        (outcome, tools, out)
    }

    #[tokio::test]
    async fn pkgbuild_is_given_a_root_and_the_numbers_of_the_version() {
        let sandbox = Sandbox::new();
        let (outcome, tools, out) = made(&sandbox, SHOWS).await;
        assert!(outcome.is_ok());
        assert_eq!(
            std::fs::read_to_string(&out).unwrap(),
            "755 1700000000 .\n\
             755 1700000000 ./usr\n\
             755 1700000000 ./usr/local\n\
             755 1700000000 ./usr/local/bin\n\
             755 1700000000 ./usr/local/bin/demo\n\
             755 1700000000 ./usr/local/share\n\
             755 1700000000 ./usr/local/share/doc\n\
             755 1700000000 ./usr/local/share/doc/demo\n\
             644 1700000000 ./usr/local/share/doc/demo/VERSION\n"
        );
        let calls = tools.calls(PKGBUILD);
        assert_eq!(calls.len(), 1);
        let rest = format!(
            " --identifier com.example.demo --version 1.4.0 --ownership recommended \
             --install-location / {}",
            out.display()
        );
        let root = calls[0].strip_prefix("--root ").unwrap();
        let root = root
            .strip_suffix(&rest)
            .unwrap_or_else(|| panic!("{calls:?}"));
        assert!(!Path::new(root).exists(), "what was laid out is gone");
    }

    #[tokio::test]
    async fn a_pkgbuild_that_fails_or_writes_nothing_is_an_error() {
        let sandbox = Sandbox::new();
        let (outcome, ..) = made(&sandbox, "echo no identity >&2; exit 1").await;
        match outcome {
            Err(PkgError::Process(error)) => {
                assert!(error.to_string().contains("no identity"), "{error}");
            }
            _ => panic!("it has failed"),
        }
        let (outcome, ..) = made(&sandbox, "exit 0").await;
        assert!(matches!(outcome, Err(PkgError::Package(_))));
    }
}
