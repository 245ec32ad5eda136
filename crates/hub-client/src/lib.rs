//! Client of the Distribution API: presign, upload, publish, read back, manage deploy tokens, and
//! builds of packs.
//!
//! It works with a deployed Hub that has the base contract alone. What such a Hub is known to do
//! badly (dropped artifacts, redirects that look permanent, HTML where JSON belongs) is turned
//! into an error here, so that callers may trust an `Ok`.
//!
//! Three rules hold throughout: tokens go to the Hub's own address and nowhere else (what a job asks for ID
//! tokens with, to the address that was given with it);
//! no answer is read without a bound; no error shows a token or the query of a signed address.
//!
//! How requests are made, repeated and read can be had without the Hub, for other services that
//! files are published at: [`Transport`].
//!
//! Left to others: which files make a release and in what order they are sent (the orchestrator),
//! how progress and retries look (its reporters), and the choice of a TLS provider. The process
//! must have installed one (`rustls::crypto::CryptoProvider::install_default`) before
//! [`HubClientBuilder::build`]; nothing global is changed here.

mod address;
mod answer;
mod builder;
mod client;
mod clock;
mod compare;
mod credential;
mod download;
mod error;
mod file_body;
mod held;
mod history;
mod job;
mod lifecycle;
mod objects;
mod packs;
mod plain;
mod problem;
mod releases;
mod retry;
mod text;
mod tokens;
mod transport;
mod turns;
mod upload;

pub use address::{HubUrl, HubUrlError, host_of, is_loopback};
pub use builder::HubClientBuilder;
pub use client::HubClient;
pub use download::Downloaded;
pub use error::{ClientError, ErrorKind};
pub use job::JobIdentity;
pub use plain::open_regular;
pub use problem::{AnswerProblem, Difference, FileChange, NetworkFault};
pub use releases::Capabilities;
pub use retry::{RetryNotice, RetryPolicy};
pub use transport::{Answer, FileBody, Sending, Transport, TransportSettings};
pub use upload::Uploaded;
