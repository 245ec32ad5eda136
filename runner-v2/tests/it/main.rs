//! The command line as its users meet it: the real program, against the real daemon's library and
//! against what is no daemon.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli;
mod sandbox;
mod status;
