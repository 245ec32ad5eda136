//! Documents that go with a program, and are published beside it: where it comes from, and what is in it.
//!
//! Which there are, what they are called, who makes each and how those of a published release are looked at
//! stands here. `provenance` and `builder` are pure; a document that says when it was made is kept for the
//! same bytes, as signatures are, since what is published never changes.

mod adopt;
mod builder;
mod bundles;
mod check;
mod kept;
mod look;
mod proven;
mod provenance;
mod public;
mod statement;
mod unnamed;

pub use adopt::{Adopted, of_hub};
pub use builder::{LOCAL, Run, own_workflows};
pub use bundles::OfBundles;
pub use kept::is_about_a_run;
pub use proven::{Proven, ProvenProgram, ProvenanceError, Wanted, prove};
pub use statement::{
    BUILD_TYPE, BUNDLE_TYPE, GIT_COMMIT, PREDICATE_TYPE, SHA256, STATEMENT_TYPE, Statement,
};

use crate::artifacts::digest_file;
use crate::build::{Built, BuiltProduct, Recipe};
use crate::code_sign::CodeSigned;
use crate::context::World;
use crate::installers;
use crate::plan::Plan;
use crate::sbom::{self, SbomError};
use release_types::{Channel, FileName, Platform, ProductName, Sha256Digest};
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};

/// The most bytes of a statement: a hundred times what one of ours has.
pub const STATEMENT_LIMIT: u64 = 1024 * 1024;

/// The most bytes of a list of what is in a program: some ten thousand crates.
pub const SBOM_LIMIT: u64 = 16 * 1024 * 1024;

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Where it comes from: an in-toto statement with SLSA's provenance.
    Provenance,
    /// What is in it: a CycloneDX document.
    Sbom,
}

impl Form {
    /// All of them, in the order that they are made in.
    pub const ALL: [Self; 2] = [Self::Provenance, Self::Sbom];

    /// Those that this program makes.
    pub const MADE: [Self; 2] = Self::ALL;

    /// What the names of such files end with, behind the program's own.
    pub fn ending(self) -> &'static str {
        match self {
            // The statement by itself. `.intoto.jsonl` promises lines of signed envelopes.
            Self::Provenance => ".intoto.json",
            // As the CycloneDX specification recommends.
            Self::Sbom => ".cdx.json",
        }
    }

    /// The most bytes of one.
    pub fn limit(self) -> u64 {
        match self {
            Self::Provenance => STATEMENT_LIMIT,
            Self::Sbom => SBOM_LIMIT,
        }
    }

    /// What kind of document a file is by its name, and the name of the program that it is about.
    pub fn of(filename: &str) -> Option<(Self, &str)> {
        Self::ALL.into_iter().find_map(|form| {
            let program = filename.strip_suffix(form.ending())?;
            (!program.is_empty()).then_some((form, program))
        })
    }
}

/// What a statement about bundles is called after: all that a command has made of a product for a platform.
pub fn bundles_of(product: &ProductName, platform: Platform) -> String {
    format!("{product}-{platform}")
}

/// A file that a document is about.
#[derive(Debug, Clone)]
pub struct File {
    /// The name it is published under.
    pub filename: FileName,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// What it was before it was code-signed, where it is.
    pub before_signing: Option<Sha256Digest>,
}

/// A program, and all that a document says of it.
#[derive(Debug)]
pub struct About<'a> {
    /// The tag.
    pub tag: &'a str,
    /// Its group.
    pub group: &'a str,
    /// The version.
    pub version: &'a semver::Version,
    /// The channel it is built for.
    pub channel: Channel,
    /// The commit.
    pub commit: &'a str,
    /// How many files differed from it.
    pub dirty: usize,
    /// The platform.
    pub platform: Platform,
    /// The product.
    pub product: &'a ProductName,
    /// The cargo package.
    pub package: &'a str,
    /// The binary target.
    pub bin: &'a str,
    /// The program, and then the installers that are made of it.
    pub files: &'a [File],
    /// How to make the same bytes again.
    pub recipe: &'a Recipe,
    /// What `rustc -vV` prints.
    pub rustc: &'a str,
    /// The version of this program.
    pub maker: &'a str,
    /// When cargo was started.
    pub started_at: jiff::Timestamp,
    /// When all was checked.
    pub finished_at: jiff::Timestamp,
}

/// A document: its name and its bytes.
pub type Document = (FileName, Vec<u8>);

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// A file that it is about cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What a program is made of was not asked before it was built.
    #[error("what {0} is made of is not known")]
    Unknown(FileName),
    /// A bill of materials cannot be made.
    #[error("the bill of materials of {filename} cannot be made")]
    Sbom {
        /// The program.
        filename: FileName,
        /// Why not.
        source: SbomError,
    },
    /// It cannot be called what it has to be.
    #[error("a statement of provenance has no name that a file can have")]
    Name(#[source] release_types::FileNameError),
    /// It cannot be written down.
    #[error("{filename} cannot be written")]
    Write {
        /// The document.
        filename: FileName,
        /// Why not.
        source: serde_json::Error,
    },
}

