//! Looking at the documents of a published release: all of its programs, whoever has released it.

use super::Form;
use super::check::{self, Expected, Said};
use crate::receipt::{Receipt, ReceiptAsset};
use crate::sign::Keys;
use crate::text::{one_line, told};
use hub_client::{ClientError, ErrorKind, HubClient};
use release_types::{Channel, FileName, Kind, Platform, ProductName, Sha256Digest};
use serde::Serialize;
use signatures::ENDING;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The version of the document's form.
pub const FORMAT: u32 = 1;

/// Why a release's programs do not come from where they have to.
#[derive(Debug, thiserror::Error)]
pub enum ProvenanceError {
    /// Documents are missing, or say something else.
    #[error("where the programs come from is not proven:\n  {}", list.join("\n  "))]
    Unproven {
        /// Each file with what was expected and found.
        list: Vec<String>,
    },
    /// The Hub could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What is expected of all documents of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The commit, where it is known.
    pub commit: Option<String>,
    /// How the builder's name begins, where somebody has said it.
    pub builder: Option<String>,
    /// The documents that each program has to have.
    pub forms: Vec<Form>,
}

/// What the documents of a release say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proven {
    /// The version of this document's form.
    pub format: u32,
    /// The Hub's address.
    pub hub: String,
    /// The version.
    pub version: String,
    /// The channel.
    pub channel: Channel,
    /// The commit that all of them name; it was compared where `commit_checked` says so.
    pub commit: String,
    /// Whether the commit was known from elsewhere.
    pub commit_checked: bool,
    /// How the names of builders had to begin; nothing where that was not looked at.
    pub builder: Option<String>,
    /// Each program.
    pub programs: Vec<ProvenProgram>,
}

/// One program whose documents are right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProvenProgram {
    /// The product.
    pub product: ProductName,
    /// Its `os` and `arch`.
    #[serde(flatten)]
    pub platform: Platform,
    /// The program.
    pub filename: FileName,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Its documents, by name.
    pub documents: Vec<String>,
    /// Who has built it, by the statement.
    pub builder: String,
    /// The repository, where the statement names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The address of the run, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invocation: Option<String>,
    /// Whether the statement has a signature that was checked.
    pub signed: bool,
}

/// Looks at the documents of every program of a release that was read back.
///
/// # Errors
/// All that is missing or wrong, in one list; or the Hub could not be asked.
pub async fn prove(
    client: &HubClient,
    receipt: &Receipt,
    wanted: &Wanted,
    keys: &Keys,
) -> Result<Proven, ProvenanceError> {
    let mut groups: BTreeMap<(&ProductName, Platform), Vec<&ReceiptAsset>> = BTreeMap::new();
    for asset in &receipt.assets {
        let key = (&asset.product, asset.platform);
        groups.entry(key).or_default().push(asset);
    }
    let (mut programs, mut list) = (Vec::new(), Vec::new());
    let mut commits = BTreeSet::new();
    for files in groups.into_values() {
        for program in files.iter().filter(|file| file.kind == Kind::Binary) {
            let look = Look {
                client,
                receipt,
                wanted,
                keys,
                files: &files,
                program,
            };
            match look.at_all().await? {
                Ok((said, proven)) => {
                    commits.insert(said.commit);
                    programs.push(proven);
                }
                Err(faults) => list.extend(faults),
            }
        }
    }
    if programs.is_empty() && list.is_empty() {
        list.push("there is no program".to_owned());
    }
    let mut commits = commits.into_iter();
    let commit = commits.next().unwrap_or_default();
    if let Some(other) = commits.next() {
        let (one, other) = (told(&commit), told(&other));
        list.push(format!(
            "statements name several commits: `{one}` and `{other}`"
        ));
    }
    match list.is_empty() {
        true => Ok(Proven {
            format: FORMAT,
            hub: receipt.hub.clone(),
            version: receipt.version.clone(),
            channel: receipt.channel,
            commit,
            commit_checked: wanted.commit.is_some(),
            builder: wanted.builder.clone(),
            programs,
        }),
        false => Err(ProvenanceError::Unproven { list }),
    }
}

/// A program among the files of its product on its platform.
struct Look<'a> {
    client: &'a HubClient,
    receipt: &'a Receipt,
    wanted: &'a Wanted,
    keys: &'a Keys,
    files: &'a [&'a ReceiptAsset],
    program: &'a ReceiptAsset,
}

