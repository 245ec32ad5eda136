//! What a run was asked to do, from flags, environment and the workspace, checked once.

mod certificates;

pub use certificates::certificates;

use crate::artifacts::read_text;
use crate::context::World;
use crate::error::NO_ID_TOKEN;
use crate::state::{self, NoStateDir};
use crate::toolchain::Wanted;
use hub_client::{ClientError, HubUrl, HubUrlError, JobIdentity};
use process::NotUtf8;
use release_types::{Channel, Platform, UnknownName};
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// The Hub's address.
pub const HUB_URL_VAR: &str = "ATLAS_HUB_URL";

/// The credential to publish with.
pub const DEPLOY_TOKEN_VAR: &str = "ATLAS_APP_DEPLOY_TOKEN";

/// The credential that a pack's builds are published with.
pub const PACK_TOKEN_VAR: &str = "ATLAS_PACK_DEPLOY_TOKEN";

/// Where a job of GitHub Actions asks for ID tokens, and what it shows there. They are set where it has the
/// permission `id-token: write`.
const ID_TOKEN_URL_VAR: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const ID_TOKEN_SECRET_VAR: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// For whom those are meant, where that is not the address that the Hub is reached by.
const AUDIENCE_VAR: &str = "ATLAS_OIDC_AUDIENCE";

/// The channel of releases, for every command of a job that makes or reads one.
pub const CHANNEL_VAR: &str = "ATLAS_CHANNEL";

/// Whether an older version than the channel's newest is meant, for every command of a job that publishes.
pub const BACKPORT_VAR: &str = "ATLAS_BACKPORT";

/// What a run publishes with.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A token that somebody has set.
    Token(SecretString),
    /// What this job proves to be.
    Job(JobIdentity),
}

/// The credential of an administrator, for tokens.
pub const ADMIN_TOKEN_VAR: &str = "ATLAS_HUB_ADMIN_TOKEN";

/// Which Hub a run talks to.
#[derive(Debug, Clone)]
pub enum HubChoice {
    /// The embedded one, started for this run.
    Local,
    /// One that is running somewhere.
    Remote(HubUrl),
}

/// The longest release notes, in bytes. They travel with the list of files in one request, which
/// a Hub reads up to a bound.
const NOTES_LIMIT: u64 = 256 * 1024;

/// How a build is made.
#[derive(Debug, Clone)]
pub struct BuildSettings {
    /// What to build for.
    pub target: Platform,
    /// Cargo's target directory, when it is not to be the workspace's own.
    pub target_dir: Option<PathBuf>,
    /// The tools to use.
    pub wanted: Wanted,
    /// Whether installers are made where products have some.
    pub installers: bool,
    /// Whether programs hold the list of their packages, where that is not the workspace's to say.
    pub auditable: Option<bool>,
    /// Whether programs get the documents that the workspace asks for.
    pub documents: bool,
}

/// How a release is published.
#[derive(Debug, Clone, Default)]
pub struct PublishSettings {
    /// Release notes.
    pub notes: Option<String>,
    /// When the release counts as published; this machine's clock when absent.
    pub published_at: Option<jiff::Timestamp>,
    /// Publish although the channel has a newer version, without becoming its latest.
    pub backport: bool,
    /// How many uploads run side by side.
    pub uploads: usize,
    /// How many files are read back side by side.
    pub read_backs: usize,
}