/// The documents of a platform's programs.
#[derive(Debug, Default)]
pub struct Made {
    files: Vec<(ProductName, FileName, Vec<u8>)>,
}

impl Made {
    /// Names and bytes of a product's documents.
    pub fn of(&self, product: &ProductName) -> impl Iterator<Item = (&FileName, &[u8])> {
        let files = self.files.iter().filter(move |(of, ..)| of == product);
        files.map(|(_, filename, bytes)| (filename, bytes.as_slice()))
    }
}

/// Makes the documents of what was built for a plan. `maker` is this program's version.
///
/// # Errors
/// When a file cannot be read.
pub fn make(
    world: &World,
    plan: &Plan,
    built: &Built,
    (installers, code_signed): (&installers::Made, Option<&CodeSigned>),
    maker: &str,
) -> Result<Made, DocumentError> {
    let mut made = Made::default();
    let run = Run::of(&world.env);
    for (index, product) in built.products.iter().enumerate() {
        let planned = &product.planned;
        if planned.documents.is_empty() {
            continue;
        }
        let before = code_signed.and_then(|signed| signed.files.get(index));
        let mut files = vec![File {
            filename: planned.filename.clone(),
            sha256: match before {
                Some(_) => sha256_of(&product.executable)?,
                None => product.sha256,
            },
            before_signing: before.map(|(_, before)| before.sha256),
        }];
        for (filename, path) in installers.of(&planned.product) {
            files.push(File {
                filename: filename.clone(),
                sha256: sha256_of(path)?,
                before_signing: None,
            });
        }
        let about = About {
            tag: &plan.tag,
            group: &plan.group,
            version: &plan.version,
            channel: plan.channel,
            commit: &plan.commit,
            dirty: plan.dirty.len(),
            platform: plan.platform,
            product: &planned.product,
            package: &planned.package,
            bin: &planned.bin,
            files: &files,
            recipe: &built.recipe,
            rustc: &built.toolchain.rustc.verbose_version,
            maker,
            started_at: built.started_at,
            finished_at: built.finished_at,
        };
        for document in &planned.documents {
            let filename = &document.filename;
            let bytes = match document.form {
                Form::Provenance => {
                    let statement = provenance::statement(&about, &run);
                    match kept::earlier(&plan.staging, filename, &statement) {
                        Some(bytes) => bytes,
                        None => written(filename, &statement)?,
                    }
                }
                Form::Sbom => bill(&about, product)?,
            };
            let of = planned.product.clone();
            made.files.push((of, filename.clone(), bytes));
        }
    }
    Ok(made)
}

/// The bill of materials of a program.
fn bill(about: &About<'_>, product: &BuiltProduct) -> Result<Vec<u8>, DocumentError> {
    let filename = &product.planned.filename;
    let graph = product.dependencies.as_ref();
    let graph = graph.ok_or_else(|| DocumentError::Unknown(filename.clone()))?;
    let subject = sbom::Subject {
        filename: filename.as_str(),
        sha256: about.files[0].sha256,
        product: about.product.as_str(),
        bin: about.bin,
        version: about.version,
        tag: about.tag,
        commit: about.commit,
        dirty: about.dirty,
        commit_time: about.recipe.commit_time,
        target: about.platform.target_triple(),
        maker: about.maker,
    };
    sbom::document(&subject, graph).map_err(|source| DocumentError::Sbom {
        filename: filename.clone(),
        source,
    })
}

fn sha256_of(path: &Path) -> Result<Sha256Digest, DocumentError> {
    let digest = digest_file(path).map(|(_, sha256)| sha256);
    digest.map_err(|source| DocumentError::Read {
        path: path.to_owned(),
        source,
    })
}

/// A document's bytes: JSON that a person can read, with an end of its last line.
fn written(filename: &FileName, document: &impl Serialize) -> Result<Vec<u8>, DocumentError> {
    let json = serde_json::to_vec_pretty(document);
    let mut bytes = json.map_err(|source| DocumentError::Write {
        filename: filename.clone(),
        source,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_known_by_their_names() {
        for (name, expected) in [
            (
                "a-linux-x64.intoto.json",
                Some((Form::Provenance, "a-linux-x64")),
            ),
            ("a.exe.cdx.json", Some((Form::Sbom, "a.exe"))),
            ("a.intoto.json.sig", None),
            (".cdx.json", None),
            ("release.json", None),
            ("a.intoto.jsonl", None),
        ] {
            assert_eq!(Form::of(name), expected, "{name}");
        }
    }
}
