//! What the daemon says about itself. Only the shape; how it gets there is left to the client and
//! the server.

use semver::Version;

/// The number of the interface that this crate speaks.
pub const API: u32 = 1;

/// Where the daemon serves its [`DaemonStatus`].
pub const STATUS_PATH: &str = "/v1/status";

/// The answer to `GET /v1/status`.
///
/// Runner and daemon are updated one after the other, so either may be the older one. What stands
/// here stays in every later interface; members that are added are ignored by those who do not know
/// them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DaemonStatus {
    /// The version that is running, which need not be the one that is installed.
    pub version: Version,
    /// The commit it was built from, if that is known.
    pub commit: Option<String>,
    /// The target triple it was built for.
    pub target: String,
    /// The daemon's process.
    pub pid: u32,
    /// For how many whole seconds it has been running.
    pub uptime_seconds: u64,
    /// The newest interface that the daemon speaks; see [`API`].
    pub api: u32,
}
