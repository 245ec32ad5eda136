//! Deploy tokens: issued, listed and revoked for an administrator.
//!
//! A token's text is shown once. So where it is to go is made ready before it is issued, and when it
//! cannot get there after all, the error says how it is revoked.

mod expiry;
mod place;
mod report;

pub use expiry::Expiry;
pub use place::Place;
pub use report::{Issued, Listed, Revoked, Shown, TokenState, Tokens};

use hub_client::{ClientError, ErrorKind, HubClient, NetworkFault};
use release_types::{AppToken, IssueTokenRequest, IssuedToken, PackId};
use std::path::PathBuf;

/// Why there is no token, or nobody has it.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It would be over before it begins, or no calendar holds it.
    #[error("--expires cannot be used: {0}")]
    Expires(String),
    /// The file is there already.
    #[error("{} is there already, and a token is never written over a file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made.
    #[error("cannot make {}, and no token was issued", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Standard output is closed, or the system's waste bin.
    #[error("standard output leads nowhere, so the token would be lost; none was issued")]
    Discarded,
    /// It was issued, and its text did not arrive.
    #[error("the token {id} was issued, and its text could not be written to {place}")]
    Lost {
        /// What it is revoked by.
        id: String,
        /// Where it was to go.
        place: String,
        /// The command that revokes it.
        revoke: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The Hub gave no answer that says whether it was issued.
    #[error("whether a token was issued is not known, and nobody has its text")]
    Doubtful {
        /// The command that shows it.
        list: String,
        /// What came instead of an answer.
        source: ClientError,
    },
    /// The Hub could not be asked or said no.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl TokenError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Exists { .. } => "name another file, or put that one away".to_owned(),
            Self::Discarded => "pass it on by a pipe, or name a file with --output".to_owned(),
            Self::Lost { revoke, .. } => format!("revoke it, and issue another: {revoke}"),
            Self::Doubtful { list, .. } => {
                format!("look for it and revoke it, and issue another: {list}")
            }
            Self::Client(ClientError::Unauthorized { .. } | ClientError::Forbidden { .. }) => {
                "ATLAS_HUB_ADMIN_TOKEN has to hold the credential of an administrator of this Hub, or, for a pack's tokens, of somebody who looks after the pack"
                    .to_owned()
            }
            Self::Client(ClientError::NotFound { .. }) => {
                "tokens are revoked by the id that `atlas-release token list` shows, with --pack where they are a pack's"
                    .to_owned()
            }
            Self::Expires(_) | Self::Create { .. } | Self::Client(_) => return None,
        })
    }
}

/// Whose tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The Hub's: they publish releases.
    Hub,
    /// A pack's: they publish its builds.
    Pack(PackId),
}

impl Owner {
    /// The pack, if they are a pack's.
    pub fn pack(&self) -> Option<&PackId> {
        match self {
            Self::Hub => None,
            Self::Pack(pack) => Some(pack),
        }
    }

    /// The command that does something with these tokens.
    fn command(&self, client: &HubClient, words: &[&str]) -> String {
        let mut command = process::Command::new("atlas-release").args(["token"]);
        command = command.args(words);
        if let Self::Pack(pack) = self {
            command = command.args(["--pack", pack.as_str()]);
        }
        let hub = client.hub().to_string();
        command.args(["--hub-url", &hub]).to_string()
    }

    /// The command that revokes a token.
    pub fn revoke_command(&self, client: &HubClient, id: &str) -> String {
        self.command(client, &["revoke", id])
    }
}

/// Issues a token. The call is made once.
///
/// # Errors
/// When the Hub refuses or cannot be reached; where that leaves open whether there is a token, the
/// error says so.
pub async fn issue(
    client: &HubClient,
    owner: &Owner,
    request: &IssueTokenRequest,
) -> Result<IssuedToken, TokenError> {
    let issued = match owner {
        Owner::Hub => client.issue_app_token(request).await,
        Owner::Pack(pack) => client.issue_pack_token(pack, request).await,
    };
    issued.map_err(|source| match is_doubtful(&source) {
        true => TokenError::Doubtful {
            list: owner.command(client, &["list"]),
            source,
        },
        false => source.into(),
    })
}

/// All tokens, revoked ones included.
///
/// # Errors
/// When the Hub refuses or cannot be reached.
pub async fn list(client: &HubClient, owner: &Owner) -> Result<Vec<AppToken>, TokenError> {
    Ok(match owner {
        Owner::Hub => client.list_app_tokens().await?,
        Owner::Pack(pack) => client.list_pack_tokens(pack).await?,
    })
}

/// Revokes a token by its id. Since when it is revoked.
///
/// # Errors
/// When the Hub refuses, has no such token, or cannot be reached.
pub async fn revoke(
    client: &HubClient,
    owner: &Owner,
    id: &str,
) -> Result<jiff::Timestamp, TokenError> {
    let revoked = match owner {
        Owner::Hub => client.revoke_app_token(id).await?,
        Owner::Pack(pack) => client.revoke_pack_token(pack, id).await?,
    };
    Ok(revoked.revoked_at)
}

/// Whether a call that failed may have been acted on all the same.
pub(crate) fn is_doubtful(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { fault, .. } => {
            !matches!(fault, NetworkFault::Connect | NetworkFault::Dns)
        }
        ClientError::RateLimited { .. } => false,
        ClientError::UnexpectedAnswer { .. } => true,
        error => error.kind() == ErrorKind::Network,
    }
}
