//! The recipe of a build: enough to make its bytes again on some other machine, so that no folder of
//! this one stands in it.

use release_types::Sha256Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What decides about the bytes beside the commit, rustc and the target. Folders are written as the
/// names that stand for them in the programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// When the commit was made, in seconds since 1970.
    pub commit_time: i64,
    /// The digest of `Cargo.lock`.
    pub lock_sha256: Option<Sha256Digest>,
    /// What `cargo --version` prints.
    pub cargo: String,
    /// The linker that linked, and its version.
    pub linker: Option<String>,
    /// The first line of what the C compiler prints for `--version`.
    pub c_compiler: Option<String>,
    /// Flags the shim added for the target.
    pub rustc_flags: Vec<String>,
    /// Flags that C compilers were given.
    pub c_flags: Vec<String>,
    /// `[profile.release]` of the workspace.
    pub profile: Option<serde_json::Value>,
    /// Variables that decide about bytes, whoever set them.
    pub environment: BTreeMap<String, String>,
}
