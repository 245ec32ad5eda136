//! Which exit code each failure has.

mod signing;

use super::{Error, ExitCode, is_storage_full};
use crate::artifacts::ArtifactError;
use crate::build::BuildError;
use crate::bundle::BundleError;
use crate::channels::ChannelsError;
use crate::dist::DistError;
use crate::documents::{DocumentError, ProvenanceError};
use crate::git::GitError;
use crate::github_release::GithubReleaseError;
use crate::installers::InstallerError;
use crate::job_env::JobEnvError;
use crate::manifest::ManifestsError;
use crate::pack::PackError;
use crate::products::ProductsError;
use crate::publish::PublishError;
use crate::reproduce::ReproduceError;
use crate::select::SelectError;
use crate::tokens::TokenError;
use crate::toolchain::ToolchainError;
use crate::verify::VerifyError;
use crate::workflows::WorkflowsError;
use hub_client::{ClientError, ErrorKind};
use packages::PackageError;
use process::ProcessError;
use signing::{code_sign_code, sign_code};

impl Error {
    /// The exit code. The match names every case, so that a new one has to be decided on.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Settings(_) | Self::Plan(_) | Self::Action(_) => ExitCode::Usage,
            Self::Artifacts(error) => artifact_code(error),
            Self::Products(error) => match error {
                ProductsError::NoCargo | ProductsError::NoToolchain(_) => ExitCode::Tool,
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
                | ProductsError::Manifest { .. }
                | ProductsError::Twice { .. }
                | ProductsError::Nothing { .. } => ExitCode::Usage,
            },
            Self::Select(error) => match error {
                SelectError::Git(GitError::NoGit) => ExitCode::Tool,
                SelectError::Git(
                    GitError::NoCommit { .. } | GitError::Owner { .. } | GitError::OtherTree { .. },
                ) => ExitCode::Usage,
                SelectError::Git(GitError::Io { .. }) => ExitCode::Machine,
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
                | SelectError::Dirty { .. }
                | SelectError::Changed(_)
                | SelectError::OtherHead { .. }
                | SelectError::NotAtHead { .. }
                | SelectError::Env(_) => ExitCode::Usage,
            },
            Self::Toolchain(error) => toolchain_code(error),
            Self::Build(error) => match error {
                BuildError::Process(ProcessError::Interrupted { .. }) => ExitCode::Interrupted,
                BuildError::Process(
                    ProcessError::NotFound { .. }
                    | ProcessError::Spawn { .. }
                    | ProcessError::Failed { .. }
                    | ProcessError::TimedOut { .. },
                ) => ExitCode::Tool,
                BuildError::Process(ProcessError::Io { .. }) => ExitCode::Machine,
                // A program that cargo has named and nobody has written.
                BuildError::Read { source, .. }
                    if source.kind() == std::io::ErrorKind::NotFound =>
                {
                    ExitCode::Build
                }
                BuildError::Read { .. } | BuildError::Write { .. } => ExitCode::Machine,
                BuildError::Temporary(error) => toolchain_code(error),
                BuildError::Cargo { .. }
                | BuildError::Tree { .. }
                | BuildError::Dependencies(_)
                | BuildError::List { .. }
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
            Self::Bundle(error) => bundle_code(error),
            Self::Installers(error) => match error {
                InstallerError::Process(ProcessError::Interrupted { .. }) => ExitCode::Interrupted,
                InstallerError::NoTool { .. } | InstallerError::Process(_) => ExitCode::Tool,
                InstallerError::Extra { .. } | InstallerError::Unfit { .. } => ExitCode::Build,
                InstallerError::Temporary(error) => toolchain_code(error),
                InstallerError::Io { .. } => ExitCode::Machine,
                InstallerError::Package { source, .. } => match source {
                    PackageError::Unfit { .. } => ExitCode::Usage,
                    PackageError::Io { .. } | PackageError::Rpm { .. } => ExitCode::Machine,
                },
            },
            Self::Documents(error) => document_code(error),
            Self::Dist(error) => match error {
                DistError::Document(error) => document_code(error),
                DistError::Write { .. } | DistError::Read { .. } => ExitCode::Machine,
                DistError::NoRelease { .. }
                | DistError::WhichRelease { .. }
                | DistError::Twice { .. }
                | DistError::Unrecorded { .. }
                | DistError::Record { .. } => ExitCode::Usage,
                DistError::Artifacts(error) => artifact_code(error),
                DistError::Disagree { .. } => ExitCode::Verification,
            },
            Self::Manifests(error) => match error {
                ManifestsError::Read { .. }
                | ManifestsError::Rows { .. }
                | ManifestsError::Wrong { .. }
                | ManifestsError::Faults { .. }
                | ManifestsError::Nothing { .. }
                | ManifestsError::Taken { .. }
                | ManifestsError::Missing { .. }
                | ManifestsError::TooLong { .. }
                | ManifestsError::UnknownBin(_) => ExitCode::Usage,
                ManifestsError::Write { .. } => ExitCode::Machine,
            },
            Self::CodeSign(error) => code_sign_code(error),
            Self::Sign(error) => sign_code(error),
            Self::Publish(error) | Self::PublishManifest(error) => match error {
                PublishError::Older { .. } | PublishError::BackportDate { .. } => ExitCode::Usage,
                PublishError::Conflict { .. }
                | PublishError::Extra { .. }
                | PublishError::Immutable { .. }
                | PublishError::Incomplete { .. } => ExitCode::Refused,
                PublishError::NoDrafts { .. } => ExitCode::Usage,
                PublishError::Clock { .. } | PublishError::Journal(_) => ExitCode::Machine,
                PublishError::Altered(_) | PublishError::NoFiles { .. } => ExitCode::Verification,
                PublishError::Client(error) => client_code(error),
            },
            Self::Verify(error) => match error {
                VerifyError::Differences { .. } => ExitCode::Verification,
                VerifyError::NotFound { .. } => ExitCode::Refused,
                VerifyError::Client(error) => client_code(error),
            },
            Self::Reproduce(error) => match error {
                ReproduceError::Differs(_)
                | ReproduceError::NotPublished { .. }
                | ReproduceError::OtherCommit { .. }
                | ReproduceError::OtherLock { .. } => ExitCode::Verification,
                ReproduceError::OtherTool { .. }
                | ReproduceError::OtherVariable { .. }
                | ReproduceError::NoSccache(_)
                | ReproduceError::NoCache => ExitCode::Tool,
                ReproduceError::Record { .. }
                | ReproduceError::Unprovable { .. }
                | ReproduceError::NoLeave(_)
                | ReproduceError::NoCommit { .. }
                | ReproduceError::Incomplete { .. }
                | ReproduceError::Owner { .. }
                | ReproduceError::Outside { .. }
                | ReproduceError::NoSubmodule { .. } => ExitCode::Usage,
                ReproduceError::Client(error) => client_code(error),
                ReproduceError::Git(ProcessError::Interrupted { .. }) => ExitCode::Interrupted,
                ReproduceError::Git(_) => ExitCode::Tool,
                ReproduceError::Io { .. } => ExitCode::Machine,
            },
            Self::Provenance(error) => match error {
                ProvenanceError::Unproven { .. } => ExitCode::Verification,
                ProvenanceError::Client(error) => client_code(error),
            },
            Self::JobEnv(error) => match error {
                JobEnvError::NotInAJob(_) => ExitCode::Usage,
                JobEnvError::Io { .. } => ExitCode::Machine,
            },
            Self::Workflows(error) => match error {
                WorkflowsError::Drift(_)
                | WorkflowsError::Stale(_)
                | WorkflowsError::NoAction
                | WorkflowsError::NotTop { .. }
                | WorkflowsError::Folder { .. }
                | WorkflowsError::NoRunner(_)
                | WorkflowsError::NotOurs { .. }
                | WorkflowsError::Link { .. }
                | WorkflowsError::Marks { .. }
                | WorkflowsError::NoPlace { .. } => ExitCode::Usage,
                WorkflowsError::NoKey(_) => ExitCode::Signing,
                WorkflowsError::Read { .. } | WorkflowsError::Write { .. } => ExitCode::Machine,
            },
            Self::Channels(error) => match error {
                ChannelsError::SameChannel(_)
                | ChannelsError::NoHistory
                | ChannelsError::WhichGroup { .. }
                | ChannelsError::NoGroup { .. } => ExitCode::Usage,
                ChannelsError::NotThere { .. }
                | ChannelsError::TakenBack { .. }
                | ChannelsError::InTheWay { .. }
                | ChannelsError::NoKey { .. }
                | ChannelsError::CannotYank
                | ChannelsError::NothingBefore { .. }
                | ChannelsError::Empty { .. } => ExitCode::Refused,
                ChannelsError::Differences { .. } => ExitCode::Verification,
                ChannelsError::Unfinished { source, .. } | ChannelsError::Client(source) => {
                    client_code(source)
                }
            },
            Self::Token(error) => match error {
                TokenError::Expires(_) | TokenError::Exists { .. } => ExitCode::Usage,
                TokenError::Create { .. } | TokenError::Discarded | TokenError::Lost { .. } => {
                    ExitCode::Machine
                }
                TokenError::Doubtful { source, .. } | TokenError::Client(source) => {
                    client_code(source)
                }
            },
            Self::Pack(error) => match error {
                PackError::Read { .. } | PackError::Empty { .. } => ExitCode::Usage,
                PackError::Doubtful { source, .. } | PackError::Client(source) => {
                    client_code(source)
                }
            },
            Self::GithubRelease(error) => github_release_code(error),
            Self::Client(error) => client_code(error),
            Self::Lock(_) | Self::Io { .. } | Self::Output => ExitCode::Machine,
            #[cfg(feature = "hub")]
            Self::Hub(error) => match error {
                hub::HubError::NotInitialized { .. } | hub::HubError::Config(_) => ExitCode::Usage,
                // SQLite is part of this program.
                hub::HubError::SqliteTooOld { .. } | hub::HubError::Task(_) => ExitCode::Defect,
                hub::HubError::Locked { .. }
                | hub::HubError::Io { .. }
                | hub::HubError::Bucket { .. }
                | hub::HubError::Database(_)
                | hub::HubError::Migrate(_)
                | hub::HubError::Corrupt { .. }
                | hub::HubError::StillReading
                | hub::HubError::Random(_)
                | hub::HubError::Listen { .. } => ExitCode::Machine,
            },
            Self::NotReady(_) => ExitCode::Tool,
            Self::Interrupted => ExitCode::Interrupted,
            Self::Defect => ExitCode::Defect,
        }
    }
}

