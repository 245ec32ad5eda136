//! Which commands only ask, and build nothing.

use super::Command;

impl Command {
    /// Whether it builds nothing, so that nobody who runs it expects Rust to be fetched for it.
    pub fn only_asks(&self) -> bool {
        match self {
            Self::Plan(_) | Self::Doctor | Self::Setup(_) | Self::Env(_) => true,
            Self::Build(args) => args.dry_run,
            Self::Release(args) => args.dry_run,
            Self::Publish(_) | Self::Verify(_) | Self::Hub(_) | Self::Version => true,
            Self::Promote(_) | Self::Yank(_) | Self::Rollback(_) => true,
            Self::Token(_) | Self::Pack(_) | Self::Manifest(_) => true,
            Self::Sign(_) | Self::Signer(_) => true,
            Self::Completions { .. } | Self::Man { .. } => true,
            Self::Workflows(_) | Self::GithubAction | Self::GithubRelease(_) => true,
            Self::Reproduce(_) => false,
        }
    }
}
