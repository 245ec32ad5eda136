//! What a workspace says of the workflows that release it.
//!
//! ```toml
//! [workspace.metadata.atlas-release.workflows]
//! groups = ["cli", "launcher"]      # those that have one; all by default
//! tool = "owner/atlas-release@<commit>"   # where atlas-release is, if not in this repository
//!
//! [workspace.metadata.atlas-release.workflows.runners]
//! linux-x64 = "ubuntu-24.04"
//! ```

use super::groups::Groups;
use release_types::Platform;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// GitHub's own runners, of each platform.
const RUNNERS: [(&str, &str); 6] = [
    ("linux-x64", "ubuntu-24.04"),
    ("linux-arm64", "ubuntu-24.04-arm"),
    ("macos-x64", "macos-15-intel"),
    ("macos-arm64", "macos-15"),
    ("windows-x64", "windows-2025"),
    ("windows-arm64", "windows-11-arm"),
];

/// What a workspace says of its workflows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowSettings {
    /// The groups that have one; none named means all.
    pub groups: Vec<String>,
    /// Where atlas-release is, `owner/name@commit`, if not in this repository.
    pub tool: Option<String>,
    /// The runner of each platform that is built for.
    pub runners: Vec<(Platform, String)>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Section {
    groups: Vec<String>,
    /// What a launcher was named by before it was a product like others.
    launcher: Option<Value>,
    tool: Option<String>,
    runners: Option<BTreeMap<String, String>>,
}

impl WorkflowSettings {
    /// Reads the table, which need not be there.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn parse(value: Option<Value>, groups: &Groups<'_>) -> Result<Self, String> {
        let section: Section = match value {
            None => Section::default(),
            Some(value) => serde_json::from_value(value).map_err(|error| error.to_string())?,
        };
        for group in &section.groups {
            groups
                .known(group)
                .map_err(|why| format!("`groups`: {why}"))?;
        }
        if section.launcher.is_some() {
            return Err(
                "`launcher`: a launcher is declared as a product, with its `folder`, in \
                 [workspace.metadata.atlas-release.products.launcher], and its group belongs into `groups`"
                    .to_owned(),
            );
        }
        // They stand in YAML.
        if let Some(tool) = section.tool.as_ref().filter(|tool| !is_reference(tool)) {
            return Err(format!(
                "`tool`: `{tool}` is not owner/name@commit, a repository on GitHub and a whole commit of it \
                 (40 hexadecimal digits; a branch or a tag could be moved), such as owner/atlas-release@{}",
                "0123456789".repeat(4)
            ));
        }
        let runners = match section.runners {
            None => RUNNERS
                .iter()
                .map(|(platform, runner)| ((*platform).to_owned(), (*runner).to_owned()))
                .collect(),
            Some(named) => named.into_iter().collect::<Vec<_>>(),
        };
        if runners.is_empty() {
            return Err("`runners` names no platform".to_owned());
        }
        let runner = |(platform, runner): (String, String)| {
            let platform: Platform = platform
                .parse()
                .map_err(|error| format!("`runners`: {error}"))?;
            match is_plain(&runner) {
                true => Ok((platform, runner)),
                false => Err(format!("`runners`: `{runner}` is no label of a runner")),
            }
        };
        Ok(Self {
            groups: section.groups,
            tool: section.tool,
            runners: runners.into_iter().map(runner).collect::<Result<_, _>>()?,
        })
    }
}

/// Letters, digits and what names of files and labels hold beside: nothing that YAML or a shell knows.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && !text.starts_with(['-', '.']) && text.chars().all(plain)
}

/// A relative path without anything in it that YAML or a shell knows.
pub fn is_plain_path(path: &str) -> bool {
    path.split('/').all(is_plain)
}

/// `owner/name@commit`: a tag or a branch would be somebody else's to move.
fn is_reference(text: &str) -> bool {
    let Some((repository, commit)) = text.split_once('@') else {
        return false;
    };
    let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
    is_commit && repository.matches('/').count() == 1 && is_plain_path(repository)
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::ProductName;
    use serde_json::json;

    fn parse(value: Option<Value>) -> Result<WorkflowSettings, String> {
        let [program, launcher] = ["tool", "launcher"].map(|name| name.parse::<ProductName>());
        let (program, launcher) = (program.unwrap(), launcher.unwrap());
        let groups = Groups::from_iter([("demo", &program), ("app", &launcher)]);
        WorkflowSettings::parse(value, &groups)
    }

    #[test]
    fn without_a_table_it_is_all_groups_on_githubs_own_runners() {
        let settings = parse(None).unwrap();
        assert_eq!(settings.groups, Vec::<String>::new());
        let platforms: Vec<Platform> = settings.runners.iter().map(|(p, _)| *p).collect();
        for platform in Platform::ALL {
            assert!(platforms.contains(&platform), "{platform}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let commit = "0".repeat(40);
        for (value, says) in [
            (
                json!({"groups": ["none"]}),
                "no group `none`; there are: app, demo",
            ),
            (
                json!({"groups": ["demo", "launcher"]}),
                "(the product `launcher` is of the group `app`)",
            ),
            (
                json!({"launcher": "apps/launcher"}),
                "[workspace.metadata.atlas-release.products.launcher]",
            ),
            (json!({"tool": "owner/name@v1"}), "owner/name@commit"),
            (
                json!({"tool": "owner/name@0123456"}),
                "a whole commit of it (40 hexadecimal digits; a branch or a tag could be moved)",
            ),
            (
                json!({"tool": commit}),
                "such as owner/atlas-release@0123456789012345678901234567890123456789",
            ),
            (
                json!({"tool": format!("name@{commit}")}),
                "owner/name@commit",
            ),
            (
                json!({"runners": {"amiga-x64": "a"}}),
                "`amiga-x64` is not a platform",
            ),
            (
                json!({"runners": {"linux-x64": "a: b"}}),
                "no label of a runner",
            ),
            (json!({"runners": {}}), "names no platform"),
            (json!({"runner": {}}), "unknown field `runner`"),
        ] {
            let error = parse(Some(value)).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        let value =
            json!({"tool": format!("owner/name@{commit}"), "runners": {"linux-x64": "mine"}});
        let settings = parse(Some(value)).unwrap();
        assert_eq!(settings.runners.len(), 1);
        let settings = parse(Some(json!({"groups": ["demo", "app"]}))).unwrap();
        assert_eq!(settings.groups, ["demo", "app"]);
    }
}
