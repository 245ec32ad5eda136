//! Statements that an earlier build of the same bytes has. They tell when that was, so another one of the same
//! build is another file, which a Hub that has the first would refuse.

use super::{Form, STATEMENT_LIMIT, Statement};
use crate::artifacts::{digest_file, read_text};
use crate::dist::{RELEASE_FILE, read_record_file};
use release_types::FileName;
use signatures::{ENDING, STOCK_ENDING};
use std::path::Path;

/// The statement in the folder of an earlier build, as long as it says what a new one would, but for the run.
/// What cannot be read or is not what was recorded is left behind.
pub(super) fn earlier(folder: &Path, filename: &FileName, new: &Statement) -> Option<Vec<u8>> {
    let record = read_record_file(&folder.join(RELEASE_FILE)).ok()?;
    let path = folder.join(filename.as_str());
    let is_file = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    let found = is_file.then(|| digest_file(&path).ok()).flatten()?;
    let is_recorded = record.artifacts.iter().any(|file| {
        file.filename.as_str() == filename.as_str() && (file.size, file.sha256) == found
    });
    if !is_recorded {
        return None;
    }
    let bytes = read_text(&path, STATEMENT_LIMIT).ok()?.into_bytes();
    let statement = Statement::read(&bytes).ok()?;
    statement.is_of_the_same(new).then_some(bytes)
}

/// Whether a file tells of one run, or is the signature of such a one: two builds of the same bytes have
/// others.
pub fn is_about_a_run(filename: &str) -> bool {
    let name = filename
        .strip_suffix(ENDING)
        .or_else(|| filename.strip_suffix(STOCK_ENDING))
        .unwrap_or(filename);
    Form::of(name).is_some_and(|(form, _)| form == Form::Provenance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_their_signatures_are_about_a_run() {
        for name in [
            "a.intoto.json",
            "a.intoto.json.sig",
            "a.intoto.json.minisig",
        ] {
            assert!(is_about_a_run(name), "{name}");
        }
        for name in ["a", "a.sig", "a.cdx.json", "a.cdx.json.sig"] {
            assert!(!is_about_a_run(name), "{name}");
        }
    }
}
