//! `publish`: what is staged, or what a manifest names.

use super::args::PublishCommand;
use super::common::{App, OpenHub};
use super::finish;
pub(super) use super::goods::Goods;
use super::goods::{check_manifest, keep_the_hubs, keep_the_hubs_statements, signed_goods};
use crate::artifacts::by_platform;
use crate::dist;
use crate::error::{Error, with_causes};
use crate::events::Event;
use crate::lock::DirLock;
use crate::publish::{
    Journal, Means, Publication, PublishError, STAGED_FORMAT, StagedOnHub, of_others, preflight,
    publish as send, stage,
};
use crate::receipt::Receipt;
use crate::settings::{self, HubChoice};
use crate::sign::{self, Keys};
use crate::verify::{Look, ReadBacks, VerifyError, verify};
use release_types::{Channel, ObjectKey, Platform};

pub(super) async fn publish(app: &App<'_>, mut args: PublishCommand) -> Result<(), Error> {
    args.staged.files.channel = settings::channel(app.world, args.staged.files.channel)?;
    let dist_dirs = app.dist_dirs();
    let of_dist = args.staged.manifest.is_none();
    if args.share.finish && finish::is_elsewhere(app, &args.staged, &dist_dirs)? {
        return finish::by_name(app, args).await;
    }
    let settings = app.publish_settings(args.publish)?;
    check_manifest(app, &args.staged, args.allow_contradictions).await?;
    let named = args.key.public_key.as_deref();
    // Whoever has the key to sign with here means it to be the one.
    let secret = sign::secret(app.world)?;
    let own = secret.as_ref().map(|secret| secret.key.public());
    if args.dry_run {
        let (goods, _) = signed_goods(app, args.staged, (named, own)).await?;
        for artifact in &goods.artifacts {
            app.reporter.note(format!(
                "would publish {} ({} bytes, sha256 {}) on channel {}",
                artifact.key, artifact.size, artifact.sha256, goods.channel
            ));
        }
        return Ok(());
    }
    let choice = app.hub_choice(&args.hub)?;
    app.say_which_hub(&choice)?;
    let _state = lock_for(app, &choice)?;
    let _dist = match of_dist {
        true => app.lock_dist_dirs(&dist_dirs)?,
        false => Vec::new(),
    };
    let (goods, signed_by) = signed_goods(app, args.staged, (named, own)).await?;
    let mut goods = goods.requiring(args.require.require);
    let groups = by_platform(&goods.artifacts);
    let keys: Vec<_> = groups
        .iter()
        .map(|((product, platform), files)| ((*product).clone(), *platform, files[0].key.clone()))
        .collect();
    let hub = app.open_hub(&choice, &goods.products(), true).await?;
    let work = async {
        let (client, reporter) = (&hub.client, app.reporter.as_ref());
        let which = (&goods.version, goods.channel);
        let preflight = preflight(client, which, &keys, &settings, reporter).await?;
        let means = Means {
            client,
            preflight: &preflight,
            settings: &settings,
            reporter,
        };
        keep_the_hubs_statements(app, client, &mut goods, &signed_by).await?;
        keep_the_hubs(app, client, &mut goods, &signed_by).await?;
        match args.share.stage_only {
            true => stage_only(app, &hub, &goods, means).await,
            false => publish_and_verify(app, &hub, (&goods, &signed_by), means).await,
        }
    };
    let outcome = app.until_interrupted(work).await;
    let outcome = outcome.map_err(|error| match error {
        // No other build of this program's would come out otherwise.
        Error::Publish(error) if !of_dist && error.is_refusal() => Error::PublishManifest(error),
        error => error,
    });
    hub.close(outcome).await
}

/// Locks the state folder where the embedded Hub is used; another Hub needs none.
pub(super) fn lock_for(app: &App<'_>, choice: &HubChoice) -> Result<Option<DirLock>, Error> {
    match choice {
        HubChoice::Local => Ok(Some(app.lock_state(&app.state_dir()?)?)),
        HubChoice::Remote(_) => Ok(None),
    }
}

/// Uploads for another run, and says how that one finishes.
async fn stage_only(
    app: &App<'_>,
    hub: &OpenHub,
    goods: &Goods,
    means: Means<'_>,
) -> Result<(), Error> {
    let journal = journal_of(app, hub, goods)?;
    let published = stage(means, goods.noted_in(&journal)).await?;
    app.reporter.event(Event::Staged(Box::new(StagedOnHub {
        format: STAGED_FORMAT,
        hub: hub.client.hub().to_string(),
        products: goods.products(),
        version: goods.version.clone(),
        channel: goods.channel,
        platforms: goods.platforms(),
        drafts: means.preflight.has_drafts(),
        command: finishing(goods, means.preflight.has_drafts()),
        published,
    })));
    Ok(())
}

