//! The manifest: one artifact a line, `path|os|arch|kind|filename(optional)`.
//!
//! Read leniently where nothing can be misunderstood (blank lines, `#` comments, CRLF, padding,
//! upper case in os, arch and kind) and strictly where something can.

use crate::{Arch, FileName, Kind, Os, Platform};

/// One artifact of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestRow {
    /// The number of the line it stands on, from 1.
    pub line: usize,
    /// Where the file is, as written; relative to the folder the reader decides on.
    pub path: String,
    /// The platform the artifact is for.
    pub platform: Platform,
    /// What it is for.
    pub kind: Kind,
    /// The name it is published under: the row's own, else the last segment of `path`.
    pub filename: FileName,
}

impl ManifestRow {
    /// The row as it is written into a manifest, without a line ending.
    pub fn to_line(&self) -> String {
        let Platform { os, arch } = self.platform;
        let Self {
            path,
            kind,
            filename,
            ..
        } = self;
        format!("{path}|{os}|{arch}|{kind}|{filename}")
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestProblem {
    /// Not four or five fields.
    #[error("expected 4 or 5 fields, path|os|arch|kind|filename(optional), found {0}")]
    Fields(usize),
    /// The path is empty or holds a character that no path should.
    #[error("field 1 (path): {0}")]
    Path(&'static str),
    /// One of os, arch and kind is unknown.
    #[error("field {field}: {source}")]
    Unknown {
        /// Which field, from 1.
        field: usize,
        /// What is known.
        source: crate::UnknownName,
    },
    /// The file name cannot be published.
    #[error("field {field} ({which}): {source}")]
    FileName {
        /// Which field, from 1.
        field: usize,
        /// What the field is called.
        which: &'static str,
        /// Why not.
        source: crate::FileNameError,
    },
    /// Another row has the same platform and file name, so both have one key.
    #[error("`{filename}` for {platform} stands on line {first} already: both would have one key")]
    Duplicate {
        /// The name that stands twice.
        filename: FileName,
        /// For which platform.
        platform: Platform,
        /// The line of the first.
        first: usize,
    },
    /// Nothing but blank lines and comments.
    #[error("the manifest has no rows")]
    Empty,
}

/// A manifest that cannot be used, with the line that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ManifestError {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: ManifestProblem,
}

/// Reads a manifest's text.
///
/// # Errors
/// The first row that is wrong, or a manifest without rows.
pub fn parse_manifest(text: &str) -> Result<Vec<ManifestRow>, ManifestError> {
    let mut rows: Vec<ManifestRow> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, content) in text.lines().enumerate() {
        let line = index + 1;
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let row = parse_row(line, content).map_err(|problem| ManifestError { line, problem })?;
        // Some systems fold case in names, so two names that differ in case alone collide there.
        let key = (row.platform, row.filename.as_str().to_lowercase());
        if let Some(first) = seen.insert(key, line) {
            let problem = ManifestProblem::Duplicate {
                filename: row.filename,
                platform: row.platform,
                first,
            };
            return Err(ManifestError { line, problem });
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(ManifestError {
            line: 1,
            problem: ManifestProblem::Empty,
        });
    }
    Ok(rows)
}

fn parse_row(line: usize, content: &str) -> Result<ManifestRow, ManifestProblem> {
    let fields: Vec<&str> = content.split('|').map(str::trim).collect();
    let (path, os, arch, kind, name) = match fields[..] {
        [path, os, arch, kind] => (path, os, arch, kind, ""),
        [path, os, arch, kind, name] => (path, os, arch, kind, name),
        _ => return Err(ManifestProblem::Fields(fields.len())),
    };
    if path.is_empty() {
        return Err(ManifestProblem::Path("it is empty"));
    }
    if path.chars().any(char::is_control) {
        return Err(ManifestProblem::Path("it holds a control character"));
    }
    let unknown = |field| move |source| ManifestProblem::Unknown { field, source };
    let os: Os = os.to_lowercase().parse().map_err(unknown(2))?;
    let arch: Arch = arch.to_lowercase().parse().map_err(unknown(3))?;
    let kind: Kind = kind.to_lowercase().parse().map_err(unknown(4))?;
    let (field, which, text) = if name.is_empty() {
        (1, "path", path.rsplit(['/', '\\']).next().unwrap_or(path))
    } else {
        (5, "filename", name)
    };
    let filename = text.parse().map_err(|source| ManifestProblem::FileName {
        field,
        which,
        source,
    })?;
    Ok(ManifestRow {
        line,
        path: path.to_owned(),
        platform: Platform::new(os, arch),
        kind,
        filename,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> String {
        parse_manifest(text).unwrap_err().to_string()
    }

    #[test]
    fn what_todays_script_reads_is_read() {
        let text = "\u{feff}# comment\r\n\r\n  a/b.bin | LINUX | X64 | Binary \r\nc.msi|windows|arm64|installer|d e.msi\n\
                    e.sig|macos|x64|signature|\n";
        let rows = parse_manifest(text).unwrap();
        let lines: Vec<String> = rows.iter().map(ManifestRow::to_line).collect();
        assert_eq!(
            lines,
            [
                "a/b.bin|linux|x64|binary|b.bin",
                "c.msi|windows|arm64|installer|d e.msi",
                "e.sig|macos|x64|signature|e.sig",
            ]
        );
        assert_eq!(rows[0].line, 3);
    }

    #[test]
    fn a_row_that_is_wrong_is_named() {
        assert_eq!(
            error("# x\na|linux|x64\n"),
            "line 2: expected 4 or 5 fields, path|os|arch|kind|filename(optional), found 3"
        );
        assert_eq!(
            error("a|linux|x64|binary|b|"),
            "line 1: expected 4 or 5 fields, path|os|arch|kind|filename(optional), found 6"
        );
        assert_eq!(
            error("a|beos|x64|binary"),
            "line 1: field 2: `beos` is not an operating system; expected one of: windows macos linux"
        );
        assert_eq!(
            error("a|linux|x86|binary"),
            "line 1: field 3: `x86` is not an architecture; expected one of: x64 arm64"
        );
        assert_eq!(
            error("a|linux|x64|exe"),
            "line 1: field 4: `exe` is not a kind of artifact; expected one of: installer binary signature updater-manifest other"
        );
        assert_eq!(
            error("a|linux|x64|binary|../b"),
            "line 1: field 5 (filename): `../b` cannot be a file name: it holds a path separator"
        );
        assert_eq!(
            error("a/..|linux|x64|binary"),
            "line 1: field 1 (path): `..` cannot be a file name: it names a folder"
        );
        assert_eq!(
            error("a|linux|x64|binary\nb/A|linux|x64|other\n"),
            "line 2: `A` for linux-x64 stands on line 1 already: both would have one key"
        );
        assert_eq!(
            error("|linux|x64|binary"),
            "line 1: field 1 (path): it is empty"
        );
        assert_eq!(error("# nothing\n\n"), "line 1: the manifest has no rows");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "([a-z./|# \\r\\n]|\\PC){0,80}") {
            if let Ok(rows) = parse_manifest(&text) {
                prop_assert!(!rows.is_empty());
            }
        }

        #[test]
        fn rows_survive_being_written(
            name in "[a-zA-Z0-9_][a-zA-Z0-9_-]{0,20}\\.bin",
            platform in proptest::sample::select(Platform::ALL.to_vec()),
            kind in proptest::sample::select(Kind::ALL.to_vec()),
        ) {
            let row = ManifestRow { line: 1, path: format!("x/{name}"), platform, kind, filename: name.parse().unwrap() };
            prop_assert_eq!(parse_manifest(&row.to_line()).unwrap(), vec![row]);
        }
    }
}
