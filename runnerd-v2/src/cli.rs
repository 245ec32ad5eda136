//! The command line of the daemon: what can be typed. What it does is the library's part.

use build_version::BuildInfo;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The Atlas runner daemon. Without a command it runs.
#[derive(Debug, Parser)]
#[command(
    name = "atlas-runnerd",
    args_conflicts_with_subcommands = true,
    after_help = "Example:\n  atlas-runnerd run --socket /run/atlas-runner/runnerd.sock"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

/// What the daemon is told to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Listen for atlas-runner until SIGTERM or SIGINT
    #[command(
        after_help = "Example:\n  atlas-runnerd run --socket /run/atlas-runner/runnerd.sock\n\n\
        Exit codes: 0 ended as asked, 2 wrong usage, 9 the machine is in the way (a daemon that is \
        running already, a folder that others can write to)"
    )]
    Run(RunArgs),
    /// Show the version, commit, target and compiler of this program
    #[command(after_help = "Example:\n  atlas-runnerd version --format json")]
    Version(VersionArgs),
}

/// Flags of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Where to listen, instead of $ATLAS_RUNNER_SOCKET or this user's default: the path of a
    /// socket, or the name of a pipe on Windows
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
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    cli.command.unwrap_or(Command::Run(cli.run))
}
