//! The release profile, as the workspace's manifest and the environment set it.

use crate::cargo_config;
use crate::context::World;
use std::path::Path;
use toml::{Table, Value};

/// `[profile.release]`, and what cargo's configuration and the environment say over it.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    table: Option<Value>,
    /// What decides about debug information, of whatever kind TOML has.
    debug: Option<Value>,
}

impl Profile {
    /// Reads the manifest in a workspace's folder, and cargo's configuration for it. cargo has read
    /// them before, so what cannot be read says nothing.
    pub fn read(world: &World, root: &Path) -> Self {
        let manifest = cargo_config::read_file(&root.join("Cargo.toml"));
        let config = cargo_config::read(root, world.cargo_home().as_deref());
        let tables: Vec<Table> = config.into_iter().map(|file| file.table).collect();
        let var = world.env.get("CARGO_PROFILE_RELEASE_DEBUG");
        let var = var.and_then(|value| value.to_str());
        Self::of(manifest.map(|file| file.table).as_ref(), &tables, var)
    }

    /// The environment wins over configuration, the nearest file of which comes first, and that
    /// over the manifest. Source: The Cargo Book, "Profiles" and "Configuration".
    fn of(manifest: Option<&Table>, config: &[Table], debug_var: Option<&str>) -> Self {
        let release = |table: &Table| table.get("profile")?.get("release").cloned();
        let table = manifest.and_then(release);
        let debug = match debug_var {
            Some(text) => Some(Value::String(text.to_owned())),
            None => {
                let tables = config.iter().filter_map(release).chain(table.clone());
                tables
                    .filter_map(|table| table.get("debug").cloned())
                    .next()
            }
        };
        Self { table, debug }
    }

    /// Whether debug information belongs into release programs.
    pub fn asks_for_debug_info(&self) -> bool {
        match &self.debug {
            Some(Value::Boolean(debug)) => *debug,
            Some(Value::Integer(level)) => *level > 0,
            Some(Value::String(text)) => !["0", "false", "none", ""].contains(&text.as_str()),
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

    fn table(text: &str) -> Table {
        toml::from_str(text).unwrap_or_default()
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
            let manifest = table(&format!("[workspace]\n[profile.release]\n{debug}\n"));
            let of = |config: &[Table], var| {
                Profile::of(Some(&manifest), config, var).asks_for_debug_info()
            };
            assert_eq!(of(&[], None), asks, "{debug}");
            // What is nearer wins: the environment, then the first of the files.
            let files = ["debug = 2", "debug = false"]
                .map(|debug| table(&format!("[profile.release]\n{debug}\n")));
            assert!(of(&files, None));
            assert!(!of(&files[1..], None));
            assert!(!of(&files, Some("0")));
            assert!(of(&files[1..], Some("line-tables-only")));
        }
        assert!(!Profile::default().asks_for_debug_info());
    }
}
