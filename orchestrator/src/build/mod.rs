//! The build: one cargo invocation for every program of the group, and proof that what came out
//! carries the version that was asked for.

mod cargo;
mod check;
mod error;
mod lists;
mod profile;
mod recipe;
mod secrets;
mod variables;
mod watch;

pub(crate) use cargo::tell_usage;
pub use error::BuildError;
pub use recipe::Recipe;
pub(crate) use secrets::{may_hold_secret, without_users};
pub use variables::{deciding, put_in_force, set_here};

use crate::auditable;
use crate::context::World;
use crate::dependencies::Dependencies;
use crate::events::Reporter;
use crate::inspect::Inspection;
use crate::plan::{Plan, PlannedProduct};
use crate::shim::POLICY_VAR;
use crate::toolchain::{C_FLAGS_VAR, CacheUse, Toolchain, joined, scratch};
use cargo::Executable;
use cargo_metadata::Message;
use check::{Looked, check_version, look};
use process::{AllowList, Command, Env, ProcessError};
use profile::Profile;
use release_types::{Os, Sha256Digest};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A program that was built and checked.
#[derive(Debug, Clone)]
pub struct BuiltProduct {
    /// What it was planned as.
    pub planned: PlannedProduct,
    /// Where it is: where cargo put it, or its code-signed copy.
    pub executable: PathBuf,
    /// Bytes of what cargo has made.
    pub size: u64,
    /// The digest of that.
    pub sha256: Sha256Digest,
    /// What its file says about itself.
    pub inspection: Inspection,
    /// What it is made of, where somebody wants to know.
    pub dependencies: Option<Dependencies>,
}

/// What a build made.
#[derive(Debug)]
pub struct Built {
    /// The programs, in the plan's order.
    pub products: Vec<BuiltProduct>,
    /// How to make the same bytes again.
    pub recipe: Recipe,
    /// The tools that made them: without a cache, where it was given up.
    pub toolchain: Toolchain,
    /// What the cache was good for, when there was one.
    pub cache: Option<CacheUse>,
    /// When cargo was started.
    pub started_at: jiff::Timestamp,
    /// When all was checked.
    pub finished_at: jiff::Timestamp,
}

/// What the build's environment gets over the allow-list, now that the tools have been tried.
pub fn environment(plan: &Plan, toolchain: &Toolchain) -> BTreeMap<&'static str, OsString> {
    let mut env: BTreeMap<&'static str, OsString> = plan
        .environment
        .iter()
        .map(|(name, value)| (*name, value.into()))
        .collect();
    env.insert("RUSTC", toolchain.shim.clone().into());
    // Empty, not absent: cargo's configuration may name a wrapper that has not been tried.
    let wrapper = toolchain
        .sccache
        .as_ref()
        .map(|sccache| sccache.path().into());
    if wrapper.is_none() {
        env.remove("SCCACHE_GHA_ENABLED");
    }
    env.insert("RUSTC_WRAPPER", wrapper.unwrap_or_default());
    env
}

/// The variables of this run's environment that a build gets to see.
pub fn allowed(pass_env: &[String]) -> AllowList {
    AllowList::base().build().and(pass_env)
}

/// The cargo command of a plan, with the whole of its environment.
pub fn cargo_command(world: &World, plan: &Plan, toolchain: &Toolchain) -> Command {
    cargo(world, plan, toolchain).args(plan.command.iter().skip(1))
}

/// cargo as it builds a plan, without arguments.
fn cargo(world: &World, plan: &Plan, toolchain: &Toolchain) -> Command {
    let mut env = variables::given(&world.env, &plan.pass_env);
    for (name, value) in environment(plan, toolchain) {
        env.set(name, value);
    }
    append_to_path(&mut env, &toolchain.extra_path);
    // The policy holds no secret, only paths that the plan has already shown.
    if let Ok(policy) = serde_json::to_string(&toolchain.policy) {
        env.set(POLICY_VAR, policy);
    }
    if let Some(compilers) = &toolchain.c_compilers {
        for (name, value) in &compilers.variables {
            env.set(name, value);
        }
        env.set("PATH", compilers.path.clone());
        env.set(C_FLAGS_VAR, joined(&toolchain.policy.c_flags()));
    }
    if let Some(sccache) = &toolchain.sccache {
        env = env.with(&sccache.client());
    }
    // What cargo says is read and passed on, so it says it in plain text and with its progress, however
    // somebody likes it at a terminal of their own.
    env.set("CARGO_TERM_COLOR", "never");
    env.set("CARGO_TERM_HYPERLINKS", "false");
    env.set("CARGO_TERM_QUIET", "false");
    // Beside its messages, at a width that does not hang on this run's terminal.
    env.set("CARGO_TERM_PROGRESS_WHEN", "always");
    env.set("CARGO_TERM_PROGRESS_WIDTH", crate::progress::WIDTH);
    Command::new(&toolchain.cargo).envs(&env).cwd(&plan.root)
}

