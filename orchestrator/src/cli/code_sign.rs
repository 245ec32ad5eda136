//! Code signing between a build and its staging.

use super::build::Signing;
use super::common::App;
use crate::build::Built;
use crate::code_sign::{self, CodeSigned, Ready, Signer};
use crate::dist;
use crate::error::Error;
use crate::plan::Plan;

/// What signs the programs of each plan, if anything does.
pub(super) fn ready(
    app: &App<'_>,
    plans: &[Plan],
    signing: Signing,
) -> Result<Vec<Option<Box<Signer>>>, Error> {
    let mut signers = Vec::with_capacity(plans.len());
    for plan in plans {
        let ready = match signing {
            Signing::AsConfigured => {
                code_sign::ready(app.world, &plan.signed_by.code, plan.platform)?
            }
            Signing::Never => Ready::Off,
        };
        signers.push(match ready {
            Ready::Off => None,
            Ready::Unsigned(why) => {
                app.reporter.warn(why.to_string());
                None
            }
            Ready::Signs(signer) => Some(signer),
        });
    }
    Ok(signers)
}

/// Signs copies of what was built, or takes those that an earlier run has signed.
pub(super) async fn sign_code(
    app: &App<'_>,
    plan: &Plan,
    built: &Built,
    signer: &Signer,
) -> Result<CodeSigned, Error> {
    let what = format!("{} for {} with {}", plan.tag, plan.platform, signer.tool());
    app.reporter.stage("code signing", what);
    if let Some(kept) = dist::code_signed_before(plan, built, signer) {
        app.reporter.note(format!(
            "{} has the same programs, code-signed for {}: they are kept",
            plan.staging.display(),
            kept.signing.identity
        ));
        return Ok(kept);
    }
    let files = built.products.iter().map(|product| {
        let name = product.planned.filename.to_string();
        (product.executable.clone(), name)
    });
    let files: Vec<_> = files.collect();
    let signed = signer.sign(app.world, &files).await?;
    let signing = &signed.signing;
    app.reporter.note(format!(
        "code-signed for {}, with the time of {}",
        signing.identity, signing.timestamp
    ));
    Ok(signed)
}
