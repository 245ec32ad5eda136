//! The workflows that are there, compared with those that have to be.

use super::error::WorkflowsError;
use super::marked::{Places, filled, places};
use super::render::{ACTION, FOLDER, HEAD, Wanted};
use super::report::{FORMAT, FileReport, Report, State};
use crate::artifacts::read_text;
use crate::dist::write_atomically;
use crate::products::WorkflowSettings;
use similar::TextDiff;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// The longest workflow, in bytes; GitHub takes no longer one.
const LIMIT: u64 = 1024 * 1024;

/// A file and what has to become of it.
struct Planned {
    path: String,
    /// What is there, with the line ends of this system taken away.
    now: Option<String>,
    /// What has to be there; nothing where it is to go.
    then: Option<String>,
}

/// Makes sure that the action which the workflows name is there, where it is this repository's own.
///
/// # Errors
/// When it is not: every job would end before its first command.
pub fn action_is_there(top: &Path, settings: &WorkflowSettings) -> Result<(), WorkflowsError> {
    let is_there = |name: &str| top.join(ACTION).join(name).is_file();
    let is_here = is_there("action.yml") || is_there("action.yaml");
    match settings.tool.is_some() || is_here {
        true => Ok(()),
        false => Err(WorkflowsError::NoAction),
    }
}

/// Compares the files of a repository with those that have to be.
///
/// # Errors
/// When one cannot be read, was made by somebody else, is a link or lies behind one, or holds lines of a person's that have no place any
/// more.
pub fn check(top: &Path, wanted: &[Wanted]) -> Result<Report, WorkflowsError> {
    let files = planned(top, wanted)?.into_iter().map(|file| {
        let state = match (&file.now, &file.then) {
            (now, then) if now == then => State::Same,
            (None, _) => State::Missing,
            (_, None) => State::Stale,
            _ => State::Differs,
        };
        FileReport {
            diff: (state != State::Same).then(|| diff(&file)),
            path: file.path,
            state,
        }
    });
    Ok(Report {
        format: FORMAT,
        files: files.collect(),
    })
}

/// Makes them what they have to be. Nothing is written before all of them can be, and nothing is removed:
/// a file that nobody needs any more may be a copy that somebody has gone on with.
///
/// # Errors
/// As [`check`], or when one cannot be written.
pub fn generate(top: &Path, wanted: &[Wanted]) -> Result<Report, WorkflowsError> {
    let mut files = Vec::new();
    for file in planned(top, wanted)? {
        let path = top.join(&file.path);
        let state = match &file.then {
            then if *then == file.now => State::Same,
            Some(text) => {
                let folder = path.parent().unwrap_or(top);
                std::fs::create_dir_all(folder)
                    .and_then(|()| write_atomically(&path, text.as_bytes()))
                    .map_err(|source| WorkflowsError::Write { path, source })?;
                State::Written
            }
            None => State::Stale,
        };
        files.push(FileReport {
            path: file.path,
            state,
            diff: None,
        });
    }
    Ok(Report {
        format: FORMAT,
        files,
    })
}

fn planned(top: &Path, wanted: &[Wanted]) -> Result<Vec<Planned>, WorkflowsError> {
    is_no_link(top, FOLDER)?;
    let mut all: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for one in wanted {
        all.insert(&one.path, Some(&one.text));
    }
    let made = made_before(top)?;
    for path in &made {
        all.entry(path).or_insert(None);
    }
    let plan = |(path, made): (&str, Option<&str>)| {
        let file = top.join(path);
        is_no_link(top, path)?;
        let now = read(&file)?;
        if now.as_ref().is_some_and(|text| !text.starts_with(HEAD)) {
            return Err(WorkflowsError::NotOurs { path: file });
        }
        let yours = match &now {
            None => Places::new(),
            Some(text) => places(text).map_err(|wrong| WorkflowsError::Marks {
                path: file.clone(),
                line: wrong.line,
                why: wrong.why,
            })?,
        };
        let no_place = |name| WorkflowsError::NoPlace {
            path: file.clone(),
            name,
        };
        let then = filled(made.unwrap_or_default(), &yours).map_err(no_place)?;
        Ok(Planned {
            path: path.to_owned(),
            now,
            then: made.map(|_| then),
        })
    };
    all.into_iter().map(plan).collect()
}

/// Makes sure that neither a path's file nor a folder of it is a link: what one leads to is of another making, and
/// may lie outside the repository.
fn is_no_link(top: &Path, path: &str) -> Result<(), WorkflowsError> {
    let mut at = top.to_owned();
    for part in Path::new(path) {
        at.push(part);
        if std::fs::symlink_metadata(&at).is_ok_and(|found| found.is_symlink()) {
            return Err(WorkflowsError::Link { path: at });
        }
    }
    Ok(())
}

/// The workflows that say of themselves that they are made here.
fn made_before(top: &Path) -> Result<Vec<String>, WorkflowsError> {
    let folder = top.join(FOLDER);
    let failed = |source| WorkflowsError::Read {
        path: folder.clone(),
        source,
    };
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut made = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_symlink() {
            continue;
        }
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.ends_with(".yml")) else {
            continue;
        };
        // What cannot be read is not one of these; where one of these has to be, it is read again.
        let text = read(&folder.join(name)).unwrap_or_default();
        if text.is_some_and(|text| text.starts_with(HEAD)) {
            made.push(format!("{FOLDER}/{name}"));
        }
    }
    Ok(made)
}

fn read(path: &Path) -> Result<Option<String>, WorkflowsError> {
    match read_text(path, LIMIT) {
        Ok(text) => Ok(Some(text.replace("\r\n", "\n"))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(WorkflowsError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

fn diff(file: &Planned) -> String {
    let text = |side: &Option<String>| side.clone().unwrap_or_default();
    let name = |side: &Option<String>, letter| match side {
        Some(_) => format!("{letter}/{}", file.path),
        None => "/dev/null".to_owned(),
    };
    let (now, then) = (text(&file.now), text(&file.then));
    let (from, to) = (name(&file.now, 'a'), name(&file.then, 'b'));
    let lines = TextDiff::from_lines(&now, &then);
    lines.unified_diff().header(&from, &to).to_string()
}
