//! What a workspace says of signatures: the public key that they are checked with, and where the key of a
//! product that Tauri updates stands.
//!
//! ```toml
//! [workspace.metadata.atlas-release]
//! public-key = "dW50cnVzdGVkIGNvbW1lbnQ6…"
//! minisig = true
//!
//! [workspace.metadata.atlas-release.products.launcher]
//! folder = "apps/launcher"
//! ```

use super::{CodeSignSettings, Declared, ProductsError, SECTION, WorkspaceSection};
use crate::artifacts::read_text;
use release_types::ProductName;
use serde::{Serialize, Serializer};
use signatures::PublicKey;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest configuration of an application that is read, in bytes.
const CONFIG_LIMIT: u64 = 1024 * 1024;

/// Where Tauri's configuration lies in a launcher's folder.
pub const TAURI_CONFIGS: [&str; 4] = [
    "tauri.conf.json",
    "Tauri.toml",
    "src-tauri/tauri.conf.json",
    "src-tauri/Tauri.toml",
];

/// What lies beside it for single platforms.
const PLATFORM_CONFIGS: [&str; 6] = [
    "tauri.linux.conf.json",
    "tauri.macos.conf.json",
    "tauri.windows.conf.json",
    "Tauri.linux.toml",
    "Tauri.macos.toml",
    "Tauri.windows.toml",
];

const MANIFEST: &str = "Cargo.toml";

/// What a workspace says of signatures.
#[derive(Debug, Clone, Default)]
pub struct SigningSettings {
    /// The key that signatures are checked with, where nothing else is said.
    pub public_key: Option<PublicKey>,
    /// Whether a signature in minisign's own form goes along.
    pub minisig: bool,
    /// The products that are no package of the workspace.
    pub products: BTreeMap<ProductName, Declared>,
    /// How programs get the operating system's own signatures.
    pub code: CodeSignSettings,
}

/// The public key's number: the rest is for the run alone.
impl Serialize for SigningSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let id = self.public_key.as_ref().map(PublicKey::id);
        id.map(|id| id.to_string()).serialize(serializer)
    }
}

impl SigningSettings {
    /// Whether the workspace names no public key.
    pub fn is_keyless(&self) -> bool {
        self.public_key.is_none()
    }

    /// The key that a product's signatures are checked with.
    pub fn key_of(&self, product: &ProductName) -> Option<&PublicKey> {
        let own = self.products.get(product);
        let own = own.and_then(|declared| declared.public_key.as_ref());
        own.or(self.public_key.as_ref())
    }

    pub(super) fn of(section: &mut WorkspaceSection, root: &Path) -> Result<Self, ProductsError> {
        let fail = |why| ProductsError::WorkspaceSection {
            manifest: root.join("Cargo.toml"),
            why,
        };
        let public_key = section.public_key.take().map(|text| text.parse());
        let public_key = public_key
            .transpose()
            .map_err(|why| fail(format!("`public-key` is no public key: {why}")))?;
        let mut products = BTreeMap::new();
        for (product, section) in std::mem::take(&mut section.products) {
            let declared = Declared::of(&product, section, root);
            let declared = declared.map_err(|why| fail(format!("`products.{product}`: {why}")))?;
            products.insert(product, declared);
        }
        let (windows, macos) = (section.windows_sign.take(), section.macos_sign.take());
        Ok(Self {
            public_key,
            minisig: section.minisig,
            products,
            code: CodeSignSettings::of(windows, macos, root).map_err(fail)?,
        })
    }
}

/// Reads what the workspace that a folder belongs to says of signatures, also where no package of it declares a
/// product, and without cargo: who publishes need not have one. Nothing, where there is no workspace.
///
/// # Errors
/// When a `Cargo.toml` there cannot be read, or what it says cannot be used.
pub fn signing(dir: &Path) -> Result<SigningSettings, ProductsError> {
    match section_of(dir)? {
        Some((root, mut section)) => SigningSettings::of(&mut section, &root),
        None => Ok(SigningSettings::default()),
    }
}

/// The folder of the workspace that a folder belongs to, and what it says of releases, if it says something.
pub(super) fn section_of(dir: &Path) -> Result<Option<(PathBuf, WorkspaceSection)>, ProductsError> {
    let Some((root, manifest)) = workspace_of(dir)? else {
        return Ok(None);
    };
    let section = manifest.get("workspace").and_then(|workspace| {
        let metadata = workspace.get("metadata")?;
        metadata.get(SECTION).cloned()
    });
    let Some(section) = section else {
        return Ok(None);
    };
    let section = section.try_into::<WorkspaceSection>();
    let section = section.map_err(|error| ProductsError::WorkspaceSection {
        manifest: root.join(MANIFEST),
        why: error.to_string(),
    })?;
    Ok(Some((root, section)))
}

