//! `release`: the whole way.

use super::args::ReleaseCommand;
use super::build::{build_and_stage, lock};
use super::common::App;
use super::publish::{Goods, publish_and_verify};
use crate::error::Error;
use crate::publish::preflight;
use crate::settings::{self, HubChoice};
use std::collections::BTreeMap;

pub(super) async fn release(app: &App<'_>, args: ReleaseCommand) -> Result<(), Error> {
    let choice = app.hub_choice(&args.hub)?;
    let publish = app.publish_settings(args.publish)?;
    let prepared = app
        .prepare(&args.select, &args.build, Some(&choice), true)
        .await?;
    if args.dry_run {
        app.show_plan(prepared.plan);
        return Ok(());
    }
    if matches!(choice, HubChoice::Remote(_)) {
        settings::deploy_token(app.world)?;
    }
    let _locks = lock(app, &prepared)?;
    let plan = &prepared.plan;
    let keys = plan.products.iter();
    let keys: BTreeMap<_, _> = keys.map(|p| (p.product.clone(), p.key.clone())).collect();
    let products: Vec<_> = keys.keys().cloned().collect();
    let (version, channel) = (plan.version.clone(), plan.channel);
    let receipt_dir = plan.staging.parent().map(ToOwned::to_owned);
    let hub = app.open_hub(&choice, &products, true).await?;
    let work = async {
        // What would be refused after the build is refused before it.
        let preflight = preflight(&hub.client, &version, channel, &keys, &publish);
        let preflight = app.until_interrupted(preflight).await?;
        let staged = build_and_stage(app, prepared).await?;
        let goods = Goods {
            version,
            channel,
            artifacts: staged.artifacts,
            receipt_dir,
        };
        app.until_interrupted(publish_and_verify(app, &hub, &goods, &preflight, &publish))
            .await
    };
    let outcome = work.await;
    hub.close(outcome).await
}
