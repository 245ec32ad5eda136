//! Proof that a program is what was asked for: platform, linker and version.

use super::BuildError;
use super::profile::Profile;
use crate::context::World;
use crate::inspect::{GlibcVersion, Inspection, inspect, symbols_above};
use crate::plan::{Plan, PlannedProduct};
use crate::toolchain::left_by;
use build_version::MarkerError;
use process::{AllowList, ProcessError};
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

/// How long a program may take to tell its version.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// Looks into a program's file: is it for the target, did the linker that was asked for link it, is
/// it free of debug information that nobody asked for, and does it run where it has to?
pub(super) fn check_file(
    plan: &Plan,
    planned: &PlannedProduct,
    path: &PathBuf,
    profile: &Profile,
) -> Result<Inspection, BuildError> {
    let product = planned.product.clone();
    let bytes = std::fs::read(path).map_err(|source| BuildError::Read {
        path: path.clone(),
        source,
    })?;
    let inspection = match inspect(&bytes) {
        Ok(inspection) => inspection,
        Err(source) => {
            return Err(BuildError::Inspect {
                product,
                path: path.clone(),
                source,
            });
        }
    };
    if inspection.platform != Some(plan.platform) {
        return Err(BuildError::WrongPlatform {
            product,
            path: path.clone(),
            format: inspection.format,
            machine: inspection.machine,
            expected: plan.platform,
        });
    }
    if let Some(linker) = &plan.policy.linker
        && left_by(linker, &inspection.tools).is_none()
    {
        return Err(BuildError::OtherLinker {
            product,
            path: path.clone(),
            linker: linker.clone(),
            tools: inspection.tools,
        });
    }
    if inspection.debug_info && !profile.asks_for_debug_info() {
        return Err(BuildError::DebugInfo {
            product,
            path: path.clone(),
        });
    }
    if let (Some(bound), Some(found)) = (&plan.max_glibc, &inspection.glibc)
        && found
            .parse::<GlibcVersion>()
            .is_ok_and(|found| found > *bound)
    {
        let symbols = match symbols_above(&bytes, bound) {
            Ok(symbols) => symbols,
            Err(source) => {
                return Err(BuildError::Inspect {
                    product,
                    path: path.clone(),
                    source,
                });
            }
        };
        return Err(BuildError::NewGlibc {
            product,
            path: path.clone(),
            found: found.clone(),
            bound: bound.clone(),
            symbols,
        });
    }
    Ok(inspection)
}

/// Compares the version inside a program with the tag's: the marker in its file, and, where this
/// host can run it, what the program itself says. A program that can be run needs no marker.
pub(super) async fn check_version(
    world: &World,
    plan: &Plan,
    planned: &PlannedProduct,
    path: &PathBuf,
) -> Result<(), BuildError> {
    let product = planned.product.clone();
    let wrong = |found: String| BuildError::WrongVersion {
        product: planned.product.clone(),
        path: path.clone(),
        found,
        expected: plan.version.clone(),
    };
    let can_run = plan.platform == world.host;
    let file = File::open(path).map_err(|source| BuildError::Read {
        path: path.clone(),
        source,
    })?;
    match build_version::read_marker(std::io::BufReader::new(file)) {
        Ok(version) if version == plan.version => {}
        Ok(version) => return Err(wrong(version.to_string())),
        Err(MarkerError::None) if can_run => {}
        Err(source) => {
            return Err(BuildError::Marker {
                product,
                path: path.clone(),
                source,
            });
        }
    }
    if !can_run {
        return Ok(());
    }
    let command = world.command(path, &AllowList::base()).arg("--version");
    let output = world
        .runner
        .success(&command, VERSION_LIMIT)
        .await
        .map_err(|source| match source {
            source @ ProcessError::Interrupted { .. } => BuildError::Process(source),
            source => BuildError::NoAnswer {
                product,
                path: path.clone(),
                source,
            },
        })?;
    let text = output.stdout_text();
    let said = text.lines().next().unwrap_or_default();
    let version = said.rsplit(' ').next().unwrap_or_default();
    if semver::Version::parse(version).is_ok_and(|version| version == plan.version) {
        Ok(())
    } else {
        Err(wrong(said.to_owned()))
    }
}
