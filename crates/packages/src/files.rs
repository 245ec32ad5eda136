//! The files of a package.

use crate::PackageError;
use flate2::{Compression, GzBuilder};
use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::io::{self, Cursor, Read, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is installed, from the root of the file system or of the archive: `usr/bin/demo`.
    pub path: String,
    /// Whether it can be run.
    pub executable: bool,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The bytes of a file here.
    File(PathBuf),
    /// These bytes.
    Bytes(Vec<u8>),
}

impl Entry {
    /// A file with these bytes that is not run.
    pub fn bytes(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            executable: false,
            content: Content::Bytes(bytes.into()),
        }
    }

    /// A program, from a file here.
    pub fn program(path: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            executable: true,
            content: Content::File(file.into()),
        }
    }

    /// Its permissions.
    pub(crate) fn mode(&self) -> u32 {
        match self.executable {
            true => 0o755,
            false => 0o644,
        }
    }

    /// Its length in bytes, and what reads it. Reading fails where the file has another length by then:
    /// archives say it before what it is the length of.
    pub(crate) fn open(&self) -> io::Result<(u64, Box<dyn Read + '_>)> {
        let path = match &self.content {
            Content::Bytes(bytes) => return Ok((bytes.len() as u64, Box::new(Cursor::new(bytes)))),
            Content::File(path) => path,
        };
        let open = || {
            let file = File::open(path)?;
            let meta = file.metadata()?;
            match meta.is_file() {
                true => Ok((file, meta.len())),
                false => Err(io::Error::other("it is not a regular file")),
            }
        };
        let (file, size) = open().map_err(|error| unread(path, &error))?;
        let reader = Measured {
            path,
            file,
            left: size,
        };
        Ok((size, Box::new(reader)))
    }
}

fn unread(path: &Path, error: &io::Error) -> io::Error {
    let why = format!("cannot read {}: {error}", path.display());
    io::Error::new(error.kind(), why)
}

/// A file of a length that is known.
struct Measured<'a> {
    path: &'a Path,
    file: File,
    left: u64,
}

impl Read for Measured<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer);
        let read = read.map_err(|error| unread(self.path, &error))?;
        let is_over = read == 0 && !buffer.is_empty();
        match self.left.checked_sub(read as u64) {
            Some(left) if !(is_over && left > 0) => {
                self.left = left;
                Ok(read)
            }
            _ => Err(io::Error::other(format!(
                "{} has changed while it was read",
                self.path.display()
            ))),
        }
    }
}

/// Files by their paths, which are the order that archives have.
pub(crate) fn sorted(files: &[Entry]) -> Result<BTreeMap<&str, &Entry>, PackageError> {
    let mut sorted = BTreeMap::new();
    for entry in files {
        let unfit = |why| PackageError::Unfit {
            field: "path",
            value: entry.path.clone(),
            why,
        };
        let path = Path::new(&entry.path);
        let is_plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let is_odd = |c: char| c.is_control() || c == '\\';
        if entry.path.is_empty() || !is_plain || entry.path.contains(is_odd) {
            return Err(unfit("is no plain path of a file below the root"));
        }
        // What two paths have between their names does not tell them apart.
        if entry.path.contains("//") || entry.path.ends_with('/') || entry.path.contains("/./") {
            return Err(unfit("is not written as short as it can be"));
        }
        if sorted.insert(entry.path.as_str(), entry).is_some() {
            return Err(unfit("stands there twice"));
        }
    }
    Ok(sorted)
}

/// The folders that files lie in, each behind those that it lies in itself.
pub(crate) fn folders<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut folders: Vec<String> = paths
        .flat_map(|path| {
            path.match_indices('/')
                .map(|(end, _)| path[..end].to_owned())
        })
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

