//! The workflows of GitHub Actions that release a workspace, made from what it declares: one that builds a
//! group on every platform, and a small one for each group that its tags start.
//!
//! [`wanted`] is pure; [`check`] and [`generate`] compare it with the files that are there and write them.
//! What a person has put between marked lines stays.

mod error;
mod files;
mod marked;
mod render;
mod report;

pub use error::WorkflowsError;
pub use files::{action_is_there, check, generate};
pub use render::{FOLDER, Wanted, wanted};
pub use report::{FileReport, Report, State};
