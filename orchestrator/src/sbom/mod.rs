//! The bill of materials of a program: a CycloneDX document that names its packages, where they come from,
//! their licences and which of them needs which.
//!
//! Everything in it follows from the commit, the lock file and the program's bytes, so the same program has the
//! same document wherever it is made. The form is a few structs for serde: the crate for it knows CycloneDX to
//! 1.5, draws serial numbers by chance, and brings XML, regular expressions and a second clock along. Pure:
//! values in, bytes out; what a program is made of is for `dependencies` to know.

mod form;
mod maker;
mod words;

pub use maker::other_maker;

use crate::dependencies::{Dependencies, Kind, Package};
use form::{
    Bom, Component, Dependency, Hash, Lifecycle, Metadata, Property, Reference, Serial, Tools,
};
use release_types::Sha256Digest;
use words::{licences, purl, references, web_address};

/// What has made the document.
const TOOL: &str = "atlas-release";

fn tool_reference() -> String {
    format!("tool:{TOOL}")
}

/// The program that a document is about.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The name it is published under.
    pub filename: &'a str,
    /// The digest of the file that is published.
    pub sha256: Sha256Digest,
    /// The product.
    pub product: &'a str,
    /// The binary target.
    pub bin: &'a str,
    /// The version that is released.
    pub version: &'a semver::Version,
    /// The tag.
    pub tag: &'a str,
    /// The commit.
    pub commit: &'a str,
    /// How many files differed from it.
    pub dirty: usize,
    /// When it was committed, in seconds since 1970.
    pub commit_time: i64,
    /// The target triple.
    pub target: &'a str,
    /// The version of this program.
    pub maker: &'a str,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    /// The commit's time is none.
    #[error("the commit's time cannot be written")]
    Time(#[from] jiff::Error),
    /// It cannot be written as JSON.
    #[error("the bill of materials cannot be written")]
    Json(#[from] serde_json::Error),
}

/// The document about a program: CycloneDX 1.6 as JSON that a person can read.
///
/// # Errors
/// When the commit's time is none, or the document cannot be written.
pub fn document(subject: &Subject<'_>, graph: &Dependencies) -> Result<Vec<u8>, SbomError> {
    let mut bom = bom(subject, graph)?;
    // Of the document without it, so that another document has another one.
    let digest = Sha256Digest::of(&serde_json::to_vec(&bom)?);
    bom.serial_number = Some(Serial::of(&digest));
    let mut bytes = serde_json::to_vec_pretty(&bom)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn bom<'a>(subject: &Subject<'a>, graph: &'a Dependencies) -> Result<Bom<'a>, SbomError> {
    // The program stands for its own package.
    let own = format!("program:{}", subject.filename);
    let mut references = references(&graph.packages);
    if let Some(root) = references.get_mut(graph.root) {
        root.clone_from(&own);
    }
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    let mut licences_of_it = Vec::new();
    let mut references_of_it = Vec::new();
    for (at, package) in graph.packages.iter().enumerate() {
        let mut depends_on: Vec<String> = (package.needs.iter())
            .filter_map(|need| references.get(*need).cloned())
            .collect();
        depends_on.sort();
        dependencies.push(Dependency {
            reference: references[at].clone(),
            depends_on,
        });
        if at == graph.root {
            licences_of_it = licences(package);
            references_of_it = sources(package);
        } else {
            components.push(component(package, references[at].clone()));
        }
    }
    components.sort_by(|a, b| a.reference.cmp(&b.reference));
    dependencies.sort_by(|a, b| a.reference.cmp(&b.reference));
    let property = |name: &str, value: &str| Property {
        name: format!("atlas-release:{name}"),
        value: value.to_owned(),
    };
    let mut properties = vec![
        property("file", subject.filename),
        property("product", subject.product),
        property("target", subject.target),
        property("tag", subject.tag),
    ];
    // What differed from a commit was not made of it.
    match subject.dirty {
        0 => properties.push(property("commit", subject.commit)),
        files => properties.extend([
            property("dirty", &files.to_string()),
            property("changed-from", subject.commit),
        ]),
    }
    Ok(Bom {
        metadata: Metadata {
            timestamp: jiff::Timestamp::from_second(subject.commit_time)?,
            lifecycles: [Lifecycle { phase: "build" }],
            tools: Tools {
                components: [Component {
                    name: TOOL,
                    version: subject.maker.to_owned(),
                    ..Component::of("application", tool_reference())
                }],
            },
            component: Component {
                name: subject.bin,
                version: subject.version.to_string(),
                hashes: vec![Hash::sha256(&subject.sha256)],
                licenses: licences_of_it,
                external_references: references_of_it,
                properties,
                ..Component::of("application", own)
            },
        },
        components,
        dependencies,
        ..Bom::default()
    })
}

fn component(package: &Package, reference: String) -> Component<'_> {
    Component {
        name: &package.name,
        version: package.version.to_string(),
        // What only builds it is not in it.
        scope: Some(match package.kind {
            Kind::Runtime => "required",
            Kind::Build => "excluded",
        }),
        hashes: package.checksum.iter().map(Hash::sha256).collect(),
        licenses: licences(package),
        purl: purl(package),
        external_references: sources(package),
        ..Component::of("library", reference)
    }
}

/// Where its source is kept, where that is an address.
fn sources(package: &Package) -> Vec<Reference> {
    let url = package.repository.as_deref().and_then(web_address);
    url.map(|url| Reference { kind: "vcs", url })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests;
