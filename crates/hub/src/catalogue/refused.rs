//! Names that an earlier version took and this one refuses. What they name is still stored; who asks for
//! it meets an error, since names are read back as they are taken.

use super::database::query_scalar;
use super::{Catalogue, products};
use crate::HubError;
use release_types::{FileName, ObjectKey, PackId, ProductName};
use std::fmt::Display;
use std::str::FromStr;

impl Catalogue {
    /// All names that this version refuses, each with the reason.
    pub(crate) async fn refused_names(&self) -> Result<Vec<String>, HubError> {
        let all = async |sql: &'static str| -> Result<Vec<String>, HubError> {
            query_scalar(sql).fetch_all(&self.readers).await
        };
        let products = all("SELECT name FROM products ORDER BY name").await?;
        let reserved = products.iter().filter(|name| {
            let name = name.as_str();
            products::RESERVED.contains(&name)
        });
        let reserved: Vec<String> = reserved
            .map(|name| format!("product `{name}`: addresses of the Hub's own begin so"))
            .collect();
        let packs = all("SELECT id FROM packs ORDER BY id").await?;
        let files = all("SELECT DISTINCT filename FROM assets ORDER BY filename").await?;
        let keys = all("SELECT object_key FROM objects ORDER BY object_key").await?;
        Ok([
            refused::<ProductName>("product", &products),
            reserved,
            refused::<PackId>("pack", &packs),
            refused::<FileName>("file", &files),
            refused::<ObjectKey>("key", &keys),
        ]
        .concat())
    }
}

fn refused<T: FromStr<Err: Display>>(what: &str, names: &[String]) -> Vec<String> {
    let why = |name: &String| Some(format!("{what}: {}", name.parse::<T>().err()?));
    names.iter().filter_map(why).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::database::query;
    use jiff::Timestamp;

    #[tokio::test]
    async fn names_of_other_times_are_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let catalogue = Catalogue::open(file.path(), Timestamp::now())
            .await
            .unwrap();
        assert_eq!(catalogue.refused_names().await.unwrap(), [""; 0]);
        let mut tx = catalogue.write().await.unwrap();
        for statement in [
            "INSERT INTO products VALUES ('packs', 't'), ('Old Name', 't')",
            "INSERT INTO objects (object_key, sha256, size, content_type, uploaded_at) \
             VALUES ('artifacts/cli/CON', 's', 1, 'a/b', 't')",
        ] {
            query(statement).execute(&mut tx).await.unwrap();
        }
        tx.commit().await.unwrap();
        let told = catalogue.refused_names().await.unwrap();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("product: ") && told[0].contains("Old Name"));
        assert!(told[1].starts_with("product `packs`"));
        assert!(told[2].starts_with("key: ") && told[2].contains("artifacts/cli/CON"));
        catalogue.close().await;
    }
}
