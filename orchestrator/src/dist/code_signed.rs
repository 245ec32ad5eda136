//! Programs that an earlier run has code-signed. A signature holds the time, so another one of the same
//! bytes is another file, which a Hub that has the first would refuse; those that are there are kept.

use super::carry::is_as_recorded;
use super::{RELEASE_FILE, read_record_file};
use crate::build::Built;
use crate::code_sign::{BeforeSigning, CodeSigned, Signer};
use crate::plan::Plan;
use release_types::Kind;

/// The programs in the plan's folder, where all of them are there as they were recorded, were made of the
/// same bytes as were built now, and signed as they would be now.
pub fn code_signed_before(plan: &Plan, built: &Built, signer: &Signer) -> Option<CodeSigned> {
    let record = read_record_file(&plan.staging.join(RELEASE_FILE)).ok()?;
    let signing = record.code_signing?;
    if !signer.would_make(&signing) {
        return None;
    }
    let mut files = Vec::with_capacity(built.products.len());
    for product in &built.products {
        let planned = &product.planned;
        let recorded = record.artifacts.iter().find(|file| {
            (&file.product, &file.filename) == (&planned.product, &planned.filename)
                && file.kind == Kind::Binary
        })?;
        let before = BeforeSigning {
            size: product.size,
            sha256: product.sha256,
        };
        let path = plan.staging.join(planned.filename.as_str());
        if recorded.before_signing != Some(before) || !is_as_recorded(recorded, &path) {
            return None;
        }
        files.push((path, before));
    }
    Some(CodeSigned::earlier(signing, files))
}
