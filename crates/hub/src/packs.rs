//! What a Hub's owner and its HTTP side do with users, deploy tokens and packs.

use crate::catalogue::{Completed, Completion};
use crate::hub::IssuedAppToken;
use crate::roster::{Earlier, Roster, RosterError};
use crate::storage::Presence;
use crate::token::{NewToken, TokenKind};
use crate::{Hub, HubError};
use jiff::Timestamp;
use release_types::{AppToken, PackId, UserRole};
use secrecy::SecretString;

impl Hub {
    /// Users and packs of this Hub.
    pub fn roster(&self) -> Roster {
        Roster::within(self.catalogue().clone(), self.clock().clone())
    }

    /// Issues a credential to an administrator, who is added where there is none of this name; it
    /// is shown this once.
    ///
    /// # Errors
    /// [`HubError::Config`] when nobody can be an administrator by this name; when the database
    /// fails, or there is no randomness.
    pub async fn add_admin(&self, name: &str) -> Result<SecretString, HubError> {
        let config = |error: &dyn std::fmt::Display| HubError::Config(error.to_string());
        let name = name.parse().map_err(|error| config(&error))?;
        let roster = self.roster();
        let added = match roster.add_user(&name, UserRole::Admin, None).await {
            Err(RosterError::UserExists(_)) => {
                let users = roster.users().await.map_err(|error| config(&error))?;
                let same = users.iter().find(|user| user.name == name.as_str());
                if same.is_some_and(|user| user.role != UserRole::Admin) {
                    return Err(config(&format!("the user {name} is no administrator")));
                }
                roster.issue_credential(&name, None, Earlier::Keep).await
            }
            added => added,
        };
        added.map_err(|error| match error {
            RosterError::Hub(error) => error,
            other => config(&other),
        })
    }

    /// Issues a token for release automation.
    ///
    /// # Errors
    /// When the database fails, or there is no randomness.
    pub async fn issue_app_token(
        &self,
        name: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> Result<IssuedAppToken, HubError> {
        self.issue_deploy_token(None, (name, expires_at), None)
            .await
    }

    /// Revokes an app token by its record's `id`, at once and for ever. Since when it is revoked,
    /// or nothing where there is no such token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_app_token(&self, id: &str) -> Result<Option<Timestamp>, HubError> {
        self.revoke_deploy_token(None, id).await
    }

    /// All app tokens ever issued, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn app_tokens(&self) -> Result<Vec<AppToken>, HubError> {
        self.catalogue().deploy_tokens(None).await
    }

    /// Issues a token for release automation, or for a pack's; who asks for it is a user of this id.
    pub(crate) async fn issue_deploy_token(
        &self,
        pack: Option<&PackId>,
        called: (Option<&str>, Option<Timestamp>),
        issued_by: Option<&str>,
    ) -> Result<IssuedAppToken, HubError> {
        let kind = match pack {
            Some(_) => TokenKind::Pack,
            None => TokenKind::App,
        };
        let drawn = NewToken::draw(kind)?;
        let record = self
            .catalogue()
            .add_deploy_token(pack, called, issued_by, &drawn, self.now())
            .await?;
        Ok(IssuedAppToken {
            token: drawn.secret,
            record,
        })
    }

    /// Revokes an app token, or one of a pack.
    pub(crate) async fn revoke_deploy_token(
        &self,
        pack: Option<&PackId>,
        id: &str,
    ) -> Result<Option<Timestamp>, HubError> {
        let now = self.now();
        self.catalogue().revoke_deploy_token(pack, id, now).await
    }

    /// Completes a build of a pack whose bytes are stored.
    pub(crate) async fn complete_build(
        &self,
        completion: &Completion,
    ) -> Result<Completed, HubError> {
        self.settle(vec![completion.key.clone()]).await?;
        let stored = self.catalogue().stored_object(&completion.key).await?;
        if let Some(stored) = stored
            && !self.storage().has(&stored, &Presence::default()).await?
        {
            let why = format!(
                "the stored bytes of build {} are damaged; upload it again",
                completion.build_id
            );
            return Ok(Completed::Conflict(why));
        }
        let (provider, now) = (self.storage().provider(), self.now());
        self.catalogue()
            .complete_build(completion, provider, now)
            .await
    }
}
