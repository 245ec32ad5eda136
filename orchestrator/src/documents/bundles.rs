//! The statements about what commands have made.

use super::{Document, DocumentError, File, Form, Run, bundles_of, kept, provenance, written};
use crate::bundle::{BundlePlan, Made, MadeProduct};
use crate::context::World;
use release_types::{FileName, Platform};
use std::path::Path;

/// Makes the statements about what a plan's commands have made.
#[derive(Debug)]
pub struct OfBundles<'a> {
    plan: &'a BundlePlan,
    made: &'a Made,
    run: Run,
    maker: &'a str,
}

impl<'a> OfBundles<'a> {
    /// For what was made by a plan. `maker` is this program's version.
    pub fn new(world: &World, (plan, made): (&'a BundlePlan, &'a Made), maker: &'a str) -> Self {
        Self {
            plan,
            made,
            run: Run::of(&world.env),
            maker,
        }
    }

    /// Name and bytes of the statement about a product's files for a platform, where there is to be one. That of an
    /// earlier build in `folder` is kept where it says the same.
    ///
    /// # Errors
    /// When it has no name or cannot be written.
    pub fn statement(
        &self,
        product: &MadeProduct,
        platform: Platform,
        files: &[File],
        folder: &Path,
    ) -> Result<Option<Document>, DocumentError> {
        let planned = &product.planned;
        if !planned.is_stated || files.is_empty() {
            return Ok(None);
        }
        let name = bundles_of(&planned.product, platform) + Form::Provenance.ending();
        let filename: FileName = name.parse().map_err(DocumentError::Name)?;
        let times = (self.made.started_at, self.made.finished_at);
        let statement = provenance::statement_of_bundles(
            self.plan,
            (planned, platform),
            files,
            (&self.run, self.maker, times),
        );
        let bytes = match kept::earlier(folder, &filename, &statement) {
            Some(bytes) => bytes,
            None => written(&filename, &statement)?,
        };
        Ok(Some((filename, bytes)))
    }
}
