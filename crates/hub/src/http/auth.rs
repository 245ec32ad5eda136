//! Who is calling: extractors that stand before everything else a handler takes.
//!
//! One header decides. Which it is depends on what the route is for; where it holds a token that
//! is not in force, no other header makes up for it.

use super::error::ApiError;
use super::{AppState, trusted};
use crate::HubError;
use crate::catalogue::{Identity, Subject};
use crate::limits::bearer;
use crate::token::{TokenKind, recognise};
use crate::trust::Trusted;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use release_types::{DEPLOY_TOKEN_HEADER, PACK_TOKEN_HEADER, PackId, ProductName, UserRole};
use secrecy::SecretString;
use std::collections::BTreeSet;

/// Someone who may publish: release automation, or an administrator. Who is known and may not gets
/// 403, anybody else 401.
pub(super) struct Publisher {
    /// The products that it may publish; all of them where this is nothing.
    products: Option<BTreeSet<ProductName>>,
}

impl Publisher {
    /// Someone who may publish these products and no others.
    pub(super) fn of(products: BTreeSet<ProductName>) -> Self {
        Self {
            products: Some(products),
        }
    }

    /// Refuses a product that it may not publish. Whether there is such a product is not asked.
    pub(super) fn may(&self, product: &str) -> Result<(), ApiError> {
        let Some(products) = &self.products else {
            return Ok(());
        };
        if products.iter().any(|own| own.as_str() == product) {
            return Ok(());
        }
        Err(ApiError::forbidden(
            "this credential is for other products alone",
        ))
    }

    /// Refuses keys that are not of one product that it may publish.
    pub(super) fn may_below(&self, prefix: &str) -> Result<(), ApiError> {
        if self.products.is_none() {
            return Ok(());
        }
        let rest = prefix.strip_prefix("artifacts/").unwrap_or_default();
        // Without the slash it may be the beginning of another product's name.
        self.may(rest.split_once('/').map_or("", |(product, _)| product))
    }
}

/// An administrator. Anybody else gets 403, whether or not they are known.
pub(super) struct Admin {
    pub(super) id: String,
}

/// A user of this Hub. Anybody else gets 401.
pub(super) struct SignedIn {
    pub(super) id: String,
    pub(super) role: UserRole,
}

/// Someone who may make builds: of one pack, or of every one. Anybody else gets 403.
pub(super) enum Builder {
    /// Automation of this pack.
    Of(PackId),
    /// A job that shows its ID token with this very call.
    Job(Box<Trusted>),
    /// An administrator.
    Admin,
}

impl FromRequestParts<AppState> for Publisher {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let headers = &parts.headers;
        let order = [Header::App, Header::Bearer, Header::Pack];
        match identify(app, headers, &order).await?.map(|who| who.subject) {
            Some(Subject::App(products)) => Ok(Self { products }),
            Some(Subject::User {
                role: UserRole::Admin,
                ..
            }) => Ok(Self { products: None }),
            Some(Subject::User { .. } | Subject::Pack(_)) => Err(ApiError::forbidden(
                "this credential may not upload artifacts or publish releases",
            )),
            None => Err(ApiError::unauthorized()),
        }
    }
}

impl FromRequestParts<AppState> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let who = identify(app, &parts.headers, &[Header::Bearer]).await?;
        match who.map(|who| who.subject) {
            Some(Subject::User {
                role: UserRole::Admin,
                id,
            }) => Ok(Self { id }),
            _ => Err(ApiError::forbidden("only an administrator may do this")),
        }
    }
}

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let who = identify(app, &parts.headers, &[Header::Bearer]).await?;
        match who.map(|who| who.subject) {
            Some(Subject::User { id, role }) => Ok(Self { id, role }),
            _ => Err(ApiError::not_signed_in()),
        }
    }
}

impl FromRequestParts<AppState> for Builder {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        if let Some(job) = trusted::builder(app, &parts.headers).await? {
            return Ok(Self::Job(Box::new(job)));
        }
        let who = identify(app, &parts.headers, &[Header::Pack, Header::Bearer]).await?;
        match who.map(|who| who.subject) {
            Some(Subject::Pack(pack)) => Ok(Self::Of(pack)),
            Some(Subject::User {
                role: UserRole::Admin,
                ..
            }) => Ok(Self::Admin),
            _ => Err(not_a_builder()),
        }
    }
}

/// One answer for whoever has no credential for the pack, whatever the reason.
pub(super) fn not_a_builder() -> ApiError {
    ApiError::forbidden("a valid deploy token of the pack is needed in x-atlas-pack-deploy-token")
}

/// A header that carries a credential.
#[derive(Clone, Copy)]
enum Header {
    App,
    Pack,
    Bearer,
}

impl Header {
    /// The kinds of token that count in it.
    const fn kinds(self) -> &'static [TokenKind] {
        match self {
            Self::App => &[TokenKind::App],
            Self::Pack => &[TokenKind::Pack],
            Self::Bearer => &[TokenKind::Admin, TokenKind::User],
        }
    }

    /// What a request has in it, if it has it.
    fn read(self, headers: &HeaderMap) -> Option<SecretString> {
        let name = match self {
            Self::App => DEPLOY_TOKEN_HEADER,
            Self::Pack => PACK_TOKEN_HEADER,
            Self::Bearer => return bearer(headers.get(header::AUTHORIZATION)?).map(Into::into),
        };
        // What is no text is a wrong token, not a missing one.
        let value = headers.get(name)?;
        Some(value.to_str().unwrap_or_default().into())
    }
}

/// Whom the first of these headers that the request has stands for, if its token is in force.
async fn identify(
    app: &AppState,
    headers: &HeaderMap,
    order: &[Header],
) -> Result<Option<Identity>, HubError> {
    let present = order
        .iter()
        .find_map(|header| Some((header, header.read(headers)?)));
    let Some((header, token)) = present else {
        return Ok(None);
    };
    let Some(token) = recognise(header.kinds(), &token) else {
        tracing::debug!("a credential has no valid form: mistyped, cut short, or something else");
        return Ok(None);
    };
    let who = app
        .hub
        .catalogue()
        .authenticate(&token, app.hub.now())
        .await?;
    if let Some(who) = &who {
        tracing::debug!(id = who.id, name = who.name, kind = ?token.kind, "authenticated");
    }
    Ok(who)
}
