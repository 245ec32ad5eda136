//! Packages as those who install them see them: by the real dpkg and rpm, in a root of their own.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod deb;
#[cfg(target_os = "linux")]
mod memory;
mod rpm;
mod same_bytes;
mod support;
mod versions;
mod zip;
