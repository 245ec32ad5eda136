//! What takes too long for every change: left out by nextest's default profile, run by `ci/full`.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(feature = "page")]
mod browser;
mod crowds;
mod kills;
#[cfg(feature = "page")]
mod pages;
mod program;
