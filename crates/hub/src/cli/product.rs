//! `atlas-hub product`: the products that can be released.

use super::{CliError, DataDirArg, print};
use build_version::BuildInfo;
use clap::Subcommand;
use hub::Hub;
use release_types::ProductName;

#[derive(Debug, Subcommand)]
pub(super) enum Product {
    /// Adds a product, unless it exists.
    #[command(after_help = "\
Example:
  atlas-hub product add hub --data-dir /var/lib/atlas-hub")]
    Add {
        /// 1 to 64 of a-z, 0-9 and `-`.
        name: ProductName,
        #[command(flatten)]
        dir: DataDirArg,
    },
    /// Prints the products, one a line.
    #[command(after_help = "\
Example:
  atlas-hub product list --data-dir /var/lib/atlas-hub")]
    List(DataDirArg),
}

pub(super) async fn execute(command: Product, build: BuildInfo) -> Result<(), CliError> {
    match command {
        Product::Add { name, dir } => {
            let hub = Hub::open_initialized(dir.config(build)).await?;
            let added = hub.add_product(&name).await?;
            hub.close().await;
            let done = if added { "added" } else { "is there already" };
            eprintln!("product {name}: {done}");
            Ok(())
        }
        Product::List(dir) => {
            let hub = Hub::open_initialized(dir.config(build)).await?;
            let products = hub.products().await?;
            hub.close().await;
            products.iter().try_for_each(|name| print(name.as_str()))
        }
    }
}
