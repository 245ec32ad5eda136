//! How much is taken at a time: requests under way, and their rate for each peer and credential.
//!
//! Rates are counted in a fixed number of buckets that peers and credentials are spread over by a
//! hash with a secret of this process, so that no number of them takes more memory, and nobody can
//! choose whom to share a bucket with.

use crate::peer::network;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::{HeaderMap, HeaderValue};
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long somebody who saves up requests may save for, in seconds.
const BURST_SECONDS: u32 = 50;

/// Headers that carry a credential.
const CREDENTIALS: [&str; 4] = [
    "authorization",
    release_types::DEPLOY_TOKEN_HEADER,
    "x-atlas-pack-deploy-token",
    release_types::OIDC_TOKEN_HEADER,
];

/// The limits of a Hub. A rate of 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many requests are worked on at a time; more are answered with 503. As many uploads may
    /// be under way beside them, so that slow ones do not keep others from reading.
    pub requests: usize,
    /// How many requests a second one address may make in the long run, and fifty times as many at
    /// once. The machine's own loopback address is not limited: it may be a proxy that nobody named.
    pub peer_rate: u32,
    /// The same for a credential.
    pub credential_rate: u32,
    /// The largest upload, in bytes.
    pub upload: u64,
}

impl Default for Limits {
    /// Far above what a release of hundreds of files takes.
    fn default() -> Self {
        Self {
            requests: 256,
            peer_rate: 100,
            credential_rate: 200,
            upload: 64 * 1024 * 1024 * 1024,
        }
    }
}

/// Why a request is not worked on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too much is under way.
    Busy,
    /// The peer asks too often.
    Peer(Duration),
    /// The credential is used too often.
    Credential(Duration),
}

/// Counts, and refuses.
#[derive(Debug)]
pub(crate) struct Gatekeeper {
    requests: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    peers: Option<Rate>,
    credentials: Option<Rate>,
}

impl Gatekeeper {
    pub(crate) fn new(limits: &Limits) -> Self {
        let requests = limits.requests.min(Semaphore::MAX_PERMITS);
        Self {
            requests: Arc::new(Semaphore::new(requests)),
            uploads: Arc::new(Semaphore::new(requests)),
            peers: Rate::new(limits.peer_rate),
            credentials: Rate::new(limits.credential_rate),
        }
    }

    /// Lets a request in, for as long as it has its turn.
    pub(crate) fn admit(
        &self,
        peer: Option<IpAddr>,
        headers: &HeaderMap,
        upload: bool,
    ) -> Result<Turn, Refusal> {
        if let (Some(rate), Some(peer)) = (&self.peers, peer)
            && !peer.is_loopback()
        {
            rate.check(&network(peer)).map_err(Refusal::Peer)?;
        }
        if let Some(rate) = &self.credentials {
            for value in CREDENTIALS.iter().filter_map(|name| headers.get(*name)) {
                // The same token counts as such, however it is written down.
                let token = bearer(value).map_or(value.as_bytes(), str::as_bytes);
                rate.check(&token).map_err(Refusal::Credential)?;
            }
        }
        let all = if upload {
            &self.uploads
        } else {
            &self.requests
        };
        let turn = Turn {
            all: all.clone(),
            permit: Mutex::default(),
        };
        if turn.take() {
            Ok(turn)
        } else {
            Err(Refusal::Busy)
        }
    }
}

