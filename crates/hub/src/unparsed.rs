//! Answers to what is no request of HTTP's: hyper makes them itself, and without a body. Here they get
//! the one that every error of the Hub's has.
//!
//! hyper says nothing of it but the bytes of that answer. They are told from all others by their time: what
//! is written while no request is worked on, and after all of the last answer is out, is hyper's own.

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use release_types::ErrorBody;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Talk(Arc<AtomicU8>);

/// All that was answered is out.
const IDLE: u8 = 0;
/// A request is worked on, or answered.
const ANSWERING: u8 = 1;
/// hyper has all of the answer, and may not have written it yet.
const ANSWERED: u8 = 2;

impl Talk {
    /// A request has come.
    pub(crate) fn begin(&self) {
        self.0.store(ANSWERING, Ordering::Release);
    }

    /// The body of its answer, whose end is the answer's.
    pub(crate) fn answer<B>(&self, body: B) -> Answer<B> {
        Answer {
            body,
            talk: self.clone(),
        }
    }

    fn is(&self, state: u8) -> bool {
        self.0.load(Ordering::Acquire) == state
    }
}

/// A body that tells of its end.
#[derive(Debug)]
pub(crate) struct Answer<B> {
    body: B,
    talk: Talk,
}

impl<B> Drop for Answer<B> {
    fn drop(&mut self) {
        self.talk.0.store(ANSWERED, Ordering::Release);
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection on which hyper's own answers say why.
#[derive(Debug)]
pub(crate) struct Explained<S> {
    stream: S,
    talk: Talk,
    /// What is written in the place of such an answer.
    instead: Bytes,
}

impl<S: AsyncWrite + Unpin> Explained<S> {
    pub(crate) fn new(stream: S, talk: Talk) -> Self {
        Self {
            stream,
            talk,
            instead: Bytes::new(),
        }
    }

    /// Writes what is to be written instead.
    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let wrote = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.instead))?;
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            drop(self.instead.split_to(wrote));
        }
        Poll::Ready(Ok(()))
    }
}

/// An answer of hyper's with a body; nothing where it is none.
fn explained(answer: &[u8]) -> Option<Bytes> {
    let head = std::str::from_utf8(answer).ok()?;
    let (before, after) = head.split_once("content-length: 0\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    let why = match status {
        "400" => "this is no request of HTTP/1.1's",
        "414" => "the address is longer than any that this Hub has",
        "431" => "the head of the request is longer than this Hub takes",
        _ => return None,
    };
    let body = serde_json::to_string(&ErrorBody {
        error: why.to_owned(),
        code: None,
    });
    let body = body.ok().filter(|_| after.ends_with("\r\n\r\n"))?;
    let length = body.len();
    let fields = format!(
        "content-type: application/json\r\ncache-control: no-store\r\ncontent-length: {length}\r\n"
    );
    Some(format!("{before}{fields}{after}{body}").into())
}

impl<S: AsyncRead + Unpin> AsyncRead for Explained<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Explained<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(cx))?;
        if self.talk.is(IDLE)
            && let Some(instead) = explained(bytes)
        {
            self.instead = instead;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(cx))?;
        if self.talk.is(IDLE)
            && let [bytes] = buffers
            && let Some(instead) = explained(bytes)
        {
            self.instead = instead;
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // hyper flushes what it has written, all of it, before it looks for the next request.
        if self.talk.is(ANSWERED) {
            self.talk.0.store(IDLE, Ordering::Release);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_without_a_body_gets_one() {
        let head = |status: &str, length: u8| {
            format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\ndate: x\r\n\r\n"
            )
        };
        let told = explained(head("414 URI Too Long", 0).as_bytes()).unwrap();
        let told = String::from_utf8(told.to_vec()).unwrap();
        let (fields, body) = told.split_once("\r\n\r\n").unwrap();
        let length = format!("\r\ncontent-length: {}\r\n", body.len());
        assert!(fields.starts_with("HTTP/1.1 414 URI Too Long\r\nconnection: close\r\n"));
        assert!(fields.contains(&length) && fields.contains("application/json"));
        let body: ErrorBody = serde_json::from_str(body).unwrap();
        assert!(body.error.contains("address"), "{}", body.error);
        for other in [
            head("400 Bad Request", 7),
            head("404 Not Found", 0),
            head("200 OK", 0),
            "x".to_owned(),
        ] {
            assert_eq!(explained(other.as_bytes()), None, "{other}");
        }
    }
}
