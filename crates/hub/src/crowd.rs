//! The connections that are served, and which of them goes when one more comes and there is no
//! room for it.
//!
//! A slow client takes nothing but a place. As long as there are places it may keep its own until
//! a deadline; when all are taken, the one goes whose client has been waited for longest, which
//! counts for more where its address has more places, and where it has not even asked. What the Hub
//! itself is working on stays.
//!
//! There is no time that everybody is granted, but for the shortest: slow clients that come again
//! as soon as they are closed would fill all places with new connections, and be queued for more.
//! They push out each other instead, since whoever has just come has waited least.

use crate::pace::ENOUGH;
use crate::peer::network;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a client has to be waited for until it can lose its place.
const LEAST: Duration = Duration::from_millis(50);

/// How much more patience there is for the next [`ENOUGH`] of a body or an answer than for the head
/// of a request.
const PATIENCE: u128 = 5;

/// The places, and who has them.
#[derive(Debug)]
pub(crate) struct Crowd {
    most: usize,
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    by_id: HashMap<u64, Arc<Member>>,
    next: u64,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Member {
    peer: IpAddr,
    doing: Mutex<Doing>,
    leave: CancellationToken,
}

#[derive(Debug, Clone, Copy)]
struct Doing {
    phase: Phase,
    since: Instant,
    /// What went through since then.
    moved: usize,
}

/// Who has to do something next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The client: a handshake, or the head of a request.
    Quiet,
    /// The client: the request's body.
    Receiving,
    /// The Hub.
    Working,
    /// The client: it has to take the answer.
    Sending,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
    id: u64,
    member: Arc<Member>,
    /// Whether somebody had to go for it.
    pub(crate) made: bool,
}

impl Crowd {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            members: Mutex::default(),
        })
    }

    /// A place for one more connection. None when all are taken and nobody can go now.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut members = self.members();
        let made = members.by_id.len() >= self.most;
        if made {
            let id = members.slowest(Instant::now())?;
            if let Some(member) = members.by_id.remove(&id) {
                member.leave.cancel();
            }
        }
        let member = Arc::new(Member {
            peer: network(peer.to_canonical()),
            doing: Mutex::new(Doing::now(Phase::Quiet)),
            leave: CancellationToken::new(),
        });
        let id = members.next;
        members.next += 1;
        members.by_id.insert(id, member.clone());
        drop(members);
        Some(Place {
            crowd: self.clone(),
            id,
            member,
            made,
        })
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    /// Whoever is waited for and has kept the Hub waiting longest.
    fn slowest(&self, now: Instant) -> Option<u64> {
        let mut of_peer: HashMap<IpAddr, usize> = HashMap::new();
        for member in self.by_id.values() {
            *of_peer.entry(member.peer).or_default() += 1;
        }
        let waits = self.by_id.iter().filter_map(|(id, member)| {
            let slowness = member.doing().slowness(now)?;
            let places = of_peer.get(&member.peer).copied().unwrap_or(1);
            Some((slowness * places as u128, *id))
        });
        waits.max().map(|(_, id)| id)
    }
}

impl Doing {
    fn now(phase: Phase) -> Self {
        Self {
            phase,
            since: Instant::now(),
            moved: 0,
        }
    }

    /// How slow the client is, where it can lose its place.
    fn slowness(self, now: Instant) -> Option<u128> {
        let waited = now.duration_since(self.since);
        if waited < LEAST {
            return None;
        }
        match self.phase {
            Phase::Quiet => Some(waited.as_micros() * PATIENCE),
            Phase::Receiving | Phase::Sending => Some(waited.as_micros()),
            Phase::Working => None,
        }
    }
}

impl Place {
    /// Resolves when the place is needed for somebody else.
    pub(crate) fn lost(&self) -> impl Future<Output = ()> + Send + 'static {
        self.member.leave.clone().cancelled_owned()
    }

    pub(crate) fn member(&self) -> Arc<Member> {
        self.member.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.members().by_id.remove(&self.id);
    }
}

impl Member {
    fn doing(&self) -> MutexGuard<'_, Doing> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes from one phase to the next, unless it has left the first already.
    fn pass(&self, from: Phase, to: Phase) {
        let mut doing = self.doing();
        if doing.phase == from {
            *doing = Doing::now(to);
        }
    }

    fn moved(&self, bytes: usize) {
        let mut doing = self.doing();
        doing.moved = doing.moved.saturating_add(bytes);
        if doing.moved >= ENOUGH {
            *doing = Doing::now(doing.phase);
        }
    }

