//! `pack`: for a pack's automation.

use super::args::{PackCommand, PackPublish};
use super::common::App;
use crate::error::Error;
use crate::events::Event;
use crate::outcome::Outcome;
use crate::pack::{self, Build};
use crate::settings::{self, Credential};
use crate::text::one_line;

pub(super) async fn pack(app: &App<'_>, command: PackCommand) -> Result<(), Error> {
    let PackCommand::Publish(args) = command;
    publish(app, args).await
}

async fn publish(app: &App<'_>, args: PackPublish) -> Result<(), Error> {
    let path = app.world.absolute(&args.file);
    // What is missing is told before a large file is read.
    let client = match args.dry_run {
        true => None,
        false => {
            let client = app.client_of_named(args.hub_url.as_deref())?;
            let client = match settings::pack_token(app.world)? {
                Credential::Token(token) => client.pack_token(Some(token)),
                Credential::Job(job) => client.job(Some(app.hidden(job))),
            };
            Some(client.build()?)
        }
    };
    let file = path.clone();
    let (size, sha256) = app.reading(move || Ok(pack::measure(&file)?)).await?;
    let build = Build {
        pack: args.pack,
        version: args.version,
        channel: args.channel,
        commit_hash: args.commit_hash,
        commit_message: args.commit_message,
        path,
        size,
        sha256,
    };
    let Some(client) = client else {
        app.reporter.note(format!(
            "would publish {} ({size} bytes, sha256 {sha256}) as {} {} on channel {}",
            build.path.display(),
            build.pack,
            one_line(&build.version),
            build.channel
        ));
        return Ok(());
    };
    let work = pack::publish(&client, &build, app.reporter.as_ref());
    let done = app.until_interrupted(work).await?;
    let event = Event::Outcome(Box::new(Outcome::PackBuild(done)));
    app.reporter.event(event);
    Ok(())
}
