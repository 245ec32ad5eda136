//! Finding the tools and trying them, the way a build uses them.

use super::farm::distributed;
use super::{Finding, Trial};
use crate::context::World;
use crate::error::with_causes;
use crate::shim::{self, Policy};
use crate::toolchain::{self, Rustc, Sccache, Tool, ToolchainError};
use process::AllowList;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a program may take over a question about itself.
const LIMIT: Duration = Duration::from_secs(20);

/// Finds some tools and tries them. Nothing on the machine is changed.
///
/// # Errors
/// When the run is interrupted, there is no room for the trial, or there is no Rust toolchain and
/// rustc is none of the tools that are asked about; a tool that fails is a finding.
pub async fn look(
    world: &World,
    state_dir: &Path,
    tools: &[Tool],
) -> Result<BTreeMap<Tool, Finding>, ToolchainError> {
    let scratch = toolchain::scratch(world)?;
    let shim = shim::install(&world.exe, scratch.path(), world.host).map_err(|source| {
        ToolchainError::Io {
            path: scratch.path().to_owned(),
            source,
        }
    })?;
    let rustc = match toolchain::rustc(world).await {
        Err(error @ ToolchainError::Interrupted(_)) => return Err(error),
        // Without a row that says so, tools that are tried through rustc would only seem to fail.
        Err(error @ ToolchainError::NoToolchain(_)) if !tools.contains(&Tool::Rustc) => {
            return Err(error);
        }
        rustc => rustc,
    };
    let look = Look {
        world,
        state_dir,
        shim: &shim,
        rustc: rustc.as_ref().ok(),
    };
    let mut findings = BTreeMap::new();
    for &tool in tools {
        let finding = match (tool, &rustc) {
            (Tool::Rustc, Ok(rustc)) => {
                let mut finding = Finding {
                    path: Some(rustc.path.clone()),
                    version: None,
                    trial: Trial::Works,
                    notes: Vec::new(),
                };
                hear_version(&mut finding, "-vV", rustc.version());
                finding
            }
            (Tool::Rustc, Err(error)) => Finding {
                path: world.find_program("rustc"),
                version: None,
                trial: Trial::Failed(with_causes(error)),
                notes: remedy(error),
            },
            (tool, _) => look.at(tool).await?,
        };
        findings.insert(tool, finding);
    }
    Ok(findings)
}

struct Look<'a> {
    world: &'a World,
    state_dir: &'a Path,
    shim: &'a Path,
    rustc: Option<&'a Rustc>,
}

