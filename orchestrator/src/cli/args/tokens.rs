//! `token`.

use crate::tokens::Expiry;
use clap::{Args, Subcommand};
use release_types::PackId;
use std::path::PathBuf;

/// `token …`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Issue a token; its text is shown this once.
    #[command(
        after_help = "Examples:\n  atlas-release token issue --name 'release jobs' --expires 90d --output token\n  \
        atlas-release token issue --pack my-pack --expires 2030-01-31T12:00:00Z | gh secret set ATLAS_PACK_DEPLOY_TOKEN"
    )]
    Issue(TokenIssue),
    /// List the tokens, without their texts.
    #[command(after_help = "Example:\n  atlas-release token list")]
    List(TokenList),
    /// Revoke a token, at once and for ever.
    #[command(after_help = "Example:\n  atlas-release token revoke ID")]
    Revoke(TokenRevoke),
}

/// Whose tokens, and on which Hub.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// A pack whose tokens are meant [default: those that publish releases].
    #[arg(long, value_name = "ID")]
    pub pack: Option<PackId>,
    /// The Hub's address [default: ATLAS_HUB_URL].
    #[arg(long, value_name = "URL")]
    pub hub_url: Option<String>,
}

/// `token issue`.
#[derive(Debug, Args)]
pub struct TokenIssue {
    /// What to call it.
    #[arg(long)]
    pub name: Option<String>,
    /// When it stops working: a time in RFC 3339, or a span from now such as 90d, 12h or 1y
    /// [default: never].
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub expires: Option<Expiry>,
    /// A new file to write the token into, which only its owner can read; it is not shown then.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub of: TokenArgs,
}

/// `token list`.
#[derive(Debug, Args)]
pub struct TokenList {
    #[command(flatten)]
    pub of: TokenArgs,
}

/// `token revoke`.
#[derive(Debug, Args)]
pub struct TokenRevoke {
    /// Its id, as `token list` shows it.
    pub id: String,
    #[command(flatten)]
    pub of: TokenArgs,
}
