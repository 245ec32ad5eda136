//! Versions in names, as bundlers write them: `Demo_1.4.0-rc.1_amd64.deb`, `demo-1.4.0~rc.1-1.x86_64.rpm`,
//! `Demo_1.4.0.7_x64_en-US.msi`.

use super::words::is_word;
use semver::Version;
use std::borrow::Cow;

/// What pre-releases begin with that are told by a word alone.
const PRE_RELEASES: [&str; 13] = [
    "alpha",
    "beta",
    "canary",
    "dev",
    "experimental",
    "insider",
    "next",
    "nightly",
    "pre",
    "prerelease",
    "preview",
    "rc",
    "snapshot",
];

/// Words that have a number behind them and are none: what a file is for.
const SYSTEMS: [&str; 9] = [
    "centos", "debian", "el", "fc", "fedora", "rhel", "suse", "ubuntu", "win",
];

/// What may stand before a pre-release.
const BEFORE: [char; 5] = ['-', '~', '_', '.', '+'];

/// What may stand in the place of a hyphen within it. Debian's and rpm's versions have none to spare.
const HYPHENS: [char; 4] = ['-', '~', '_', '+'];

/// The version that a file's name says, where it says one and it is another than this. A name may hold more
/// that looks like a version; then one of them has to be the right one. Packages have a revision or a fourth
/// number behind theirs, and some have no place for a pre-release; one that is there has to be the right one.
pub fn other_version(name: &str, version: &Version) -> Option<String> {
    let found = said(name);
    match found.iter().any(|one| one.is(version)) {
        true => None,
        false => found.first().map(|one| one.text(name).to_owned()),
    }
}

/// The rest of a name without the first version in it, and that version.
pub fn without_version(name: &str) -> Option<(String, &str)> {
    let found = said(name);
    let one = found.first()?;
    let text = one.text(name);
    let end = one.start + text.len();
    Some((format!("{}\0{}", &name[..one.start], &name[end..]), text))
}

/// Numbers of a name that look like a version.
struct Numbers<'n> {
    /// Where they begin.
    start: usize,
    /// At least three, with dots.
    text: &'n str,
    /// What stands behind them.
    rest: &'n str,
}

fn said(name: &str) -> Vec<Numbers<'_>> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(at) = name[from..].find(is_part) {
        let rest = &name[from + at..];
        let run = &rest[..rest.find(|c: char| !is_part(c)).unwrap_or(rest.len())];
        let text = run.trim_start_matches('.');
        let start = from + at + run.len() - text.len();
        from += at + run.len();
        let text = text.trim_end_matches('.');
        let numbers = text.split('.');
        if numbers.clone().count() >= 3 && numbers.clone().all(|number| !number.is_empty()) {
            let rest = &name[start + text.len()..];
            found.push(Numbers { start, text, rest });
        }
    }
    found
}

impl<'n> Numbers<'n> {
    fn is(&self, version: &Version) -> bool {
        let core = format!("{}.{}.{}", version.major, version.minor, version.patch);
        match self.text.strip_prefix(&core) {
            Some("") => {
                let rest = without_build(self.rest, version.build.as_str());
                let plain = Numbers {
                    rest: &rest,
                    ..*self
                };
                plain.has_no_other_pre_release(version.pre.as_str())
            }
            // Installers of Windows have a fourth number, and no place for words.
            Some(more) => more.starts_with('.'),
            None => false,
        }
    }

    fn has_no_other_pre_release(&self, pre: &str) -> bool {
        let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        if !pre.is_empty() && begins_with(self.rest, pre) {
            return true;
        }
        // A number alone is a package's revision, unless that is what the version has.
        let has_number = self.rest.strip_prefix(['-', '~']).is_some_and(is_number);
        self.pre_release().is_none() && !(has_number && is_number(pre))
    }

    /// The pre-release behind the numbers. A name that begins with a version goes on with what the program is called,
    /// which may be `alpha`; so there a word alone is none.
    fn pre_release(&self) -> Option<&'n str> {
        let found = pre_release(self.rest)?;
        let has_number = found.contains(|c: char| c.is_ascii_digit());
        (self.start > 0 || has_number).then_some(found)
    }

    /// The numbers, and the pre-release behind them.
    fn text(&self, name: &'n str) -> &'n str {
        let behind = self.pre_release().map_or(0, str::len);
        &name[self.start..self.start + self.text.len() + behind]
    }
}

