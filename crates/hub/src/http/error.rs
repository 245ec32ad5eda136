//! Every error as the contract wants it: a status and `{"error": "<one sentence>"}`.

use crate::HubError;
use crate::error::error_chain;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use release_types::{BAD_DIGEST, ErrorBody, STILL_READING};
use std::time::Duration;

/// When to come back after the storage was full, which somebody has to make room in.
const STORAGE_PAUSE: Duration = Duration::from_secs(60);

/// When to come back after an outage.
const OUTAGE_PAUSE: Duration = Duration::from_secs(5);

/// An answer that is an error.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    code: Option<&'static str>,
    may_be_storage_full: bool,
    retry_after: Option<Duration>,
}

/// Marks a response whose cause may be a full storage.
#[derive(Debug, Clone, Copy)]
pub(super) struct MayBeStorageFull;

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            code: None,
            may_be_storage_full: false,
            retry_after: None,
        }
    }

    /// An upload whose bytes are not the announced ones. Not 409, which is for what the Hub holds:
    /// here it is the request that contradicts itself.
    pub(super) fn bad_digest(message: impl Into<String>) -> Self {
        Self {
            code: Some(BAD_DIGEST),
            ..Self::bad_request(message)
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// One answer for no, an unknown, an expired and a revoked credential.
    pub(super) fn unauthorized() -> Self {
        let message = "a valid deploy token is needed in x-atlas-app-deploy-token";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// One answer for whoever is no user, whatever the reason.
    pub(super) fn not_signed_in() -> Self {
        let message = "a user's credential is needed as `Authorization: Bearer …`";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// No route takes the path.
    pub(super) fn nothing_here() -> Self {
        Self::not_found("there is nothing here")
    }

    /// A route takes the path, and not with this method.
    pub(super) fn no_such_method() -> Self {
        let message = "this path does not take this method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }

    /// The same error, with the place in the request that it is about.
    pub(super) fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// What the request's `If-Match` names is not what there is.
    pub(super) fn precondition_failed() -> Self {
        let message = "this is not what If-Match names any more";
        Self::new(StatusCode::PRECONDITION_FAILED, message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    pub(super) fn storage_full() -> Self {
        let message = "the Hub's storage is full; nothing was stored";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, message).retry_after(STORAGE_PAUSE)
    }

    /// What it needs cannot be used now, and will be again without anybody's doing here.
    pub(super) fn unavailable() -> Self {
        let message = "the Hub cannot use its catalogue or storage now; ask again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(OUTAGE_PAUSE)
    }

    /// It is being done, and takes longer than a client is to wait.
    pub(super) fn still_reading() -> Self {
        let message = "the Hub is still reading what was uploaded; ask again in a moment";
        Self {
            code: Some(STILL_READING),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(OUTAGE_PAUSE)
        }
    }

    /// Too much is under way.
    pub(super) fn busy() -> Self {
        let message = "the Hub is working on too many requests; ask again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(Duration::from_secs(1))
    }

    /// Says when to ask again.
    pub(super) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub(super) fn internal() -> Self {
        let message = "the Hub failed; its log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

/// What the Hub itself runs into is its operator's business: clients are told no details.
impl From<HubError> for ApiError {
    fn from(error: HubError) -> Self {
        if error.is_nul_in_text() {
            return Self::bad_request("a text holds the character NUL, which cannot be stored");
        }
        if matches!(error, HubError::StillReading) {
            return Self::still_reading();
        }
        tracing::error!(error = %error_chain(&error), "a request failed");
        if error.is_storage_full() {
            return Self::storage_full();
        }
        let told = if error.is_outage() {
            Self::unavailable()
        } else {
            Self::internal()
        };
        Self {
            may_be_storage_full: error.may_be_storage_full(),
            ..told
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: self.message,
            code: self.code.map(str::to_owned),
        };
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 15.5.2: such an answer names a way to authenticate.
            let challenge = HeaderValue::from_static("Bearer realm=\"atlas-hub\"");
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(wait) = self.retry_after {
            // Whole seconds; no fraction of one may be lost.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, seconds.max(1).into());
        }
        if self.may_be_storage_full {
            response.extensions_mut().insert(MayBeStorageFull);
        }
        response
    }
}
