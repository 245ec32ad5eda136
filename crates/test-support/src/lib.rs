//! What tests are made of: a [`Sandbox`] to run programs in, a [`Fixture`] for them to work on,
//! folders for `PATH` that hide tools or hold false ones, a [`Proxy`] that lets a server fail, an
//! `S3Server`, and an [`issuer`] of ID tokens.
//!
//! Nothing here knows what the programs of this workspace do or what is expected of them; that is
//! for the tests to say. A stage that cannot be set ends the test at once, so everything here
//! panics where other code would return an error.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set its stage fails"
)]

mod fixture;
mod invocation;
pub mod issuer;
mod proxy;
#[cfg(unix)]
pub mod roots;
#[cfg(unix)]
mod s3;
mod sandbox;
#[cfg(unix)]
mod tools;
mod tree;

pub use fixture::Fixture;
pub use invocation::{Background, Finished, Invocation, Signal};
pub use proxy::{BoundProxy, Fault, POURED, Proxy, Seen};
#[cfg(unix)]
pub use s3::S3Server;
pub use sandbox::Sandbox;
#[cfg(unix)]
pub use tools::{FakeTools, path_without};
pub use tree::{copy_tree, tree};
