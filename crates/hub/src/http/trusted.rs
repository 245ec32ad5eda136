//! Jobs that have no token of the Hub's and prove what they are: `POST /api/v1/auth/github`, and the header
//! `x-atlas-oidc-token` where one call is all that is wanted.

use super::AppState;
use super::auth::{Publisher, not_a_builder};
use super::body::JsonObject;
use super::error::ApiError;
use super::openapi::answers::{self, Unauthorized};
use super::openapi::bodies;
use crate::catalogue::Purpose;
use crate::token::{NewToken, TokenKind};
use crate::trust::{NotTrusted, Refusal, SHORT, Trusted};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use release_types::{DEPLOY_TOKEN_HEADER, ExchangedToken, OIDC_TOKEN_HEADER, PACK_TOKEN_HEADER};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

/// `POST /api/v1/auth/github`.
#[utoipa::path(
    post,
    path = "/api/v1/auth/github",
    operation_id = "exchange_id_token",
    tag = "tokens",
    summary = "Gives a trusted job a deploy token for some minutes",
    request_body = bodies::Exchange,
    responses(
        (
            status = 200,
            description = "A token for the products that the rules name",
            body = ExchangedToken,
        ),
        answers::Body,
        Unauthorized,
    ),
)]
pub(super) async fn exchange(
    State(app): State<AppState>,
    body: JsonObject,
) -> Result<Json<ExchangedToken>, ApiError> {
    let token: SecretString = body.required("token")?.into();
    let trusted = verify(&app, &token).await?;
    if trusted.products().is_empty() {
        return Err(refuse(&app, &trusted, Refusal::Nothing("product")).await);
    }
    let (drawn, now) = (NewToken::draw(TokenKind::App)?, app.hub.now());
    let expires_at = now + SHORT;
    let catalogue = app.hub.catalogue();
    trusted.noted();
    let stored = catalogue.add_short_token(&trusted, &drawn, expires_at, now);
    if !stored.await? {
        return Err(refuse(&app, &trusted, Refusal::Used).await);
    }
    tracing::info!(job = %trusted.job, "a job got a deploy token");
    Ok(Json(ExchangedToken {
        token: drawn.secret.expose_secret().to_owned(),
        expires_at,
    }))
}

/// A publisher, or a job that shows its ID token with this very call, which uses it up.
pub(super) struct AnyPublisher(pub(super) Publisher);

impl FromRequestParts<AppState> for AnyPublisher {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Some(token) = shown(&parts.headers, DEPLOY_TOKEN_HEADER) else {
            let publisher = Publisher::from_request_parts(parts, app).await;
            return Ok(Self(publisher?));
        };
        let trusted = verify(app, &token).await?;
        let products = trusted.products();
        if products.is_empty() {
            return Err(refuse(app, &trusted, Refusal::Nothing("product")).await);
        }
        use_up(app, Some(&trusted), Purpose::Call).await?;
        Ok(Self(Publisher::of(products)))
    }
}

/// A job that may make builds, where a request shows the ID token of one. What it shows is used up by the
/// handler, who knows what for.
pub(super) async fn builder(
    app: &AppState,
    headers: &HeaderMap,
) -> Result<Option<Trusted>, ApiError> {
    let Some(token) = shown(headers, PACK_TOKEN_HEADER) else {
        return Ok(None);
    };
    let trusted = match app
        .trust
        .verify(&token, app.hub.catalogue(), app.hub.now())
        .await
    {
        Ok(trusted) => trusted,
        Err(NotTrusted::Refused) => return Err(not_a_builder()),
        Err(other) => return Err(other.into()),
    };
    if trusted.has_packs() {
        return Ok(Some(trusted));
    }
    refuse(app, &trusted, Refusal::Nothing("pack")).await;
    Err(not_a_builder())
}

/// Uses up the ID token of a job, where there is one.
pub(super) async fn use_up(
    app: &AppState,
    job: Option<&Trusted>,
    purpose: Purpose<'_>,
) -> Result<(), ApiError> {
    let Some(trusted) = job else { return Ok(()) };
    let used = app
        .hub
        .catalogue()
        .use_id_token(&trusted.job, purpose, app.hub.now());
    if used.await? {
        trusted.noted();
        return Ok(());
    }
    let refused = refuse(app, trusted, Refusal::Used).await;
    Err(match purpose {
        Purpose::Call => refused,
        Purpose::Build(_) | Purpose::Complete(..) => not_a_builder(),
    })
}

/// The ID token that decides: one header does, and a token of the Hub's goes before.
fn shown(headers: &HeaderMap, before: &str) -> Option<SecretString> {
    if headers.contains_key(before) {
        return None;
    }
    let value = headers.get(OIDC_TOKEN_HEADER)?;
    Some(value.to_str().unwrap_or_default().into())
}

async fn verify(app: &AppState, token: &SecretString) -> Result<Trusted, ApiError> {
    let (catalogue, now) = (app.hub.catalogue(), app.hub.now());
    Ok(app.trust.verify(token, catalogue, now).await?)
}

async fn refuse(app: &AppState, trusted: &Trusted, refusal: Refusal) -> ApiError {
    let (catalogue, now) = (app.hub.catalogue(), app.hub.now());
    let job = trusted.job.to_string();
    app.trust.refuse(&job, refusal, catalogue, now).await.into()
}

/// One answer for all that can be wrong with an ID token: what it is, the log says.
impl From<NotTrusted> for ApiError {
    fn from(error: NotTrusted) -> Self {
        let wait = |wait: Duration| wait.max(Duration::from_secs(1));
        match error {
            NotTrusted::Refused => Self::new(
                StatusCode::UNAUTHORIZED,
                "this ID token is not taken; the Hub's log says why",
            ),
            NotTrusted::TooMany(time) => {
                let message = "too many ID tokens come from this address";
                Self::new(StatusCode::TOO_MANY_REQUESTS, message).retry_after(wait(time))
            }
            NotTrusted::NoKeys(time) => {
                let message = "the keys of the ID token's issuer cannot be had now";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(wait(time))
            }
            NotTrusted::Hub(error) => error.into(),
        }
    }
}
