//! Looking for tools, without starting any but rustc.

use super::{LldLink, ToolchainError, not_told};
use crate::context::World;
use crate::rustup;
use process::AllowList;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long rustc may take to tell about itself; rustup may have to read a toolchain file first.
const LIMIT: Duration = Duration::from_secs(60);

/// The rustc that does the work, not rustup's stand-in for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Rustc {
    /// Its file.
    pub path: PathBuf,
    /// What `rustc -vV` prints.
    pub verbose_version: String,
}

impl Rustc {
    /// The first line of its version.
    pub fn version(&self) -> &str {
        self.verbose_version.lines().next().unwrap_or_default()
    }
}

/// What is there.
#[derive(Debug, Clone)]
pub struct Found {
    /// cargo.
    pub cargo: PathBuf,
    /// rustc.
    pub rustc: Rustc,
    /// mold, when it is on `PATH`.
    pub mold: Option<PathBuf>,
    /// sccache, when it is on `PATH` or was installed by an earlier run.
    pub sccache: Option<PathBuf>,
    /// lld-link, when it is on `PATH` or where LLVM's installer for Windows puts it.
    pub lld_link: Option<LldLink>,
}

/// Looks for the tools.
///
/// # Errors
/// When there is no cargo or no working rustc.
pub async fn find(world: &World, state_dir: &Path) -> Result<Found, ToolchainError> {
    let cargo = world
        .find_program("cargo")
        .ok_or(ToolchainError::Missing { tool: "cargo" })?;
    let rustc = rustc(world).await?;
    let nothing = Found {
        cargo,
        rustc,
        mold: None,
        sccache: None,
        lld_link: None,
    };
    Ok(nothing.look_again(world, state_dir))
}

impl Found {
    /// Looks again for what a build may have installed, with the same cargo and rustc.
    #[must_use]
    pub fn look_again(self, world: &World, state_dir: &Path) -> Self {
        Self {
            mold: world.find_program("mold"),
            sccache: world
                .find_native_program("sccache")
                .or_else(|| super::install::installed_sccache(world.host, state_dir)),
            lld_link: super::lld::find(world),
            ..self
        }
    }
}

/// The rustc of this machine.
///
/// # Errors
/// When there is none that works.
pub async fn rustc(world: &World) -> Result<Rustc, ToolchainError> {
    // Somebody's choice, which may be a wrapper, is taken as it is.
    if let Some(named) = world.env.get("RUSTC").filter(|value| !value.is_empty()) {
        let path = named.to_str().and_then(|name| world.find_program(name));
        let path = path.ok_or_else(|| ToolchainError::NamedRustc(named.into()))?;
        let (_, verbose_version) = ask_rustc(world, &path).await?;
        return Ok(Rustc {
            path,
            verbose_version,
        });
    }
    let path = world
        .find_program("rustc")
        .ok_or(ToolchainError::Missing { tool: "rustc" })?;
    let (sysroot, verbose_version) = ask_rustc(world, &path).await?;
    let real = sysroot.join("bin").join(world.host.program("rustc"));
    Ok(Rustc {
        path: if real.is_file() { real } else { path },
        verbose_version,
    })
}

/// A rustc's sysroot and what its `-vV` prints.
async fn ask_rustc(world: &World, rustc: &Path) -> Result<(PathBuf, String), ToolchainError> {
    let base = rustup::asked(world.command(rustc, &AllowList::base().build())).cwd(&world.cwd);
    let (sysroot, version) = (base.clone().args(["--print", "sysroot"]), base.arg("-vV"));
    let (sysroot, version) = tokio::try_join!(
        world.runner.success(&sysroot, LIMIT),
        world.runner.success(&version, LIMIT),
    )
    .map_err(|error| not_told("rustc", error))?;
    Ok((sysroot.stdout_text().into(), version.stdout_text()))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::toolchain::install::installed_sccache;
    use process::Runner;
    use release_types::{Arch, Os, Platform};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_one_target_has_installed_is_there_for_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let (bin, state) = (dir.path().join("bin"), dir.path().join("state"));
        let host = Platform::new(Os::Linux, Arch::X64);
        let world = World {
            env: [("PATH", &bin)].into_iter().collect(),
            cwd: "/".into(),
            host,
            exe: "/atlas-release".into(),
            runner: Runner::default(),
            now: jiff::Timestamp::now,
        };
        let rustc = Rustc {
            path: "/rustc".into(),
            verbose_version: String::new(),
        };
        let found = Found {
            cargo: "/cargo".into(),
            rustc: rustc.clone(),
            mold: None,
            sccache: None,
            lld_link: None,
        };
        let found = found.look_again(&world, &state);
        assert_eq!((&found.mold, &found.sccache), (&None, &None));
        let installed = state.join("tools/sccache/bin/sccache");
        for file in [&bin.join("mold"), &installed] {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let found = found.look_again(&world, &state);
        assert_eq!(found.mold, Some(bin.join("mold")));
        assert_eq!(found.sccache, installed_sccache(host, &state));
        assert_eq!(found.sccache, Some(installed));
        assert_eq!((found.cargo, found.rustc), ("/cargo".into(), rustc));
    }
}
