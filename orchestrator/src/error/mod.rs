//! What can go wrong, in one place. The exit code for each case and what to do about it stand in
//! files of their own.

mod code;
mod hint;

pub use hint::NO_ID_TOKEN;

use crate::artifacts::ArtifactError;
use crate::build::BuildError;
use crate::bundle::BundleError;
use crate::channels::ChannelsError;
use crate::code_sign::CodeSignError;
use crate::dist::DistError;
use crate::doctor::Lacking;
use crate::documents::{DocumentError, ProvenanceError};
use crate::github_action::ActionError;
use crate::github_release::GithubReleaseError;
use crate::installers::InstallerError;
use crate::job_env::JobEnvError;
use crate::lock::LockError;
use crate::manifest::ManifestsError;
use crate::pack::PackError;
use crate::plan::PlanError;
use crate::products::ProductsError;
use crate::publish::PublishError;
use crate::reproduce::ReproduceError;
use crate::select::SelectError;
use crate::settings::SettingsError;
use crate::sign::SignError;
use crate::tokens::TokenError;
use crate::toolchain::ToolchainError;
use crate::verify::VerifyError;
use crate::workflows::WorkflowsError;
use hub_client::{AnswerProblem, ClientError};
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
    /// Signing failed, or a signature is missing or not good.
    Signing = 5,
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
    Bundle(BundleError),
    #[error(transparent)]
    Installers(#[from] InstallerError),
    #[error(transparent)]
    Documents(#[from] DocumentError),
    #[error(transparent)]
    Dist(#[from] DistError),
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    #[error(transparent)]
    Manifests(#[from] ManifestsError),
    #[error(transparent)]
    CodeSign(#[from] CodeSignError),
    #[error(transparent)]
    Sign(SignError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Of files that a manifest names, where what to do is something else.
    #[error(transparent)]
    PublishManifest(PublishError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Reproduce(#[from] ReproduceError),
    #[error(transparent)]
    Provenance(ProvenanceError),
    #[error(transparent)]
    JobEnv(#[from] JobEnvError),
    #[error(transparent)]
    Action(#[from] ActionError),
    #[error(transparent)]
    Workflows(#[from] WorkflowsError),
    #[error(transparent)]
    Channels(ChannelsError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    GithubRelease(#[from] GithubReleaseError),
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
    #[error("this machine lacks what releases need: {}", Lacking::names(.0))]
    NotReady(Vec<Lacking>),
    #[error("interrupted")]
    Interrupted,
    #[error("atlas-release itself failed; please report what stands above")]
    Defect,
}

impl From<ChannelsError> for Error {
    /// What the Hub says to calls that others make too means what it means there.
    fn from(error: ChannelsError) -> Self {
        match error {
            ChannelsError::Client(error) => Self::Client(error),
            error => Self::Channels(error),
        }
    }
}

impl From<ProvenanceError> for Error {
    /// What the Hub says to calls that others make too means what it means there.
    fn from(error: ProvenanceError) -> Self {
        match error {
            ProvenanceError::Client(error) => Self::Client(error),
            error => Self::Provenance(error),
        }
    }
}

impl From<BundleError> for Error {
    /// What is wrong with files is so however their manifest comes about.
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Manifest(error) => Self::Manifests(error),
            error => Self::Bundle(error),
        }
    }
}

impl From<SignError> for Error {
    /// What is wrong with staged files is so for whoever reads them.
    fn from(error: SignError) -> Self {
        match error {
            SignError::Dist(error) => Self::Dist(error),
            SignError::Artifacts(error) => Self::Artifacts(error),
            SignError::Manifests(error) => Self::Manifests(error),
            SignError::Products(error) => Self::Products(error),
            SignError::Client(error) => Self::Client(error),
            SignError::Interrupted => Self::Interrupted,
            error => Self::Sign(error),
        }
    }
}

/// Whether a Hub has said that its storage is full.
pub fn is_storage_full(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Refused { status: 507, .. } | ClientError::UploadNotTaken { status: 507, .. }
    )
}

/// What to do about an answer that is none of the contract's.
fn of_protocol(error: &ClientError) -> &'static str {
    match error {
        ClientError::UnexpectedAnswer {
            problem: AnswerProblem::Unusable(_),
            ..
        } => "whoever runs the Hub has to look at it: it should never answer so",
        _ => "that is no Distribution API: check the Hub's address",
    }
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
