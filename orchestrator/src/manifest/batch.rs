//! From the names of a batch of files to rows. Pure: files are not looked at.

use super::fault::{Doubt, Fault};
use release_types::bundles::{
    Machines, OsSaid, Payload, Rules, Said, Verdict, universal_name, without_version,
};
use release_types::{FileName, Kind, ManifestRow, Os, Platform, folded};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is, as rows name it: with `/`, from where a manifest's paths start.
    pub path: String,
    /// The last part of that.
    pub name: String,
}

impl Candidate {
    /// The file at a path.
    pub fn new(path: String) -> Self {
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        Self { path, name }
    }

    fn dir(&self) -> &str {
        self.path.strip_suffix(&self.name).unwrap_or_default()
    }
}

/// A person's word on a file, which counts for more than its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedArch {
    /// The file: its path, or its name where that is enough.
    pub file: String,
    /// What it is for.
    pub machines: Machines,
}

/// What a batch comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The rows, by platform and name, each signature behind its payload.
    pub rows: Vec<ManifestRow>,
    /// The files that are nothing of this product's.
    pub left_out: Vec<LeftOut>,
}

/// A file, or a folder with all that is in it, that goes into no manifest.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LeftOut {
    /// Where it is, as rows would name it.
    pub path: String,
    /// Why.
    pub why: String,
}

/// A file that is to be released, as far as it is known.
struct Known {
    kind: Kind,
    os: Os,
    machines: Machines,
    filename: FileName,
}

/// Makes rows of the files that are a product's.
///
/// # Errors
/// All files that it is in doubt about, or that cannot be published.
pub fn assemble(
    rules: &Rules,
    files: &[Candidate],
    named: &[NamedArch],
) -> Result<Batch, Vec<Fault>> {
    let verdicts: Vec<Verdict<'_>> = files.iter().map(|file| rules.verdict(&file.name)).collect();
    let mut faults = Vec::new();
    let named = resolve(files, &verdicts, named, &mut faults);
    let known = payloads(files, &verdicts, &named, &mut faults);
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, file) in files.iter().enumerate() {
        by_name.entry(&file.name).or_default().push(index);
    }
    let mut left_out = Vec::new();
    let mut rows = Rows::default();
    for (index, verdict) in verdicts.iter().enumerate() {
        let path = &files[index].path;
        match verdict {
            Verdict::LeftOut(why) => left_out.push(LeftOut {
                path: path.clone(),
                why: (*why).to_owned(),
            }),
            Verdict::Payload(_) => {
                if let Some(known) = &known[index] {
                    rows.add(path, known.kind, known, &known.filename, "", &mut faults);
                }
            }
            Verdict::Signature { payload, ending } => {
                let called = by_name.get(payload).map(Vec::as_slice).unwrap_or_default();
                match signed(index, called, files, &verdicts) {
                    Signed::By(index) => {
                        // What is wrong with a payload is told once, of the payload.
                        if let Some(known) = &known[index] {
                            let kind = Kind::Signature;
                            match format!("{}{ending}", known.filename).parse() {
                                Ok(name) => {
                                    rows.add(path, kind, known, &name, ending, &mut faults);
                                }
                                Err(source) => faults.push(Fault::Name {
                                    path: path.clone(),
                                    source,
                                }),
                            }
                        }
                    }
                    Signed::LeftOut => left_out.push(LeftOut {
                        path: path.clone(),
                        why: "it signs a file that is left out".to_owned(),
                    }),
                    Signed::Not(why) => faults.push(Fault::NoPayload {
                        path: path.clone(),
                        payload: (*payload).to_owned(),
                        why,
                    }),
                }
            }
        }
    }
    match faults.is_empty() {
        true => Ok(Batch {
            rows: rows.sorted(),
            left_out,
        }),
        false => Err(faults),
    }
}