/// The folder of the workspace that a folder belongs to, and its manifest, found as cargo finds it.
fn workspace_of(dir: &Path) -> Result<Option<(PathBuf, toml::Table)>, ProductsError> {
    let mut above = dir.ancestors().filter(|dir| dir.join(MANIFEST).is_file());
    let Some(own) = above.next() else {
        return Ok(None);
    };
    let manifest = read_manifest(own)?;
    if manifest.contains_key("workspace") {
        return Ok(Some((own.to_owned(), manifest)));
    }
    let named = manifest.get("package").and_then(|one| one.get("workspace"));
    if let Some(named) = named.and_then(toml::Value::as_str) {
        let root = own.join(named);
        let manifest = read_manifest(&root)?;
        return Ok(Some((root, manifest)));
    }
    for root in above {
        let manifest = read_manifest(root)?;
        let Some(workspace) = manifest.get("workspace") else {
            continue;
        };
        let lists = |name: &str| {
            let paths = workspace.get(name).and_then(toml::Value::as_array);
            let mut paths = paths.into_iter().flatten().filter_map(toml::Value::as_str);
            paths.any(|path| own.starts_with(root.join(path)))
        };
        if lists("exclude") && !lists("members") {
            return Ok(None);
        }
        return Ok(Some((root.to_owned(), manifest)));
    }
    Ok(None)
}

fn read_manifest(dir: &Path) -> Result<toml::Table, ProductsError> {
    let manifest = dir.join(MANIFEST);
    let text = read_text(&manifest, CONFIG_LIMIT);
    let table = text.and_then(|text| {
        let table = toml::from_str(&text);
        table.map_err(|error: toml::de::Error| std::io::Error::other(error.message().to_owned()))
    });
    table.map_err(|source| ProductsError::Manifest { manifest, source })
}

/// The public key in the configuration of a Tauri application, if it updates itself. A file for one platform, which Tauri
/// merges into it there, may say it too, and no other: the key decides on every machine what all of them publish.
///
/// # Errors
/// What is wrong, in words.
pub fn tauri_public_key(folder: &Path) -> Result<Option<PublicKey>, String> {
    let paths = TAURI_CONFIGS.iter().map(|name| folder.join(name));
    let Some(path) = paths.into_iter().find(|path| path.is_file()) else {
        return Ok(None);
    };
    let of_platform = PLATFORM_CONFIGS
        .iter()
        .map(|name| path.with_file_name(name));
    let of_platform: Vec<PathBuf> = of_platform.filter(|path| path.is_file()).collect();
    let mut known: Option<(PathBuf, PublicKey)> = None;
    for path in std::iter::once(path).chain(of_platform) {
        match (config_key(&path)?, &known) {
            (Some(key), None) => known = Some((path, key)),
            (Some(key), Some((first, other))) if key != *other => {
                return Err(format!(
                    "{} has the `plugins.updater.pubkey` {}, and {} has {}: an application has one key on all platforms",
                    path.display(),
                    key.id(),
                    first.display(),
                    other.id()
                ));
            }
            _ => {}
        }
    }
    Ok(known.map(|(_, key)| key))
}

