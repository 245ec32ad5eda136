//! What a package says of itself, whatever its format.

use crate::{Entry, PackageError};
use release_types::Arch;
use semver::Version;

/// A package that is to be made for Linux.
#[derive(Debug, Clone)]
pub struct Package {
    /// What it is called: at least two of `a-z`, `0-9`, `+`, `-` and `.`, beginning with a letter or digit.
    pub name: String,
    /// The version of what is in it.
    pub version: Version,
    /// The processor it is for.
    pub arch: Arch,
    /// Who answers for it: `Name <address>`.
    pub maintainer: String,
    /// What it is, in one line.
    pub summary: String,
    /// More of that: paragraphs with empty lines between them, or nothing.
    pub description: String,
    /// Its licence, as an SPDX expression.
    pub license: String,
    /// Where to read about it.
    pub homepage: Option<String>,
    /// Where Debian files it, such as `devel`.
    pub section: String,
    /// What it needs, each as its format writes it.
    pub depends: Vec<String>,
    /// The time of all that is in it, in seconds since 1970.
    pub modified: u32,
    /// Its files.
    pub files: Vec<Entry>,
}

impl Package {
    /// Makes sure that every format can hold it.
    ///
    /// # Errors
    /// The first part that cannot be held.
    pub fn check(&self) -> Result<(), PackageError> {
        let unfit = |field, value: &str, why| {
            Err(PackageError::Unfit {
                field,
                value: value.to_owned(),
                why,
            })
        };
        if !is_name(&self.name) {
            let why = "is no name for a package: expected at least two of a-z, 0-9, `+`, `-` and `.`, \
                       beginning with a letter or digit";
            return unfit("name", &self.name, why);
        }
        let lines = [
            ("maintainer", self.maintainer.as_str()),
            ("summary", &self.summary),
            ("license", &self.license),
            ("homepage", self.homepage.as_deref().unwrap_or("none")),
            ("section", &self.section),
        ];
        let depends = self.depends.iter().map(|one| ("dependency", one.as_str()));
        for (field, value) in lines.into_iter().chain(depends) {
            if value.trim().is_empty() {
                return unfit(field, value, "is empty");
            }
            if value.chars().any(char::is_control) {
                return unfit(field, value, "is more than one line");
            }
        }
        if !is_maintainer(&self.maintainer) {
            let why = "is not written as `Name <address>`";
            return unfit("maintainer", &self.maintainer, why);
        }
        let is_odd = |c: char| c.is_control() && c != '\n';
        if self.description.contains(is_odd) {
            let why = "holds a control character";
            return unfit("description", &self.description, why);
        }
        Ok(())
    }
}

/// Source: Debian Policy, "Package", which is the strictest.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() >= 2
        && text.bytes().next().is_some_and(fits)
        && text.bytes().all(|b| fits(b) || b"+-.".contains(&b))
}

fn is_maintainer(text: &str) -> bool {
    let parts = text
        .strip_suffix('>')
        .and_then(|text| text.split_once(" <"));
    parts.is_some_and(|(name, address)| {
        !name.trim().is_empty()
            && address.contains('@')
            && !address.contains(['<', '>', ' '])
            && !name.contains(['<', '>'])
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn package() -> Package {
        Package {
            name: "demo".to_owned(),
            version: "1.4.0-rc.1".parse().unwrap(),
            arch: Arch::X64,
            maintainer: "Demo Team <demo@example.com>".to_owned(),
            summary: "Shows how it is done".to_owned(),
            description: String::new(),
            license: "MIT".to_owned(),
            homepage: None,
            section: "utils".to_owned(),
            depends: Vec::new(),
            modified: 1_700_000_000,
            files: Vec::new(),
        }
    }

    #[test]
    fn a_description_that_no_format_can_hold_is_refused() {
        package().check().unwrap();
        type Change = fn(&mut Package);
        let changes: [(Change, &str); 9] = [
            (|p| p.name = "Demo".to_owned(), "the name `Demo` is no name"),
            (|p| p.name = "d".to_owned(), "the name `d` is no name"),
            (
                |p| p.summary = "one\nDepends: all".to_owned(),
                r"the summary `one\nDepends: all` is more than one line",
            ),
            (
                |p| p.homepage = Some("a\r".to_owned()),
                r"the homepage `a\r` is more",
            ),
            (|p| p.license = " ".to_owned(), "the license ` ` is empty"),
            (
                |p| p.depends = vec!["git\n".to_owned()],
                r"the dependency `git\n`",
            ),
            (
                |p| p.maintainer = "Demo".to_owned(),
                "the maintainer `Demo` is not written",
            ),
            (
                |p| p.maintainer = "Demo <x>".to_owned(),
                "the maintainer `Demo <x>` is not",
            ),
            (
                |p| p.description = "a\u{7}".to_owned(),
                "holds a control character",
            ),
        ];
        for (change, says) in changes {
            let mut package = package();
            change(&mut package);
            let error = package.check().unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
