//! Manifests of files that other programs have made: built from folders by the names of what lies
//! there, checked, shown, and changed.
//!
//! What a name says is decided in `release_types::bundles`; what a batch of names says together in
//! `batch`, which looks at no file. Building ends with the check that `manifest check` makes, so that
//! the two cannot disagree. Nothing here knows who publishes the files.

mod batch;
mod check;
mod fault;
mod report;
mod rules;
mod scan;
mod write;

pub use batch::{Batch, Candidate, LeftOut, NamedArch, assemble};
pub use check::{Checked, Problem, check, check_file, contradictions_in, read, read_file};
pub use fault::{Doubt, Fault};
pub use report::{Described, DescribedRow};
pub use rules::{needs_bins, rules};
pub use write::{put_rows, write};

use crate::artifacts::DOCUMENT_LIMIT;
use crate::text::first_of;
use release_types::bundles::{Machines, Rules, Said, Verdict};
use release_types::{Arch, ManifestRow, Platform, ProductName};
use scan::{Base, Found, scan};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Why a manifest cannot be built, used or written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestsError {
    /// The manifest, or a folder that it is to be built from, cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Rows cannot be put into the manifest.
    #[error("{}: {source}", path.display())]
    Rows {
        /// The manifest.
        path: PathBuf,
        /// The place and what is wrong there.
        source: release_types::ManifestError,
    },
    /// The manifest is wrong in places that have been told.
    #[error("{} cannot be published as it is: {}", path.display(), if *problems == 1 { "one thing is wrong".to_owned() } else { format!("{problems} things are wrong") })]
    Wrong {
        /// The manifest.
        path: PathBuf,
        /// How many places.
        problems: usize,
    },
    /// Files that are the product's cannot be published.
    #[error("files cannot go into the manifest of {product}:\n  {}", first_of(faults).join("\n  "))]
    Faults {
        /// The product.
        product: ProductName,
        /// Each file with what is wrong, for people.
        faults: Vec<String>,
    },
    /// No file is the product's.
    #[error("there is nothing of {product} in {}", from.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", "))]
    Nothing {
        /// The product.
        product: ProductName,
        /// Where it was looked for.
        from: Vec<PathBuf>,
    },
    /// Not everything is there that the product has to have.
    #[error("the files of {product} are not complete: {}", missing.join(", "))]
    Missing {
        /// The product.
        product: ProductName,
        /// What is missing, for people.
        missing: Vec<String>,
    },
    /// The manifest would be written over something else.
    #[error("the manifest would be written over {}, which {why}", path.display())]
    Taken {
        /// What is there.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// Nobody says what the product's program is called.
    #[error("it is not known what the program of `{0}` is called")]
    UnknownBin(ProductName),
    /// It would be longer than anybody reads.
    #[error(
        "the manifest of {of} would have {size} bytes, more than the {DOCUMENT_LIMIT} that are read"
    )]
    TooLong {
        /// Of which product, or where.
        of: String,
        /// Its length.
        size: u64,
    },
    /// The manifest cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The manifest.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ManifestsError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::UnknownBin(_) => {
                "name it with --bin, or run this in the workspace that declares the product"
            }
            Self::Taken { .. } => "name another file with --output",
            Self::TooLong { .. } => {
                "make several manifests, such as one for each platform, and publish each of them"
            }
            Self::Missing { .. } => "--require says which platforms have to be complete",
            Self::Nothing { .. } => {
                "files are told by their names: docs/manifests.md says how they have to be called"
            }
            Self::Read { .. }
            | Self::Rows { .. }
            | Self::Wrong { .. }
            | Self::Faults { .. }
            | Self::Write { .. } => return None,
        };
        Some(text.to_owned())
    }
}

/// A manifest that is to be built.
#[derive(Debug, Clone)]
pub struct Order {
    /// The product that the files are of.
    pub product: ProductName,
    /// What its files are told by.
    pub rules: Rules,
    /// The folders, and single files, to look at.
    pub from: Vec<PathBuf>,
    /// What is known of the files where a run of this program has had them made.
    pub made: Option<MadeFiles>,
    /// Where the manifest goes, when into a file.
    pub output: Option<PathBuf>,
    /// Where its paths start.
    pub base: PathBuf,
    /// Where the paths of `named` start.
    pub cwd: PathBuf,
    /// What a person says of single files.
    pub named: Vec<NamedArch>,
    /// The platforms that have to be complete; those that there are when empty.
    pub require: Vec<Platform>,
}

/// Files that a run has made.
#[derive(Debug, Clone)]
pub struct MadeFiles {
    /// Their paths, through no links; no other file counts.
    pub paths: BTreeSet<PathBuf>,
    /// What those are for whose names do not say it.
    pub arch: Arch,
}

impl MadeFiles {
    /// Leaves of what was found what was made.
    fn narrow(&self, found: &mut Found, base: &Base) {
        found.files.retain(|path| self.paths.contains(path));
        found.left_out.clear();
        let names: BTreeSet<String> = self.paths.iter().map(|path| base.name(path)).collect();
        let is_made =
            |fault: &Fault| matches!(fault, Fault::Unfit { path, .. } if names.contains(path));
        found.faults.retain(is_made);
    }

