//! Signatures of files: made with minisign's scheme, written as Tauri's updater reads them, so that one
//! key serves a launcher that Tauri updates and programs that update themselves.
//!
//! Three things are put together here. minisign signs a digest of a file and a *trusted comment*; Tauri
//! wraps minisign's text of keys and signatures in base64; and the trusted comment says in fields of ours
//! which product, version and platform the file is for ([`TrustedComment`]), so that an old file with its
//! good signature cannot be passed off as a new version.
//!
//! Files are read in pieces, however large they are. This crate opens none, knows no network, and asks
//! nobody for a password; where keys come from is for its callers to know. Checking signatures is all
//! there is without the feature `sign`.

mod comment;
mod key;
#[cfg(feature = "sign")]
mod sign;
mod signature;
mod wrapping;

pub use comment::{Binding, Mismatch, TrustedComment};
pub use key::{KeyId, PublicKey};
#[cfg(feature = "sign")]
pub use sign::{KeyPairText, SignError, SigningKey, generate};
pub use signature::{Signature, Verifier, VerifyError};
pub use wrapping::{TextError, is_tauris_form};
#[cfg(feature = "sign")]
pub use wrapping::{lines_of_all_forms, unbroken_forms};

/// What a signature's file is called: the signed file's name and this.
pub const ENDING: &str = ".sig";

/// What a signature in minisign's own form is called: the signed file's name and this.
pub const STOCK_ENDING: &str = ".minisig";

/// The longest text of a key or a signature that is looked at, in bytes. Tauri's have some 400.
pub const MAX_TEXT: u64 = 16 * 1024;
