//! What a product declares of its installers, in its package's `Cargo.toml`:
//!
//! ```toml
//! [package.metadata.atlas-release.installer]
//! maintainer  = "Demo Team <demo@example.com>"
//! section     = "devel"
//! completions = ["completions", "{shell}"]
//! man         = ["man", "--output", "{dir}"]
//! depends     = { deb = ["git"], rpm = ["git"] }
//! ```

use cargo_metadata::Package as CargoPackage;
use packages::{Package, check_deb, check_rpm};
use release_types::{Arch, Os};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The table in which it is declared.
pub const INSTALLER_TABLE: &str = "package.metadata.atlas-release.installer";

/// What stands for a shell's name in the arguments that print completions.
pub const SHELL: &str = "{shell}";

/// What stands for a folder in the arguments that write man pages.
pub const DIR: &str = "{dir}";

/// Where Debian files a program of which nothing is said.
const SECTION: &str = "utils";

/// A form that an installer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For Debian and its relatives.
    Deb,
    /// For Fedora, SUSE and their relatives.
    Rpm,
    /// For macOS.
    Pkg,
    /// For Windows, with scripts that install and remove.
    Zip,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Deb, Self::Rpm, Self::Pkg, Self::Zip];

    /// The system that it is for.
    pub const fn os(self) -> Os {
        match self {
            Self::Deb | Self::Rpm => Os::Linux,
            Self::Pkg => Os::Macos,
            Self::Zip => Os::Windows,
        }
    }

    /// What its files end with, without the dot.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Pkg => "pkg",
            Self::Zip => "zip",
        }
    }
}

/// What a product's installers are and hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallerSettings {
    /// The forms that are made, each for its system.
    pub formats: Vec<Format>,
    /// What the package is called.
    pub name: String,
    /// What macOS knows it by.
    pub identifier: String,
    /// The arguments that print completions, with [`SHELL`] in the place of a shell's name.
    pub completions: Vec<String>,
    /// The arguments that print the man page, or with [`DIR`] write several.
    pub man: Vec<String>,
    maintainer: String,
    summary: String,
    description: String,
    license: String,
    homepage: Option<String>,
    section: String,
    depends: Depends,
}

/// What a program needs that its file does not say, as each format writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Depends {
    deb: Vec<String>,
    rpm: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Section {
    formats: Option<Vec<Format>>,
    name: Option<String>,
    identifier: Option<String>,
    maintainer: Option<String>,
    section: Option<String>,
    #[serde(default)]
    completions: Vec<String>,
    #[serde(default)]
    man: Vec<String>,
    #[serde(default)]
    depends: Depends,
}

impl InstallerSettings {
    /// Reads the table of a package whose program is called `bin`.
    ///
    /// # Errors
    /// What is wrong with it, or missing from the package.
    pub(super) fn parse(value: Value, package: &CargoPackage, bin: &str) -> Result<Self, String> {
        let section: Section = serde_json::from_value(value).map_err(|error| error.to_string())?;
        let needed = |field: &str| format!("the package needs `{field}`, which installers show");
        let description = package.description.as_deref().map(str::trim);
        let description = description.filter(|text| !text.is_empty());
        let description = description.ok_or_else(|| needed("description"))?;
        let (summary, description) = description.split_once('\n').unwrap_or((description, ""));
        let license = package.license.clone().ok_or_else(|| needed("license"))?;
        let author = || package.authors.first().cloned();
        let maintainer = section.maintainer.or_else(author).ok_or(
            "`maintainer` is missing, and the package has no `authors`: who answers for it, as \
             `Name <address>`?",
        )?;
        let named = section.name;
        let name = named.unwrap_or_else(|| bin.to_ascii_lowercase().replace('_', "-"));
        let settings = Self {
            formats: section.formats.unwrap_or_else(|| Format::ALL.to_vec()),
            identifier: section.identifier.unwrap_or_else(|| name.clone()),
            name,
            completions: section.completions,
            man: section.man,
            maintainer,
            summary: summary.trim().trim_end_matches('.').to_owned(),
            description: description.trim().to_owned(),
            license,
            homepage: package.homepage.clone().or(package.repository.clone()),
            section: section.section.unwrap_or_else(|| SECTION.to_owned()),
            depends: section.depends,
        };
        match settings.fault(bin) {
            None => Ok(settings),
            Some(why) => Err(why),
        }
    }