impl Look<'_> {
    /// What its documents say, or all that is wrong with them.
    async fn at_all(&self) -> Result<Result<(Said, ProvenProgram), Vec<String>>, ClientError> {
        let ReceiptAsset {
            product,
            platform,
            filename,
            sha256,
            ..
        } = self.program;
        let digests: BTreeMap<&str, Sha256Digest> = self
            .files
            .iter()
            .map(|file| (file.filename.as_str(), file.sha256))
            .collect();
        let expected = Expected {
            product,
            version: &self.receipt.version,
            platform: *platform,
            program: filename.as_str(),
            sha256: *sha256,
            files: &digests,
            commit: self.wanted.commit.as_deref(),
            builder: self.wanted.builder.as_deref(),
        };
        let (mut said, mut faults, mut documents) = (None, Vec::new(), Vec::new());
        for &form in &self.wanted.forms {
            let name = format!("{filename}{}", form.ending());
            let looked = match self.read(form, &name).await? {
                Ok(bytes) => match form {
                    Form::Provenance => {
                        let looked = check::statement(&expected, &bytes);
                        looked.map(|found| said = Some(found))
                    }
                    Form::Sbom => check::sbom(&expected, &bytes),
                },
                Err(why) => Err(vec![why]),
            };
            match looked {
                Ok(()) => documents.push(name),
                Err(list) => {
                    let at = |why| format!("{product} for {platform}: {name}: {why}");
                    faults.extend(list.into_iter().map(at));
                }
            }
        }
        let Some(said) = said.filter(|_| faults.is_empty()) else {
            return Ok(Err(faults));
        };
        let proven = ProvenProgram {
            product: product.clone(),
            platform: *platform,
            filename: filename.clone(),
            sha256: *sha256,
            documents,
            builder: said.builder.clone(),
            repository: said.repository.clone(),
            invocation: said.invocation.clone(),
            signed: self.keys.of(product).is_some() && self.is_signed(Form::Provenance),
        };
        Ok(Ok((said, proven)))
    }

    fn file(&self, name: &str) -> Option<&ReceiptAsset> {
        let mut files = self.files.iter().copied();
        files.find(|file| file.filename.as_str() == name)
    }

    fn is_signed(&self, form: Form) -> bool {
        let name = format!("{}{}{ENDING}", self.program.filename, form.ending());
        self.file(&name).is_some()
    }

    /// The bytes of one of its documents, or why they are not looked at. A signature that it has was checked
    /// when it was read back.
    async fn read(&self, form: Form, name: &str) -> Result<Result<Vec<u8>, String>, ClientError> {
        let Some(file) = self.file(name) else {
            return Ok(Err("expected such a file, found none".to_owned()));
        };
        if file.kind != Kind::Other {
            return Ok(Err(format!("expected the kind other, found {}", file.kind)));
        }
        let limit = form.limit();
        if file.size > limit {
            let size = file.size;
            return Ok(Err(format!("expected at most {limit} bytes, found {size}")));
        }
        let product = &file.product;
        if self.keys.are_needed(product) && !self.is_signed(form) {
            return Ok(Err("expected a signature of it, found none".to_owned()));
        }
        let mut bytes = Vec::new();
        let read = self
            .client
            .download(&file.download_id, file.size, &mut bytes);
        match read.await {
            Ok(read) if (read.sha256, read.size) == (file.sha256, file.size) => Ok(Ok(bytes)),
            Ok(read) => Ok(Err(format!(
                "expected the bytes that were read before, with sha256 {}, found others with {}",
                file.sha256, read.sha256
            ))),
            Err(error) if error.kind() == ErrorKind::Verification => Ok(Err(format!(
                "expected the bytes that were read before, found: {}",
                told(&error.to_string())
            ))),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = one_line(&self.version);
        writeln!(f, "provenance {version} on channel {}", self.channel)?;
        let compared = match self.commit_checked {
            true => "",
            false => ", as the statements say; it was not compared",
        };
        write!(f, "commit    {}{compared}", told(&self.commit))?;
        if self.builder.is_none() {
            write!(f, "\nbuilder   not compared: anybody may have built it")?;
        }
        for one in &self.programs {
            let signed = if one.signed { ", signed" } else { "" };
            write!(
                f,
                "\n  {:<9}{} {}\n           sha256 {}\n           built by {}{signed}",
                one.product,
                one.platform,
                one.filename,
                one.sha256,
                told(&one.builder)
            )?;
            if let Some(invocation) = &one.invocation {
                write!(f, "\n           {}", told(invocation))?;
            }
            write!(f, "\n           {}", one.documents.join(", "))?;
        }
        Ok(())
    }
}
