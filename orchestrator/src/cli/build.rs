//! `plan` and `build`.

use super::args::{BuildCommand, PlanArgs};
use super::code_sign::{ready, sign_code};
use super::common::{App, Prepared};
use crate::dist::{self, Earlier, Staged};
use crate::error::Error;
use crate::events::Event;
use crate::lock::DirLock;
use crate::plan::Plan;
use crate::publish::LastPublished;
use crate::settings::{self, HubChoice, SettingsError};
use crate::{build as stage, installers, select, toolchain};
use hub_client::{HubClient, HubUrl, RetryPolicy};
use release_types::Platform;
use std::time::Duration;

/// How long a Hub may take that is asked for sizes alone.
const SIZES_LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn plan(app: &App<'_>, args: PlanArgs) -> Result<(), Error> {
    let hub = match app.hub_choice(&args.hub) {
        Ok(hub) => Some(hub),
        // A plan needs no Hub: it shows the calls all the same.
        Err(Error::Settings(SettingsError::NoHub)) => None,
        Err(error) => return Err(error),
    };
    let prepared = app
        .prepare(&args.select, &args.build, hub.as_ref(), true)
        .await?;
    app.show_plans(prepared.plans);
    Ok(())
}

pub(super) async fn build(app: &App<'_>, args: BuildCommand) -> Result<(), Error> {
    let prepared = app
        .prepare(&args.select, &args.build, None::<&HubChoice>, false)
        .await?;
    if args.dry_run {
        app.show_plans(prepared.plans);
        return Ok(());
    }
    let hub = hub_for_sizes(app, args.hub_url.as_deref())?;
    let _locks = lock(app, &prepared)?;
    let last = match hub {
        Some(url) => last_published(app, url, &prepared.plans).await?,
        None => LastPublished::default(),
    };
    build_and_stage(app, prepared, &last, Signing::AsConfigured)
        .await
        .map(|_| ())
}

/// The Hub that flag or environment name, if any.
fn hub_for_sizes(app: &App<'_>, url: Option<&str>) -> Result<Option<HubUrl>, Error> {
    match settings::hub(app.world, false, url) {
        Ok(HubChoice::Remote(url)) => Ok(Some(url)),
        Ok(HubChoice::Local) | Err(SettingsError::NoHub) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What the Hub has published last. A build needs none, so one that cannot be asked is no error.
async fn last_published(
    app: &App<'_>,
    url: HubUrl,
    plans: &[Plan],
) -> Result<LastPublished, Error> {
    let files = plans.iter().flat_map(|plan| {
        let products = plan.products.iter();
        products.map(|product| (product.product.clone(), plan.platform))
    });
    let files: Vec<_> = files.collect();
    let client = HubClient::builder(url)
        .user_agent(app.user_agent())
        .connect_timeout(SIZES_LIMIT)
        .request_timeout(SIZES_LIMIT)
        .retry(RetryPolicy::none())
        .build()?;
    let asked = async { Ok(LastPublished::ask(&client, &files, plans[0].channel).await) };
    match app.until_interrupted::<_, Error>(asked).await? {
        Ok(last) => Ok(last),
        Err(error) => {
            let causes = crate::error::with_causes(&error);
            app.reporter
                .note(format!("sizes are compared with nothing: {causes}"));
            Ok(LastPublished::default())
        }
    }
}

/// Locks every folder that a build writes to.
pub(super) fn lock(app: &App<'_>, prepared: &Prepared) -> Result<[DirLock; 3], Error> {
    let dirs = [
        &prepared.state_dir,
        &prepared.dist_dir,
        &prepared.target_dir,
    ];
    if dirs[0] == dirs[1] || dirs[0] == dirs[2] || dirs[1] == dirs[2] {
        return Err(SettingsError::Flags(
            "--state-dir, --dist-dir and --target-dir have to be three folders".to_owned(),
        )
        .into());
    }
    Ok([
        app.lock_state(&prepared.state_dir)?,
        DirLock::acquire(&prepared.dist_dir)?,
        DirLock::acquire(&prepared.target_dir)?,
    ])
}

/// Whether programs get their system's own signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    /// Where the workspace says so.
    AsConfigured,
    /// Not at all: what the commit makes is asked for, and nothing is given to anybody.
    Never,
}

/// From plans to staged platforms: the part that `build` and `release` share. Nothing is staged
/// before every target is built and the tree is seen to be what it was at the beginning.
pub(super) async fn build_and_stage(
    app: &App<'_>,
    prepared: Prepared,
    last: &LastPublished,
    signing: Signing,
) -> Result<(Vec<Staged>, Vec<Earlier>), Error> {
    let (world, reporter) = (app.world, app.reporter.as_ref());
    // What could not be signed after the build is not built.
    let signers = ready(app, &prepared.plans, signing)?;
    let mut found = prepared.found;
    installers::check_tools(world, &prepared.plans)?;
    let targets: Vec<_> = prepared.plans.iter().map(|plan| plan.platform).collect();
    // It is the workspace's, and every plan's.
    let pass_env = prepared.plans.first().map(|plan| &plan.pass_env[..]);
    let allowed = stage::allowed(pass_env.unwrap_or_default());
    toolchain::check_targets(world, &found.rustc, &targets, &allowed).await?;
    let mut all = Vec::with_capacity(prepared.plans.len());
    for plan in &prepared.plans {
        // What was installed for one target is there for the next.
        found = found.look_again(world, &prepared.state_dir);
        let tools = toolchain::ensure(
            world,
            found.clone(),
            prepared.wanted,
            plan.policy.clone(),
            &prepared.state_dir,
            reporter,
        )
        .await?;
        all.push((plan, stage::build(world, plan, tools, reporter).await?));
    }
    // All plans are of one commit and one tree.
    if let Some(plan) = prepared.plans.first() {
        let began_with = (plan.commit.as_str(), &prepared.seen);
        select::is_still(world, &plan.root, &prepared.apart, began_with).await?;
    }
    // Installers hold what users run, so they are made of the signed programs.
    let mut signed = Vec::with_capacity(all.len());
    for ((plan, built), signer) in all.iter_mut().zip(&signers) {
        signed.push(match signer {
            Some(signer) => Some(sign_code(app, plan, built, signer).await?),
            None => None,
        });
    }
    let mut packed = Vec::with_capacity(all.len());
    for (plan, built) in &all {
        packed.push(installers::make(world, plan, built, reporter).await?);
    }
    let (mut staged, mut earlier) = (Vec::new(), Vec::new());
    for (((plan, built), installers), signed) in all.iter().zip(&packed).zip(&signed) {
        let (folder, before) = dist::stage(plan, built, installers, signed.as_ref())?;
        for artifact in &folder.artifacts {
            let filename = artifact.filename.as_str();
            let last = last.get(&artifact.product, artifact.platform, filename);
            reporter.event(Event::Built {
                product: artifact.product.clone(),
                path: artifact.path.clone(),
                size: artifact.size,
                sha256: artifact.sha256,
                last: last.cloned(),
            });
        }
        staged.push(folder);
        earlier.push(before);
    }
    Ok((staged, earlier))
}

/// The targets to build for, each once, in the order they were named.
pub(super) fn targets(named: &[Platform], host: Platform) -> Vec<Platform> {
    let mut targets = Vec::new();
    for &target in named {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    if targets.is_empty() {
        targets.push(host);
    }
    targets
}
