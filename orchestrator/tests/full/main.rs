//! What takes too long for every change: left out by nextest's default profile, run by `ci/full`.
#![cfg(target_os = "linux")]

mod cross;
mod targets;
