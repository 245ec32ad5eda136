//! `verify`: a release that was published some time ago.

use super::args::VerifyCommand;
use super::common::App;
use super::publish::goods;
use crate::error::Error;
use crate::events::Event;
use crate::verify::{LatestRule, verify as read_back};

pub(super) async fn verify(app: &App<'_>, args: VerifyCommand) -> Result<(), Error> {
    let goods = goods(app, &args.staged)?;
    let choice = app.hub_choice(&args.hub)?;
    let state_dir = app.state_dir()?;
    let _state = match args.hub.local {
        true => Some(app.lock_state(&state_dir)?),
        false => None,
    };
    let hub = app.open_hub(&choice, &state_dir, &[], false).await?;
    let (publication, now) = (goods.publication(), app.world.now);
    let rule = |_: &_| LatestRule::NotOlder;
    let outcome = read_back(&hub.client, publication, &rule, now, app.reporter.as_ref()).await;
    let outcome = outcome.map_err(Error::from).map(|mut receipt| {
        receipt.serve_command = hub.serve_command(app);
        app.reporter.event(Event::Receipt(Box::new(receipt)));
    });
    hub.close(outcome).await
}
