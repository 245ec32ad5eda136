//! What stands in a request, taken apart step by step, so that an error can name the field.

use super::AppState;
use super::error::ApiError;
use crate::context;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use jiff::Timestamp;
use release_types::{Channel, Platform};
use semver::Version;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::str::FromStr;

/// 0001-01-01T00:00:00Z. RFC 3339 has no way to write years below 0000, nor above 9999, which are not
/// parsed.
const FIRST_TIME: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// A body that is one JSON object, or nothing, which is an empty one. Its fields are read one at a
/// time; unknown ones are ignored.
#[derive(Debug)]
pub(super) struct JsonObject(pub(super) Map<String, Value>);

impl FromRequest<AppState> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let reading = Bytes::from_request(request, app);
        context::pause();
        let bytes = match tokio::time::timeout(app.hub.body_timeout(), reading).await {
            Ok(Ok(bytes)) => bytes,
            Err(_) => {
                let message = "the request's body took too long";
                return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, message));
            }
            Ok(Err(rejection)) => {
                let status = rejection.into_response().status();
                return Err(match status {
                    StatusCode::PAYLOAD_TOO_LARGE => {
                        ApiError::new(status, "the JSON body is longer than this path takes")
                    }
                    _ => ApiError::bad_request("the request's body ended early"),
                });
            }
        };
        if !context::resume() {
            return Err(ApiError::busy());
        }
        if bytes.is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            // As good as absent, like a field that is `null`.
            Ok(Value::Null) => Ok(Self(Map::new())),
            Ok(_) => Err(ApiError::bad_request("the body is JSON, but not an object")),
            Err(error) => Err(ApiError::bad_request(format!(
                "the body is not JSON: {error}"
            ))),
        }
    }
}

impl JsonObject {
    /// A field that may be absent or `null`.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text that may be absent.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        self.get(name).map(|value| text(name, value)).transpose()
    }

    /// A text that has to be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?
            .ok_or_else(|| ApiError::bad_request(format!("`{name}` is missing")))
    }

    /// A text that may be absent, parsed.
    pub(super) fn parsed<T: FromStr<Err: Display>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, ApiError> {
        self.text(name)?.map(|text| parsed(name, text)).transpose()
    }

    /// A time that may be absent.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let time = self.parsed(name)?;
        if time.is_some_and(|time| time < FIRST_TIME) {
            return Err(ApiError::bad_request(format!(
                "`{name}` is of a year before 0001"
            )));
        }
        Ok(time)
    }

    /// True or false; false when absent.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(ApiError::bad_request(format!(
                "`{name}` is neither true nor false"
            ))),
        }
    }

    /// A version of SemVer 2.0 that has to be there.
    pub(super) fn version(&self) -> Result<Version, ApiError> {
        let version = self.required("version")?;
        Version::parse(version).map_err(|error| {
            let version = version.escape_debug();
            ApiError::bad_request(format!("`version`: `{version}` is not SemVer 2.0: {error}"))
        })
    }

    /// A list with something in it, each of which has to be an object.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<JsonObject>, ApiError> {
        let values = match self.get(name) {
            Some(Value::Array(values)) if !values.is_empty() => values,
            _ => {
                let message = format!("`{name}` is not a list with something in it");
                return Err(ApiError::bad_request(message));
            }
        };
        let object = |(index, value): (usize, &Value)| match value {
            Value::Object(fields) => Ok(JsonObject(fields.clone())),
            _ => Err(ApiError::bad_request(format!(
                "`{name}[{index}]` is not an object"
            ))),
        };
        values.iter().enumerate().map(object).collect()
    }

    /// A channel; `stable` when absent.
    pub(super) fn channel(&self) -> Result<Channel, ApiError> {
        Ok(self.parsed("channel")?.unwrap_or(Channel::Stable))
    }
}

/// A value that has to be a text.
pub(super) fn text<'v>(name: &str, value: &'v Value) -> Result<&'v str, ApiError> {
    value
        .as_str()
        .ok_or_else(|| ApiError::bad_request(format!("`{name}` is not a text")))
}

/// A value that has to be a number of bytes.
pub(super) fn size(name: &str, value: &Value) -> Result<u64, ApiError> {
    value
        .as_u64()
        .filter(|size| i64::try_from(*size).is_ok())
        .ok_or_else(|| ApiError::bad_request(format!("`{name}` is not a number of bytes")))
}

/// A text that has to be something.
pub(super) fn parsed<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, ApiError> {
    text.parse()
        .map_err(|error| ApiError::bad_request(format!("`{name}`: {error}")))
}

/// The variable segments of a path, unescaped.
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let segments: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        match segments {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(_) => Err(ApiError::bad_request("the path is not valid UTF-8")),
        }
    }
}

/// The `channel` of a query; `stable` when absent.
pub(super) struct ChannelQuery(pub(super) Channel);

#[derive(serde::Deserialize)]
struct ChannelField {
    channel: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for ChannelQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query: Result<Query<ChannelField>, QueryRejection> =
            Query::from_request_parts(parts, state).await;
        let Ok(Query(ChannelField { channel })) = query else {
            return Err(ApiError::bad_request("the query cannot be read"));
        };
        match channel {
            Some(name) => Ok(Self(parsed("channel", &name)?)),
            None => Ok(Self(Channel::Stable)),
        }
    }
}

/// The platform of two segments.
pub(super) fn platform(os: &str, arch: &str) -> Result<Platform, ApiError> {
    Ok(Platform::new(parsed("os", os)?, parsed("arch", arch)?))
}
