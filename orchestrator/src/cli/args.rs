//! The command line, as clap reads it.

mod asks;
mod channels;
mod format;
mod github_release;
mod hub;
mod manifest;
mod pack;
mod reproduce;
mod share;
mod sign;
mod tokens;
mod values;
mod verify;
mod workflows;

pub use channels::{ProductsArgs, PromoteCommand, RollbackCommand, YankCommand};
pub use format::Format;
pub use github_release::{GithubReleaseCommand, WhenLatest};
pub use hub::HubCommand;
pub use manifest::{ManifestBuild, ManifestCheck, ManifestCommand, ManifestShow};
pub use pack::{PackCommand, PackPublish};
pub use reproduce::ReproduceCommand;
pub use share::{RequireArgs, ShareArgs};
pub use sign::{NamesArgs, PublicKeyArgs, SignCommand, SignerCommand};
pub use tokens::{TokenCommand, TokenIssue, TokenList, TokenRevoke};
pub(super) use values::{parse_channel, parse_side_by_side, parse_target, parse_version};
pub use verify::{ProvenanceArgs, ReadBackArgs, VerifyCommand};
pub use workflows::WorkflowsCommand;

use clap::{Args, Parser, Subcommand};
use release_types::{Channel, Platform, ProductName};
use std::path::PathBuf;

/// One tag in, proven installed software out.
#[derive(Debug, Parser)]
#[command(
    name = "atlas-release",
    disable_version_flag = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Example, with a Hub on this machine:\n  atlas-release release runner-v1.4.0 --local"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Print the version.
    #[arg(long, short = 'V')]
    pub version: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct GlobalArgs {
    /// Lines for people, or one JSON object a line for programs.
    #[arg(long, global = true, default_value = "human", value_parser = Format::of(&["human", "json"]))]
    pub format: Format,
    /// Log more to standard error; twice for everything.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Where installed tools and the embedded Hub's data are kept.
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Where builds are staged; for `sign`, `publish`, `verify` and `github-release` several times [default:
    /// `dist` in the workspace].
    #[arg(long, global = true, value_name = "DIR")]
    pub dist_dir: Vec<PathBuf>,
    /// Cargo's target directory [default: the workspace's own].
    #[arg(long, global = true, value_name = "DIR")]
    pub target_dir: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show everything that `release` would do, without doing any of it.
    #[command(after_help = "Example:\n  atlas-release plan runner-v1.4.0 --local")]
    Plan(PlanArgs),
    /// Build a group's programs in one cargo pass and stage them into dist/.
    #[command(after_help = "Example:\n  atlas-release build runner-v1.4.0")]
    Build(BuildCommand),
    /// Sign what is staged, or what a manifest names, with the key in TAURI_SIGNING_PRIVATE_KEY.
    #[command(after_help = "Examples:\n  atlas-release sign runner-v1.4.0\n  \
        atlas-release sign launcher.manifest --version 1.4.0\n  \
        atlas-release sign --check")]
    Sign(SignCommand),
    /// Keys to sign with.
    #[command(subcommand)]
    Signer(SignerCommand),
    /// Publish what is staged, or what a manifest names, and verify it.
    #[command(
        after_help = "Examples:\n  atlas-release publish runner-v1.4.0 --hub-url https://hub.example.com\n  \
        atlas-release publish --manifest cli.manifest --product cli --version 1.4.0"
    )]
    Publish(PublishCommand),
    /// Read a release back from the Hub and compare it with what was built.
    #[command(
        after_help = "Examples:\n  atlas-release verify runner-v1.4.0 --hub-url https://hub.example.com\n  \
        atlas-release verify 1.4.0 --product runner --sample 3\n  \
        atlas-release verify --against release.json"
    )]
    Verify(VerifyCommand),
    /// Build, publish and verify: the whole way.
    #[command(
        after_help = "Examples:\n  atlas-release release runner-v1.4.0 --local\n  \
        ATLAS_HUB_URL=https://hub.example.com atlas-release release runner-v1.4.0"
    )]
    Release(ReleaseCommand),
    /// Make what is staged a release on GitHub, with the credential in GITHUB_TOKEN.
    #[command(
        after_help = "Examples:\n  atlas-release github-release runner-v1.4.0 --repository owner/name\n  \
        atlas-release github-release --dist-dir dists/linux --dist-dir dists/macos --notes-file notes.md"
    )]
    GithubRelease(GithubReleaseCommand),
    /// Give another channel a release too; no bytes move.
    #[command(
        after_help = "Example:\n  atlas-release promote 1.4.0-beta.2 --from beta --to stable"
    )]
    Promote(PromoteCommand),
    /// Take a release back, so that it is never offered as the newest again.
    #[command(
        after_help = "Examples:\n  atlas-release yank 1.4.0 --reason 'loses settings'\n  \
        atlas-release yank 1.4.0 --undo"
    )]
    Yank(YankCommand),
    /// Make the version before the newest the newest again.
    #[command(after_help = "Examples:\n  atlas-release rollback --dry-run\n  \
        atlas-release rollback --to 1.3.2 --reason '1.4.0 loses settings'")]
    Rollback(RollbackCommand),
    /// Deploy tokens: issue, list and revoke them as an administrator (ATLAS_HUB_ADMIN_TOKEN).
    #[command(subcommand)]
    Token(TokenCommand),
    /// Builds of packs.
    #[command(subcommand)]
    Pack(PackCommand),
    /// Manifests of files that other programs have made.
    #[command(subcommand)]
    Manifest(ManifestCommand),
    /// Build a commit anew, elsewhere, and compare bit for bit.
    #[command(after_help = "Examples:\n  atlas-release reproduce runner-v1.4.0\n  \
        atlas-release reproduce runner-v1.4.0 --against-hub --hub-url https://hub.example.com\n  \
        atlas-release reproduce --from release.json")]
    Reproduce(ReproduceCommand),
    /// Look for every tool, try it, and say how to install what is missing.
    #[command(after_help = "Example:\n  atlas-release doctor --format json")]
    Doctor,
    /// Install the tools that `doctor` finds lacking.
    #[command(after_help = "Example:\n  atlas-release setup --dry-run")]
    Setup(SetupCommand),
    /// Write the environment of builds for other steps of a job, such as tests.
    #[command(after_help = "Examples:\n  atlas-release env --format github\n  \
        eval \"$(atlas-release env --format sh)\"\n  atlas-release env --format fish | source\n  \
        atlas-release env --format powershell | Out-String | Invoke-Expression")]
    Env(EnvCommand),
    /// The workflows of GitHub Actions that release this workspace.
    #[command(subcommand)]
    Workflows(WorkflowsCommand),
    /// What the action `atlas-release` of GitHub Actions runs; its inputs are variables.
    #[command(hide = true)]
    GithubAction,
    /// The embedded Hub.
    #[command(subcommand)]
    Hub(HubCommand),
    /// Print completions for a shell, of this program's commands and options.
    #[command(
        after_help = "Example:\n  atlas-release completions fish > ~/.config/fish/completions/atlas-release.fish"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print this program's man page, or write it and those of all commands into a folder.
    #[command(after_help = "Example:\n  atlas-release man --output ~/.local/share/man/man1")]
    Man {
        /// The folder, which is made when it is missing.
        #[arg(long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// Print the version, commit, target and compiler of this program.
    #[command(after_help = "Example:\n  atlas-release version --format json")]
    Version,
}

