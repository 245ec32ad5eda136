//! `plan` and `build`.

use super::args::{BuildCommand, PlanArgs};
use super::bundles;
use super::code_sign::{ready, sign_code};
use super::common::App;
use super::prepared::{Prepared, Programs, Subject, Work};
use crate::build::{self as stage, Built};
use crate::dist::{self, Earlier, Staged};
use crate::error::Error;
use crate::events::Event;
use crate::lock::DirLock;
use crate::plan::Plan;
use crate::publish::LastPublished;
use crate::settings::{self, HubChoice, SettingsError};
use crate::{documents, installers, select, toolchain};
use hub_client::HubUrl;
use release_types::Platform;
use std::path::Path;
use tokio::task::block_in_place;

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
    prepared.show(app);
    Ok(())
}

pub(super) async fn build(app: &App<'_>, args: BuildCommand) -> Result<(), Error> {
    let prepared = app
        .prepare(&args.select, &args.build, None::<&HubChoice>, false)
        .await?;
    if args.dry_run {
        prepared.show(app);
        return Ok(());
    }
    let hub = hub_for_sizes(app, args.hub_url.as_deref())?;
    let _locks = lock(app, &prepared)?;
    let last = match hub {
        Some(url) => last_published(app, url, &prepared.subject()).await?,
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
    subject: &Subject,
) -> Result<LastPublished, Error> {
    let keys = subject.keys.iter();
    let files: Vec<_> = keys
        .map(|(product, on, _)| (product.clone(), *on))
        .collect();
    let client = app.brief_client(url)?;
    let asked = async { Ok(LastPublished::ask(&client, &files, subject.channel).await) };
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
    let Prepared {
        work,
        state_dir,
        root,
        commit,
        apart,
        seen,
        ..
    } = prepared;
    // All plans are of one commit and one tree.
    let is_still = select::is_still(app.world, &root, &apart, (&commit, &seen));
    let folders = match work {
        Work::Programs(programs) => {
            // What could not be signed after the build is not built.
            let plans = programs.plans.iter();
            let plans = plans.map(|plan| (&plan.signed_by.code, plan.platform));
            let signers = ready(app, plans, signing)?;
            let mut all = build_programs(app, &programs, &state_dir).await?;
            is_still.await?;
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
                packed.push(installers::make(app.world, plan, built, app.reporter.as_ref()).await?);
            }
            let maker = app.build.version();
            let mut folders = Vec::with_capacity(all.len());
            for (((plan, built), installers), signed) in all.iter().zip(&packed).zip(&signed) {
                let signed = signed.as_ref();
                // All of it is read and written once more; the thread is not needed meanwhile.
                folders.push(block_in_place(|| -> Result<_, Error> {
                    // Last, since they name the digests of all the others.
                    let documents =
                        documents::make(app.world, plan, built, (installers, signed), maker)?;
                    Ok(dist::stage(plan, built, (installers, &documents), signed)?)
                })?);
            }
            folders
        }
        Work::Bundles(plans, wanted) => {
            let made = bundles::make(app, (plans, wanted), signing).await?;
            is_still.await?;
            block_in_place(|| bundles::stage(app, &made))?
        }
    };
    let (mut staged, mut earlier) = (Vec::new(), Vec::new());
    for (folder, before) in folders {
        for artifact in &folder.artifacts {
            let filename = artifact.filename.as_str();
            let last = last.get(&artifact.product, artifact.platform, filename);
            app.reporter.event(Event::Built {
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

/// Builds the programs of each plan.
async fn build_programs<'p>(
    app: &App<'_>,
    programs: &'p Programs,
    state_dir: &Path,
) -> Result<Vec<(&'p Plan, Built)>, Error> {
    let (world, reporter) = (app.world, app.reporter.as_ref());
    let plans = &programs.plans;
    installers::check_tools(world, plans)?;
    if let Some(doubt) = installers::doubt(plans) {
        reporter.warn(doubt);
    }
    let mut found = programs.found.clone();
    let targets: Vec<_> = plans.iter().map(|plan| plan.platform).collect();
    // It is the workspace's, and every plan's.
    let pass_env = plans.first().map(|plan| &plan.pass_env[..]);
    let allowed = stage::allowed(pass_env.unwrap_or_default());
    toolchain::check_targets(world, &found.rustc, &targets, &allowed).await?;
    let mut all = Vec::with_capacity(plans.len());
    for plan in plans {
        // What was installed for one target is there for the next.
        found = found.look_again(world, state_dir);
        let tools = toolchain::ensure(
            world,
            found.clone(),
            programs.wanted,
            plan.policy.clone(),
            state_dir,
            reporter,
        )
        .await?;
        all.push((plan, stage::build(world, plan, tools, reporter).await?));
    }
    Ok(all)
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
