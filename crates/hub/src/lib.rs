//! The Distribution Hub: a server that release automation publishes to and installed programs
//! update from.
//!
//! [`Hub::open`] opens (or creates) one in a folder, [`Hub::serve`] answers the Distribution API
//! from it. The catalogue is SQLite, the bytes lie beside it in plain files; both are on disk
//! before a request is answered. The types on the wire live in `release_types`; what a release is
//! made of, and whether its bytes are any good, is for those to know who publish and install it.
//!
//! ```no_run
//! # async fn example() -> Result<(), hub::HubError> {
//! let hub = hub::Hub::open(hub::HubConfig::new("/var/lib/atlas-hub")).await?;
//! let issued = hub.issue_app_token(Some("ci"), None).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
//! hub.serve(listener, async {
//!     tokio::signal::ctrl_c().await.ok();
//! })
//! .await
//! # }
//! ```

mod catalogue;
mod config;
mod data_dir;
mod error;
mod guests;
mod http;
mod hub;
mod pace;
mod packs;
mod roster;
mod server;
mod storage;
mod token;
mod upload_url;

pub use catalogue::User;
pub use config::{Clock, HubConfig};
pub use error::HubError;
pub use hub::{Hub, IssuedAppToken};
pub use roster::{Earlier, Roster, RosterError, UserName, UserNameError};
