//! The client itself, and how a JSON call to the Hub is made.

use crate::address::{LONGEST, can_be_sent, is_loopback};
use crate::answer::{self, Call, Refusal};
use crate::clock::Clock;
use crate::credential::Credential;
use crate::held::Held;
use crate::job::Job;
use crate::retry::{Counting, LONGEST_PAUSE};
use crate::turns::Turns;
use crate::{ClientError, HubUrl, RetryNotice, RetryPolicy, retry};
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A client of one Hub. Clones share connections and settings.
#[derive(Clone)]
pub struct HubClient(pub(crate) Arc<Inner>);

/// What the clones share.
pub(crate) struct Inner {
    /// Goes through the system's proxy where there is one.
    pub(crate) proxied: reqwest::Client,
    /// For this machine: a proxy would carry plain http, and the token in it, elsewhere.
    pub(crate) direct: reqwest::Client,
    pub(crate) hub: HubUrl,
    pub(crate) deploy_token: Option<Credential>,
    pub(crate) pack_token: Option<Credential>,
    pub(crate) admin_token: Option<Credential>,
    pub(crate) job: Option<Job>,
    pub(crate) request_timeout: Duration,
    pub(crate) stall_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) notify: Arc<retry::Notify>,
    pub(crate) clock: Clock,
    /// When downloads may be asked for again.
    pub(crate) turns: Turns,
}

/// Whom a call is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Nobody: no token is sent.
    Anyone,
    /// Whoever may publish.
    Publisher,
    /// Whoever may make builds of a pack.
    Builder,
    /// An administrator.
    Admin,
}

/// Which failures are followed by another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Every passing one: the call says the same however often it is made.
    Passing,
    /// Those where the request was certainly never acted on.
    Unsent,
    /// Every passing one; and being told to come back later (429) does not count as one, since it is one
    /// of many calls that are made in a row.
    InTurn,
}

/// A JSON call to the Hub.
pub(crate) struct Request<'a, B> {
    pub(crate) what: String,
    pub(crate) method: Method,
    pub(crate) segments: &'a [&'a str],
    pub(crate) query: Option<&'a str>,
    pub(crate) body: Option<&'a B>,
    pub(crate) caller: Caller,
    pub(crate) repeat: Repeat,
}

impl HubClient {
    /// The Hub's address.
    pub fn hub(&self) -> &HubUrl {
        &self.0.hub
    }

    /// Whether presign and publish have a credential to go with.
    pub fn can_publish(&self) -> bool {
        let Inner {
            deploy_token,
            admin_token,
            job,
            ..
        } = &*self.0;
        deploy_token.is_some() || admin_token.is_some() || job.is_some()
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        self.0.request_timeout
    }

    pub(crate) fn stall_timeout(&self) -> Duration {
        self.0.stall_timeout
    }

    /// The right HTTP client for the address. It follows no redirects and sends no token.
    pub(crate) fn http(&self, url: &Url) -> &reqwest::Client {
        if is_loopback(url) {
            &self.0.direct
        } else {
            &self.0.proxied
        }
    }

    /// What a call to the Hub is called in messages.
    pub(crate) fn call(&self, what: impl Into<String>) -> Call {
        Call {
            host: self.0.hub.host(),
            what: what.into(),
        }
    }

    /// Makes attempts by the client's policy.
    pub(crate) async fn attempts<T, Fut>(
        &self,
        what: &str,
        repeat: Repeat,
        attempt: impl FnMut() -> Fut,
    ) -> Result<T, ClientError>
    where
        Fut: Future<Output = Result<T, ClientError>>,
    {
        let (passing, counting): (fn(&ClientError) -> bool, _) = match repeat {
            Repeat::Passing => (ClientError::is_passing, Counting::All),
            Repeat::Unsent => (ClientError::is_unsent, Counting::All),
            Repeat::InTurn => (ClientError::is_passing, Counting::Unlimited),
        };
        let Inner { retry, notify, .. } = &*self.0;
        retry::run(retry, what, &**notify, passing, counting, attempt).await
    }

    /// Makes a JSON call and reads its answer.
    pub(crate) async fn send<B: Serialize, T: DeserializeOwned>(
        &self,
        request: Request<'_, B>,
    ) -> Result<T, ClientError> {
        match self.exchange(&request).await? {
            Ok(answer) => Ok(answer),
            Err((call, refusal)) => Err(refusal.into_error(&call)),
        }
    }

    /// The same for a call before which the Hub may have to read what was uploaded: see
    /// [`HubClient::exchange_patiently`].
    pub(crate) async fn send_patiently<B: Serialize, T: DeserializeOwned>(
        &self,
        request: Request<'_, B>,
        patience: Duration,
    ) -> Result<T, ClientError> {
        match self.exchange_patiently(&request, patience).await? {
            Ok(answer) => Ok(answer),
            Err((call, refusal)) => Err(refusal.into_error(&call)),
        }
    }

