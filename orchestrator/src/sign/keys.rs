//! Which public key a product's signatures are checked with.

use super::SignError;
use super::payload::is_signed;
use crate::artifacts::read_text;
use crate::context::World;
use crate::error::with_causes;
use crate::events::Reporter;
use crate::products::{self, ProductsError, SigningSettings};
use release_types::{Kind, ProductName};
use signatures::{MAX_TEXT, PublicKey};
use std::path::{Path, PathBuf};

/// The product that Tauri's updater updates, on every Hub.
const LAUNCHER: &str = "launcher";

/// The public keys that are known, by who says so: a flag, else the workspace, else the record of the
/// build. What travels with the files comes last, since whoever can change the files can change it too.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    named: Option<PublicKey>,
    workspace: SigningSettings,
    recorded: Option<PublicKey>,
    /// Of the key that this run signs with.
    own: Option<PublicKey>,
}

impl Keys {
    /// Those that a flag, or the workspace of the working folder, name. Neither cargo nor a workspace has to be
    /// there; where there is one whose key cannot be known, a flag has to name it.
    ///
    /// # Errors
    /// When what is named is no key, or the workspace's settings cannot be used.
    pub async fn here(
        world: &World,
        named: Option<&str>,
        reporter: &dyn Reporter,
    ) -> Result<Self, SignError> {
        let dir = world.cwd.clone();
        let read = world.apart(move || products::signing(&dir));
        let settings = match read.await.ok_or(SignError::Interrupted)? {
            Ok(settings) => settings,
            Err(error @ ProductsError::Manifest { .. }) if named.is_some() => {
                let why = with_causes(&error);
                reporter.warn(format!("the workspace's settings are not known: {why}"));
                SigningSettings::default()
            }
            Err(error) => return Err(error.into()),
        };
        Self::of_workspace(settings).named(world, named)
    }

    /// Those of a workspace.
    pub fn of_workspace(workspace: SigningSettings) -> Self {
        Self {
            workspace,
            ..Self::default()
        }
    }

    /// With the one that a flag names, or the name of a file with it.
    ///
    /// # Errors
    /// When it is neither.
    pub fn named(mut self, world: &World, named: Option<&str>) -> Result<Self, SignError> {
        let Some(text) = named else { return Ok(self) };
        let key = match text.parse() {
            Ok(key) => key,
            Err(why) => {
                let path = world.absolute(Path::new(text));
                let read = || SignError::PublicKey(format!("{why}"));
                if !path.is_file() {
                    return Err(read());
                }
                let text = read_text(&path, MAX_TEXT).map_err(|source| SignError::Io {
                    path: path.clone(),
                    source,
                })?;
                let of_file = |why| SignError::PublicKey(format!("{}: {why}", path.display()));
                text.parse().map_err(of_file)?
            }
        };
        self.named = Some(key);
        Ok(self)
    }

    /// With the one that was recorded with the build.
    ///
    /// # Errors
    /// When it is none.
    pub fn recorded(mut self, text: Option<&str>) -> Result<Self, SignError> {
        let key = text.map(str::parse).transpose();
        self.recorded = key.map_err(|why| SignError::PublicKey(format!("release.json: {why}")))?;
        Ok(self)
    }

    /// With that of the key that this run signs with, where nobody says another.
    #[must_use]
    pub fn own(mut self, key: Option<&PublicKey>) -> Self {
        self.own = key.cloned();
        self
    }

    /// The key that a product's signatures have to be made with, where somebody says so.
    pub fn configured(&self, product: &ProductName) -> Option<&PublicKey> {
        let named = self.named.as_ref();
        let workspace = || self.workspace.key_of(product);
        named.or_else(workspace).or(self.recorded.as_ref())
    }

    /// The key that a product's signatures are checked with.
    pub fn of(&self, product: &ProductName) -> Option<&PublicKey> {
        self.configured(product).or(self.own.as_ref())
    }

    /// Makes sure that there is a key of a product that the workspace declares with its folder: an application
    /// that updates itself is never published unchecked because its configuration could not be read.
    ///
    /// # Errors
    /// When there is none.
    pub fn is_known(&self, product: &ProductName) -> Result<(), SignError> {
        match self.folder(product) {
            Some(folder) if self.of(product).is_none() => Err(SignError::NoPublicKey {
                product: product.clone(),
                folder,
            }),
            _ => Ok(()),
        }
    }

