//! Asking the daemon. An answer takes a few seconds and a few kilobytes at most, whatever is
//! listening there. What an answer means to a person is left to the programs.

use crate::connect::connect;
use crate::{DaemonStatus, Endpoint, STATUS_PATH};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::io;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long the daemon may take for a whole answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The largest answer that is read.
const ANSWER_LIMIT: usize = 64 * 1024;

/// The most that is kept of an answer's head.
const HEAD_LIMIT: usize = 16 * 1024;

/// Why the daemon did not tell.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("no daemon is listening on {endpoint}")]
    NotRunning {
        /// Where.
        endpoint: Endpoint,
    },
    /// This user may not speak to whoever listens there.
    #[error("no permission to connect to {endpoint}")]
    Denied {
        /// Where.
        endpoint: Endpoint,
    },
    /// The connection could not be made for another reason.
    #[error("could not connect to {endpoint}")]
    Connect {
        /// Where.
        endpoint: Endpoint,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody listens there and says nothing, or not all of it in time.
    #[error("no complete answer from {endpoint} within {} s", limit.as_secs_f32())]
    Unanswered {
        /// Where.
        endpoint: Endpoint,
        /// How long was waited.
        limit: Duration,
    },
    /// What came back is not what a daemon says.
    #[error("{endpoint} did not answer like a daemon: {problem}")]
    BadAnswer {
        /// Where.
        endpoint: Endpoint,
        /// What is wrong with it.
        problem: String,
    },
}

/// Speaks to the daemon at one place, over a new connection each time.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Endpoint,
    timeout: Duration,
}

impl Client {
    /// A client that waits three seconds at most.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            timeout: TIMEOUT,
        }
    }

    /// The same client with another limit for a whole answer.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Where it connects to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What the daemon says about itself.
    ///
    /// # Errors
    /// When there is no daemon, it may not be spoken to, or it does not answer as it should.
    pub async fn status(&self) -> Result<DaemonStatus, ClientError> {
        let answer = tokio::time::timeout(self.timeout, self.get(STATUS_PATH))
            .await
            .map_err(|_| ClientError::Unanswered {
                endpoint: self.endpoint.clone(),
                limit: self.timeout,
            })??;
        serde_json::from_slice(&answer).map_err(|error| self.bad_answer(error.to_string()))
    }

    async fn get(&self, path: &str) -> Result<Bytes, ClientError> {
        let stream = connect(self.endpoint.path())
            .await
            .map_err(|source| self.not_connected(source))?;
        let failed = |error: hyper::Error| self.bad_answer(chain(&error));
        let request = Request::get(path)
            .header(header::HOST, "localhost")
            .header(header::ACCEPT, "application/json")
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.bad_answer(error.to_string()))?;

        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_LIMIT)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        // Ends with this function, also when the time is up.
        let mut driver = JoinSet::new();
        driver.spawn(connection);

        let response = sender.send_request(request).await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(self.bad_answer(format!("it answered {}", response.status())));
        }
        let body = Limited::new(response.into_body(), ANSWER_LIMIT);
        let body = body
            .collect()
            .await
            .map_err(|error| self.bad_answer(chain(&*error)))?;
        Ok(body.to_bytes())
    }

    fn not_connected(&self, source: io::Error) -> ClientError {
        let endpoint = self.endpoint.clone();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NotRunning { endpoint }
            }
            io::ErrorKind::PermissionDenied => ClientError::Denied { endpoint },
            _ => ClientError::Connect { endpoint, source },
        }
    }

    fn bad_answer(&self, problem: String) -> ClientError {
        ClientError::BadAnswer {
            endpoint: self.endpoint.clone(),
            problem,
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
