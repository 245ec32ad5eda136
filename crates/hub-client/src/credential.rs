//! Tokens, and the headers they travel in.

use crate::ClientError;
use release_types::{DEPLOY_TOKEN_HEADER, OIDC_TOKEN_HEADER, PACK_TOKEN_HEADER};
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

/// What the token of release automation is called in messages.
pub(crate) const DEPLOY_TOKEN: &str = "deploy token";
/// What the token of a pack's automation is called in messages.
pub(crate) const PACK_TOKEN: &str = "pack deploy token";
/// What a job's proof is called in messages.
const ID_TOKEN: &str = "ID token";
/// What an administrator's credential is called in messages.
pub(crate) const ADMIN_TOKEN: &str = "admin token";

/// A token and the header it travels in.
pub(crate) struct Credential {
    text: SecretString,
    name: HeaderName,
    /// Marked sensitive: not shown by `Debug`, not kept in HTTP/2's compression tables.
    value: HeaderValue,
}

impl Credential {
    pub(crate) fn deploy(token: &SecretString) -> Result<Self, ClientError> {
        Self::new(
            token,
            DEPLOY_TOKEN,
            HeaderName::from_static(DEPLOY_TOKEN_HEADER),
            "",
        )
    }

    pub(crate) fn pack(token: &SecretString) -> Result<Self, ClientError> {
        Self::new(
            token,
            PACK_TOKEN,
            HeaderName::from_static(PACK_TOKEN_HEADER),
            "",
        )
    }

    /// Of a job, for one use.
    pub(crate) fn job(token: &SecretString) -> Result<Self, ClientError> {
        let name = HeaderName::from_static(OIDC_TOKEN_HEADER);
        Self::new(token, ID_TOKEN, name, "")
    }

    pub(crate) fn admin(token: &SecretString) -> Result<Self, ClientError> {
        Self::new(token, ADMIN_TOKEN, AUTHORIZATION, "Bearer ")
    }

    /// Adds the header to a request.
    pub(crate) fn put_into(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(self.name.clone(), self.value.clone())
    }

    /// The token as it is kept.
    pub(crate) fn secret(&self) -> SecretString {
        self.text.clone()
    }

    fn new(
        token: &SecretString,
        credential: &'static str,
        name: HeaderName,
        scheme: &str,
    ) -> Result<Self, ClientError> {
        let fault = |why| ClientError::InvalidToken { credential, why };
        let text = token.expose_secret().trim();
        if text.is_empty() {
            return Err(fault("it is empty"));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(fault("it holds a space or a character outside ASCII"));
        }
        let value = HeaderValue::from_str(&format!("{scheme}{text}"));
        let mut value = value.map_err(|_| fault("it cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok(Self {
            text: SecretString::from(text),
            name,
            value,
        })
    }
}
