//! Files that are there whole or not at all.

use crate::PackageError;
use std::io;
use std::path::Path;
use tempfile::NamedTempFile;

/// Makes a file beside its place and puts it there when it is finished and on the disk. What is in its place
/// is replaced. Only its owner can read it where there are modes; who may besides is for callers to say.
pub(crate) fn whole(
    path: &Path,
    make: impl FnOnce(&mut NamedTempFile) -> io::Result<()>,
) -> Result<(), PackageError> {
    let write = || {
        let mut file = beside(path)?;
        make(&mut file)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source| PackageError::Io {
        path: path.to_owned(),
        source,
    })
}

/// A file for what is under way, in the folder of another one; it goes with the value.
pub(crate) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    NamedTempFile::new_in(dir.unwrap_or(Path::new(".")))
}
