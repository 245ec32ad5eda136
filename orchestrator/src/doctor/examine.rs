//! The whole examination of a machine: the tools that this program knows, and those that the
//! workspace's products declare.

use super::{Declared, Facts, Report, declared, look, report, try_declared};
use crate::context::World;
use crate::error::with_causes;
use crate::products::{self, ProductsError};
use crate::toolchain::{Installers, Tool, ToolchainError};
use process::ProcessError;
use std::path::Path;

/// The tools that the products of a folder's workspace declare, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeclaredTools {
    /// Those that this host needs.
    pub tools: Vec<Declared>,
    /// Why there may be more of them: a workspace is there and cannot be read.
    pub fault: Option<String>,
}

/// Reads them; none where there is no workspace, no cargo and no Rust toolchain, which has a row of
/// its own. A workspace that cannot be read hides nothing of the machine, so that is no error.
///
/// # Errors
/// When the run is interrupted.
pub async fn declared_tools(world: &World) -> Result<DeclaredTools, ProductsError> {
    let error = match products::read(world).await {
        Ok(workspace) => {
            return Ok(DeclaredTools {
                tools: declared(&workspace.products, world.host),
                fault: None,
            });
        }
        Err(
            error @ ProductsError::Metadata {
                source: ProcessError::Interrupted { .. },
                ..
            },
        ) => return Err(error),
        Err(
            ProductsError::NoCargo | ProductsError::NoToolchain(_) | ProductsError::Nothing { .. },
        ) => return Ok(DeclaredTools::default()),
        Err(error) => error,
    };
    let folders = world.cwd.ancestors();
    let mut manifests = folders.map(|dir| dir.join("Cargo.toml"));
    let fault = manifests.find(|path| path.is_file()).map(|manifest| {
        format!(
            "the tools that products declare are not looked for, since {} or what it names cannot \
             be used: {}",
            manifest.display(),
            with_causes(&error)
        )
    });
    Ok(DeclaredTools {
        tools: Vec::new(),
        fault,
    })
}

/// Finds and tries all of them, and judges.
///
/// # Errors
/// When the run is interrupted or there is no room for the trial.
pub async fn examine(
    world: &World,
    tools: &[Declared],
    installers: &Installers,
    state_dir: &Path,
) -> Result<Report, ToolchainError> {
    let findings = look(world, state_dir, &Tool::ALL).await?;
    let mut others = Vec::new();
    for tool in tools {
        others.push((tool.clone(), try_declared(world, tool).await?));
    }
    Ok(report(&Facts {
        host: world.host,
        installers,
        state_dir,
        findings: &findings,
        declared: &others,
    }))
}
