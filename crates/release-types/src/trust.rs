//! What a job that has no token of the Hub's shows instead, and what it gets for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The header that carries the ID token of a GitHub Actions job.
pub const OIDC_TOKEN_HEADER: &str = "x-atlas-oidc-token";

/// `POST /api/v1/auth/github`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRequest {
    /// The job's ID token, a JWT. Never log it.
    pub token: String,
}

/// The answer to [`ExchangeRequest`]: a deploy token that is good for a few minutes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExchangedToken {
    /// The token. Never log it.
    pub token: String,
    /// When it stops working.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schema::Time))]
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for ExchangeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExchangeRequest")
            .field("token", &"***")
            .finish()
    }
}

impl std::fmt::Debug for ExchangedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExchangedToken")
            .field("token", &"***")
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_the_contracts_and_debug_shows_no_token() {
        let answer = r#"{"token":"atlas_app_1","expiresAt":"2026-01-31T12:00:00Z"}"#;
        let token: ExchangedToken = serde_json::from_str(answer).unwrap();
        assert_eq!(serde_json::to_string(&token).unwrap(), answer);
        let request = ExchangeRequest {
            token: "ey.J.W".to_owned(),
        };
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"token":"ey.J.W"}"#
        );
        let shown = format!("{token:?} {request:?}");
        assert!(!shown.contains("atlas_app_1") && !shown.contains("ey.J.W"));
    }
}