/// Of files that a manifest names.
fn artifact_code(error: &ArtifactError) -> ExitCode {
    match error {
        ArtifactError::NoSignature { .. } => ExitCode::Signing,
        ArtifactError::Read { .. }
        | ArtifactError::Row { .. }
        | ArtifactError::File { .. }
        | ArtifactError::Unfit { .. }
        | ArtifactError::OtherVersion { .. }
        | ArtifactError::Key { .. } => ExitCode::Usage,
    }
}

/// Of documents about files.
fn document_code(error: &DocumentError) -> ExitCode {
    match error {
        DocumentError::Read { .. } => ExitCode::Machine,
        DocumentError::Name(_) => ExitCode::Usage,
        DocumentError::Write { .. } | DocumentError::Unknown(_) | DocumentError::Sbom { .. } => {
            ExitCode::Defect
        }
    }
}

/// Of bundles.
fn bundle_code(error: &BundleError) -> ExitCode {
    match error {
        BundleError::NoTauri { .. } | BundleError::NoProgram { .. } => ExitCode::Tool,
        BundleError::Process(ProcessError::Interrupted { .. }) => ExitCode::Interrupted,
        BundleError::Process(ProcessError::Io { .. }) => ExitCode::Machine,
        BundleError::Process(
            ProcessError::NotFound { .. }
            | ProcessError::Spawn { .. }
            | ProcessError::Failed { .. }
            | ProcessError::TimedOut { .. },
        ) => ExitCode::Tool,
        BundleError::Failed { .. }
        | BundleError::Nothing { .. }
        | BundleError::OtherVersion { .. }
        | BundleError::Unsure { .. }
        | BundleError::SameName { .. }
        | BundleError::OtherPlatform { .. } => ExitCode::Build,
        // It is told as what it is.
        BundleError::Manifest(_) | BundleError::Read { .. } => ExitCode::Machine,
        BundleError::NoCommand { .. }
        | BundleError::Path(_)
        | BundleError::Name { .. }
        | BundleError::Key { .. } => ExitCode::Usage,
    }
}

