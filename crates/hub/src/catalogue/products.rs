//! Products: what releases are of.

use super::database::{Tx, query, query_scalar};
use super::{Catalogue, audit, parse, stamp};
use crate::HubError;
use jiff::Timestamp;
use release_types::ProductName;

const ADD: &str = "INSERT INTO products (name, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// What addresses of the Hub's own begin with. A product of such a name would have no page, and links that
/// lead elsewhere. `metrics` is on a listener of its own, which a proxy may show beside.
pub(crate) const RESERVED: [&str; 7] = [
    "api",
    "artifacts",
    "download",
    "healthz",
    "metrics",
    "packs",
    "readyz",
];

impl Catalogue {
    /// Adds the products that every Hub has, where they are missing.
    pub(super) async fn add_built_in_products(&self, now: Timestamp) -> Result<(), HubError> {
        let mut tx = self.write().await?;
        for name in ProductName::BUILT_IN {
            add(&mut tx, name, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Adds a product. Whether it is new.
    ///
    /// # Errors
    /// [`HubError::Config`] where the Hub's own addresses begin so; a product of the name that is there
    /// already stays.
    pub(crate) async fn add_product(
        &self,
        name: &ProductName,
        now: Timestamp,
    ) -> Result<bool, HubError> {
        if RESERVED.contains(&name.as_str()) && !self.has_product(name).await? {
            return Err(HubError::Config(format!(
                "no product can be called {name}: addresses of the Hub's own begin so"
            )));
        }
        let mut tx = self.write().await?;
        let added = add(&mut tx, name.as_str(), now).await?;
        if added {
            audit::note(&mut tx, "product.add", name.as_str(), now).await?;
        }
        tx.commit().await?;
        Ok(added)
    }

    /// Whether the product exists.
    pub(crate) async fn has_product(&self, name: &ProductName) -> Result<bool, HubError> {
        query("SELECT 1 FROM products WHERE name = $1")
            .bind(name.as_str())
            .exists(&self.readers)
            .await
    }

    /// All products, by name.
    pub(crate) async fn products(&self) -> Result<Vec<ProductName>, HubError> {
        let names: Vec<String> = query_scalar("SELECT name FROM products ORDER BY name")
            .fetch_all(&self.readers)
            .await?;
        names.iter().map(|name| parse("product", name)).collect()
    }
}

async fn add(tx: &mut Tx, name: &str, now: Timestamp) -> Result<bool, HubError> {
    let done = query(ADD).bind(name).bind(stamp(now)).execute(tx).await?;
    Ok(done == 1)
}
