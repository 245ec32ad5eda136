//! `atlas-release`: one tag in, proven installed software out.
//!
//! The way through is tag → plan → toolchain → build → sign → publish → verify. Each stage is a
//! module that takes what earlier stages made and returns its own; none reads the environment,
//! none prints, and none knows the command line. [`cli`] translates between the two.

pub mod artifacts;
pub mod auditable;
pub mod build;
pub mod bundle;
pub mod cargo_config;
pub mod channels;
pub mod cli;
pub mod code_sign;
pub mod context;
pub mod dependencies;
pub mod dist;
pub mod doctor;
pub mod documents;
pub mod error;
pub mod events;
pub mod git;
pub mod github_action;
pub mod github_release;
pub mod inspect;
pub mod installers;
pub mod job_env;
#[cfg(feature = "hub")]
pub mod local_hub;
pub mod lock;
pub mod manifest;
pub mod outcome;
pub mod pack;
pub mod plan;
pub mod products;
pub mod progress;
pub mod publish;
pub mod receipt;
pub mod reproduce;
pub mod rustup;
pub mod sbom;
pub mod select;
pub mod settings;
pub mod shim;
pub mod sign;
pub mod state;
pub mod system;
pub mod text;
pub mod tokens;
pub mod toolchain;
pub mod verify;
pub mod workflows;
