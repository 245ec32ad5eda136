//! Requests by this crate's rules without the Hub, for other services that files are published at:
//! nothing is redirected with a credential, no answer is read without a bound, files go in bounded
//! memory, and this machine is never spoken with through a proxy.
//!
//! What a service's answers mean is its caller's to know.

use crate::address::{can_be_sent, host_of, is_loopback};
use crate::answer::{self, Call, Refusal, header};
use crate::builder::clients;
use crate::clock::date;
use crate::download::{MAX_REDIRECTS, received, target};
use crate::file_body::{self, Progress, Source};
use crate::retry::{Counting, Notify};
use crate::text::shown;
use crate::{
    AnswerProblem, ClientError, Downloaded, NetworkFault, RetryNotice, RetryPolicy, retry,
};
use jiff::Timestamp;
use release_types::Sha256Digest;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// The settings of a [`Transport`].
pub struct TransportSettings {
    /// What it calls itself.
    pub user_agent: String,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long one request may take in all, but for the bytes of files.
    pub request_timeout: Duration,
    /// How long the bytes of a file may stand still.
    pub stall_timeout: Duration,
    /// When attempts are repeated.
    pub retry: RetryPolicy,
    /// What no message may show. Of less than eight bytes it is not looked for.
    pub secrets: Vec<SecretString>,
    /// Is told of every repetition before the wait for it.
    pub on_retry: Arc<dyn Fn(&RetryNotice<'_>) + Send + Sync>,
}

impl Default for TransportSettings {
    /// As for a Hub: 10, 30 and 60 seconds, and the usual attempts.
    fn default() -> Self {
        Self {
            user_agent: concat!("hub-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(60),
            retry: RetryPolicy::default(),
            secrets: Vec::new(),
            on_retry: Arc::new(|_| {}),
        }
    }
}

/// Makes requests to any service.
pub struct Transport {
    proxied: Client,
    direct: Client,
    request_timeout: Duration,
    stall_timeout: Duration,
    retry: RetryPolicy,
    secrets: Arc<[SecretString]>,
    notify: Arc<Notify>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Sending {
    /// Completes “cannot …”.
    pub what: String,
    /// The method, such as `GET`.
    pub method: Method,
    /// Where it goes. The caller answers for it that its headers may go there.
    pub url: Url,
    /// All headers but those of the length and of the connection. Mark secret ones as sensitive.
    pub headers: HeaderMap,
    /// The body, if there is one.
    pub body: Option<Vec<u8>>,
}

/// A file that is to be a body, as it was measured.
#[derive(Debug, Clone)]
pub struct FileBody {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Their digest.
    pub sha256: Sha256Digest,
}

/// What came back, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; of a refusal at most its beginning.
    pub body: Vec<u8>,
    call: Call,
    refusal: Refusal,
    secrets: Arc<[SecretString]>,
}

impl Transport {
    /// Makes one. No connection is made.
    ///
    /// # Errors
    /// When TLS cannot be set up: no rustls provider is installed for the process, or the system has no
    /// trusted certificates.
    pub fn new(settings: TransportSettings) -> Result<Self, ClientError> {
        let (proxied, direct) = clients(&settings.user_agent, settings.connect_timeout)?;
        Ok(Self {
            proxied,
            direct,
            request_timeout: settings.request_timeout,
            stall_timeout: settings.stall_timeout,
            retry: settings.retry,
            secrets: settings.secrets.into(),
            notify: settings.on_retry,
        })
    }

    /// Makes attempts until one succeeds, fails for good ([`ClientError::is_passing`] says which do not),
    /// or it has been enough. `what` completes “cannot …”.
    ///
    /// # Errors
    /// The last attempt's.
    pub async fn attempts<T, Fut>(
        &self,
        what: &str,
        attempt: impl FnMut() -> Fut,
    ) -> Result<T, ClientError>
    where
        Fut: Future<Output = Result<T, ClientError>>,
    {
        let (policy, notify) = (&self.retry, &*self.notify);
        let passing = ClientError::is_passing;
        retry::run(policy, what, notify, passing, Counting::All, attempt).await
    }

    /// Makes a request, once, and reads what comes back.
    ///
    /// # Errors
    /// When no answer comes, or a successful one cannot be read to its end.
    pub async fn ask(&self, request: &Sending) -> Result<Answer, ClientError> {
        let call = call(request, &request.url);
        let mut builder = self
            .http(&call, &request.url)?
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .timeout(self.request_timeout);
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let response = builder.send().await.map_err(|error| call.failed(error))?;
        self.answer(call, response).await
    }

