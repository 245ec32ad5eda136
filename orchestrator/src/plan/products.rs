//! What a product is released as: its program's file, and its installers.

use super::PlanError;
use crate::products::{Format, InstallerSettings, Product};
use release_types::{FileName, ObjectKey, Platform, ProductName, Tag, artifact_key};
use serde::Serialize;

/// One product of the release.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedProduct {
    /// Its name on the Hub.
    pub product: ProductName,
    /// The cargo package.
    pub package: String,
    /// The binary target.
    pub bin: String,
    /// The name it is published under: `<bin>-<os>-<arch>[.exe]`.
    pub filename: FileName,
    /// The key it is stored under.
    pub key: ObjectKey,
    /// Its manifest's name.
    pub manifest: String,
    /// The installers that are made of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub installers: Vec<PlannedInstaller>,
    /// What they are and hold, when there are some.
    #[serde(skip)]
    pub installer: Option<InstallerSettings>,
}

/// One installer of a product.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedInstaller {
    /// Its form.
    pub format: Format,
    /// The name it is published under: `<bin>-installer-<os>-<arch>.<form>`.
    pub filename: FileName,
    /// The key it is stored under.
    pub key: ObjectKey,
}

impl PlannedProduct {
    /// The names and keys of all its files: its program's and its installers'.
    pub fn files(&self) -> impl Iterator<Item = (&FileName, &ObjectKey)> {
        let installers = self.installers.iter();
        let installers = installers.map(|installer| (&installer.filename, &installer.key));
        std::iter::once((&self.filename, &self.key)).chain(installers)
    }
}

pub(super) fn planned_product(
    product: Product,
    tag: &Tag,
    platform: Platform,
    with_installers: bool,
) -> Result<PlannedProduct, PlanError> {
    let named = |name: String| -> Result<(FileName, ObjectKey), PlanError> {
        let filename: FileName = name.parse().map_err(|source| PlanError::FileName {
            product: product.product.clone(),
            source,
        })?;
        let key = artifact_key(&product.product, &tag.version, platform, &filename);
        let key = key.map_err(|source| PlanError::Key {
            product: product.product.clone(),
            source,
        })?;
        Ok((filename, key))
    };
    let (filename, key) = named(format!(
        "{}-{platform}{}",
        product.bin,
        platform.exe_suffix()
    ))?;
    let mut installers = Vec::new();
    let settings = product.installer.as_ref().filter(|_| with_installers);
    let formats = settings.map(|settings| settings.formats_for(platform.os));
    for format in formats.into_iter().flatten() {
        // No version, as in the program's name: an address of the newest stays one.
        let (filename, key) = named(format!(
            "{}-installer-{platform}.{}",
            product.bin,
            format.ending()
        ))?;
        installers.push(PlannedInstaller {
            format,
            filename,
            key,
        });
    }
    Ok(PlannedProduct {
        manifest: format!("{}.manifest", product.product),
        product: product.product,
        package: product.package,
        bin: product.bin,
        filename,
        key,
        installers,
        installer: product.installer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::{Arch, Os};

    #[test]
    fn names_of_files_on_all_systems() {
        let product = |with: bool| Product {
            product: "cli".parse().unwrap(),
            group: "cli".to_owned(),
            bin: "atlas".to_owned(),
            package: "atlas".to_owned(),
            all_bins: vec!["atlas".to_owned()],
            tools: Default::default(),
            installer: with.then(InstallerSettings::example),
        };
        let tag: Tag = "cli-v1.4.0-rc.1".parse().unwrap();
        let names = |os, with| {
            let platform = Platform::new(os, Arch::Arm64);
            let planned = planned_product(product(true), &tag, platform, with).unwrap();
            let names = planned.files().map(|(name, _)| name.to_string());
            names.collect::<Vec<_>>()
        };
        assert_eq!(
            names(Os::Linux, true),
            [
                "atlas-linux-arm64",
                "atlas-installer-linux-arm64.deb",
                "atlas-installer-linux-arm64.rpm"
            ]
        );
        assert_eq!(
            names(Os::Macos, true),
            ["atlas-macos-arm64", "atlas-installer-macos-arm64.pkg"]
        );
        assert_eq!(
            names(Os::Windows, true),
            [
                "atlas-windows-arm64.exe",
                "atlas-installer-windows-arm64.zip"
            ]
        );
        assert_eq!(names(Os::Linux, false), ["atlas-linux-arm64"]);
        let platform = Platform::new(Os::Linux, Arch::X64);
        let without = planned_product(product(false), &tag, platform, true).unwrap();
        assert!(without.installers.is_empty());
    }
}
