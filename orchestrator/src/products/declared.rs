//! Products that are no package of the workspace, but come about by a command of their own: a launcher,
//! whose bundles Tauri makes.
//!
//! ```toml
//! [workspace.metadata.atlas-release.products.launcher]
//! folder = "apps/launcher"
//! group = "launcher"                                # tags `launcher-v*`; the product's name where none is said
//! bundle = ["npm", "run", "tauri", "build", "--"]   # Tauri's tool, wherever it is found, where none is said
//! tauri-signs = false                               # whether the command gets the secret key
//! ```

use super::{ProductsError, Workspace, signing::tauri_public_key};
use release_types::ProductName;
use serde::Deserialize;
use signatures::PublicKey;
use std::path::{Path, PathBuf};

/// What stands in a bundle command for the flags that are added.
pub const CONFIG_PLACE: &str = "{config}";

/// A product that is no package of the workspace.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Its folder.
    pub folder: PathBuf,
    /// The key that its signatures are checked with, where it has one of its own.
    pub public_key: Option<PublicKey>,
    /// The group whose tags release it.
    pub group: String,
    /// The command that makes its bundles, where it is not simply Tauri's tool. Not empty.
    pub bundle: Option<Vec<String>>,
    /// Whether that command signs, and so gets the secret key.
    pub tauri_signs: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ProductSection {
    folder: PathBuf,
    group: Option<ProductName>,
    bundle: Option<Vec<String>>,
    #[serde(default)]
    tauri_signs: bool,
}

impl Declared {
    /// What a section says, in the workspace's folder.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn of(
        product: &ProductName,
        section: ProductSection,
        root: &Path,
    ) -> Result<Self, String> {
        let folder: PathBuf = root.join(section.folder).components().collect();
        if !folder.is_dir() {
            return Err(format!("there is no folder {}", folder.display()));
        }
        if let Some(words) = &section.bundle {
            if words.first().is_none_or(|program| program.is_empty()) {
                return Err("`bundle` names no program".to_owned());
            }
            let places = words.iter().filter(|word| *word == CONFIG_PLACE).count();
            if words[0] == CONFIG_PLACE || places > 1 {
                return Err(format!(
                    "`bundle` has place for one `{CONFIG_PLACE}`, behind the program"
                ));
            }
        }
        Ok(Self {
            public_key: tauri_public_key(&folder)?,
            folder,
            group: section.group.as_ref().unwrap_or(product).to_string(),
            bundle: section.bundle,
            tauri_signs: section.tauri_signs,
        })
    }
}

impl Workspace {
    /// The names of all groups, sorted.
    pub fn groups(&self) -> Vec<&str> {
        let declared = self.signing.products.values();
        let packages = self.products.iter();
        let mut groups: Vec<&str> = packages.map(|product| product.group.as_str()).collect();
        groups.extend(declared.map(|declared| declared.group.as_str()));
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// Whether there is a group of this name.
    pub fn has_group(&self, group: &str) -> bool {
        self.groups().contains(&group)
    }

    /// The products of a group that are no packages of the workspace, by name.
    pub fn declared(&self, group: &str) -> Vec<(&ProductName, &Declared)> {
        let declared = self.signing.products.iter();
        declared.filter(|(_, one)| one.group == group).collect()
    }

    /// What a group's products are called, however they come about.
    pub fn names_of(&self, group: &str) -> Vec<ProductName> {
        let programs = self.products.iter().filter(|p| p.group == group);
        let programs = programs.map(|p| p.product.clone());
        let declared = self.declared(group).into_iter();
        programs
            .chain(declared.map(|(product, _)| product.clone()))
            .collect()
    }

    /// Makes sure that each product and each group is made in one way.
    ///
    /// # Errors
    /// When one is not.
    pub(super) fn check_declared(&self) -> Result<(), ProductsError> {
        for (product, declared) in &self.signing.products {
            let same = self.products.iter().find(|p| p.product == *product);
            let beside = self.products.iter().find(|p| p.group == declared.group);
            let why = match (same, beside) {
                (Some(same), _) => format!("the package `{}` is that product", same.package),
                (None, Some(beside)) => format!(
                    "the group `{}` is that of the package `{}`, and cargo makes all of a group in one pass: `group` names another",
                    declared.group, beside.package
                ),
                (None, None) => continue,
            };
            return Err(ProductsError::WorkspaceSection {
                manifest: self.root.join("Cargo.toml"),
                why: format!("`products.{product}`: {why}"),
            });
        }
        Ok(())
    }
}
