//! `atlas-hub product`: the products that can be released.

use super::output::{print_all, say};
use super::{CliError, DataDirArg};
use build_version::BuildInfo;
use clap::Subcommand;
use hub::Roster;
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
            let roster = Roster::open(dir.config(build)?).await?;
            let added = roster.add_product(&name).await;
            roster.close().await;
            let done = if added? { "added" } else { "is there already" };
            say!("product {name}: {done}");
            Ok(())
        }
        Product::List(dir) => {
            let roster = Roster::open(dir.config(build)?).await?;
            let products = roster.products().await;
            roster.close().await;
            print_all(products?)
        }
    }
}
