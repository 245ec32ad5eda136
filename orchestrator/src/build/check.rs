//! Proof that a program is what was asked for: platform, linker and version.

use super::BuildError;
use super::profile::Profile;
use crate::auditable::{self, ListError};
use crate::context::World;
use crate::inspect::{GlibcVersion, Inspection, inspect, symbols_above};
use crate::plan::{Plan, PlannedProduct};
use crate::toolchain::left_by;
use auditable_serde::VersionInfo;
use build_version::MarkerError;
use process::{AllowList, ProcessError};
use release_types::Sha256Digest;
use std::path::PathBuf;
use std::time::Duration;

/// How long a program may take to tell its version.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// What a program's file holds, found out in one reading of it.
#[derive(Debug)]
pub(super) struct Looked {
    /// What it says about itself.
    pub inspection: Inspection,
    /// Bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Whether it carries its list of packages, where it has to.
    pub list: Result<(), ListError>,
    /// The version that stands in it.
    pub marker: Result<semver::Version, MarkerError>,
}

/// Reads a program's file and looks into it: is it for the target, did the linker that was asked for link it, is
/// it free of debug information that nobody asked for, and does it run where it has to? `list` is what it has to
/// carry.
pub(super) fn look(
    plan: &Plan,
    planned: &PlannedProduct,
    path: &PathBuf,
    (profile, list): (&Profile, Option<&VersionInfo>),
) -> Result<Looked, BuildError> {
    let bytes = std::fs::read(path).map_err(|source| BuildError::Read {
        path: path.clone(),
        source,
    })?;
    Ok(Looked {
        inspection: check_file(plan, planned, (path, &bytes), profile)?,
        size: bytes.len() as u64,
        sha256: Sha256Digest::of(&bytes),
        list: list.map_or(Ok(()), |list| auditable::check(&bytes, list)),
        marker: build_version::read_marker(&bytes[..]),
    })
}

fn check_file(
    plan: &Plan,
    planned: &PlannedProduct,
    (path, bytes): (&PathBuf, &[u8]),
    profile: &Profile,
) -> Result<Inspection, BuildError> {
    let product = planned.product.clone();
    let inspection = match inspect(bytes) {
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
        let symbols = match symbols_above(bytes, bound) {
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
    (path, marker): (&PathBuf, Result<semver::Version, MarkerError>),
) -> Result<(), BuildError> {
    let product = planned.product.clone();
    let wrong = |found: String| BuildError::WrongVersion {
        product: planned.product.clone(),
        path: path.clone(),
        found,
        expected: plan.version.clone(),
    };
    let can_run = plan.platform == world.host;
    match marker {
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
