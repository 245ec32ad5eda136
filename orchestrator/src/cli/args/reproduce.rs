//! `reproduce`.

use super::{HubArgs, parse_channel, parse_target};
use clap::Args;
use release_types::{Channel, Platform};
use std::path::PathBuf;

/// `reproduce`.
#[derive(Debug, Args)]
pub struct ReproduceCommand {
    /// The tag, <group>-v<SemVer>, wherever in the history it is.
    #[arg(required_unless_present = "from")]
    pub tag: Option<String>,
    /// Build once and compare with what the Hub has published.
    #[arg(long, conflicts_with = "from")]
    pub against_hub: bool,
    /// Build once, as this release.json says, and compare with the digests in it.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Use the flags and programs that the record names and this machine does not (RUSTFLAGS, CC and
    /// the like): whoever wrote the record then decides what runs here.
    #[arg(long, requires = "from")]
    pub trust_record: bool,
    /// Build a second and third time through a cache of their own, to prove that it changes nothing.
    #[arg(long, conflicts_with_all = ["against_hub", "from"])]
    pub with_cache: bool,
    /// The channel [default: stable, or beta or dev where a pre-release says so].
    #[arg(long, value_parser = parse_channel, conflicts_with = "from")]
    pub channel: Option<Channel>,
    /// The target triple [default: this machine's].
    #[arg(long, value_name = "TRIPLE", value_parser = parse_target, conflicts_with = "from")]
    pub target: Option<Platform>,
    /// Link with rustc's own choice of linker instead of mold.
    #[arg(long, conflicts_with = "from")]
    pub no_mold: bool,
    /// Leave the list of their packages out of the programs, as releases did that know none.
    #[arg(long, conflicts_with = "from")]
    pub no_auditable: bool,
    /// Build HEAD where git has no such tag.
    #[arg(long)]
    pub allow_untagged: bool,
    /// Leave the checkouts and what was built in them.
    #[arg(long)]
    pub keep: bool,
    #[command(flatten)]
    pub hub: HubArgs,
}
