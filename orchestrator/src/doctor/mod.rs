//! What a machine has of what releases need: a row for each tool, judged from what was found.
//!
//! [`examine`] is the whole of it: [`look`] finds and tries the tools; [`report`] judges, and
//! [`plan_setup`] works out what to install. The last two are pure.

mod declared;
mod examine;
mod farm;
mod look;
mod setup;
mod show;

pub use declared::{Declared, declared, try_declared};
pub use examine::{DeclaredTools, declared_tools, examine};
pub use look::look;
pub use setup::{SetupPlan, SetupStep, install_missing, plan_setup};

use crate::toolchain::{Installers, Need, Reason, Tool, line, recipes};
use release_types::Platform;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version of the document.
const FORMAT: u32 = 1;

/// What was found of one tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where it is, if it is.
    pub path: Option<PathBuf>,
    /// What it calls its version.
    pub version: Option<String>,
    /// What came of trying it.
    pub trial: Trial,
    /// What else there is to say about it.
    pub notes: Vec<String>,
}

/// What came of trying a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// It was not tried.
    Not,
    /// It did its work.
    Works,
    /// It did not.
    Failed(String),
    /// It did not as it is configured, and did without that configuration.
    Misconfigured(String),
    /// It could not be tried, since something else that it needs failed.
    Prevented(String),
}

impl Finding {
    /// Of a tool that is not there.
    pub const fn missing() -> Self {
        Self {
            path: None,
            version: None,
            trial: Trial::Not,
            notes: Vec::new(),
        }
    }

    /// Whether it is there and did its work.
    pub fn works(&self) -> bool {
        self.trial == Trial::Works
    }
}

/// How a tool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It did its work.
    Works,
    /// It is there and was not tried.
    Found,
    /// It is not there.
    Missing,
    /// It is there, and older than is accepted.
    TooOld,
    /// It is there and did not do its work.
    Broken,
    /// It is there and does its work, but not as it is configured.
    Misconfigured,
    /// It is there and could not be tried, since something else fails.
    Prevented,
}

impl State {
    /// Whether a tool in this state can be used.
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Works | Self::Found)
    }
}

/// One tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name.
    pub tool: String,
    /// What it is needed for.
    pub purpose: String,
    /// How much depends on it here.
    pub need: Need,
    /// How it is.
    pub state: State,
    /// Where it is.
    pub path: Option<PathBuf>,
    /// What it calls its version.
    pub version: Option<String>,
    /// The smallest version that is accepted.
    pub smallest: Option<semver::Version>,
    /// What is wrong with it, or else worth knowing.
    pub notes: Vec<String>,
    /// The commands that install it here; for a tool that products declare, what they say of it.
    pub install: Vec<String>,
    /// The tool, when it is one that this program knows.
    #[serde(skip)]
    pub known: Option<Tool>,
}

/// What a machine has of what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of this document's form.
    pub format: u32,
    /// The machine.
    pub host: Platform,
    /// Whether all that is needed can be used.
    pub ready: bool,
    /// The tools.
    pub tools: Vec<Row>,
}

/// A tool that is needed and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// Its name.
    pub tool: String,
    /// What a person can do about it.
    pub remedy: Remedy,
}

/// What a person can do about a tool that is lacking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// `setup` installs it.
    Setup,
    /// What those who declared it say of it.
    Declared(String),
    /// They say nothing.
    Unsaid,
    /// What its row says.
    Shown,
}

impl Lacking {
    /// The names, for a sentence.
    pub fn names(all: &[Self]) -> String {
        let names: Vec<&str> = all.iter().map(|lacking| lacking.tool.as_str()).collect();
        names.join(", ")
    }
}

impl Report {
    /// The tools that are needed and cannot be used.
    pub fn lacking(&self) -> Vec<Lacking> {
        let rows = self.tools.iter().filter(|row| row.is_lacking());
        rows.map(|row| Lacking {
            tool: row.tool.clone(),
            remedy: row.remedy(),
        })
        .collect()
    }