    /// Whether a product's programs may not be published without a signature.
    pub fn are_needed(&self, product: &ProductName) -> bool {
        self.configured(product).is_some() || self.is_tauris(product)
    }

    /// Whether a file may not be published without the signature that updaters read.
    pub fn need(&self, product: &ProductName, kind: Kind, filename: &str) -> bool {
        // What a person installs from need not be signed, unless an updater installs from it, too. Where nobody
        // says which key that has, there may be no such updater.
        let is_updated = match self.of(product) {
            Some(_) => self.are_updated_from(product, kind, filename),
            None => kind == Kind::Binary,
        };
        is_updated && self.are_needed(product)
    }

    /// Whether updaters of a product install from a file, where it is signed.
    pub fn are_updated_from(&self, product: &ProductName, kind: Kind, filename: &str) -> bool {
        match kind {
            Kind::Binary => true,
            Kind::Installer => self.is_tauris(product) && is_signed(kind, filename),
            Kind::Signature | Kind::UpdaterManifest | Kind::Other => false,
        }
    }

    /// Whether Tauri's own tools may have signed a product. Their signatures say no more of a file than its
    /// name and, of late, its version.
    pub fn is_tauris(&self, product: &ProductName) -> bool {
        product.as_str() == LAUNCHER || self.workspace.products.contains_key(product)
    }

    /// The folder of a product that is no package of the workspace.
    pub fn folder(&self, product: &ProductName) -> Option<PathBuf> {
        let declared = self.workspace.products.get(product);
        declared.map(|declared| declared.folder.clone())
    }

    /// Whether a signature in minisign's own form goes along.
    pub fn minisig(&self) -> bool {
        self.workspace.minisig
    }

    /// Makes sure that a secret key's signatures will be accepted.
    ///
    /// # Errors
    /// When a public key is configured for one of the products, and it is another one.
    pub fn accept<'a>(
        &self,
        products: impl IntoIterator<Item = &'a ProductName>,
        key: &PublicKey,
    ) -> Result<(), SignError> {
        for product in products {
            match self.configured(product) {
                Some(configured) if configured != key => {
                    return Err(SignError::OtherKey {
                        product: product.clone(),
                        configured: configured.id(),
                        given: key.id(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use process::Runner;
    use secrecy::SecretString;

    fn key() -> PublicKey {
        signatures::generate(None::<&SecretString>).unwrap().public
    }

    #[test]
    fn who_says_which_key_counts() {
        let world = World::capture(Runner::default()).unwrap();
        let product: ProductName = "runner".parse().unwrap();
        let [flag, workspace, recorded, own] = [key(), key(), key(), key()];
        let none = Keys::default().own(Some(&own));
        assert_eq!(
            (none.configured(&product), none.of(&product)),
            (None, Some(&own))
        );
        assert!(!none.are_needed(&product));
        assert!(none.are_needed(&"launcher".parse().unwrap()));
        let keys = none.recorded(Some(&recorded.to_tauri())).unwrap();
        assert_eq!(keys.of(&product), Some(&recorded));
        assert!(keys.are_needed(&product));
        let mut keys = keys;
        keys.workspace.public_key = Some(workspace.clone());
        assert_eq!(keys.of(&product), Some(&workspace));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.pub");
        std::fs::write(&file, flag.to_minisign()).unwrap();
        for named in [flag.line(), file.to_str().unwrap()] {
            let keys = keys.clone().named(&world, Some(named)).unwrap();
            assert_eq!(keys.of(&product), Some(&flag));
            keys.accept([&product], &flag).unwrap();
            let error = keys.accept([&product], &own).unwrap_err().to_string();
            assert!(error.contains(&own.id().to_string()), "{error}");
        }
        std::fs::write(&file, "x").unwrap();
        for named in ["x", file.to_str().unwrap()] {
            assert!(keys.clone().named(&world, Some(named)).is_err());
        }
        assert!(keys.recorded(Some("x")).is_err());
    }
}
