//! Whether a manifest's rows can be published: what they say, what they contradict each other in, and
//! whether their files are what they have to be.

use super::ManifestsError;
use super::scan::stays_below;
use super::write::read_text_of;
use crate::artifacts::NotText;
use crate::system;
use release_types::{ManifestError, ManifestReading, ManifestRow, read_manifest};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Something that is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong, in one sentence.
    pub message: String,
}

/// A manifest that was looked at.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The rows that can be understood.
    pub rows: Vec<ManifestRow>,
    /// What is wrong with them and the others, by line and column.
    pub problems: Vec<Problem>,
}

impl From<ManifestError> for Problem {
    fn from(error: ManifestError) -> Self {
        Self {
            line: error.line,
            column: error.column,
            message: error.problem.to_string(),
        }
    }
}

/// Reads a manifest's text; no file is looked at.
pub fn read(text: &str) -> Checked {
    let reading = read_manifest(text);
    Checked {
        problems: reading.errors.into_iter().map(Problem::from).collect(),
        rows: reading.rows,
    }
}

/// Reads a manifest's text and looks at each file that it names, from `base` on.
pub fn check(text: &str, base: &Path) -> Checked {
    let reading = read_manifest(text);
    let mut problems: Vec<Problem> = Vec::new();
    problems.extend(reading.errors.iter().cloned().map(Problem::from));
    problems.extend(reading.contradictions().into_iter().map(Problem::from));
    problems.extend(of_files(&reading, base, |_| true));
    problems.sort();
    problems.dedup();
    let ManifestReading { rows, .. } = reading;
    Checked { rows, problems }
}

/// What may not be published of a manifest that can be read, and whose files can: rows that contradict one another, and
/// links that lead out of their folder. What cannot be read is for whoever reads it to tell.
pub fn contradictions_in(manifest: &Path, base: &Path) -> Vec<Problem> {
    let text = read_text_of(manifest);
    text.map_or_else(|_| Vec::new(), |text| contradictions(&text, base))
}

fn contradictions(text: &str, base: &Path) -> Vec<Problem> {
    let reading = read_manifest(text);
    if !reading.errors.is_empty() {
        return Vec::new();
    }
    let found = reading.contradictions().into_iter().map(Problem::from);
    let mut problems: Vec<Problem> = found.collect();
    problems.extend(of_files(&reading, base, |unfit| unfit.leads_out));
    problems.sort();
    problems.dedup();
    problems
}

/// What is wrong with the files of rows, as far as it is wanted, and with rows that are of one file.
fn of_files(
    reading: &ManifestReading<'_>,
    base: &Path,
    is_wanted: impl Fn(&Unfit) -> bool,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut files: HashMap<OneFile, &ManifestRow> = HashMap::new();
    for row in &reading.rows {
        match file(row, base) {
            Ok(real) => {
                // Two paths may lead to one file, through a link of either kind or another spelling.
                let first = *files.entry(real).or_insert(row);
                problems.extend(reading.conflict(first, row).map(Problem::from));
            }
            Err(unfit) if is_wanted(&unfit) => {
                let (line, column) = reading.place(row, 1);
                problems.push(Problem {
                    line,
                    column,
                    message: unfit.message,
                });
            }
            Err(_) => {}
        }
    }
    problems
}

/// Reads a manifest; no file that it names is looked at.
///
/// # Errors
/// When it cannot be read.
pub fn read_file(manifest: &Path) -> Result<Checked, ManifestsError> {
    of_file(manifest, read)
}

/// Reads a manifest and looks at each file that it names, from `base` on.
///
/// # Errors
/// When it cannot be read.
pub fn check_file(manifest: &Path, base: &Path) -> Result<Checked, ManifestsError> {
    of_file(manifest, |text| check(text, base))
}

/// Bytes that are no text are wrong at a place, as a row is.
fn of_file(manifest: &Path, look: impl FnOnce(&str) -> Checked) -> Result<Checked, ManifestsError> {
    match read_text_of(manifest) {
        Ok(text) => Ok(look(&text)),
        Err(ManifestsError::Read { path, source }) => {
            let inner = source.get_ref();
            let place = inner.and_then(|inner| inner.downcast_ref::<NotText>());
            match place.copied() {
                Some(NotText { line, column }) => Ok(Checked {
                    rows: Vec::new(),
                    problems: vec![Problem {
                        line,
                        column,
                        message: "what stands here is no UTF-8".to_owned(),
                    }],
                }),
                None => Err(ManifestsError::Read { path, source }),
            }
        }
        Err(error) => Err(error),
    }
}

/// The pairs of rows that are of one file and for two platforms, the first of each first.
pub(super) fn of_one_file(text: &str, base: &Path) -> Vec<(ManifestRow, ManifestRow)> {
    let reading = read_manifest(text);
    let mut files: HashMap<OneFile, &ManifestRow> = HashMap::new();
    let mut pairs = Vec::new();
    for row in &reading.rows {
        let Ok(real) = file(row, base) else { continue };
        let first = *files.entry(real).or_insert(row);
        if first.platform != row.platform && reading.conflict(first, row).is_some() {
            pairs.push((first.clone(), row.clone()));
        }
    }
    pairs
}

/// Why a row's file cannot be published.
struct Unfit {
    message: String,
    /// Whether it is there, and a link to elsewhere.
    leads_out: bool,
}

/// What a file is known by, however it is reached.
#[derive(PartialEq, Eq, Hash)]
enum OneFile {
    /// Its one name.
    At(PathBuf),
    /// What all its names have in common: hard links are no paths of one another.
    Linked(u64, u64),
}

/// Which file a row's is.
fn file(row: &ManifestRow, base: &Path) -> Result<OneFile, Unfit> {
    let path = base.join(&row.path);
    let unfit = |message| Unfit {
        message,
        leads_out: false,
    };
    let cannot = |error: std::io::Error| unfit(format!("cannot read {}: {error}", path.display()));
    let is = |what: &str| Err(unfit(format!("{} {what}", path.display())));
    let real = std::fs::canonicalize(&path).map_err(cannot)?;
    let meta = std::fs::metadata(&real).map_err(cannot)?;
    if !meta.is_file() {
        return is("is not a file");
    }
    if meta.len() == 0 {
        return is("is empty");
    }
    // Whether it may be read only opening it tells.
    std::fs::File::open(&real).map_err(cannot)?;
    // A path that names another folder means that one; a link within it may still not lead on.
    let folder = match (stays_below(Path::new(&row.path)), path.parent()) {
        (false, Some(parent)) => parent,
        _ => base,
    };
    let folder = std::fs::canonicalize(folder).map_err(cannot)?;
    match real.starts_with(&folder) {
        true => Ok(match system::shared_file(&meta, 1) {
            Some((device, number)) => OneFile::Linked(device, number),
            None => OneFile::At(real),
        }),
        false => Err(Unfit {
            message: format!("{} is a link that leads out of its folder", path.display()),
            leads_out: true,
        }),
    }
}
