//! Looking at the documents of a published release: all of its programs, whoever has released it.

use super::look::{About, Look};
use super::unnamed::{Spoken, unnamed};
use super::{Form, bundles_of};
use crate::receipt::{Receipt, ReceiptAsset};
use crate::sign::Keys;
use crate::text::{one_line, told};
use futures_util::{StreamExt as _, TryStreamExt as _};
use hub_client::{ClientError, HubClient};
use release_types::{Channel, FileName, Kind, Platform, ProductName, Sha256Digest};
use serde::Serialize;
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
    /// The products that are known to be cargo packages: each program has documents of its own, and no statement
    /// about bundles stands in for them.
    pub packages: BTreeSet<ProductName>,
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
    /// Each program, and each file that a command has made.
    pub programs: Vec<ProvenProgram>,
}

/// One program, or a file that a command has made, whose documents are right.
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

/// Looks at the documents of every program and of all bundles of a release that was read back, `at_once` side by
/// side. All that is given to users has to be named by one of the statements, installers too.
///
/// # Errors
/// All that is missing or wrong, in one list; or the Hub could not be asked.
pub async fn prove(
    client: &HubClient,
    receipt: &Receipt,
    wanted: &Wanted,
    keys: &Keys,
    at_once: usize,
) -> Result<Proven, ProvenanceError> {
    let mut groups: BTreeMap<(&ProductName, Platform), Vec<&ReceiptAsset>> = BTreeMap::new();
    for asset in &receipt.assets {
        let key = (&asset.product, asset.platform);
        groups.entry(key).or_default().push(asset);
    }
    let looks = groups.iter().flat_map(|(&(product, platform), files)| {
        let is_package = wanted.packages.contains(product);
        let about = abouts(product, platform, files, is_package);
        about.into_iter().map(move |about| Look {
            client,
            receipt,
            wanted,
            keys,
            of: (product, platform),
            files,
            about,
        })
    });
    let looks: Vec<Look<'_>> = looks.collect();
    let calls = looks.iter().map(|look| async move {
        let looked = look.at_all().await?;
        Ok::<_, ClientError>((look.of, looked))
    });
    let looked: Vec<_> = futures_util::stream::iter(calls)
        .buffered(at_once.max(1))
        .try_collect()
        .await?;
    let (mut programs, mut list) = (Vec::new(), Vec::new());
    let mut commits = BTreeSet::new();
    let mut spoken: BTreeMap<_, Spoken> = BTreeMap::new();
    for look in &looks {
        let names = look.documents().into_iter().map(|(_, name)| name);
        spoken.entry(look.of).or_default().documents.extend(names);
    }
    let mut faulty = BTreeSet::new();
    for (of, looked) in looked {
        match looked {
            Ok((said, proven)) => {
                commits.insert(said.commit);
                spoken.entry(of).or_default().named.extend(said.named);
                programs.extend(proven);
            }
            Err(faults) => {
                faulty.insert(of);
                list.extend(faults);
            }
        }
    }
    // What a statement that is wrong names is not known.
    for (of, files) in groups.iter().filter(|(of, _)| !faulty.contains(of)) {
        let (product, platform) = of;
        let mut spoken = spoken.remove(of).unwrap_or_default();
        spoken.is_signature_checked = keys.of(product).is_some();
        let unnamed = unnamed(files, &spoken);
        let told = unnamed.map(|(name, why)| format!("{product} for {platform}: {name}: {why}"));
        list.extend(told);
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

/// What has documents among the files of a product on a platform: each program; and all that a command has made,
/// where there is a statement about that. What it names needs none of its own, where the product is not known to be
/// a package.
fn abouts<'a>(
    product: &ProductName,
    platform: Platform,
    files: &[&'a ReceiptAsset],
    is_package: bool,
) -> Vec<About<'a>> {
    let is_there = |name: &str| files.iter().any(|file| file.filename.as_str() == name);
    let statement_of = |of: &str| format!("{of}{}", Form::Provenance.ending());
    let stem = bundles_of(product, platform);
    let is_program = |file: &&ReceiptAsset| file.kind == Kind::Binary;
    let programs = files.iter().copied().filter(is_program);
    let is_made = !is_package && is_there(&statement_of(&stem)) && !is_there(&stem);
    let mut all: Vec<About<'a>> = programs
        .filter(|one| !is_made || is_there(&statement_of(one.filename.as_str())))
        .map(About::Program)
        .collect();
    all.extend(is_made.then_some(About::Bundles));
    all
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
