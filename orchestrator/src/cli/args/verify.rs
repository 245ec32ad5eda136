//! The arguments of `verify`.

use super::{FilesArgs, HubArgs, PublicKeyArgs, parse_side_by_side};
use clap::Args;
use release_types::ProductName;
use std::num::NonZero;
use std::path::PathBuf;

/// How to read back.
#[derive(Debug, Args)]
pub struct ReadBackArgs {
    /// How many files are read back side by side.
    #[arg(long, value_name = "N", default_value_t = crate::verify::DEFAULT_READ_BACKS,
        value_parser = parse_side_by_side)]
    pub downloads: usize,
}

/// Looking at the documents of programs.
#[derive(Debug, Args)]
pub struct ProvenanceArgs {
    /// Look at the documents of every program too: that its statement of provenance and its list of crates
    /// are there and about these very bytes, this version and the tag's commit.
    #[arg(long, conflicts_with = "sample")]
    pub provenance: bool,
    /// How the name of the builder has to begin [default: `builder` of the workspace; in a job of GitHub
    /// Actions the workflows of its repository].
    #[arg(long, value_name = "PREFIX", requires = "provenance")]
    pub builder: Option<String>,
    /// The commit that all has to be made of [default: that of what is compared with, else that of the
    /// tag in the repository here].
    #[arg(long, value_name = "SHA", requires = "provenance", value_parser = parse_commit)]
    pub commit: Option<String>,
}

/// A whole commit: a beginning could be that of several.
fn parse_commit(text: &str) -> Result<String, String> {
    let is_hex = text.bytes().all(|b| b.is_ascii_hexdigit());
    match is_hex && matches!(text.len(), 40 | 64) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err("a commit has 40 or 64 hexadecimal digits".to_owned()),
    }
}

/// `verify`.
#[derive(Debug, Args)]
pub struct VerifyCommand {
    /// The tag or the version of a release [default: the tag of the job, else the one release in
    /// dist/]. What dist/ does not hold is compared with what the Hub itself lists; with --product it
    /// may be any text.
    #[arg(value_name = "TAG|VERSION")]
    pub name: Option<String>,
    /// Compare with the release.json of a dist folder, of a release's or a platform's folder in it, or
    /// with that file, instead of with files.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["manifest", "product"])]
    pub against: Option<PathBuf>,
    /// A manifest that names the files to compare with.
    #[arg(long, value_name = "FILE", conflicts_with = "name", requires_all = ["product", "version"])]
    pub manifest: Option<PathBuf>,
    /// The product of the manifest; or without one, a product whose list on the Hub is compared with
    /// what the Hub gives out: may be given several times [default: those of the tag's group].
    #[arg(long)]
    pub product: Vec<ProductName>,
    #[command(flatten)]
    pub files: FilesArgs,
    /// Read back this many files, drawn at random, instead of all.
    #[arg(long, value_name = "N")]
    pub sample: Option<NonZero<usize>>,
    #[command(flatten)]
    pub read_back: ReadBackArgs,
    #[command(flatten)]
    pub provenance: ProvenanceArgs,
    #[command(flatten)]
    pub key: PublicKeyArgs,
    #[command(flatten)]
    pub hub: HubArgs,
}
