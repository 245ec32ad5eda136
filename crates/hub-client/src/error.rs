//! What can go wrong, in variants a caller can choose an exit code by.
//!
//! Hosts are named, queries and tokens never are. Text from a server has been through
//! [`crate::text::shown`] before it gets here.

use crate::{AnswerProblem, Difference, FileChange, NetworkFault};
use jiff::SignedDuration;
use std::path::PathBuf;
use std::time::Duration;

/// What sort of thing went wrong: one for each way a caller can react.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// What the caller passed in cannot be sent: settings, a missing token, an impossible request.
    Usage,
    /// This machine: a file that cannot be read or has changed, a client that cannot be set up.
    Local,
    /// The network or the server failed for now; the same run again may succeed.
    Network,
    /// The server understood and said no.
    Refused,
    /// The server does not speak the contract, or would send us where we must not go.
    Protocol,
    /// The Hub's answer or the stored bytes are not what was sent.
    Verification,
}

/// Why a call did not succeed. `what` completes “cannot …”.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "the fields are named alike in every variant: see the enum"
)]
pub enum ClientError {
    /// The client could not be built.
    #[error("the HTTP client cannot be set up: {why}")]
    Setup {
        why: &'static str,
        source: Option<reqwest::Error>,
    },
    /// A token that cannot be sent in a header.
    #[error("the {credential} cannot be sent: {why}")]
    InvalidToken {
        credential: &'static str,
        why: &'static str,
    },
    /// The call needs a credential and there is none.
    #[error("cannot {what}: no {credential} was given")]
    MissingToken {
        what: String,
        credential: &'static str,
    },
    /// The request could do harm or cannot be written down; nothing was sent.
    #[error("cannot {what}: {why}")]
    InvalidRequest { what: String, why: String },
    /// The network failed for now. The source says more where there is one.
    #[error("cannot {what}: {host} could not be reached: {fault}")]
    Unreachable {
        host: String,
        what: String,
        fault: NetworkFault,
        source: Option<reqwest::Error>,
    },
    /// 429, or another status by which a service says the same, also after the retries.
    #[error(
        "cannot {what}: {host} allows no more calls for now ({status}): {message}{}",
        pause(*retry_after)
    )]
    RateLimited {
        host: String,
        what: String,
        status: u16,
        message: String,
        retry_after: Option<Duration>,
    },
    /// 408, 425 or a passing 5xx, also after the retries.
    #[error(
        "cannot {what}: {host} is not able to for now ({status}): {message}{}",
        pause(*retry_after)
    )]
    Unavailable {
        host: String,
        what: String,
        status: u16,
        message: String,
        retry_after: Option<Duration>,
    },
    /// 401: no, a wrong, an expired or a revoked credential.
    #[error("cannot {what}: {host} does not accept the credential (401): {message}")]
    Unauthorized {
        host: String,
        what: String,
        message: String,
    },
    /// GitHub, which is where a job gets its ID tokens, gives none: the Hub has not been asked.
    #[error(transparent)]
    NoIdToken(Box<ClientError>),
    /// A job's ID token is not taken: the Hub has no rule for this job, or is not meant by it.
    #[error("cannot {what}: {host} does not trust this job (401): {message}")]
    Untrusted {
        host: String,
        what: String,
        message: String,
    },
    /// 403: a good credential that may not do this.
    #[error("cannot {what}: {host} does not allow it (403): {message}")]
    Forbidden {
        host: String,
        what: String,
        message: String,
    },
    /// 400.
    #[error("cannot {what}: {host} refuses the request (400): {message}")]
    BadRequest {
        host: String,
        what: String,
        message: String,
    },
    /// 404 where something must be.
    #[error("cannot {what}: {host} knows nothing there (404): {message}")]
    NotFound {
        host: String,
        what: String,
        message: String,
    },
    /// 409: what is stored forbids it.
    #[error("cannot {what}: {host} refuses because of what it holds (409): {message}")]
    Conflict {
        host: String,
        what: String,
        message: String,
    },
    /// Any other status that says no.
    #[error("cannot {what}: {host} refuses ({status}): {message}")]
    Refused {
        host: String,
        what: String,
        status: u16,
        message: String,
    },
    /// The storage has something under this key already, the same bytes or others, and keeps it.
    /// `maybe_own`: an earlier attempt of the same call has sent all bytes and got no answer that
    /// counts, so that what is kept may be its doing.
    #[error("cannot {what}: the storage {host} keeps what it has ({status}): {message}")]
    UploadRefused {
        host: String,
        what: String,
        status: u16,
        message: String,
        maybe_own: bool,
    },
    /// The bytes were altered on their way: the storage has got others than were announced.
    #[error("cannot {what}: other bytes have arrived at {host} ({status}): {message}")]
    UploadDamaged {
        host: String,
        what: String,
        status: u16,
        message: String,
    },
    /// Any other status by which the storage will not have the bytes: too many of them, no such
    /// bucket, a request that it does not take.
    #[error("cannot {what}: the storage {host} does not take the bytes ({status}): {message}")]
    UploadNotTaken {
        host: String,
        what: String,
        status: u16,
        message: String,
    },
    /// 401 or 403 from the storage: the upload address has expired or was altered. Presign anew.
    #[error("cannot {what}: the storage {host} rejects the upload address ({status}): {message}")]
    UploadUrlRejected {
        host: String,
        what: String,
        status: u16,
        message: String,
    },
    /// A redirect where none is followed. `to` is the host it points at.
    #[error("cannot {what}: {host} redirects to {to} ({status}), which is not followed")]
    Redirected {
        host: String,
        what: String,
        status: u16,
        to: String,
    },
    /// An address in an answer that must not be gone to. `to` is its host.
    #[error("cannot {what}: {host} sends us to {to}, which is refused: {why}")]
    Insecure {
        host: String,
        what: String,
        to: String,
        why: &'static str,
    },
    /// An answer that the contract does not know.
    #[error("cannot {what}: {host} gave an answer that cannot be used: {problem}")]
    UnexpectedAnswer {
        host: String,
        what: String,
        problem: AnswerProblem,
    },
    /// The answer differs from what was sent or asked for.
    #[error(
        "cannot {what}: the answer of {host} differs from the request: {}",
        listed(differences)
    )]
    Mismatch {
        host: String,
        what: String,
        differences: Vec<Difference>,
    },
    /// A download is longer than it may be, in bytes; reading was stopped.
    #[error("cannot {what}: {host} sends more than the {limit} bytes expected")]
    DownloadTooLong {
        host: String,
        what: String,
        limit: u64,
    },
    /// The file is not, or no longer, what was announced. No complete upload was sent.
    #[error("`{}` is not the file that was announced: {change}", path.display())]
    FileChanged { path: PathBuf, change: FileChange },
    /// A local file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    /// Downloaded bytes cannot be handed on.
    #[error("cannot {what}: the bytes cannot be written")]
    Sink {
        what: String,
        source: std::io::Error,
    },
}

