//! `doctor`, `setup` and `env`.

use super::args::{Format, SetupCommand};
use super::common::App;
use crate::cargo_config;
use crate::doctor::{self, Declared, Facts, Report, SetupPlan};
use crate::error::Error;
use crate::events::{Event, print_line};
use crate::job_env::{self, GithubFiles, JobEnv, Shell};
use crate::products::{self, ProductsError};
use crate::toolchain::{
    Installers, Need, Tool, ToolchainError, find_lld_link, installers, uses_github_cache,
};
use std::path::Path;

pub(super) async fn doctor(app: &App<'_>) -> Result<(), Error> {
    let state_dir = app.state_dir()?;
    let declared = declared(app).await?;
    let installers = installers(app.world, true);
    let report = examine(app, &declared, &installers, &state_dir).await?;
    conclude(app, report, None)
}

pub(super) async fn setup(app: &App<'_>, args: SetupCommand) -> Result<(), Error> {
    let state_dir = app.state_dir()?;
    let declared = declared(app).await?;
    let with = installers(app.world, true);
    let report = examine(app, &declared, &with, &state_dir).await?;
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
        examine(app, &declared, &with, &state_dir).await?
    };
    conclude(app, report, Some(&plan))
}

/// The tools that the workspace's products declare; none where there is no workspace.
async fn declared(app: &App<'_>) -> Result<Vec<Declared>, Error> {
    match products::read(app.world).await {
        Ok(workspace) => Ok(doctor::declared(&workspace.products, app.world.host)),
        Err(ProductsError::NoCargo | ProductsError::Nothing { .. }) => Ok(Vec::new()),
        Err(error @ ProductsError::Metadata { .. }) => {
            let error = Error::from(error);
            match error.exit_code() {
                crate::error::ExitCode::Interrupted => Err(error),
                _ => Ok(Vec::new()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

async fn examine(
    app: &App<'_>,
    declared: &[Declared],
    installers: &Installers,
    state_dir: &Path,
) -> Result<Report, Error> {
    let world = app.world;
    let findings = doctor::look(world, state_dir, &Tool::ALL).await?;
    let mut others = Vec::new();
    for tool in declared {
        others.push((tool.clone(), doctor::try_declared(world, tool).await?));
    }
    Ok(doctor::report(&Facts {
        host: world.host,
        installers,
        state_dir,
        findings: &findings,
        declared: &others,
    }))
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
    let state_dir = app.state_dir()?;
    let env = work_out(app, &state_dir).await?;
    let shell = match format {
        Format::Sh => Shell::Sh,
        Format::Fish => Shell::Fish,
        Format::Powershell => Shell::Powershell,
        Format::Json | Format::Human => {
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

async fn work_out(app: &App<'_>, state_dir: &Path) -> Result<JobEnv, ToolchainError> {
    let world = app.world;
    let findings = doctor::look(world, state_dir, &job_env::tools(world.host)).await?;
    let home = world.cargo_home();
    let config = cargo_config::read(&world.cwd, home.as_deref());
    // Without a workspace there is no profile.
    let root = products::root(world).await.ok();
    let manifest = root.and_then(|root| cargo_config::read_file(&root.join("Cargo.toml")));
    let broken = cargo_config::broken(&world.cwd, home.as_deref());
    let lld_link =
        find_lld_link(world).filter(|_| Tool::LldLink.need(world.host) != Need::Optional);
    Ok(job_env::job_env(&job_env::Facts {
        host: world.host,
        findings: &findings,
        lld_link: lld_link.as_ref(),
        debug_is_said: cargo_config::debug_is_said(
            manifest.as_ref().map(|file| &file.table),
            &config,
            &world.env,
        ),
        github_cache: uses_github_cache(world),
        config: &config,
        broken: &broken,
        env: &world.env,
    }))
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