/// The token in a value of the header `authorization`, where it is a bearer's.
pub(crate) fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// That a request is one of those worked on. It gives that up while its client is waited for.
#[derive(Debug)]
pub(crate) struct Turn {
    all: Arc<Semaphore>,
    permit: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Turn {
    /// Gives it up.
    pub(crate) fn pause(&self) {
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes it, or takes it again. Whether there was one to take.
    pub(crate) fn take(&self) -> bool {
        let mut permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner);
        if permit.is_none() {
            *permit = self.all.clone().try_acquire_owned().ok();
        }
        permit.is_some()
    }
}

/// A rate for each of many.
#[derive(Debug)]
pub(crate) struct Rate {
    buckets: DefaultKeyedRateLimiter<u16>,
    secret: RandomState,
    clock: DefaultClock,
}

impl Rate {
    /// So many a second, and fifty times as many at once. None where it is 0.
    pub(crate) fn new(per_second: u32) -> Option<Self> {
        let per_second = NonZeroU32::new(per_second)?;
        let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
        Some(Self {
            buckets: RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst)),
            secret: RandomState::new(),
            clock: DefaultClock::default(),
        })
    }

    /// How long to wait, where it is too soon.
    pub(crate) fn check(&self, who: &impl Hash) -> Result<(), Duration> {
        // The cut is what bounds the number of buckets.
        let [low, high, ..] = self.secret.hash_one(who).to_le_bytes();
        let bucket = u16::from_le_bytes([low, high]);
        let checked = self.buckets.check_key(&bucket);
        checked.map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: Limits = Limits {
        requests: 2,
        peer_rate: 1,
        credential_rate: 2,
        upload: 0,
    };

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn only_so_many_requests_are_under_way() {
        let gate = Gatekeeper::new(&FEW);
        let admit = |upload| gate.admit(None, &HeaderMap::new(), upload);
        let first = admit(false).unwrap();
        let second = admit(false).unwrap();
        assert_eq!(admit(false).unwrap_err(), Refusal::Busy);
        let uploads = [admit(true).unwrap(), admit(true).unwrap()];
        assert_eq!(admit(true).unwrap_err(), Refusal::Busy);
        drop((first, uploads));
        let third = admit(false).unwrap();
        // Who waits for a client makes room, and comes back when there is some.
        second.pause();
        let fourth = admit(false).unwrap();
        assert!(!second.take() && third.take());
        drop(fourth);
        assert!(second.take() && second.take());
    }

    #[test]
    fn a_peer_has_its_own_rate_and_this_machine_none() {
        let gate = Gatekeeper::new(&FEW);
        let admit = |peer| gate.admit(peer, &HeaderMap::new(), false).map(drop);
        for _ in 0..50 {
            admit(ip("2001:db8::1")).unwrap();
        }
        for same in ["2001:db8::1", "2001:db8::2"] {
            let Err(Refusal::Peer(wait)) = admit(ip(same)) else {
                panic!("{same} was let in");
            };
            assert!(wait <= Duration::from_secs(1), "{wait:?}");
        }
        admit(ip("192.0.2.1")).unwrap();
        for _ in 0..200 {
            admit(ip("127.0.0.1")).unwrap();
        }
    }

    #[test]
    fn a_credential_has_its_own_rate_whichever_header_holds_it() {
        for name in CREDENTIALS {
            let gate = Gatekeeper::new(&FEW);
            let admit = |value| {
                let mut headers = HeaderMap::new();
                headers.insert(name, HeaderValue::from_static(value));
                gate.admit(ip("127.0.0.1"), &headers, false).map(drop)
            };
            for _ in 0..100 {
                admit("one").unwrap();
            }
            let refused = admit("one");
            assert!(matches!(refused, Err(Refusal::Credential(_))), "{name}");
            admit("two").unwrap();
        }
    }

    #[test]
    fn a_token_has_one_rate_however_it_is_written_down() {
        let gate = Gatekeeper::new(&FEW);
        let admit = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", HeaderValue::from_str(value).unwrap());
            gate.admit(None, &headers, false).map(drop)
        };
        for n in 0..100 {
            let (scheme, blanks) = (["Bearer", "bearer"][n % 2], " ".repeat(1 + n));
            admit(&format!("{scheme}{blanks}one")).unwrap();
        }
        let refused = admit("BEARER \t one");
        assert!(matches!(refused, Err(Refusal::Credential(_))));
        admit("Bearer two").unwrap();
    }

    #[test]
    fn any_number_may_be_allowed() {
        let limits = Limits {
            requests: usize::MAX,
            peer_rate: u32::MAX,
            credential_rate: u32::MAX,
            upload: u64::MAX,
        };
        let gate = Gatekeeper::new(&limits);
        for _ in 0..100 {
            gate.admit(ip("192.0.2.1"), &HeaderMap::new(), true)
                .unwrap();
        }
    }

    #[test]
    fn any_number_of_peers_takes_a_bounded_number_of_buckets() {
        let rate = Rate::new(1000).unwrap();
        for peer in 0..200_000_u32 {
            rate.check(&peer).ok();
        }
        assert!(rate.buckets.len() <= 1 << 16);
    }

    #[test]
    fn a_large_release_stays_below_the_defaults() {
        // 600 files: asked for, uploaded, listed, read back through a redirect, and all of it twice.
        let requests = 600 * 4 * 2;
        let gate = Gatekeeper::new(&Limits::default());
        let mut headers = HeaderMap::new();
        let token = HeaderValue::from_static("token");
        headers.insert(release_types::DEPLOY_TOKEN_HEADER, token);
        for _ in 0..requests {
            drop(gate.admit(ip("192.0.2.1"), &headers, false).unwrap());
        }
    }
}
