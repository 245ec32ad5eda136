//! The tools that a product declares it needs beside those that build it.
//!
//! ```toml
//! [package.metadata.atlas-release.tools]
//! signing = ["minisign"]
//! installers = [{ name = "makensis", os = ["windows"], try = ["-VERSION"], min-version = "3.08",
//!                 install = { windows = "choco install nsis" } }]
//! ```

use super::Format;
use release_types::Os;
use semver::Version;
use serde::Deserialize;
use serde_json::Value;

/// The table in which they are declared, in a package's `Cargo.toml`.
pub const TOOLS_TABLE: &str = "package.metadata.atlas-release.tools";

/// What makes installers for macOS, and is part of it.
pub const PKGBUILD: &str = "pkgbuild";

/// Tools that a product needs beside those that build it, for `doctor` to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductTools {
    /// What signs it.
    pub signing: Vec<ProductTool>,
    /// What makes its installers.
    pub installers: Vec<ProductTool>,
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductTool {
    /// Its name on `PATH`.
    pub name: String,
    /// The systems it is needed on; none means all.
    pub os: Vec<Os>,
    /// The arguments to try it with, if it can be tried.
    pub trial: Vec<String>,
    /// The smallest version that will do.
    pub smallest: Option<Version>,
    /// How a person installs it.
    pub install: Install,
}

/// How a person installs a tool, on each system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Install {
    linux: Option<String>,
    macos: Option<String>,
    windows: Option<String>,
}

impl Install {
    /// The same words on every system.
    pub fn anywhere(text: &str) -> Self {
        let text = Some(text.to_owned());
        Self {
            linux: text.clone(),
            macos: text.clone(),
            windows: text,
        }
    }

    /// What is said for a system.
    pub fn on(&self, os: Os) -> Option<&str> {
        let text = match os {
            Os::Linux => &self.linux,
            Os::Macos => &self.macos,
            Os::Windows => &self.windows,
        };
        text.as_deref().filter(|text| !text.trim().is_empty())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    #[serde(default)]
    signing: Vec<Value>,
    #[serde(default)]
    installers: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    name: String,
    #[serde(default)]
    os: Vec<Os>,
    #[serde(default, rename = "try")]
    trial: Vec<String>,
    min_version: Option<String>,
    install: Option<Value>,
}

impl ProductTools {
    /// Reads the table.
    ///
    /// # Errors
    /// What is wrong with it, and in which entry of which list.
    pub(super) fn parse(value: Value) -> Result<Self, String> {
        let section: Section = serde_json::from_value(value).map_err(|error| error.to_string())?;
        Ok(Self {
            signing: list("signing", section.signing)?,
            installers: list("installers", section.installers)?,
        })
    }

