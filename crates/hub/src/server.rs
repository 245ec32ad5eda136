//! The accept loop: connections in, and all of them gone when it returns.
//!
//! axum's own loop leaves connections running when it is dropped, so an embedded Hub could not
//! bound its end; here each connection is a task that is ended with the loop.
//!
//! HTTP/1 alone, by TLS too: nothing speaks HTTP/2 without TLS, and to wait for its preface would be to wait
//! without a deadline.

use crate::HubConfig;
use crate::crowd::{Crowd, Place};
use crate::pace::Paced;
use crate::peer::Peer;
use crate::tls::Acceptor;
use crate::unparsed::{Explained, Talk};
use axum::Router;
use futures_util::TryFutureExt as _;
use http::Request;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long to wait after the system refused a connection, for instance for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How often at most the log says that connections are not accepted, or that slow ones are closed.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(5);

/// How often to look whether a place can be made for a connection that waits for one.
const PLACE_PAUSE: Duration = Duration::from_millis(5);

/// How long the head of a request may be, in bytes; of twice that it is answered with 431, and in
/// between it depends on how it comes, since hyper looks before it reads and reads as much at a time.
/// An upload address and every credential at once are far below it.
const MAX_HEAD: usize = 64 * 1024;

/// Serves until `shutdown` resolves, then takes no connection and no request more, waits up to
/// [`HubConfig::drain`] for the requests under way, and ends what is left.
pub(crate) async fn run(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
    config: &HubConfig,
    tls: Option<Arc<Acceptor>>,
) {
    let mut connections = JoinSet::new();
    let crowd = Crowd::new(config.max_connections);
    let mut next: Option<(TcpStream, SocketAddr)> = None;
    let (mut complained, mut crowded) = (None, None);
    let stop = CancellationToken::new();
    let mut shutdown = pin!(shutdown);
    loop {
        if let Some((stream, peer)) = next.take() {
            let Some(place) = crowd.admit(peer.ip()) else {
                next = Some((stream, peer));
                tokio::select! {
                    () = &mut shutdown => break,
                    Some(_) = connections.join_next() => {}
                    () = tokio::time::sleep(PLACE_PAUSE) => {}
                }
                continue;
            };
            if place.made && is_due(&mut crowded, Instant::now()) {
                tracing::warn!("all connections are taken; slow ones are closed for others");
            }
            let connection = Connection {
                peer: Peer(peer),
                place,
                router: router.clone(),
                head_timeout: config.head_timeout,
                write_timeout: config.write_timeout,
                stop: stop.clone(),
            };
            connections.spawn(connection.begin(stream, tls.clone()));
        }
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => next = Some(accepted),
                Err(error) => {
                    if is_due(&mut complained, Instant::now()) {
                        tracing::warn!(%error, "connections are not accepted");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop((listener, next));
    stop.cancel();
    tracing::info!(connections = connections.len(), "stopping");
    let drained = tokio::time::timeout(config.drain, async {
        while connections.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "ending requests that take too long"
        );
        connections.shutdown().await;
    }
}

/// Whether it is time to complain again, and if so notes that it was done.
fn is_due(complained: &mut Option<Instant>, now: Instant) -> bool {
    let due = complained.is_none_or(|last| now.duration_since(last) >= COMPLAINT_PAUSE);
    if due {
        *complained = Some(now);
    }
    due
}

/// A connection, and what it is served with.
struct Connection {
    peer: Peer,
    place: Place,
    router: Router,
    head_timeout: Duration,
    write_timeout: Duration,
    stop: CancellationToken,
}

impl Connection {
    async fn begin(self, stream: TcpStream, tls: Option<Arc<Acceptor>>) {
        let lost = self.place.lost();
        tokio::select! {
            () = self.carry(stream, tls) => {}
            () = lost => tracing::debug!("a slow connection is closed for another one"),
        }
    }

    async fn carry(self, stream: TcpStream, tls: Option<Arc<Acceptor>>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was not set");
        }
        let Some(tls) = tls else {
            let stream = Paced::new(stream, self.write_timeout);
            return self.serve(stream).await;
        };
        let handshake =
            tokio::time::timeout(self.head_timeout, tls.accept(stream, self.write_timeout));
        let accepted = tokio::select! {
            accepted = handshake => accepted,
            () = self.stop.cancelled() => return,
        };
        match accepted {
            Ok(Ok(Some(stream))) => self.serve(stream).await,
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        // Runs from the connection's start, and again from the end of each answer.
        builder
            .http1()
            .timer(TokioTimer::new())
            .max_buf_size(MAX_HEAD)
            .header_read_timeout(self.head_timeout);
        let (peer, member) = (self.peer, self.place.member());
        let router = TowerToHyperService::new(self.router);
        let talk = Talk::default();
        let stream = Explained::new(stream, talk.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            talk.begin();
            request.extensions_mut().insert(peer);
            let (member, talk) = (member.clone(), talk.clone());
            let answer = router.call(request.map(|body| member.receive(body)));
            answer.map_ok(move |response| response.map(|body| talk.answer(member.send(body))))
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_have_pauses_between_them() {
        let start = Instant::now();
        let mut complained = None;
        let said = [0, 1, 4, 5, 6, 11].map(|s| {
            let now = start + Duration::from_secs(s);
            is_due(&mut complained, now)
        });
        assert_eq!(said, [true, false, false, true, false, true]);
    }
}
