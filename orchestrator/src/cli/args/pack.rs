//! `pack`.

use clap::{Args, Subcommand};
use release_types::{PackChannel, PackId, UnknownName};
use std::path::PathBuf;

/// `pack …`.
#[derive(Debug, Subcommand)]
pub enum PackCommand {
    /// Upload a build and put it on a channel of its pack (ATLAS_PACK_DEPLOY_TOKEN, or a job that the Hub trusts).
    #[command(
        after_help = "Example:\n  atlas-release pack publish --pack my-pack --version 1.2.0 --channel beta my-pack.atlas"
    )]
    Publish(PackPublish),
}

/// `pack publish`.
#[derive(Debug, Args)]
pub struct PackPublish {
    /// The pack.
    #[arg(long, value_name = "ID")]
    pub pack: PackId,
    /// The build's version: any text of a line, up to 128 characters.
    #[arg(long, value_parser = parse_version)]
    pub version: String,
    /// Where it is to be offered: dev, beta or production.
    #[arg(long, default_value = "dev", value_parser = parse_pack_channel)]
    pub channel: PackChannel,
    /// The commit it was built from.
    #[arg(long, value_name = "HASH")]
    pub commit_hash: Option<String>,
    /// What that commit says of itself.
    #[arg(long, value_name = "TEXT")]
    pub commit_message: Option<String>,
    /// The Hub's address [default: ATLAS_HUB_URL].
    #[arg(long, value_name = "URL")]
    pub hub_url: Option<String>,
    /// Read the file and say what would be published, and ask no Hub.
    #[arg(long)]
    pub dry_run: bool,
    /// The build.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The longest version that a Hub takes, in characters.
const LONGEST_VERSION: usize = 128;

/// What no Hub of ours would take is refused before anything is sent: a build's version is told last.
fn parse_version(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    match text {
        _ if text.trim().is_empty() => Err("it is empty".to_owned()),
        _ if length > LONGEST_VERSION => Err(format!(
            "it has {length} characters, and {LONGEST_VERSION} are the most"
        )),
        _ if text.chars().any(char::is_control) => {
            Err("it holds a line break or another control character".to_owned())
        }
        text => Ok(text.to_owned()),
    }
}

fn parse_pack_channel(text: &str) -> Result<PackChannel, UnknownName> {
    text.parse()
}
