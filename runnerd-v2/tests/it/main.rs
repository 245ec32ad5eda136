//! The daemon as its users meet it: a real process, real sockets, real signals.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli;
mod daemon;
mod sandbox;
