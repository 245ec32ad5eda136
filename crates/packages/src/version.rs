//! Versions as packages write them, so that they sort as releases do.
//!
//! Both dpkg and rpm sort `~` before the end of a text, so a pre-release begins with it. Neither allows the
//! hyphen of `1.0.0-rc-1` within a version: it becomes `+`, which both sort after the end.

use crate::PackageError;
use semver::Version;

/// The version of a `.deb`: `1.4.0~rc.1+build.5`. It has no revision.
/// Source: deb-version(7).
pub fn deb_version(version: &Version) -> String {
    tilde(version)
}

/// The version of an `.rpm`, whose release is always 1: `1.4.0~rc.1+build.5`.
/// Source: rpm-version(7).
pub fn rpm_version(version: &Version) -> String {
    tilde(version)
}

/// The numbers alone, for formats that know nothing else.
pub fn core_version(version: &Version) -> String {
    format!("{}.{}.{}", version.major, version.minor, version.patch)
}

/// Makes sure that no other release's package has the version of this one's, and that it sorts where it belongs among
/// them. `rc-1` would be written as another pre-release is, and sorts behind what `rc.2` becomes.
///
/// # Errors
/// When there is a hyphen within its pre-release.
pub fn check_version(version: &Version) -> Result<(), PackageError> {
    match version.pre.contains('-') {
        false => Ok(()),
        true => Err(PackageError::Unfit {
            field: "version",
            value: version.to_string(),
            why: "has a `-` within its pre-release, which packages cannot tell from other marks",
        }),
    }
}

/// The part of a pre-release that packages sort otherwise than releases, if there is one: `rc10`, which SemVer has before
/// `rc9`, since it is a word.
pub fn sorted_otherwise(version: &Version) -> Option<&str> {
    let is_mixed = |part: &&str| {
        let has = |is: fn(&u8) -> bool| part.as_bytes().iter().any(is);
        has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
    };
    version.pre.split('.').find(is_mixed)
}

fn tilde(version: &Version) -> String {
    let mut text = core_version(version);
    for (mark, part) in [('~', version.pre.as_str()), ('+', version.build.as_str())] {
        if !part.is_empty() {
            text.push(mark);
            text += &part.replace('-', "+");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_packages_cannot_tell_are_refused() {
        let check = |text: &str| check_version(&text.parse().unwrap());
        for good in ["1.4.0", "1.4.0-rc.1", "1.4.0-rc10", "1.4.0-dev.3+g12-dirty"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["1.4.0-rc-1", "1.4.0-rc.-1", "1.4.0--", "1.4.0-a.b-c.d+x"] {
            let error = check(bad).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("the version `{bad}` has a `-`")),
                "{error}"
            );
        }
        for (text, part) in [
            ("1.4.0", None),
            ("1.4.0-rc.10", None),
            ("1.4.0-alpha.beta+rc10", None),
            ("1.4.0-rc10", Some("rc10")),
            ("1.4.0-rc.1.2x", Some("2x")),
        ] {
            assert_eq!(sorted_otherwise(&text.parse().unwrap()), part, "{text}");
        }
    }

    #[test]
    fn versions_as_packages_write_them() {
        for (version, packaged, core) in [
            ("1.4.0", "1.4.0", "1.4.0"),
            ("1.4.0-rc.1", "1.4.0~rc.1", "1.4.0"),
            ("1.4.0-rc-1.x", "1.4.0~rc+1.x", "1.4.0"),
            ("1.4.0+g12ab-dirty", "1.4.0+g12ab+dirty", "1.4.0"),
            ("0.2.0-dev.3+g12ab", "0.2.0~dev.3+g12ab", "0.2.0"),
        ] {
            let version = version.parse().unwrap();
            assert_eq!(deb_version(&version), packaged);
            assert_eq!(rpm_version(&version), packaged);
            assert_eq!(core_version(&version), core);
        }
    }
}
