//! The changes that this process makes, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many transactions that may have written have ended, by whoever has this process's writer.
#[derive(Debug, Clone, Default)]
pub(super) struct Writes(Arc<AtomicU64>);

impl Writes {
    /// One of them begins.
    pub(super) fn begin(&self) -> Writing {
        Writing(self.clone())
    }

    pub(super) fn ended(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Part of a transaction that writes. It is counted when this is dropped, before anybody is told
/// of its outcome.
#[derive(Debug)]
pub(crate) struct Writing(Writes);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}
