//! App tokens: issued, listed and revoked by an administrator.

use crate::client::{Caller, Repeat, Request};
use crate::{ClientError, HubClient};
use release_types::{
    AppToken, IssueTokenRequest, IssuedToken, RevokeTokenRequest, RevokedToken, TokenList,
};
use reqwest::Method;

const SEGMENTS: &[&str] = &["api", "v1", "deploy", "app-tokens"];

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
        self.send(Request {
            what: "issue an app token".to_owned(),
            method: Method::POST,
            segments: SEGMENTS,
            query: None,
            body: Some(request),
            caller: Caller::Admin,
            repeat: Repeat::Unsent,
        })
        .await
    }

    /// Every app token the Hub knows, revoked ones included; without their texts.
    ///
    /// # Errors
    /// Without an admin token, or when the Hub refuses or cannot be reached.
    pub async fn list_app_tokens(&self) -> Result<Vec<AppToken>, ClientError> {
        let list: TokenList = self
            .send(Request::<()> {
                what: "list the app tokens".to_owned(),
                method: Method::GET,
                segments: SEGMENTS,
                query: None,
                body: None,
                caller: Caller::Admin,
                repeat: Repeat::Passing,
            })
            .await?;
        Ok(list.tokens)
    }

    /// Revokes an app token by its id (not its text).
    ///
    /// # Errors
    /// Without an admin token, or when the Hub refuses or cannot be reached.
    pub async fn revoke_app_token(&self, token_id: &str) -> Result<RevokedToken, ClientError> {
        let request = RevokeTokenRequest {
            token_id: token_id.to_owned(),
        };
        self.send(Request {
            what: "revoke an app token".to_owned(),
            method: Method::DELETE,
            segments: SEGMENTS,
            query: None,
            body: Some(&request),
            caller: Caller::Admin,
            repeat: Repeat::Passing,
        })
        .await
    }
}
