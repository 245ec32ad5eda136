//! What the name of a file says: what it is for, which system and which processor it runs on, and
//! which file it signs. By the specification's rules, and by name alone; what a batch of files says
//! together is for its builder to work out.

mod versions;
mod words;

use crate::{Arch, FileName, Kind, Os};
use std::fmt;
use std::str::FromStr;

pub use versions::{other_version, without_version};
pub use words::{Machines, OsSaid, Said, arch_said, os_said, says_universal};

/// What ends the name of a detached signature: of Tauri's updater, and of stock minisign.
const SIGNATURES: [&str; 2] = [".sig", ".minisig"];

/// Endings of what is released, with the system that each is for. The kinds are a launcher's.
const ENDINGS: [(&str, Kind, Os); 12] = [
    (".dmg", Kind::Installer, Os::Macos),
    (".pkg", Kind::Installer, Os::Macos),
    (".exe", Kind::Installer, Os::Windows),
    (".msi", Kind::Installer, Os::Windows),
    (".deb", Kind::Installer, Os::Linux),
    (".rpm", Kind::Installer, Os::Linux),
    (".appimage", Kind::Installer, Os::Linux),
    (".app.tar.gz", Kind::Binary, Os::Macos),
    (".app.zip", Kind::Binary, Os::Macos),
    (".nsis.zip", Kind::Binary, Os::Windows),
    (".msi.zip", Kind::Binary, Os::Windows),
    (".appimage.tar.gz", Kind::Binary, Os::Linux),
];

/// Those of them that are installers of command-line programs, whatever the rest of the name says.
const PACKAGES: [&str; 4] = [".deb", ".rpm", ".pkg", ".msi"];

/// What makes any other file of a command-line product an installer.
const INSTALLER: &str = "-installer-";

/// Endings of what goes along with an installer and is none.
const COMPANIONS: [&str; 20] = [
    ".asc",
    ".blockmap",
    ".crt",
    ".json",
    ".jsonl",
    ".log",
    ".manifest",
    ".md",
    ".md5",
    ".pdb",
    ".pem",
    ".sha1",
    ".sha256",
    ".sha256sum",
    ".sha512",
    ".sha512sum",
    ".sigstore",
    ".txt",
    ".yaml",
    ".yml",
];

/// How a product's files are told from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rules {
    /// A launcher: Tauri's bundles, by their endings.
    Bundles,
    /// A command-line product: installers, and programs called `<bin>-<os>-<arch>[.exe]`.
    CommandLine {
        /// What its own programs are called. Others are taken too, unless they are somebody else's.
        own: Vec<String>,
        /// What the programs of other products are called; files of theirs are left out.
        others: Vec<String>,
    },
    /// A program: files called `<bin>-<os>-<arch>[.exe]`, with exactly this `<bin>`.
    Program {
        /// What it is called.
        bin: String,
    },
}

/// What a file is to a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'n> {
    /// Something that is released.
    Payload(Payload),
    /// A signature.
    Signature {
        /// The name of what it signs.
        payload: &'n str,
        /// What is put behind a payload's name to make a signature's: `.sig` or `.minisig`.
        ending: &'static str,
    },
    /// Nothing that is released, and why.
    LeftOut(&'static str),
}

/// What a name says of something that is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// What it is for.
    pub kind: Kind,
    /// The system.
    pub os: OsSaid,
    /// The processor.
    pub arch: Said,
}

impl Rules {
    /// What the file of this name is.
    pub fn verdict<'n>(&self, name: &'n str) -> Verdict<'n> {
        if let Some((payload, ending)) = signed_by(name) {
            return Verdict::Signature { payload, ending };
        }
        match self {
            Self::Bundles => match ending_of(name) {
                Some((_, kind, os)) => Verdict::Payload(Payload {
                    kind,
                    os: OsSaid::One(os),
                    arch: arch_said(name, os),
                }),
                None => Verdict::LeftOut("it is neither an installer nor an updater's payload"),
            },
            Self::CommandLine { own, others } => {
                if is_of_others(name, own, others) {
                    return Verdict::LeftOut("it belongs to another product");
                }
                command_line(name)
            }
            Self::Program { bin } => match Program::parse(name) {
                Some(program) if program.bin.eq_ignore_ascii_case(bin) => program.verdict(),
                Some(_) => Verdict::LeftOut("it is another program"),
                None => Verdict::LeftOut("it is not called <bin>-<os>-<arch>[.exe]"),
            },
        }
    }
}

/// The name of what a published signature of this name signs: the same without `.sig` or `.minisig`.
pub fn payload_of(name: &str) -> Option<&str> {
    let mut stems = SIGNATURES
        .iter()
        .filter_map(|ending| name.strip_suffix(ending));
    stems.find(|stem| !stem.is_empty())
}

/// The same for a file as it was found, in whatever case, and how the ending is written.
fn signed_by(name: &str) -> Option<(&str, &'static str)> {
    SIGNATURES
        .into_iter()
        .find_map(|ending| Some((stem_before(name, ending)?, ending)))
}

