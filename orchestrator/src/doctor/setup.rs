//! Installing the tools that were found lacking.

use super::{Report, State};
use crate::context::World;
use crate::error::with_causes;
use crate::events::Reporter;
use crate::job_env;
use crate::toolchain::{
    self, Installers, Need, Reason, Tool, ToolchainError, Way, line, recipes, run_ways,
};
use release_types::Platform;
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// What `setup` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetupPlan {
    /// The version of this document's form.
    pub format: u32,
    /// The machine.
    pub host: Platform,
    /// The tools to install.
    pub steps: Vec<SetupStep>,
    /// Tools that cannot be used and that nothing here installs.
    pub left: Vec<String>,
}

/// One tool and how it is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetupStep {
    /// Its name.
    pub tool: &'static str,
    /// The ways, each of them commands in order. A later one is gone when the earlier has failed.
    pub ways: Vec<Vec<String>>,
    #[serde(skip)]
    known: Tool,
    #[serde(skip)]
    recipes: Vec<Way>,
}

/// What to install, from what was found. A tool that builds for this host never use stays missing.
pub fn plan_setup(report: &Report, installers: &Installers, state_dir: &Path) -> SetupPlan {
    let mut plan = SetupPlan {
        format: super::FORMAT,
        host: report.host,
        steps: Vec::new(),
        left: Vec::new(),
    };
    for row in &report.tools {
        if row.state.is_usable() || row.need == Need::Optional {
            continue;
        }
        let reason = match row.state {
            State::Broken => Reason::Broken,
            _ => Reason::Missing,
        };
        // Another copy would be configured alike, or fail for the same reason.
        let in_vain = matches!(row.state, State::Misconfigured | State::Prevented);
        let known = row.known.filter(|_| !in_vain);
        let step = known.and_then(|tool| {
            let recipes = recipes(tool, reason, report.host, installers, state_dir);
            (!recipes.is_empty()).then(|| SetupStep {
                tool: tool.name(),
                ways: recipes
                    .iter()
                    .map(|way| way.iter().map(|words| line(words)).collect())
                    .collect(),
                known: tool,
                recipes,
            })
        });
        match step {
            Some(step) => plan.steps.push(step),
            None => plan.left.push(row.tool.clone()),
        }
    }
    plan
}

impl fmt::Display for SetupPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        for step in &self.steps {
            for (at, way) in step.ways.iter().enumerate() {
                lines.push(match at {
                    0 => format!("# {}", step.tool),
                    _ => format!("# {}, if that fails", step.tool),
                });
                lines.extend(way.iter().cloned());
            }
        }
        for tool in &self.left {
            lines.push(format!("# {tool}: not installed from here; see doctor"));
        }
        if lines.is_empty() {
            lines.push("# nothing to install".to_owned());
        }
        write!(f, "{}", lines.join("\n"))
    }
}

/// Does what the plan says. What cannot be installed is said and left to the next look.
///
/// # Errors
/// When the run is interrupted.
pub async fn install_missing(
    world: &World,
    plan: &SetupPlan,
    reporter: &dyn Reporter,
) -> Result<(), ToolchainError> {
    for step in &plan.steps {
        match run_ways(world, step.known, &step.recipes, reporter).await {
            Ok(()) => {}
            Err(error @ ToolchainError::Interrupted(_)) => return Err(error),
            Err(error) => reporter.warn(with_causes(&error)),
        }
    }
    add_to_job_path(world, reporter)
}

/// Tells later steps of a job of GitHub Actions where lld-link is, when it is not on `PATH`.
fn add_to_job_path(world: &World, reporter: &dyn Reporter) -> Result<(), ToolchainError> {
    let folder = toolchain::find_lld_link(world).and_then(|found| found.off_path);
    if let (Some(folder), Some(path)) = (folder, job_env::path_file(world)) {
        job_env::append_path(&path, &[folder.display().to_string()])
            .map_err(|source| ToolchainError::Io { path, source })?;
        reporter.note(format!("{} is added to GITHUB_PATH", folder.display()));
    }
    Ok(())
}
