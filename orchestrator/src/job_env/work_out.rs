//! The facts that the environment depends on, asked of this machine.

use super::{Facts, JobEnv, job_env, tools};
use crate::cargo_config;
use crate::context::World;
use crate::doctor::look;
use crate::products;
use crate::toolchain::{Need, Tool, ToolchainError, find_lld_link, uses_github_cache};
use std::path::Path;

/// Tries the tools that the environment depends on, reads cargo's configuration, and works it out.
///
/// # Errors
/// When the run is interrupted, there is no room for the trial, or no Rust toolchain.
pub async fn work_out(world: &World, state_dir: &Path) -> Result<JobEnv, ToolchainError> {
    let findings = look(world, state_dir, &tools(world.host)).await?;
    let home = world.cargo_home();
    let config = cargo_config::read(&world.cwd, home.as_deref());
    // Without a workspace there is no profile.
    let root = products::root(world).await.ok();
    let manifest = root.and_then(|root| cargo_config::read_file(&root.join("Cargo.toml")));
    let broken = cargo_config::broken(&world.cwd, home.as_deref());
    let lld_link =
        find_lld_link(world).filter(|_| Tool::LldLink.need(world.host) != Need::Optional);
    Ok(job_env(&Facts {
        host: world.host,
        findings: &findings,
        lld_link: lld_link.as_ref(),
        debug_is_said: cargo_config::debug_is_said(
            manifest.as_ref().map(|file| &file.table),
            &config,
            &world.env,
        ),
        github_cache: uses_github_cache(world),
        config: &config,
        broken: &broken,
        env: &world.env,
    }))
}