/// A name that says `universal`: of one that does not, with the word before its ending.
///
/// # Errors
/// When that is no name for a file any more.
pub fn universal_name(name: &str) -> Result<FileName, crate::FileNameError> {
    if says_universal(name) {
        return name.parse();
    }
    let ending = match ending_of(name) {
        Some((ending, ..)) => ending.len(),
        None => name.rfind('.').map_or(0, |dot| name.len() - dot),
    };
    let (stem, ending) = name.split_at(name.len() - ending);
    format!("{stem}_universal{ending}").parse()
}

/// A name with its platform before the ending, for where files of several lie in one folder.
pub fn platform_name(name: &str, platform: crate::Platform) -> String {
    let is_ending =
        |text: &str| (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic());
    let ending = match (ending_of(name), name.rsplit_once('.')) {
        (Some((ending, ..)), _) => ending.len(),
        (None, Some((stem, ending))) if !stem.is_empty() && is_ending(ending) => ending.len() + 1,
        (None, _) => 0,
    };
    let (stem, ending) = name.split_at(name.len() - ending);
    format!("{stem}_{platform}{ending}")
}

/// The longest of the known endings that a name has before which there is something.
fn ending_of(name: &str) -> Option<(&'static str, Kind, Os)> {
    let fits = |(ending, ..): &(&str, Kind, Os)| stem_before(name, ending).is_some();
    let fitting = ENDINGS.into_iter().filter(fits);
    fitting.max_by_key(|(ending, ..)| ending.len())
}

/// What stands before an ending, in whatever case, when that is something.
fn stem_before<'n>(name: &'n str, ending: &str) -> Option<&'n str> {
    let (stem, end) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
    (end.eq_ignore_ascii_case(ending) && !stem.is_empty()).then_some(stem)
}

fn command_line(name: &str) -> Verdict<'_> {
    let has = |ending: &str| stem_before(name, ending).is_some();
    let is_package = PACKAGES.iter().any(|ending| has(ending));
    if is_package || name.to_ascii_lowercase().contains(INSTALLER) {
        if COMPANIONS.iter().any(|ending| has(ending)) {
            return Verdict::LeftOut("it goes along with an installer and is none");
        }
        let os = match ending_of(name) {
            Some((.., os)) => OsSaid::One(os),
            None => os_said(name),
        };
        let arch = match os {
            OsSaid::One(os) => arch_said(name, os),
            OsSaid::Nothing | OsSaid::Several => Said::Nothing,
        };
        return Verdict::Payload(Payload {
            kind: Kind::Installer,
            os,
            arch,
        });
    }
    match Program::parse(name) {
        Some(program) => program.verdict(),
        None => Verdict::LeftOut("it is neither an installer nor called <bin>-<os>-<arch>[.exe]"),
    }
}

/// Whether a name begins with that of a program of another product, and with none of this one that
/// says more.
fn is_of_others(name: &str, own: &[String], others: &[String]) -> bool {
    let begins = |bin: &String| {
        let rest = name.get(bin.len()..);
        let is_word = rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
        is_word && name[..bin.len()].eq_ignore_ascii_case(bin)
    };
    let longest = |bins: &[String]| {
        let fitting = bins.iter().filter(|bin| begins(bin));
        fitting.map(String::len).max()
    };
    longest(others) > longest(own)
}

/// A file called `<bin>-<os>-<arch>[.exe]`.
struct Program<'n> {
    bin: &'n str,
    os: Os,
    machines: Machines,
    is_exe: bool,
}

impl<'n> Program<'n> {
    fn parse(name: &'n str) -> Option<Self> {
        let without = stem_before(name, ".exe");
        let rest = without.unwrap_or(name);
        let (rest, machines) = words::last_arch(rest)?;
        let (bin, os) = words::last_os(rest)?;
        (!bin.is_empty() && (machines != Machines::Universal || os == Os::Macos)).then_some(Self {
            bin,
            os,
            machines,
            is_exe: without.is_some(),
        })
    }

    fn verdict(self) -> Verdict<'n> {
        // The ending says Windows; a name that says another system contradicts it.
        let os = match self.is_exe && self.os != Os::Windows {
            true => OsSaid::Several,
            false => OsSaid::One(self.os),
        };
        Verdict::Payload(Payload {
            kind: Kind::Binary,
            os,
            arch: Said::One(self.machines),
        })
    }
}

impl Machines {
    /// The architectures, at least one.
    pub fn archs(self) -> &'static [Arch] {
        match self {
            Self::One(Arch::X64) => &[Arch::X64],
            Self::One(Arch::Arm64) => &[Arch::Arm64],
            Self::Universal => Arch::ALL,
        }
    }
}

impl fmt::Display for Machines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(arch) => arch.fmt(f),
            Self::Universal => f.pad("universal"),
        }
    }
}

impl FromStr for Machines {
    type Err = crate::UnknownName;

    fn from_str(text: &str) -> Result<Self, crate::UnknownName> {
        match text {
            "universal" => Ok(Self::Universal),
            text => text
                .parse()
                .map(Self::One)
                .map_err(|unknown: crate::UnknownName| crate::UnknownName {
                    expected: "x64 arm64 universal",
                    ..unknown
                }),
        }
    }
}

#[cfg(test)]
mod tests;
