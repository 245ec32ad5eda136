//! What is left of a request's body when its answer is known.
//!
//! A client that sends all of a body and then listens has to get to see why it is refused. A
//! connection that is closed with bytes still coming is reset, though, and the answer may be lost with
//! it. So the rest is read, within bounds, whoever refused the request: a body is only lent to the one
//! that answers, and comes back here when that one is done with it.

use crate::context;
use axum::body::{Body, Bytes, HttpBody};
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode, header};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How much of it is read, in bytes.
const MOST: usize = 32 * 1024 * 1024;

/// How long more of it is waited for.
const PAUSE: Duration = Duration::from_secs(5);

/// Where a body that was lent comes back to.
#[derive(Debug)]
pub(super) struct Unread {
    left: Arc<Mutex<Option<Left>>>,
    /// The client sends nothing until it is told to, which hyper does when the body is asked for.
    waits: bool,
}

/// What is done with the rest of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// The connection can go on.
    Read,
    /// Nothing of the body was sent, and nothing shall be, or its time is over: the connection has to
    /// end.
    Unwanted,
}

#[derive(Debug)]
struct Left {
    body: Body,
    /// Whether anything of it was asked for.
    begun: bool,
}

/// A body that comes back when it is dropped before its end.
#[derive(Debug)]
struct Lent {
    body: Option<Body>,
    begun: bool,
    back: Arc<Mutex<Option<Left>>>,
}

/// Lends a request's body; nothing comes back of one that is empty.
pub(super) fn lend(body: Body, headers: &HeaderMap) -> (Body, Option<Unread>) {
    if body.is_end_stream() {
        return (body, None);
    }
    let left = Arc::new(Mutex::new(None));
    let lent = Lent {
        body: Some(body),
        begun: false,
        back: left.clone(),
    };
    let expect = headers.get(header::EXPECT);
    let waits = expect.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    (Body::new(lent), Some(Unread { left, waits }))
}

impl Unread {
    /// Reads what is left after an answer of this status, for no longer than `longest`. A body that
    /// was too slow has had its time.
    pub(super) async fn discard(self, status: StatusCode, longest: Duration) -> Rest {
        let Some(Left { body, begun }) = taken(&self.left) else {
            return Rest::Read;
        };
        if status == StatusCode::REQUEST_TIMEOUT || self.waits && !begun {
            return Rest::Unwanted;
        }
        context::pause();
        let mut body = body.into_data_stream();
        let reading = async {
            let mut read = 0;
            while let Ok(Some(Ok(chunk))) = tokio::time::timeout(PAUSE, body.next()).await
                && read < MOST
            {
                read += chunk.len();
            }
        };
        if tokio::time::timeout(longest, reading).await.is_err() {
            tracing::debug!("a refused request keeps sending");
        }
        Rest::Read
    }
}

fn taken(left: &Mutex<Option<Left>>) -> Option<Left> {
    left.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.begun = true;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.as_ref().map(HttpBody::size_hint);
        hint.unwrap_or_else(|| SizeHint::with_exact(0))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            let begun = self.begun;
            let mut back = self.back.lock().unwrap_or_else(PoisonError::into_inner);
            *back = Some(Left { body, begun });
        }
    }
}
