//! A child's output: kept whole, or cut into lines. How long it is waited for is the runner's part.

use std::io;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio_util::sync::CancellationToken;

/// The most that is kept of either stream by [`capture`].
const CAPTURE_LIMIT: u64 = 16 * 1024 * 1024;

/// How much room is made for what is read next of a stream that is kept, in bytes.
const CHUNK: usize = 8 * 1024;

/// The longest line that is handed on by [`Lines`]; cargo's messages may hold a whole file
/// of diagnostics.
const LINE_LIMIT: usize = 16 * 1024 * 1024;

/// Which of a child's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line that a child wrote, without its end. A carriage return also ends a line on standard
/// error, because progress bars use it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it was written.
    pub stream: Stream,
    /// The text, with what is no UTF-8 replaced.
    pub text: String,
}

/// Reads a stream to its end, keeping the first [`CAPTURE_LIMIT`] bytes. What has been read is kept
/// also when this is given up.
pub(crate) async fn capture(
    stream: Option<impl AsyncRead + Unpin>,
    kept: &mut Vec<u8>,
) -> io::Result<()> {
    let Some(mut stream) = stream else {
        return Ok(());
    };
    let mut first = (&mut stream).take(CAPTURE_LIMIT);
    loop {
        kept.reserve(CHUNK);
        if first.read_buf(kept).await? == 0 {
            break;
        }
    }
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// Cuts one of the two streams into lines.
pub(crate) struct Lines {
    stream: Stream,
    send: tokio::sync::mpsc::Sender<Line>,
    pending: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(stream: Stream, send: tokio::sync::mpsc::Sender<Line>) -> Self {
        Self {
            stream,
            send,
            pending: Vec::new(),
        }
    }

    /// Hands lines on until the stream ends or enough has been read of it; what stands in its last
    /// line by then is handed on too.
    pub(crate) async fn forward(
        mut self,
        reader: impl AsyncRead + Unpin,
        enough: CancellationToken,
    ) -> io::Result<()> {
        let mut reader = BufReader::new(reader);
        loop {
            let chunk = tokio::select! {
                chunk = reader.fill_buf() => chunk?,
                () = enough.cancelled() => &[],
            };
            let ended = chunk.is_empty();
            let end = chunk
                .iter()
                .position(|&b| b == b'\n' || (b == b'\r' && self.stream == Stream::Stderr));
            let taken = end.map_or(chunk.len(), |at| at + 1);
            self.pending
                .extend_from_slice(&chunk[..end.unwrap_or(chunk.len())]);
            reader.consume(taken);
            if (end.is_some() || ended || self.pending.len() > LINE_LIMIT) && !self.hand_on().await
            {
                return Ok(());
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// Sends the pending line, unless it is empty. Whether anybody wants more.
    async fn hand_on(&mut self) -> bool {
        if self.pending.is_empty() {
            return true;
        }
        let text = String::from_utf8_lossy(&self.pending)
            .trim_end_matches('\r')
            .to_owned();
        self.pending.clear();
        let stream = self.stream;
        self.send.send(Line { stream, text }).await.is_ok()
    }
}
