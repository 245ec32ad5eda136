//! What a workspace says of the documents that go with its programs.
//!
//! ```toml
//! [workspace.metadata.atlas-release]
//! provenance = false
//! sbom = false
//! builder = "https://github.com/example/demo/.github/workflows/release.yml@"
//! ```

use super::signing::section_of;
use super::{ProductsError, WorkspaceSection};
use crate::context::World;
use crate::documents::Form;
use release_types::ProductName;
use std::collections::BTreeSet;
use std::path::Path;

/// Which documents are made, and who may have made them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentSettings {
    /// Whether programs get a statement of where they come from.
    pub provenance: bool,
    /// Whether programs get a list of what is in them.
    pub sbom: bool,
    /// How the name of a builder begins whose statements are believed.
    pub builder: Option<String>,
}

impl Default for DocumentSettings {
    fn default() -> Self {
        Self {
            provenance: true,
            sbom: true,
            builder: None,
        }
    }
}

impl DocumentSettings {
    /// Whether programs get this document.
    pub fn has(&self, form: Form) -> bool {
        match form {
            Form::Provenance => self.provenance,
            Form::Sbom => self.sbom,
        }
    }

    pub(super) fn of(section: &WorkspaceSection) -> Result<Self, String> {
        let builder = section.builder.clone();
        if let Some(builder) = &builder
            && !is_beginning(builder)
        {
            return Err(format!(
                "`builder` is {builder:?}, and the name of a builder is an address: https://github.com/OWNER/REPOSITORY/"
            ));
        }
        Ok(Self {
            provenance: section.provenance.unwrap_or(true),
            sbom: section.sbom.unwrap_or(true),
            builder,
        })
    }
}

/// Whether a text may be the beginning of a builder's name: an address with a scheme, and something behind
/// it that says whose.
pub fn is_beginning(text: &str) -> bool {
    let rest = text.split_once(':').map(|(_, rest)| rest);
    let host = rest.map(|rest| rest.trim_start_matches('/'));
    host.is_some_and(|host| !host.is_empty())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Reads what the workspace that a folder belongs to says of documents, without cargo: who verifies need not
/// have one. The defaults, where there is no workspace.
///
/// # Errors
/// When a `Cargo.toml` there cannot be read, or what it says cannot be used.
pub fn documents(dir: &Path) -> Result<DocumentSettings, ProductsError> {
    let Some((root, section)) = section_of(dir)? else {
        return Ok(DocumentSettings::default());
    };
    DocumentSettings::of(&section).map_err(|why| ProductsError::WorkspaceSection {
        manifest: root.join("Cargo.toml"),
        why,
    })
}

/// The products that are cargo packages of the workspace that `world.cwd` belongs to, as cargo says. None where
/// there is no workspace, or one that declares no product.
///
/// # Errors
/// When cargo cannot be asked, or a declaration cannot be used: which products there are is not known then.
pub async fn packages(world: &World) -> Result<BTreeSet<ProductName>, ProductsError> {
    let mut above = world.cwd.ancestors();
    if !above.any(|dir| dir.join("Cargo.toml").is_file()) {
        return Ok(BTreeSet::new());
    }
    match super::read(world).await {
        Ok(workspace) => Ok(workspace
            .products
            .into_iter()
            .map(|one| one.product)
            .collect()),
        Err(ProductsError::Nothing { .. }) => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_made_unless_a_workspace_says_otherwise() {
        let of = |text: &str| {
            let section: WorkspaceSection = toml::from_str(text).unwrap();
            DocumentSettings::of(&section)
        };
        assert_eq!(of(""), Ok(DocumentSettings::default()));
        let off = of("provenance = false\nsbom = false").unwrap();
        assert!(Form::ALL.iter().all(|form| !off.has(*form)));
        let one = of("sbom = false\nbuilder = \"https://github.com/o/r/\"").unwrap();
        assert!(one.has(Form::Provenance) && !one.has(Form::Sbom));
        assert_eq!(one.builder.as_deref(), Some("https://github.com/o/r/"));
        for none in ["github.com/o/r", "", "https://", "https://a b"] {
            assert!(of(&format!("builder = {none:?}")).is_err(), "{none}");
        }
        assert!(toml::from_str::<WorkspaceSection>("provenance = \"no\"").is_err());
    }

    #[test]
    fn they_are_read_without_cargo() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(documents(dir.path()).unwrap(), DocumentSettings::default());
        let text = "[workspace]\n[workspace.metadata.atlas-release]\nsbom = false\n";
        std::fs::write(dir.path().join("Cargo.toml"), text).unwrap();
        assert!(!documents(dir.path()).unwrap().sbom);
        let wrong = text.replace("sbom = false", "builder = \"me\"");
        std::fs::write(dir.path().join("Cargo.toml"), wrong).unwrap();
        let error = documents(dir.path()).unwrap_err().to_string();
        assert!(error.contains("`builder` is \"me\""), "{error}");
    }
}