    /// What is for one architecture because it was made for that. Where some are universal, those whose
    /// names say nothing are so as well.
    fn named(&self, rules: &Rules, files: &[Candidate]) -> Vec<NamedArch> {
        let says = |file: &Candidate, said: Said| match rules.verdict(&file.name) {
            Verdict::Payload(payload) => payload.arch == said,
            Verdict::Signature { .. } | Verdict::LeftOut(_) => false,
        };
        let universal = Said::One(Machines::Universal);
        if files.iter().any(|file| says(file, universal)) {
            return Vec::new();
        }
        let unsaid = files.iter().filter(|file| says(file, Said::Nothing));
        let named = unsaid.map(|file| NamedArch {
            file: file.path.clone(),
            machines: Machines::One(self.arch),
        });
        named.collect()
    }
}

/// A manifest that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// Its rows, by platform and name.
    pub rows: Vec<ManifestRow>,
    /// Files and folders that are not in it.
    pub left_out: Vec<LeftOut>,
    /// Its text.
    pub text: String,
}

/// Builds a manifest. Nothing is written.
///
/// # Errors
/// When a folder cannot be read, a file is in doubt or cannot be published, or one is missing.
pub fn build(order: &Order) -> Result<Built, ManifestsError> {
    let product = &order.product;
    let base = Base::new(&order.base).map_err(|source| ManifestsError::Read {
        path: order.base.clone(),
        source,
    })?;
    let is_wanted = |name: &str| match order.rules.verdict(name) {
        Verdict::Payload(_) => true,
        Verdict::Signature { payload, .. } => {
            matches!(order.rules.verdict(payload), Verdict::Payload(_))
        }
        Verdict::LeftOut(_) => false,
    };
    let only_bundles = order.rules == Rules::Bundles;
    let mut found = scan(&order.from, &base, &is_wanted, only_bundles)?;
    if let Some(output) = order.output.as_deref() {
        let own = in_real_folder(output);
        let is_own = |file: &PathBuf| Some(file) == own.as_ref();
        write::guard(output, &found.files, &is_wanted)?;
        found.files.retain(|file| !is_own(file));
    }
    if let Some(made) = &order.made {
        made.narrow(&mut found, &base);
    }
    let files: Vec<Candidate> = found
        .files
        .iter()
        .map(|file| Candidate::new(base.name(file)))
        .collect();
    let named = order.named.iter().map(|named| NamedArch {
        file: in_real_folder(&order.cwd.join(&named.file))
            .filter(|file| found.files.contains(file))
            .map_or_else(|| named.file.clone(), |file| base.name(&file)),
        machines: named.machines,
    });
    let mut named: Vec<NamedArch> = named.collect();
    if let Some(made) = &order.made {
        named.extend(made.named(&order.rules, &files));
    }
    let faults = |faults: Vec<String>| ManifestsError::Faults {
        product: product.clone(),
        faults,
    };
    let told: fn(&Fault) -> String = match order.made {
        Some(_) => Fault::without_flags,
        None => Fault::to_string,
    };
    let mut wrong: Vec<String> = found.faults.iter().map(told).collect();
    let batch = match assemble(&order.rules, &files, &named) {
        Ok(batch) if wrong.is_empty() => batch,
        Ok(_) => return Err(faults(wrong)),
        Err(more) => {
            wrong.extend(more.iter().map(told));
            return Err(faults(wrong));
        }
    };
    if batch.rows.is_empty() {
        return Err(ManifestsError::Nothing {
            product: product.clone(),
            from: order.from.clone(),
        });
    }
    let unsigned = rules::without_signature(&order.rules, &batch.rows);
    if !unsigned.is_empty() {
        return Err(faults(unsigned.iter().map(told).collect()));
    }
    // Who makes bundles knows of which version all of them have to be.
    let versions = match order.made {
        Some(_) => Vec::new(),
        None => batch::of_two_versions(&batch.rows),
    };
    if !versions.is_empty() {
        return Err(faults(versions.iter().map(told).collect()));
    }
    let missing = rules::missing(&order.rules, &batch.rows, &order.require);
    if !missing.is_empty() {
        return Err(ManifestsError::Missing {
            product: product.clone(),
            missing,
        });
    }
    let text = text_of(&batch.rows);
    write::fits(&text, || product.to_string())?;
    let pairs = check::of_one_file(&text, &order.base);
    if !pairs.is_empty() {
        let same = pairs.into_iter().map(|(first, row)| Fault::SameFile {
            path: row.path,
            platform: row.platform,
            first: first.path,
            other: first.platform,
        });
        return Err(faults(same.map(|fault| fault.to_string()).collect()));
    }
    // Whatever else the check may find that nothing above knows.
    let problems = check(&text, &order.base).problems;
    if !problems.is_empty() {
        let told = |problem: &Problem| {
            let row = batch.rows.iter().find(|row| row.line == problem.line);
            let path = row.map_or("", |row| &row.path);
            format!("{path}: {}", problem.message)
        };
        return Err(faults(problems.iter().map(told).collect()));
    }
    let apart = found.left_out.iter().map(|(path, why)| LeftOut {
        path: base.name(path),
        why: why.clone(),
    });
    let mut left_out: Vec<LeftOut> = apart.chain(batch.left_out).collect();
    left_out.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(Built {
        rows: batch.rows,
        left_out,
        text,
    })
}

/// The text of a manifest with these rows.
pub fn text_of(rows: &[ManifestRow]) -> String {
    rows.iter().map(|row| row.to_line() + "\n").collect()
}

/// A file's path through no links but the file itself.
fn in_real_folder(file: &Path) -> Option<PathBuf> {
    let folder = std::fs::canonicalize(file.parent()?).ok()?;
    Some(folder.join(file.file_name()?))
}

#[cfg(test)]
mod tests;
