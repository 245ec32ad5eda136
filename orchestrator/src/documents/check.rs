//! Whether documents are those of a program. Pure: their bytes come from somebody else, and all that is wrong
//! with them is said at once.

use super::statement::{BUILD_TYPE, BUNDLE_TYPE, GIT_COMMIT, Statement};
use crate::text::told;
use release_types::{Platform, ProductName, Sha256Digest};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A published program, and what its documents have to say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The product.
    pub product: &'a ProductName,
    /// The version, which may be any text.
    pub version: &'a str,
    /// The platform.
    pub platform: Platform,
    /// What its documents are about.
    pub about: Subject<'a>,
    /// The digests of all files of this product on this platform, by name.
    pub files: &'a BTreeMap<&'a str, Sha256Digest>,
    /// The commit that it has to be made of, where that is known.
    pub commit: Option<&'a str>,
    /// How the builder's name has to begin, where somebody has said it.
    pub builder: Option<&'a str>,
}

/// What a document is about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A program, by its name and digest, and what is made of it.
    Program(&'a str, Sha256Digest),
    /// What a command of its own has made for the product and platform.
    Bundles,
}

/// What a statement says that is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The builder.
    pub builder: String,
    /// The commit.
    pub commit: String,
    /// The repository, where the builder names one.
    pub repository: Option<String>,
    /// The address of the run, where it has one.
    pub invocation: Option<String>,
    /// The files of the product and platform that it names, with the digests that they have.
    pub named: BTreeSet<String>,
}

/// Looks at a statement of provenance.
///
/// # Errors
/// All that is wrong with it, each with what was expected and what was found.
pub fn statement(expected: &Expected<'_>, bytes: &[u8]) -> Result<Said, Vec<String>> {
    let statement = Statement::read(bytes)
        .map_err(|why| vec![format!("it is no statement of provenance: {}", told(&why))])?;
    let mut faults = Vec::new();
    let mut differs = |what: &str, expected: &str, found: Option<&str>| {
        let found = found.map_or("nothing".to_owned(), |found| format!("`{}`", told(found)));
        faults.push(format!(
            "{what}: expected `{}`, found {found}",
            told(expected)
        ));
    };
    if let Subject::Program(name, sha256) = expected.about {
        let (sha256, subject) = (sha256.to_string(), statement.sha256_of(name));
        if subject != Some(&sha256) {
            differs("the digest of its subject", &sha256, subject);
        }
    }
    let (mut names, mut named) = (BTreeSet::new(), BTreeSet::new());
    for one in &statement.subject {
        let (name, digest) = (one.name(), one.digest(super::SHA256));
        // Of two of one name, one would not be looked at.
        if !names.insert(name) {
            differs("its subjects", "each once", Some(name));
        }
        let Some(file) = expected.files.get(name).map(ToString::to_string) else {
            continue;
        };
        if digest == Some(&file) {
            named.insert(name.to_owned());
        } else if !matches!(expected.about, Subject::Program(program, _) if program == name) {
            let what = format!("the digest of its subject {}", told(name));
            differs(&what, &file, digest);
        }
    }
    let definition = &statement.predicate.build_definition;
    let build_type = match expected.about {
        Subject::Program(..) => BUILD_TYPE,
        Subject::Bundles => BUNDLE_TYPE,
    };
    if definition.build_type != build_type {
        differs("buildType", build_type, Some(&definition.build_type));
    }
    let platform = expected.platform.to_string();
    for (name, wanted) in [
        ("product", expected.product.as_str()),
        ("version", expected.version),
        ("platform", &platform),
    ] {
        let found = statement.parameter(name);
        if found != Some(wanted) {
            differs(name, wanted, found);
        }
    }
    let builder = &statement.predicate.run_details.builder.id;
    if !is_one_way_to_write(builder) {
        let plain = "an address without users, `.`, `..`, `\\`, `%` and control characters";
        differs("builder", plain, Some(builder));
    }
    if let Some(beginning) = expected.builder
        && !is_by(builder, beginning)
    {
        differs("builder", &format!("{beginning}…"), Some(builder));
    }
    if let [_, other, ..] = &statement.sources()[..] {
        differs("source", "one", other.digest(GIT_COMMIT));
    }
    let source = statement.source();
    let commit = source.and_then(|source| source.digest(GIT_COMMIT));
    if let Some(wanted) = expected.commit
        && commit != Some(wanted)
    {
        differs("commit", wanted, commit);
    }
    if expected.commit.is_none() && !commit.is_some_and(is_commit) {
        differs("commit", "40 or 64 hexadecimal digits", commit);
    }
    let changed = source.and_then(|source| source.annotations.get("changedFiles"));
    if let Some(files) = changed {
        let found = format!("{files} files that differ from it");
        differs("source", "the commit", Some(&found));
    }
    match (commit, faults.is_empty()) {
        (Some(commit), true) => Ok(Said {
            builder: builder.clone(),
            commit: commit.to_owned(),
            repository: source.and_then(|source| source.uri.clone()),
            invocation: statement.predicate.run_details.metadata.invocation_id,
            named,
        }),
        _ => Err(faults),
    }
}