/// The journals of the platforms' folders, where the files are of some.
fn journal_of(app: &App<'_>, hub: &OpenHub, goods: &Goods) -> Result<Journal, Error> {
    let (hub, now) = (hub.name(), app.world.now);
    let journal = Journal::open(&goods.folders, &hub, &goods.version, &goods.artifacts, now);
    Ok(journal.map_err(PublishError::from)?)
}

/// The command that shows what is staged, for a shell; what this machine cannot know is in capitals.
fn finishing(goods: &Goods, drafts: bool) -> String {
    let products = goods.products();
    let mut words: Vec<String> = ["atlas-release", "publish", "--finish"]
        .map(str::to_owned)
        .into();
    let group = goods.group.as_deref();
    let group = group.unwrap_or(
        products
            .first()
            .map_or("release", |product| product.as_str()),
    );
    words.push(format!("{group}-v{}", goods.version));
    if goods.group.is_none() {
        for product in &products {
            words.extend(["--product".to_owned(), product.to_string()]);
        }
    }
    if Channel::of_version(&goods.version) != Some(goods.channel) {
        words.extend(["--channel".to_owned(), goods.channel.to_string()]);
    }
    let names = |platforms: &[Platform]| -> Vec<String> {
        platforms.iter().map(Platform::to_string).collect()
    };
    let required = match &goods.require[..] {
        [] => names(&goods.platforms()).join(",") + ",OTHERS",
        named => names(named).join(","),
    };
    words.extend(["--require".to_owned(), required]);
    if !drafts {
        words.extend(["--dist-dir".to_owned(), "EACH".to_owned()]);
    }
    words.join(" ")
}

/// Reads back what was sent, and what others have uploaded of the same release. What the Hub lists and
/// does not give out as it is, is sent once more where this run has it: the bytes are those that it
/// lists, so nothing that is published changes.
async fn read_back(
    app: &App<'_>,
    release: Publication<'_>,
    (means, keys): (Means<'_>, &Keys),
) -> Result<Receipt, Error> {
    let Means {
        client, reporter, ..
    } = means;
    let now = app.world.now;
    let look = Look {
        client,
        rule: &|product, platform| means.preflight.latest_rule(product, platform),
        settings: ReadBacks::all(means.settings.read_backs),
        now,
        reporter,
    };
    let mut all = release.artifacts.to_vec();
    all.extend(of_others(client, &release).await?);
    let whole = Publication {
        artifacts: &all,
        ..release
    };
    let verified = verify(look, whole, keys).await;
    let damaged: Vec<ObjectKey> = match &verified {
        Err(VerifyError::Differences { damaged, .. }) => {
            let here = |key: &&ObjectKey| release.artifacts.iter().any(|file| file.key == **key);
            damaged.iter().filter(here).cloned().collect()
        }
        _ => Vec::new(),
    };
    if damaged.is_empty() {
        return Ok(verified?);
    }
    for key in &damaged {
        reporter.warn(format!(
            "the Hub has lost or damaged the bytes of {key}: they are sent again"
        ));
    }
    let again = Publication {
        damaged: &damaged,
        ..release
    };
    if let Err(error) = send(means, again, now()).await {
        // What was found counts for more than that it could not be mended.
        reporter.warn(format!("it cannot be mended: {}", with_causes(&error)));
        return Ok(verified?);
    }
    Ok(verify(look, whole, keys).await?)
}

/// The part that `publish` and `release` share: send, read back, write the receipt.
pub(super) async fn publish_and_verify(
    app: &App<'_>,
    hub: &OpenHub,
    (goods, keys): (&Goods, &Keys),
    means: Means<'_>,
) -> Result<(), Error> {
    let journal = journal_of(app, hub, goods)?;
    let release = goods.noted_in(&journal);
    send(means, release, (app.world.now)()).await?;
    let mut receipt = read_back(app, release, (means, keys)).await?;
    receipt.source = goods.published_source(&receipt, means.reporter);
    receipt.serve_command = hub.serve_command(app);
    if let Some(dir) = &goods.receipt_dir {
        let path = dir.join(dist::RECEIPT_FILE);
        serde_json::to_vec_pretty(&receipt)
            .map_err(std::io::Error::from)
            .and_then(|json| dist::write_atomically(&path, &json))
            .map_err(|source| Error::Io { path, source })?;
    }
    means.reporter.event(Event::Receipt(Box::new(receipt)));
    Ok(())
}
