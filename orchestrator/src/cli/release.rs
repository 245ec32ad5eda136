//! `release`: the whole way.

use super::args::ReleaseCommand;
use super::build::{Signing, build_and_stage, lock};
use super::common::App;
use super::goods::{check_signatures, keep_the_hubs, keep_the_hubs_statements};
use super::prepared::Subject;
use super::publish::{Goods, publish_and_verify};
use crate::error::Error;
use crate::publish::{Means, Publication, check_elsewhere, preflight};
use crate::settings::{self, HubChoice};
use crate::sign::{self, Keys, Signer};

pub(super) async fn release(app: &App<'_>, args: ReleaseCommand) -> Result<(), Error> {
    let choice = app.hub_choice(&args.hub)?;
    let publish = app.publish_settings(args.publish)?;
    let prepared = app
        .prepare(&args.select, &args.build, Some(&choice), true)
        .await?;
    if args.dry_run {
        prepared.show(app);
        return Ok(());
    }
    if matches!(choice, HubChoice::Remote(_)) {
        settings::deploy_token(app.world)?;
    }
    app.say_which_hub(&choice)?;
    let _locks = lock(app, &prepared)?;
    let Subject {
        version,
        channel,
        products,
        keys,
        require,
        receipt_dir,
        signed_by,
    } = prepared.subject();
    let signed_by = Keys::of_workspace(signed_by);
    let require = match args.require.require.is_empty() {
        true => require,
        false => args.require.require,
    };
    // What could not be signed after the build is not built.
    let secret = sign::secret_for(app.world, &products, &signed_by)?;
    let signed_by = signed_by.own(secret.as_ref().map(|secret| secret.key.public()));
    let hub = app.open_hub(&choice, &products, true).await?;
    let work = async {
        let client = &hub.client;
        let wanted = Publication {
            version: &version,
            channel,
            artifacts: &[],
            damaged: &[],
            require: &require,
            journal: None,
        };
        // What would be refused after the build is refused before it.
        let (which, reporter) = ((&version, channel), app.reporter.as_ref());
        let asked = async {
            let preflight = preflight(client, which, &keys, &publish, reporter).await?;
            if !preflight.has_drafts() {
                let here = keys.iter().map(|(product, on, _)| (product.clone(), *on));
                check_elsewhere(client, &wanted, here).await?;
            }
            Ok::<_, Error>(preflight)
        };
        let preflight = app.until_interrupted(asked).await?;
        let built = build_and_stage(app, prepared, &preflight.last, Signing::AsConfigured);
        let (mut staged, earlier) = built.await?;
        let goods_of = |staged: &[_]| {
            let goods = Goods::of_staged(staged, None, receipt_dir.clone());
            goods.requiring(require.clone())
        };
        let mut goods = goods_of(&staged);
        // Before anything is signed: what is kept of the Hub's may be other bytes than were made here.
        let keeping = keep_the_hubs_statements(app, client, &mut goods, &signed_by);
        app.until_interrupted(keeping).await?;
        if let Some(secret) = &secret {
            let signing = sign::Signing {
                world: app.world,
                reporter,
                secret,
                keys: &signed_by,
                signer: Signer::Native,
                minisig: signed_by.minisig(),
            };
            let dirs: Vec<_> = staged.iter().map(|one| one.dir.clone()).collect();
            staged = signing.folders(&dirs).await?;
            goods = goods_of(&staged);
        }
        check_signatures(app, &goods, &signed_by).await?;
        let means = Means {
            client,
            preflight: &preflight,
            settings: &publish,
            reporter: app.reporter.as_ref(),
        };
        let publishing = async {
            keep_the_hubs(app, client, &mut goods, &signed_by).await?;
            publish_and_verify(app, &hub, (&goods, &signed_by), means).await
        };
        let outcome = app.until_interrupted(publishing).await;
        if matches!(&outcome, Err(Error::Publish(error)) if error.is_refusal()) {
            let mut restored = false;
            for earlier in earlier {
                match earlier.restore() {
                    Ok(was_there) => restored |= was_there,
                    // That it was refused counts for more.
                    Err(error) => app.reporter.warn(format!(
                        "the earlier build could not be put back into dist/: {error}"
                    )),
                }
            }
            if restored {
                app.reporter
                    .note("dist/ holds the earlier build again, not the refused one".to_owned());
            }
        }
        outcome
    };
    let outcome = work.await;
    hub.close(outcome).await
}
