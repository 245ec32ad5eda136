//! `plan` and `build`.

use super::args::{BuildCommand, PlanArgs};
use super::common::{App, Prepared};
use crate::dist::{self, Earlier, Staged};
use crate::error::Error;
use crate::events::Event;
use crate::lock::DirLock;
use crate::settings::{HubChoice, SettingsError};
use crate::{build as stage, toolchain};

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
    app.show_plan(prepared.plan);
    Ok(())
}

pub(super) async fn build(app: &App<'_>, args: BuildCommand) -> Result<(), Error> {
    let prepared = app
        .prepare(&args.select, &args.build, None::<&HubChoice>, false)
        .await?;
    if args.dry_run {
        app.show_plan(prepared.plan);
        return Ok(());
    }
    let _locks = lock(app, &prepared)?;
    build_and_stage(app, prepared).await.map(|_| ())
}

/// Locks every folder that a build writes to.
pub(super) fn lock(app: &App<'_>, prepared: &Prepared) -> Result<[DirLock; 3], Error> {
    let dirs = [
        &prepared.state_dir,
        &prepared.dist_dir,
        &prepared.plan.target_dir,
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
        DirLock::acquire(&prepared.plan.target_dir)?,
    ])
}

/// From a plan to a staged platform: the part that `build` and `release` share.
pub(super) async fn build_and_stage(
    app: &App<'_>,
    prepared: Prepared,
) -> Result<(Staged, Earlier), Error> {
    let Prepared {
        plan,
        found,
        wanted,
        state_dir,
        ..
    } = prepared;
    let (world, reporter) = (app.world, app.reporter.as_ref());
    let policy = plan.policy.clone();
    let mut tools = toolchain::ensure(world, found, wanted, policy, &state_dir, reporter).await?;
    let built = stage::build(world, &plan, &tools, reporter).await;
    if let Some(sccache) = &mut tools.sccache {
        sccache.stop(world).await;
    }
    let (staged, earlier) = dist::stage(&plan, &built?, &tools)?;
    for artifact in &staged.artifacts {
        reporter.event(Event::Built {
            product: artifact.product.clone(),
            path: artifact.path.clone(),
            size: artifact.size,
            sha256: artifact.sha256,
        });
    }
    Ok((staged, earlier))
}
