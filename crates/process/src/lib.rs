//! What concerns processes: the one place that starts children, the one that reads the environment,
//! and the lock by which processes exclude each other.
//!
//! Children start with an empty environment and get what an [`AllowList`] lets through, run in a
//! process group (a job on Windows) of their own, and are ended with everything they started when
//! the run is interrupted, when their deadline passes or when nobody waits for them any more. What
//! is run, and what its output means, is for callers to know.

mod allow_list;
mod child;
mod command;
mod env;
mod error;
mod lock;
mod run;
mod stream;
mod tree;

pub use allow_list::{AllowList, is_secret_name};
pub use command::Command;
pub use env::{Env, NameCase, NotUtf8};
pub use error::ProcessError;
pub use lock::{PidLock, PidLockError};
pub use run::{Background, Ended, Output, Runner};
pub use stream::{Line, Stream};
pub use tree::{Member, ProcessTree};