/// Whether a text can be git's name of a commit.
fn is_commit(text: &str) -> bool {
    let digits = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    matches!(text.len(), 40 | 64) && text.bytes().all(digits)
}

/// Whether a builder's name begins so: with whole parts of it, so that another repository whose name goes on is
/// another one.
fn is_by(builder: &str, beginning: &str) -> bool {
    let ends = |c: char| matches!(c, '/' | '@' | '#' | '?');
    builder
        .strip_prefix(beginning)
        .is_some_and(|rest| rest.is_empty() || beginning.ends_with(ends) || rest.starts_with(ends))
}

/// Whether a builder's name can be compared as a text: an address that leads where it says, whoever follows it.
/// Source: RFC 3986, sections 3.2.1, 5.2.4 and 6.2.2; readers of addresses in browsers take `\` for `/`.
fn is_one_way_to_write(builder: &str) -> bool {
    let steps = |part: &str| matches!(part, "." | "..");
    let rest = builder.split_once("://").map_or(builder, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.contains('@')
        && !builder.contains(|c: char| c.is_control() || matches!(c, '\\' | '%'))
        && !rest.split(['/', '?', '#']).any(steps)
}

/// As much of a CycloneDX document as is looked at. What else is in it is read and held by nobody. Source:
/// CycloneDX, JSON reference: `metadata.component` is what the document is about, `hashes` are its digests,
/// whose algorithm is called `SHA-256`.
#[derive(Debug, Deserialize)]
struct Sbom {
    #[serde(rename = "bomFormat")]
    format: String,
    #[serde(default)]
    metadata: SbomMetadata,
}

#[derive(Debug, Default, Deserialize)]
struct SbomMetadata {
    #[serde(default)]
    component: Component,
}

#[derive(Debug, Default, Deserialize)]
struct Component {
    #[serde(default)]
    hashes: Vec<Hash>,
}

#[derive(Debug, Deserialize)]
struct Hash {
    alg: String,
    content: String,
}

/// Looks at the list of what is in a program with this digest.
///
/// # Errors
/// What is wrong with it.
pub fn sbom(sha256: Sha256Digest, bytes: &[u8]) -> Result<(), Vec<String>> {
    let sbom: Sbom = serde_json::from_slice(bytes).map_err(|why| {
        vec![format!(
            "it is no CycloneDX document: {}",
            told(&why.to_string())
        )]
    })?;
    if sbom.format != "CycloneDX" {
        let found = told(&sbom.format);
        return Err(vec![format!(
            "bomFormat: expected `CycloneDX`, found `{found}`"
        )]);
    }
    let hashes = &sbom.metadata.component.hashes;
    let found = hashes.iter().filter(|hash| hash.alg == "SHA-256");
    let found: Vec<&Hash> = found.collect();
    let sha256 = sha256.to_string();
    match found[..] {
        [hash] if hash.content.eq_ignore_ascii_case(&sha256) => Ok(()),
        // Of two, one would not be looked at.
        _ => {
            let found = found
                .iter()
                .map(|hash| format!("`{}`", told(&hash.content)));
            let found: Vec<String> = found.collect();
            Err(vec![format!(
                "the digest of what it is about: expected `{sha256}`, found {}",
                match found.is_empty() {
                    true => "nothing".to_owned(),
                    false => found.join(" and "),
                }
            )])
        }
    }
}

#[cfg(test)]
mod tests;