/// Which release.
#[derive(Debug, Args)]
pub struct SelectArgs {
    /// The tag, <group>-v<SemVer>; with --snapshot a group [default: the tag of the job, else the one tag at HEAD].
    pub tag: Option<String>,
    /// Release HEAD under a version of its own, made from the last tag and the commit.
    #[arg(long)]
    pub snapshot: bool,
    /// The channel [default: stable, or beta or dev where a pre-release says so].
    #[arg(long, value_parser = parse_channel)]
    pub channel: Option<Channel>,
    /// Accept files that differ from the commit.
    #[arg(long)]
    pub allow_dirty: bool,
    /// Accept a tag that git does not have at HEAD.
    #[arg(long)]
    pub allow_untagged: bool,
}

/// How to build.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// A target triple; may be given several times [default: this machine's].
    #[arg(long, value_name = "TRIPLE", value_parser = parse_target)]
    pub target: Vec<Platform>,
    /// Link with rustc's own choice of linker instead of mold.
    #[arg(long)]
    pub no_mold: bool,
    /// Compile without sccache.
    #[arg(long)]
    pub no_sccache: bool,
    /// How long nothing may compile because all wait for sccache, in seconds; then the build goes
    /// on without it [default: 120, or 900 where sccache compiles on other machines].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub cache_stall_limit: Option<u64>,
    /// Install nothing: a missing tool is an error, or a warning where it is not needed.
    #[arg(long)]
    pub no_install: bool,
    /// Make no installers, whatever products declare.
    #[arg(long)]
    pub no_installers: bool,
    /// Whether programs hold the list of their packages, where a build that is repeated says so.
    #[arg(skip)]
    pub auditable: Option<bool>,
    /// Make no documents of where programs come from and what is in them, whatever the workspace says.
    #[arg(long)]
    pub no_documents: bool,
}