/// The key that one file of a configuration says.
fn config_key(path: &Path) -> Result<Option<PublicKey>, String> {
    let at = |why: String| format!("{}: {why}", path.display());
    let text = read_text(path, CONFIG_LIMIT).map_err(|error| at(error.to_string()))?;
    let config: serde_json::Value = match path.extension() {
        Some(ending) if ending == "toml" => {
            toml::from_str(&text).map_err(|error| at(error.message().to_owned()))?
        }
        _ => serde_json::from_str(&text).map_err(|error| at(error.to_string()))?,
    };
    let key = &config["plugins"]["updater"]["pubkey"];
    match key.as_str().map(str::trim) {
        None if key.is_null() => Ok(None),
        Some("") => Ok(None),
        None => Err(at("`plugins.updater.pubkey` is no text".to_owned())),
        Some(text) => {
            let key = text.parse();
            let key =
                key.map_err(|why| at(format!("`plugins.updater.pubkey` is no public key: {why}")))?;
            Ok(Some(key))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    fn section(text: &str, root: &Path) -> Result<SigningSettings, String> {
        let mut section: WorkspaceSection = toml::from_str(text).map_err(|e| e.to_string())?;
        SigningSettings::of(&mut section, root).map_err(|error| error.to_string())
    }

    #[test]
    fn a_launchers_key_is_its_own() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("apps/launcher");
        std::fs::create_dir_all(folder.join("src-tauri")).unwrap();
        let other: PublicKey = KEY.parse().unwrap();
        let text = "[products.launcher]\nfolder = 'apps/launcher'\n";
        let launcher: ProductName = "launcher".parse().unwrap();
        let runner: ProductName = "runner".parse().unwrap();
        let found = section(text, root.path()).unwrap();
        assert_eq!(found.key_of(&launcher), None);

        let config = folder.join("src-tauri/tauri.conf.json");
        let json = |key: &str| format!("{{\"plugins\":{{\"updater\":{{\"pubkey\":{key}}}}}}}");
        std::fs::write(&config, json(&format!("{:?}", other.to_tauri()))).unwrap();
        let found = section(text, root.path()).unwrap();
        assert_eq!(found.key_of(&launcher), Some(&other));
        assert_eq!(found.key_of(&runner), None);
        let found = section(
            &format!("public-key = '{KEY}'\nminisig = true\n{text}"),
            root.path(),
        );
        let found = found.unwrap();
        assert_eq!(found.key_of(&runner), Some(&other));
        assert!(found.minisig);

        for (json, says) in [
            (json("7"), "`plugins.updater.pubkey` is no text"),
            (json("\"x\""), "`plugins.updater.pubkey` is no public key"),
            ("{".to_owned(), "tauri.conf.json: EOF"),
        ] {
            std::fs::write(&config, json).unwrap();
            let error = section(text, root.path()).unwrap_err();
            assert!(error.contains(says), "{error}");
            assert!(error.contains("products.launcher"), "{error}");
        }
        for json in ["{}".to_owned(), json("\"\"")] {
            std::fs::write(&config, json).unwrap();
            let found = section(text, root.path()).unwrap();
            assert_eq!(found.key_of(&launcher), None);
        }
        std::fs::remove_file(&config).unwrap();
        let toml = format!("[plugins.updater]\npubkey = '{}'\n", other.to_tauri());
        std::fs::write(folder.join("src-tauri/Tauri.toml"), toml).unwrap();
        let found = section(text, root.path()).unwrap();
        assert_eq!(found.key_of(&launcher), Some(&other));
    }

    #[test]
    fn a_platforms_configuration_has_no_key_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(root.path().join(name), text).unwrap();
        let json = |key: &str| format!("{{\"plugins\":{{\"updater\":{{\"pubkey\":{key:?}}}}}}}");
        let own: PublicKey = KEY.parse().unwrap();
        let other = signatures::generate(None).unwrap().public;
        let found = || tauri_public_key(root.path());
        // Alone they are no configuration.
        write("tauri.linux.conf.json", &json(KEY));
        assert_eq!(found(), Ok(None));
        write("tauri.conf.json", "{}");
        assert_eq!(found().as_ref(), Ok(&Some(own.clone())));
        write("tauri.conf.json", &json(KEY));
        write("tauri.windows.conf.json", &json(&own.to_tauri()));
        write("tauri.macos.conf.json", "{\"bundle\":{}}");
        assert_eq!(found(), Ok(Some(own)));
        for (name, text) in [
            ("tauri.macos.conf.json", json(other.line())),
            (
                "Tauri.windows.toml",
                format!("[plugins.updater]\npubkey = '{}'\n", other.to_tauri()),
            ),
        ] {
            write(name, &text);
            let error = found().unwrap_err();
            assert!(
                error.contains(name) && error.contains("tauri.conf.json has"),
                "{error}"
            );
            let launcher = "[products.launcher]\nfolder = '.'\n";
            let error = section(launcher, root.path()).unwrap_err();
            assert!(
                error.contains("products.launcher") && error.contains(name),
                "{error}"
            );
            std::fs::remove_file(root.path().join(name)).unwrap();
        }
        write("tauri.linux.conf.json", "{");
        assert!(found().unwrap_err().contains("tauri.linux.conf.json: EOF"));
    }

    #[test]
    fn the_workspace_is_found_without_cargo() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let write = |name: &str, text: &str| {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), text).unwrap();
        };
        let key: PublicKey = KEY.parse().unwrap();
        let section = format!(
            "[workspace]\nmembers = ['a', 'left/but']\nexclude = ['left']\n[workspace.metadata.atlas-release]\npublic-key = '{KEY}'\n"
        );
        write("w/Cargo.toml", &section);
        for member in ["w/a", "w/left", "w/left/but"] {
            write(&format!("{member}/Cargo.toml"), "[package]\nname = 'a'\n");
        }
        write("b/Cargo.toml", "[package]\nworkspace = '../w'\n");
        for (dir, has_key) in [
            ("w", true),
            ("w/a", true),
            ("w/a/src", true),
            ("w/left/but", true),
            ("b", true),
            ("w/left", false),
            (".", false),
        ] {
            let found = signing(&at(dir)).unwrap();
            assert_eq!(found.public_key.as_ref() == Some(&key), has_key, "{dir}");
        }
        write("w/Cargo.toml", "[workspace");
        let error = signing(&at("w/a")).unwrap_err();
        assert!(matches!(error, ProductsError::Manifest { .. }), "{error}");
        write(
            "w/Cargo.toml",
            "[workspace.metadata.atlas-release]\ncolour = 'red'\n",
        );
        let error = signing(&at("w")).unwrap_err().to_string();
        assert!(error.contains("unknown field `colour`"), "{error}");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let root = Path::new("/w");
        let error = section("public-key = 'x'", root).unwrap_err();
        assert!(error.contains("`public-key` is no public key"), "{error}");
        let error = section("[products.launcher]\nfolder = 'none'", root).unwrap_err();
        assert!(error.contains("there is no folder /w/none"), "{error}");
        let error = section("[products.launcher]\ncolour = 'red'", root).unwrap_err();
        assert!(error.contains("unknown field `colour`"), "{error}");
    }
}
