//! Reading answers: bounded, and every way of saying no turned into a [`ClientError`].

use crate::address::host_of;
use crate::clock::{date, http_date};
use crate::text::{of_refusal, shown};
use crate::{AnswerProblem, ClientError, NetworkFault};
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::Url;

/// The longest JSON answer that is read, in bytes.
pub(crate) const MAX_JSON: u64 = 8 * 1024 * 1024;
/// How much of an error's body is read, in bytes.
const MAX_ERROR: u64 = 64 * 1024;
/// How long an error's body is waited for. The status is known by then, so this may be short.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What is being done with whom: the beginning of every message.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The host that is spoken with.
    pub(crate) host: String,
    /// Completes “cannot …”.
    pub(crate) what: String,
}

impl Call {
    pub(crate) fn unexpected(&self, problem: AnswerProblem) -> ClientError {
        let Self { host, what } = self.clone();
        ClientError::UnexpectedAnswer {
            host,
            what,
            problem,
        }
    }

    pub(crate) fn unreachable(&self, fault: NetworkFault) -> ClientError {
        let Self { host, what } = self.clone();
        ClientError::Unreachable {
            host,
            what,
            fault,
            source: None,
        }
    }

    /// The error of a request that got no answer, or of a body that broke off.
    pub(crate) fn failed(&self, error: reqwest::Error) -> ClientError {
        // The address may carry a signature.
        let error = error.without_url();
        let fault = if error.is_builder() {
            let why = "a request cannot be built";
            return ClientError::Setup {
                why,
                source: Some(error),
            };
        } else if error.is_timeout() {
            NetworkFault::Timeout
        } else if error.is_dns() {
            NetworkFault::Dns
        } else if error.is_connect() {
            NetworkFault::Connect
        } else {
            NetworkFault::Broken
        };
        let Self { host, what } = self.clone();
        ClientError::Unreachable {
            host,
            what,
            fault,
            source: Some(error),
        }
    }
}

/// Reads a JSON answer of at most [`MAX_JSON`] bytes.
pub(crate) async fn json<T: DeserializeOwned>(
    call: &Call,
    response: Response,
    secrets: &[&str],
) -> Result<T, ClientError> {
    let html = is_html(response.headers());
    let body = whole(call, response).await?;
    parsed(call, html, &body, secrets)
}

/// Whether an answer calls itself a web page.
pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    header(headers, &CONTENT_TYPE).is_some_and(|t| t.starts_with("text/html"))
}

/// Reads an answer of at most [`MAX_JSON`] bytes.
pub(crate) async fn whole(call: &Call, response: Response) -> Result<Vec<u8>, ClientError> {
    let too_large = || call.unexpected(AnswerProblem::TooLarge { limit: MAX_JSON });
    if response
        .content_length()
        .is_some_and(|length| length > MAX_JSON)
    {
        return Err(too_large());
    }
    let mut response = response;
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => break,
            Ok(Some(bytes)) if (body.len() + bytes.len()) as u64 > MAX_JSON => {
                return Err(too_large());
            }
            Ok(Some(bytes)) => body.extend_from_slice(&bytes),
            Err(error) if error.is_timeout() => return Err(call.failed(error)),
            Err(_) => return Err(call.unexpected(AnswerProblem::Truncated)),
        }
    }
    Ok(body)
}

/// The value that an answer's JSON says.
pub(crate) fn parsed<T: DeserializeOwned>(
    call: &Call,
    html: bool,
    body: &[u8],
    secrets: &[&str],
) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(|error| {
        let first = body.iter().find(|b| !b.is_ascii_whitespace());
        call.unexpected(if html || first == Some(&b'<') {
            AnswerProblem::Html
        } else if error.is_eof() {
            AnswerProblem::Truncated
        } else if error.is_data() {
            AnswerProblem::Shape(shown(&error.to_string(), secrets))
        } else {
            AnswerProblem::NotJson
        })
    })
}

/// An answer that is no success.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// What the server says about it, fit to be shown; never empty.
    pub(crate) message: String,
    /// The word it has for programs.
    pub(crate) code: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    /// The host a redirect points at.
    pub(crate) to: Option<String>,
}