    /// Sends a file as the body of a request, once. `on_progress` is told the number of bytes given to the
    /// network so far, 0 at the beginning.
    ///
    /// # Errors
    /// [`ClientError::FileChanged`] when the file is not what was announced, which is seen before its
    /// last bytes go; and as for [`Transport::ask`].
    pub async fn send_file(
        &self,
        request: &Sending,
        file: &FileBody,
        on_progress: Arc<dyn Fn(u64) + Send + Sync>,
    ) -> Result<Answer, ClientError> {
        let call = call(request, &request.url);
        let mut headers = request.headers.clone();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(file.size));
        let builder = self
            .http(&call, &request.url)?
            .request(request.method.clone(), request.url.clone())
            .headers(headers);
        let source = Source {
            path: file.path.clone(),
            size: file.size,
            expected: file.sha256,
        };
        let progress: Progress = on_progress;
        progress(0);
        let (limit, whole) = (self.stall_timeout, AtomicBool::new(false));
        let sent = file_body::send(&call, builder, &source, &progress, limit, &whole).await?;
        let reading = self.answer(call.clone(), sent);
        match timeout(self.request_timeout, reading).await {
            Ok(answer) => answer,
            Err(_) => Err(call.unreachable(NetworkFault::Timeout)),
        }
    }

    /// Reads bytes for their digest alone, at most `limit` of them, once. Redirects are followed where it
    /// is safe, and none of the request's headers goes along. What is no success is handed back.
    ///
    /// # Errors
    /// When the bytes do not come, or more than `limit` do, or a redirect leads where it must not.
    pub async fn digest(
        &self,
        request: &Sending,
        limit: u64,
        on_progress: &(impl Fn(u64) + Sync),
    ) -> Result<Result<Downloaded, Answer>, ClientError> {
        on_progress(0);
        let (mut url, mut headers) = (request.url.clone(), request.headers.clone());
        for _ in 0..=MAX_REDIRECTS {
            let call = call(request, &url);
            // The digest is that of the stored bytes, not of a compressed copy.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            let builder = self.http(&call, &url)?.get(url.clone()).headers(headers);
            let response = match timeout(self.request_timeout, builder.send()).await {
                Err(_) => return Err(call.unreachable(NetworkFault::Timeout)),
                Ok(response) => response.map_err(|error| call.failed(error))?,
            };
            match response.status().as_u16() {
                200 => {
                    let (patience, mut sink) = (self.stall_timeout, tokio::io::sink());
                    let read =
                        received(&call, response, limit, patience, &mut sink, on_progress).await?;
                    return Ok(Ok(read));
                }
                301 | 302 | 303 | 307 | 308 => {
                    url = target(&call, &url, &response)?;
                    headers = HeaderMap::new();
                }
                _ => return Ok(Err(self.answer(call, response).await?)),
            }
        }
        Err(call(request, &url).unexpected(AnswerProblem::TooManyRedirects))
    }

    /// The client for a request, if one can be made to its address, which may be a service's own word.
    fn http(&self, call: &Call, url: &Url) -> Result<&Client, ClientError> {
        if !can_be_sent(url) {
            return Err(call.unexpected(AnswerProblem::Unusable("an address")));
        }
        Ok(self.direct_or_proxied(url))
    }

    fn direct_or_proxied(&self, url: &Url) -> &Client {
        match is_loopback(url) {
            true => &self.direct,
            false => &self.proxied,
        }
    }

    async fn answer(&self, call: Call, mut response: Response) -> Result<Answer, ClientError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let url = response.url().clone();
        let body = match status.is_success() {
            true => answer::whole(&call, response).await?,
            false => answer::beginning(&mut response).await,
        };
        let secrets = texts(&self.secrets);
        Ok(Answer {
            refusal: Refusal::of(status, &headers, &url, &body, &secrets),
            secrets: self.secrets.clone(),
            status,
            headers,
            body,
            call,
        })
    }
}

impl Answer {
    /// The value that its JSON says.
    ///
    /// # Errors
    /// When it is no JSON, or of another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        let html = answer::is_html(&self.headers);
        answer::parsed(&self.call, html, &self.body, &texts(&self.secrets))
    }

    /// A header, where it is visible ASCII.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        header(&self.headers, name)
    }

    /// How long it asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal.retry_after
    }

    /// When it says that it was made.
    pub fn date(&self) -> Option<Timestamp> {
        date(&self.headers)
    }

    /// What it says about its refusal, fit to be shown.
    pub fn message(&self) -> &str {
        &self.refusal.message
    }

    /// A text of its body, fit to be shown.
    pub fn fit(&self, text: &str) -> String {
        shown(text, &texts(&self.secrets))
    }

    /// The host that gave it.
    pub fn host(&self) -> &str {
        &self.call.host
    }

    /// What was asked; completes “cannot …”.
    pub fn what(&self) -> &str {
        &self.call.what
    }

    /// The error that its status means by HTTP alone.
    pub fn into_error(self) -> ClientError {
        self.refusal.into_error(&self.call)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl fmt::Debug for TransportSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportSettings").finish_non_exhaustive()
    }
}

/// The secrets that are looked for: shorter ones guard nothing, and would be found in any text.
fn texts(secrets: &[SecretString]) -> Vec<&str> {
    let texts = secrets.iter().map(|secret| secret.expose_secret());
    texts.filter(|text| text.len() >= 8).collect()
}

fn call(request: &Sending, url: &Url) -> Call {
    Call {
        host: host_of(url),
        what: request.what.clone(),
    }
}
