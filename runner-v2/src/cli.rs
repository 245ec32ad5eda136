//! The command line: what can be typed. What it comes to is the library's part.

use build_version::BuildInfo;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Speaks to the Atlas runner daemon.
#[derive(Debug, Parser)]
#[command(name = "atlas-runner", after_help = "Example:\n  atlas-runner status")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What is asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the versions of this program and of the daemon, and whether they are the same
    #[command(after_help = "Example:\n  atlas-runner status --format json\n\n\
        Exit codes: 0 the daemon has answered, also when its version differs; 2 wrong usage; \
        7 no daemon answers; 9 the machine is in the way")]
    Status(StatusArgs),
    /// Show the version, commit, target and compiler of this program
    #[command(after_help = "Example:\n  atlas-runner version --format json")]
    Version(VersionArgs),
}

/// Flags of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Where the daemon listens, instead of $ATLAS_RUNNER_SOCKET or this user's default: the path
    /// of a socket, or the name of a pipe on Windows
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

/// Flags of `version`.
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// One JSON document
    Json,
}

/// The command that was typed. Ends the process when there is none: 0 for help and version, 2 for
/// wrong usage.
pub fn parse(build: BuildInfo) -> Command {
    let matches = Cli::command().version(build.version()).get_matches();
    Cli::from_arg_matches(&matches)
        .unwrap_or_else(|error| error.exit())
        .command
}
