//! Lines as they leave this program: data on standard output, narrative on standard error.

use crate::text::harmless;
use std::io::Write as _;
use std::sync::atomic::{self, AtomicBool};

/// Whether data could not be written for another reason than that nobody reads it any more.
static DATA_LOST: AtomicBool = AtomicBool::new(false);

/// Whether something that belongs on standard output was lost, on a full disk for instance.
pub fn data_was_lost() -> bool {
    DATA_LOST.load(atomic::Ordering::Relaxed)
}

/// Writes a line of data. A reader that has gone away is not this program's failure.
pub(crate) fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        tracing::debug!(%error, "standard output cannot be written");
        DATA_LOST.store(true, atomic::Ordering::Relaxed);
    }
}

/// Writes a line of narrative.
pub(crate) fn tell(line: &str) {
    if let Err(error) = writeln!(std::io::stderr().lock(), "{}", harmless(line)) {
        tracing::debug!(%error, "standard error is closed");
    }
}