/// The files of a batch that differ in nothing but their version from one before them: bundlers leave what they
/// made the last time.
pub(super) fn of_two_versions(rows: &[ManifestRow]) -> Vec<Fault> {
    let mut seen: BTreeMap<(Platform, String), (&ManifestRow, &str)> = BTreeMap::new();
    let (mut faults, mut told) = (Vec::new(), BTreeSet::new());
    for row in rows.iter().filter(|row| row.kind != Kind::Signature) {
        let Some((rest, version)) = without_version(row.filename.as_str()) else {
            continue;
        };
        let key = (row.platform, folded(&rest));
        let (first, other) = *seen.entry(key).or_insert((row, version));
        // What is for both of Apple's processors has two rows.
        if version != other && told.insert(&row.path) {
            faults.push(Fault::TwoVersions {
                path: row.path.clone(),
                version: version.to_owned(),
                first: first.path.clone(),
                other: other.to_owned(),
            });
        }
    }
    faults
}

/// What a person has said, by the file's index.
fn resolve(
    files: &[Candidate],
    verdicts: &[Verdict<'_>],
    named: &[NamedArch],
    faults: &mut Vec<Fault>,
) -> HashMap<usize, Machines> {
    let mut found = HashMap::new();
    for NamedArch { file, machines } in named {
        let indices = |fits: &dyn Fn(&Candidate) -> bool| -> Vec<usize> {
            let fitting = files.iter().enumerate().filter(|(_, one)| fits(one));
            fitting.map(|(index, _)| index).collect()
        };
        let mut fitting = indices(&|one| one.path == *file);
        if fitting.is_empty() {
            fitting = indices(&|one| one.name == *file);
        }
        let why = match fitting[..] {
            [] => "there is no such file here",
            [index] => match &verdicts[index] {
                Verdict::LeftOut(_) => "it is left out, whatever it is for",
                Verdict::Signature { .. } => "a signature is for what its payload is for",
                Verdict::Payload(payload) => {
                    let is_macos = payload.os == OsSaid::One(Os::Macos);
                    if *machines == Machines::Universal && !is_macos {
                        "only files for macOS are universal"
                    } else if found
                        .insert(index, *machines)
                        .is_none_or(|was| was == *machines)
                    {
                        continue;
                    } else {
                        "it is named twice, and not for the same"
                    }
                }
            },
            [..] => "several files are called so: name its path",
        };
        faults.push(Fault::Named {
            file: file.clone(),
            why,
        });
    }
    found
}

/// What is to be released, by the file's index.
fn payloads(
    files: &[Candidate],
    verdicts: &[Verdict<'_>],
    named: &HashMap<usize, Machines>,
    faults: &mut Vec<Fault>,
) -> Vec<Option<Known>> {
    let said = |index: usize, payload: &Payload| match named.get(&index) {
        Some(machines) => Said::One(*machines),
        None => payload.arch,
    };
    // By system, what names and people say, wherever in the batch.
    let mut seen: BTreeMap<Os, BTreeSet<Machines>> = BTreeMap::new();
    for (index, verdict) in verdicts.iter().enumerate() {
        if let Verdict::Payload(payload) = verdict
            && let (OsSaid::One(os), Said::One(machines)) = (payload.os, said(index, payload))
        {
            seen.entry(os).or_default().insert(machines);
        }
    }
    let mut known = Vec::with_capacity(files.len());
    for (index, (file, verdict)) in files.iter().zip(verdicts).enumerate() {
        let Verdict::Payload(payload) = verdict else {
            known.push(None);
            continue;
        };
        let found = system(file, payload.os).and_then(|os| {
            let others = seen.get(&os).into_iter().flatten().copied().collect();
            let machines =
                processor(said(index, payload), os, others).map_err(|doubt| Fault::Arch {
                    path: file.path.clone(),
                    doubt,
                })?;
            let filename = match machines {
                Machines::Universal => universal_name(&file.name),
                Machines::One(_) => file.name.parse(),
            };
            let filename = filename.map_err(|source| Fault::Name {
                path: file.path.clone(),
                source,
            })?;
            Ok(Known {
                kind: payload.kind,
                os,
                machines,
                filename,
            })
        });
        known.push(found.map_err(|fault| faults.push(fault)).ok());
    }
    known
}

fn system(file: &Candidate, said: OsSaid) -> Result<Os, Fault> {
    let path = || file.path.clone();
    match said {
        OsSaid::One(os) => Ok(os),
        OsSaid::Nothing => Err(Fault::NoOs { path: path() }),
        OsSaid::Several => Err(Fault::SeveralOs { path: path() }),
    }
}

/// What a file is for that says this, among others for the same system that say those.
fn processor(said: Said, os: Os, others: Vec<Machines>) -> Result<Machines, Doubt> {
    match (said, &others[..]) {
        (Said::One(machines), _) => Ok(machines),
        (Said::Several, _) => Err(Doubt::Several),
        (Said::Foreign(word), _) => Err(Doubt::Foreign(word)),
        // A batch whose one word is `universal` is of one build as well.
        (Said::Nothing, [one]) => Ok(*one),
        (Said::Nothing, []) => Err(Doubt::Nothing(os)),
        (Said::Nothing, others) => {
            let others = others.iter().map(Machines::to_string).collect();
            Err(Doubt::Others(os, others))
        }
    }
}

/// What a signature signs.
enum Signed {
    /// This file.
    By(usize),
    /// A file that is there and left out.
    LeftOut,
    /// Nothing, and why.
    Not(&'static str),
}

/// What a signature signs, of the files that are called exactly as it says: the one in its own folder,
/// else the only one there is.
fn signed(index: usize, called: &[usize], files: &[Candidate], verdicts: &[Verdict<'_>]) -> Signed {
    let beside = |other: &&usize| files[**other].dir() == files[index].dir();
    let is_payload = |other: &usize| matches!(verdicts[*other], Verdict::Payload(_));
    if let Some(own) = called.iter().find(beside) {
        return match is_payload(own) {
            true => Signed::By(*own),
            false => Signed::LeftOut,
        };
    }
    let elsewhere: Vec<usize> = called.iter().copied().filter(is_payload).collect();
    match elsewhere[..] {
        [one] => Signed::By(one),
        [] if !called.is_empty() => Signed::LeftOut,
        [] => Signed::Not("is not there"),
        [..] => Signed::Not("is in several folders, and not in its own"),
    }
}

/// Rows with what they are sorted by: the payload's platform and name, then the signature's ending.
#[derive(Default)]
struct Rows {
    rows: BTreeMap<(Platform, String, &'static str), ManifestRow>,
}

impl Rows {
    /// Adds the rows of a file: one, or of a universal one as many as there are architectures.
    fn add(
        &mut self,
        path: &str,
        kind: Kind,
        known: &Known,
        filename: &FileName,
        ending: &'static str,
        faults: &mut Vec<Fault>,
    ) {
        for arch in known.machines.archs() {
            let platform = Platform::new(known.os, *arch);
            let row = ManifestRow {
                line: 0,
                path: path.to_owned(),
                platform,
                kind,
                filename: filename.clone(),
            };
            if let Err(source) = row.to_checked_line() {
                let path = path.to_owned();
                faults.push(Fault::Row { path, source });
                return;
            }
            let key = (platform, folded(known.filename.as_str()), ending);
            if let Some(first) = self.rows.get(&key) {
                faults.push(Fault::Twice {
                    path: path.to_owned(),
                    first: first.path.clone(),
                    filename: first.filename.clone(),
                    platform,
                });
                return;
            }
            self.rows.insert(key, row);
        }
    }

    fn sorted(self) -> Vec<ManifestRow> {
        let rows = self.rows.into_values().enumerate();
        rows.map(|(index, row)| ManifestRow {
            line: index + 1,
            ..row
        })
        .collect()
    }
}

#[cfg(test)]
mod tests;
