//! Deploy tokens, the Hub's own and those of packs: issued, listed and revoked.

use crate::client::{Caller, Repeat, Request};
use crate::{ClientError, HubClient};
use release_types::{
    AppToken, IssueTokenRequest, IssuedToken, PackId, RevokeTokenRequest, RevokedToken, TokenList,
};
use reqwest::Method;

/// Whose tokens a call is about.
#[derive(Clone, Copy)]
enum Owner<'a> {
    Hub,
    Pack(&'a PackId),
}

impl<'a> Owner<'a> {
    fn segments(self) -> Vec<&'a str> {
        match self {
            Self::Hub => vec!["api", "v1", "deploy", "app-tokens"],
            Self::Pack(pack) => vec!["api", "v1", "packs", pack.as_str(), "deploy-tokens"],
        }
    }

    /// What one of them is called.
    fn one(self) -> String {
        match self {
            Self::Hub => "an app token".to_owned(),
            Self::Pack(pack) => format!("a deploy token of the pack {pack}"),
        }
    }

    /// What all of them are called.
    fn all(self) -> String {
        match self {
            Self::Hub => "the app tokens".to_owned(),
            Self::Pack(pack) => format!("the deploy tokens of the pack {pack}"),
        }
    }
}

impl HubClient {
    /// Issues an app token. Its text is in this answer and never shown again, so the call is
    /// repeated only where no connection came about: two calls would make two tokens.
    ///
    /// # Errors
    /// Without an admin token, or when the Hub refuses or cannot be reached.
    pub async fn issue_app_token(
        &self,
        request: &IssueTokenRequest,
    ) -> Result<IssuedToken, ClientError> {
        self.issue(Owner::Hub, request).await
    }

    /// Every app token the Hub knows, revoked ones included; without their texts.
    ///
    /// # Errors
    /// Without an admin token, or when the Hub refuses or cannot be reached.
    pub async fn list_app_tokens(&self) -> Result<Vec<AppToken>, ClientError> {
        self.list(Owner::Hub).await
    }

    /// Revokes an app token by its id (not its text).
    ///
    /// # Errors
    /// Without an admin token, or when the Hub refuses or cannot be reached.
    pub async fn revoke_app_token(&self, token_id: &str) -> Result<RevokedToken, ClientError> {
        self.revoke(Owner::Hub, token_id).await
    }

    /// Issues a deploy token of a pack; as [`HubClient::issue_app_token`].
    ///
    /// # Errors
    /// Without an admin token, or when the Hub refuses or cannot be reached.
    pub async fn issue_pack_token(
        &self,
        pack: &PackId,
        request: &IssueTokenRequest,
    ) -> Result<IssuedToken, ClientError> {
        self.issue(Owner::Pack(pack), request).await
    }

    /// Every deploy token of a pack, revoked ones included; without their texts.
    ///
    /// # Errors
    /// Without an admin token, or when the Hub refuses or cannot be reached.
    pub async fn list_pack_tokens(&self, pack: &PackId) -> Result<Vec<AppToken>, ClientError> {
        self.list(Owner::Pack(pack)).await
    }

    /// Revokes a deploy token of a pack by its id (not its text).
    ///
    /// # Errors
    /// Without an admin token, or when the Hub refuses or cannot be reached.
    pub async fn revoke_pack_token(
        &self,
        pack: &PackId,
        token_id: &str,
    ) -> Result<RevokedToken, ClientError> {
        self.revoke(Owner::Pack(pack), token_id).await
    }

    async fn issue(
        &self,
        owner: Owner<'_>,
        request: &IssueTokenRequest,
    ) -> Result<IssuedToken, ClientError> {
        self.send(Request {
            what: format!("issue {}", owner.one()),
            method: Method::POST,
            segments: &owner.segments(),
            query: None,
            body: Some(request),
            caller: Caller::Admin,
            repeat: Repeat::Unsent,
        })
        .await
    }

    async fn list(&self, owner: Owner<'_>) -> Result<Vec<AppToken>, ClientError> {
        let list: TokenList = self
            .send(Request::<()> {
                what: format!("list {}", owner.all()),
                method: Method::GET,
                segments: &owner.segments(),
                query: None,
                body: None,
                caller: Caller::Admin,
                repeat: Repeat::Passing,
            })
            .await?;
        Ok(list.tokens)
    }

    async fn revoke(&self, owner: Owner<'_>, token_id: &str) -> Result<RevokedToken, ClientError> {
        let request = RevokeTokenRequest {
            token_id: token_id.to_owned(),
        };
        self.send(Request {
            what: format!("revoke {}", owner.one()),
            method: Method::DELETE,
            segments: &owner.segments(),
            query: None,
            body: Some(&request),
            caller: Caller::Admin,
            repeat: Repeat::Passing,
        })
        .await
    }
}
