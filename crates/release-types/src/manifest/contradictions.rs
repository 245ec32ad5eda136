//! What rows contradict each other in, although each can be read by itself.

use super::{ManifestError, ManifestProblem, ManifestReading, ManifestRow};
use crate::{Kind, Os, Platform, bundles};
use std::collections::{HashMap, HashSet};

impl ManifestReading<'_> {
    /// Signatures without a payload, and files that stand for two platforms, or for a payload and a signature;
    /// in the order of the rows.
    ///
    /// Paths are compared as they are written, but for what `.` and doubled separators add: whether
    /// two of them lead to one file is for somebody to say who can look.
    pub fn contradictions(&self) -> Vec<ManifestError> {
        let payloads: HashSet<(Platform, &str)> = self
            .rows
            .iter()
            .filter(|row| row.kind != Kind::Signature)
            .map(|row| (row.platform, row.filename.as_str()))
            .collect();
        let mut paths: HashMap<String, &ManifestRow> = HashMap::new();
        let mut errors = Vec::new();
        for row in &self.rows {
            let first = *paths.entry(plain(&row.path)).or_insert(row);
            errors.extend(self.conflict(first, row));
            let problem = match bundles::payload_of(row.filename.as_str()) {
                _ if row.kind != Kind::Signature => continue,
                None => ManifestProblem::SignatureName(row.filename.clone()),
                Some(payload) if payloads.contains(&(row.platform, payload)) => continue,
                Some(payload) => ManifestProblem::NoPayload {
                    signature: row.filename.clone(),
                    payload: payload.to_owned(),
                    platform: row.platform,
                },
            };
            errors.push(self.error(row, self.name_field(row), problem));
        }
        errors
    }

    /// What is wrong with two rows, of which the first stands first, that are of one file.
    pub fn conflict(&self, first: &ManifestRow, row: &ManifestRow) -> Option<ManifestError> {
        if (first.kind == Kind::Signature) != (row.kind == Kind::Signature) {
            let problem = ManifestProblem::OwnSignature {
                path: row.path.clone(),
                first: first.line,
            };
            return Some(self.error(row, 1, problem));
        }
        let is_one_for_all = [is_universal, is_for_any]
            .iter()
            .any(|is| is(first) && is(row));
        if first.platform == row.platform || is_one_for_all {
            return None;
        }
        let problem = ManifestProblem::TwoPlatforms {
            path: row.path.clone(),
            first: first.line,
            other: first.platform,
        };
        Some(self.error(row, 1, problem))
    }
}

fn is_universal(row: &ManifestRow) -> bool {
    let name = row.path.rsplit(['/', '\\']).next().unwrap_or(&row.path);
    row.platform.os == Os::Macos
        && [name, row.filename.as_str()]
            .iter()
            .any(|name| bundles::says_universal(name))
}

/// Whether what a file is for may be the same everywhere, such as notes: neither a program nor what installs one.
fn is_for_any(row: &ManifestRow) -> bool {
    matches!(row.kind, Kind::Other | Kind::UpdaterManifest)
}

/// A path without what changes nothing about where it leads.
fn plain(path: &str) -> String {
    let absolute = if path.starts_with('/') { "/" } else { "" };
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    format!("{absolute}{}", parts.join("/"))
}
