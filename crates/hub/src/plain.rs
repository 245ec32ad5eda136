//! Regular files, opened as such.
//!
//! Whoever could write to a folder may have put something else in a file's place. A link is not
//! followed, so that nothing outside is read or written; a named pipe is not waited for. Unix refuses
//! both itself (`O_NOFOLLOW`, `O_NONBLOCK`). Windows has no such flags: there the file is looked at
//! first, so a link that is put there just then is followed; making one takes a right of its own.
//! Links to folders further up are the operator's own choice, and are followed everywhere.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// What is in a file's place, where that is no regular file: the source of an [`Error`].
#[derive(Debug, thiserror::Error)]
#[error("it is {0}")]
struct NotPlain(&'static str);

const LINK: &str = "a link";
const NO_FILE: &str = "no regular file";

/// Opens a file, or makes it where these options say so.
pub(crate) fn open(options: &mut OpenOptions, path: &Path) -> Result<File> {
    if !cfg!(unix) && path.is_symlink() {
        return Err(not_plain(LINK));
    }
    let file = match not_followed(options).open(path) {
        Ok(file) => file,
        // A link, a socket, or a pipe that nobody reads: each system has errors of its own for them.
        Err(error) => return Err(why_not_plain(path).map_or(error, not_plain)),
    };
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(not_plain(NO_FILE))
    }
}

/// Opens a file to read.
pub(crate) fn open_to_read(path: &Path) -> Result<File> {
    open(OpenOptions::new().read(true), path)
}

/// Refuses a folder that is a link.
pub(crate) fn real_folder(path: &Path) -> Result<()> {
    match path.is_symlink() {
        true => Err(not_plain(LINK)),
        false => Ok(()),
    }
}

/// Whether a file could not be opened because there is something else in its place.
pub(crate) fn is_not_plain(error: &Error) -> bool {
    error
        .get_ref()
        .is_some_and(|source| source.is::<NotPlain>())
}

fn not_plain(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, NotPlain(what))
}

fn why_not_plain(path: &Path) -> Option<&'static str> {
    let found = std::fs::symlink_metadata(path).ok()?.file_type();
    match (found.is_symlink(), found.is_file()) {
        (true, _) => Some(LINK),
        (false, true) => None,
        (false, false) => Some(NO_FILE),
    }
}

#[cfg(unix)]
fn not_followed(options: &mut OpenOptions) -> &mut OpenOptions {
    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.bits().cast_signed())
}

#[cfg(not(unix))]
fn not_followed(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_a_regular_file_is_opened() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        let refused = |name: &str, why: &str| {
            for options in [
                OpenOptions::new().read(true),
                OpenOptions::new().append(true).create(true),
            ] {
                let error = open(options, &at(name)).unwrap_err();
                assert!(is_not_plain(&error), "{name}: {error}");
                assert_eq!(error.to_string(), format!("it is {why}"));
            }
        };
        std::fs::write(at("file"), "x").unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink(at("nothing"), at("dangling")).unwrap();
        refused("link", LINK);
        refused("dangling", LINK);
        assert!(!at("nothing").exists());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        refused("socket", NO_FILE);
        refused(".", NO_FILE);
        // macOS makes pipes by another call.
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, FileType, Mode, mknodat};
            mknodat(CWD, at("pipe"), FileType::Fifo, Mode::from(0o600), 0).unwrap();
            refused("pipe", NO_FILE);
        }
        assert!(open_to_read(&at("file")).is_ok());
        let missing = open_to_read(&at("nothing")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
}