impl ClientError {
    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoIdToken(error) => error.kind(),
            Self::InvalidToken { .. } | Self::MissingToken { .. } | Self::InvalidRequest { .. } => {
                ErrorKind::Usage
            }
            Self::Setup { .. } | Self::FileChanged { .. } | Self::Io { .. } | Self::Sink { .. } => {
                ErrorKind::Local
            }
            Self::Unreachable { .. }
            | Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::UnexpectedAnswer {
                problem: AnswerProblem::Truncated,
                ..
            } => ErrorKind::Network,
            Self::Unauthorized { .. }
            | Self::Untrusted { .. }
            | Self::Forbidden { .. }
            | Self::BadRequest { .. }
            | Self::NotFound { .. }
            | Self::Conflict { .. }
            | Self::Refused { .. }
            | Self::UploadRefused { .. }
            | Self::UploadNotTaken { .. }
            | Self::UploadUrlRejected { .. } => ErrorKind::Refused,
            Self::Redirected { .. } | Self::Insecure { .. } | Self::UnexpectedAnswer { .. } => {
                ErrorKind::Protocol
            }
            Self::Mismatch { .. } | Self::DownloadTooLong { .. } | Self::UploadDamaged { .. } => {
                ErrorKind::Verification
            }
        }
    }

    /// Whether the same call, made again in a while, may succeed.
    pub fn is_passing(&self) -> bool {
        self.kind() == ErrorKind::Network
    }

    /// Whether the request certainly never reached the server.
    pub(crate) fn is_unsent(&self) -> bool {
        use NetworkFault::{Connect, Dns};
        matches!(
            self,
            Self::Unreachable {
                fault: Connect | Dns,
                ..
            }
        )
    }

    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            Self::NoIdToken(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// How long a server asked to be left alone, where a person would not sit that out.
fn pause(asked: Option<Duration>) -> String {
    const SHORT: Duration = Duration::from_secs(60);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    match asked {
        Some(asked) if asked > YEAR => "; it asks to be left alone for more than a year".to_owned(),
        Some(asked) if asked > SHORT => {
            let seconds = i64::try_from(asked.as_secs()).unwrap_or(i64::MAX);
            let asked = SignedDuration::from_secs(seconds);
            format!("; it asks to be left alone for {asked:#}")
        }
        _ => String::new(),
    }
}

fn listed(differences: &[Difference]) -> String {
    let texts: Vec<String> = differences.iter().map(Difference::to_string).collect();
    texts.join("; ")
}
