//! GitHub's REST API, as much of it as releases need. Every call here is made once; who calls it decides
//! what is safe to repeat.
//!
//! What GitHub documents of limits is kept to: whoever is told to wait (by 403 or 429, with
//! `Retry-After`, with the time of the next window, or in words alone) makes no call at all before.

use super::address::{ApiUrl, Repository};
use super::answers::{asked_to_wait, refused, says, value};
use super::assets::Asset;
use super::error::GithubReleaseError;
use super::wire::{Change, RemoteAsset, RemoteRelease};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hub_client::{
    Answer, ClientError, Downloaded, FileBody, RetryNotice, RetryPolicy, Sending, Transport,
    TransportSettings,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The version of the API that is asked for.
const VERSION: HeaderValue = HeaderValue::from_static("2022-11-28");

/// How long a call is tried. Who is told to wait for longer than what is left gives up.
const DEADLINE: Duration = Duration::from_secs(30 * 60);

/// More than this nobody is asked to wait; it is far beyond the deadline, so that such a run gives up.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

/// A repository on GitHub, and the credential to change it.
pub struct GitHub {
    transport: Transport,
    api: ApiUrl,
    repository: Repository,
    headers: HeaderMap,
    /// Before when no call is to be made.
    pause: Mutex<Option<Instant>>,
    /// What GitHub's clock showed last, and when that was.
    clock: Mutex<Option<(Timestamp, Instant)>>,
}

/// What became of an upload.
pub(super) enum Sent {
    /// It was taken.
    Taken(RemoteAsset),
    /// There is something of this name.
    Exists,
}

impl GitHub {
    /// Begins to speak with GitHub about a repository. No connection is made.
    ///
    /// # Errors
    /// When the credential cannot stand in a header, or TLS cannot be set up.
    pub fn new(
        api: ApiUrl,
        repository: Repository,
        token: &SecretString,
        user_agent: String,
        on_retry: impl Fn(&RetryNotice<'_>) + Send + Sync + 'static,
    ) -> Result<Self, GithubReleaseError> {
        let text = token.expose_secret();
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(GithubReleaseError::Token);
        }
        let authorization = HeaderValue::from_str(&format!("Bearer {text}"));
        let mut authorization = authorization.map_err(|_| GithubReleaseError::Token)?;
        authorization.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization);
        let json = HeaderValue::from_static("application/vnd.github+json");
        headers.insert(ACCEPT, json);
        headers.insert(HeaderName::from_static("x-github-api-version"), VERSION);
        let transport = Transport::new(TransportSettings {
            user_agent,
            retry: RetryPolicy {
                retry_after_cap: LONGEST_ASKED,
                deadline: DEADLINE,
                ..RetryPolicy::default()
            },
            secrets: vec![token.clone()],
            on_retry: Arc::new(on_retry),
            ..TransportSettings::default()
        })?;
        Ok(Self {
            transport,
            api,
            repository,
            headers,
            pause: Mutex::default(),
            clock: Mutex::default(),
        })
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The address of the API.
    pub fn api(&self) -> &ApiUrl {
        &self.api
    }

    /// Makes attempts, as long as what fails may pass.
    pub(super) async fn attempts<T, Fut>(
        &self,
        what: &str,
        attempt: impl FnMut() -> Fut,
    ) -> Result<T, ClientError>
    where
        Fut: Future<Output = Result<T, ClientError>>,
    {
        self.transport.attempts(what, attempt).await
    }

    /// The time on GitHub's clock, by its last answer; this machine's where it told none.
    pub(super) fn now(&self) -> Timestamp {
        match *self.clock.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((then, since)) => {
                let passed = SignedDuration::try_from(since.elapsed()).unwrap_or_default();
                then.checked_add(passed).unwrap_or(then)
            }
            None => Timestamp::now(),
        }
    }

    /// All releases that the credential may see, drafts too.
    pub(super) async fn releases(&self) -> Result<Vec<RemoteRelease>, ClientError> {
        let what = format!("list the releases of {}", self.repository);
        self.pages(&what, &["releases"]).await
    }

    /// All assets of a release, finished or not.
    pub(super) async fn assets(&self, release: u64) -> Result<Vec<RemoteAsset>, ClientError> {
        let what = format!("list the files of a release of {}", self.repository);
        let id = release.to_string();
        self.pages(&what, &["releases", &id, "assets"]).await
    }

    /// Makes a release.
    pub(super) async fn create(&self, release: &Change<'_>) -> Result<RemoteRelease, ClientError> {
        let what = format!("make a draft of {}", release.tag_name);
        let request = self.request(what, Method::POST, &["releases"], &[]);
        let made = self.changed(with_body(request, release)?).await;
        made.map_err(|error| match error {
            // To a credential that may read alone there is nothing to write to.
            ClientError::NotFound {
                host,
                what,
                message,
            } => ClientError::Refused {
                host,
                what,
                status: 404,
                message,
            },
            error => error,
        })
    }

    /// Changes a release.
    pub(super) async fn edit(
        &self,
        release: u64,
        change: &Change<'_>,
    ) -> Result<RemoteRelease, ClientError> {
        let what = format!("publish {}", change.tag_name);
        let id = release.to_string();
        let request = self.request(what, Method::PATCH, &["releases", &id], &[]);
        self.changed(with_body(request, change)?).await
    }

    /// Removes a draft. One that is gone already is as good.
    pub(super) async fn remove_release(&self, release: u64) -> Result<(), ClientError> {
        let id = release.to_string();
        self.remove("remove a draft", &["releases", &id]).await
    }

    /// Removes an asset. One that is gone already is as good.
    pub(super) async fn remove_asset(&self, asset: &RemoteAsset) -> Result<(), ClientError> {
        let what = format!("remove the unfinished {}", asset.name);
        let id = asset.id.to_string();
        self.remove(&what, &["releases", "assets", &id]).await
    }

    /// Sends a file.
    pub(super) async fn upload(
        &self,
        release: &RemoteRelease,
        asset: &Asset,
        progress: Arc<dyn Fn(u64) + Send + Sync>,
    ) -> Result<Sent, ClientError> {
        let mut request = self.request(format!("upload {}", asset.name), Method::POST, &[], &[]);
        let to = self
            .api
            .upload(&release.upload_url, release.id, &asset.name);
        request.url = to.map_err(|(to, why)| ClientError::Insecure {
            host: hub_client::host_of(&request.url),
            what: request.what.clone(),
            to,
            why,
        })?;
        let bytes = HeaderValue::from_static("application/octet-stream");
        request.headers.insert(CONTENT_TYPE, bytes);
        let file = FileBody {
            path: asset.path.clone(),
            size: asset.size,
            sha256: asset.sha256,
        };
        self.turn().await;
        let answer = self.transport.send_file(&request, &file, progress).await?;
        let answer = self.settled(answer)?;
        if answer.status == StatusCode::UNPROCESSABLE_ENTITY && says(&answer, "already_exists") {
            return Ok(Sent::Exists);
        }
        Ok(Sent::Taken(value(answer)?))
    }

    /// The digest of an asset, by reading all of it.
    pub(super) async fn digest(
        &self,
        asset: &RemoteAsset,
        progress: &(impl Fn(u64) + Sync),
    ) -> Result<Downloaded, ClientError> {
        let what = format!("read {} back", asset.name);
        let id = asset.id.to_string();
        let path = ["releases", "assets", &id];
        let mut request = self.request(what, Method::GET, &path, &[]);
        let bytes = HeaderValue::from_static("application/octet-stream");
        request.headers.insert(ACCEPT, bytes);
        self.turn().await;
        let read = self
            .transport
            .digest(&request, asset.size, progress)
            .await?;
        match read {
            Ok(read) => Ok(read),
            Err(answer) => Err(refused(self.settled(answer)?)),
        }
    }

    pub(super) fn request(
        &self,
        what: String,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Sending {
        let Repository { owner, name } = &self.repository;
        let segments = [&["repos", owner, name], path].concat();
        Sending {
            what,
            method,
            url: self.api.endpoint(&segments, query),
            headers: self.headers.clone(),
            body: None,
        }
    }

    async fn changed(&self, request: Sending) -> Result<RemoteRelease, ClientError> {
        value(self.ask(&request).await?)
    }

    async fn remove(&self, what: &str, path: &[&str]) -> Result<(), ClientError> {
        let request = self.request(what.to_owned(), Method::DELETE, path, &[]);
        let answer = self.ask(&request).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(refused(answer)),
        }
    }

    /// Makes a call without a file, when it is its turn; a refusal that may pass is an error.
    pub(super) async fn ask(&self, request: &Sending) -> Result<Answer, ClientError> {
        self.turn().await;
        self.settled(self.transport.ask(request).await?)
    }

    /// Waits until calls may be made.
    async fn turn(&self) {
        loop {
            let until = *self.pause.lock().unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return,
            }
        }
    }

    /// Takes note of what an answer says to all calls, and makes an error of what may pass.
    fn settled(&self, answer: Answer) -> Result<Answer, ClientError> {
        if let Some(date) = answer.date() {
            let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
            *clock = Some((date, Instant::now()));
        }
        if let Some(wait) = asked_to_wait(&answer) {
            let until = Instant::now() + wait.min(DEADLINE);
            let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
            *pause = Some(pause.map_or(until, |before| before.max(until)));
            return Err(ClientError::RateLimited {
                host: answer.host().to_owned(),
                what: answer.what().to_owned(),
                status: answer.status.as_u16(),
                message: answer.message().to_owned(),
                retry_after: Some(wait),
            });
        }
        match answer.status.as_u16() {
            408 | 425 | 500.. => Err(answer.into_error()),
            _ => Ok(answer),
        }
    }
}

fn with_body(mut request: Sending, body: &impl Serialize) -> Result<Sending, ClientError> {
    let json = serde_json::to_vec(body).map_err(|error| ClientError::InvalidRequest {
        what: request.what.clone(),
        why: error.to_string(),
    })?;
    let kind = HeaderValue::from_static("application/json");
    request.headers.insert(CONTENT_TYPE, kind);
    request.body = Some(json);
    Ok(request)
}