/// Of a toolchain that cannot be used.
fn toolchain_code(error: &ToolchainError) -> ExitCode {
    match error {
        ToolchainError::Interrupted(_) => ExitCode::Interrupted,
        ToolchainError::Io { .. } | ToolchainError::NoPrograms { .. } => ExitCode::Machine,
        ToolchainError::Missing { .. }
        | ToolchainError::NamedRustc(_)
        | ToolchainError::Install { .. }
        | ToolchainError::NoInstaller { .. }
        | ToolchainError::Broken { .. }
        | ToolchainError::NoToolchain(_)
        | ToolchainError::NoTarget { .. }
        | ToolchainError::Ask { .. } => ExitCode::Tool,
    }
}

/// Of a release that is not on GitHub.
fn github_release_code(error: &GithubReleaseError) -> ExitCode {
    match error {
        GithubReleaseError::NoRepository
        | GithubReleaseError::Repository(_)
        | GithubReleaseError::Api(_)
        | GithubReleaseError::NoToken
        | GithubReleaseError::Token
        | GithubReleaseError::NoTag
        | GithubReleaseError::NoTagNamed
        | GithubReleaseError::Changelog { .. }
        | GithubReleaseError::NoNotes { .. }
        | GithubReleaseError::LongNotes { .. }
        | GithubReleaseError::SameName { .. }
        | GithubReleaseError::Name(_)
        | GithubReleaseError::TooLarge { .. }
        | GithubReleaseError::TooMany { .. }
        | GithubReleaseError::NeverLatest(_)
        | GithubReleaseError::Renamed { .. } => ExitCode::Usage,
        GithubReleaseError::Write { .. } => ExitCode::Machine,
        GithubReleaseError::Incomplete { .. }
        | GithubReleaseError::Unseen(_)
        | GithubReleaseError::NoSuchTag { .. }
        | GithubReleaseError::OtherCommit { .. }
        | GithubReleaseError::SeveralDrafts { .. }
        | GithubReleaseError::Conflict { .. } => ExitCode::Refused,
        GithubReleaseError::Altered { .. } => ExitCode::Verification,
        GithubReleaseError::Unsettled { .. } => ExitCode::Network,
        GithubReleaseError::Client(error) => client_code(error),
    }
}

fn client_code(error: &ClientError) -> ExitCode {
    if let ClientError::NoIdToken(error) = error {
        return client_code(error);
    }
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
