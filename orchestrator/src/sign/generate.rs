//! Making a pair of keys.

use super::SignError;
use crate::dist::write_atomically;
use crate::system;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

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
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => SignError::Exists { path },
            _ => SignError::Io { path, source },
        }
    };
    if public_file.symlink_metadata().is_ok() {
        return Err(SignError::Exists { path: public_file });
    }
    let pair = signatures::generate(password).map_err(SignError::Generate)?;
    let mut file = system::create_private_file(path).map_err(io(path))?;
    let public_key = pair.public.to_tauri();
    let written = file
        .write_all(pair.secret.expose_secret().as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(io(path))
        .and_then(|()| {
            let written = write_atomically(&public_file, public_key.as_bytes());
            written.map_err(io(&public_file))
        });
    if let Err(error) = written {
        // A key of which half is missing is none.
        drop(file);
        std::fs::remove_file(path).map_err(io(path))?;
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
