//! `verify`: a release that was published some time ago.

use super::args::VerifyCommand;
use super::common::App;
use super::publish::{goods, lock_for};
use crate::error::Error;
use crate::events::Event;
use crate::verify::{LatestRule, verify as read_back};

pub(super) async fn verify(app: &App<'_>, args: VerifyCommand) -> Result<(), Error> {
    let choice = app.hub_choice(&args.hub)?;
    let goods = goods(app, args.staged).await?;
    app.say_which_hub(&choice)?;
    let _state = lock_for(app, &choice)?;
    let hub = app.open_hub(&choice, &[], false).await?;
    let (publication, now) = (goods.publication(), app.world.now);
    let rule = |_: &_, _| LatestRule::NotOlder;
    let work = read_back(&hub.client, publication, &rule, now, app.reporter.as_ref());
    let outcome = app.until_interrupted(work).await.map(|mut receipt| {
        receipt.source = goods.published_source(&receipt, app.reporter.as_ref());
        receipt.serve_command = hub.serve_command(app);
        app.reporter.event(Event::Receipt(Box::new(receipt)));
    });
    hub.close(outcome).await
}
