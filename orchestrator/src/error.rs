//! What can go wrong, in one place: the exit code for each case, and what to do about it.

use crate::artifacts::ArtifactError;
use crate::build::BuildError;
use crate::dist::DistError;
use crate::git::GitError;
use crate::lock::LockError;
use crate::plan::PlanError;
use crate::products::ProductsError;
use crate::publish::PublishError;
use crate::reproduce::ReproduceError;
use crate::select::SelectError;
use crate::settings::SettingsError;
use crate::toolchain::ToolchainError;
use crate::verify::VerifyError;
use hub_client::{ClientError, ErrorKind};
use process::ProcessError;
use std::path::PathBuf;

/// The exit codes, which are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// A defect of this program.
    Defect = 1,
    /// A flag, tag, setting or row that cannot be used.
    Usage = 2,
    /// A tool is missing or does not work.
    Tool = 3,
    /// cargo failed, or a program carries another version than the tag.
    Build = 4,
    /// The Hub refused.
    Refused = 6,
    /// No answer came, or none that counts; later it may.
    Network = 7,
    /// What is stored or published is not what was built.
    Verification = 8,
    /// This machine failed: a disk, a permission, a lock.
    Machine = 9,
    /// Interrupted from the keyboard.
    Interrupted = 130,
    /// Asked to end.
    Terminated = 143,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant is the stage that failed")]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Products(#[from] ProductsError),
    #[error(transparent)]
    Select(#[from] SelectError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Dist(#[from] DistError),
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Reproduce(#[from] ReproduceError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] hub::HubError),
    #[error("cannot use {}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("standard output could not be written to; what was to be done is done")]
    Output,
    #[error("this machine lacks what releases need: {}", .0.join(", "))]
    NotReady(Vec<String>),
    #[error("interrupted")]
    Interrupted,
    #[error("atlas-release itself failed; please report what stands above")]
    Defect,
}

impl Error {
    /// The exit code. The match names every case, so that a new one has to be decided on.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Settings(_) | Self::Plan(_) | Self::Artifacts(_) => ExitCode::Usage,
            Self::Products(error) => match error {
                ProductsError::NoCargo => ExitCode::Tool,
                ProductsError::Metadata { source, .. } => match source {
                    ProcessError::Interrupted { .. } => ExitCode::Interrupted,
                    ProcessError::NotFound { .. }
                    | ProcessError::Spawn { .. }
                    | ProcessError::TimedOut { .. }
                    | ProcessError::Io { .. } => ExitCode::Tool,
                    ProcessError::Failed { .. } => ExitCode::Usage,
                },
                ProductsError::Answer(_) => ExitCode::Tool,
                ProductsError::Section { .. }
                | ProductsError::WorkspaceSection { .. }
                | ProductsError::Twice { .. }
                | ProductsError::Nothing { .. } => ExitCode::Usage,
            },
            Self::Select(error) => match error {
                SelectError::Git(GitError::NoGit) => ExitCode::Tool,
                SelectError::Git(GitError::NoCommit { .. }) => ExitCode::Usage,
                SelectError::Git(GitError::Failed { source, .. }) => match source {
                    ProcessError::Interrupted { .. } => ExitCode::Interrupted,
                    ProcessError::NotFound { .. }
                    | ProcessError::Spawn { .. }
                    | ProcessError::Failed { .. }
                    | ProcessError::TimedOut { .. }
                    | ProcessError::Io { .. } => ExitCode::Tool,
                },
                SelectError::Git(GitError::Answer { .. }) => ExitCode::Tool,
                SelectError::Tag { .. }
                | SelectError::UnknownGroup { .. }
                | SelectError::NoTag { .. }
                | SelectError::SeveralTags(_)
                | SelectError::NoGroup { .. }
                | SelectError::NoChannel(_)
                | SelectError::Dirty(_)
                | SelectError::NotAtHead { .. }
                | SelectError::Env(_) => ExitCode::Usage,
            },
            Self::Toolchain(error) => match error {
                ToolchainError::Interrupted(_) => ExitCode::Interrupted,
                ToolchainError::Io { .. } => ExitCode::Machine,
                ToolchainError::Missing { .. }
                | ToolchainError::NamedRustc(_)
                | ToolchainError::Install { .. }
                | ToolchainError::NoInstaller { .. }
                | ToolchainError::Broken { .. }
                | ToolchainError::NoTarget { .. }
                | ToolchainError::Ask { .. } => ExitCode::Tool,
            },
            Self::Build(error) => match error {
                BuildError::Process(ProcessError::Interrupted { .. }) => ExitCode::Interrupted,
                BuildError::Process(ProcessError::NotFound { .. }) => ExitCode::Tool,
                BuildError::Process(
                    ProcessError::Spawn { .. }
                    | ProcessError::Failed { .. }
                    | ProcessError::TimedOut { .. }
                    | ProcessError::Io { .. },
                )
                | BuildError::Read { .. } => ExitCode::Machine,
                BuildError::Cargo { .. }
                | BuildError::NoExecutable { .. }
                | BuildError::Inspect { .. }
                | BuildError::WrongPlatform { .. }
                | BuildError::OtherLinker { .. }
                | BuildError::DebugInfo { .. }
                | BuildError::NewGlibc { .. }
                | BuildError::Marker { .. }
                | BuildError::NoAnswer { .. }
                | BuildError::WrongVersion { .. } => ExitCode::Build,
            },
            Self::Dist(error) => match error {
                DistError::Write { .. } | DistError::Read { .. } => ExitCode::Machine,
                DistError::NoRelease { .. }
                | DistError::WhichRelease { .. }
                | DistError::Record { .. }
                | DistError::Artifacts(_) => ExitCode::Usage,
                DistError::Disagree { .. } => ExitCode::Verification,
            },
            Self::Publish(error) => match error {
                PublishError::Older { .. } | PublishError::BackportDate { .. } => ExitCode::Usage,
                PublishError::Conflict { .. }
                | PublishError::Extra { .. }
                | PublishError::Immutable { .. } => ExitCode::Refused,
                PublishError::Altered(_) => ExitCode::Verification,
                PublishError::Client(error) => client_code(error),
            },
            Self::Verify(error) => match error {
                VerifyError::Differences(_) => ExitCode::Verification,
                VerifyError::Client(error) => client_code(error),
            },
            Self::Reproduce(error) => match error {
                ReproduceError::Differs(_)
                | ReproduceError::NotPublished { .. }
                | ReproduceError::OtherLock { .. } => ExitCode::Verification,
                ReproduceError::OtherTool { .. }
                | ReproduceError::OtherVariable { .. }
                | ReproduceError::NoCache => ExitCode::Tool,
                ReproduceError::Record { .. }
                | ReproduceError::Unprovable { .. }
                | ReproduceError::NoCommit { .. } => ExitCode::Usage,
                ReproduceError::Git(ProcessError::Interrupted { .. }) => ExitCode::Interrupted,
                ReproduceError::Git(_) => ExitCode::Tool,
                ReproduceError::Io { .. } => ExitCode::Machine,
            },
            Self::Client(error) => client_code(error),
            Self::Lock(_) | Self::Io { .. } | Self::Output => ExitCode::Machine,
            #[cfg(feature = "hub")]
            Self::Hub(error) => match error {
                hub::HubError::NotInitialized { .. } | hub::HubError::Config(_) => ExitCode::Usage,
                // SQLite is part of this program.
                hub::HubError::SqliteTooOld { .. } => ExitCode::Defect,
                hub::HubError::Locked { .. }
                | hub::HubError::Io { .. }
                | hub::HubError::Database(_)
                | hub::HubError::Migrate(_)
                | hub::HubError::Corrupt { .. }
                | hub::HubError::Random(_)
                | hub::HubError::Listen { .. } => ExitCode::Machine,
            },
            Self::NotReady(_) => ExitCode::Tool,
            Self::Interrupted => ExitCode::Interrupted,
            Self::Defect => ExitCode::Defect,
        }
    }

    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        let groups =
            |groups: &[String]| format!("the groups of this workspace are: {}", groups.join(", "));
        let example = |groups: &[String]| {
            format!("{}-v1.4.0", groups.first().map_or("runner", String::as_str))
        };
        Some(match self {
            Self::Select(error) => match error {
                // Without a workspace nothing is known.
                SelectError::Tag { groups: known, .. } if known.is_empty() => {
                    format!("a tag is <group>-v<SemVer>, such as {}", example(known))
                }
                SelectError::Tag { groups: known, .. } => {
                    format!("a tag is <group>-v<SemVer>, such as {}; {}", example(known), groups(known))
                }
                SelectError::UnknownGroup { groups: known, .. } => groups(known),
                SelectError::NoTag { groups: known } => {
                    format!("name one, such as {}, or use --snapshot; {}", example(known), groups(known))
                }
                SelectError::NoGroup { groups: known } => format!("name one; {}", groups(known)),
                SelectError::SeveralTags(_) => "name the one to release".to_owned(),
                SelectError::NoChannel(_) => "choose one with --channel stable|beta|dev".to_owned(),
                SelectError::Dirty(_) => "commit the files or put them away with git stash --include-untracked, or build them as they are with --allow-dirty".to_owned(),
                SelectError::NotAtHead { tag, at: None, .. } => format!(
                    "make it (git tag {tag}) or fetch it (git fetch --tags), or build HEAD under this tag with --allow-untagged"
                ),
                SelectError::NotAtHead { tag, .. } => format!(
                    "check the tag out (git switch --detach {tag}), or build HEAD under this tag with --allow-untagged"
                ),
                SelectError::Git(GitError::NoGit) => "install git".to_owned(),
                SelectError::Git(GitError::NoCommit { .. }) => {
                    "a release is made of a commit: git init, git add and git commit come first"
                        .to_owned()
                }
                _ => return None,
            },
            Self::Products(ProductsError::NoCargo) => "install Rust: https://rustup.rs".to_owned(),
            Self::Products(ProductsError::Nothing { .. }) => {
                "add [package.metadata.atlas-release] with product, group and bin to a package's Cargo.toml".to_owned()
            }
            Self::Toolchain(
                ToolchainError::Missing { tool: "mold" }
                | ToolchainError::Install { tool: "mold", .. }
                | ToolchainError::NoInstaller { tool: "mold", .. }
                | ToolchainError::Broken { tool: "mold", .. },
            ) => "install a working mold, or link without it: --no-mold".to_owned(),
            Self::Toolchain(ToolchainError::NoTarget { target }) => {
                format!("rustup target add {target}")
            }
            Self::Products(ProductsError::Metadata { .. }) => {
                "run it in a cargo workspace, whose Cargo.toml cargo can read".to_owned()
            }
            Self::Build(BuildError::WrongVersion { .. } | BuildError::NoAnswer { .. }) => {
                "the program has to print its name and the value of ATLAS_BUILD_VERSION for --version; README.md shows how"
                    .to_owned()
            }
            Self::Build(BuildError::Marker { .. }) => {
                "a program for another machine carries its version by build_version::build_info!"
                    .to_owned()
            }
            Self::Build(BuildError::DebugInfo { .. }) => {
                "set debug = 0 and strip = \"debuginfo\" in [profile.release], and no -g in CFLAGS; or ask for debug information there with debug = \"line-tables-only\", \"limited\" or \"full\""
                    .to_owned()
            }
            Self::Build(BuildError::NewGlibc { .. }) => {
                "build on a system with an older glibc, or raise max-glibc in [workspace.metadata.atlas-release]"
                    .to_owned()
            }
            Self::Build(BuildError::Cargo { .. }) => {
                "cargo's own words stand above; it is run with --locked, so Cargo.lock has to be there and up to date"
                    .to_owned()
            }
            Self::Dist(DistError::Disagree { .. }) => {
                "something has been changed since the build: build it again".to_owned()
            }
            Self::Lock(LockError::Held { .. }) => {
                "wait for it, end it, or name other folders with --state-dir, --dist-dir and --target-dir"
                    .to_owned()
            }
            #[cfg(feature = "hub")]
            Self::Hub(hub::HubError::Locked { .. }) => {
                "wait for it or end it, also when it is a `hub serve`; another --state-dir holds another Hub"
                    .to_owned()
            }
            Self::Client(ClientError::Unauthorized { .. })
            | Self::Publish(PublishError::Client(ClientError::Unauthorized { .. })) => {
                "ATLAS_APP_DEPLOY_TOKEN has to hold a deploy token that this Hub has issued and not revoked, atlas_app_…"
                    .to_owned()
            }
            Self::Client(ClientError::BadRequest { .. } | ClientError::NotFound { .. })
            | Self::Publish(PublishError::Client(
                ClientError::BadRequest { .. } | ClientError::NotFound { .. },
            )) => {
                "check the Hub's address; a Hub of your own learns new products by `atlas-hub product add`"
                    .to_owned()
            }
            Self::Verify(VerifyError::Differences(_)) => {
                "compare dist/ with receipt.json and with the Hub: one of them is of another build"
                    .to_owned()
            }
            Self::Reproduce(ReproduceError::OtherTool { .. }) => {
                "install what the record names; bytes depend on compiler and linker".to_owned()
            }
            Self::Reproduce(ReproduceError::OtherVariable { .. }) => {
                "set it as the record does, where that is no secret; bytes depend on it".to_owned()
            }
            Self::Reproduce(ReproduceError::NoCommit { .. }) => {
                "fetch it (git fetch --tags), or run this in a clone that has it".to_owned()
            }
            Self::Reproduce(ReproduceError::NoCache) => {
                "install sccache, or leave --with-cache out".to_owned()
            }
            Self::Settings(SettingsError::NoHub) => {
                "set ATLAS_HUB_URL, or use --local for a Hub on this machine".to_owned()
            }
            Self::Settings(SettingsError::NotInAJob(_)) => {
                "GitHub Actions sets it for every step; elsewhere use --format sh, fish, powershell or json".to_owned()
            }
            Self::NotReady(_) => {
                "`atlas-release setup` installs what can be installed; what doctor says of each tool stands above".to_owned()
            }
            Self::Toolchain(
                ToolchainError::Missing { tool: "lld-link" }
                | ToolchainError::Install { tool: "lld-link", .. }
                | ToolchainError::NoInstaller { tool: "lld-link", .. }
                | ToolchainError::Broken { tool: "lld-link", .. },
            ) => "install LLVM (choco install llvm); lld-link is looked for on PATH and in LLVM\\bin below Program Files".to_owned(),
            Self::Settings(SettingsError::NoToken) => {
                "an administrator of the Hub issues one; README.md shows how".to_owned()
            }
            Self::Publish(PublishError::Older { .. }) => {
                "use --backport to publish it without making it the newest".to_owned()
            }
            Self::Publish(PublishError::Conflict { .. } | PublishError::Immutable { .. }) => {
                "published bytes never change: release a new version, or use `release --snapshot` to publish this commit under a version of its own".to_owned()
            }
            Self::Dist(DistError::WhichRelease { found, .. }) if !found.is_empty() => {
                "name the tag of one of them".to_owned()
            }
            Self::Dist(DistError::NoRelease { .. } | DistError::WhichRelease { .. }) => {
                "build it first, or name another folder with --dist-dir".to_owned()
            }
            #[cfg(feature = "hub")]
            Self::Hub(hub::HubError::NotInitialized { .. }) => {
                "a release with --local and the same --state-dir makes one".to_owned()
            }
            Self::Client(error)
            | Self::Publish(PublishError::Client(error))
            | Self::Verify(VerifyError::Client(error))
                if error.kind() == ErrorKind::Protocol =>
            {
                "that is no Distribution API: check the Hub's address".to_owned()
            }
            error if error.exit_code() == ExitCode::Network => {
                "run the same command again; what is done already is not done twice".to_owned()
            }
            _ => return None,
        })
    }
}

