//! A connection whose other end has to take what it is sent.
//!
//! hyper has deadlines for what it reads and none for what it writes, so a reader that stands
//! still would hold its connection, and the file behind it, for as long as it likes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How much has to go in each limit while something waits to be sent: 64 KiB, less than the least
/// that hyper collects of a longer body.
pub(crate) const ENOUGH: usize = 64 * 1024;

/// A stream that fails when the other end takes too little for too long.
///
/// The clock starts when the other end takes no more. It stops when all that there was to write is
/// gone, and starts anew after each [`ENOUGH`]: a byte now and then does not set it back.
#[derive(Debug)]
pub(crate) struct Paced<S> {
    stream: S,
    limit: Duration,
    deadline: Pin<Box<Sleep>>,
    waiting: bool,
    /// How much went since the clock started.
    moved: usize,
}

impl<S> Paced<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            deadline: Box::pin(tokio::time::sleep(limit)),
            waiting: false,
            moved: 0,
        }
    }

    fn start(&mut self) {
        self.waiting = true;
        self.moved = 0;
        self.deadline.as_mut().reset(Instant::now() + self.limit);
    }

    /// What came of an attempt to write `offered` bytes, or that the time is over.
    fn paced(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<usize>>,
        offered: usize,
    ) -> Poll<io::Result<usize>> {
        match &wrote {
            Poll::Ready(Ok(count)) if *count < offered => {
                self.moved = self.moved.saturating_add(*count);
                if self.waiting && self.moved >= ENOUGH {
                    self.start();
                }
            }
            Poll::Ready(_) => self.waiting = false,
            Poll::Pending if self.waiting => {}
            Poll::Pending => self.start(),
        }
        if !self.waiting {
            return wrote;
        }
        if self.deadline.as_mut().poll(cx).is_ready() {
            tracing::info!("a client takes what it is sent too slowly; closing its connection");
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        wrote
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.paced(cx, wrote, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = buffers.iter().map(|buffer| buffer.len()).sum();
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.paced(cx, wrote, offered)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn who_takes_everything_in_time_may_take_for_ever() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        let mut ours = Paced::new(ours, LIMIT);
        let reading = tokio::spawn(async move {
            let mut read = 0;
            let mut buffer = [0; 4];
            while let Ok(count @ 1..) = theirs.read(&mut buffer).await {
                read += count;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            read
        });
        for _ in 0..100 {
            ours.write_all(&[1; 16]).await.unwrap();
        }
        drop(ours);
        assert_eq!(reading.await.unwrap(), 1600);
    }

    /// As hyper does it: there is always more to write than the other end takes.
    #[tokio::test(start_paused = true)]
    async fn what_is_never_written_out_may_be_slow_too() {
        let (ours, mut theirs) = tokio::io::duplex(ENOUGH);
        let mut ours = Paced::new(ours, LIMIT);
        let reading = tokio::spawn(async move {
            let mut buffer = [0; ENOUGH / 4];
            while theirs.read_exact(&mut buffer).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        });
        let started = Instant::now();
        let more = vec![1; 8 * ENOUGH];
        while started.elapsed() < LIMIT * 10 {
            assert!(ours.write(&more).await.unwrap() > 0);
        }
        reading.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn neither_standing_still_nor_taking_a_byte_now_and_then_is_enough() {
        for pause in [1_000_000, 5] {
            let (ours, mut theirs) = tokio::io::duplex(8);
            let mut ours = Paced::new(ours, LIMIT);
            let reading = tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                    if theirs.read_u8().await.is_err() {
                        break;
                    }
                }
            });
            let started = Instant::now();
            let error = ours.write_all(&[1; 64]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            let took = started.elapsed();
            assert!(took >= LIMIT && took < LIMIT * 2, "{took:?}");
            reading.abort();
        }
    }
}
