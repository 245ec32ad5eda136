//! Making a pair of keys.

use super::SignError;
use crate::dist;
use crate::system;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The version of the document's form.
const FORMAT: u32 = 1;

/// A pair of keys that was made; the secret one is in its file alone.
#[derive(Debug, Clone, Serialize)]
pub struct NewKey {
    /// The version of this document's form.
    format: u32,
    /// The number that signatures made with it carry.
    key_id: String,
    /// The public key, as `public-key` and `plugins.updater.pubkey` take it.
    public_key: String,
    /// Whether the secret key is encrypted.
    encrypted: bool,
    /// The file with the secret key.
    file: PathBuf,
    /// The file with the public key.
    public_file: PathBuf,
}

impl fmt::Display for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "key       {}", self.key_id)?;
        writeln!(f, "secret    {}", self.file.display())?;
        writeln!(f, "public    {}", self.public_file.display())?;
        write!(f, "public-key = \"{}\"", self.public_key)
    }
}

/// Makes a pair of keys: the secret one in a new file that only its owner can read, the public one beside
/// it with `.pub` after its name.
///
/// # Errors
/// When one of the files is there already or cannot be written, or the system has no randomness.
pub fn generate(path: &Path, password: Option<&SecretString>) -> Result<NewKey, SignError> {
    let public_file = super::payload::beside(path, ".pub");
    for file in [&public_file, path] {
        if file.symlink_metadata().is_ok() {
            let path = file.to_owned();
            return Err(SignError::Exists { path });
        }
    }
    let pair = signatures::generate(password).map_err(SignError::Generate)?;
    let public_key = pair.public.to_tauri();
    let secret = aside(path, pair.secret.expose_secret(), 0o600)?;
    let public = aside(&public_file, &public_key, 0o644)?;
    // A public key without its secret one is nobody's. The other way round it would be one that signs, and nobody
    // could say for whom.
    put(public, &public_file)?;
    if let Err(error) = put(secret, path) {
        std::fs::remove_file(&public_file).map_err(|source| SignError::Io {
            path: public_file,
            source,
        })?;
        return Err(error);
    }
    Ok(NewKey {
        format: FORMAT,
        key_id: pair.public.id().to_string(),
        public_key,
        encrypted: password.is_some_and(|password| !password.expose_secret().is_empty()),
        file: path.to_owned(),
        public_file,
    })
}

/// Writes a key into a file that has no name of its own yet, in the folder of the one that it is for. Until it has its
/// mode it is its owner's alone.
fn aside(path: &Path, text: &str, mode: u32) -> Result<NamedTempFile, SignError> {
    let write = || {
        let mut file = dist::file_aside(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        system::set_mode(file.path(), mode)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    write().map_err(|source| SignError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Gives it its name, which nothing has taken meanwhile.
fn put(file: NamedTempFile, path: &Path) -> Result<(), SignError> {
    let path = path.to_owned();
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(SignError::Exists { path })
        }
        Err(error) => Err(SignError::Io {
            path,
            source: error.error,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever is killed at whatever moment leaves no key that signs and belongs to no public one.
    #[test]
    fn no_moment_has_a_secret_key_without_its_public_one() {
        let dir = tempfile::tempdir().unwrap();
        let at = |round: usize, end: &str| dir.path().join(format!("{round}.key{end}"));
        const ROUNDS: usize = 60;
        std::thread::scope(|scope| {
            let looking = scope.spawn(|| {
                let mut alone = 0;
                for round in 0..ROUNDS {
                    while !at(round, "").exists() {
                        std::hint::spin_loop();
                    }
                    alone += usize::from(!at(round, ".pub").exists());
                }
                alone
            });
            for round in 0..ROUNDS {
                generate(&at(round, ""), None).unwrap();
            }
            assert_eq!(looking.join().unwrap(), 0);
        });
        let files = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files, 2 * ROUNDS, "nothing else is left");
        let there = generate(&at(0, ""), None).unwrap_err();
        assert!(there.hint().unwrap().contains("without its secret one"));
    }
}
