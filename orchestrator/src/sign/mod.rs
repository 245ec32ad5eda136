//! Signing: programs, and installers that an updater installs from, get a signature beside them, which says
//! of which product, version and platform they are; and signatures that are there are checked.
//!
//! Which files these are, whether a signature is good, how one is made and where it is written stand here; `stage` has
//! it for a folder or a manifest, and tells of each. Which these are, who holds locks on them and whether anything
//! may be sent is for the callers to decide. The secret key comes from the environment, and gets nowhere but into this
//! process's memory or, for Tauri's own tool, that child's environment.

mod adopt;
mod check;
mod commit;
mod error;
mod generate;
mod key;
mod keys;
mod make;
mod payload;
mod stage;
mod tauri;

pub use adopt::{Adopted, of_hub};
pub use check::{Checked, check, signature_paths};
pub use commit::{guard, into_folder, into_manifest};
pub use error::{Fault, SignError};
pub use generate::{NewKey, generate};
pub use key::{KEY_VAR, PASSWORD_VAR, Secret, is_key_there, secret, secret_for};
pub use keys::Keys;
pub use make::{Looked, Signed, look, sign, signed_by_others};
pub use payload::{Payload, Place, SignaturePaths, is_read, is_signed, payloads};
pub use stage::{Batch, Signer, Signing, check_all, keep_the_hubs};
pub use tauri::Tauri;

use serde::Serialize;

/// What became of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureState {
    /// There was none, and there is one now.
    Made,
    /// The one that was there did not hold, and was made anew.
    Remade,
    /// The one that was there is good and was left alone.
    Kept,
    /// It was looked at, and is good.
    Checked,
    /// There is one, and no public key to check it with.
    Unchecked,
}
