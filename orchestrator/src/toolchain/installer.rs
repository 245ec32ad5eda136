//! The programs that install tools, and how each is asked: pure, and none of them may ask anything.

use super::tool::Tool;
use release_types::{Os, Platform};

/// A program that installs tools, or helps one that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// Debian's and its relatives'.
    AptGet,
    /// Fedora's and its relatives'.
    Dnf,
    /// SUSE's.
    Zypper,
    /// Arch's.
    Pacman,
    /// Alpine's.
    Apk,
    /// Homebrew.
    Brew,
    /// Chocolatey.
    Choco,
    /// Windows' own.
    Winget,
    /// Python, for its pip, under its usual name.
    Python3,
    /// The same under the other name.
    Python,
    /// What lets others write to the system.
    Sudo,
    /// cargo-binstall.
    CargoBinstall,
    /// cargo.
    Cargo,
}

/// Why something is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is not there, or too old.
    Missing,
    /// It is there and does not work, so that the package manager has to be told to put it there
    /// again.
    Broken,
}

const WINGET: [&str; 7] = [
    "install",
    "--exact",
    "--silent",
    "--disable-interactivity",
    "--accept-source-agreements",
    "--accept-package-agreements",
    "--id",
];

impl Installer {
    /// The package managers, by preference.
    pub(super) const MANAGERS: [Self; 8] = [
        Self::AptGet,
        Self::Dnf,
        Self::Zypper,
        Self::Pacman,
        Self::Apk,
        Self::Brew,
        Self::Choco,
        Self::Winget,
    ];

    /// What is looked for beside them.
    const OTHERS: [Self; 3] = [Self::Python3, Self::Python, Self::Sudo];

    /// What `setup` looks for beyond those: ways that may take minutes, which a build does not take
    /// by itself.
    const PATIENT: [Self; 2] = [Self::CargoBinstall, Self::Cargo];

    /// Those to look for on a host; `patient` also counts what may take minutes.
    pub(super) fn of(host: Platform, patient: bool) -> Vec<Self> {
        let managers = Self::MANAGERS.into_iter();
        let patient = Self::PATIENT.into_iter().filter(|_| patient);
        managers
            .filter(|manager| manager.is_for(host.os))
            .chain(Self::OTHERS)
            .chain(patient)
            .collect()
    }

    /// Its name on `PATH`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AptGet => "apt-get",
            Self::Dnf => "dnf",
            Self::Zypper => "zypper",
            Self::Pacman => "pacman",
            Self::Apk => "apk",
            Self::Brew => "brew",
            Self::Choco => "choco",
            Self::Winget => "winget",
            Self::Python3 => "python3",
            Self::Python => "python",
            Self::Sudo => "sudo",
            Self::CargoBinstall => "cargo-binstall",
            Self::Cargo => "cargo",
        }
    }

    /// Whether it installs for a system.
    pub(super) const fn is_for(self, os: Os) -> bool {
        match self {
            Self::AptGet | Self::Dnf | Self::Zypper | Self::Pacman | Self::Apk => {
                matches!(os, Os::Linux)
            }
            Self::Brew => matches!(os, Os::Macos | Os::Linux),
            Self::Choco | Self::Winget => matches!(os, Os::Windows),
            Self::Python3 | Self::Python | Self::Sudo | Self::CargoBinstall | Self::Cargo => true,
        }
    }

    /// Whether it writes to folders of the system. Homebrew refuses to run as root, and on Windows
    /// rights are a matter of the shell that this program was started from.
    pub(super) const fn needs_root(self) -> bool {
        matches!(
            self,
            Self::AptGet | Self::Dnf | Self::Zypper | Self::Pacman | Self::Apk
        )
    }

    /// Whether what it installs is only found by shells that are started later: it changes the
    /// `PATH` that Windows keeps, not the one of a program that runs.
    pub(super) const fn needs_new_shell(self) -> bool {
        matches!(self, Self::Choco | Self::Winget)
    }

    /// The commands of a package manager that install a package, each to be tried when the one
    /// before has failed.
    ///
    /// Lists of packages are fetched anew: a fresh image has none, and old ones name files that are
    /// gone. What is broken is installed again by force. `dnf`, `apk` and `brew` have a command of
    /// its own for that, which refuses a package that is not there: then something else is broken,
    /// and the package may be what mends it.
    pub(super) fn commands(self, package: &str, reason: Reason) -> Vec<Vec<&str>> {
        let (install, again): (&[&str], &[&str]) = match self {
            Self::AptGet => (
                &["install", "--yes", "--no-install-recommends"],
                &["install", "--yes", "--no-install-recommends", "--reinstall"],
            ),
            Self::Dnf => (&["install", "--assumeyes"], &["reinstall", "--assumeyes"]),
            Self::Zypper => (
                &["--non-interactive", "install"],
                &["--non-interactive", "install", "--force"],
            ),
            Self::Pacman => (&["-Sy", "--noconfirm", "--needed"], &["-Sy", "--noconfirm"]),
            Self::Apk => (
                &["add", "--update-cache"],
                &["fix", "--update-cache", "--reinstall"],
            ),
            Self::Brew => (&["install"], &["reinstall"]),
            Self::Choco => (
                &["install", "--yes", "--no-progress"],
                &["install", "--yes", "--no-progress", "--force"],
            ),
            Self::Winget => (
                &WINGET,
                &[
                    "install",
                    "--exact",
                    "--silent",
                    "--disable-interactivity",
                    "--accept-source-agreements",
                    "--accept-package-agreements",
                    "--force",
                    "--id",
                ],
            ),
            Self::Python3 | Self::Python | Self::Sudo | Self::CargoBinstall | Self::Cargo => {
                return Vec::new();
            }
        };
        let with = |args: &[&'static str]| [args, &[package]].concat();
        let refuses = matches!(self, Self::Dnf | Self::Apk | Self::Brew);
        match reason {
            Reason::Missing => vec![with(install)],
            Reason::Broken if refuses => vec![with(again), with(install)],
            Reason::Broken => vec![with(again)],
        }
    }

    /// The package in which a package manager has a tool, if it has it.
    pub(super) const fn package(self, tool: Tool) -> Option<&'static str> {
        match (tool, self) {
            // Which Rust it is to be is rustup's to say, and rustup is its user's to install.
            (Tool::Cargo | Tool::Rustc, _) => None,
            (Tool::Git, Self::Winget) => Some("Git.Git"),
            (Tool::Git, _) => Some("git"),
            (Tool::Mold, Self::Choco | Self::Winget) => None,
            (Tool::Mold, _) => Some("mold"),
            (Tool::LldLink, Self::Choco) => Some("llvm"),
            (Tool::LldLink, Self::Winget) => Some("LLVM.LLVM"),
            (Tool::LldLink, _) => Some("lld"),
            (Tool::Sccache, Self::Winget) => Some("Mozilla.sccache"),
            (Tool::Sccache, _) => Some("sccache"),
        }
    }
}
