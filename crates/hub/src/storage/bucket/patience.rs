//! How long a store is waited for. One that is gone shows in an error, or in nothing at all, or in a
//! trickle, so every step has an end.

use super::Bucket;
use super::error::{Problem, problem};
use crate::HubError;
use std::time::Duration;

/// How long an answer may take, and the next bytes of one.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How many bytes a second a store gives out, or copies within itself, at least.
pub(super) const SLOWEST: u64 = 1024 * 1024;

/// How long a store may take for so many bytes.
pub(super) fn patience(size: u64) -> Duration {
    PATIENCE + Duration::from_secs(size / SLOWEST)
}

impl Bucket {
    /// Waits for `size` bytes to be read.
    pub(super) async fn at_pace<T>(
        &self,
        size: u64,
        reading: impl Future<Output = Result<T, HubError>>,
    ) -> Result<T, HubError> {
        match tokio::time::timeout(patience(size), reading).await {
            Ok(read) => read,
            Err(_) => Err(Problem::new("it is too slow").at("read from", self.name())),
        }
    }

    /// Waits for a step, but not for ever.
    pub(super) async fn within<T>(
        &self,
        patience: Duration,
        action: &'static str,
        step: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, HubError> {
        match tokio::time::timeout(patience, step).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(problem(&error).at(action, self.name())),
            Err(_) => Err(Problem::silent().at(action, self.name())),
        }
    }
}
