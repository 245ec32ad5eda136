//! One platform's journal, as a file.

use super::{JournalError, Line};
use crate::dist::{JOURNAL_FILE, write_atomically};
use crate::system;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The longest journal that is read, in bytes: some ten thousand runs of a usual release.
pub(super) const LIMIT: u64 = 16 * 1024 * 1024;

/// One platform's journal.
#[derive(Debug)]
pub(super) struct JournalFile {
    pub(super) path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    /// Nothing before the first line of a journal that is yet to be made.
    file: Option<File>,
    /// Where its whole lines end.
    end: u64,
    /// The lines that count here, and those of this run: what stays when room is made.
    kept: Vec<u8>,
}

impl JournalFile {
    /// Opens the journal of a folder, and reads its whole lines. The end of a line that was torn by a
    /// power cut or a full disk is no line.
    pub(super) fn open(folder: &Path) -> Result<(Self, String), JournalError> {
        let path = folder.join(JOURNAL_FILE);
        let unfit = |why| JournalError::Unfit {
            path: path.clone(),
            why,
        };
        let failed = |source| JournalError::Open {
            path: path.clone(),
            source,
        };
        let mut text = String::new();
        let file = match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_symlink() => return Err(unfit("a link")),
            Ok(meta) if meta.is_dir() => return Err(unfit("a folder")),
            Ok(meta) if !meta.is_file() => return Err(unfit("no regular file")),
            Ok(meta) if meta.len() > LIMIT => {
                let (path, limit) = (path.clone(), LIMIT);
                return Err(JournalError::TooLong { path, limit });
            }
            Ok(_) => {
                let mut file = system::open_own(&path, false).map_err(failed)?;
                let mut bytes = Vec::new();
                (&mut file)
                    .take(LIMIT)
                    .read_to_end(&mut bytes)
                    .map_err(failed)?;
                let end = bytes.iter().rposition(|byte| *byte == b'\n');
                bytes.truncate(end.map_or(0, |end| end + 1));
                // What is no text is a line that is not understood.
                text = String::from_utf8_lossy(&bytes).into_owned();
                Some((file, bytes.len() as u64))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Better known now than after the first upload.
                tempfile::tempfile_in(folder).map_err(failed)?;
                None
            }
            Err(error) => return Err(failed(error)),
        };
        let (file, end) = file.map_or((None, 0), |(file, end)| (Some(file), end));
        let open = Mutex::new(Open {
            file,
            end,
            kept: Vec::new(),
        });
        Ok((Self { path, open }, text))
    }

    /// Says which of the lines that were read stay when room is made.
    pub(super) fn keep<'l>(&mut self, lines: impl Iterator<Item = &'l str>) {
        let open = self.open.get_mut().unwrap_or_else(PoisonError::into_inner);
        for line in lines {
            open.kept.extend_from_slice(line.as_bytes());
            open.kept.push(b'\n');
        }
    }

    /// Writes a line, in the place of a torn one, and brings it to the disk.
    pub(super) fn append(&self, line: &Line) -> Result<(), JournalError> {
        let failed = |source| JournalError::Write {
            path: self.path.clone(),
            source,
        };
        let mut bytes = serde_json::to_vec(line).map_err(|error| failed(error.into()))?;
        bytes.push(b'\n');
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let room = LIMIT.saturating_sub(bytes.len() as u64);
        if open.end > room {
            self.make_room(&mut open, room)?;
        }
        let Open { file, end, kept } = &mut *open;
        let file = match file {
            Some(file) => file,
            None => file.insert(create(&self.path).map_err(failed)?),
        };
        let written = file
            .set_len(*end)
            .and_then(|()| file.seek(SeekFrom::Start(*end)))
            .and_then(|_| file.write_all(&bytes))
            .and_then(|()| file.sync_data());
        if let Err(error) = written {
            // A part of a line is none, and would be left out by the next run as well.
            file.set_len(*end).ok();
            return Err(failed(error));
        }
        *end += bytes.len() as u64;
        kept.append(&mut bytes);
        Ok(())
    }

    /// Puts the lines that stay in the place of all, so that no journal becomes longer than is read.
    fn make_room(&self, open: &mut Open, room: u64) -> Result<(), JournalError> {
        let failed = |source| JournalError::Write {
            path: self.path.clone(),
            source,
        };
        if open.kept.len() as u64 > room {
            let (path, limit) = (self.path.clone(), LIMIT);
            return Err(JournalError::TooLong { path, limit });
        }
        // Not every system replaces a file that is open.
        open.file = None;
        write_atomically(&self.path, &open.kept).map_err(failed)?;
        open.file = Some(system::open_own(&self.path, false).map_err(failed)?);
        open.end = open.kept.len() as u64;
        Ok(())
    }
}

fn create(path: &Path) -> io::Result<File> {
    let file = system::open_own(path, true)?;
    system::set_mode(path, 0o644)?;
    if let Some(folder) = path.parent() {
        system::sync_dir(folder)?;
    }
    Ok(file)
}