/// Bytes as `gzip --best --no-name` makes them: no name and no time.
///
/// # Errors
/// None in practice: they are written into memory.
pub fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Writes files into a folder, which is made where it is missing, as they would be installed, for tools that
/// pack folders. Files and folders have the time that is given, in seconds since 1970, and folders are open to
/// all, whatever this process's own files are: some tools record both.
///
/// # Errors
/// When one cannot be read or written, or a path cannot be used.
pub fn lay_out(files: &[Entry], modified: u32, dir: &Path) -> Result<(), PackageError> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(modified.into());
    let times = FileTimes::new().set_modified(time).set_accessed(time);
    let files = sorted(files)?;
    for (&path, entry) in &files {
        let target = dir.join(path);
        let write = |source| PackageError::Io {
            path: target.clone(),
            source,
        };
        let copy = || {
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            let (_, mut reader) = entry.open()?;
            let mut file = File::create_new(&target)?;
            io::copy(&mut reader, &mut file)?;
            set_mode(&file, entry.mode())?;
            file.set_times(times)
        };
        copy().map_err(write)?;
    }
    #[cfg(unix)]
    {
        let inner = folders(files.into_keys());
        let paths = inner.iter().rev().map(|path| dir.join(path));
        // From the inside: what is written into a folder is a change of it.
        for path in paths.chain([dir.to_owned()]) {
            let open = || {
                let folder = File::open(&path)?;
                set_mode(&folder, 0o755)?;
                folder.set_times(times)
            };
            open().map_err(|source| PackageError::Io {
                path: path.clone(),
                source,
            })?;
        }
    }
    Ok(())
}

/// Sets a file's permissions; nothing, where there are no modes.
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _unused = (file, mode);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_elsewhere_or_stand_twice_are_refused() {
        for path in [
            "",
            "/usr/bin/a",
            "../a",
            "usr/../a",
            "./a",
            "usr//a",
            "usr/a/",
            "usr/./a",
            "a\nb",
            "a\\b",
        ] {
            let files = [Entry::bytes(path, "x")];
            assert!(sorted(&files).is_err(), "{path:?}");
        }
        let files = [Entry::bytes("b", "x"), Entry::bytes("a", "x")];
        let paths: Vec<&str> = sorted(&files).unwrap().into_keys().collect();
        assert_eq!(paths, ["a", "b"]);
        let twice = [Entry::bytes("a", "x"), Entry::bytes("a", "y")];
        let error = sorted(&twice).unwrap_err().to_string();
        assert_eq!(error, "the path `a` stands there twice");
    }

    #[test]
    fn folders_come_before_what_is_in_them() {
        let paths = ["usr/bin/a", "usr/share/man/man1/a.1.gz", "b"];
        assert_eq!(
            folders(paths.into_iter()),
            [
                "usr",
                "usr/bin",
                "usr/share",
                "usr/share/man",
                "usr/share/man/man1"
            ]
        );
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for (before, after) in [("long", "sh"), ("sh", "longer")] {
            fs::write(&path, before).unwrap();
            let entry = Entry::program("a", &path);
            let (size, mut reader) = entry.open().unwrap();
            assert_eq!(size, before.len() as u64);
            fs::write(&path, after).unwrap();
            let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
            assert!(error.to_string().contains("has changed"), "{error}");
        }
        let error = Entry::program("a", dir.path()).open().err().unwrap();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn a_folder_is_laid_out_as_it_would_be_installed() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("program");
        fs::write(&program, "run").unwrap();
        let files = [
            Entry::program("usr/local/bin/demo", &program),
            Entry::bytes("usr/local/share/doc/demo/VERSION", "1\n"),
        ];
        let root = dir.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).unwrap();
        lay_out(&files, 1_700_000_000, &root).unwrap();
        let meta = |path: &str| fs::metadata(root.join(path)).unwrap();
        let (run, read) = (meta(&files[0].path), meta(&files[1].path));
        assert_eq!((run.mode() & 0o777, run.mtime()), (0o755, 1_700_000_000));
        assert_eq!((read.mode() & 0o777, read.mtime()), (0o644, 1_700_000_000));
        for folder in [
            "",
            "usr",
            "usr/local",
            "usr/local/bin",
            "usr/local/share/doc/demo",
        ] {
            let folder = meta(folder);
            assert_eq!(
                (folder.mode() & 0o777, folder.mtime()),
                (0o755, 1_700_000_000)
            );
        }
        assert!(lay_out(&files, 0, &root).is_err(), "nothing is overwritten");
    }
}
