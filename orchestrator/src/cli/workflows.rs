//! `workflows`.

use super::args::WorkflowsCommand;
use super::common::App;
use super::goods::named_tag;
use crate::dist;
use crate::documents::Form;
use crate::error::{Error, with_causes};
use crate::events::{Event, print_line};
use crate::git::Git;
use crate::outcome::Outcome;
use crate::products::{self, Workspace};
use crate::publish::{PublishError, not_older};
use crate::select::{self, SelectError, Selected};
use crate::settings::{self, HubChoice, SettingsError};
use crate::sign::{KEY_VAR, Keys, is_key_there};
use crate::workflows::{WorkflowsError, action_is_there, check, generate, wanted};
use serde_json::{Value, json};

pub(super) async fn workflows(app: &App<'_>, command: WorkflowsCommand) -> Result<(), Error> {
    let is_check = match command {
        WorkflowsCommand::Tag { tag } => return look_at_tag(app, tag).await,
        WorkflowsCommand::Key { tag } => return look_for_key(app, tag).await,
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
    look_at_newer(app, &workspace, &selected).await?;
    app.reporter.note(format!(
        "{} is released on the channel {}",
        selected.tag, selected.channel
    ));
    Ok(())
}

/// Refuses what would be refused when all is built: a version that is older than the channel's newest, unless it is said
/// to be a backport. Where the Hub cannot be asked here, the jobs that publish find it out.
async fn look_at_newer(
    app: &App<'_>,
    workspace: &Workspace,
    selected: &Selected,
) -> Result<(), Error> {
    if settings::backport(app.world, false)? {
        return Ok(());
    }
    let url = match settings::hub(app.world, false, None) {
        Ok(HubChoice::Remote(url)) => url,
        Ok(HubChoice::Local) | Err(SettingsError::NoHub) => {
            let why = "this job does not know the Hub's address, so whether the channel has a newer version is found \
                       out when all is built";
            app.reporter.note(why.to_owned());
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let client = app.brief_client(url)?;
    let products = workspace.names_of(&selected.tag.group);
    let platforms = match workspace.require.is_empty() {
        true => {
            let runners = workspace.workflows.runners.iter();
            runners.map(|(platform, _)| *platform).collect()
        }
        false => workspace.require.clone(),
    };
    let which = (&selected.tag.version, selected.channel);
    let asked = not_older(&client, which, (&products, &platforms));
    match app.until_interrupted(asked).await {
        Err(Error::Publish(PublishError::Client(error))) => {
            app.reporter.warn(format!(
                "whether the channel has a newer version is found out when all is built: {}",
                with_causes(&error)
            ));
            Ok(())
        }
        asked => asked,
    }
}

/// Whether a job of a workflow has the secret key, without the key: `true` or `false`, or `elsewhere` where steps of a
/// person's own sign.
const SIGNS_VAR: &str = "ATLAS_SIGNS";

/// Ends a job that would build what nothing could publish: a product that is never published unsigned, where the job has
/// no key to sign with. That nothing of any other is signed is said.
async fn look_for_key(app: &App<'_>, tag: String) -> Result<(), Error> {
    let signs = app.world.env.text(SIGNS_VAR);
    let signs = signs.map_err(SettingsError::from)?;
    if signs.is_some_and(|text| ["true", "elsewhere"].contains(&text.trim()))
        || is_key_there(app.world)
    {
        return Ok(());
    }
    let Some(tag) = named_tag(app, Some(tag))? else {
        return Ok(());
    };
    let workspace = products::read(app.world).await?;
    let products = workspace.names_of(&tag.group);
    let keys = Keys::of_workspace(workspace.signing);
    let needed = products.into_iter().find(|one| keys.are_needed(one));
    if let Some(product) = needed {
        return Err(WorkflowsError::NoKey(product).into());
    }
    app.reporter.warn(format!(
        "no key to sign with reaches this job, so nothing of {tag} is signed; the secret is {KEY_VAR}"
    ));
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
