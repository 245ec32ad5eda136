//! `doctor`, `setup` and `env`.

use super::args::{Format, SetupCommand};
use super::common::App;
use crate::doctor::{self, Declared, Report, SetupPlan};
use crate::error::Error;
use crate::events::{Event, print_line};
use crate::job_env::{self, GithubFiles, JobEnv, Shell};
use crate::toolchain::installers;

pub(super) async fn doctor(app: &App<'_>) -> Result<(), Error> {
    let state_dir = app.state_dir()?;
    let declared = declared(app).await?;
    let installers = installers(app.world, true);
    let report = doctor::examine(app.world, &declared, &installers, &state_dir).await?;
    conclude(app, report, None)
}

pub(super) async fn setup(app: &App<'_>, args: SetupCommand) -> Result<(), Error> {
    let state_dir = app.state_dir()?;
    let declared = declared(app).await?;
    let with = installers(app.world, true);
    let report = doctor::examine(app.world, &declared, &with, &state_dir).await?;
    let plan = doctor::plan_setup(&report, &with, &state_dir);
    if args.dry_run {
        app.reporter.event(Event::Setup(Box::new(plan)));
        return Ok(());
    }
    let report = if plan.steps.is_empty() {
        doctor::install_missing(app.world, &plan, app.reporter.as_ref()).await?;
        report
    } else {
        let _lock = app.lock_state(&state_dir)?;
        doctor::install_missing(app.world, &plan, app.reporter.as_ref()).await?;
        let with = installers(app.world, true);
        doctor::examine(app.world, &declared, &with, &state_dir).await?
    };
    conclude(app, report, Some(&plan))
}

async fn declared(app: &App<'_>) -> Result<Vec<Declared>, Error> {
    let found = doctor::declared_tools(app.world).await?;
    if let Some(fault) = found.fault {
        app.reporter.warn(fault);
    }
    Ok(found.tools)
}

fn conclude(app: &App<'_>, report: Report, tried: Option<&SetupPlan>) -> Result<(), Error> {
    let lacking = report.lacking_after(tried);
    app.reporter.event(Event::Doctor(Box::new(report)));
    match lacking.is_empty() {
        true => Ok(()),
        false => Err(Error::NotReady(lacking)),
    }
}

pub(super) async fn env(app: &App<'_>) -> Result<(), Error> {
    let format = app.global.format;
    // Before minutes are spent on trying tools.
    let files = match format {
        Format::Github => Some(GithubFiles::of(app.world)?),
        _ => None,
    };
    let env = job_env::work_out(app.world, &app.state_dir()?).await?;
    let shell = match format {
        Format::Sh => Shell::Sh,
        Format::Fish => Shell::Fish,
        Format::Powershell => Shell::Powershell,
        Format::Json | Format::Human | Format::Table => {
            app.reporter.event(Event::Env(Box::new(env)));
            return Ok(());
        }
        Format::Github => {
            tell(app, &env);
            if let Some(files) = files {
                files.append(&env)?;
            }
            let names: Vec<&str> = env.variables.keys().map(String::as_str).collect();
            app.reporter
                .note(format!("written for later steps: {}", names.join(", ")));
            return Ok(());
        }
    };
    tell(app, &env);
    print_line(&job_env::render(&env, shell));
    Ok(())
}

/// Says what the variables do not: which of them asks for mold, and what is wrong.
fn tell(app: &App<'_>, env: &JobEnv) {
    if let Some(name) = &env.mold_variable {
        app.reporter.note(format!("mold is asked for by {name}"));
    }
    for warning in &env.warnings {
        app.reporter.warn(warning.clone());
    }
}
