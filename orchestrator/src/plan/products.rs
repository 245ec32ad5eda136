//! What a product is released as: its program's file, and its installers.

use super::PlanError;
use crate::documents::Form;
use crate::products::{DocumentSettings, Format, InstallerSettings, Product};
use packages::check_version;
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
    /// The documents that go with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<PlannedDocument>,
    /// What the installers are and hold, when there are some.
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

/// One document that goes with a product's program.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedDocument {
    /// Its form.
    pub form: Form,
    /// The name it is published under: the program's, and what the form ends with.
    pub filename: FileName,
    /// The key it is stored under.
    pub key: ObjectKey,
}

impl PlannedProduct {
    /// The names and keys of all its files: its program's, its installers' and its documents'.
    pub fn files(&self) -> impl Iterator<Item = (&FileName, &ObjectKey)> {
        let installers = self.installers.iter();
        let installers = installers.map(|installer| (&installer.filename, &installer.key));
        let documents = self.documents.iter();
        let documents = documents.map(|document| (&document.filename, &document.key));
        std::iter::once((&self.filename, &self.key))
            .chain(installers)
            .chain(documents)
    }
}

pub(super) fn planned_product(
    product: Product,
    tag: &Tag,
    platform: Platform,
    (with_installers, settings): (bool, Option<&DocumentSettings>),
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
    let installer = product.installer.as_ref().filter(|_| with_installers);
    let formats = installer.map(|installer| installer.formats_for(platform.os));
    for format in formats.into_iter().flatten() {
        if matches!(format, Format::Deb | Format::Rpm) {
            check_version(&tag.version).map_err(|source| PlanError::Package {
                product: product.product.clone(),
                source,
            })?;
        }
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
    let mut documents = Vec::new();
    let wanted = |form: &Form| settings.is_some_and(|settings| settings.has(*form));
    for form in Form::MADE.into_iter().filter(wanted) {
        let (filename, key) = named(format!("{filename}{}", form.ending()))?;
        documents.push(PlannedDocument {
            form,
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
        documents,
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
            let planned = planned_product(product(true), &tag, platform, (with, None)).unwrap();
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
        // What only these packages cannot hold keeps nothing else from being released.
        let hyphen: Tag = "cli-v1.4.0-rc-1".parse().unwrap();
        for (os, with, is_refused) in [
            (Os::Linux, true, true),
            (Os::Linux, false, false),
            (Os::Macos, true, false),
            (Os::Windows, true, false),
        ] {
            let platform = Platform::new(os, Arch::X64);
            let planned = planned_product(product(true), &hyphen, platform, (with, None));
            let error = planned.err().map(|error| error.to_string());
            let expected = "product `cli` can have no package for Linux in this version";
            assert_eq!(error.as_deref(), is_refused.then_some(expected), "{os}");
        }
        let platform = Platform::new(Os::Linux, Arch::X64);
        let without = planned_product(product(false), &tag, platform, (true, None)).unwrap();
        assert!(without.installers.is_empty());
        for platform in Platform::ALL {
            let settings = DocumentSettings::default();
            let with =
                planned_product(product(true), &tag, platform, (true, Some(&settings))).unwrap();
            let names: Vec<&FileName> = with.documents.iter().map(|one| &one.filename).collect();
            let program = &with.filename;
            let expected = Form::MADE.map(|form| format!("{program}{}", form.ending()));
            assert_eq!(names.len(), expected.len());
            for (name, expected) in names.iter().zip(&expected) {
                assert_eq!(name.as_str(), expected);
            }
            let all = with.files().count();
            assert_eq!(all, 1 + with.installers.len() + names.len());
        }
    }
}
