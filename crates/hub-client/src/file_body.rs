//! A file as the body of a request: read once, hashed while it is sent, in bounded memory.
//!
//! The last chunk is held back until the digest of the whole is known to be the announced one, so
//! whoever gets it can never complete an object of other bytes.

use crate::answer::Call;
use crate::{AnswerProblem, ClientError, FileChange, NetworkFault, open_regular};
use futures_util::stream;
use release_types::Sha256Digest;
use reqwest::{Body, RequestBuilder, Response};
use sha2::Digest as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How much is read and sent at a time, in bytes.
const CHUNK: u64 = 256 * 1024;
/// How many chunks are read ahead of the network.
const READ_AHEAD: usize = 4;

/// How many bytes a storage brings to its disk in a millisecond at least: 16 MiB in a second.
const DISK_PACE: u64 = 16 * 1024 * 1024 / 1000;

/// Who is told how many bytes were given to the network.
pub(crate) type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// Sends a file as the body of a request, once; `whole` is set when everything was sent, whatever came
/// of it. `limit` is how long nothing may move.
pub(crate) async fn send(
    call: &Call,
    request: RequestBuilder,
    source: &Source,
    progress: &Progress,
    limit: Duration,
    whole: &AtomicBool,
) -> Result<Response, ClientError> {
    let file = source.clone().opened().await?;
    let flow = Arc::new(Flow::new(progress.clone()));
    let body = if source.size == 0 {
        Body::from(Vec::new())
    } else {
        body(file, source.clone(), flow.clone())
    };
    let request = request.body(body);
    let sent = tokio::select! {
        sent = request.send() => Some(sent),
        () = flow.stalled(limit, source.size) => None,
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

/// The file that is sent, as it was announced.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) expected: Sha256Digest,
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
            let file = open_regular(&self.path).map_err(|e| self.failed(e))?;
            let found = file.metadata().map_err(|e| self.failed(e))?.len();
            if found != self.size {
                return Err(self.resized(found));
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
    progress: Progress,
    sent: AtomicU64,
    began: Instant,
    /// When bytes last moved, in milliseconds after `began`.
    moved: AtomicU64,
    fault: Mutex<Option<ClientError>>,
}

impl Flow {
    fn new(progress: Progress) -> Self {
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
