//! `/api/v1/packs/{packId}/deploy-tokens`: a pack's members issue, list and revoke its tokens.

use super::AppState;
use super::auth::SignedIn;
use super::body::{JsonObject, Segments};
use super::error::ApiError;
use super::openapi::answers::{self, BadRequest, Forbidden, NotFound, Unauthorized};
use super::openapi::bodies;
use super::tokens;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use release_types::{IssuedToken, MemberRole, PackId, RevokedToken, TokenList, UserRole};

/// The pack of the path, which the caller may look after. Who is no user gets 401, who may not
/// 403, also where there is no such pack: what packs there are is for administrators to know.
pub(super) struct ManagedPack {
    pack: PackId,
    user_id: String,
}

impl FromRequestParts<AppState> for ManagedPack {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let user = SignedIn::from_request_parts(parts, app).await?;
        let Segments(text) = Segments::<String>::from_request_parts(parts, app).await?;
        let pack: Option<PackId> = text.parse().ok();
        let managed = |pack| Self {
            pack,
            user_id: user.id.clone(),
        };
        let catalogue = app.hub.catalogue();
        match user.role {
            UserRole::Admin => match pack {
                Some(pack) if catalogue.has_pack(&pack).await? => Ok(managed(pack)),
                _ => Err(ApiError::not_found("there is no such pack")),
            },
            UserRole::Creator => {
                let role = match &pack {
                    Some(pack) => catalogue.member_role(pack, &user.id).await?,
                    None => None,
                };
                match (pack, role) {
                    (Some(pack), Some(MemberRole::Creator | MemberRole::Admin)) => {
                        Ok(managed(pack))
                    }
                    _ => Err(ApiError::forbidden(
                        "only the pack's creator and administrators may do this",
                    )),
                }
            }
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/packs/{pack}/deploy-tokens",
    operation_id = "list_pack_tokens",
    tag = "tokens",
    summary = "Lists deploy tokens of a pack",
    params(("pack" = PackId, Path, description = "The pack")),
    security(("user" = [])),
    responses(
        (status = 200, description = "All but the tokens themselves", body = TokenList),
        Unauthorized, Forbidden, NotFound,BadRequest,
    ),
)]
pub(super) async fn list(
    State(app): State<AppState>,
    managed: ManagedPack,
) -> Result<Json<TokenList>, ApiError> {
    tokens::list_of(&app, Some(&managed.pack)).await
}

#[utoipa::path(
    post,
    path = "/api/v1/packs/{pack}/deploy-tokens",
    operation_id = "issue_pack_token",
    tag = "tokens",
    summary = "Issues a deploy token of a pack",
    params(("pack" = PackId, Path, description = "The pack")),
    request_body = Option<bodies::IssueToken>,
    security(("user" = [])),
    responses(
        (status = 200, description = "The token, this once", body = IssuedToken),
        answers::Body,
        Unauthorized, Forbidden, NotFound,
    ),
)]
pub(super) async fn issue(
    State(app): State<AppState>,
    managed: ManagedPack,
    body: JsonObject,
) -> Result<Json<IssuedToken>, ApiError> {
    tokens::issue_of(&app, Some(&managed.pack), &managed.user_id, &body).await
}

#[utoipa::path(
    delete,
    path = "/api/v1/packs/{pack}/deploy-tokens",
    operation_id = "revoke_pack_token",
    tag = "tokens",
    summary = "Revokes a deploy token of a pack",
    params(("pack" = PackId, Path, description = "The pack")),
    request_body = bodies::RevokeToken,
    security(("user" = [])),
    responses(
        (status = 200, description = "When it stopped working", body = RevokedToken),
        answers::Body,
        Unauthorized, Forbidden, NotFound,
    ),
)]
pub(super) async fn revoke(
    State(app): State<AppState>,
    managed: ManagedPack,
    body: JsonObject,
) -> Result<Json<RevokedToken>, ApiError> {
    tokens::revoke_of(&app, Some(&managed.pack), &body).await
}
