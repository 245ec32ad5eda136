//! Installing: the commands of [`recipes`](super::recipes) are run, one way after the other until
//! one has worked.

use super::installer::{Installer, Reason};
use super::recipes::{Installers, Way, needs_new_shell, recipes, sccache_paths};
use super::tool::Tool;
use super::{ToolchainError, interrupted_or};
use crate::context::World;
use crate::events::Reporter;
use crate::rustup;
use crate::system;
use process::AllowList;
use release_types::Platform;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one installing command may take, on a slow mirror or when it has to compile.
const LIMIT: Duration = Duration::from_secs(1200);

/// What this machine could install with; `patient` also counts ways that take minutes.
pub fn installers(world: &World, patient: bool) -> Installers {
    Installers {
        present: Installer::of(world.host, patient)
            .into_iter()
            .filter(|installer| world.find_program(installer.name()).is_some())
            .collect(),
        is_root: system::is_root(),
    }
}

/// Installs a tool and returns where it is.
pub(super) async fn install(
    world: &World,
    tool: Tool,
    reason: Reason,
    state_dir: &Path,
    reporter: &dyn Reporter,
) -> Result<PathBuf, ToolchainError> {
    let ways = recipes(
        tool,
        reason,
        world.host,
        &installers(world, false),
        state_dir,
    );
    run_ways(world, tool, &ways, reporter).await?;
    let path = match tool {
        Tool::Sccache => {
            installed_sccache(world.host, state_dir).or_else(|| world.find_program("sccache"))
        }
        _ => on_path(world, tool),
    };
    path.ok_or(ToolchainError::Missing { tool: tool.name() })
}

/// Where a tool is that a package manager has installed.
fn on_path(world: &World, tool: Tool) -> Option<PathBuf> {
    match tool {
        Tool::LldLink => super::lld::find(world).map(|found| found.path),
        tool => world.find_program(tool.name()),
    }
}

/// Goes one way after the other until one works.
///
/// # Errors
/// When there is none, or none has worked.
pub async fn run_ways(
    world: &World,
    tool: Tool,
    ways: &[Way],
    reporter: &dyn Reporter,
) -> Result<(), ToolchainError> {
    if ways.is_empty() {
        let looked_for: Vec<&str> = Installer::of(world.host, false)
            .into_iter()
            .filter(|installer| match installer {
                Installer::Sudo => false,
                Installer::Python3 | Installer::Python => tool == Tool::Sccache,
                _ => true,
            })
            .map(Installer::name)
            .collect();
        return Err(ToolchainError::NoInstaller {
            tool: tool.name(),
            looked_for: looked_for.join(", "),
        });
    }
    let mut outcome = Ok(());
    for way in ways {
        if let Err(error) = &outcome {
            reporter.note(crate::error::with_causes(error));
        }
        outcome = run_recipe(world, tool, way, reporter).await;
        if outcome.is_ok() && needs_new_shell(way) && on_path(world, tool).is_none() {
            reporter.note(format!(
                "{} is installed, but not on the PATH that this shell was started with: open a new \
                 one and run this again",
                tool.name()
            ));
        }
        if matches!(outcome, Ok(()) | Err(ToolchainError::Interrupted(_))) {
            break;
        }
    }
    outcome
}

async fn run_recipe(
    world: &World,
    tool: Tool,
    recipe: &Way,
    reporter: &dyn Reporter,
) -> Result<(), ToolchainError> {
    let allowed = AllowList::base().network().and(&[
        "PIP_*",
        "PYENV_*",
        "HOMEBREW_*",
        "CHOCOLATEY*",
        "CARGO_HOME",
        "RUSTUP_*",
    ]);
    for words in recipe {
        let Some((program, args)) = words.split_first() else {
            continue;
        };
        let program = world
            .find_program(program)
            .unwrap_or_else(|| program.into());
        // pip asks for rustc's version, which must not make rustup fetch a toolchain.
        let command = rustup::without_downloads(world.command(program, &allowed))
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(args.iter().cloned());
        reporter.stage(
            "installing",
            format!("{}: {}", tool.name(), words.join(" ")),
        );
        world
            .runner
            .success(&command, LIMIT)
            .await
            .map_err(|error| {
                interrupted_or(error, |source| ToolchainError::Install {
                    tool: tool.name(),
                    source,
                })
            })?;
    }
    Ok(())
}

/// Where sccache is in our own folder, if it is.
pub(crate) fn installed_sccache(host: Platform, state_dir: &Path) -> Option<PathBuf> {
    sccache_paths(host, state_dir)
        .into_iter()
        .find(|path| path.is_file())
}
