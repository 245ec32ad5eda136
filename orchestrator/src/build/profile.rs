//! The release profile, as the workspace's manifest, cargo's configuration and the environment set it.

use crate::cargo_config::{self, ConfigFile, release_debug};
use process::Env;
use std::path::Path;
use toml::Table;

/// `[profile.release]`, and what is said over it.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    table: Option<toml::Value>,
    debug: Option<toml::Value>,
}

impl Profile {
    /// Reads the manifest in a workspace's folder. cargo has read it before, so one that cannot be
    /// read says nothing.
    pub fn read(root: &Path, cargo_home: Option<&Path>, env: &Env) -> Self {
        let manifest = cargo_config::read_file(&root.join("Cargo.toml"));
        let configuration = cargo_config::read(root, cargo_home);
        Self::of(manifest.as_ref(), &configuration, env)
    }

    fn of(manifest: Option<&ConfigFile>, files: &[ConfigFile], env: &Env) -> Self {
        let manifest = manifest.map(|file| &file.table);
        let release = |table: &Table| table.get("profile")?.get("release").cloned();
        Self {
            table: manifest.and_then(release),
            debug: release_debug(manifest, files, env),
        }
    }

    /// Whether debug information belongs into release programs.
    pub fn asks_for_debug_info(&self) -> bool {
        match &self.debug {
            Some(toml::Value::Boolean(debug)) => *debug,
            Some(toml::Value::Integer(level)) => *level > 0,
            Some(toml::Value::String(text)) => !["0", "false", "none", ""].contains(&&**text),
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
            let asked = |files: &[ConfigFile], var: Option<&str>| {
                let var = var.map(|value| ("CARGO_PROFILE_RELEASE_DEBUG", value));
                let env = var.into_iter().collect();
                Profile::of(Some(&manifest), files, &env).asks_for_debug_info()
            };
            let config = |debug: bool| [file(&format!("profile.release.debug = {debug}"))];
            assert_eq!(asked(&[], None), asks);
            assert_eq!(asked(&[file("build.jobs = 1")], None), asks);
            assert!(asked(&config(true), None) && !asked(&config(false), None));
            assert!(asked(&config(false), Some("2")) && !asked(&config(true), Some("0")));
        }
        assert!(!Profile::of(None, &[], &Env::default()).asks_for_debug_info());
    }
}
