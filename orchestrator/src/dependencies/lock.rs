//! Where packages come from, and their digests: what `Cargo.lock` says. What it says beyond that is nothing to this
//! program.

use super::{DependenciesError, Source};
use release_types::Sha256Digest;
use serde::Deserialize;

/// What crates.io is called in lock files. Source: The Cargo Book, "Source Replacement"; lock files name
/// the index of old also where the sparse one is used.
const CRATES_IO: [&str; 2] = [
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
];

/// A lock file.
#[derive(Debug, Default, Deserialize)]
pub struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    /// Where it comes from; none for those of the workspace.
    source: Option<String>,
    checksum: Option<String>,
}

impl Lock {
    /// Reads one.
    ///
    /// # Errors
    /// When it is no lock file.
    pub fn parse(text: &str) -> Result<Self, DependenciesError> {
        Ok(toml::from_str(text)?)
    }

    /// The names of the files that registries give out for these packages.
    pub fn downloads(&self) -> Vec<String> {
        let packages = self
            .package
            .iter()
            .filter(|package| package.is_of_registry());
        packages
            .map(|package| format!("{}-{}.crate", package.name, package.version))
            .collect()
    }

    /// Whether a package comes from a git repository.
    pub fn needs_git(&self) -> bool {
        let mut sources = self.package.iter().filter_map(Locked::source);
        sources.any(|source| source.starts_with("git+"))
    }

    /// Where a package comes from, and its digest. `shown` is how cargo tells the source to people, in
    /// parentheses: nothing for crates.io, a name for another registry, an address for git, else a folder.
    pub(super) fn source_of(
        &self,
        name: &str,
        version: &str,
        shown: Option<&str>,
    ) -> (Source, Option<Sha256Digest>) {
        let same = |one: &&Locked| one.name == name && one.version == version;
        let mut of_it = self.package.iter().filter(same);
        let Some(shown) = shown else {
            let locked = of_it.find(|one| one.source().is_some_and(|s| CRATES_IO.contains(&s)));
            return (Source::CratesIo, locked.and_then(Locked::digest));
        };
        if let Some(named) = shown.strip_prefix("registry `") {
            let other = |one: &&Locked| {
                let is_crates_io = one.source().is_some_and(|s| CRATES_IO.contains(&s));
                one.is_of_registry() && !is_crates_io
            };
            let locked = of_it.find(other);
            let index = locked.and_then(Locked::source);
            let index = index.unwrap_or(named.trim_end_matches('`')).to_owned();
            return (Source::Registry(index), locked.and_then(Locked::digest));
        }
        // A Windows folder is no address: nothing but git has a scheme here.
        if !shown.contains("://") {
            return (Source::Local, None);
        }
        let locked = of_it.find(|one| one.source().is_some_and(|source| is_git(source, shown)));
        let source = locked.and_then(Locked::source).map(str::to_owned);
        (
            Source::Git(source.unwrap_or_else(|| format!("git+{shown}"))),
            None,
        )
    }
}

impl Locked {
    fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    fn is_of_registry(&self) -> bool {
        let is_one =
            |source: &str| source.starts_with("registry+") || source.starts_with("sparse+");
        self.source().is_some_and(is_one)
    }

    fn digest(&self) -> Option<Sha256Digest> {
        self.checksum.as_deref()?.parse().ok()
    }
}

/// Whether a source in a lock file is what cargo shows with the first digits of its commit.
fn is_git(source: &str, shown: &str) -> bool {
    let Some(source) = source.strip_prefix("git+") else {
        return false;
    };
    let (address, commit) = source.split_once('#').unwrap_or((source, ""));
    let (shown, digits) = shown.split_once('#').unwrap_or((shown, ""));
    address == shown && commit.starts_with(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_digests() {
        let digest = "ab".repeat(32);
        let text = format!(
            r#"
            version = 4
            [[package]]
            name = "a"
            version = "1.0.0"
            source = "registry+https://github.com/rust-lang/crates.io-index"
            checksum = "{digest}"
            [[package]]
            name = "a"
            version = "1.0.0"
            source = "sparse+https://ours.example/index/"
            checksum = "{}"
            [[package]]
            name = "g"
            version = "2.0.0+x"
            source = "git+https://h.example/g?tag=v2#0123456789abcdef0123456789abcdef01234567"
            [[package]]
            name = "ours"
            version = "0.1.0"
            "#,
            "cd".repeat(32)
        );
        let lock = Lock::parse(&text).unwrap();
        let of = |name, version, shown| lock.source_of(name, version, shown);
        let (source, found) = of("a", "1.0.0", None);
        assert_eq!((source, found), (Source::CratesIo, digest.parse().ok()));
        let (source, found) = of("a", "1.0.0", Some("registry `ours`"));
        let index = "sparse+https://ours.example/index/".to_owned();
        let other = "cd".repeat(32).parse().ok();
        assert_eq!((source, found), (Source::Registry(index), other));
        let shown = "https://h.example/g?tag=v2#01234567";
        let full =
            "git+https://h.example/g?tag=v2#0123456789abcdef0123456789abcdef01234567".to_owned();
        assert_eq!(of("g", "2.0.0+x", Some(shown)), (Source::Git(full), None));
        for folder in ["/w/ours", "C:\\w\\ours"] {
            assert_eq!(of("ours", "0.1.0", Some(folder)), (Source::Local, None));
        }
        // What the lock file does not have is told as cargo shows it.
        assert_eq!(of("x", "1.0.0", None), (Source::CratesIo, None));
        let unknown = of("x", "1.0.0", Some("registry `theirs`"));
        assert_eq!(unknown.0, Source::Registry("theirs".to_owned()));
        let unknown = of("x", "1.0.0", Some("ssh://h.example/x#0a"));
        assert_eq!(
            unknown.0,
            Source::Git("git+ssh://h.example/x#0a".to_owned())
        );
        assert!(Lock::parse("no [toml").is_err());
    }

    #[test]
    fn packages_of_a_lock_file() {
        let text = r#"
            version = 4

            [[package]]
            name = "cc"
            version = "1.2.3"
            source = "registry+https://example.com/index"
            checksum = "00"
            dependencies = ["find-msvc-tools"]

            [[package]]
            version = "2.0.0-rc.1+odd"
            source = "sparse+https://example.com/"
            name = "sparse"

            [[package]]
            name = "ours"
            version = "0.1.0"
        "#;
        let mut lock = Lock::parse(text).unwrap();
        assert_eq!(
            lock.downloads(),
            ["cc-1.2.3.crate", "sparse-2.0.0-rc.1+odd.crate"]
        );
        assert!(!lock.needs_git());
        lock.package[2].source = Some("git+https://example.com/ours#0a".to_owned());
        assert!(lock.needs_git());
        assert_eq!(lock.downloads().len(), 2);
        let none = Lock::parse("version = 4").unwrap();
        assert!(none.downloads().is_empty());
    }
}
