//! Places at which a test can stop this process, in order to kill it just there.
//!
//! There is nothing of them in a release build.

/// A place, by its name.
macro_rules! fail_point {
    ($name:literal) => {
        #[cfg(debug_assertions)]
        $crate::fail_point::reached($name);
    };
}
pub(crate) use fail_point;

#[cfg(debug_assertions)]
pub use armed::arm;
#[cfg(debug_assertions)]
pub(crate) use armed::reached;

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Which place, and how often it has still to be reached.
    static ARMED: OnceLock<(String, AtomicU32)> = OnceLock::new();

    /// Has the thread that reaches a place for the nth time say so on stderr and stand still.
    pub fn arm(name: &str, nth: u32) {
        let counter = AtomicU32::new(nth);
        if ARMED.set((name.to_owned(), counter)).is_err() {
            tracing::warn!("a fail point is armed already");
        }
    }

    pub(crate) fn reached(name: &str) {
        let Some((armed, left)) = ARMED.get() else {
            return;
        };
        if armed == name && left.fetch_sub(1, Ordering::SeqCst) == 1 {
            eprintln!("fail point: {name}");
            loop {
                std::thread::park();
            }
        }
    }
}
