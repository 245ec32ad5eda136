//! `.rpm`, by the crate of that name.

use crate::files::sorted;
use crate::needs::{check_rpm_name, is_rpm_version};
use crate::out::whole;
use crate::{Content, Package, PackageError, rpm_version};
use release_types::Arch;
use rpm::{BuildConfig, CompressionWithLevel, Dependency, FileOptions, PackageBuilder, Timestamp};
use std::io::{self, Write as _};
use std::path::Path;

/// What is packaged is built elsewhere, so each version is packaged once.
const RELEASE: &str = "1";

/// How hard it is compressed; every rpm can read gzip.
const LEVEL: u32 = 6;

/// Makes sure that an `.rpm` can hold what is said of a package.
///
/// # Errors
/// The first part that it cannot hold.
pub fn check_rpm(package: &Package) -> Result<(), PackageError> {
    package.check()?;
    for need in &package.depends {
        dependency(need)?;
    }
    Ok(())
}

/// Writes an `.rpm`, in the place of one that is there.
///
/// # Errors
/// When the description cannot be held, or a file cannot be read or written; then nothing has changed.
pub fn write_rpm(package: &Package, out: &Path) -> Result<(), PackageError> {
    check_rpm(package)?;
    let made = build(package, out)?;
    let fail = |source| PackageError::Rpm {
        path: out.to_owned(),
        source,
    };
    let mut failed = None;
    whole(out, |file| {
        let mut buffered = io::BufWriter::new(file);
        match made.write(&mut buffered) {
            Ok(()) => buffered.flush(),
            Err(rpm::Error::Io(source)) => Err(source),
            Err(error) => {
                failed = Some(error);
                Err(io::Error::other("it was refused"))
            }
        }
    })
    .map_err(|error| failed.map_or(error, fail))
}

fn build(package: &Package, out: &Path) -> Result<rpm::Package, PackageError> {
    let fail = |error| match error {
        rpm::Error::Io(source) => PackageError::Io {
            path: out.to_owned(),
            source,
        },
        source => PackageError::Rpm {
            path: out.to_owned(),
            source,
        },
    };
    let arch = match package.arch {
        Arch::X64 => "x86_64",
        Arch::Arm64 => "aarch64",
    };
    let version = rpm_version(&package.version);
    let config = BuildConfig::v4()
        .source_date(package.modified)
        .compression(CompressionWithLevel::Gzip(LEVEL))
        // Without room for a signature: who keeps a repository of packages signs them anew.
        .reserved_space(None);
    let (name, license) = (&package.name, &package.license);
    let mut builder = PackageBuilder::new(name, &version, license, arch, &package.summary);
    builder
        .using_config(config)
        .release(RELEASE)
        .packager(&package.maintainer);
    if let Some(homepage) = &package.homepage {
        builder.url(homepage);
    }
    if !package.description.trim().is_empty() {
        builder.description(package.description.trim());
    }
    for need in &package.depends {
        builder.requires(dependency(need)?);
    }
    for (path, entry) in sorted(&package.files)? {
        let permissions = match entry.executable {
            true => 0o755,
            false => 0o644,
        };
        let mut options = FileOptions::new(format!("/{path}"))
            .permissions(permissions)
            .modified_at(Timestamp(package.modified));
        if path.starts_with("usr/share/man/") || path.starts_with("usr/share/doc/") {
            options = options.doc();
        }
        match &entry.content {
            Content::File(file) => builder.with_file(file, options),
            Content::Bytes(bytes) => builder.with_file_contents(bytes.clone(), options),
        }
        .map_err(fail)?;
    }
    builder.build().map_err(fail)
}

/// What stands between a name and a version.
type Comparison = fn(&str, &str) -> Dependency;

/// Reads `git`, `git >= 2.30` or `libc.so.6(GLIBC_2.34)(64bit)`.
fn dependency(text: &str) -> Result<Dependency, PackageError> {
    let unfit = |why| PackageError::Unfit {
        field: "dependency",
        value: text.to_owned(),
        why,
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let (name, how, version) = match words[..] {
        [name] => {
            check_rpm_name(name).map_err(unfit)?;
            return Ok(Dependency::any(name));
        }
        [name, how, version] => (name, how, version),
        _ => {
            return Err(unfit(
                "is neither a name nor a name, a comparison and a version",
            ));
        }
    };
    let comparison: Comparison = match how {
        "=" => |name, version| Dependency::eq(name, version),
        "<" => |name, version| Dependency::less(name, version),
        "<=" => |name, version| Dependency::less_eq(name, version),
        ">" => |name, version| Dependency::greater(name, version),
        ">=" => |name, version| Dependency::greater_eq(name, version),
        _ => return Err(unfit("compares by none of < <= = >= >")),
    };
    check_rpm_name(name).map_err(unfit)?;
    match is_rpm_version(version) {
        true => Ok(comparison(name, version)),
        false => Err(unfit(
            "compares with what is no version of rpm's, such as `2.30` or `1:2.30-1`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_names_or_comparisons() {
        for good in ["git", "git >= 2.30", "libc.so.6(GLIBC_2.34)(64bit)"] {
            assert!(dependency(good).is_ok(), "{good}");
        }
        for bad in [
            "git 2",
            "git ~ 2",
            "a b c d",
            "git>=2",
            "git >= >=",
            "git >= 2.30-1-1",
            "Git Hub",
            "git, bash",
            "git,bash",
        ] {
            let error = dependency(bad).unwrap_err().to_string();
            assert!(error.starts_with("the dependency `"), "{error}");
        }
    }
}
