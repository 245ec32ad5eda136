//! `workflows`.

use super::args::WorkflowsCommand;
use super::common::App;
use super::goods::named_tag;
use crate::dist;
use crate::documents::Form;
use crate::error::Error;
use crate::events::{Event, print_line};
use crate::git::Git;
use crate::outcome::Outcome;
use crate::products;
use crate::select::{self, SelectError};
use crate::settings;
use crate::workflows::{WorkflowsError, action_is_there, check, generate, wanted};
use serde_json::{Value, json};

pub(super) async fn workflows(app: &App<'_>, command: WorkflowsCommand) -> Result<(), Error> {
    let is_check = match command {
        WorkflowsCommand::Tag { tag } => return look_at_tag(app, tag).await,
        WorkflowsCommand::Sboms { tag } => return sboms(app, tag).await,
        WorkflowsCommand::Generate => false,
        WorkflowsCommand::Check => true,
    };
    let workspace = products::read(app.world).await?;
    let git = Git::new(app.world, &workspace.root).map_err(SelectError::from)?;
    let top = git.top().await.map_err(SelectError::from)?;
    if top != workspace.root {
        let root = workspace.root;
        return Err(WorkflowsError::NotTop { root, top }.into());
    }
    action_is_there(&top, &workspace.workflows)?;
    let wanted = wanted(&workspace)?;
    let report = match is_check {
        false => generate(&top, &wanted)?,
        true => check(&top, &wanted)?,
    };
    let (stale, drift) = (report.stale(), report.drift());
    let told = Outcome::Workflows(report);
    app.reporter.event(Event::Outcome(Box::new(told)));
    match (drift.len(), stale.len()) {
        (0, _) => Ok(()),
        (all, old) if all == old => Err(WorkflowsError::Stale(stale).into()),
        _ => Err(WorkflowsError::Drift(drift).into()),
    }
}

/// Decides which release a tag makes, as every building job will, and prints its channel as a line for the file
/// of a step's outputs. What cannot be released ends here, once, and not in each of those jobs.
async fn look_at_tag(app: &App<'_>, tag: String) -> Result<(), Error> {
    let workspace = products::read(app.world).await?;
    let request = select::Request {
        tag: Some(tag),
        channel: settings::channel(app.world, None)?,
        // Which files count as the tree's is for those who write beside them.
        allow_dirty: true,
        ..select::Request::default()
    };
    let selected = select::select(app.world, &workspace, &request).await?;
    app.reporter.note(format!(
        "{} is released on the channel {}",
        selected.tag, selected.channel
    ));
    print_line(&format!("channel={}", selected.channel));
    Ok(())
}

/// Prints the matrix of a job that attests each program's list of what is in it, as a line for the file of a
/// step's outputs.
async fn sboms(app: &App<'_>, tag: String) -> Result<(), Error> {
    let tag = named_tag(app, Some(tag))?;
    let (dist_dirs, cwd) = (app.dist_dirs(), app.world.cwd.clone());
    let matrix = app
        .reading(move || {
            let (_, staged) = dist::open_all(&dist_dirs, tag.as_ref())?;
            let mut matrix = Vec::new();
            for (folder, file) in staged
                .iter()
                .flat_map(|folder| folder.artifacts.iter().map(move |file| (folder, file)))
            {
                let name = file.filename.as_str();
                let Some((Form::Sbom, program)) = Form::of(name) else {
                    continue;
                };
                let mut files = folder.artifacts.iter();
                let program = files.find(|one| one.filename.as_str() == program);
                let path = |path: &std::path::Path| {
                    let path = path.strip_prefix(&cwd).unwrap_or(path);
                    path.to_string_lossy().replace('\\', "/")
                };
                matrix.extend(program.map(|program| {
                    json!({
                        "name": program.filename.as_str(),
                        "program": path(&program.path),
                        "sbom": path(&file.path),
                    })
                }));
            }
            Ok(matrix)
        })
        .await?;
    print_line(&format!("sboms={}", Value::from(matrix)));
    Ok(())
}
