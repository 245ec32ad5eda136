//! Signatures that an earlier build of the same bytes has: they are still good, and another one of the
//! same bytes would be another file, which a Hub that has the first would refuse.

use super::{RELEASE_FILE, RecordedArtifact, read_record_file};
use crate::artifacts::digest_file;
use release_types::Kind;
use std::path::Path;

/// What the folder of an earlier build has of signatures of a program, if it is the same program there.
/// What cannot be read or is not what was recorded is left behind.
pub(super) fn signatures_of(program: &RecordedArtifact, earlier: &Path) -> Vec<RecordedArtifact> {
    let Ok(record) = read_record_file(&earlier.join(RELEASE_FILE)) else {
        return Vec::new();
    };
    let is_same = |file: &RecordedArtifact| {
        (&file.product, &file.filename) == (&program.product, &program.filename)
            && (file.kind, file.sha256) == (program.kind, program.sha256)
    };
    if !record.artifacts.iter().any(is_same) {
        return Vec::new();
    }
    let names = [signatures::ENDING, signatures::STOCK_ENDING]
        .map(|ending| format!("{}{ending}", program.filename));
    let is_signature = |file: &RecordedArtifact| {
        file.kind == Kind::Signature
            && file.product == program.product
            && names.iter().any(|name| name == file.filename.as_str())
            && is_as_recorded(file, &earlier.join(file.filename.as_str()))
    };
    let mut found = record.artifacts;
    found.retain(is_signature);
    found
}

/// Whether a file is there as it was recorded. A link is none of this program's making.
pub(super) fn is_as_recorded(recorded: &RecordedArtifact, path: &Path) -> bool {
    let is_file = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    is_file && digest_file(path).is_ok_and(|found| found == (recorded.size, recorded.sha256))
}
