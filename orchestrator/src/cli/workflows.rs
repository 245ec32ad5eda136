//! `workflows`.

use super::args::WorkflowsCommand;
use super::common::App;
use crate::error::Error;
use crate::events::Event;
use crate::git::Git;
use crate::outcome::Outcome;
use crate::products;
use crate::select::SelectError;
use crate::workflows::{WorkflowsError, check, generate, wanted};

pub(super) async fn workflows(app: &App<'_>, command: WorkflowsCommand) -> Result<(), Error> {
    let workspace = products::read(app.world).await?;
    let git = Git::new(app.world, &workspace.root).map_err(SelectError::from)?;
    let top = git.top().await.map_err(SelectError::from)?;
    if top != workspace.root {
        let root = workspace.root;
        return Err(WorkflowsError::NotTop { root, top }.into());
    }
    let wanted = wanted(&workspace)?;
    let report = match command {
        WorkflowsCommand::Generate => generate(&top, &wanted)?,
        WorkflowsCommand::Check => check(&top, &wanted)?,
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
