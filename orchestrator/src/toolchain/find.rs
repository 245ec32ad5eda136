//! Looking for tools, without starting any but rustc.

use super::{ToolchainError, interrupted_or};
use crate::context::World;
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
}

/// Looks for the tools.
///
/// # Errors
/// When there is no cargo or no working rustc.
pub async fn find(world: &World, state_dir: &Path) -> Result<Found, ToolchainError> {
    let need = |tool| {
        world
            .find_program(tool)
            .ok_or(ToolchainError::Missing { tool })
    };
    let cargo = need("cargo")?;
    let named = world.env.get("RUSTC").filter(|value| !value.is_empty());
    let rustc = match named {
        Some(path) => world.absolute(Path::new(path)),
        None => need("rustc")?,
    };
    Ok(Found {
        cargo,
        rustc: ask_rustc(world, &rustc).await?,
        mold: world.find_program("mold"),
        sccache: world
            .find_program("sccache")
            .or_else(|| super::install::installed_sccache(world.host, state_dir)),
    })
}

async fn ask_rustc(world: &World, rustc: &Path) -> Result<Rustc, ToolchainError> {
    let base = world
        .command(rustc, &AllowList::base().build())
        .cwd(&world.cwd);
    let (sysroot, version) = (base.clone().args(["--print", "sysroot"]), base.arg("-vV"));
    let (sysroot, version) = tokio::try_join!(
        world.runner.success(&sysroot, LIMIT),
        world.runner.success(&version, LIMIT),
    )
    .map_err(|error| {
        interrupted_or(error, |source| ToolchainError::Ask {
            tool: "rustc",
            source,
        })
    })?;
    let real = Path::new(&sysroot.stdout_text())
        .join("bin")
        .join(format!("rustc{}", world.host.exe_suffix()));
    Ok(Rustc {
        // A rustc that is no part of its sysroot (a distribution's, a wrapper) is taken as it is.
        path: if real.is_file() {
            real
        } else {
            rustc.to_owned()
        },
        verbose_version: version.stdout_text(),
    })
}
