//! The tools that products declare they need: which of them this host needs, and a row for each.

use super::{Finding, Need, Row, Trial, notes, state};
use crate::context::World;
use crate::error::with_causes;
use crate::products::{Product, TOOLS_TABLE};
use crate::toolchain::{self, ToolchainError};
use process::AllowList;
use release_types::Platform;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long one of them may take over its trial.
const LIMIT: Duration = Duration::from_secs(20);

/// What one is asked where only its version matters.
const VERSION: &str = "--version";

/// A tool that products declare they need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// What for.
    pub purpose: String,
    /// The arguments to try it with, if it can be tried.
    pub trial: Vec<String>,
    /// The smallest version that will do.
    pub smallest: Option<semver::Version>,
    /// How it is installed here, if that is said.
    pub install: Option<String>,
}

/// The tools that products declare they need on a host, each once: with the first trial and the
/// first words on how to install it, and the largest of the smallest versions.
pub fn declared(products: &[Product], host: Platform) -> Vec<Declared> {
    let mut found: BTreeMap<&str, Declared> = BTreeMap::new();
    for product in products {
        let kinds = [
            ("signs", &product.tools.signing),
            ("makes installers of", &product.tools.installers),
        ];
        for (does, tools) in kinds {
            let here = |os: &[release_types::Os]| os.is_empty() || os.contains(&host.os);
            for tool in tools.iter().filter(|tool| here(&tool.os)) {
                let purpose = format!("{does} {}", product.product);
                let install = tool.install.on(host.os).map(str::to_owned);
                let known = found.get_mut(tool.name.as_str());
                let Some(known) = known else {
                    let declared = Declared {
                        name: tool.name.clone(),
                        purpose,
                        trial: tool.trial.clone(),
                        smallest: tool.smallest.clone(),
                        install,
                    };
                    found.insert(&tool.name, declared);
                    continue;
                };
                known.purpose += &format!(", {purpose}");
                if known.trial.is_empty() {
                    known.trial.clone_from(&tool.trial);
                }
                known.smallest = known.smallest.take().max(tool.smallest.clone());
                known.install = known.install.take().or(install);
            }
        }
    }
    found.into_values().collect()
}

/// Finds a tool that products declare, and tries it where they say how, or where its version
/// matters.
///
/// # Errors
/// When the run is interrupted.
pub async fn try_declared(world: &World, tool: &Declared) -> Result<Finding, ToolchainError> {
    let Some(path) = world.find_program(&tool.name) else {
        return Ok(Finding::missing());
    };
    let mut finding = Finding {
        path: Some(path.clone()),
        version: None,
        trial: Trial::Not,
        notes: Vec::new(),
    };
    let version = [VERSION.to_owned()];
    let asked = match (&tool.trial[..], &tool.smallest) {
        ([], None) => return Ok(finding),
        ([], Some(_)) => &version,
        (trial, _) => trial,
    };
    let command = world
        .command(&path, &AllowList::base())
        .args(asked.iter().cloned());
    let output = match world.runner.success(&command, LIMIT).await {
        Ok(output) => output,
        Err(error @ process::ProcessError::Interrupted { .. }) => {
            return Err(ToolchainError::Interrupted(error));
        }
        Err(error) => {
            finding.trial = Trial::Failed(with_causes(&error));
            return Ok(finding);
        }
    };
    let texts = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    let line = |text: &str| text.trim().lines().next().unwrap_or_default().to_owned();
    let lines = texts.map(|text| line(&text));
    let version = lines.iter().find(|line| toolchain::number(line).is_some());
    finding.version = version.map(|line| crate::text::bounded(line));
    finding.trial = match (&finding.version, &tool.smallest) {
        (None, Some(_)) => {
            let printed = lines.iter().find(|line| !line.is_empty());
            let printed = printed.map_or("", String::as_str);
            Trial::Failed(toolchain::no_version(&asked.join(" "), printed))
        }
        _ => Trial::Works,
    };
    Ok(finding)
}

pub(super) fn row(declared: &Declared, finding: &Finding) -> Row {
    let accepts = |version: &str| {
        let Some(smallest) = &declared.smallest else {
            return true;
        };
        toolchain::number(version).is_some_and(|number| number >= *smallest)
    };
    let state = state(finding, accepts);
    let mut notes = notes(finding);
    let install: Vec<String> = declared.install.iter().cloned().collect();
    if !state.is_usable() && install.is_empty() {
        notes.push(format!(
            "a product declares it; `install` beside its name in [{TOOLS_TABLE}] can say how it is \
             come by"
        ));
    }
    Row {
        tool: declared.name.clone(),
        purpose: declared.purpose.clone(),
        need: Need::Needed,
        state,
        path: finding.path.clone(),
        version: finding.version.clone(),
        smallest: declared.smallest.clone(),
        notes,
        install,
        known: None,
    }
}
