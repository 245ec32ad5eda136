//! The groups that settings may name: those of packages, and those of products that are none.

use super::{Product, SigningSettings};
use release_types::ProductName;
use std::collections::BTreeMap;

/// All groups, each with its products.
#[derive(Debug, Default)]
pub(super) struct Groups<'a>(BTreeMap<&'a str, Vec<&'a ProductName>>);

impl<'a> Groups<'a> {
    /// Those of packages and of declared products.
    pub fn of(
        packages: impl IntoIterator<Item = &'a Product>,
        settings: &'a SigningSettings,
    ) -> Self {
        let packages = packages.into_iter().map(|one| (&*one.group, &one.product));
        let declared = settings.products.iter();
        let declared = declared.map(|(product, one)| (&*one.group, product));
        packages.chain(declared).collect()
    }

    /// Makes sure that there is a group of this name.
    ///
    /// # Errors
    /// That there is none, which there are, and whether it is a product's name instead, in words.
    pub fn known(&self, name: &str) -> Result<(), String> {
        if self.0.contains_key(name) {
            return Ok(());
        }
        let known: Vec<&str> = self.0.keys().copied().collect();
        let known = known.join(", ");
        let mut why = format!("there is no group `{name}`; there are: {known}");
        let is_it = |product: &&ProductName| product.as_str() == name;
        let of = self.0.iter().find(|(_, all)| all.iter().any(is_it));
        if let Some((group, _)) = of {
            why += &format!(" (the product `{name}` is of the group `{group}`)");
        }
        Err(why)
    }
}

impl<'a> FromIterator<(&'a str, &'a ProductName)> for Groups<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a ProductName)>>(all: I) -> Self {
        let mut groups = Self::default();
        for (group, product) in all {
            groups.0.entry(group).or_default().push(product);
        }
        groups
    }
}
