//! Whether the programs of a group can be built beside one another.

use super::PlanError;
use crate::products::Product;

/// `--bin` takes the binaries of that name of every package that is built, and all are written to one
/// folder: which of them comes last there is chance, and cargo only warns.
pub(super) fn check_bins(group: &str, products: &[Product]) -> Result<(), PlanError> {
    for product in products {
        // Names that differ in case alone are one file on the file systems of Windows and macOS.
        let has_it = |other: &&Product| {
            let mut bins = other.all_bins.iter();
            other.package != product.package
                && bins.any(|bin| bin.eq_ignore_ascii_case(&product.bin))
        };
        if let Some(other) = products.iter().find(has_it) {
            return Err(PlanError::SameBin {
                group: group.to_owned(),
                bin: product.bin.clone(),
                first: product.package.clone(),
                second: other.package.clone(),
            });
        }
    }
    Ok(())
}
