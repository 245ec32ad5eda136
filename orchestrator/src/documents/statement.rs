//! The form of a statement of provenance: in-toto's Statement v1, whose predicate is SLSA's provenance v1.
//!
//! Names of fields, and which of them have to be there, are those of the in-toto attestation specification
//! (`spec/v1/statement.md`, `spec/v1/resource_descriptor.md`, `spec/v1/digest_set.md`) and of SLSA's build
//! provenance (`spec/build-provenance.md`). Both say that a reader passes over fields that it does not know.
//! The forms are a few structs that serde reads and writes: the crates that there are for them bring protocol
//! buffers or Sigstore's whole stack along.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What `_type` has to be. Source: in-toto, Statement v1: "Always `https://in-toto.io/Statement/v1`".
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What `predicateType` has to be. Source: SLSA, build provenance, which keeps it for all of version 1.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// The name of what a build by this program is, and of what the parameters of one mean; `docs/provenance.md`
/// describes it. It is a name that nothing answers to: the project has no public address.
pub const BUILD_TYPE: &str = "https://atlas-release.invalid/build/v1";

/// The same for a run of a command that makes a product's bundles.
pub const BUNDLE_TYPE: &str = "https://atlas-release.invalid/bundle/v1";

/// The digest of a git commit. Source: in-toto, `DigestSet`.
pub const GIT_COMMIT: &str = "gitCommit";

/// The digest of a file.
pub const SHA256: &str = "sha256";

/// The name of the commit among what a build was made of.
pub const SOURCE: &str = "source";

/// The name of cargo's lock file among what a build was made of.
pub const LOCK_FILE: &str = "Cargo.lock";

/// A statement about files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The files that it is about, each with a digest.
    pub subject: Vec<Resource>,
    /// [`PREDICATE_TYPE`].
    pub predicate_type: String,
    /// What is said of them.
    pub predicate: Provenance,
}

/// How files came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// What was built, of what and how: enough to do it again.
    pub build_definition: BuildDefinition,
    /// Who has done it, and when.
    pub run_details: RunDetails,
}

/// The inputs of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// What the parameters mean: [`BUILD_TYPE`].
    pub build_type: String,
    /// What whoever asked for the build has chosen.
    pub external_parameters: Map<String, Value>,
    /// What the builder has chosen.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub internal_parameters: Map<String, Value>,
    /// What was taken in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved_dependencies: Vec<Resource>,
}

/// One run of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// Who has made it.
    pub builder: Builder,
    /// Which run it was.
    #[serde(default)]
    pub metadata: Metadata,
    /// What else came of it, for whoever looks into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub byproducts: Vec<Resource>,
}

/// Who has made a build: whoever believes this one believes the statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    /// Its name, an address.
    pub id: String,
    /// The versions of what it is made of, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub version: BTreeMap<String, String>,
}

/// Which run it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The run's own address, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation_id: Option<String>,
    /// When cargo was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_on: Option<jiff::Timestamp>,
    /// When all that it made had been checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_on: Option<jiff::Timestamp>,
}

/// A file, a repository or a tool. Source: in-toto, `ResourceDescriptor`, of which one of address and digest
/// has to be there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its name among the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Its digests, by algorithm, in small hexadecimal digits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
    /// What else there is to say of it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub annotations: Map<String, Value>,
}

impl Resource {
    /// One of a name, with one digest.
    pub fn of(name: &str, algorithm: &str, digest: impl ToString) -> Self {
        Self {
            name: Some(name.to_owned()),
            digest: BTreeMap::from([(algorithm.to_owned(), digest.to_string())]),
            ..Self::default()
        }
    }

    /// A digest of it.
    pub fn digest(&self, algorithm: &str) -> Option<&str> {
        self.digest.get(algorithm).map(String::as_str)
    }
}

impl Statement {
    /// Reads a statement: any of in-toto's first version about SLSA's provenance, whoever has made it.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let statement: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        for (what, found, expected) in [
            ("_type", &statement.statement_type, STATEMENT_TYPE),
            ("predicateType", &statement.predicate_type, PREDICATE_TYPE),
        ] {
            if found != expected {
                return Err(format!("`{what}` is {found:?}, not {expected:?}"));
            }
        }
        Ok(statement)
    }

    /// Whether another statement says the same of the same files, but for the run that it was.
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.predicate.build_definition == other.predicate.build_definition
    }

    /// Whether another statement says that the same was made of the same, wherever and by whom: the address of
    /// the repository and what is said of the job are the run's.
    pub fn is_of_the_same_making(&self, other: &Self) -> bool {
        let made = |one: &Self| {
            let definition = &one.predicate.build_definition;
            let mut internal = definition.internal_parameters.clone();
            internal.remove("github");
            let mut taken = definition.resolved_dependencies.clone();
            for one in &mut taken {
                one.uri = None;
            }
            let external = definition.external_parameters.clone();
            (definition.build_type.clone(), external, internal, taken)
        };
        self.subject == other.subject && made(self) == made(other)
    }

    /// The digest that it has of a file of this name.
    pub fn sha256_of(&self, name: &str) -> Option<&str> {
        let mut named = self.subject.iter().filter(|one| one.name() == name);
        named.next()?.digest(SHA256)
    }

    /// The commit that was built.
    pub fn source(&self) -> Option<&Resource> {
        self.sources().into_iter().next()
    }

    /// All that it says of the commit: more than one is a contradiction.
    pub fn sources(&self) -> Vec<&Resource> {
        let dependencies = &self.predicate.build_definition.resolved_dependencies;
        let sources = dependencies.iter().filter(|one| one.name() == SOURCE);
        sources.collect()
    }

    /// A parameter that is a text.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let parameters = &self.predicate.build_definition.external_parameters;
        parameters.get(name)?.as_str()
    }
}

impl Resource {
    /// Its name, or nothing.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}