/// Which Hub.
#[derive(Debug, Args)]
pub struct HubArgs {
    /// The Hub's address [default: ATLAS_HUB_URL].
    #[arg(long, value_name = "URL", conflicts_with = "local")]
    pub hub_url: Option<String>,
    /// Use the embedded Hub, with its data below the state directory. Needs no git tag.
    #[arg(long)]
    pub local: bool,
}

/// How to publish.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// Release notes.
    #[arg(long, conflicts_with = "notes_file")]
    pub notes: Option<String>,
    /// A file with the release notes.
    #[arg(long, value_name = "FILE")]
    pub notes_file: Option<PathBuf>,
    /// When the release counts as published, in RFC 3339 [default: now].
    #[arg(long, value_name = "TIME")]
    pub published_at: Option<jiff::Timestamp>,
    /// Publish although the channel has a newer version; `latest` stays what it is [default: ATLAS_BACKPORT].
    #[arg(long)]
    pub backport: bool,
    /// How many uploads run side by side.
    #[arg(long, value_name = "N", default_value_t = crate::publish::DEFAULT_UPLOADS,
        value_parser = parse_side_by_side)]
    pub uploads: usize,
    #[command(flatten)]
    pub read_back: ReadBackArgs,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub build: BuildArgs,
    #[command(flatten)]
    pub hub: HubArgs,
}

/// `build`.
#[derive(Debug, Args)]
pub struct BuildCommand {
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub build: BuildArgs,
    /// The Hub with whose last release sizes are compared [default: ATLAS_HUB_URL].
    #[arg(long, value_name = "URL")]
    pub hub_url: Option<String>,
    /// Show the plan and stop.
    #[arg(long)]
    pub dry_run: bool,
}

/// `release`.
#[derive(Debug, Args)]
pub struct ReleaseCommand {
    #[command(flatten)]
    pub select: SelectArgs,
    #[command(flatten)]
    pub build: BuildArgs,
    #[command(flatten)]
    pub hub: HubArgs,
    #[command(flatten)]
    pub publish: PublishArgs,
    #[command(flatten)]
    pub require: RequireArgs,
    /// Show the plan and stop.
    #[arg(long)]
    pub dry_run: bool,
}

/// `setup`.
#[derive(Debug, Args)]
pub struct SetupCommand {
    /// Print the commands and run none of them.
    #[arg(long)]
    pub dry_run: bool,
}

/// `env`.
#[derive(Debug, Args)]
pub struct EnvCommand {
    /// Who is to read it: github writes to the files that GITHUB_ENV and GITHUB_PATH name, the
    /// others to standard output.
    #[arg(long, value_parser = Format::of(&["github", "sh", "fish", "powershell", "json"]))]
    pub format: Format,
}

/// What is staged, for `publish`.
#[derive(Debug, Clone, Args)]
pub struct StagedArgs {
    /// The tag of a staged release [default: the tag of the job, else the one release in dist/].
    pub tag: Option<String>,
    /// A manifest to take the files from instead.
    #[arg(long, value_name = "FILE", group = "files", conflicts_with = "tag",
        requires_all = ["product", "version"])]
    pub manifest: Option<PathBuf>,
    /// The product of the manifest; for --finish several times.
    #[arg(long, requires = "files")]
    pub product: Vec<ProductName>,
    #[command(flatten)]
    pub files: FilesArgs,
}

/// What else there is to say of files that are named or staged.
#[derive(Debug, Clone, Args)]
pub struct FilesArgs {
    /// The version of the manifest's files.
    #[arg(long, requires = "manifest", value_parser = parse_version)]
    pub version: Option<semver::Version>,
    /// Where the manifest's relative paths start [default: its own folder].
    #[arg(long, value_name = "DIR", requires = "manifest")]
    pub base_dir: Option<PathBuf>,
    /// The channel [default: the one it was built for, or the one its version says].
    #[arg(long, value_parser = parse_channel)]
    pub channel: Option<Channel>,
    #[command(flatten)]
    pub names: NamesArgs,
}

/// `publish`.
#[derive(Debug, Args)]
pub struct PublishCommand {
    #[command(flatten)]
    pub staged: StagedArgs,
    #[command(flatten)]
    pub hub: HubArgs,
    #[command(flatten)]
    pub publish: PublishArgs,
    #[command(flatten)]
    pub require: RequireArgs,
    #[command(flatten)]
    pub share: ShareArgs,
    #[command(flatten)]
    pub key: PublicKeyArgs,
    /// Take a manifest whose rows contradict each other, or of which a link leads elsewhere, as `manifest check` finds:
    /// with a warning for each.
    #[arg(long, requires = "manifest")]
    pub allow_contradictions: bool,
    /// Check the files and show what would be published, and ask no Hub.
    #[arg(long)]
    pub dry_run: bool,
}