/// A setting that is missing or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No Hub was named.
    #[error("no Hub was named: neither --hub-url, ATLAS_HUB_URL nor --local is given")]
    NoHub,
    /// The Hub's address cannot be used.
    #[error("the Hub's address cannot be used")]
    HubUrl(#[from] HubUrlError),
    /// No credential to publish with.
    #[error("there is no credential to publish with: {DEPLOY_TOKEN_VAR} is not set")]
    NoToken,
    /// No credential to publish with, and none for this job.
    #[error(
        "there is no credential to publish with: {DEPLOY_TOKEN_VAR} is not set, and {host} gives none to jobs"
    )]
    NoTrust {
        /// The Hub.
        host: String,
    },
    /// No credential to publish builds with.
    #[error("there is no credential to publish builds with: {PACK_TOKEN_VAR} is not set")]
    NoPackToken,
    /// No credential to manage tokens with.
    #[error("there is no credential to manage tokens with: {ADMIN_TOKEN_VAR} is not set")]
    NoAdminToken,
    /// What GitHub says of where a job gets ID tokens cannot be used.
    #[error("this job cannot ask for an ID token")]
    Job(#[source] ClientError),
    /// A variable is no text.
    #[error(transparent)]
    Env(#[from] NotUtf8),
    /// There is no folder for state.
    #[error(transparent)]
    NoStateDir(#[from] NoStateDir),
    /// A variable names no channel.
    #[error("{CHANNEL_VAR} cannot be used")]
    Channel(#[source] UnknownName),
    /// The file with the notes cannot be read.
    #[error("cannot read the notes from {}", path.display())]
    Notes {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The record of a build cannot be read.
    #[error("cannot read the record {}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// cargo's folder is not known, and its path would stand in the programs.
    #[error("neither CARGO_HOME nor HOME says where cargo keeps its files")]
    NoCargoHome,
    /// This program was built without the embedded Hub.
    #[error("this atlas-release was built without the embedded Hub")]
    NoEmbeddedHub,
    /// What should hold trusted certificates cannot be read to its end.
    #[error("{variable} leads to {}, which holds no certificates", path.display())]
    Certificates {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What it is.
        source: std::io::Error,
    },
    /// A flag that does not go with the others.
    #[error("{0}")]
    Flags(String),
}

impl SettingsError {
    /// What to do about it, where that is for these settings alone.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Job(_) => NO_ID_TOKEN,
            Self::NoTrust { .. } => {
                "set ATLAS_APP_DEPLOY_TOKEN to a deploy token of this Hub; it does not know trusted publishing"
            }
            Self::NoPackToken => {
                "whoever looks after the pack issues one: atlas-release token issue --pack ID"
            }
            Self::NoAdminToken => {
                "it is what `atlas-hub init` and `atlas-hub user add` print once; set it for this command alone"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// The Hub that flags or environment name.
///
/// # Errors
/// When none is named or its address cannot be used.
pub fn hub(world: &World, local: bool, url: Option<&str>) -> Result<HubChoice, SettingsError> {
    if local {
        return Ok(HubChoice::Local);
    }
    let url = match url {
        Some(url) => Some(url),
        // A workflow hands a secret that it has not over as an empty text.
        None => world
            .env
            .text(HUB_URL_VAR)?
            .filter(|text| !text.trim().is_empty()),
    };
    Ok(HubChoice::Remote(HubUrl::parse(
        url.ok_or(SettingsError::NoHub)?,
    )?))
}

/// The channel that a flag names, or the environment; nothing where neither does.
///
/// # Errors
/// When the variable names none.
pub fn channel(world: &World, named: Option<Channel>) -> Result<Option<Channel>, SettingsError> {
    if named.is_some() {
        return Ok(named);
    }
    let text = world.env.text(CHANNEL_VAR)?.map(str::trim);
    // A workflow hands an input that nobody gave over as an empty text.
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(SettingsError::Channel))
        .transpose()
}

/// Whether a release may be older than the channel's newest, by a flag or the environment.
///
/// # Errors
/// When the variable says neither.
pub fn backport(world: &World, flag: bool) -> Result<bool, SettingsError> {
    let text = world.env.text(BACKPORT_VAR)?.map(str::trim);
    match text.unwrap_or_default() {
        "true" => Ok(true),
        "" | "false" => Ok(flag),
        _ => Err(SettingsError::Flags(format!(
            "{BACKPORT_VAR} has to be `true` or `false`"
        ))),
    }
}

/// The credential to publish with, from the environment alone: a token where one is set, or this job.
///
/// # Errors
/// When there is none.
pub fn deploy_token(world: &World) -> Result<Credential, SettingsError> {
    match secret(world, DEPLOY_TOKEN_VAR)? {
        Some(token) => Ok(Credential::Token(token)),
        None => job(world)?
            .map(Credential::Job)
            .ok_or(SettingsError::NoToken),
    }
}

/// The credential that a pack's builds are published with, in the same way.
///
/// # Errors
/// When there is none.
pub fn pack_token(world: &World) -> Result<Credential, SettingsError> {
    match secret(world, PACK_TOKEN_VAR)? {
        Some(token) => Ok(Credential::Token(token)),
        None => job(world)?
            .map(Credential::Job)
            .ok_or(SettingsError::NoPackToken),
    }
}

/// This job, where it is one of GitHub Actions that may ask for ID tokens.
fn job(world: &World) -> Result<Option<JobIdentity>, SettingsError> {
    let url = world.env.text(ID_TOKEN_URL_VAR)?;
    let url = url.filter(|url| !url.trim().is_empty());
    let Some((url, token)) = url.zip(secret(world, ID_TOKEN_SECRET_VAR)?) else {
        return Ok(None);
    };
    let audience = world.env.text(AUDIENCE_VAR)?.map(str::trim);
    let audience = audience.filter(|text| !text.is_empty());
    let job = JobIdentity::new(url, &token).map_err(SettingsError::Job)?;
    Ok(Some(job.audience(audience.map(str::to_owned))))
}

/// The credential of an administrator, from the environment alone.
///
/// # Errors
/// When there is none.
pub fn admin_token(world: &World) -> Result<SecretString, SettingsError> {
    secret(world, ADMIN_TOKEN_VAR)?.ok_or(SettingsError::NoAdminToken)
}

fn secret(world: &World, name: &str) -> Result<Option<SecretString>, SettingsError> {
    let text = world.env.text(name)?.map(str::trim);
    let text = text.filter(|text| !text.is_empty());
    Ok(text.map(|text| SecretString::from(text.to_owned())))
}

/// The state folder that a flag names, or the platform's own.
///
/// # Errors
/// When there is none.
pub fn state_dir(world: &World, flag: Option<&Path>) -> Result<PathBuf, SettingsError> {
    Ok(match flag {
        Some(dir) => world.absolute(dir),
        None => state::default_dir(world.host.os, &world.env)?,
    })
}

/// The notes that a flag holds or names a file of.
///
/// # Errors
/// When the file cannot be read.
pub fn notes(
    world: &World,
    text: Option<String>,
    file: Option<&Path>,
) -> Result<Option<String>, SettingsError> {
    let text = match file {
        None => text,
        Some(file) => {
            let path = world.absolute(file);
            match read_text(&path, NOTES_LIMIT) {
                Ok(text) => Some(text),
                Err(source) => return Err(SettingsError::Notes { path, source }),
            }
        }
    };
    match text {
        Some(text) if text.len() as u64 > NOTES_LIMIT => Err(SettingsError::Flags(format!(
            "the notes are longer than {NOTES_LIMIT} bytes"
        ))),
        text => Ok(text),
    }
}
