//! A job of GitHub Actions that has no token of the Hub's: it asks GitHub for an ID token that is meant for
//! the Hub, and shows that.
//!
//! Where releases are published, it is exchanged for a deploy token of some minutes, which is used until
//! shortly before its end or until the Hub does not take it any more; then there is another exchange. A
//! call about a pack's build is made with an ID token of its own, as also a deployed Hub takes it.

use crate::address::{has_credentials, is_loopback};
use crate::answer::{self, Call, Refusal};
use crate::credential::Credential;
use crate::{AnswerProblem, ClientError, HubClient};
use jiff::{SignedDuration, Timestamp};
use release_types::{ExchangeRequest, ExchangedToken};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// What this way to a credential is called in messages.
const ID_TOKEN: &str = "request for an ID token";

/// How long before its end a token is replaced.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// For how long a token is used at least and at most, whatever the two clocks say. One that the Hub takes
/// no more before that is replaced when it says so.
const LEAST: Duration = Duration::from_secs(5 * 60);
const MOST: Duration = Duration::from_secs(60 * 60);

/// Who is told of secrets.
type Tell = dyn Fn(&SecretString) + Send + Sync;

/// Where a job gets ID tokens.
#[derive(Clone)]
pub struct JobIdentity {
    url: Url,
    bearer: SecretString,
    audience: Option<String>,
    tell: Arc<Tell>,
}

impl JobIdentity {
    /// What `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN` hold in a job that has the
    /// permission `id-token: write`.
    ///
    /// # Errors
    /// [`ClientError::InvalidToken`] when the address is not https (but for this machine), or the token
    /// cannot stand in a header.
    pub fn new(url: &str, token: &SecretString) -> Result<Self, ClientError> {
        let fault = |why| ClientError::InvalidToken {
            credential: ID_TOKEN,
            why,
        };
        let url = Url::parse(url.trim()).map_err(|_| fault("its address cannot be read"))?;
        if has_credentials(&url) || url.host().is_none() {
            return Err(fault("its address is no plain address of a server"));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => return Err(fault("its address is not https")),
        }
        let text = token.expose_secret().trim();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(fault("its token cannot stand in a header"));
        }
        Ok(Self {
            url,
            bearer: SecretString::from(text),
            audience: None,
            tell: Arc::new(|_| {}),
        })
    }

    /// What the Hub calls itself, where that is not the address that it is reached by.
    pub fn audience(mut self, audience: Option<String>) -> Self {
        self.audience = audience;
        self
    }

    /// Is told every secret before it is used, so that it can be kept out of logs.
    pub fn on_secret(mut self, tell: impl Fn(&SecretString) + Send + Sync + 'static) -> Self {
        self.tell = Arc::new(tell);
        self
    }
}

impl fmt::Debug for JobIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobIdentity")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// A job, with what it has got so far.
pub(crate) struct Job {
    identity: JobIdentity,
    /// Held by whoever exchanges, so that many calls at once make one exchange.
    short: tokio::sync::Mutex<Option<Short>>,
    /// Everything that must not be shown.
    secrets: Mutex<Vec<SecretString>>,
}

struct Short {
    credential: Arc<Credential>,
    until: Instant,
}

impl Job {
    pub(crate) fn new(identity: JobIdentity) -> Self {
        let secrets = Mutex::new(vec![identity.bearer.clone()]);
        Self {
            identity,
            short: tokio::sync::Mutex::default(),
            secrets,
        }
    }

    pub(crate) fn secrets(&self) -> Vec<SecretString> {
        let secrets = self.secrets.lock();
        secrets.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, secret: &SecretString) {
        (self.identity.tell)(secret);
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.push(secret.clone());
    }

    /// Does without a token that the Hub does not take any more.
    pub(crate) async fn drop_token(&self, used: &Arc<Credential>) {
        let mut short = self.short.lock().await;
        if short
            .as_ref()
            .is_some_and(|short| Arc::ptr_eq(&short.credential, used))
        {
            *short = None;
        }
    }
}

/// GitHub's answer.
#[derive(Deserialize)]
struct Issued {
    value: String,
}