    /// For tests of other stages: all forms, and nothing that a program has to be run for.
    #[cfg(test)]
    pub(crate) fn example() -> Self {
        Self {
            formats: Format::ALL.to_vec(),
            name: "demo".to_owned(),
            identifier: "com.example.demo".to_owned(),
            completions: Vec::new(),
            man: Vec::new(),
            maintainer: "Me <me@example.com>".to_owned(),
            summary: "Shows how it is done".to_owned(),
            description: String::new(),
            license: "MIT".to_owned(),
            homepage: None,
            section: SECTION.to_owned(),
            depends: Depends::default(),
        }
    }

    fn fault(&self, bin: &str) -> Option<String> {
        if self.formats.is_empty() {
            return Some("`formats` names none; leave the table out for no installers".to_owned());
        }
        let is_said = |words: &[String], what: &str| words.iter().any(|word| word.contains(what));
        if !self.completions.is_empty() && !is_said(&self.completions, SHELL) {
            return Some(format!(
                "`completions` has no {SHELL}, which stands for the shell's name"
            ));
        }
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.+".contains(&b);
        if !bin.bytes().all(is_plain) {
            let why = "has to be of letters, digits and `-_.+` for files to be named after it";
            return Some(format!("the binary `{bin}` {why}"));
        }
        if self.identifier.is_empty() || !self.identifier.bytes().all(is_plain) {
            let Self { identifier, .. } = self;
            return Some(format!(
                "`identifier` is `{identifier}`, not letters, digits and `-_.+`"
            ));
        }
        // What no package can hold is known before there is anything to pack.
        let (version, arch) = (semver::Version::new(0, 0, 0), Arch::X64);
        let package = |format| self.package(format, &version, arch, Vec::new(), 0);
        let checked = check_deb(&package(Format::Deb));
        let checked = checked.and_then(|()| check_rpm(&package(Format::Rpm)));
        checked.err().map(|error| error.to_string())
    }

    /// Who answers for it, and its licence.
    pub fn maintainer_and_license(&self) -> (&str, &str) {
        (&self.maintainer, &self.license)
    }

    /// The forms that are made for a system.
    pub fn formats_for(&self, os: Os) -> impl Iterator<Item = Format> {
        let mut formats = self.formats.clone();
        formats.sort_unstable();
        formats.dedup();
        formats.into_iter().filter(move |format| format.os() == os)
    }

    /// What is said of what the program needs, as a format writes it.
    pub fn depends(&self, format: Format) -> &[String] {
        match format {
            Format::Deb => &self.depends.deb,
            Format::Rpm => &self.depends.rpm,
            Format::Pkg | Format::Zip => &[],
        }
    }

    /// A package of files that are still to come. It needs what is given and what is declared, in this
    /// order and each once.
    pub fn package(
        &self,
        format: Format,
        version: &semver::Version,
        arch: Arch,
        mut depends: Vec<String>,
        modified: u32,
    ) -> Package {
        for need in self.depends(format) {
            if !depends.contains(need) {
                depends.push(need.clone());
            }
        }
        Package {
            name: self.name.clone(),
            version: version.clone(),
            arch,
            maintainer: self.maintainer.clone(),
            summary: self.summary.clone(),
            description: self.description.clone(),
            license: self.license.clone(),
            homepage: self.homepage.clone(),
            section: self.section.clone(),
            depends,
            modified,
            files: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