impl Look<'_> {
    /// The first place at which the tool works; when it works nowhere, the first of all.
    async fn at(&self, tool: Tool) -> Result<Finding, ToolchainError> {
        let mut first = None;
        for path in self.places(tool) {
            let finding = self.at_place(tool, path).await?;
            if finding.works() {
                return Ok(finding);
            }
            first = first.or(Some(finding));
        }
        Ok(first.unwrap_or_else(Finding::missing))
    }

    fn places(&self, tool: Tool) -> Vec<PathBuf> {
        let on_path = self.world.find_program(tool.name());
        match tool {
            Tool::LldLink => toolchain::find_lld_link(self.world)
                .map(|found| found.path)
                .into_iter()
                .collect(),
            // As a build looks for it.
            Tool::Sccache => self
                .world
                .find_native_program("sccache")
                .into_iter()
                .chain(toolchain::installed_sccache(
                    self.world.host,
                    self.state_dir,
                ))
                .collect(),
            _ => on_path.into_iter().collect(),
        }
    }

    async fn at_place(&self, tool: Tool, path: PathBuf) -> Result<Finding, ToolchainError> {
        let version = toolchain::version(self.world, tool.name(), &path).await;
        let mut finding = Finding {
            path: Some(path.clone()),
            version: None,
            trial: Trial::Not,
            notes: Vec::new(),
        };
        let version = match version {
            Ok(version) => version,
            Err(error @ ToolchainError::Interrupted(_)) => return Err(error),
            Err(error) => {
                finding.trial = Trial::Failed(with_causes(&error));
                finding.notes = remedy(&error);
                return Ok(finding);
            }
        };
        hear_version(&mut finding, "--version", &version);
        if !tool.accepts(&version) {
            return Ok(finding);
        }
        let outcome = match tool {
            // To tell their version is all that can be asked of them without a workspace.
            Tool::Cargo | Tool::Rustc | Tool::Git => Ok(true),
            Tool::Mold => self.mold(&path, &version).await,
            Tool::LldLink => self.lld_link(&path, &mut finding).await,
            Tool::Sccache => {
                let outcome = self.sccache(self.world, &path, &version, &mut finding);
                match outcome.await {
                    Err(ToolchainError::Broken { why, .. })
                        if self.works_unconfigured(&path, &version).await? =>
                    {
                        finding.trial = Trial::Misconfigured(why);
                        return Ok(finding);
                    }
                    outcome => outcome,
                }
            }
        };
        finding.trial = match outcome {
            Ok(true) => Trial::Works,
            Ok(false) => Trial::Not,
            // No room for the trial is the machine's fault.
            Err(
                error @ (ToolchainError::Interrupted(_)
                | ToolchainError::Io { .. }
                | ToolchainError::NoPrograms { .. }),
            ) => return Err(error),
            Err(error @ ToolchainError::Broken { tool, .. }) if tool == toolchain::C_COMPILER => {
                Trial::Prevented(with_causes(&error))
            }
            // What is wrong is told without the path, which stands beside it.
            Err(ToolchainError::Broken { why, .. }) => Trial::Failed(why),
            Err(error) => Trial::Failed(with_causes(&error)),
        };
        Ok(finding)
    }

    /// Whether it linked; not, when it could not be tried.
    async fn mold(&self, path: &Path, version: &str) -> Result<bool, ToolchainError> {
        let Some(policy) = self.policy(Some(Tool::Mold.name())) else {
            return Ok(false);
        };
        // Programs for other systems are not linked with it.
        if Tool::Mold.need(self.world.host) == toolchain::Need::Optional {
            return Ok(false);
        }
        let mold = Tool::Mold.name();
        toolchain::try_linker(self.world, mold, path, version, self.shim, &policy).await?;
        Ok(true)
    }

    async fn lld_link(&self, path: &Path, finding: &mut Finding) -> Result<bool, ToolchainError> {
        if let Some(folder) = toolchain::find_lld_link(self.world).and_then(|f| f.off_path) {
            finding.notes.push(format!(
                "{} is not on PATH: builds add it there themselves, and `setup` and `env` do so \
                 for later steps of a job",
                folder.display()
            ));
        }
        toolchain::try_lld_link(self.world, path, self.rustc).await?;
        Ok(true)
    }

    /// Whether an sccache that has failed works with an empty configuration and a folder of its own.
    async fn works_unconfigured(&self, path: &Path, version: &str) -> Result<bool, ToolchainError> {
        let scratch = toolchain::scratch(self.world)?;
        let configuration = scratch.path().join("config");
        std::fs::write(&configuration, "").map_err(|source| ToolchainError::Io {
            path: configuration.clone(),
            source,
        })?;
        let mut env = self.world.env.allowed(&AllowList::base());
        env.set("SCCACHE_CONF", configuration);
        env.set("SCCACHE_DIR", scratch.path().join("cache"));
        let world = World {
            env,
            ..self.world.clone()
        };
        let mut unheard = Finding::missing();
        match self.sccache(&world, path, version, &mut unheard).await {
            Ok(worked) => Ok(worked),
            Err(error @ ToolchainError::Interrupted(_)) => Err(error),
            Err(_) => Ok(false),
        }
    }

    async fn sccache(
        &self,
        world: &World,
        path: &Path,
        version: &str,
        finding: &mut Finding,
    ) -> Result<bool, ToolchainError> {
        let Some(policy) = self.policy(None) else {
            return Ok(false);
        };
        let (path, version) = (path.to_owned(), version.to_owned());
        let mut server = Sccache::start(world, path, version, None, LIMIT).await?;
        let outcome = server.probe(world, self.shim, &policy).await;
        if outcome.is_ok() {
            let command = world
                .command(server.path(), &AllowList::base())
                .envs(&server.client())
                .arg("--dist-status");
            if let Ok(answer) = world.runner.success(&command, LIMIT).await {
                finding.notes.extend(distributed(&answer.stdout_text()));
            }
        }
        server.stop(world).await;
        outcome.map(|()| true)
    }

    /// The policy that tools are tried with; none without a compiler.
    fn policy(&self, linker: Option<&str>) -> Option<Policy> {
        Some(Policy {
            rustc: self.rustc?.path.clone(),
            target: self.world.host.target_triple().to_owned(),
            linker: linker.map(str::to_owned),
            linker_dir: None,
            remap: Vec::new(),
            auditable: false,
            lists: None,
        })
    }
}

/// What there is to do about a tool that could not be asked, where that is known.
fn remedy(error: &ToolchainError) -> Vec<String> {
    match error {
        ToolchainError::NoToolchain(none) => vec![none.remedy()],
        _ => Vec::new(),
    }
}

/// Puts down what a tool calls its version, which may be anything: what is none is a failure.
fn hear_version(finding: &mut Finding, asked: &str, answer: &str) {
    match toolchain::number(answer) {
        Some(_) => finding.version = Some(crate::text::bounded(answer)),
        None => finding.trial = Trial::Failed(toolchain::no_version(asked, answer)),
    }
}
