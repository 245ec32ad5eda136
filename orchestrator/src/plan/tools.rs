//! What is planned for each tool: used where it is, installed, or done without.

use super::{Facts, PlannedTool};
use crate::toolchain::{Tool, line, planned_path, recipe};
use std::path::{Path, PathBuf};

/// Where sccache is, or will be once it is installed.
pub(super) fn planned_sccache(facts: &Facts<'_>) -> Option<PathBuf> {
    let wanted = facts.build.wanted;
    if !wanted.sccache {
        return None;
    }
    let (tool, installers) = (Tool::Sccache, facts.installers);
    facts.found.sccache.clone().or_else(|| {
        let recipe = recipe(tool, facts.host, installers, facts.state_dir);
        if !wanted.install || recipe.is_empty() {
            return None;
        }
        planned_path(tool, facts.host, installers, facts.state_dir)
            .or_else(|| Some(tool.name().into()))
    })
}

/// Every tool of the plan; `linker` is the one that is tried beforehand.
pub(super) fn tools(facts: &Facts<'_>, linker: Option<Tool>) -> Vec<PlannedTool> {
    let there = |name, path: &Path| PlannedTool {
        name,
        path: Some(path.to_owned()),
        install: Vec::new(),
        note: None,
    };
    let mut tools = vec![
        there("cargo", &facts.found.cargo),
        there("rustc", &facts.found.rustc.path),
    ];
    let lld_link_path = facts.found.lld_link.as_ref().map(|found| &found.path);
    let optional = [
        (
            Tool::Mold,
            linker == Some(Tool::Mold),
            facts.found.mold.as_ref(),
        ),
        (Tool::LldLink, linker == Some(Tool::LldLink), lld_link_path),
        (
            Tool::Sccache,
            facts.build.wanted.sccache,
            facts.found.sccache.as_ref(),
        ),
    ];
    for (tool, wanted, found) in optional {
        if !wanted {
            continue;
        }
        tools.push(match found {
            Some(path) => there(tool.name(), path),
            None => {
                let install: Vec<String> = if facts.build.wanted.install {
                    recipe(tool, facts.host, facts.installers, facts.state_dir)
                        .iter()
                        .map(|words| line(words))
                        .collect()
                } else {
                    Vec::new()
                };
                let note = match (tool, install.is_empty()) {
                    (_, false) => "will be installed",
                    (Tool::Sccache, true) => "missing: the build will go on without it",
                    (_, true) => "missing: the build will be refused",
                };
                PlannedTool {
                    name: tool.name(),
                    path: None,
                    install,
                    note: Some(note),
                }
            }
        });
    }
    tools
}
