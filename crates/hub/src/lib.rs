//! The Distribution Hub: a server that release automation publishes to and installed programs
//! update from.
//!
//! [`Hub::open`] opens (or creates) one in a folder, [`Hub::serve`] answers the Distribution API
//! from it. The catalogue is SQLite, or PostgreSQL where [`HubConfig::database`] says so. The bytes lie in
//! plain files, or in a bucket where [`HubConfig::bucket`] says so. All of it is on disk before a request
//! is answered, or with the bucket's store. The types on the wire live in `release_types`; what a release
//! is made of, and whether its bytes are any good, is for those to know who publish and install it.
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

mod backup;
mod belonging;
mod bucket_config;
mod catalogue;
mod collect;
mod config;
mod context;
mod crowd;
mod data_dir;
mod error;
mod fail_point;
mod guests;
mod http;
mod hub;
mod inspect;
mod limits;
mod metrics;
mod pace;
mod packs;
mod peer;
mod plain;
mod register;
mod room;
mod roster;
mod server;
mod settle;
mod storage;
#[cfg_attr(not(feature = "tls"), path = "tls_absent.rs")]
mod tls;
mod token;
mod trust;
mod unparsed;
mod upload_url;

pub use backup::{BackedUp, Backup, BackupError, restore};
pub use bucket_config::BucketConfig;
pub use catalogue::{AddedRule, AuditEntry, IssuedDeployToken, User};
pub use collect::{Collected, Collection};
pub use config::{Clock, DatabaseUrl, HubConfig, TlsFiles};
pub use error::{HubError, error_chain};
#[cfg(debug_assertions)]
#[doc(hidden)]
pub use fail_point::arm as arm_fail_point;
pub use http::describe_api;
pub use hub::{Hub, IssuedAppToken};
pub use inspect::{Checked, Damage, Inspection};
pub use limits::Limits;
pub use metrics::StatementTimes;
pub use roster::{Disabling, Earlier, Roster, RosterError, UserName, UserNameError};
pub use trust::{
    Environment, Issuer, IssuerError, OwnerId, Repository, RuleError, TrustConfig, TrustRule,
    TrustedJob, WorkflowFile,
};