fn client_code(error: &ClientError) -> ExitCode {
    match error.kind() {
        // What was read for the second time is not what was read for the first.
        ErrorKind::Local if matches!(error, ClientError::FileChanged { .. }) => {
            ExitCode::Verification
        }
        // A full storage may be emptied.
        ErrorKind::Refused if is_storage_full(error) => ExitCode::Network,
        ErrorKind::Usage => ExitCode::Usage,
        ErrorKind::Local => ExitCode::Machine,
        // Where it would send us we must not go; that will not pass.
        ErrorKind::Protocol
            if matches!(
                error,
                ClientError::Redirected { .. } | ClientError::Insecure { .. }
            ) =>
        {
            ExitCode::Refused
        }
        ErrorKind::Protocol | ErrorKind::Network => ExitCode::Network,
        ErrorKind::Refused => ExitCode::Refused,
        ErrorKind::Verification => ExitCode::Verification,
    }
}

/// Whether a Hub has said that its storage is full.
pub fn is_storage_full(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Refused { status: 507, .. } | ClientError::UploadNotTaken { status: 507, .. }
    )
}

/// An error with all its causes, in one line each joined by colons.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some libraries repeat their source in their own words.
        if !text.ends_with(&cause_text) {
            text += &format!(": {cause_text}");
        }
        source = cause.source();
    }
    text
}
