//! The environment for other steps of a job, such as tests and lints: the same settings that a
//! build gets, in the form that a shell or GitHub Actions reads. Pure, but for asking the machine
//! ([`work_out`]) and for appending to the files that GitHub Actions names.

mod github;
mod render;
mod work_out;

pub use github::{GithubFiles, JobEnvError, append_path, path_file};
pub(crate) use github::{
    append as append_to_job_file, append_named as append_variables_to_job_file,
};
pub use render::{Shell, render};
pub use work_out::work_out;

use crate::cargo_config::{ConfigFile, MoldVariable, mold_variable, rustflags_variable};
use crate::doctor::Finding;
use crate::toolchain::{CommonEnv, LldLink, Need, Tool, common_environment};
use process::Env;
use release_types::Platform;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The version of the document's form.
const FORMAT: u32 = 1;

/// The variables, and what there is to say about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobEnv {
    /// The version of this document's form.
    pub format: u32,
    /// The machine.
    pub host: Platform,
    /// The variables, by name.
    pub variables: BTreeMap<String, String>,
    /// Folders that `PATH` needs.
    pub path: Vec<String>,
    /// The variable that asks for mold, when one does.
    pub mold_variable: Option<String>,
    /// What is not as it could be.
    pub warnings: Vec<String>,
}

/// What the environment depends on.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The machine.
    pub host: Platform,
    /// What was found of mold, lld-link and sccache.
    pub findings: &'a BTreeMap<Tool, Finding>,
    /// Where lld-link is.
    pub lld_link: Option<&'a LldLink>,
    /// Whether somebody has said already how much debug information a release has.
    pub debug_is_said: bool,
    /// Whether sccache is to use GitHub's cache.
    pub github_cache: bool,
    /// Cargo's configuration files.
    pub config: &'a [ConfigFile],
    /// Those of them that cannot be understood, with why.
    pub broken: &'a [(PathBuf, String)],
    /// The environment of this run.
    pub env: &'a Env,
}

/// The tools that the environment depends on, on a host.
pub fn tools(host: Platform) -> Vec<Tool> {
    [Tool::Mold, Tool::LldLink, Tool::Sccache]
        .into_iter()
        .filter(|tool| tool.need(host) != Need::Optional)
        .collect()
}

/// Works it out.
pub fn job_env(facts: &Facts<'_>) -> JobEnv {
    let mut warnings = Vec::new();
    let mut works = |tool: Tool| {
        let finding = facts.findings.get(&tool)?;
        if !finding.works() {
            let then = match tool {
                Tool::LldLink => "programs for Windows will not link",
                _ => "it is left out",
            };
            warnings.push(format!(
                "{} cannot be used, so {then}; `atlas-release doctor` says why",
                tool.name()
            ));
        }
        finding.works().then_some(finding)
    };
    let sccache = works(Tool::Sccache).and_then(|finding| finding.path.clone());
    let mold = works(Tool::Mold).is_some();
    works(Tool::LldLink);
    let sccache = sccache.and_then(|path| match path.into_os_string().into_string() {
        Ok(path) => Some(path),
        Err(path) => {
            warnings.push(format!(
                "{} is no text: sccache is left out",
                path.display()
            ));
            None
        }
    });
    let common = common_environment(&CommonEnv {
        debug_is_said: facts.debug_is_said,
        sccache: sccache.as_deref(),
        github_cache: facts.github_cache,
    });
    let mut variables: BTreeMap<String, String> = common
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    warnings.extend(facts.broken.iter().map(|(path, why)| {
        format!(
            "{} is not understood, so flags in it are not seen here, and cargo will refuse to \
             run: {why}",
            path.display()
        )
    }));
    let mut named = None;
    let name = rustflags_variable(facts.host.target_triple());
    let set = facts.env.get(&name);
    if mold && set.is_some_and(|value| value.to_str().is_none()) {
        warnings.push(format!(
            "{name} holds something that is no text: mold is left out"
        ));
    } else if mold {
        let MoldVariable {
            name,
            value,
            warnings: more,
        } = mold_variable(facts.host.target_triple(), facts.config, facts.env);
        variables.insert(name.clone(), value);
        warnings.extend(more);
        named = Some(name);
    }
    let folder = facts.lld_link.and_then(|found| found.off_path.as_ref());
    JobEnv {
        format: FORMAT,
        host: facts.host,
        variables,
        path: folder
            .into_iter()
            .map(|folder| folder.display().to_string())
            .collect(),
        mold_variable: named,
        warnings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Trial;
    use release_types::Os;
    use std::fmt::Write as _;

    fn finding(tool: Tool, trial: Trial) -> Finding {
        Finding {
            path: Some(PathBuf::from(format!("/tools/{}", tool.name()))),
            version: None,
            trial,
            notes: Vec::new(),
        }
    }

    /// The environment of every host, as a shell reads it, with its warnings.
    fn six_hosts(find: impl Fn(Tool) -> Finding) -> String {
        let mut shown = String::new();
        for host in Platform::ALL {
            let off_path = LldLink {
                path: r"C:\Program Files\LLVM\bin\lld-link.exe".into(),
                off_path: Some(r"C:\Program Files\LLVM\bin".into()),
            };
            let findings: BTreeMap<Tool, Finding> =
                tools(host).into_iter().map(|t| (t, find(t))).collect();
            let lld_link = findings.get(&Tool::LldLink).filter(|found| found.works());
            let env = job_env(&Facts {
                host,
                findings: &findings,
                lld_link: lld_link.map(|_| &off_path),
                debug_is_said: false,
                github_cache: true,
                config: &[],
                broken: &[],
                env: &Env::default(),
            });
            let shells: &[Shell] = match host.os {
                Os::Windows => &[Shell::Powershell, Shell::Sh],
                Os::Linux | Os::Macos => &[Shell::Sh],
            };
            for &shell in shells {
                writeln!(shown, "## {host}, {shell:?}\n{}", render(&env, shell)).unwrap();
            }
            for warning in &env.warnings {
                writeln!(shown, "warning: {warning}").unwrap();
            }
        }
        shown
    }

    #[test]
    fn where_all_tools_work() {
        insta::assert_snapshot!(six_hosts(|tool| finding(tool, Trial::Works)));
    }

    #[test]
    fn where_no_tool_is() {
        insta::assert_snapshot!(six_hosts(|_| Finding::missing()));
    }

    #[test]
    fn a_tool_that_was_found_and_does_not_work_is_not_wired_in() {
        let shown = six_hosts(|tool| finding(tool, Trial::Failed("no".to_owned())));
        assert!(
            !shown.contains("RUSTC_WRAPPER") && !shown.contains("mold'"),
            "{shown}"
        );
        assert!(shown.contains("warning: sccache cannot be used"), "{shown}");
    }
}
