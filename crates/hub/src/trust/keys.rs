//! An issuer's keys: fetched when they are needed, kept for an hour, and fetched by one at a time.
//!
//! Anybody can show a token that names a key which nobody has. So that this is no way to have the issuer
//! asked again and again, it is asked once a minute at most, however that ends. Until then nobody knows whether
//! a key that is not among them is a new one, so its token is not refused: its owner is told when to come again.

use super::Issuer;
use super::fetch::{self, FetchError};
use super::jwt::RsaKey;
use crate::context;
use crate::error::error_chain;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// How long keys are used before they are asked for again.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// How long after one attempt to fetch them there is no other.
const PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// The keys of one issuer.
#[derive(Debug)]
pub(super) struct Keys {
    issuer: Issuer,
    known: Mutex<Option<Arc<Known>>>,
    /// The last time somebody went for them, however that ended. Held by whoever fetches.
    attempt: Arc<tokio::sync::Mutex<Option<Timestamp>>>,
}

/// What was fetched.
#[derive(Debug)]
struct Known {
    keys: HashMap<String, RsaKey>,
    since: Timestamp,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has none of this name: it was asked for this very token.
    Unknown,
    /// The issuer cannot be asked, or not so soon again; after this time it may be.
    Unavailable(Duration),
}

impl Keys {
    pub(super) fn of(issuer: Issuer) -> Self {
        Self {
            issuer,
            known: Mutex::default(),
            attempt: Arc::default(),
        }
    }

    pub(super) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The key of a name.
    pub(super) async fn find(self: &Arc<Self>, id: &str, now: Timestamp) -> Result<RsaKey, NoKey> {
        if let Some(key) = self.kept(id, now) {
            return Ok(key);
        }
        let last = self.attempt.clone().lock_owned().await;
        // Whoever had it before may have brought them.
        if let Some(key) = self.kept(id, now) {
            return Ok(key);
        }
        // Also where the keys came: the issuer may have a new one since, so nobody knows yet that there is none.
        if let Some(at) = *last
            && let wait = PAUSE - now.duration_since(at).abs()
            && wait > SignedDuration::ZERO
        {
            return Err(NoKey::Unavailable(wait.unsigned_abs()));
        }
        // To its end, whether or not this client waits: else whoever leaves early would keep the keys
        // from everybody for the rest of the minute.
        let keys = self.clone();
        let fetching = context::spawn(async move { keys.fetch(last, now).await });
        if !fetching.await.unwrap_or(false) {
            return Err(NoKey::Unavailable(PAUSE.unsigned_abs()));
        }
        self.kept(id, now).ok_or(NoKey::Unknown)
    }

    /// Whether they came.
    async fn fetch(&self, mut last: OwnedMutexGuard<Option<Timestamp>>, now: Timestamp) -> bool {
        *last = Some(now);
        let issuer = &self.issuer;
        let keys = match fetch::keys(issuer).await {
            Ok(keys) => keys,
            Err(error) => {
                tell(issuer, &error);
                return false;
            }
        };
        tracing::info!(%issuer, keys = keys.len(), "fetched an issuer's keys");
        let known = Arc::new(Known { keys, since: now });
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        true
    }

    /// A key that was fetched not long ago.
    fn kept(&self, id: &str, now: Timestamp) -> Option<RsaKey> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref()?;
        let is_fresh = now.duration_since(known.since).abs() < KEPT;
        is_fresh.then(|| known.keys.get(id).cloned())?
    }
}

fn tell(issuer: &Issuer, error: &FetchError) {
    tracing::warn!(%issuer, error = %error_chain(error), "an issuer's keys cannot be fetched");
}
