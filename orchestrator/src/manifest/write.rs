//! Manifests on the disk: written whole or not at all.

use super::ManifestsError;
use crate::artifacts::{DOCUMENT_LIMIT, read_text};
use crate::dist::rewrite_atomically;
use release_types::{ManifestRow, with_rows};
use std::path::{Path, PathBuf};

/// Puts rows into a manifest that is there: each takes the place of the row with its key (platform and
/// file name), a new signature goes behind its payload, any other new row to the end. Comments, blank
/// lines, line ends and rows that say the same already stay as they are. Whether the file was written;
/// it is not when nothing changes.
///
/// Rows' paths are written as they are given, so they have to start where the manifest's do: at its
/// own folder, unless whoever reads it says otherwise.
///
/// # Errors
/// When the manifest cannot be read, is none, or cannot be written, or a row cannot stand in one. The
/// file is then what it was.
pub fn put_rows(manifest: &Path, rows: &[ManifestRow]) -> Result<bool, ManifestsError> {
    let text = read_text_of(manifest)?;
    let changed = with_rows(&text, rows).map_err(|source| ManifestsError::Rows {
        path: manifest.to_owned(),
        source,
    })?;
    if changed == text {
        return Ok(false);
    }
    fits(&changed, || manifest.display().to_string())?;
    write(manifest, &changed)?;
    Ok(true)
}

/// Makes sure that a manifest's text is not longer than whoever reads it takes.
///
/// # Errors
/// When it is; `of` says whose it is.
pub(super) fn fits(text: &str, of: impl FnOnce() -> String) -> Result<(), ManifestsError> {
    let size = text.len() as u64;
    match size > DOCUMENT_LIMIT {
        true => Err(ManifestsError::TooLong { of: of(), size }),
        false => Ok(()),
    }
}

/// A manifest's text.
///
/// # Errors
/// When it cannot be read, or is too long to be one.
pub fn read_text_of(manifest: &Path) -> Result<String, ManifestsError> {
    read_text(manifest, DOCUMENT_LIMIT).map_err(|source| ManifestsError::Read {
        path: manifest.to_owned(),
        source,
    })
}

/// Makes sure that a manifest is written over nothing but a manifest: neither over a file that could go into one
/// nor over what a slip of the hand has named.
///
/// # Errors
/// What it would be written over.
pub(super) fn guard(
    output: &Path,
    files: &[PathBuf],
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<(), ManifestsError> {
    let taken = |why| {
        Err(ManifestsError::Taken {
            path: output.to_owned(),
            why,
        })
    };
    // A link is written through.
    let Ok(real) = std::fs::canonicalize(output) else {
        return Ok(());
    };
    match std::fs::metadata(&real) {
        Ok(meta) if meta.is_dir() => return taken("is a folder"),
        Ok(meta) if meta.is_file() => {}
        // A device or a pipe: it takes what it is given.
        _ => return Ok(()),
    }
    let is_wanted = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        is_wanted(&name) && std::fs::canonicalize(file).is_ok_and(|file| file == real)
    };
    if files.iter().any(is_wanted) {
        return taken("is one of the files that it is made of");
    }
    match read_text(&real, DOCUMENT_LIMIT) {
        Ok(text) if text.lines().all(may_be_row) => Ok(()),
        Ok(_) => taken("is no manifest"),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => taken("is no manifest"),
        Err(source) => Err(ManifestsError::Read { path: real, source }),
    }
}

/// Whether a line may be a manifest's, also of one with mistakes.
fn may_be_row(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#') || line.contains('|')
}

/// Writes a manifest's text.
///
/// # Errors
/// When it cannot be written; what was there before stays.
pub fn write(manifest: &Path, text: &str) -> Result<(), ManifestsError> {
    rewrite_atomically(manifest, text.as_bytes()).map_err(|source| ManifestsError::Write {
        path: manifest.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_put_in_at_once_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = dir.path().join("cli.manifest");
        let row = |path: &str| ManifestRow {
            path: path.to_owned(),
            ..release_types::parse_manifest("a.sig|linux|x64|signature")
                .unwrap()
                .remove(0)
        };
        assert!(matches!(
            put_rows(&manifest, &[row("a.sig")]),
            Err(ManifestsError::Read { .. })
        ));
        let text = "# ours\na|linux|x64|binary\nb|linux|x64|other\n";
        std::fs::write(&manifest, text).unwrap();
        assert!(put_rows(&manifest, &[row("a.sig")]).unwrap());
        let read = || std::fs::read_to_string(&manifest).unwrap();
        assert_eq!(
            read(),
            "# ours\na|linux|x64|binary\na.sig|linux|x64|signature|a.sig\nb|linux|x64|other\n"
        );
        let modified = || manifest.metadata().unwrap().modified().unwrap();
        let (before, signed) = (modified(), read());
        assert!(!put_rows(&manifest, &[row("a.sig")]).unwrap());
        assert!(put_rows(&manifest, &[row("a|b")]).is_err());
        assert_eq!((modified(), read()), (before, signed));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        // It may be a link, and what it leads to stays as open to others as it was.
        let link = dir.path().join("link.manifest");
        crate::system::alias(&manifest, &link).unwrap();
        crate::system::set_mode(&manifest, 0o600).unwrap();
        assert!(put_rows(&link, &[row("c.sig")]).unwrap());
        assert!(read().contains("\nc.sig|"));
        if cfg!(unix) {
            assert!(link.symlink_metadata().unwrap().is_symlink());
            assert_eq!(crate::system::mode(&manifest).unwrap(), Some(0o600));
        }
        // What nobody could read any more is not written.
        let line = format!("# {}\n", "x".repeat(997));
        let long = line.repeat(16 * 1024 * 1024 / 1000);
        std::fs::write(&manifest, &long).unwrap();
        assert!(put_rows(&manifest, &[row("a.sig")]).unwrap());
        let full = "#".repeat(16 * 1024 * 1024 - read().len());
        std::fs::write(&manifest, read() + &full).unwrap();
        let before = read();
        let error = put_rows(&manifest, &[row("longer.sig")]).unwrap_err();
        assert!(
            error.to_string().contains("more than the 16777216"),
            "{error}"
        );
        assert!(read() == before);
        std::fs::remove_file(&link).unwrap();
        std::fs::write(&manifest, "a|linux\n").unwrap();
        let error = put_rows(&manifest, &[row("a.sig")]).unwrap_err();
        assert!(error.to_string().contains("line 1, column 8"), "{error}");
    }
}
