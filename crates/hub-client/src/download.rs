//! Downloads: redirects followed by hand, bytes hashed as they arrive, never more than expected.
//!
//! A deployed Hub allows 120 downloads a minute: being told to come back later (429) counts for nothing but
//! time, up to the deadline. What one of them is told is meant for all.
//!
//! Nothing is cached, although a deployed Hub marks its redirects as good for a year: the
//! addresses they name expire within minutes.

use crate::address::{can_be_sent, host_of, may_go};
use crate::answer::{Call, Refusal, header};
use crate::client::Repeat;
use crate::{AnswerProblem, ClientError, HubClient, NetworkFault};
use release_types::Sha256Digest;
use reqwest::Response;
use reqwest::header::{ACCEPT_ENCODING, CACHE_CONTROL, LOCATION};
use sha2::Digest as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use url::Url;

/// How many redirects are followed, one after another.
pub(crate) const MAX_REDIRECTS: usize = 5;

/// The longest download id, in bytes, without what it begins with.
const LONGEST_ID: usize = 256;

/// What was downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Downloaded {
    /// Bytes.
    pub size: u64,
    /// The digest of the bytes.
    pub sha256: Sha256Digest,
}

impl HubClient {
    /// Downloads an asset into `sink`, at most `max_size` bytes of it. No token is sent.
    ///
    /// Attempts are repeated until the bytes begin to arrive; a download that breaks after that
    /// is an error, because the sink has bytes already.
    ///
    /// # Errors
    /// When the asset is not there, a redirect is not safe to follow, more than `max_size` bytes
    /// come, the transfer breaks or stalls, or the sink fails.
    pub async fn download(
        &self,
        download_id: &str,
        max_size: u64,
        sink: &mut (impl AsyncWrite + Unpin + Send),
    ) -> Result<Downloaded, ClientError> {
        let call = self.download_call(download_id)?;
        let open = || self.open(&call, download_id);
        let (at, response) = self.attempts(&call.what, Repeat::InTurn, open).await?;
        self.receive(&at, response, max_size, sink, &|_| {}).await
    }

    /// Downloads an asset for its digest alone, from the start again where it breaks. It is an
    /// error when more than `expected_size` bytes come; that there are fewer, or others, is seen
    /// in the result. No token is sent.
    ///
    /// # Errors
    /// As for [`HubClient::download`].
    pub async fn digest_of_download(
        &self,
        download_id: &str,
        expected_size: u64,
    ) -> Result<Downloaded, ClientError> {
        let silent = |_| {};
        self.read_back(download_id, expected_size, silent).await
    }

    /// The same, and `on_progress` is told the number of bytes that have come so far in this attempt:
    /// every attempt begins with 0, and a call with 0 after others means that it starts anew.
    ///
    /// # Errors
    /// As for [`HubClient::download`].
    pub async fn read_back(
        &self,
        download_id: &str,
        expected_size: u64,
        on_progress: impl Fn(u64) + Send + Sync,
    ) -> Result<Downloaded, ClientError> {
        self.read_back_seen(download_id, expected_size, on_progress, |_| {})
            .await
    }

    /// The same, and `on_bytes` is shown all bytes as they come; `on_progress` is told the new number
    /// after them, so one of 0 means that they come from the start again.
    ///
    /// # Errors
    /// As for [`HubClient::download`].
    pub async fn read_back_seen(
        &self,
        download_id: &str,
        expected_size: u64,
        on_progress: impl Fn(u64) + Send + Sync,
        on_bytes: impl Fn(&[u8]) + Send + Sync,
    ) -> Result<Downloaded, ClientError> {
        let (call, progress) = (&self.download_call(download_id)?, &on_progress);
        let on_bytes = &on_bytes;
        let attempt = || async move {
            progress(0);
            let (at, response) = self.open(call, download_id).await?;
            let mut sink = Shown(on_bytes);
            self.receive(&at, response, expected_size, &mut sink, progress)
                .await
        };
        self.attempts(&call.what, Repeat::InTurn, attempt).await
    }

