//! The arguments of `github-release`.

use super::{RequireArgs, parse_side_by_side};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `github-release`.
#[derive(Debug, Args)]
pub struct GithubReleaseCommand {
    /// The tag of a staged release [default: the tag of the job, else the one release in dist/].
    pub tag: Option<String>,
    /// The repository [default: GITHUB_REPOSITORY].
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<String>,
    /// The address of GitHub's API, for an Enterprise server https://HOST/api/v3 [default:
    /// GITHUB_API_URL, else https://api.github.com].
    #[arg(long, value_name = "URL")]
    pub github_api: Option<String>,
    /// Release notes, in Markdown.
    #[arg(long, conflicts_with_all = ["notes_file", "changelog"])]
    pub notes: Option<String>,
    /// A file with the release notes.
    #[arg(long, value_name = "FILE", conflicts_with = "changelog")]
    pub notes_file: Option<PathBuf>,
    /// The changelog whose section of this version becomes the notes [default: the nearest CHANGELOG.md
    /// at or above the working folder].
    #[arg(long, value_name = "FILE")]
    pub changelog: Option<PathBuf>,
    /// Whether GitHub calls it the latest release; by itself that is the highest stable version.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub latest: WhenLatest,
    /// Where several groups are released from one repository: the group whose releases may be the latest
    /// [default: `github-latest` of the workspace].
    #[arg(long, value_name = "GROUP")]
    pub latest_group: Option<String>,
    #[command(flatten)]
    pub require: RequireArgs,
    /// How many uploads run side by side.
    #[arg(long, value_name = "N", default_value_t = crate::publish::DEFAULT_UPLOADS,
        value_parser = parse_side_by_side)]
    pub uploads: usize,
    /// Check the files and show what would be released, and ask nobody.
    #[arg(long)]
    pub dry_run: bool,
    /// Show the notes that the tag would have, and do nothing else: nothing has to be built for it, so a job
    /// can end at once instead of after the release.
    #[arg(long, conflicts_with = "dry_run")]
    pub check_notes: bool,
}

/// Whether a release is the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhenLatest {
    /// By its version.
    Auto,
    /// It is.
    Yes,
    /// It is not.
    No,
}
