//! `POST /api/v1/releases/{product}/publish`: registers one platform of a release.

use super::AppState;
use super::body::{JsonObject, Segments};
use super::error::ApiError;
use super::openapi::answers::{self, Conflict, Forbidden, Unauthorized};
use super::openapi::bodies;
use super::publish_body::publication;
use super::releases::known_product;
use super::trusted::AnyPublisher;
use crate::catalogue::Registered;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use release_types::{ProductName, Release};

#[utoipa::path(
    post,
    path = "/api/v1/releases/{product}/publish",
    operation_id = "publish",
    tag = "releases",
    summary = "Registers one platform of a release",
    params(("product" = ProductName, Path, description = "The product")),
    request_body = bodies::Publish,
    security(("app" = []), ("job" = []), ("user" = [])),
    responses(
        (status = 201, description = "What the platform has now", body = Release),
        answers::Body,
        Unauthorized,
        Forbidden,
        Conflict,
    ),
)]
pub(super) async fn publish(
    State(app): State<AppState>,
    AnyPublisher(publisher): AnyPublisher,
    Segments(product): Segments<String>,
    body: JsonObject,
) -> Result<(StatusCode, Json<Release>), ApiError> {
    publisher.may(&product)?;
    let product = known_product(&app, &product).await?;
    let publication = publication(product, &body, app.hub.storage().provider())?;
    let draft = body.flag("draft")?;
    match app.hub.publish(publication, draft).await? {
        Registered::Done(release) => Ok((StatusCode::CREATED, Json(release))),
        Registered::Conflict { filename, why } => {
            Err(ApiError::conflict(format!("`{filename}`: {why}")))
        }
    }
}
