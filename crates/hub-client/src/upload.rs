//! Uploads: one reading of the file, hashed while it is sent, in bounded memory.
//!
//! The last chunk is held back until the digest of the whole is known to be the announced one, so
//! the storage can never complete an object of other bytes.

use crate::answer::{Call, Refusal};
use crate::client::Repeat;
use crate::{AnswerProblem, ClientError, FileChange, HubClient, NetworkFault};
use futures_util::stream;
use release_types::{PresignResponse, Sha256Digest};
use reqwest::Body;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use sha2::Digest as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use url::Url;

/// How much is read and sent at a time, in bytes.
const CHUNK: u64 = 256 * 1024;
/// How many chunks are read ahead of the network.
const READ_AHEAD: usize = 4;

/// How many bytes a storage brings to its disk in a millisecond at least: 16 MiB in a second.
const DISK_PACE: u64 = 16 * 1024 * 1024 / 1000;

/// What was uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uploaded {
    /// Bytes.
    pub size: u64,
    /// The digest of the bytes, computed while they were sent.
    pub sha256: Sha256Digest,
}

impl HubClient {
    /// Uploads a file to the address that [`HubClient::presign`] gave. No token is sent.
    ///
    /// `on_progress` is told the number of bytes given to the network so far in this attempt: every
    /// attempt begins with 0, and a call with 0 after others means that it starts anew.
    ///
    /// Where a storage refuses to overwrite, an attempt that was complete although its answer got lost
    /// makes the next one fail with [`ClientError::UploadRefused`], which says so. Where a storage refuses
    /// and closes at once, its answer may get lost behind the bytes under way; what is seen then is a
    /// broken connection, so presign anew after that as well.
    ///
    /// # Errors
    /// [`ClientError::FileChanged`] when the file is not what was announced,
    /// [`ClientError::UploadUrlRejected`] when the address is no longer good,
    /// [`ClientError::UploadRefused`] when the storage keeps what it has under the key,
    /// [`ClientError::UploadDamaged`] when other bytes have arrived than were sent,
    /// [`ClientError::UploadNotTaken`] when the storage will not have them for another reason, and
    /// those of the network and of unusable answers.
    pub async fn upload(
        &self,
        signed: &PresignResponse,
        path: &Path,
        expected_size: u64,
        expected: Sha256Digest,
        on_progress: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<Uploaded, ClientError> {
        let name = path.file_name().unwrap_or(path.as_os_str()).display();
        let mut call = self.call(format!("upload `{name}`"));
        let url = self.upload_url(&call, signed)?;
        let headers = headers(&call, signed, expected_size)?;
        call.host = crate::address::host_of(&url);
        let source = Source {
            path: path.to_owned(),
            size: expected_size,
            expected,
        };
        let progress: Arc<dyn Fn(u64) + Send + Sync> = Arc::new(on_progress);
        let (call, url, headers, source, progress) = (&call, &url, &headers, &source, &progress);
        let own = self.secrets();
        let secrets = &upload_secrets(own.texts(), url, headers);
        let whole = &AtomicBool::new(false);
        let attempt = || async move {
            let may_be_there = whole.load(Ordering::Relaxed);
            progress(0);
            let to = (url, headers);
            let response = self.put(call, to, source, progress, whole).await?;
            if response.status().is_success() {
                return Ok(());
            }
            let mut error = refused(call, Refusal::read(response, secrets).await);
            if let ClientError::UploadRefused { maybe_own, .. } = &mut error {
                *maybe_own = may_be_there;
            }
            Err(error)
        };
        self.attempts(&call.what, Repeat::Passing, attempt).await?;
        Ok(Uploaded {
            size: expected_size,
            sha256: expected,
        })
    }

    /// One attempt; `whole` is set when it has sent everything, whatever came of it.
    async fn put(
        &self,
        call: &Call,
        (url, headers): (&Url, &HeaderMap),
        source: &Source,
        progress: &Arc<dyn Fn(u64) + Send + Sync>,
        whole: &AtomicBool,
    ) -> Result<reqwest::Response, ClientError> {
        let file = source.clone().opened().await?;
        let flow = Arc::new(Flow::new(progress.clone()));
        let body = if source.size == 0 {
            Body::from(Vec::new())
        } else {
            body(file, source.clone(), flow.clone())
        };
        let request = self
            .http(url)
            .put(url.clone())
            .headers(headers.clone())
            .body(body);
        let sent = tokio::select! {
            sent = request.send() => Some(sent),
            () = flow.stalled(self.stall_timeout(), source.size) => None,
        };
        let all = flow.sent.load(Ordering::Relaxed) >= source.size;
        whole.fetch_or(all, Ordering::Relaxed);
        let sent = sent.ok_or_else(|| call.unreachable(NetworkFault::Stalled))?;
        // A body that was broken off by us looks like a broken connection; the cause comes first.
        if let Some(fault) = flow.fault() {
            return Err(fault);
        }
        let response = sent.map_err(|error| call.failed(error))?;
        if response.status().is_success() && flow.sent.load(Ordering::Relaxed) < source.size {
            return Err(call.unexpected(AnswerProblem::Early));
        }
        Ok(response)
    }
}

/// What a storage's message must not repeat: our tokens, the signature and the credentials in headers.
fn upload_secrets<'a>(
    mut secrets: Vec<&'a str>,
    url: &'a Url,
    headers: &'a HeaderMap,
) -> Vec<&'a str> {
    secrets.extend(url.query());
    let texts = headers.values().filter_map(|value| value.to_str().ok());
    secrets.extend(texts.filter(|text| text.len() >= 16));
    secrets
}