/// Puts folders at the end of `PATH`, where they hide nothing that is on it already.
fn append_to_path(env: &mut Env, folders: &[PathBuf]) {
    if folders.is_empty() {
        return;
    }
    match env.path_with(&[], folders) {
        Ok(path) => env.set("PATH", path),
        Err(error) => tracing::warn!(%error, "PATH stays as it is"),
    }
}

/// A world whose temporary files lie in a folder of their own: compilers and linkers that are killed
/// leave theirs, and all of them go with the folder.
fn with_temporary(world: &World, dir: &Path) -> World {
    let mut inside = world.clone();
    let names: &[&str] = match world.host.os {
        Os::Windows => &["TMP", "TEMP"],
        Os::Linux | Os::Macos => &["TMPDIR"],
    };
    for name in names {
        inside.env.set(*name, dir);
    }
    inside
}

/// Builds every program of the plan in one pass and checks what came out. The tools are given away,
/// since a cache is stopped at the end.
///
/// # Errors
/// When cargo fails, or a program is missing or carries another version.
pub async fn build(
    world: &World,
    plan: &Plan,
    mut toolchain: Toolchain,
    reporter: &dyn Reporter,
) -> Result<Built, BuildError> {
    let bins: Vec<&str> = plan.products.iter().map(|p| p.bin.as_str()).collect();
    reporter.stage(
        "building",
        format!("{} for {}", bins.join(", "), plan.target),
    );
    let started_at = (world.now)();
    let temporary = scratch(world).map_err(BuildError::Temporary)?;
    let inside = with_temporary(world, temporary.path());
    let lists = temporary.path().join("lists");
    let profile = Profile::read(&plan.root, Some(&plan.cargo_home), &world.env);
    let made = async {
        let made_of = lists::prepare(&inside, plan, &mut toolchain, &lists, reporter).await?;
        let made = programs(
            &inside,
            plan,
            &mut toolchain,
            (&profile, &made_of),
            reporter,
        )
        .await?;
        Ok::<_, BuildError>((made, made_of))
    };
    let made = made.await;
    if let Some(sccache) = &mut toolchain.sccache {
        sccache.stop(world).await;
    }
    let ((programs, cache), made_of) = made?;
    let mut products = Vec::with_capacity(plan.products.len());
    for (index, (planned, program)) in plan.products.iter().zip(programs).enumerate() {
        let Program { path, looked, .. } = program;
        looked.list.map_err(lists::list_error(planned))?;
        check_version(world, plan, planned, (&path, looked.marker)).await?;
        products.push(BuiltProduct {
            planned: planned.clone(),
            executable: path,
            size: looked.size,
            sha256: looked.sha256,
            inspection: looked.inspection,
            dependencies: made_of.get(index).cloned(),
        });
    }
    let recipe = recipe::recipe(world, plan, &toolchain, &products, &profile).await?;
    Ok(Built {
        products,
        recipe,
        toolchain,
        cache,
        started_at,
        finished_at: (world.now)(),
    })
}

/// A program of the plan, as cargo has left it.
struct Program {
    path: PathBuf,
    fresh: bool,
    looked: Looked,
}

/// Runs cargo and reads what came of it, in the plan's order. A program that an earlier run has made with another
/// list is made once more: to cargo it is up to date, since no list is anything that it looks at.
async fn programs(
    world: &World,
    plan: &Plan,
    toolchain: &mut Toolchain,
    (profile, made_of): (&Profile, &[Dependencies]),
    reporter: &dyn Reporter,
) -> Result<(Vec<Program>, Option<CacheUse>), BuildError> {
    let ran = cargo::run(world, plan, toolchain, reporter).await?;
    let made = look_at_all(world, plan, &ran.executables, (profile, made_of)).await?;
    let pairs = plan.products.iter().zip(&made);
    let stale = pairs.filter(|(_, made)| made.fresh && made.looked.list.is_err());
    let stale: Vec<_> = stale.map(|(planned, _)| planned).collect();
    if stale.is_empty() {
        return Ok((made, ran.cache));
    }
    let bins: Vec<&str> = stale.iter().map(|planned| &*planned.bin).collect();
    reporter.note(format!(
        "an earlier build has left {} with another list of packages: built once more",
        bins.join(", ")
    ));
    let packages = stale.iter().map(|planned| &*planned.package).collect();
    lists::forget(world, plan, toolchain, &packages, reporter).await?;
    let again = cargo::run(world, plan, toolchain, reporter).await?;
    let made = look_at_all(world, plan, &again.executables, (profile, made_of)).await?;
    // A cache that was given up the first time is none the second.
    Ok((made, again.cache.or(ran.cache)))
}

