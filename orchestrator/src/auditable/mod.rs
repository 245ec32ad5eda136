//! The list of its packages that a program carries inside, as `cargo auditable` puts it there and
//! `cargo audit bin` reads it: JSON, compressed by zlib, in a section `.dep-v0`.
//!
//! The format is that of the crates `auditable-serde` and `auditable-info`, which reading goes through, so
//! that what is proven is what others will find. How a list gets into a program is the shim's: an object
//! file, made here, is linked with it. Pure: values in, bytes out.

mod object_file;

pub use object_file::{link_flags, object_file};

use crate::dependencies::{Dependencies, Kind, Source};
use auditable_serde::{DependencyKind, Package, VersionInfo};

/// The revision of the format: macros, and what they need, are for building. Source: `auditable-serde`,
/// `VersionInfo::format`. It is part of the shim's policy, since other bytes come of another one.
pub const FORMAT: u32 = 1;

/// How much text a list may be.
const LIMIT: usize = 16 << 20;

/// How hard zlib tries; `cargo auditable`'s own choice.
const LEVEL: u8 = 7;

/// Why there is no list in a program, or none that can be made.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The list cannot be written as JSON.
    #[error("the list of packages cannot be written")]
    Json(#[from] serde_json::Error),
    /// The object file cannot be written.
    #[error("the object file with the list of packages cannot be written: {0}")]
    Object(#[from] object::write::Error),
    /// The program has no list that can be read.
    #[error("{0}")]
    Read(#[from] auditable_info::Error),
    /// It is not the one that was made for it.
    #[error("it is another program's, or of an earlier build: {0}")]
    Other(String),
}

/// The list of what a program is made of.
pub fn list(dependencies: &Dependencies) -> VersionInfo {
    let packages = dependencies.packages.iter().enumerate();
    let packages = packages.map(|(at, package)| Package {
        name: package.name.clone(),
        version: package.version.clone(),
        source: match &package.source {
            Source::CratesIo => auditable_serde::Source::CratesIo,
            Source::Registry(_) => auditable_serde::Source::Registry,
            Source::Git(_) => auditable_serde::Source::Git,
            Source::Local => auditable_serde::Source::Local,
        },
        kind: match package.kind {
            Kind::Build => DependencyKind::Build,
            Kind::Runtime => DependencyKind::Runtime,
        },
        dependencies: package.needs.clone(),
        root: at == dependencies.root,
    });
    VersionInfo {
        packages: packages.collect(),
        format: FORMAT,
    }
}

/// A list as it stands in programs. The compressor is the same code on every machine: those that use what
/// a processor offers write other bytes on another one.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn compressed(list: &VersionInfo) -> Result<Vec<u8>, ListError> {
    let json = serde_json::to_vec(list)?;
    Ok(miniz_oxide::deflate::compress_to_vec_zlib(&json, LEVEL))
}

/// Makes sure that a program carries this list and no other.
///
/// # Errors
/// When it has none, or another one.
pub fn check(program: &[u8], expected: &VersionInfo) -> Result<(), ListError> {
    let found = auditable_info::audit_info_from_slice(program, LIMIT)?;
    if found == *expected {
        return Ok(());
    }
    let named = |list: &VersionInfo| -> Vec<String> {
        let packages = list.packages.iter();
        let named = packages.map(|package| format!("{} {}", package.name, package.version));
        named.collect()
    };
    let (found, expected) = (named(&found), named(expected));
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        let these = these.iter().filter(|one| !those.contains(one));
        these.cloned().collect()
    };
    let (more, less) = (only(&found, &expected), only(&expected, &found));
    let words = |what: &str, names: &[String]| {
        (!names.is_empty()).then(|| format!("{what} {}", crate::plan::shortened(names)))
    };
    let words = [words("it names", &more), words("it lacks", &less)];
    let words: Vec<String> = words.into_iter().flatten().collect();
    Err(ListError::Other(match words.is_empty() {
        true => "it says otherwise what needs what".to_owned(),
        false => words.join("; "),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dependencies::{Lock, Mark, read};
    use release_types::Platform;

    pub(super) const TREE: &str = "\
app v0.1.0 (/w/app)\tMIT\t
|-- one v1.0.0\tMIT\t
`-- word v2.0.0-rc.1 (proc-macro)\tMIT\t
    `-- git v0.3.0 (https://h.example/g#01234567)\tMIT\t
";

    fn expected() -> VersionInfo {
        let mark = Mark::new();
        let read = read(&mark.around(TREE), &mark, &["app"], &Lock::default()).unwrap();
        list(&read[0])
    }

    #[test]
    fn the_list_says_what_the_format_asks_for() {
        let json = serde_json::to_value(expected()).unwrap();
        let expected = serde_json::json!({"packages": [
            {"name": "app", "version": "0.1.0", "source": "local", "dependencies": [2, 3], "root": true},
            {"name": "git", "version": "0.3.0", "source": "git", "kind": "build"},
            {"name": "one", "version": "1.0.0", "source": "crates.io"},
            {"name": "word", "version": "2.0.0-rc.1", "source": "crates.io", "kind": "build",
             "dependencies": [1]},
        ], "format": 1});
        assert_eq!(json, expected);
    }

    #[test]
    fn a_program_without_its_list_is_found_out() {
        let expected = expected();
        let linux: Platform = "linux-x64".parse().unwrap();
        let bytes = compressed(&expected).unwrap();
        // The reader looks for the section alone, which an object has as a program has it.
        let object = object_file(linux, &bytes).unwrap();
        check(&object, &expected).unwrap();
        let mut other = expected.clone();
        other.packages[2].version = "1.0.1".parse().unwrap();
        let error = check(&object, &other).unwrap_err().to_string();
        let words = "it names one 1.0.0; it lacks one 1.0.1";
        assert!(error.ends_with(words), "{error}");
        other.packages[2] = expected.packages[2].clone();
        other.packages[2].kind = DependencyKind::Build;
        let error = check(&object, &other).unwrap_err().to_string();
        assert!(error.ends_with("what needs what"), "{error}");
        let plain = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let error = check(&plain, &expected).unwrap_err();
        assert!(matches!(error, ListError::Read(_)), "{error:?}");
    }
}
