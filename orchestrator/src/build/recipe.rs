//! Collecting a build's recipe: the tools that took part, and the variables that decide about bytes.

use super::profile::Profile;
use super::{BuildError, BuiltProduct};
use crate::context::World;
use crate::dist::Recipe;
use crate::plan::Plan;
use crate::toolchain::Toolchain;
use process::{AllowList, Env, ProcessError};
use release_types::{Os, Sha256Digest};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// How long a tool may take to tell its version.
const LIMIT: Duration = Duration::from_secs(20);

/// Variables that come from outside and decide about bytes.
const DECIDING: [&str; 24] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_*",
    "CARGO_PROFILE_*",
    "CARGO_TARGET_*",
    "CC",
    "CC_*",
    "HOST_CC",
    "TARGET_CC",
    "CXX",
    "CXX_*",
    "AR",
    "AR_*",
    "CFLAGS",
    "CFLAGS_*",
    "CXXFLAGS",
    "CXXFLAGS_*",
    "LDFLAGS",
    "CPATH",
    "LIBRARY_PATH",
    "SDKROOT",
    "DEVELOPER_DIR",
    "MACOSX_DEPLOYMENT_TARGET",
    "RUSTC_BOOTSTRAP",
];

/// Variables of the build that say where things are or how fast it is made, not what.
const INDIFFERENT: [&str; 8] = [
    "RUSTC",
    "RUSTC_WRAPPER",
    "SCCACHE_IGNORE_SERVER_IO_ERROR",
    "SCCACHE_GHA_ENABLED",
    "CARGO_BUILD_JOBS",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_TARGET_DIR",
];

/// The recipe of a build that was made.
pub(super) async fn recipe(
    world: &World,
    plan: &Plan,
    toolchain: &Toolchain,
    products: &[BuiltProduct],
    profile: &Profile,
) -> Result<Recipe, BuildError> {
    let (rustc_flags, c_flags) = toolchain.policy.portable_flags();
    let lock = std::fs::read(plan.root.join("Cargo.lock")).ok();
    let cargo = first_line(world, &toolchain.cargo, "--version", &plan.root).await?;
    let cc = world.find_program("cc");
    let c_compiler = match &cc {
        Some(cc) => first_line(world, cc, "--version", &plan.root).await?,
        None => None,
    };
    let mut linker = products.iter().find_map(|p| linker_in(&p.inspection.tools));
    if linker.is_none() && plan.platform.os == Os::Windows {
        if let Some(path) = world.find_program("lld-link") {
            linker = first_line(world, &path, "--version", &plan.root).await?;
        }
    } else if linker.is_none()
        && let Some(cc) = &cc
    {
        // GNU ld and Apple's leave no name; the C compiler tells which one it runs.
        let flag = if world.host.os == Os::Macos {
            "-Wl,-v"
        } else {
            "-Wl,--version"
        };
        linker = first_line(world, cc, flag, &plan.root).await?;
    }
    Ok(Recipe {
        commit_time: plan.commit_time,
        lock_sha256: lock.map(|bytes| Sha256Digest::of(&bytes)),
        cargo: cargo.unwrap_or_default(),
        linker,
        c_compiler,
        rustc_flags,
        c_flags: if toolchain.c_compilers.is_some() {
            c_flags
        } else {
            Vec::new()
        },
        profile: profile.to_json(),
        environment: variables(&world.env, plan, toolchain),
    })
}

/// The linker among what compilers and linkers have left of their names.
fn linker_in(tools: &[String]) -> Option<String> {
    let known = |tool: &&String| tool.starts_with("mold ") || tool.starts_with("Linker: ");
    tools.iter().find(known).cloned()
}

/// The first line that a program prints; nothing where it fails.
async fn first_line(
    world: &World,
    program: &Path,
    flag: &str,
    cwd: &Path,
) -> Result<Option<String>, BuildError> {
    let command = world
        .command(program, &AllowList::base().build())
        .arg(flag)
        .cwd(cwd);
    match world.runner.success(&command, LIMIT).await {
        Ok(output) => Ok(output.stdout_text().lines().next().map(str::to_owned)),
        Err(error @ ProcessError::Interrupted { .. }) => Err(error.into()),
        Err(error) => {
            tracing::debug!(%error, "a tool did not tell its version");
            Ok(None)
        }
    }
}

fn variables(env: &Env, plan: &Plan, toolchain: &Toolchain) -> BTreeMap<String, String> {
    let outside = env.allowed(&AllowList::of(&DECIDING));
    let outside = outside
        .iter()
        .map(|(name, value)| (name.to_string_lossy(), value.to_string_lossy()));
    let ours = plan
        .environment
        .iter()
        .map(|(name, value)| ((*name).into(), value.into()));
    outside
        .chain(ours)
        .filter(|(name, _)| !INDIFFERENT.contains(&name.as_ref()))
        .map(|(name, value)| {
            let mut value = value.into_owned();
            // What lies inside another folder comes later, and has to be named first.
            for (from, to) in toolchain.policy.remap.iter().rev() {
                value = value.replace(&*from.to_string_lossy(), to);
            }
            (name.into_owned(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linkers_that_leave_their_name() {
        let of =
            |tools: &[&str]| linker_in(&tools.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            of(&["GCC: 12", "mold 1.10.1 (compatible with GNU ld)", "rustc 1"]).unwrap(),
            "mold 1.10.1 (compatible with GNU ld)"
        );
        assert_eq!(
            of(&["GCC: 12", "Linker: LLD 22.1.2"]).unwrap(),
            "Linker: LLD 22.1.2"
        );
        assert_eq!(of(&["GCC: 12", "rustc 1"]), None);
    }
}
