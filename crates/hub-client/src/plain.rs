//! Regular files, opened without waiting for anybody.
//!
//! A named pipe in a file's place would be waited for until somebody writes to it, by a thread that no
//! time-out ends, and to open a device may do something. So a file is looked at before it is opened and
//! after: something else may come into its place at any moment.

use std::fs::{File, FileType, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// Opens a regular file, or a link to one, to read.
///
/// # Errors
/// What the system says; or what is there that is no regular file.
pub fn open_regular(path: &Path) -> Result<File> {
    check(std::fs::metadata(path)?.file_type())?;
    let file = to_read().open(path)?;
    check(file.metadata()?.file_type())?;
    Ok(file)
}

fn check(found: FileType) -> Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let why = format!("it is {}, not a regular file", called(found));
    Err(Error::new(ErrorKind::InvalidInput, why))
}

#[cfg(unix)]
fn called(found: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    match found {
        _ if found.is_dir() => "a folder",
        _ if found.is_fifo() => "a named pipe",
        _ if found.is_socket() => "a socket",
        _ if found.is_char_device() || found.is_block_device() => "a device",
        _ => "something else",
    }
}

#[cfg(not(unix))]
fn called(found: FileType) -> &'static str {
    match found.is_dir() {
        true => "a folder",
        false => "something else",
    }
}

#[cfg(unix)]
fn to_read() -> OpenOptions {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    options
}

/// Windows keeps its pipes in a place of their own.
#[cfg(not(unix))]
fn to_read() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode, mknodat};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn what_is_no_file_is_named_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let fifo = rustix::fs::FileType::Fifo;
        mknodat(CWD, at("pipe"), fifo, Mode::from(0o600), 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        std::fs::write(at("file"), "x").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("pipe"), at("link-to-pipe")).unwrap();
        assert!(open_regular(&at("file")).is_ok());
        assert!(open_regular(&at("link")).is_ok());
        for (path, is) in [
            (at("pipe"), "a named pipe"),
            (at("link-to-pipe"), "a named pipe"),
            (at("socket"), "a socket"),
            (dir.path().to_owned(), "a folder"),
            ("/dev/zero".into(), "a device"),
        ] {
            let error = open_regular(&path).unwrap_err().to_string();
            assert_eq!(error, format!("it is {is}, not a regular file"));
        }
        // One that has come after the first look is opened at once.
        let (sender, receiver) = channel();
        let pipe = at("pipe");
        std::thread::spawn(move || {
            let opened = to_read().open(pipe).and_then(|file| file.metadata());
            sender.send(check(opened.unwrap().file_type()).is_err())
        });
        assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(true));
    }
}