/// Looks at all programs of the plan, each read once, on a thread that may wait for a disk.
async fn look_at_all(
    world: &World,
    plan: &Plan,
    executables: &[Executable],
    (profile, made_of): (&Profile, &[Dependencies]),
) -> Result<Vec<Program>, BuildError> {
    let mut programs = Vec::with_capacity(plan.products.len());
    for (index, planned) in plan.products.iter().enumerate() {
        let is_it = |one: &&Executable| one.package == planned.package && one.bin == planned.bin;
        let Some(found) = executables.iter().find(is_it) else {
            return Err(BuildError::NoExecutable {
                package: planned.package.clone(),
                bin: planned.bin.clone(),
            });
        };
        let list = made_of.get(index).filter(|_| plan.policy.auditable);
        let list = list.map(auditable::list);
        let (plan, planned) = (plan.clone(), planned.clone());
        let (path, profile) = (found.path.clone(), profile.clone());
        let interrupted = || ProcessError::Interrupted {
            command: format!("a look into {}", found.path.display()),
        };
        let looking = move || look(&plan, &planned, &path, (&profile, list.as_ref()));
        programs.push(Program {
            path: found.path.clone(),
            fresh: found.fresh,
            looked: world.apart(looking).await.ok_or_else(interrupted)??,
        });
    }
    Ok(programs)
}

/// The program that a message of cargo's tells of.
fn executable(line: &str) -> Option<Executable> {
    match serde_json::from_str(line).ok()? {
        Message::CompilerArtifact(artifact) if artifact.target.is_bin() => Some(Executable {
            package: package_name(&artifact.package_id.repr, &artifact.target.name),
            bin: artifact.target.name.clone(),
            path: artifact.executable?.into_std_path_buf(),
            fresh: artifact.fresh,
        }),
        _ => None,
    }
}

/// The package's name in a package id: what follows `#`, before `@`. An id without a name there
/// (`…/folder#0.1.0`) is that of a package named like its folder. Source: The Cargo Book,
/// "Package ID Specifications".
fn package_name(id: &str, fallback: &str) -> String {
    let Some((url, fragment)) = id.rsplit_once('#') else {
        return fallback.to_owned();
    };
    match fragment.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => url.rsplit('/').next().unwrap_or(fallback).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::Platform;

    #[test]
    fn temporary_files_of_six_hosts_lie_in_a_folder_of_the_builds() {
        let mut world = World::capture(process::Runner::default()).unwrap();
        for host in Platform::ALL {
            world.host = host;
            world.env = [("TMPDIR", "/a"), ("TEMP", "/b")].into_iter().collect();
            let inside = with_temporary(&world, Path::new("/own"));
            assert_eq!(inside.temp_dir(), Path::new("/own"), "{host}");
            let seen = inside.env.allowed(&allowed(&[]));
            let names = ["TMPDIR", "TMP", "TEMP"];
            assert!(
                names
                    .iter()
                    .any(|name| seen.get(name).is_some_and(|dir| dir == "/own"))
            );
        }
    }

    #[test]
    fn package_names_in_ids() {
        for (id, name) in [
            (
                "path+file:///w/runner-v2#atlas-runner@0.1.0",
                "atlas-runner",
            ),
            ("path+file:///w/atlas-runner#0.1.0", "atlas-runner"),
            ("registry+https://example.com/index#serde@1.0.0", "serde"),
        ] {
            assert_eq!(package_name(id, "x"), name);
        }
    }

    #[test]
    fn other_messages_are_no_executables() {
        assert_eq!(executable("warning: not JSON"), None);
        assert_eq!(
            executable(r#"{"reason":"build-finished","success":true}"#),
            None
        );
    }
}
