//! Versions as packages write them, so that they sort as releases do.
//!
//! Both dpkg and rpm sort `~` before the end of a text, so a pre-release begins with it. Neither allows the
//! hyphen of `1.0.0-rc-1` within a version: it becomes `+`, which both sort after the end.

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