/// What stands behind a version's numbers without its build metadata, which begins like a pre-release.
fn without_build<'n>(rest: &'n str, build: &str) -> Cow<'n, str> {
    let ends = |behind: &str| {
        !behind.starts_with(|c: char| c.is_ascii_alphanumeric()) && number_behind(behind).is_none()
    };
    let found = rest.split_once('+').and_then(|(before, behind)| {
        let behind = behind.strip_prefix(build)?;
        (!build.is_empty() && ends(behind)).then_some((before, behind))
    });
    match found {
        Some((before, behind)) => format!("{before}{behind}").into(),
        None => rest.into(),
    }
}

/// Whether this pre-release, and not one of which it is the beginning, stands at the beginning.
fn begins_with(rest: &str, pre: &str) -> bool {
    let (mut rest, mut pre) = (rest, pre);
    let (mut between, mut before): (&[char], Option<char>) = (&BEFORE, None);
    loop {
        let end = pre.find(['.', '-']).unwrap_or(pre.len());
        let part = &pre[..end];
        let is_number = part.starts_with(|c: char| c.is_ascii_digit());
        rest = match (rest.strip_prefix(between), before) {
            (Some(rest), _) => rest,
            // `rc.1` may be written `rc1`.
            (None, Some('a'..='z' | 'A'..='Z')) if is_number => rest,
            (None, _) => return false,
        };
        rest = match rest.split_at_checked(end) {
            Some((own, more)) if own.eq_ignore_ascii_case(part) => more,
            _ => return false,
        };
        before = part.chars().last();
        between = match pre[end..].chars().next() {
            None => break,
            Some('.') => &['.'],
            Some(_) => &HYPHENS,
        };
        pre = &pre[end + 1..];
    }
    !rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && number_behind(rest).is_none()
}

/// The pre-release at the beginning of what stands behind numbers, with what parts it from them.
fn pre_release(rest: &str) -> Option<&str> {
    let behind = rest.strip_prefix(BEFORE)?;
    let word = word_of(behind);
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let mut end = rest.len() - behind.len() + word.len();
    let without_numbers = end;
    while let Some(number) = number_behind(&rest[end..]) {
        end += 1 + number.len();
    }
    let is_one_of = |words: &[&str]| words.iter().any(|one| letters.eq_ignore_ascii_case(one));
    // Tauri writes the version as it is, whatever the word.
    let is_any = rest.starts_with('-') && end > without_numbers && !letters.is_empty();
    let is_it = is_one_of(&PRE_RELEASES) || is_any && !is_one_of(&SYSTEMS) && !is_word(word);
    is_it.then(|| &rest[..end])
}

/// The number that stands behind a dot, and is not the beginning of a word.
fn number_behind(rest: &str) -> Option<&str> {
    let word = word_of(rest.strip_prefix('.')?);
    let is_number = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    is_number.then_some(word)
}

