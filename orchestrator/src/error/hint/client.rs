//! What a client of Hubs has run into, whatever it was for.

use super::super::Error;
use crate::channels::ChannelsError;
use crate::pack::PackError;
use crate::publish::PublishError;
use crate::reproduce::ReproduceError;
use crate::tokens::TokenError;
use crate::verify::VerifyError;
use hub_client::ClientError;

/// What to do where a job gets no ID token: the Hub has no part in it yet.
pub const NO_ID_TOKEN: &str = "GitHub gives ID tokens at ACTIONS_ID_TOKEN_REQUEST_URL, to jobs with `permissions: { id-token: write }`, and none to forks; look whether this runner reaches that address. With ATLAS_APP_DEPLOY_TOKEN (for a pack ATLAS_PACK_DEPLOY_TOKEN) none is needed";

impl Error {
    /// What a client said.
    pub(super) fn of_client(&self) -> Option<&ClientError> {
        match self {
            Self::Client(error)
            | Self::Publish(PublishError::Client(error))
            | Self::Verify(VerifyError::Client(error))
            | Self::Reproduce(ReproduceError::Client(error))
            | Self::Pack(PackError::Client(error) | PackError::Doubtful { source: error, .. })
            | Self::Token(TokenError::Client(error) | TokenError::Doubtful { source: error, .. })
            | Self::Channels(
                ChannelsError::Client(error) | ChannelsError::Unfinished { source: error, .. },
            ) => Some(error),
            _ => None,
        }
    }
}
