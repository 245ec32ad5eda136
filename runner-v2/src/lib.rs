//! What a person asks the Atlas runner daemon with `atlas-runner`, and what the answers come to.
//!
//! The library neither reads the environment nor prints. How the daemon is reached stands in
//! `runner-ipc`, and the command line in the binary.

mod error;
mod report;

pub use error::RunnerError;
pub use report::Report;
