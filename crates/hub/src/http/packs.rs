//! `/api/v1/packs/{packId}/deploy-tokens`: a pack's members issue, list and revoke its tokens.

use super::AppState;
use super::auth::SignedIn;
use super::body::{JsonObject, Segments};
use super::error::ApiError;
use super::tokens;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use release_types::{IssuedToken, MemberRole, PackId, RevokedToken, TokenList, UserRole};

/// The pack of the path, which the caller may look after. Who is no user gets 401, who may not
/// 403, also where there is no such pack: what packs there are is for administrators to know.
pub(super) struct ManagedPack(PackId);

impl FromRequestParts<AppState> for ManagedPack {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let user = SignedIn::from_request_parts(parts, app).await?;
        let Segments(text) = Segments::<String>::from_request_parts(parts, app).await?;
        let pack: Option<PackId> = text.parse().ok();
        let catalogue = app.hub.catalogue();
        match user.role {
            UserRole::Admin => match pack {
                Some(pack) if catalogue.has_pack(&pack).await? => Ok(Self(pack)),
                _ => Err(ApiError::not_found("there is no such pack")),
            },
            UserRole::Creator => {
                let role = match &pack {
                    Some(pack) => catalogue.member_role(pack, &user.id).await?,
                    None => None,
                };
                match (pack, role) {
                    (Some(pack), Some(MemberRole::Creator | MemberRole::Admin)) => Ok(Self(pack)),
                    _ => Err(ApiError::forbidden(
                        "only the pack's creator and administrators may do this",
                    )),
                }
            }
        }
    }
}

pub(super) async fn list(
    State(app): State<AppState>,
    ManagedPack(pack): ManagedPack,
) -> Result<Json<TokenList>, ApiError> {
    tokens::list_of(&app, Some(&pack)).await
}

pub(super) async fn issue(
    State(app): State<AppState>,
    ManagedPack(pack): ManagedPack,
    body: JsonObject,
) -> Result<Json<IssuedToken>, ApiError> {
    tokens::issue_of(&app, Some(&pack), &body).await
}

pub(super) async fn revoke(
    State(app): State<AppState>,
    ManagedPack(pack): ManagedPack,
    body: JsonObject,
) -> Result<Json<RevokedToken>, ApiError> {
    tokens::revoke_of(&app, Some(&pack), &body).await
}
