//! `atlas-release` as a user meets it: the real program, on a workspace that cargo really builds,
//! with a real Hub on a port of its own.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod action;
mod asked_git;
mod asking;
mod auditable;
#[cfg(target_os = "linux")]
mod auditable_links;
mod base_hub;
mod behind;
#[cfg(target_os = "linux")]
mod blame;
mod building;
mod cached;
mod cached_c;
mod caches;
mod changed_trees;
mod checking_manifests;
#[cfg(target_os = "linux")]
mod code_signing;
#[cfg(target_os = "linux")]
mod code_signing_files;
mod command_line;
mod damaged_hub;
mod declared_tools;
mod deployed_hub;
mod doc_examples;
#[cfg(target_os = "linux")]
mod fan_in;
mod fault_table;
mod faults;
mod get_program;
mod get_program_lies;
mod github;
mod going_back;
mod hub_server;
mod in_a_job;
#[cfg(target_os = "linux")]
mod installer_rules;
#[cfg(target_os = "linux")]
mod installers;
mod interrupts;
mod issuing;
mod journals;
mod launcher;
mod launcher_bundles;
mod launcher_command;
mod limits;
mod local_release;
#[cfg(target_os = "linux")]
mod long_files;
mod looking_at_tags;
mod making_manifests;
mod manifest_names;
mod manifest_output;
mod manifests;
mod merging;
mod one_moment;
mod pack_builds;
mod preflight;
mod products;
mod promoting;
mod proven;
mod proven_files;
mod proving;
mod publishing;
mod recipes;
mod records;
mod release_local;
mod release_remote;
mod reproducing;
mod reproducing_paths;
mod resolution;
mod resuming;
#[cfg(target_os = "linux")]
mod runners_node;
mod rustflags;
mod same_bytes;
mod sbom;
mod setup_steps;
mod several_machines;
mod signed_files;
mod signed_on_hub;
mod signing;
mod signing_keys;
#[cfg(target_os = "linux")]
mod signing_machine;
mod signing_names;
#[cfg(target_os = "linux")]
mod staged_signed;
mod staging;
mod steps;
mod submodules;
mod support;
mod tags;
mod targets;
mod tauri_tool;
mod terminal;
#[cfg(target_os = "linux")]
mod tools;
mod trusted;
mod typed;
mod universal;
mod universal_signed;
mod updater_signatures;
mod verifying;
mod verifying_others;
mod windows_tools;
mod workflow_files;
mod workflow_needs;
mod workflow_rules;
mod workflow_secrets;
