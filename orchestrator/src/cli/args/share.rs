//! Options of a release that several machines make.

use clap::Args;
use release_types::Platform;

/// What has to be there.
#[derive(Debug, Args)]
pub struct RequireArgs {
    /// Show nothing of the release before these platforms are all there, whoever uploads them:
    /// linux-x64,macos-arm64 [default: `require` of the workspace, else what is staged].
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    pub require: Vec<Platform>,
}

/// Who does which part.
#[derive(Debug, Args)]
pub struct ShareArgs {
    /// Upload, and let another run show it: nobody sees anything yet.
    #[arg(long, conflicts_with_all = ["finish", "dry_run"])]
    pub stage_only: bool,
    /// Show what was staged, here or elsewhere; without dist/ by the tag alone, where the Hub keeps
    /// drafts.
    #[arg(long, group = "files")]
    pub finish: bool,
}
