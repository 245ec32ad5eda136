//! What is told of a manifest: a document for programs, a table for people.

use super::batch::LeftOut;
use crate::text::{one_line, table};
use release_types::{Arch, FileName, Kind, ManifestRow, Os};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// The version of this document's form.
const FORMAT: u32 = 1;

/// What the columns of the table are.
const COLUMNS: [&str; 5] = ["PATH", "OS", "ARCH", "KIND", "FILENAME"];

/// A manifest, as it is told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Described {
    /// The version of this document's form.
    pub format: u32,
    /// The manifest, where it is a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Its rows, in their order.
    pub rows: Vec<DescribedRow>,
    /// What was found and is not in it, where it was built just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<Vec<LeftOut>>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DescribedRow {
    /// Where the file is, as written.
    pub path: String,
    /// Its system.
    pub os: Os,
    /// Its processor.
    pub arch: Arch,
    /// What it is for.
    pub kind: Kind,
    /// The name it is published under.
    pub filename: FileName,
}

impl Described {
    /// Of a manifest's rows.
    pub fn new(path: Option<PathBuf>, rows: &[ManifestRow]) -> Self {
        let rows = rows.iter().map(|row| DescribedRow {
            path: row.path.clone(),
            os: row.platform.os,
            arch: row.platform.arch,
            kind: row.kind,
            filename: row.filename.clone(),
        });
        Self {
            format: FORMAT,
            path,
            rows: rows.collect(),
            left_out: None,
        }
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows.iter().map(|row| {
            [
                one_line(&row.path),
                row.os.to_string(),
                row.arch.to_string(),
                row.kind.to_string(),
                row.filename.to_string(),
            ]
        });
        f.write_str(&table(COLUMNS, rows))
    }
}
