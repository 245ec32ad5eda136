//! The part of `build` and `release` that is other where commands of their own make the products.

use super::build::Signing;
use super::code_sign::ready;
use super::common::App;
use crate::bundle::{self, BundlePlan, Cache, Made};
use crate::dist::{self, Earlier, Kept, Staged};
use crate::documents::OfBundles;
use crate::error::Error;
use crate::products::Workspace;
use crate::sign::{self, Keys, Secret, SignError};
use crate::toolchain::Wanted;
use release_types::Platform;
use std::collections::BTreeSet;
use std::path::PathBuf;
use tokio::task::block_in_place;

/// Where commands of their own leave what they make, within the products' folders.
pub(super) fn folders_apart(workspace: &Workspace) -> Vec<PathBuf> {
    let declared = workspace.signing.products.values();
    let made = declared.flat_map(|declared| {
        ["target", "src-tauri/target", "node_modules"].map(|name| declared.folder.join(name))
    });
    made.collect()
}

/// What a release of bundles has made.
pub(super) struct AllMade {
    by_plan: Vec<(BundlePlan, Made)>,
    /// Where it is until it is staged.
    _kept: Vec<Kept>,
}

/// Runs the commands of all plans.
pub(super) async fn make(
    app: &App<'_>,
    (plans, wanted): (Vec<BundlePlan>, Wanted),
    signing: Signing,
) -> Result<AllMade, Error> {
    let (mut by_plan, mut kept) = (Vec::with_capacity(plans.len()), Vec::new());
    // What could not be signed afterwards is not made.
    let platforms = plans.iter();
    let platforms = platforms.map(|plan| (&plan.signed_by.code, plan.platform));
    let signers = ready(app, platforms, signing)?;
    let secret = secret_for(app, &plans)?;
    let reporter = app.reporter.as_ref();
    for (plan, signer) in plans.into_iter().zip(signers) {
        let keep = |product| -> Result<_, Error> {
            let (product, copies) = block_in_place(|| dist::keep_bundles(&plan, product))?;
            kept.push(copies);
            Ok(product)
        };
        let mut cache = Cache::start(app.world, wanted, reporter).await?;
        let given = (secret.as_ref(), &mut cache);
        let mut made = bundle::run(app.world, &plan, given, reporter, keep).await?;
        cache.stop(app.world).await;
        if let Some(signer) = signer {
            let what = format!("{} for {} with {}", plan.tag, plan.platform, signer.tool());
            reporter.stage("code signing", what);
            let repository = &plan.repository;
            bundle::sign_bundles(app.world, repository, &mut made, &signer, reporter).await?;
        }
        by_plan.push((plan, made));
    }
    Ok(AllMade {
        by_plan,
        _kept: kept,
    })
}

/// The secret key, where a command signs by itself.
fn secret_for(app: &App<'_>, plans: &[BundlePlan]) -> Result<Option<Secret>, Error> {
    let signing = plans.iter().flat_map(|plan| {
        let products = plan.products.iter().filter(|one| one.tauri_signs);
        products.map(move |one| (&plan.signed_by, &one.product))
    });
    let mut found = None;
    for (settings, product) in signing {
        let secret = match found.take() {
            Some(secret) => secret,
            None => sign::secret(app.world)?.ok_or(SignError::NoKey)?,
        };
        // A key that no installed program trusts is nobody's to see.
        let keys = Keys::of_workspace(settings.clone());
        keys.accept([product], secret.key.public())?;
        found = Some(secret);
    }
    Ok(found)
}

/// Stages what was made, each platform once: what is for several lies in the folder of each.
pub(super) fn stage(app: &App<'_>, all: &AllMade) -> Result<Vec<(Staged, Earlier)>, Error> {
    let all = &all.by_plan;
    let maker = app.build.version();
    let mut done: BTreeSet<Platform> = BTreeSet::new();
    let mut staged = Vec::new();
    // What a platform was asked for counts for more than what came along with another one.
    let asked = all.iter().map(|(plan, made)| (plan, made, plan.platform));
    let along = all.iter().flat_map(|(plan, made)| {
        let rows = made.products.iter().flat_map(|product| &product.rows);
        rows.map(move |row| (plan, made, row.platform))
    });
    for (plan, made, platform) in asked.chain(along) {
        if done.insert(platform) {
            let documents = OfBundles::new(app.world, (plan, made), maker);
            staged.push(dist::stage_bundles((plan, made), platform, &documents)?);
        }
    }
    Ok(staged)
}