    /// The head of a request is there: watches its body.
    pub(crate) fn receive<B: Body>(self: &Arc<Self>, body: B) -> Watched<B> {
        let phase = match body.is_end_stream() {
            true => Phase::Working,
            false => Phase::Receiving,
        };
        *self.doing() = Doing::now(phase);
        Watched {
            body,
            member: self.clone(),
            pass: (Phase::Receiving, Phase::Working),
        }
    }

    /// The head of the answer is there: watches its body.
    pub(crate) fn send<B>(self: &Arc<Self>, body: B) -> Watched<B> {
        *self.doing() = Doing::now(Phase::Sending);
        Watched {
            body,
            member: self.clone(),
            pass: (Phase::Sending, Phase::Quiet),
        }
    }
}

/// A body of a connection whose progress is watched.
#[derive(Debug)]
pub(crate) struct Watched<B> {
    body: B,
    member: Arc<Member>,
    pass: (Phase, Phase),
}

impl<B: Body<Data = Bytes> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.member.moved(bytes);
            }
            Some(Err(_)) => {}
            None => self.member.pass(self.pass.0, self.pass.1),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.member.pass(self.pass.0, self.pass.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    async fn pass(millis: u64) {
        tokio::time::advance(Duration::from_millis(millis)).await;
    }

    fn is_lost(place: &Place) -> bool {
        place.member.leave.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_goes_while_there_is_room_or_before_they_had_time() {
        let crowd = Crowd::new(2);
        let first = crowd.admit(ip(1)).unwrap();
        pass(100_000).await;
        let second = crowd.admit(ip(1)).unwrap();
        assert!(!first.made && !second.made && !is_lost(&first));
        drop(first.member().receive(axum::body::Body::from("x")));
        assert!(crowd.admit(ip(1)).is_none());
        pass(50).await;
        // The first has sent its request; the second has sent nothing.
        let third = crowd.admit(ip(1)).unwrap();
        assert!(third.made && is_lost(&second) && !is_lost(&first));
        drop(first);
        assert!(!crowd.admit(ip(1)).unwrap().made);
    }

    #[tokio::test(start_paused = true)]
    async fn many_places_count_as_a_long_time() {
        let crowd = Crowd::new(3);
        let lone = crowd.admit(ip(1)).unwrap();
        pass(1000).await;
        let greedy = [crowd.admit(ip(2)).unwrap(), crowd.admit(ip(2)).unwrap()];
        pass(1500).await;
        // 2.5 s are less than twice 1.5 s.
        let _fourth = crowd.admit(ip(3)).unwrap();
        assert!(is_lost(&greedy[0]) != is_lost(&greedy[1]) && !is_lost(&lone));
        // Now each has one: the longest goes.
        let _fifth = crowd.admit(ip(3)).unwrap();
        assert!(is_lost(&lone));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_hub_works_on_stays_and_what_crawls_goes() {
        let crowd = Crowd::new(1);
        let place = crowd.admit(ip(1)).unwrap();
        let body = place.member().receive(axum::body::Body::from("x"));
        pass(10).await;
        drop(body);
        pass(1_000_000).await;
        assert!(crowd.admit(ip(2)).is_none());
        let answer = place.member().send(axum::body::Body::from("x"));
        for _ in 0..100 {
            pass(40).await;
            assert!(crowd.admit(ip(2)).is_none());
            place.member.moved(ENOUGH);
        }
        pass(40).await;
        place.member.moved(ENOUGH - 1);
        pass(40).await;
        assert!(crowd.admit(ip(2)).is_some() && is_lost(&place));
        drop(answer);
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_more_patience_for_a_body_than_for_a_head() {
        let crowd = Crowd::new(2);
        let sending = crowd.admit(ip(1)).unwrap();
        let _answer = sending.member().send(axum::body::Body::from("x"));
        pass(400).await;
        let silent = crowd.admit(ip(2)).unwrap();
        pass(101).await;
        let _third = crowd.admit(ip(3)).unwrap();
        assert!(is_lost(&silent) && !is_lost(&sending));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_sent_makes_its_connection_idle() {
        let crowd = Crowd::new(1);
        let place = crowd.admit(ip(1)).unwrap();
        drop(place.member().receive(axum::body::Body::empty()));
        assert_eq!(place.member.doing().phase, Phase::Working);
        drop(place.member().send(axum::body::Body::empty()));
        assert_eq!(place.member.doing().phase, Phase::Quiet);
        pass(50).await;
        assert!(crowd.admit(ip(1)).is_some());
    }
}
