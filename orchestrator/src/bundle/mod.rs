//! Products that a command of their own makes: the bundles of a launcher, which Tauri's tool builds in the
//! launcher's folder.
//!
//! The version reaches that tool by an argument, so that no file of the repository is touched. Of what
//! lies in bundlers' folders afterwards only what this run has written is taken; `collect` says how that
//! is known. What becomes of the files is for `dist`.

mod cache;
mod code;
mod collect;
mod command;
mod error;
mod plan;
mod run;

pub use cache::Cache;
pub use code::sign_bundles;
pub use error::BundleError;
pub use plan::{BundleFacts, BundlePlan, PlannedBundles, plan};
pub use run::{Made, MadeProduct, run};
