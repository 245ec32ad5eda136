//! A file's bytes as a body: the next part is read while the last one is sent.

use bytes::Bytes;
use futures_util::Stream;
use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// How much of a file is read at a time. Two of these are in memory for each download.
const PART: usize = 256 * 1024;

/// The next `length` bytes of a file. It ends with an error where the file ends earlier. Nothing is
/// read before somebody asks, which nobody does for HEAD.
pub(super) fn stream(file: File, length: u64) -> impl Stream<Item = std::io::Result<Bytes>> {
    let reading = Reading {
        file: Arc::new(file),
        left: length,
        next: None,
    };
    futures_util::stream::try_unfold(reading, async |mut reading| {
        if reading.next.is_none() {
            reading.begin();
        }
        let Some(next) = reading.next.take() else {
            return Ok(None);
        };
        let bytes = next.await.map_err(Error::other)??;
        reading.begin();
        Ok(Some((bytes, reading)))
    })
}

struct Reading {
    file: Arc<File>,
    left: u64,
    next: Option<JoinHandle<std::io::Result<Bytes>>>,
}

impl Reading {
    /// Begins to read the next part, if there is one.
    fn begin(&mut self) {
        let length = usize::try_from(self.left).map_or(PART, |left| left.min(PART));
        if length == 0 {
            return;
        }
        self.left -= length as u64;
        let file = self.file.clone();
        self.next = Some(tokio::task::spawn_blocking(move || read(&file, length)));
    }
}

fn read(mut file: &File, length: usize) -> std::io::Result<Bytes> {
    let mut part = vec![0; length];
    match file.read_exact(&mut part) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(Error::new(
            error.kind(),
            "a stored file is shorter than it was",
        )),
        read => read.map(|()| part.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt as _;
    use std::io::{Seek as _, SeekFrom, Write as _};

    #[tokio::test]
    async fn all_of_a_part_comes_in_order_and_no_more() {
        let bytes: Vec<u8> = (0..3 * PART + 5).map(|n| (n % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        for (start, end) in [(0, bytes.len()), (7, 7), (7, 8), (PART - 1, 2 * PART + 1)] {
            file.seek(SeekFrom::Start(start as u64)).unwrap();
            let parts = stream(file.try_clone().unwrap(), (end - start) as u64);
            let read: Vec<Bytes> = parts.try_collect().await.unwrap();
            assert!(read.concat() == bytes[start..end], "{start} {end}");
        }
        file.seek(SeekFrom::Start(0)).unwrap();
        let more = stream(file, bytes.len() as u64 + 1);
        assert!(more.try_collect::<Vec<Bytes>>().await.is_err());
    }
}
