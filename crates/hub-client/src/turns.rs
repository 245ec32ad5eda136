//! When servers may be asked again that have told one of many calls to come back later.
//!
//! What is said to one is meant for all: whoever asks again meanwhile is refused as well, and may be counted
//! for it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use url::{Origin, Url};

/// Before which moment no further call belongs to which server.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<Origin, Instant>>);

impl Turns {
    /// A server has asked a call to be left alone for so long.
    pub(crate) fn put_off(&self, url: &Url, wait: Duration) {
        let until = after(wait);
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(url.origin()).or_insert(until);
        *turn = (*turn).max(until);
    }

    /// Waits until a server may be asked, and no longer than `most`: others may be told again and again.
    pub(crate) async fn come(&self, url: &Url, most: Duration) {
        let last = after(most);
        let origin = url.origin();
        loop {
            let turn = {
                let turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                turns.get(&origin).copied()
            };
            let now = Instant::now();
            match turn {
                Some(until) if until > now && now < last => sleep_until(until.min(last)).await,
                _ => return,
            }
        }
    }
}

/// The moment in so long; what is too far away to be one is a day away.
fn after(wait: Duration) -> Instant {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now + DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_one_is_told_is_meant_for_all_that_ask_there() {
        let turns = Turns::default();
        let at = |text: &str| Url::parse(text).unwrap();
        let waited = async |url: &str, most: u64| {
            let began = Instant::now();
            turns.come(&at(url), Duration::from_millis(most)).await;
            began.elapsed() >= Duration::from_millis(40)
        };
        assert!(!waited("https://hub.example/a", 1000).await);
        turns.put_off(&at("https://hub.example/a"), Duration::from_millis(400));
        // The longest of several counts.
        turns.put_off(&at("https://hub.example/b"), Duration::from_millis(1));
        assert!(!waited("https://hub.example:444/a", 1000).await);
        assert!(!waited("http://hub.example/a", 1000).await);
        assert!(!waited("https://hub.example/c", 10).await, "it has an end");
        assert!(waited("https://hub.example/c", 10_000).await);
        assert!(!waited("https://hub.example/c", 10_000).await, "it is over");
        turns.put_off(&at("https://hub.example/a"), Duration::MAX);
        assert!(waited("https://hub.example/a", 50).await);
    }
}
