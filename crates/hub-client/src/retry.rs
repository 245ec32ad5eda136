//! When a call is made again, and how long is waited before.
//!
//! Which errors are passing is said by [`ClientError::is_passing`]: connections that fail or
//! break, time-outs, 408, 425, 429 and 5xx except 501, 505 and 507.

use crate::ClientError;
use backon::{ExponentialBuilder, Retryable as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Who is asked to stay away for longer gives up at once: it is no pause, and the next attempt of this run
/// would be refused again.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// How often and how long a call is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often in all, the first time included. 1 means no retry; 0 counts as 1.
    pub attempts: u32,
    /// The delay before the second attempt; it doubles from then on. Jitter adds up to as much.
    pub min_delay: Duration,
    /// The longest delay, jitter and `Retry-After` apart.
    pub max_delay: Duration,
    /// `Retry-After` is honoured up to this long; more than a day is none that is waited for at all.
    pub retry_after_cap: Duration,
    /// No attempt begins later than this after the first one began.
    pub deadline: Duration,
}

impl RetryPolicy {
    /// One attempt, no more.
    pub fn none() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }
}

impl Default for RetryPolicy {
    /// Five attempts, half a second to twenty seconds apart, `Retry-After` up to a minute, none
    /// begun after fifteen minutes.
    fn default() -> Self {
        Self {
            attempts: 5,
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(20),
            retry_after_cap: Duration::from_secs(60),
            deadline: Duration::from_secs(15 * 60),
        }
    }
}

/// An attempt failed and another one follows.
#[derive(Debug)]
#[non_exhaustive]
pub struct RetryNotice<'a> {
    /// What is being done; completes “cannot …”.
    pub what: &'a str,
    /// How many attempts have failed so far.
    pub failed: u32,
    /// How many there may be in all; 0 where the Hub is at work on it, or allows so many downloads a
    /// minute, and only the time counts.
    pub attempts: u32,
    /// How long is waited now.
    pub delay: Duration,
    /// Why the last one failed.
    pub error: &'a ClientError,
}

/// Who is told of retries.
pub(crate) type Notify = dyn Fn(&RetryNotice<'_>) + Send + Sync;

/// What counts as an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// Every one.
    All,
    /// Those that were not told to come back later (429): of many calls that are made in a row a Hub
    /// allows so many a minute, and only the time says when it has been enough.
    Unlimited,
}

/// Makes `attempt` until it succeeds, fails for good, or the policy has had enough.
pub(crate) async fn run<T, Fut>(
    policy: &RetryPolicy,
    what: &str,
    notify: &Notify,
    passing: fn(&ClientError) -> bool,
    counting: Counting,
    attempt: impl FnMut() -> Fut,
) -> Result<T, ClientError>
where
    Fut: Future<Output = Result<T, ClientError>>,
{
    let attempts = policy.attempts.max(1);
    let backoff = ExponentialBuilder::new()
        .with_min_delay(policy.min_delay)
        .with_max_delay(policy.max_delay)
        .without_max_times()
        .with_jitter();
    let began = Instant::now();
    let failed = AtomicU32::new(0);
    let waits = |error: &ClientError| {
        counting == Counting::Unlimited && matches!(error, ClientError::RateLimited { .. })
    };
    attempt
        .retry(backoff)
        .sleep(tokio::time::sleep)
        .when(passing)
        .adjust(|error: &ClientError, delay| {
            if !waits(error) {
                failed.fetch_add(1, Ordering::Relaxed);
            }
            let asked = error.retry_after();
            if asked.is_some_and(|asked| asked > LONGEST_PAUSE) {
                return None;
            }
            let asked = asked.map(|asked| asked.min(policy.retry_after_cap));
            let delay = match asked {
                // It says when the next turn is, however often that has been missed.
                Some(asked) if waits(error) => asked.max(policy.min_delay),
                asked => delay?.max(asked.unwrap_or_default()),
            };
            let in_time = began.elapsed() + delay <= policy.deadline;
            (failed.load(Ordering::Relaxed) < attempts && in_time).then_some(delay)
        })
        .notify(|error, delay| {
            notify(&RetryNotice {
                what,
                failed: failed.load(Ordering::Relaxed),
                attempts: if waits(error) { 0 } else { attempts },
                delay,
                error,
            });
        })
        .await
}
