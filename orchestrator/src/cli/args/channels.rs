//! `promote`, `yank` and `rollback`.

use super::{HubArgs, parse_channel};
use crate::text::without_v;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use release_types::{Channel, ProductName, Tag};
use semver::Version;
use std::str::FromStr;

/// A version, perhaps with the group of its tag.
#[derive(Debug, Clone)]
pub struct Named {
    /// The version.
    pub version: Version,
    /// The group, where a tag was given.
    pub group: Option<String>,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(version) = text.parse() {
            return Ok(Self {
                version,
                group: None,
            });
        }
        match text.parse::<Tag>() {
            Ok(Tag { group, version }) => Ok(Self {
                version,
                group: Some(group),
            }),
            Err(_) => Err(match without_v(text) {
                Some(version) => format!("a version is written without the `v`: {version}"),
                None => {
                    "expected a version such as 1.4.0, or a tag such as runner-v1.4.0".to_owned()
                }
            }),
        }
    }
}

/// Which products.
#[derive(Debug, Args)]
pub struct ProductsArgs {
    /// A product; may be given several times. No workspace is needed then [default: those of the
    /// workspace's group].
    #[arg(long, value_name = "PRODUCT", conflicts_with = "group")]
    pub product: Vec<ProductName>,
    /// The workspace's group whose products are meant [default: that of the tag, else the only one].
    #[arg(long)]
    pub group: Option<String>,
}

/// `promote`.
#[derive(Debug, Args)]
pub struct PromoteCommand {
    /// The version, or its tag.
    #[arg(value_name = "VERSION")]
    pub named: Named,
    /// The channel that has it.
    #[arg(long, value_name = "CHANNEL", value_parser = parse_channel)]
    pub from: Channel,
    /// The channel that is to have it, too.
    #[arg(long, value_name = "CHANNEL", value_parser = parse_channel)]
    pub to: Channel,
    #[command(flatten)]
    pub products: ProductsArgs,
    #[command(flatten)]
    pub hub: HubArgs,
    /// Ask the Hub what would be done, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// `yank`.
#[derive(Debug, Args)]
pub struct YankCommand {
    /// The version, or its tag.
    #[arg(value_name = "VERSION")]
    pub named: Named,
    /// The channel [default: stable, or beta or dev where a pre-release says so].
    #[arg(long, value_parser = parse_channel)]
    pub channel: Option<Channel>,
    /// Why it is taken back; everybody may read it.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new(),
        required_unless_present = "undo", conflicts_with = "undo")]
    pub reason: Option<String>,
    /// Offer it again.
    #[arg(long)]
    pub undo: bool,
    #[command(flatten)]
    pub products: ProductsArgs,
    #[command(flatten)]
    pub hub: HubArgs,
    /// Ask the Hub what would be done, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// `rollback`.
#[derive(Debug, Args)]
pub struct RollbackCommand {
    /// The channel.
    #[arg(long, default_value = "stable", value_parser = parse_channel)]
    pub channel: Channel,
    /// The version that is to be the newest again, or its tag [default: the one before the newest,
    /// where the Hub tells which that is].
    #[arg(long, value_name = "VERSION")]
    pub to: Option<Named>,
    /// Why what is newer is taken back; everybody may read it [default: that it was rolled back].
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub reason: Option<String>,
    #[command(flatten)]
    pub products: ProductsArgs,
    #[command(flatten)]
    pub hub: HubArgs,
    /// Ask the Hub what would be done, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
}
