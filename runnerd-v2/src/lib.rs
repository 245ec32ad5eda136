//! The Atlas runner daemon: it takes the place where `atlas-runner` looks for it, says what it is,
//! and ends without leaving anything behind.
//!
//! The library takes settings and a future that tells it to stop; it neither reads the environment
//! nor prints. What is said over the socket stands in `runner-ipc`, and the command line in the
//! binary.

pub mod config;
mod daemon;
pub mod endpoint;
mod error;
pub mod server;
mod shutdown;

pub use config::Settings;
pub use daemon::Daemon;
pub use error::RunnerdError;
pub use shutdown::Signals;