    /// The same once `setup` has done what it could: to run it again leads nowhere.
    pub fn lacking_after(&self, tried: Option<&SetupPlan>) -> Vec<Lacking> {
        let mut lacking = self.lacking();
        let steps = tried.map_or(&[][..], |plan| &plan.steps);
        for tool in &mut lacking {
            if tool.remedy == Remedy::Setup && steps.iter().any(|step| step.tool == tool.tool) {
                tool.remedy = Remedy::Shown;
            }
        }
        lacking
    }
}

impl Row {
    fn is_lacking(&self) -> bool {
        self.need == Need::Needed && !self.state.is_usable()
    }

    fn remedy(&self) -> Remedy {
        match (self.known, &self.install[..]) {
            (Some(_), []) => Remedy::Shown,
            (Some(_), _) => Remedy::Setup,
            (None, []) => Remedy::Unsaid,
            (None, how) => Remedy::Declared(how.join("; ")),
        }
    }
}

/// What the judgement is made from.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The machine.
    pub host: Platform,
    /// What it could install with.
    pub installers: &'a Installers,
    /// Where installed tools are kept.
    pub state_dir: &'a Path,
    /// What was found of the tools that this program knows.
    pub findings: &'a BTreeMap<Tool, Finding>,
    /// What was found of those that products declare.
    pub declared: &'a [(Declared, Finding)],
}

/// Judges.
pub fn report(facts: &Facts<'_>) -> Report {
    let known = Tool::ALL.into_iter().filter_map(|tool| {
        let finding = facts.findings.get(&tool)?;
        Some(known_row(tool, finding, facts))
    });
    let declared = facts
        .declared
        .iter()
        .map(|(tool, finding)| declared::row(tool, finding));
    let tools: Vec<Row> = known.chain(declared).collect();
    Report {
        format: FORMAT,
        host: facts.host,
        ready: !tools.iter().any(Row::is_lacking),
        tools,
    }
}

fn known_row(tool: Tool, finding: &Finding, facts: &Facts<'_>) -> Row {
    let state = state(finding, |version| tool.accepts(version));
    let reason = match state {
        State::Broken => Reason::Broken,
        _ => Reason::Missing,
    };
    let ways = match state {
        // Another copy would be configured alike.
        State::Misconfigured | State::Prevented => Vec::new(),
        _ => recipes(tool, reason, facts.host, facts.installers, facts.state_dir),
    };
    let install: Vec<String> = ways
        .first()
        .into_iter()
        .flatten()
        .map(|words| line(words))
        .collect();
    let mut notes = notes(finding);
    let need = tool.need(facts.host);
    if state == State::Misconfigured {
        notes.push(
            "without its variables and files it works: its configuration, or what that names, has \
             to be mended"
                .to_owned(),
        );
    } else if state != State::Prevented
        && !state.is_usable()
        && install.is_empty()
        && need != Need::Optional
    {
        notes.push(match tool {
            Tool::Cargo | Tool::Rustc => "rustup installs it: https://rustup.rs".to_owned(),
            _ => "nothing that could install it was found here".to_owned(),
        });
    }
    Row {
        tool: tool.name().to_owned(),
        purpose: tool.purpose().to_owned(),
        need,
        state,
        path: finding.path.clone(),
        version: finding.version.clone(),
        smallest: Some(tool.smallest()),
        notes,
        install,
        known: Some(tool),
    }
}

fn state(finding: &Finding, accepts: impl Fn(&str) -> bool) -> State {
    if finding.path.is_none() {
        return State::Missing;
    }
    match (&finding.trial, finding.version.as_deref()) {
        (Trial::Failed(_), _) => State::Broken,
        (Trial::Misconfigured(_), _) => State::Misconfigured,
        (Trial::Prevented(_), _) => State::Prevented,
        (_, Some(version)) if !accepts(version) => State::TooOld,
        (Trial::Works, _) => State::Works,
        (Trial::Not, _) => State::Found,
    }
}

fn notes(finding: &Finding) -> Vec<String> {
    let failed = match &finding.trial {
        Trial::Failed(why) | Trial::Misconfigured(why) | Trial::Prevented(why) => Some(why.clone()),
        Trial::Not | Trial::Works => None,
    };
    failed.into_iter().chain(finding.notes.clone()).collect()
}

#[cfg(test)]
mod tests;
