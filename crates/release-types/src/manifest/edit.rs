//! Putting rows into a manifest that somebody may have written by hand: comments, blank lines, line
//! ends and padding stay.

use super::{ManifestError, ManifestProblem, ManifestRow, is_row, parse_row, read_manifest};
use crate::{Kind, Platform, bundles, folded};
use std::collections::{BTreeMap, HashMap};

/// Where a row stands, or goes.
#[derive(Clone, Copy)]
enum Place {
    /// It is this line (from 0) of the text.
    Line(usize),
    /// It is a new one: the so-manieth of those that go behind this line.
    Behind(usize, usize),
}

/// A manifest's text with these rows in it.
///
/// A row takes the place of the one that has its key (platform and file name); one that says the same
/// already is left as it is written. A new signature goes behind its payload and what was put there
/// before it, any other new row to the end. Of two given rows with one key the last counts. The rows'
/// own `line` is of no account, and the text may be empty.
///
/// # Errors
/// When the text is no manifest, or a row cannot stand in one; the latter names its number among
/// `rows`, from 1, as the line.
pub fn with_rows(text: &str, rows: &[ManifestRow]) -> Result<String, ManifestError> {
    let reading = read_manifest(text);
    let fault = reading.errors.into_iter().next();
    if let Some(error) = fault.filter(|error| error.problem != ManifestProblem::Empty) {
        return Err(error);
    }
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let mut lines: Vec<String> = body.split_inclusive('\n').map(str::to_owned).collect();
    let end = match lines.first().is_some_and(|line| line.ends_with("\r\n")) {
        true => "\r\n",
        false => "\n",
    };
    let mut places: HashMap<(Platform, String), Place> = HashMap::new();
    for row in &reading.rows {
        places.insert(row.key(), Place::Line(row.line - 1));
    }
    // By the line that they go behind; what goes to the end is behind all lines.
    let mut new: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let content = row.to_checked_line().map_err(|problem| ManifestError {
            line: index + 1,
            column: 1,
            problem,
        })?;
        match places.get(&row.key()) {
            Some(&Place::Line(line)) => replace(&mut lines[line], row, &content),
            Some(&Place::Behind(line, number)) => {
                if let Some(old) = new.get_mut(&line).and_then(|added| added.get_mut(number)) {
                    *old = content;
                }
            }
            None => {
                let line = behind(row, &places).unwrap_or(lines.len());
                let added = new.entry(line).or_default();
                places.insert(row.key(), Place::Behind(line, added.len()));
                added.push(content);
            }
        }
    }
    let mut out = mark.to_owned();
    let count = lines.len();
    for (index, line) in lines.iter().enumerate() {
        out += line;
        let added = new.get(&index);
        let more = added.is_some() || (index + 1 == count && new.contains_key(&count));
        if more && !line.ends_with('\n') {
            out += end;
        }
        for content in added.into_iter().flatten() {
            out += content;
            out += end;
        }
    }
    for content in new.get(&count).into_iter().flatten() {
        out += content;
        out += end;
    }
    Ok(out)
}

/// The line that a new row goes behind, when not to the end: its payload's.
fn behind(row: &ManifestRow, places: &HashMap<(Platform, String), Place>) -> Option<usize> {
    if row.kind != Kind::Signature {
        return None;
    }
    let payload = bundles::payload_of(row.filename.as_str())?;
    match places.get(&(row.platform, folded(payload)))? {
        Place::Line(line) | Place::Behind(line, _) => Some(*line),
    }
}

/// Writes a row into a line, whose end stays, unless it says that already.
fn replace(line: &mut String, row: &ManifestRow, content: &str) {
    let old = line.trim_end_matches(['\r', '\n']);
    let says = parse_row(row.line, old);
    if is_row(old) && says.is_ok_and(|says| says == *row) {
        return;
    }
    *line = format!("{content}{}", &line[old.len()..]);
}