/// Exactly the headers that were signed, and the length.
fn headers(call: &Call, signed: &PresignResponse, size: u64) -> Result<HeaderMap, ClientError> {
    let unusable = || call.unexpected(AnswerProblem::Unusable("an upload header"));
    let mut headers = HeaderMap::new();
    for (name, value) in &signed.upload_headers {
        let name: HeaderName = name.parse().map_err(|_| unusable())?;
        let mut value: HeaderValue = value.parse().map_err(|_| unusable())?;
        match name.as_str() {
            // Said by the address and by the file.
            "host" | "content-length" => continue,
            // These would change how the request is framed.
            "transfer-encoding" | "connection" | "upgrade" | "te" | "trailer" | "expect" => {
                return Err(unusable());
            }
            _ => {}
        }
        value.set_sensitive(name != CONTENT_TYPE);
        headers.append(name, value);
    }
    if signed.upload_headers.is_empty() {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    Ok(headers)
}

fn refused(call: &Call, refusal: Refusal) -> ClientError {
    let status = refusal.status.as_u16();
    if refusal.is_passing() || !matches!(status, 400..500) {
        return refusal.into_error(call);
    }
    let Call { host, what } = call.clone();
    let (damaged, stored) = (refusal.is_bad_digest(), refusal.is_already_stored());
    let message = refusal.message;
    match status {
        _ if damaged => ClientError::UploadDamaged {
            host,
            what,
            status,
            message,
        },
        _ if stored => ClientError::UploadRefused {
            host,
            what,
            status,
            message,
            maybe_own: false,
        },
        401 | 403 => ClientError::UploadUrlRejected {
            host,
            what,
            status,
            message,
        },
        _ => ClientError::UploadNotTaken {
            host,
            what,
            status,
            message,
        },
    }
}

/// The file that is sent, as it was announced.
#[derive(Debug, Clone)]
struct Source {
    path: PathBuf,
    size: u64,
    expected: Sha256Digest,
}

impl Source {
    fn changed(&self, change: FileChange) -> ClientError {
        let path = self.path.clone();
        ClientError::FileChanged { path, change }
    }

    fn failed(&self, source: io::Error) -> ClientError {
        let path = self.path.clone();
        ClientError::Io { path, source }
    }

    fn resized(&self, found: u64) -> ClientError {
        let expected = self.size;
        self.changed(FileChange::Size { expected, found })
    }

    fn verified(&self, hasher: sha2::Sha256) -> Result<(), ClientError> {
        let (expected, found) = (self.expected, Sha256Digest::from_hasher(hasher));
        if found == expected {
            return Ok(());
        }
        Err(self.changed(FileChange::Digest { expected, found }))
    }

    /// Opens the file and sees that it can be the announced one, before anything is sent.
    async fn opened(self) -> Result<File, ClientError> {
        let path = self.path.clone();
        let open = move || {
            let file = File::open(&self.path).map_err(|e| self.failed(e))?;
            let facts = file.metadata().map_err(|e| self.failed(e))?;
            if !facts.is_file() {
                let error = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
                return Err(self.failed(error));
            }
            if facts.len() != self.size {
                return Err(self.resized(facts.len()));
            }
            if self.size == 0 {
                self.verified(sha2::Sha256::new())?;
            }
            Ok(file)
        };
        let done = tokio::task::spawn_blocking(open).await;
        done.map_err(|error| ClientError::Io {
            path,
            source: error.into(),
        })?
    }

    /// Reads the file once and hands its chunks on; the last one when the digest is right.
    fn read(&self, mut file: File, chunks: &mpsc::Sender<Chunk>) -> Result<(), ClientError> {
        let mut hasher = sha2::Sha256::new();
        let mut left = self.size;
        while left > 0 {
            let mut chunk = vec![0; left.min(CHUNK) as usize];
            if let Err(error) = file.read_exact(&mut chunk) {
                if error.kind() != io::ErrorKind::UnexpectedEof {
                    return Err(self.failed(error));
                }
                let found = file.metadata().map_err(|e| self.failed(e))?.len();
                return Err(self.resized(found));
            }
            hasher.update(&chunk);
            left -= chunk.len() as u64;
            if left == 0 {
                if file.read(&mut [0]).map_err(|e| self.failed(e))? > 0 {
                    let found = file.metadata().map_err(|e| self.failed(e))?.len();
                    return Err(self.resized(found));
                }
                self.verified(hasher)?;
                hasher = sha2::Sha256::new();
            }
            if chunks.blocking_send(Ok(chunk)).is_err() {
                // Nobody listens: the request has ended, and says itself why.
                return Ok(());
            }
        }
        Ok(())
    }
}

type Chunk = Result<Vec<u8>, ClientError>;

/// How far an attempt is: shared by the request's body, the watch over it, and who started both.
struct Flow {
    progress: Arc<dyn Fn(u64) + Send + Sync>,
    sent: AtomicU64,
    began: Instant,
    /// When bytes last moved, in milliseconds after `began`.
    moved: AtomicU64,
    fault: Mutex<Option<ClientError>>,
}

impl Flow {
    fn new(progress: Arc<dyn Fn(u64) + Send + Sync>) -> Self {
        Self {
            progress,
            sent: AtomicU64::new(0),
            began: Instant::now(),
            moved: AtomicU64::new(0),
            fault: Mutex::new(None),
        }
    }

    /// The network takes `bytes` more.
    fn advance(&self, bytes: u64) {
        let elapsed = self.began.elapsed().as_millis();
        self.moved.store(
            u64::try_from(elapsed).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
        if bytes > 0 {
            let before = self.sent.fetch_add(bytes, Ordering::Relaxed);
            (self.progress)(before + bytes);
        }
    }

    /// Ends when nothing has moved for the time. When all bytes have gone, whoever has got them may
    /// still have to bring them to a disk, so the time is longer then, by the number of bytes.
    async fn stalled(&self, limit: Duration, size: u64) {
        loop {
            let moved = self.began + Duration::from_millis(self.moved.load(Ordering::Relaxed));
            let limit = match self.sent.load(Ordering::Relaxed) < size {
                true => limit,
                false => limit.saturating_add(Duration::from_millis(size / DISK_PACE)),
            };
            if moved.elapsed() >= limit {
                return;
            }
            tokio::time::sleep_until(moved + limit).await;
        }
    }

    fn fault(&self) -> Option<ClientError> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// A request body that is fed by a thread that reads and hashes the file.
fn body(file: File, source: Source, flow: Arc<Flow>) -> Body {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(fault) = source.read(file, &sender) {
            // Where nobody listens any more, nobody needs the reason.
            sender.blocking_send(Err(fault)).ok();
        }
    });
    Body::wrap_stream(stream::unfold(
        (receiver, flow),
        |(mut receiver, flow)| async move {
            let item = match receiver.recv().await {
                None => {
                    flow.advance(0);
                    return None;
                }
                Some(Ok(chunk)) => {
                    flow.advance(chunk.len() as u64);
                    Ok(chunk)
                }
                Some(Err(fault)) => {
                    *flow.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
                    Err(io::Error::other("the file is not the announced one"))
                }
            };
            Some((item, (receiver, flow)))
        },
    ))
}
