//! The manifest: one artifact a line, `path|os|arch|kind|filename(optional)`.
//!
//! Read leniently where nothing can be misunderstood (blank lines, `#` comments, CRLF, padding,
//! upper case in os, arch and kind) and strictly where something can. Whoever publishes stops at the
//! first fault; whoever checks is told all of them, and what the rows contradict each other in.

mod contradictions;
mod edit;

pub use edit::with_rows;

use crate::{Arch, FileName, Kind, Os, Platform, folded};
use std::collections::HashMap;

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

    /// The same, when it is read back as this row and no other.
    ///
    /// # Errors
    /// When it would not be: a path that begins with a blank or `#`, that holds `|` or a control
    /// character, or a name with blanks at its ends.
    pub fn to_checked_line(&self) -> Result<String, ManifestProblem> {
        let text = self.to_line();
        let line = self.line;
        match parse_manifest(&text).as_deref() {
            Ok([read])
                if ManifestRow {
                    line,
                    ..read.clone()
                } == *self =>
            {
                Ok(text)
            }
            _ => Err(ManifestProblem::Path(
                "a manifest cannot hold it: it begins or ends with a blank, begins with `#`, or holds `|` or a control character",
            )),
        }
    }

    /// What tells it from others: the key that its platform and name make. Some systems fold case and accents in
    /// names, so two names that differ in these alone collide there.
    fn key(&self) -> (Platform, String) {
        (self.platform, folded(self.filename.as_str()))
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
    /// A signature whose payload is not in the manifest.
    #[error("`{signature}` signs `{payload}`, which stands nowhere for {platform}")]
    NoPayload {
        /// The signature's name.
        signature: FileName,
        /// The name that its payload would have.
        payload: String,
        /// For which platform.
        platform: Platform,
    },
    /// A signature that is not named after anything.
    #[error("`{0}` is a signature, and is not called as its payload with `.sig` after it")]
    SignatureName(FileName),
    /// One file for two platforms.
    #[error(
        "`{path}` stands on line {first} for {other}: one file is for one platform, but for a macOS bundle whose name has the word `universal`"
    )]
    TwoPlatforms {
        /// The file.
        path: String,
        /// The line of the first.
        first: usize,
        /// The platform of the first.
        other: Platform,
    },
    /// A file stands for itself and for a signature.
    #[error("`{path}` stands on line {first} too: a signature is a file of its own")]
    OwnSignature {
        /// The file.
        path: String,
        /// The line of the first.
        first: usize,
    },
    /// Nothing but blank lines and comments.
    #[error("the manifest has no rows")]
    Empty,
}

/// A manifest that cannot be used, with the place that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", self.place())]
pub struct ManifestError {
    /// The line's number, from 1.
    pub line: usize,
    /// The column, from 1, in characters: where the field begins, or where it is missing.
    pub column: usize,
    /// What is wrong with it.
    pub problem: ManifestProblem,
}

impl ManifestError {
    fn place(&self) -> String {
        let Self { line, column, .. } = self;
        match self.problem {
            // There is nothing that a column could point at.
            ManifestProblem::Empty => format!("line {line}"),
            _ => format!("line {line}, column {column}"),
        }
    }
}

/// A manifest's text, read as far as it can be.
#[derive(Debug, Clone)]
pub struct ManifestReading<'t> {
    /// The rows that can be understood, in their order; of rows with one key, all.
    pub rows: Vec<ManifestRow>,
    /// What is wrong with the others, and which keys stand twice, in the order of the lines.
    pub errors: Vec<ManifestError>,
    lines: Vec<&'t str>,
}

/// Reads a manifest's text.
///
/// # Errors
/// The first row that is wrong, or a manifest without rows.
pub fn parse_manifest(text: &str) -> Result<Vec<ManifestRow>, ManifestError> {
    let reading = read_manifest(text);
    match reading.errors.into_iter().next() {
        Some(error) => Err(error),
        None => Ok(reading.rows),
    }
}

/// Reads a manifest's text to its end, whatever is wrong with it.
pub fn read_manifest(text: &str) -> ManifestReading<'_> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reading = ManifestReading {
        rows: Vec::new(),
        errors: Vec::new(),
        lines: text.lines().collect(),
    };
    let mut seen = HashMap::new();
    for (index, raw) in reading.lines.iter().enumerate() {
        let line = index + 1;
        if !is_row(raw) {
            continue;
        }
        let row = match parse_row(line, raw) {
            Ok(row) => row,
            Err(errors) => {
                reading.errors.extend(errors);
                continue;
            }
        };
        let first = *seen.entry(row.key()).or_insert(line);
        if first != line {
            reading.errors.push(ManifestError {
                line,
                column: column(raw, name_field(raw)),
                problem: ManifestProblem::Duplicate {
                    filename: row.filename.clone(),
                    platform: row.platform,
                    first,
                },
            });
        }
        reading.rows.push(row);
    }
    if reading.rows.is_empty() && reading.errors.is_empty() {
        reading.errors.push(ManifestError {
            line: 1,
            column: 1,
            problem: ManifestProblem::Empty,
        });
    }
    reading
}

