//! Whether the Hub lives, and whether it can do its work. Neither asks who wants to know.

use super::AppState;
use super::error::ApiError;
use super::openapi::answers::Unavailable;
use crate::HubError;
use crate::error::error_chain;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long an answer about readiness holds: each costs a file that is written and synced, and
/// anybody may ask.
const VALID: Duration = Duration::from_secs(1);

/// How long database and disk may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found last, and when.
#[derive(Debug, Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Result<(), &'static str>)>>);

/// That all is well.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    status: &'static str,
}

const OK: Json<Health> = Json(Health { status: "ok" });

/// `GET /healthz`: this process answers. To start it anew would help with nothing else.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "alive",
    tag = "operation",
    summary = "Whether the process answers",
    responses((status = 200, description = "It does", body = Health)),
)]
pub(super) async fn alive() -> Json<Health> {
    OK
}

/// `GET /readyz`: the catalogue answers, and bytes can be stored, or the bucket answers.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "ready",
    tag = "operation",
    summary = "Whether the catalogue answers and bytes can be stored",
    responses((status = 200, description = "They do", body = Health), Unavailable),
)]
pub(super) async fn ready(State(app): State<AppState>) -> Result<Json<Health>, ApiError> {
    let mut last = app.readiness.0.lock().await;
    let found = match *last {
        Some((when, found)) if when.elapsed() < VALID => found,
        _ => {
            let found = look(&app).await;
            *last = Some((Instant::now(), found));
            found
        }
    };
    found.map(|()| OK).map_err(|message| {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(VALID)
    })
}

async fn look(app: &AppState) -> Result<(), &'static str> {
    let message = "the catalogue does not answer";
    within(app.hub.catalogue().ping(), message).await?;
    let message = match app.hub.storage().bucket() {
        None => "bytes cannot be stored",
        Some(_) => "the storage does not answer",
    };
    within(app.hub.storage().check(), message).await
}

async fn within(
    work: impl Future<Output = Result<(), HubError>>,
    message: &'static str,
) -> Result<(), &'static str> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!(error = %error_chain(&error), "not ready: {message}");
            Err(message)
        }
        Err(_) => {
            tracing::error!("not ready: {message} in time");
            Err(message)
        }
    }
}
