//! What signing adds to a release: files, and whether there is a key to make them with.

use super::{PlanError, PlannedProduct};
use crate::sign::{KEY_VAR, is_signed};
use release_types::{FileName, Kind, ObjectKey, Platform, ProductName, Tag, artifact_key};
use serde::Serialize;
use signatures::{ENDING, STOCK_ENDING};
use std::fmt;

/// What signing adds.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedSigning {
    /// Whether the environment holds or names a secret key; it is not looked at.
    pub has_key: bool,
    /// The signatures that there are with a key; none where only their maker knows what files are called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PlannedSignature>,
}

/// One signature.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedSignature {
    /// The product.
    pub product: ProductName,
    /// The name of the file that it is of.
    pub of: FileName,
    /// The name it is published under.
    pub filename: FileName,
    /// The key it is stored under.
    pub key: ObjectKey,
}

impl PlannedSigning {
    /// The signatures that are made, with the key that is here, of a product.
    pub fn made<'a>(
        &'a self,
        product: &'a ProductName,
    ) -> impl Iterator<Item = &'a PlannedSignature> {
        let files = self.files.iter();
        files.filter(move |one| self.has_key && one.product == *product)
    }
}

/// What signing adds to products.
pub(super) fn planned_signing(
    products: &[PlannedProduct],
    (tag, platform): (&Tag, Platform),
    (has_key, minisig): (bool, bool),
) -> Result<PlannedSigning, PlanError> {
    let endings = match minisig {
        true => &[ENDING, STOCK_ENDING][..],
        false => &[ENDING],
    };
    let mut files = Vec::new();
    for p in products {
        let installers = p.installers.iter();
        let installers = installers.map(|one| (Kind::Installer, &one.filename));
        let documents = p.documents.iter();
        let documents = documents.map(|one| (Kind::Other, &one.filename));
        let all = std::iter::once((Kind::Binary, &p.filename)).chain(installers);
        let all = all.chain(documents);
        for (_, of) in all.filter(|(kind, name)| is_signed(*kind, name.as_str())) {
            for ending in endings {
                let filename = format!("{of}{ending}").parse();
                let filename = filename.map_err(|source| PlanError::FileName {
                    product: p.product.clone(),
                    source,
                })?;
                let key = artifact_key(&p.product, &tag.version, platform, &filename);
                files.push(PlannedSignature {
                    product: p.product.clone(),
                    of: of.clone(),
                    key: key.map_err(|source| PlanError::Key {
                        product: p.product.clone(),
                        source,
                    })?,
                    filename,
                });
            }
        }
    }
    Ok(PlannedSigning { has_key, files })
}

impl fmt::Display for PlannedSigning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.has_key, self.files.is_empty()) {
            (true, _) => write!(f, "with the key that {KEY_VAR} holds or names")?,
            (false, true) => write!(f, "no key: {KEY_VAR} is not set")?,
            (false, false) => {
                write!(f, "no key: {KEY_VAR} is not set; with one there would be")?;
            }
        }
        for one in &self.files {
            write!(f, "\n           file {}", one.filename)?;
            write!(f, "\n           key  {}", one.key)?;
        }
        Ok(())
    }
}