    /// Makes a call, and makes it again while the Hub says that it reads what was uploaded, whatever the
    /// number of attempts, until `patience` has passed.
    async fn exchange_patiently<B: Serialize, T: DeserializeOwned>(
        &self,
        request: &Request<'_, B>,
        patience: Duration,
    ) -> Result<Result<T, (Call, Refusal)>, ClientError> {
        let Inner { retry, notify, .. } = &*self.0;
        let (began, mut failed) = (Instant::now(), 0);
        loop {
            let (call, refusal) = match self.exchange(request).await? {
                Ok(answer) => return Ok(Ok(answer)),
                Err(refused) => refused,
            };
            let asked = refusal.retry_after.unwrap_or_default();
            let delay = asked.min(retry.retry_after_cap).max(retry.min_delay);
            let is_long = asked > LONGEST_PAUSE || began.elapsed() + delay > patience;
            if !refusal.is_still_reading() || is_long {
                return Ok(Err((call, refusal)));
            }
            let error = refusal.into_error(&call);
            failed += 1;
            notify(&RetryNotice {
                what: &call.what,
                failed,
                attempts: 0,
                delay,
                error: &error,
            });
            tokio::time::sleep(delay).await;
        }
    }

    /// How long a Hub is waited for that says it is at work, whatever the work.
    pub(crate) fn patience(&self) -> Duration {
        self.0.retry.deadline
    }

    /// The same for something that need not be there: 404 is `None`.
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        request: Request<'_, ()>,
    ) -> Result<Option<T>, ClientError> {
        let patience = self.0.retry.deadline;
        match self.exchange_patiently(&request, patience).await? {
            Ok(answer) => Ok(Some(answer)),
            Err((_, refusal)) if refusal.status == StatusCode::NOT_FOUND => Ok(None),
            Err((call, refusal)) => Err(refusal.into_error(&call)),
        }
    }

    /// Makes a JSON call; an answer that says no, and not only for now, is handed on as it is.
    pub(crate) async fn exchange<B: Serialize, T: DeserializeOwned>(
        &self,
        request: &Request<'_, B>,
    ) -> Result<Result<T, (Call, Refusal)>, ClientError> {
        let call = self.call(&request.what);
        let url = self.0.hub.endpoint(request.segments, request.query);
        if !can_be_sent(&url) {
            let why = format!("its address would be longer than {LONGEST} bytes");
            let what = call.what;
            return Err(ClientError::InvalidRequest { what, why });
        }
        let body = request.body.map(serde_json::to_vec).transpose();
        let body = body.map_err(|error| ClientError::InvalidRequest {
            what: call.what.clone(),
            why: error.to_string(),
        })?;
        let call = &call;
        // That there is none yet has done nothing at the Hub, whatever the call would do.
        let hold = || self.hold(request.caller, call);
        let first = self.attempts(&call.what, Repeat::Passing, hold).await?;
        let first = Mutex::new(Some(first));
        let send = async |held: &Held<'_>| {
            let mut builder = self
                .http(&url)
                .request(request.method.clone(), url.clone())
                .timeout(self.0.request_timeout)
                .header(ACCEPT, "application/json");
            if request.method == Method::GET {
                // What was just published must not be judged by an older copy.
                builder = builder.header(CACHE_CONTROL, "no-cache");
            }
            if let Some(credential) = held.credential() {
                builder = credential.put_into(builder);
            }
            if let Some(body) = &body {
                builder = builder
                    .header(CONTENT_TYPE, "application/json")
                    .body(body.clone());
            }
            builder.send().await.map_err(|error| call.failed(error))
        };
        let attempt = || async {
            let held = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            let held = match held {
                Some(held) => held,
                None => self.hold(request.caller, call).await?,
            };
            let mut before = Timestamp::now();
            let mut response = send(&held).await?;
            if response.status() == StatusCode::UNAUTHORIZED && self.let_go(&held).await {
                let held = self.hold(request.caller, call).await?;
                before = Timestamp::now();
                response = send(&held).await?;
            }
            // An answer that may have been kept on the way tells an old time.
            if request.method == Method::POST {
                self.0.clock.note(before, response.headers());
            }
            let secrets = self.secrets();
            if response.status().is_success() {
                let answer = answer::json(call, response, &secrets.texts()).await;
                return answer.map(Ok);
            }
            let refusal = Refusal::read(response, &secrets.texts()).await;
            if refusal.is_passing() && !refusal.is_still_reading() {
                return Err(refusal.into_error(call));
            }
            Ok(Err((call.clone(), refusal)))
        };
        self.attempts(&call.what, request.repeat, attempt).await
    }
}

impl fmt::Debug for HubClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubClient")
            .field("hub", &self.0.hub)
            .finish_non_exhaustive()
    }
}
