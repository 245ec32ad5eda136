//! Who is calling: extractors that stand before everything else a handler takes.

use super::AppState;
use super::error::ApiError;
use crate::HubError;
use crate::token::{TokenKind, stored_hash};
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use release_types::DEPLOY_TOKEN_HEADER;
use secrecy::SecretString;

/// Someone who may publish: release automation, or an administrator. Anybody else gets 401.
pub(super) struct Publisher;

/// An administrator. Anybody else gets 403, whether or not they are known.
pub(super) struct Admin;

impl FromRequestParts<AppState> for Publisher {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let known = match app_token(&parts.headers) {
            Some(token) => is_valid(app, TokenKind::App, &token).await?,
            None => is_admin(app, &parts.headers).await?,
        };
        if known {
            Ok(Self)
        } else {
            Err(ApiError::unauthorized())
        }
    }
}

impl FromRequestParts<AppState> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        if is_admin(app, &parts.headers).await? {
            Ok(Self)
        } else {
            Err(ApiError::forbidden("only an administrator may do this"))
        }
    }
}

async fn is_admin(app: &AppState, headers: &HeaderMap) -> Result<bool, HubError> {
    match bearer(headers) {
        Some(token) => is_valid(app, TokenKind::Admin, &token).await,
        None => Ok(false),
    }
}

async fn is_valid(app: &AppState, kind: TokenKind, token: &SecretString) -> Result<bool, HubError> {
    let Some(hash) = stored_hash(kind, token) else {
        tracing::debug!("a credential has no valid form: mistyped, cut short, or something else");
        return Ok(false);
    };
    let now = app.hub.now();
    app.hub.catalogue().authenticate(kind, &hash, now).await
}

fn app_token(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(DEPLOY_TOKEN_HEADER)?;
    // What is no text is a wrong token, not a missing one.
    Some(value.to_str().unwrap_or_default().into())
}

fn bearer(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().into())
}