impl HubClient {
    /// A deploy token for this job: the one that it has, or a new one.
    pub(crate) async fn short_token(&self, job: &Job) -> Result<Arc<Credential>, ClientError> {
        let mut short = job.short.lock().await;
        if let Some(short) = &*short
            && Instant::now() < short.until
        {
            return Ok(short.credential.clone());
        }
        let call = self.call("exchange the job's ID token for a deploy token");
        let request = ExchangeRequest {
            token: self.id_token(job).await?.expose_secret().to_owned(),
        };
        let body = serde_json::to_vec(&request).map_err(|error| ClientError::InvalidRequest {
            what: call.what.clone(),
            why: error.to_string(),
        })?;
        let url = self.hub().endpoint(&["api", "v1", "auth", "github"], None);
        let sent = self
            .http(&url)
            .post(url.clone())
            .timeout(self.request_timeout())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let response = sent.send().await.map_err(|error| call.failed(error))?;
        let secrets = self.secrets();
        if !response.status().is_success() {
            let refusal = Refusal::read(response, &secrets.texts()).await;
            return Err(match refusal.into_error(&call) {
                ClientError::Unauthorized {
                    host,
                    what,
                    message,
                } => ClientError::Untrusted {
                    host,
                    what,
                    message,
                },
                other => other,
            });
        }
        let answer: ExchangedToken = answer::json(&call, response, &secrets.texts()).await?;
        let token = SecretString::from(answer.token);
        job.note(&token);
        let credential = Arc::new(Credential::deploy(&token)?);
        let left = answer.expires_at.duration_since(Timestamp::now()) - MARGIN;
        let left = Duration::try_from(left).unwrap_or_default();
        *short = Some(Short {
            credential: credential.clone(),
            until: Instant::now() + left.clamp(LEAST, MOST),
        });
        Ok(credential)
    }

    /// An ID token of this job, for this Hub and for one use.
    pub(crate) async fn id_token(&self, job: &Job) -> Result<SecretString, ClientError> {
        let asked = self.ask_for_id_token(job).await;
        asked.map_err(|error| ClientError::NoIdToken(Box::new(error)))
    }

    async fn ask_for_id_token(&self, job: &Job) -> Result<SecretString, ClientError> {
        let identity = &job.identity;
        let call = Call {
            host: crate::address::host_of(&identity.url),
            what: "get an ID token for this job".to_owned(),
        };
        let mut url = identity.url.clone();
        let hub = self.hub().to_string();
        let audience = identity.audience.as_deref().unwrap_or(&hub);
        url.query_pairs_mut().append_pair("audience", audience);
        let bearer = format!("Bearer {}", identity.bearer.expose_secret());
        let mut bearer = HeaderValue::from_str(&bearer)
            .map_err(|_| call.unexpected(AnswerProblem::Unusable("the token to ask with")))?;
        bearer.set_sensitive(true);
        let request = self
            .http(&url)
            .get(url.clone())
            .timeout(self.request_timeout())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, bearer);
        let response = request.send().await.map_err(|error| call.failed(error))?;
        let secrets = self.secrets();
        if !response.status().is_success() {
            let refusal = Refusal::read(response, &secrets.texts()).await;
            return Err(refusal.into_error(&call));
        }
        let issued: Issued = answer::json(&call, response, &secrets.texts()).await?;
        if issued.value.trim().is_empty() {
            return Err(call.unexpected(AnswerProblem::Unusable("an empty ID token")));
        }
        let token = SecretString::from(issued.value);
        job.note(&token);
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_secret_goes_nowhere_unencrypted() {
        let new = |url: &str, token: &str| JobIdentity::new(url, &SecretString::from(token));
        for good in [
            "https://vstoken.example/x?api-version=2.0",
            "http://127.0.0.1:4711/x",
            "http://localhost:4711",
        ] {
            let identity = new(good, "hush").unwrap();
            assert!(!format!("{identity:?}").contains("hush"));
        }
        for bad in [
            "",
            "vstoken.example",
            "http://vstoken.example/x",
            "http://10.0.0.1/x",
            "ftp://vstoken.example/x",
            "https://a:b@vstoken.example/x",
        ] {
            let refused = new(bad, "hush").unwrap_err();
            assert!(matches!(refused, ClientError::InvalidToken { .. }), "{bad}");
            assert!(!refused.to_string().contains("hush"));
        }
        for bad in ["", "  ", "a b", "a\nb", "ä"] {
            assert!(new("https://vstoken.example", bad).is_err(), "{bad:?}");
        }
    }
}