impl ManifestReading<'_> {
    /// Where a field (from 1) of a row begins: line and column.
    pub fn place(&self, row: &ManifestRow, field: usize) -> (usize, usize) {
        (row.line, column(self.raw(row), field))
    }

    /// The field (from 1) that a row's name was taken from: its own, else that of its path.
    pub fn name_field(&self, row: &ManifestRow) -> usize {
        name_field(self.raw(row))
    }

    fn raw(&self, row: &ManifestRow) -> &str {
        let index = row.line.checked_sub(1);
        let raw = index.and_then(|index| self.lines.get(index));
        raw.copied().unwrap_or_default()
    }

    fn error(&self, row: &ManifestRow, field: usize, problem: ManifestProblem) -> ManifestError {
        let (line, column) = self.place(row, field);
        ManifestError {
            line,
            column,
            problem,
        }
    }
}

/// Whether a line is neither blank nor a comment.
fn is_row(raw: &str) -> bool {
    let content = raw.trim();
    !content.is_empty() && !content.starts_with('#')
}

/// Where a field (from 1) of a line begins, in characters from 1; of one that is not there, where the
/// line ends.
fn column(raw: &str, field: usize) -> usize {
    let mut before = 0;
    for (index, part) in raw.split('|').enumerate() {
        if index + 1 == field {
            let padding = part.len() - part.trim_start().len();
            let padding = match part.trim_start() {
                "" => 0,
                _ => part[..padding].chars().count(),
            };
            return before + padding + 1;
        }
        before += part.chars().count() + 1;
    }
    raw.trim_end().chars().count() + 1
}

/// The field that a row's name stands in.
fn name_field(raw: &str) -> usize {
    match raw.split('|').nth(4).map(str::trim) {
        None | Some("") => 1,
        Some(_) => 5,
    }
}

fn parse_row(line: usize, raw: &str) -> Result<ManifestRow, Vec<ManifestError>> {
    let at = |field, problem| ManifestError {
        line,
        column: column(raw, field),
        problem,
    };
    let fields: Vec<&str> = raw.split('|').map(str::trim).collect();
    let (path, os, arch, kind, name) = match fields[..] {
        [path, os, arch, kind] => (path, os, arch, kind, ""),
        [path, os, arch, kind, name] => (path, os, arch, kind, name),
        _ => {
            let first_wrong = if fields.len() > 5 {
                6
            } else {
                fields.len() + 1
            };
            let problem = ManifestProblem::Fields(fields.len());
            return Err(vec![at(first_wrong, problem)]);
        }
    };
    let mut errors = Vec::new();
    let path_fault = match path {
        "" => Some("it is empty"),
        path if path.chars().any(char::is_control) => Some("it holds a control character"),
        _ => None,
    };
    if let Some(why) = path_fault {
        errors.push(at(1, ManifestProblem::Path(why)));
    }
    let unknown = |field| move |source| (field, ManifestProblem::Unknown { field, source });
    let os = os.to_lowercase().parse::<Os>().map_err(unknown(2));
    let arch = arch.to_lowercase().parse::<Arch>().map_err(unknown(3));
    let kind = kind.to_lowercase().parse::<Kind>().map_err(unknown(4));
    let (field, which, text) = match name {
        "" => (1, "path", path.rsplit(['/', '\\']).next().unwrap_or(path)),
        name => (5, "filename", name),
    };
    let filename = text.parse::<FileName>().map_err(|source| {
        let problem = ManifestProblem::FileName {
            field,
            which,
            source,
        };
        (field, problem)
    });
    let mut take = |(field, problem): (usize, ManifestProblem)| {
        // A path that cannot be one gives no name either: that is one fault, not two.
        if field != 1 || path_fault.is_none() {
            errors.push(at(field, problem));
        }
    };
    let os = os.map_err(&mut take).ok();
    let arch = arch.map_err(&mut take).ok();
    let kind = kind.map_err(&mut take).ok();
    let filename = filename.map_err(&mut take).ok();
    let (Some(os), Some(arch), Some(kind), Some(filename), None) =
        (os, arch, kind, filename, path_fault)
    else {
        errors.sort_by_key(|error| error.column);
        return Err(errors);
    };
    Ok(ManifestRow {
        line,
        path: path.to_owned(),
        platform: Platform::new(os, arch),
        kind,
        filename,
    })
}

#[cfg(test)]
mod tests;