    fn download_call(&self, download_id: &str) -> Result<Call, ClientError> {
        let tail = download_id.strip_prefix("dl_").unwrap_or_default();
        if tail.is_empty()
            || tail.len() > LONGEST_ID
            || !tail.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            return Err(ClientError::InvalidRequest {
                what: "download an asset".to_owned(),
                why: format!(
                    "`{}` is no download id",
                    crate::text::shown(download_id, &[])
                ),
            });
        }
        Ok(self.call(format!("download {download_id}")))
    }

    /// Follows redirects until there are bytes; says at whose they are.
    async fn open(&self, call: &Call, download_id: &str) -> Result<(Call, Response), ClientError> {
        let mut url = self
            .hub()
            .endpoint(&["api", "v1", "download", download_id], None);
        let mut call = call.clone();
        for _ in 0..=MAX_REDIRECTS {
            // Of many that are read side by side, one hears for all that it is too early.
            self.0.turns.come(&url, self.0.retry.deadline).await;
            let request = self
                .http(&url)
                .get(url.clone())
                // The digest is that of the stored bytes, not of a compressed copy.
                .header(ACCEPT_ENCODING, "identity")
                .header(CACHE_CONTROL, "no-cache");
            let response = match timeout(self.request_timeout(), request.send()).await {
                Err(_) => return Err(call.unreachable(NetworkFault::Timeout)),
                Ok(response) => response.map_err(|error| call.failed(error))?,
            };
            match response.status().as_u16() {
                200 => return Ok((call, response)),
                301 | 302 | 303 | 307 | 308 => {
                    url = target(&call, &url, &response)?;
                    call.host = host_of(&url);
                }
                _ => {
                    let refusal = Refusal::read(response, &self.secrets().texts()).await;
                    let error = refusal.into_error(&call);
                    if let ClientError::RateLimited {
                        retry_after: Some(asked),
                        ..
                    } = &error
                    {
                        let wait = (*asked).min(self.0.retry.retry_after_cap);
                        self.0.turns.put_off(&url, wait);
                    }
                    return Err(error);
                }
            }
        }
        Err(call.unexpected(AnswerProblem::TooManyRedirects))
    }

    async fn receive(
        &self,
        call: &Call,
        response: Response,
        limit: u64,
        sink: &mut (impl AsyncWrite + Unpin + Send),
        progress: &(impl Fn(u64) + Sync),
    ) -> Result<Downloaded, ClientError> {
        received(call, response, limit, self.stall_timeout(), sink, progress).await
    }
}

/// Reads an answer's bytes into a sink, at most `limit` of them; `patience` is how long none may come.
pub(crate) async fn received(
    call: &Call,
    mut response: Response,
    limit: u64,
    patience: Duration,
    sink: &mut (impl AsyncWrite + Unpin + Send),
    progress: &(impl Fn(u64) + Sync),
) -> Result<Downloaded, ClientError> {
    let too_long = || {
        let Call { host, what } = call.clone();
        ClientError::DownloadTooLong { host, what, limit }
    };
    let failed = |source| ClientError::Sink {
        what: call.what.clone(),
        source,
    };
    if response
        .content_length()
        .is_some_and(|length| length > limit)
    {
        return Err(too_long());
    }
    let mut hasher = sha2::Sha256::new();
    let mut size = 0;
    loop {
        let bytes = match timeout(patience, response.chunk()).await {
            Err(_) => return Err(call.unreachable(NetworkFault::Stalled)),
            Ok(Err(error)) => return Err(call.failed(error)),
            Ok(Ok(None)) => break,
            Ok(Ok(Some(bytes))) => bytes,
        };
        size += bytes.len() as u64;
        if size > limit {
            return Err(too_long());
        }
        hasher.update(&bytes);
        sink.write_all(&bytes).await.map_err(failed)?;
        progress(size);
    }
    sink.flush().await.map_err(failed)?;
    Ok(Downloaded {
        size,
        sha256: Sha256Digest::from_hasher(hasher),
    })
}

/// A sink that only shows what it is given.
struct Shown<'a, F>(&'a F);

impl<F: Fn(&[u8])> AsyncWrite for Shown<'_, F> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        (self.0)(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Where a redirect leads, if it is safe to follow.
pub(crate) fn target(call: &Call, from: &Url, response: &Response) -> Result<Url, ClientError> {
    let unusable = || call.unexpected(AnswerProblem::Unusable("the redirect"));
    let location = header(response.headers(), &LOCATION).ok_or_else(unusable)?;
    let to = from.join(location).map_err(|_| unusable())?;
    may_go(from, &to).map_err(|why| ClientError::Insecure {
        host: call.host.clone(),
        what: call.what.clone(),
        to: host_of(&to),
        why,
    })?;
    match can_be_sent(&to) {
        true => Ok(to),
        false => Err(unusable()),
    }
}
