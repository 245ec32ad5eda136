//! `/api/v1/deploy/app-tokens`: an administrator issues, lists and revokes.

use super::AppState;
use super::auth::Admin;
use super::body::JsonObject;
use super::error::ApiError;
use super::openapi::answers::{self, Forbidden, NotFound};
use super::openapi::bodies;
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use release_types::{IssuedToken, PackId, RevokedToken, TokenList};
use secrecy::ExposeSecret as _;

/// The longest name of a token, in characters.
const MAX_NAME: usize = 200;

#[utoipa::path(
    get,
    path = "/api/v1/deploy/app-tokens",
    operation_id = "list_app_tokens",
    tag = "tokens",
    summary = "Lists deploy tokens of release automation",
    security(("user" = [])),
    responses(
        (status = 200, description = "All but the tokens themselves", body = TokenList),
        Forbidden,
    ),
)]
pub(super) async fn list(
    State(app): State<AppState>,
    _: Admin,
) -> Result<Json<TokenList>, ApiError> {
    list_of(&app, None).await
}

#[utoipa::path(
    post,
    path = "/api/v1/deploy/app-tokens",
    operation_id = "issue_app_token",
    tag = "tokens",
    summary = "Issues a deploy token of release automation",
    request_body = Option<bodies::IssueToken>,
    security(("user" = [])),
    responses(
        (status = 200, description = "The token, this once", body = IssuedToken),
        answers::Body,
        Forbidden,
    ),
)]
pub(super) async fn issue(
    State(app): State<AppState>,
    admin: Admin,
    body: JsonObject,
) -> Result<Json<IssuedToken>, ApiError> {
    issue_of(&app, None, &admin.id, &body).await
}

#[utoipa::path(
    delete,
    path = "/api/v1/deploy/app-tokens",
    operation_id = "revoke_app_token",
    tag = "tokens",
    summary = "Revokes a deploy token of release automation",
    request_body = bodies::RevokeToken,
    security(("user" = [])),
    responses(
        (status = 200, description = "When it stopped working", body = RevokedToken),
        answers::Body,
        Forbidden,NotFound,
    ),
)]
pub(super) async fn revoke(
    State(app): State<AppState>,
    _: Admin,
    body: JsonObject,
) -> Result<Json<RevokedToken>, ApiError> {
    revoke_of(&app, None, &body).await
}

/// App tokens, or a pack's tokens.
pub(super) async fn list_of(
    app: &AppState,
    pack: Option<&PackId>,
) -> Result<Json<TokenList>, ApiError> {
    let tokens = app.hub.catalogue().deploy_tokens(pack).await?;
    Ok(Json(TokenList { tokens }))
}

/// A new app token, or a new token of a pack, which this user issues.
pub(super) async fn issue_of(
    app: &AppState,
    pack: Option<&PackId>,
    user_id: &str,
    body: &JsonObject,
) -> Result<Json<IssuedToken>, ApiError> {
    let name = body.text("name")?;
    if name.is_some_and(|name| name.chars().count() > MAX_NAME) {
        let message = format!("`name` is longer than {MAX_NAME} characters");
        return Err(ApiError::bad_request(message));
    }
    let expires_at: Option<Timestamp> = body.parsed("expiresAt")?;
    if expires_at.is_some_and(|at| at <= app.hub.now()) {
        return Err(ApiError::bad_request("`expiresAt` is over already"));
    }
    let issued = app
        .hub
        .issue_deploy_token(pack, (name, expires_at), Some(user_id))
        .await?;
    Ok(Json(IssuedToken {
        token: issued.token.expose_secret().to_owned(),
        record: issued.record,
    }))
}

/// The end of an app token, or of a pack's token.
pub(super) async fn revoke_of(
    app: &AppState,
    pack: Option<&PackId>,
    body: &JsonObject,
) -> Result<Json<RevokedToken>, ApiError> {
    let id = body.required("tokenId")?;
    match app.hub.revoke_deploy_token(pack, id).await? {
        Some(revoked_at) => Ok(Json(RevokedToken { revoked_at })),
        None => Err(ApiError::not_found("there is no such token")),
    }
}
