//! Many files that are written into a folder.

use super::aside;
use super::write::replace_file;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Many files that are written as [`write_atomically`](super::write_atomically) does it. What killed runs have left is looked for once in each
/// folder: for each file it would take as long as there are files.
#[derive(Debug, Default)]
pub struct Files {
    swept: BTreeSet<PathBuf>,
}

impl Files {
    /// Writes one of them.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let dir = path.parent().unwrap_or(Path::new("."));
        let make: fn(&Path) -> io::Result<NamedTempFile> = match self.swept.insert(dir.to_owned()) {
            true => aside::file,
            false => aside::file_in_swept,
        };
        replace_file(path, bytes, 0o644, make)
    }
}
