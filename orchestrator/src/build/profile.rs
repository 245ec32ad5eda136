//! The release profile, as the workspace's manifest, cargo's configuration and the environment set it.

use crate::cargo_config::{self, ConfigFile};
use process::Env;
use std::path::Path;

/// `[profile.release]`, and what is said over it.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    table: Option<toml::Value>,
    /// What configuration files say of `debug`, the first in force.
    configured: Option<toml::Value>,
    debug_var: Option<String>,
}

impl Profile {
    /// Reads the manifest in a workspace's folder. cargo has read it before, so one that cannot be
    /// read says nothing.
    pub fn read(root: &Path, cargo_home: Option<&Path>, env: &Env) -> Self {
        let manifest = cargo_config::read_file(&root.join("Cargo.toml"));
        let configuration = cargo_config::read(root, cargo_home);
        let var = env.get("CARGO_PROFILE_RELEASE_DEBUG");
        let var = var.and_then(|value| value.to_str());
        Self::of(manifest.as_ref(), &configuration, var)
    }

    fn of(manifest: Option<&ConfigFile>, files: &[ConfigFile], debug_var: Option<&str>) -> Self {
        let release = |file: &ConfigFile| file.table.get("profile")?.get("release").cloned();
        let debug = |file: &ConfigFile| release(file)?.get("debug").cloned();
        Self {
            table: manifest.and_then(release),
            configured: files.iter().find_map(debug),
            debug_var: debug_var.map(str::to_owned),
        }
    }

    /// Whether debug information belongs into release programs. The environment wins over
    /// configuration files, and those over the manifest. Source: The Cargo Book, "Configuration".
    pub fn asks_for_debug_info(&self) -> bool {
        let nothing = |text: &str| ["0", "false", "none", ""].contains(&text);
        if let Some(text) = &self.debug_var {
            return !nothing(text);
        }
        let manifest = || self.table.as_ref().and_then(|table| table.get("debug"));
        match self.configured.as_ref().or_else(manifest) {
            Some(toml::Value::Boolean(debug)) => *debug,
            Some(toml::Value::Integer(level)) => *level > 0,
            Some(toml::Value::String(text)) => !nothing(text),
            _ => false,
        }
    }

    /// The table, for the record.
    pub fn to_json(&self) -> Option<serde_json::Value> {
        serde_json::to_value(self.table.as_ref()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> ConfigFile {
        ConfigFile {
            path: "Cargo.toml".into(),
            table: toml::from_str(text).unwrap(),
        }
    }

    #[test]
    fn who_asks_for_debug_information() {
        for (debug, asks) in [
            ("", false),
            ("debug = 0", false),
            ("debug = false", false),
            ("debug = \"none\"", false),
            ("debug = 1", true),
            ("debug = true", true),
            ("debug = \"line-tables-only\"", true),
        ] {
            let manifest = file(&format!("[workspace]\n[profile.release]\n{debug}\n"));
            let asked = |files: &[ConfigFile], var| {
                Profile::of(Some(&manifest), files, var).asks_for_debug_info()
            };
            let config = |debug: bool| [file(&format!("profile.release.debug = {debug}"))];
            assert_eq!(asked(&[], None), asks);
            assert_eq!(asked(&[file("build.jobs = 1")], None), asks);
            assert!(asked(&config(true), None) && !asked(&config(false), None));
            assert!(asked(&config(false), Some("2")) && !asked(&config(true), Some("0")));
        }
        assert!(!Profile::of(None, &[], None).asks_for_debug_info());
    }
}
