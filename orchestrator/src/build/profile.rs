//! The release profile, as the workspace's manifest and the environment set it.

use process::Env;
use std::path::Path;

/// `[profile.release]`, and what the environment says over it.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    table: Option<toml::Value>,
    debug_var: Option<String>,
}

impl Profile {
    /// Reads the manifest in a workspace's folder. cargo has read it before, so one that cannot be
    /// read says nothing.
    pub fn read(root: &Path, env: &Env) -> Self {
        let text = std::fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
        let var = env.get("CARGO_PROFILE_RELEASE_DEBUG");
        Self::parse(&text, var.and_then(|value| value.to_str()))
    }

    fn parse(manifest: &str, debug_var: Option<&str>) -> Self {
        let manifest: Option<toml::Value> = toml::from_str(manifest).ok();
        Self {
            table: manifest.and_then(|m| m.get("profile")?.get("release").cloned()),
            debug_var: debug_var.map(str::to_owned),
        }
    }

    /// Whether debug information belongs into release programs. The environment wins over the
    /// manifest. Source: The Cargo Book, "Profiles" and "Environment variables".
    pub fn asks_for_debug_info(&self) -> bool {
        let nothing = |text: &str| ["0", "false", "none", ""].contains(&text);
        if let Some(text) = &self.debug_var {
            return !nothing(text);
        }
        match self.table.as_ref().and_then(|table| table.get("debug")) {
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
            let manifest = format!("[workspace]\n[profile.release]\n{debug}\n");
            assert_eq!(Profile::parse(&manifest, None).asks_for_debug_info(), asks);
            assert!(Profile::parse(&manifest, Some("2")).asks_for_debug_info());
            assert!(!Profile::parse(&manifest, Some("0")).asks_for_debug_info());
        }
        assert!(!Profile::parse("[workspace]", None).asks_for_debug_info());
    }
}