    /// Adds what makes installers of these forms and is no part of this program, unless it is there.
    pub(super) fn add_makers_of(&mut self, formats: &[Format]) {
        let is_there = self.installers.iter().any(|tool| tool.name == PKGBUILD);
        if formats.contains(&Format::Pkg) && !is_there {
            self.installers.push(ProductTool {
                name: PKGBUILD.to_owned(),
                os: vec![Os::Macos],
                install: Install::anywhere("xcode-select --install"),
                ..ProductTool::default()
            });
        }
    }
}

fn list(key: &str, values: Vec<Value>) -> Result<Vec<ProductTool>, String> {
    let numbered = (1..).zip(values);
    numbered
        .map(|(number, value)| tool(value).map_err(|why| format!("`{key}`, tool {number}: {why}")))
        .collect()
}

fn tool(value: Value) -> Result<ProductTool, String> {
    let tool = match value {
        Value::String(name) => ProductTool {
            name,
            ..ProductTool::default()
        },
        value @ Value::Object(_) => {
            let table: Table = serde_json::from_value(value).map_err(|error| error.to_string())?;
            ProductTool {
                name: table.name,
                os: table.os,
                trial: table.trial,
                smallest: table.min_version.as_deref().map(smallest).transpose()?,
                install: table.install.map(install).transpose()?.unwrap_or_default(),
            }
        }
        _ => return Err("it is neither a name nor a table".to_owned()),
    };
    // A name is a program's file, and one with a line's end would look like two tools in a report.
    if tool.name.contains(char::is_control) {
        return Err("its name holds a control character".to_owned());
    }
    match tool.name.trim().is_empty() {
        true => Err("it has no name".to_owned()),
        false => Ok(tool),
    }
}

/// One to three numbers: tools that are no crates seldom have a SemVer.
fn smallest(text: &str) -> Result<Version, String> {
    let refused = || format!("min-version is `{text}`, not one to three numbers such as 3.08");
    let numbers = text.split('.').map(str::parse);
    let numbers: Vec<u64> = numbers.collect::<Result<_, _>>().map_err(|_| refused())?;
    let at = |index: usize| numbers.get(index).copied().unwrap_or(0);
    match numbers.len() {
        1..=3 => Ok(Version::new(at(0), at(1), at(2))),
        _ => Err(refused()),
    }
}

fn install(value: Value) -> Result<Install, String> {
    match value {
        Value::String(text) => Ok(Install::anywhere(&text)),
        value @ Value::Object(_) => {
            serde_json::from_value(value).map_err(|error| format!("install: {error}"))
        }
        _ => Err("install is neither a text nor a table with a text for each system".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tools_are_names_or_tables() {
        let tools = ProductTools::parse(json!({
            "signing": ["minisign", {"name": "rcodesign", "install": "cargo install apple-codesign"}],
            "installers": [{"name": "makensis", "os": ["windows"], "try": ["-VERSION"],
                "min-version": "3.08", "install": {"windows": "choco install nsis"}}],
        }))
        .unwrap();
        assert_eq!(
            tools.signing[0],
            ProductTool {
                name: "minisign".to_owned(),
                ..ProductTool::default()
            }
        );
        for &os in Os::ALL {
            let install = tools.signing[1].install.on(os);
            assert_eq!(install, Some("cargo install apple-codesign"));
            let windows = (os == Os::Windows).then_some("choco install nsis");
            assert_eq!(tools.installers[0].install.on(os), windows);
        }
        let makensis = &tools.installers[0];
        assert_eq!(makensis.os, [Os::Windows]);
        assert_eq!(makensis.trial, ["-VERSION"]);
        assert_eq!(makensis.smallest, Some(Version::new(3, 8, 0)));
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_place() {
        for (section, says) in [
            (
                json!({"signing": ["a\nmold      works"]}),
                "`signing`, tool 1: its name holds a control character",
            ),
            (
                json!({"sining": []}),
                "unknown field `sining`, expected `signing` or `installers`",
            ),
            (
                json!({"signing": ["a", {"name": "b", "tyr": []}]}),
                "`signing`, tool 2: unknown field `tyr`, expected one of `name`, `os`, `try`, \
                 `min-version`, `install`",
            ),
            (
                json!({"signing": [{"os": []}]}),
                "`signing`, tool 1: missing field `name`",
            ),
            (
                json!({"signing": [""]}),
                "`signing`, tool 1: it has no name",
            ),
            (
                json!({"installers": [7]}),
                "`installers`, tool 1: it is neither a name nor a table",
            ),
            (
                json!({"installers": [{"name": "a", "min-version": "new"}]}),
                "`installers`, tool 1: min-version is `new`, not one to three numbers such as 3.08",
            ),
            (
                json!({"installers": [{"name": "a", "install": {"amiga": "x"}}]}),
                "`installers`, tool 1: install: unknown field `amiga`",
            ),
            (
                json!({"installers": [{"name": "a", "install": true}]}),
                "`installers`, tool 1: install is neither a text nor a table",
            ),
        ] {
            let error = ProductTools::parse(section).unwrap_err();
            assert!(error.starts_with(says), "{error}");
        }
    }
}
