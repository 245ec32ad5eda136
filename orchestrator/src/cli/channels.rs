//! `promote`, `yank` and `rollback`.

use super::args::{HubArgs, ProductsArgs, PromoteCommand, RollbackCommand, YankCommand};
use super::common::App;
use super::publish::lock_for;
use crate::channels::{
    Back, Promote, Taking, products_of, promote as give, roll_back, yank as take,
};
use crate::error::Error;
use crate::events::Event;
use crate::outcome::Outcome;
use crate::products;
use crate::select::SelectError;
use hub_client::HubClient;
use release_types::{Channel, ProductName};

pub(super) async fn promote(app: &App<'_>, args: PromoteCommand) -> Result<(), Error> {
    let products = products_meant(app, &args.products, args.named.group.as_deref()).await?;
    let asked = Promote {
        products: &products,
        version: &args.named.version,
        from: args.from,
        to: args.to,
        dry_run: args.dry_run,
    };
    let work = async |client: &HubClient| {
        let done = give(client, asked, app.world.now, app.reporter.as_ref());
        let done = app.until_interrupted(done).await?;
        Ok(done.map(Outcome::Promotion))
    };
    on_hub(app, &args.hub, args.dry_run, work).await
}

pub(super) async fn yank(app: &App<'_>, args: YankCommand) -> Result<(), Error> {
    let version = &args.named.version;
    let channel = channel_of(app, args.channel, version).await?;
    let products = products_meant(app, &args.products, args.named.group.as_deref()).await?;
    let asked = Taking {
        products: &products,
        version,
        channel,
        reason: args.reason.as_deref(),
        dry_run: args.dry_run,
    };
    let work = async |client: &HubClient| {
        let done = take(client, asked, app.reporter.as_ref());
        let done = app.until_interrupted(done).await?;
        Ok(done.map(Outcome::Yank))
    };
    on_hub(app, &args.hub, args.dry_run, work).await
}

pub(super) async fn rollback(app: &App<'_>, args: RollbackCommand) -> Result<(), Error> {
    let group = args.to.as_ref().and_then(|to| to.group.as_deref());
    let products = products_meant(app, &args.products, group).await?;
    let asked = Back {
        products: &products,
        channel: args.channel,
        to: args.to.as_ref().map(|to| &to.version),
        reason: args.reason.as_deref(),
        dry_run: args.dry_run,
    };
    let work = async |client: &HubClient| {
        // Not broken off by a signal, unless it takes long: half of it, and the next run would go back
        // one version more.
        let done = roll_back(client, asked, app.world.now, app.reporter.as_ref());
        Ok(to_its_end(app, done).await?.map(Outcome::Rollback))
    };
    on_hub(app, &args.hub, args.dry_run, work).await
}

/// The channel that was named, or the one that the version says by itself, or by the workspace here.
pub(super) async fn channel_of(
    app: &App<'_>,
    named: Option<Channel>,
    version: &semver::Version,
) -> Result<Channel, Error> {
    if let Some(channel) = named.or_else(|| Channel::of_version(version)) {
        return Ok(channel);
    }
    // Only now is a workspace asked for, which need not be there: files of any making have none.
    let declared = match products::read(app.world).await {
        Ok(workspace) => workspace.channel_of(version),
        Err(error) => {
            tracing::debug!(%error, "no workspace says which channel it is");
            None
        }
    };
    Ok(declared.ok_or_else(|| SelectError::NoChannel(version.clone()))?)
}

/// Goes on with a rollback when the run is asked to end, and says so.
async fn to_its_end<T>(app: &App<'_>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = app.world.runner.cancellation().cancelled() => {}
    }
    app.reporter.note(
        "interrupted: the rollback is finished first, for 15 s at most; if it breaks off, the same \
         command with --to and the version that is named above goes on with it"
            .to_owned(),
    );
    work.await
}

/// The products that were named, else those of the workspace's group.
async fn products_meant(
    app: &App<'_>,
    args: &ProductsArgs,
    group: Option<&str>,
) -> Result<Vec<ProductName>, Error> {
    let mut products = args.product.clone();
    if products.is_empty() {
        let workspace = products::read(app.world).await?;
        products = products_of(&workspace, args.group.as_deref().or(group))?;
    }
    products.sort();
    products.dedup();
    Ok(products)
}

/// Does something with the Hub that was chosen, and tells what came of it.
async fn on_hub(
    app: &App<'_>,
    hub: &HubArgs,
    dry_run: bool,
    work: impl AsyncFnOnce(&HubClient) -> Result<Option<Outcome>, Error>,
) -> Result<(), Error> {
    let choice = app.hub_choice(hub)?;
    app.say_which_hub(&choice)?;
    let _state = lock_for(app, &choice)?;
    let hub = app.open_hub(&choice, &[], !dry_run).await?;
    let outcome = work(&hub.client).await.map(|done| {
        if let Some(done) = done {
            app.reporter.event(Event::Outcome(Box::new(done)));
        }
    });
    hub.close(outcome).await
}
