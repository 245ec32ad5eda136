//! `token`: for administrators.

use super::args::{Format, TokenCommand, TokenIssue, TokenList, TokenRevoke};
use super::common::App;
use crate::error::Error;
use crate::events::Event;
use crate::outcome::Outcome;
use crate::settings;
use crate::tokens::{self, Issued, Listed, Owner, Place, Revoked, Shown, TokenError, Tokens};
use hub_client::HubClient;
use release_types::{IssueTokenRequest, PackId};

pub(super) async fn token(app: &App<'_>, command: TokenCommand) -> Result<(), Error> {
    match command {
        TokenCommand::Issue(args) => issue(app, args).await,
        TokenCommand::List(args) => list(app, args).await,
        TokenCommand::Revoke(args) => revoke(app, args).await,
    }
}

async fn issue(app: &App<'_>, args: TokenIssue) -> Result<(), Error> {
    let now = (app.world.now)();
    let expires = args.expires.map(|expiry| expiry.resolve(now)).transpose()?;
    let (client, owner) = open(app, args.of.hub_url.as_deref(), args.of.pack)?;
    let path = args.output.map(|path| app.world.absolute(&path));
    let place = Place::prepare(path)?;
    let request = IssueTokenRequest {
        name: args.name,
        expires_at: expires.map(|at| at.to_string()),
    };
    // Not broken off by a signal: the Hub may have issued it by then.
    let answer = tokens::issue(&client, &owner, &request).await?;
    let id = answer.record.id.clone();
    let mut issued = Issued::new(
        client.hub().to_string(),
        &owner,
        Listed::new(answer.record, now),
    );
    let said = issued.to_string();
    let text = Shown::new(answer.token);
    let (name, file) = (place.name(), place.file().map(ToOwned::to_owned));
    let json = app.global.format == Format::Json;
    let written = if let Some(file) = file {
        let written = place.write(text.text());
        issued.output = Some(file);
        written.map(|()| match json {
            true => app
                .reporter
                .event(Event::Outcome(Box::new(Outcome::Token(issued)))),
            false => app.reporter.note(format!("{said}; it is in {name}")),
        })
    } else if json {
        issued.token = Some(text);
        let event = Event::Outcome(Box::new(Outcome::Token(issued)));
        let line = serde_json::to_string(&event).map_err(std::io::Error::from);
        line.and_then(|line| place.write(&line))
    } else {
        app.reporter.note(format!("{said}; it is shown this once"));
        place.write(text.text())
    };
    written.map_err(|source| {
        Error::from(TokenError::Lost {
            revoke: owner.revoke_command(&client, &id),
            id,
            place: name,
            source,
        })
    })
}

async fn list(app: &App<'_>, args: TokenList) -> Result<(), Error> {
    let (client, owner) = open(app, args.of.hub_url.as_deref(), args.of.pack)?;
    let listed = app.until_interrupted(tokens::list(&client, &owner)).await?;
    let hub = client.hub().to_string();
    let tokens = Tokens::new(hub, &owner, listed, (app.world.now)());
    let event = Event::Outcome(Box::new(Outcome::Tokens(tokens)));
    app.reporter.event(event);
    Ok(())
}

async fn revoke(app: &App<'_>, args: TokenRevoke) -> Result<(), Error> {
    let (client, owner) = open(app, args.of.hub_url.as_deref(), args.of.pack)?;
    let at = tokens::revoke(&client, &owner, &args.id);
    let at = app.until_interrupted(at).await?;
    let revoked = Revoked::new(client.hub().to_string(), &owner, args.id, at);
    let event = Event::Outcome(Box::new(Outcome::TokenRevoked(revoked)));
    app.reporter.event(event);
    Ok(())
}

/// A client with the administrator's credential.
fn open(
    app: &App<'_>,
    url: Option<&str>,
    pack: Option<PackId>,
) -> Result<(HubClient, Owner), Error> {
    let client = app.client_of_named(url)?;
    let credential = settings::admin_token(app.world)?;
    let client = client.admin_token(Some(credential)).build()?;
    Ok((client, pack.map_or(Owner::Hub, Owner::Pack)))
}
