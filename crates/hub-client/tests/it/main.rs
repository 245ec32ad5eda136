//! The client against real servers on this machine: such as a deployed Hub, and such as misbehave.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of test functions"
)]

mod calls;
mod download;
mod drafts;
mod faults;
mod objects;
mod packs;
mod reading;
mod real_hub;
mod refusals;
mod retries;
mod support;
mod tokens;
mod upload;
