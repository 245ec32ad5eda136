//! Files of a release that nobody speaks for: neither a statement that names them, nor what they belong to.

use super::Form;
use crate::receipt::ReceiptAsset;
use release_types::Kind;
use signatures::{ENDING, STOCK_ENDING};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the files of a product on a platform, all of whose documents are right.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// The files that a statement names.
    pub named: BTreeSet<String>,
    /// The documents that were looked at.
    pub documents: BTreeSet<String>,
    /// Whether there is a key, so that signatures were checked when they were read back.
    pub is_signature_checked: bool,
}

/// The files that nobody speaks for, each with what was expected of it.
pub(super) fn unnamed<'a>(
    files: &'a [&'a ReceiptAsset],
    spoken: &'a Spoken,
) -> impl Iterator<Item = (&'a str, String)> {
    let names = files.iter().map(|file| (file.filename.as_str(), file.kind));
    let names: BTreeMap<&str, Kind> = names.collect();
    let faults = files.iter().map(move |file| {
        let name = file.filename.as_str();
        (name, fault(file, &names, spoken))
    });
    faults.filter_map(|(name, fault)| Some((name, fault?)))
}

/// Why a file is one that nobody speaks for, of these names of files.
fn fault(file: &ReceiptAsset, names: &BTreeMap<&str, Kind>, spoken: &Spoken) -> Option<String> {
    let (name, kind) = (file.filename.as_str(), file.kind);
    if spoken.named.contains(name) {
        return None;
    }
    let is_signed = || {
        let mut endings = [ENDING, STOCK_ENDING].into_iter();
        let is_there = |ending| names.contains_key(format!("{name}{ending}").as_str());
        spoken.is_signature_checked && endings.any(is_there)
    };
    match kind {
        Kind::Other if spoken.documents.contains(name) => None,
        Kind::Other if Form::of(name).is_some() => Some(
            "expected the program that this document is about, or a statement that names it, found neither"
                .to_owned(),
        ),
        Kind::Binary | Kind::Installer | Kind::Other => Some(format!(
            "expected a statement that names this {kind}, found none"
        )),
        // Updaters read it before anything else, and it names what they install.
        Kind::UpdaterManifest if is_signed() => None,
        Kind::UpdaterManifest => Some(format!(
            "expected a statement that names this {kind}, or a signature by a known key, found neither"
        )),
        Kind::Signature => {
            let signed = name.strip_suffix(ENDING);
            let signed = signed.or_else(|| name.strip_suffix(STOCK_ENDING));
            let kind = signed.and_then(|signed| names.get(signed));
            let is_there = kind.is_some_and(|kind| *kind != Kind::Signature);
            (!is_there).then(|| "expected the file that it signs, found none".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::Sha256Digest;

    fn faults(files: &[(&str, Kind)], spoken: &Spoken) -> Vec<String> {
        let files = files.iter().map(|&(name, kind)| ReceiptAsset {
            product: "demo".parse().unwrap(),
            platform: "linux-x64".parse().unwrap(),
            kind,
            filename: name.parse().unwrap(),
            size: 1,
            sha256: Sha256Digest::of(b"x"),
            download_id: String::new(),
            url: String::new(),
        });
        let files: Vec<ReceiptAsset> = files.collect();
        let files: Vec<&ReceiptAsset> = files.iter().collect();
        let found = unnamed(&files, spoken);
        found.map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn a_signature_speaks_where_there_is_a_key_and_for_its_file_alone() {
        let mut spoken = Spoken {
            named: ["one".to_owned()].into(),
            documents: ["one.cdx.json".to_owned()].into(),
            is_signature_checked: false,
        };
        let signed = [
            ("one", Kind::Binary),
            ("one.cdx.json", Kind::Other),
            ("one.cdx.json.sig", Kind::Signature),
            ("latest.json", Kind::UpdaterManifest),
            ("latest.json.sig", Kind::Signature),
        ];
        assert_eq!(faults(&signed, &spoken), ["latest.json"]);
        spoken.is_signature_checked = true;
        assert_eq!(faults(&signed, &spoken), [""; 0]);
        assert_eq!(faults(&signed[..4], &spoken), ["latest.json"]);
        // What users run is built: a signature does not say of what.
        let other = [("two", Kind::Binary), ("two.sig", Kind::Signature)];
        assert_eq!(faults(&other, &spoken), ["two"]);
        let of_nothing = [("evil.sig", Kind::Signature), ("evil", Kind::Signature)];
        assert_eq!(faults(&of_nothing, &spoken), ["evil.sig", "evil"]);
        spoken.named.insert("latest.json".to_owned());
        assert_eq!(faults(&signed[..4], &spoken), [""; 0]);
    }
}
