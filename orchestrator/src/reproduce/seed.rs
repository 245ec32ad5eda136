//! What a fresh cargo folder is given of an older one, so that nothing has to be downloaded again.

use super::ReproduceError;
use super::settings::copy_settings;
use serde::Deserialize;
use std::io;
use std::path::Path;

/// Gives a new cargo folder what has been downloaded for this lock file, and the settings, but no
/// credentials: neither the files that hold them nor those among the settings. Packages are linked,
/// since cargo only reads them, and unpacked anew; the index, which cargo writes to, is copied.
pub(super) fn seed(from: &Path, to: &Path, lock: &Lock) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for name in ["config.toml", "config"] {
        if from.join(name).is_file() {
            copy_settings(&from.join(name), &to.join(name))?;
        }
    }
    copy_dir(&from.join("registry/index"), &to.join("registry/index"))?;
    let crates = lock.downloads();
    let cache = from.join("registry/cache");
    if cache.is_dir() {
        for registry in std::fs::read_dir(&cache)? {
            let registry = registry?;
            let target = to.join("registry/cache").join(registry.file_name());
            std::fs::create_dir_all(&target)?;
            for name in &crates {
                let file = registry.path().join(name);
                if file.is_file() && std::fs::hard_link(&file, target.join(name)).is_err() {
                    std::fs::copy(&file, target.join(name))?;
                }
            }
        }
    }
    if lock.needs_git() {
        copy_dir(&from.join("git/db"), &to.join("git/db"))?;
    }
    Ok(())
}

/// What a lock file says of packages. What it says beyond that is nothing to this program.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    /// Where it comes from; none for those of the workspace.
    source: Option<String>,
}

impl Lock {
    /// Reads one. Without one, or with one that is none, cargo says itself what is wrong.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self, ReproduceError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(toml::from_str(&text).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(super::io(path)(source)),
        }
    }

    /// The names of the files that registries give out for these packages.
    fn downloads(&self) -> Vec<String> {
        let from_registry = |package: &&Locked| {
            let source = package.source.as_deref().unwrap_or_default();
            source.starts_with("registry+") || source.starts_with("sparse+")
        };
        let packages = self.package.iter().filter(from_registry);
        packages
            .map(|package| format!("{}-{}.crate", package.name, package.version))
            .collect()
    }

    /// Whether a package comes from a git repository.
    fn needs_git(&self) -> bool {
        let mut sources = self.package.iter().filter_map(|p| p.source.as_deref());
        sources.any(|source| source.starts_with("git+"))
    }
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut lock: Lock = toml::from_str(text).unwrap();
        assert_eq!(
            lock.downloads(),
            ["cc-1.2.3.crate", "sparse-2.0.0-rc.1+odd.crate"]
        );
        assert!(!lock.needs_git());
        lock.package[2].source = Some("git+https://example.com/ours#0a".to_owned());
        assert!(lock.needs_git());
        assert_eq!(lock.downloads().len(), 2);
        let none: Lock = toml::from_str("version = 4").unwrap();
        assert!(none.downloads().is_empty());
    }

    #[test]
    fn a_lock_file_that_cannot_be_read_is_named_and_other_text_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("Cargo.lock");
        assert!(Lock::read(&path).unwrap().downloads().is_empty());
        std::fs::write(&path, "no [toml").unwrap();
        assert!(Lock::read(&path).unwrap().downloads().is_empty());
        std::fs::write(&path, b"\xff").unwrap();
        let error = Lock::read(&path).unwrap_err().to_string();
        assert_eq!(error, format!("cannot use {}", path.display()));
    }
}
