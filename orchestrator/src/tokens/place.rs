//! Where a token's text goes: standard output, or a file that only its owner can read.

use super::TokenError;
use crate::system;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A place that was made ready.
#[derive(Debug)]
pub enum Place {
    /// Standard output.
    Output,
    /// A new file. It is removed again unless a token gets into it.
    File(NewFile),
}

/// A file that has nothing in it yet.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Place {
    /// Makes a place ready, before there is a token.
    ///
    /// # Errors
    /// When the file is there already or cannot be made, or standard output leads nowhere.
    pub fn prepare(file: Option<PathBuf>) -> Result<Self, TokenError> {
        let Some(path) = file else {
            return match system::output_is_discarded() {
                true => Err(TokenError::Discarded),
                false => Ok(Self::Output),
            };
        };
        match system::create_private_file(&path) {
            Ok(file) => Ok(Self::File(NewFile {
                path,
                file,
                kept: false,
            })),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(TokenError::Exists { path })
            }
            Err(source) => Err(TokenError::Create { path, source }),
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Output => None,
            Self::File(new) => Some(&new.path),
        }
    }

    /// What it is called.
    pub fn name(&self) -> String {
        match self {
            Self::Output => "standard output".to_owned(),
            Self::File(new) => new.path.display().to_string(),
        }
    }

    /// Writes a line there; in a file it is on disk when this returns.
    ///
    /// # Errors
    /// What the system says, also that nobody reads standard output any more. A file is gone then.
    pub fn write(self, line: &str) -> io::Result<()> {
        match self {
            Self::Output => {
                let mut out = io::stdout().lock();
                writeln!(out, "{line}").and_then(|()| out.flush())
            }
            Self::File(mut new) => {
                new.file.write_all(format!("{line}\n").as_bytes())?;
                new.file.sync_all()?;
                new.kept = true;
                Ok(())
            }
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "an empty file stays");
        }
    }
}