impl Refusal {
    /// Reads what a server says about its refusal. A body that cannot be read changes nothing
    /// about the status, so it only costs the message.
    pub(crate) async fn read(mut response: Response, secrets: &[&str]) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let url = response.url().clone();
        let body = beginning(&mut response).await;
        Self::of(status, &headers, &url, &body, secrets)
    }

    /// The same of what has been read already, at most its beginning.
    pub(crate) fn of(
        status: StatusCode,
        headers: &HeaderMap,
        url: &Url,
        body: &[u8],
        secrets: &[&str],
    ) -> Self {
        let retry_after = retry_after(headers);
        let to = header(headers, &LOCATION).map(|location| match url.join(location) {
            Ok(url) => host_of(&url),
            Err(_) => "an address that cannot be read".to_owned(),
        });
        let Said { code, text } = said(&String::from_utf8_lossy(body));
        let message = of_refusal(status, &text.unwrap_or_default(), secrets);
        let message = if message.is_empty() {
            "it gave no reason".to_owned()
        } else {
            message
        };
        Self {
            status,
            message,
            code,
            retry_after,
            to,
        }
    }

    /// Whether waiting may help: 408, 425, 429 and 5xx, except those that say “never”.
    pub(crate) fn is_passing(&self) -> bool {
        match self.status.as_u16() {
            408 | 425 | 429 => true,
            501 | 505 | 507 => false,
            status => status >= 500,
        }
    }

    /// Whether the bytes did not arrive as they were announced. The second word is S3's.
    pub(crate) fn is_bad_digest(&self) -> bool {
        matches!(
            self.code.as_deref(),
            Some(release_types::BAD_DIGEST | "BadDigest")
        )
    }

    /// Whether the Hub is at work on it, and only has not done it yet.
    pub(crate) fn is_still_reading(&self) -> bool {
        self.code.as_deref() == Some(release_types::STILL_READING)
    }

    /// Whether something is stored under the key already and stays. Vercel Blob says so with 400,
    /// in words alone.
    pub(crate) fn is_already_stored(&self) -> bool {
        matches!(self.status.as_u16(), 409 | 412)
            || self.message.to_ascii_lowercase().contains("already exist")
    }

    /// The error of a call to the Hub, or of a download.
    pub(crate) fn into_error(self, call: &Call) -> ClientError {
        let Call { host, what } = call.clone();
        let passing = self.is_passing();
        let Self {
            status,
            message,
            code: _,
            retry_after,
            to,
        } = self;
        match status.as_u16() {
            429 => ClientError::RateLimited {
                host,
                what,
                status: 429,
                message,
                retry_after,
            },
            status if passing => ClientError::Unavailable {
                host,
                what,
                status,
                message,
                retry_after,
            },
            400 => ClientError::BadRequest {
                host,
                what,
                message,
            },
            401 => ClientError::Unauthorized {
                host,
                what,
                message,
            },
            403 => ClientError::Forbidden {
                host,
                what,
                message,
            },
            404 => ClientError::NotFound {
                host,
                what,
                message,
            },
            409 => ClientError::Conflict {
                host,
                what,
                message,
            },
            status @ 300..400 => {
                let to = to.unwrap_or_else(|| "no address at all".to_owned());
                ClientError::Redirected {
                    host,
                    what,
                    status,
                    to,
                }
            }
            status if status < 300 => call.unexpected(AnswerProblem::Status(status)),
            status => ClientError::Refused {
                host,
                what,
                status,
                message,
            },
        }
    }
}

/// The beginning of a refusal's body, as much as says why. A body that breaks off costs the rest.
pub(crate) async fn beginning(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    let reading = async {
        while let Ok(Some(bytes)) = response.chunk().await {
            let room = (MAX_ERROR as usize).saturating_sub(body.len());
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if bytes.len() >= room {
                break;
            }
        }
    };
    // Whatever has arrived by then is enough.
    tokio::time::timeout(ERROR_BODY_TIMEOUT, reading).await.ok();
    body
}

/// A header's value, where it is visible ASCII.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `Retry-After` in either form of RFC 9110, section 10.2.3. A date is measured from the answer's
/// own `Date`, so that a wrong clock here does not matter. A number that no integer holds is the largest
/// there is: who was told so is not to come back at once.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = header(headers, &RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::MAX);
    }
    let until = http_date(value)?;
    let now = date(headers).unwrap_or_else(Timestamp::now);
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

/// What an error's body says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    code: Option<String>,
    text: Option<String>,
}

/// Reads `{"error":"…"}` of the contract, where our own Hub may add a `code`,
/// `{"error":{"code":"…","message":"…"}}` of Vercel Blob, or the `Code` and `Message` of S3's XML.
/// Other bodies may hold anything, including what was signed, and are not shown.
fn said(body: &str) -> Said {
    let body = body.trim();
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(body) {
        let error = value.get("error").unwrap_or(&value);
        let field = |of: &serde_json::Value, name: &str| Some(of.get(name)?.as_str()?.to_owned());
        return Said {
            code: field(error, "code").or_else(|| field(&value, "code")),
            text: error
                .as_str()
                .map(str::to_owned)
                .or_else(|| field(error, "message")),
        };
    }
    if body.starts_with('<') {
        let element = |name: &str| {
            let (_, rest) = body.split_once(&format!("<{name}>"))?;
            Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
        };
        let (code, message) = (element("Code"), element("Message"));
        let text = match (&code, message) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(text), None) => text.clone(),
            (None, Some(text)) => text,
            (None, None) => "it answered with a web page".to_owned(),
        };
        return Said {
            code,
            text: Some(text),
        };
    }
    Said::default()
}

#[cfg(test)]
mod tests;
