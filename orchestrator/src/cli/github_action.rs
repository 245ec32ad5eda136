//! `github-action`: what the action `atlas-release` runs.

use super::args::{Cli, Command};
use super::common::App;
use super::publish;
use crate::error::Error;
use crate::github_action::{Inputs, Outputs, Rows, workspace};
use crate::settings::SettingsError;
use clap::Parser as _;
use std::sync::Arc;

/// The input that holds rows itself, and what its rows are called in errors.
const INLINE: &str = "files";
const INLINE_IN_ERRORS: &str = "the input `files`";

pub(super) async fn github_action(app: &App<'_>) -> Result<(), Error> {
    let inputs = Inputs::of(&app.world.env)?;
    for remark in &inputs.remarks {
        app.reporter.note(remark.clone());
    }
    let mut world = app.world.clone();
    world.cwd = workspace(&world.env, &world.cwd);
    let temporary = world.temp_dir();
    let temporary = tempfile::tempdir_in(&temporary).map_err(|source| Error::Io {
        path: temporary,
        source,
    })?;
    let manifest = match &inputs.rows {
        Rows::File(path) => world.absolute(path),
        Rows::Inline(rows) => {
            let path = temporary.path().join(INLINE);
            std::fs::write(&path, rows).map_err(|source| Error::Io {
                path: path.clone(),
                source,
            })?;
            path
        }
    };
    let line = Cli::try_parse_from(inputs.arguments(&manifest, &world.cwd));
    let line = line.map_err(|error| SettingsError::Flags(error.to_string()))?;
    let Some(Command::Publish(args)) = line.command else {
        return Err(Error::Defect);
    };
    let reporter = Outputs::of_step(Arc::clone(app.reporter), &world.env);
    let inside = App {
        world: &world,
        global: app.global,
        build: app.build,
        reporter: &reporter,
    };
    let published = publish::publish(&inside, args).await;
    published.map_err(|error| match (error, &inputs.rows) {
        // Nobody knows the file that the rows were put into.
        (Error::Artifacts(error), Rows::Inline(_)) => error.in_rows_of(INLINE_IN_ERRORS).into(),
        (error, _) => error,
    })
}
