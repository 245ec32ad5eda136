//! How far transfers of files are, in bytes: what the transfers tell, and what is worked out of it.

use crate::events::{Event, Reporter};
use serde::Serialize;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How often it is looked how far they are. What is shorter shows nothing.
const TICK: Duration = Duration::from_millis(200);

/// The time that the rate is worked out from.
const WINDOW: Duration = Duration::from_secs(8);

/// The least time that a rate is worked out from.
const LEAST: Duration = Duration::from_millis(900);

/// Which way the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To a storage.
    Upload,
    /// From it, to be compared.
    ReadBack,
}

/// How far several files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// Which way they go.
    pub direction: Direction,
    /// Bytes that have gone, of all files.
    pub done: u64,
    /// Bytes of all files.
    pub total: u64,
    /// Files that have gone.
    pub files_done: usize,
    /// All files.
    pub files: usize,
    /// Bytes in a second, of late; nothing in the first second.
    pub rate: Option<u64>,
    /// How long the rest takes at that rate.
    pub seconds_left: Option<u64>,
    /// The files that are under way.
    pub active: Vec<FileProgress>,
}

/// How far one file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileProgress {
    /// Its key.
    pub key: String,
    /// Bytes that have gone.
    pub done: u64,
    /// All of its bytes.
    pub total: u64,
}

/// One file that goes or is to go. It is under way from its first [`FileTransfer::at`] to
/// [`FileTransfer::gone`].
#[derive(Debug, Clone)]
pub struct FileTransfer(Arc<File>);

#[derive(Debug)]
struct File {
    key: String,
    size: u64,
    done: AtomicU64,
    began: AtomicBool,
    gone: AtomicBool,
}

impl FileTransfer {
    /// So many of its bytes have gone. 0 also means that it starts anew.
    pub fn at(&self, bytes: u64) {
        self.0.began.store(true, Ordering::Relaxed);
        self.0.done.store(bytes.min(self.0.size), Ordering::Relaxed);
    }

    /// All has gone, or nothing more will.
    pub fn gone(&self) {
        self.0.gone.store(true, Ordering::Relaxed);
        self.0.done.store(self.0.size, Ordering::Relaxed);
    }
}

/// Several files that go side by side.
#[derive(Debug)]
pub struct Transfers {
    direction: Direction,
    files: Mutex<Vec<Arc<File>>>,
}

impl Transfers {
    /// None yet.
    pub const fn new(direction: Direction) -> Self {
        Self {
            direction,
            files: Mutex::new(Vec::new()),
        }
    }

    /// Adds a file, of so many bytes.
    pub fn add(&self, key: impl Into<String>, size: u64) -> FileTransfer {
        let file = Arc::new(File {
            key: key.into(),
            size,
            done: AtomicU64::new(0),
            began: AtomicBool::new(false),
            gone: AtomicBool::new(false),
        });
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.push(file.clone());
        FileTransfer(file)
    }

    /// Does the work that moves the files, and tells meanwhile how far they are.
    pub async fn watch<T>(&self, reporter: &dyn Reporter, work: impl Future<Output = T>) -> T {
        let _ended = Ended(reporter);
        let (mut work, began) = (pin!(work), Instant::now());
        let mut rate = Rate::default();
        let mut ticks = interval_at(began + TICK, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                outcome = &mut work => return outcome,
                _ = ticks.tick() => {
                    if let Some(transfer) = self.now(&mut rate, began.elapsed()) {
                        reporter.event(Event::Transfer(transfer));
                    }
                }
            }
        }
    }

    /// How far they are after this time; nothing where no file is under way.
    fn now(&self, rate: &mut Rate, elapsed: Duration) -> Option<Transfer> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut done, mut total, mut files_done) = (0_u64, 0_u64, 0);
        let mut active = Vec::new();
        for file in &*files {
            let moved = file.done.load(Ordering::Relaxed);
            done = done.saturating_add(moved);
            // What a Hub lists may be any number.
            total = total.saturating_add(file.size);
            if file.gone.load(Ordering::Relaxed) {
                files_done += 1;
            } else if file.began.load(Ordering::Relaxed) {
                active.push(FileProgress {
                    key: file.key.clone(),
                    done: moved,
                    total: file.size,
                });
            }
        }
        let per_second = rate.after(elapsed, done);
        (!active.is_empty()).then(|| Transfer {
            direction: self.direction,
            done,
            total,
            files_done,
            files: files.len(),
            rate: per_second,
            seconds_left: per_second.and_then(|rate| seconds_left(total - done, rate)),
            active,
        })
    }
}