/// The letters and digits at the beginning.
fn word_of(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric());
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn other(name: &str, version: &str) -> Option<String> {
        other_version(name, &version.parse().unwrap())
    }

    #[test]
    fn names_say_versions() {
        for name in [
            "Atlas_1.4.0_amd64.deb",
            "Atlas-1.4.0-1.x86_64.rpm",
            "Atlas 2_1.4.0_x64-setup.exe",
            "Atlas_1.4.0_x64_en-US.msi",
            "Atlas_1.4.0.0_x64_en-US.msi",
            "Atlas_1.4.0_amd64.AppImage.tar.gz",
            "For 10.15.7 Atlas_1.4.0_aarch64.dmg",
            "Atlas.app.tar.gz",
            "Atlas_1.4_amd64.deb",
            "atlas-1.4.0-x64.exe",
            "atlas_1.4.0-1ubuntu2_amd64.deb",
            "atlas-1.4.0-1.el9.x86_64.rpm",
            "atlas-1.4.0-ubuntu.22.04-amd64.deb",
            "atlas-1.4.0-community-x64.exe",
            "Atlas.1.4.0.7z",
        ] {
            assert_eq!(other(name, "1.4.0"), None, "{name}");
            assert_eq!(other(name, "1.4.0-rc.1"), None, "{name}");
        }
        let found = other("Atlas_1.3.9_amd64.deb", "1.4.0");
        assert_eq!(found.as_deref(), Some("1.3.9"));
        assert_eq!(
            other("Atlas_1.4.01.deb", "1.4.0").as_deref(),
            Some("1.4.01")
        );
        assert_eq!(
            other("Atlas_11.4.0.deb", "1.4.0").as_deref(),
            Some("11.4.0")
        );
        assert_eq!(other("Atlas_1.4.0-rc.1_amd64.deb", "1.4.0-rc.1"), None);
    }

    #[test]
    fn a_pre_release_is_a_part_of_it() {
        let all = [
            "1.4.0",
            "1.4.0-rc.1",
            "1.4.0-rc.2",
            "1.4.0-rc.11",
            "1.4.0-rc.1.1",
            "1.4.0-rc",
            "1.4.0-beta.1",
            "1.4.0-odd.1",
            "1.4.0-rc-2",
        ];
        for version in all {
            let debian = version.replacen('-', "~", 1).replace('-', "+");
            for name in [
                format!("Atlas_{version}_amd64.deb"),
                format!("Atlas-{version}-1.x86_64.rpm"),
                format!("Atlas_{version}_x64-setup.exe"),
                format!("Atlas_{version}_amd64.AppImage"),
                format!("Atlas_{version}_universal.dmg"),
                format!("atlas_{debian}_amd64.deb"),
                format!("atlas-{debian}-1.x86_64.rpm"),
                format!("Atlas {version}.msi"),
            ] {
                assert_eq!(other(&name, version), None, "{name}");
                for another in all.iter().filter(|another| **another != version) {
                    // Some packages have no place for a pre-release.
                    let says = version != "1.4.0"
                        // Written so, nobody can tell it from a revision.
                        && !(version == "1.4.0-rc-2" && *another == "1.4.0-rc")
                        && !(version == "1.4.0-odd.1" && name.contains('~'));
                    assert_eq!(other(&name, another).is_some(), says, "{name} {another}");
                }
            }
        }
        let found = other("F_2.0.0-beta.1_amd64.deb", "2.0.0-beta.2");
        assert_eq!(found.as_deref(), Some("2.0.0-beta.1"));
        assert_eq!(other("F_2.0.0-rc1.msi", "2.0.0-rc.1"), None);
        assert_eq!(other("F_2.0.0-RC.1.msi", "2.0.0-rc.1"), None);
        assert!(other("F_2.0.0-rc1.msi", "2.0.0-rc.2").is_some());
        assert!(other("F_2.0.0-7_x64.exe", "2.0.0-8").is_some());
        assert_eq!(other("F_2.0.0-7_x64.exe", "2.0.0-7"), None);
        // A program may be called so.
        assert_eq!(other("2.0.0-alpha-windows-x64", "2.0.0"), None);
        assert!(other("2.0.0-alpha.1-windows-x64", "2.0.0").is_some());
        assert!(other("1.9.0-alpha-windows-x64", "2.0.0").is_some());
    }

    #[test]
    fn build_metadata_is_no_pre_release() {
        for build in ["dev.5", "rc.1", "pre", "nightly.3", "alpha1", "g12ab"] {
            for version in [format!("1.4.0+{build}"), format!("1.4.0-rc.2+{build}")] {
                let name = format!("Atlas_{version}_amd64.deb");
                assert_eq!(other(&name, &version), None, "{name}");
            }
        }
        // Another one that reads as a pre-release is one.
        assert!(other("Atlas_1.4.0+rc.1_amd64.deb", "1.4.0+dev.5").is_some());
        assert!(other("Atlas_1.4.0+rc.1_amd64.deb", "1.4.0").is_some());
        assert!(other("Atlas_1.4.0+dev.50_amd64.deb", "1.4.0+dev.5").is_some());
        assert!(other("Atlas_1.4.0+dev.5.1_amd64.deb", "1.4.0+dev.5").is_some());
    }

    #[test]
    fn what_is_left_of_a_name_is_the_same_for_all_versions() {
        let rest = |name: &str| without_version(name).unwrap().0;
        let first = rest("Atlas_7.9.0_amd64.deb");
        assert_eq!(first, rest("Atlas_8.0.0_amd64.deb"));
        assert_eq!(first, rest("Atlas_8.0.0-rc.1_amd64.deb"));
        assert_ne!(first, rest("Atlas_8.0.0_arm64.deb"));
        assert_ne!(first, rest("Atlas-8.0.0_amd64.deb"));
        assert_eq!(
            without_version("Atlas_8.0.0-rc.1.deb").unwrap().1,
            "8.0.0-rc.1"
        );
        assert_eq!(without_version("Atlas_8.0_amd64.deb"), None);
    }

    proptest! {
        #[test]
        fn no_name_makes_it_panic(name in "[-~._+0-9a-cé]{0,24}") {
            let _none = other(&name, "1.0.0-a.1");
            let _none = without_version(&name);
        }
    }
}
