//! What `atlas-runner` and `atlas-runnerd` say to each other, and where they meet: HTTP over a Unix
//! domain socket, or over a named pipe on Windows.
//!
//! There are the types that are sent, the [`Endpoint`] both sides work out in the same way, and the
//! [`Client`]. Listening is the daemon's business, and what a person is told is each program's own.

mod client;
mod connect;
mod endpoint;
mod status;

pub use client::{Client, ClientError};
pub use endpoint::{Endpoint, EndpointError, Host, SOCKET_VARIABLE};
pub use status::{API, DaemonStatus, STATUS_PATH};