/// How long so many bytes take at so many a second; nobody knows where none move.
fn seconds_left(bytes: u64, rate: u64) -> Option<u64> {
    (rate > 0).then(|| bytes.div_ceil(rate))
}

/// Bytes in a second over the last while.
#[derive(Debug, Default)]
struct Rate(VecDeque<(Duration, u64)>);

impl Rate {
    /// Takes note of how many bytes had gone after a time, and tells how many go in a second.
    fn after(&mut self, elapsed: Duration, done: u64) -> Option<u64> {
        // Less than before: a file starts anew, and what it has sent tells nothing of the rest.
        if self.0.back().is_some_and(|(_, last)| done < *last) {
            self.0.clear();
        }
        self.0.push_back((elapsed, done));
        // The one before the window stays, so that the window is always full.
        while self.0.get(1).is_some_and(|(at, _)| elapsed - *at >= WINDOW) {
            self.0.pop_front();
        }
        let (since, before) = self.0.front()?;
        let time = elapsed - *since;
        let bytes = u128::from(done - before) * 1_000_000;
        (time >= LEAST).then(|| u64::try_from(bytes / time.as_micros()).unwrap_or(u64::MAX))
    }
}

/// Says that there is no more progress for now, also where the work is given up.
struct Ended<'a>(&'a dyn Reporter);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.progress_ended();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn seconds(tenths: u64) -> Duration {
        Duration::from_millis(tenths * 100)
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut rate = Rate::default();
        assert_eq!(rate.after(seconds(0), 0), None);
        assert_eq!(rate.after(seconds(5), 5 * MIB), None, "too soon to tell");
        assert_eq!(rate.after(seconds(10), 10 * MIB), Some(10 * MIB));
        // It stands still: the rate falls, and after the window it is nothing.
        let slower = rate.after(seconds(20), 10 * MIB).unwrap();
        assert_eq!(slower, 5 * MIB);
        for tenth in 21..=89 {
            rate.after(seconds(tenth), 10 * MIB);
        }
        assert_eq!(rate.after(seconds(100), 10 * MIB), Some(0));
        // A file that starts anew.
        assert_eq!(rate.after(seconds(110), 2 * MIB), None);
        assert_eq!(rate.after(seconds(120), 3 * MIB), Some(MIB));
    }

    #[test]
    fn the_time_that_is_left_is_rounded_up() {
        assert_eq!(seconds_left(10, 10), Some(1));
        assert_eq!(seconds_left(11, 10), Some(2));
        assert_eq!(seconds_left(0, 10), Some(0));
        assert_eq!(seconds_left(10, 0), None);
    }

    #[test]
    fn files_are_counted_whole_and_by_bytes() {
        let transfers = Transfers::new(Direction::Upload);
        let [one, two, three] = ["a/one", "a/two", "a/three"].map(|key| transfers.add(key, 100));
        let mut rate = Rate::default();
        assert_eq!(transfers.now(&mut rate, seconds(0)), None, "none has begun");
        one.at(100);
        one.gone();
        two.at(40);
        let shown = transfers.now(&mut rate, seconds(10)).unwrap();
        assert_eq!((shown.done, shown.total), (140, 300));
        assert_eq!((shown.files_done, shown.files), (1, 3));
        assert_eq!((shown.rate, shown.seconds_left), (Some(140), Some(2)));
        assert_eq!(shown.active.len(), 1);
        assert_eq!((&*shown.active[0].key, shown.active[0].done), ("a/two", 40));
        // Whoever sends more than was said has sent all of it.
        two.at(1000);
        three.at(0);
        let shown = transfers.now(&mut rate, seconds(20)).unwrap();
        assert_eq!((shown.done, shown.active.len()), (200, 2));
    }

    #[test]
    fn sizes_that_no_disk_has_do_no_harm() {
        let transfers = Transfers::new(Direction::ReadBack);
        for file in [transfers.add("a", u64::MAX), transfers.add("b", u64::MAX)] {
            file.at(u64::MAX);
        }
        let mut rate = Rate::default();
        transfers.now(&mut rate, seconds(0)).unwrap();
        let shown = transfers.now(&mut rate, seconds(10)).unwrap();
        assert_eq!((shown.done, shown.total), (u64::MAX, u64::MAX));
    }
}
