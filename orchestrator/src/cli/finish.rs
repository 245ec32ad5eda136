//! `publish --finish` on a machine that has none of the files: the Hub's drafts are the release.

use super::args::{PublishCommand, StagedArgs};
use super::channels::channel_of;
use super::common::App;
use super::goods::named_tag;
use super::publish::lock_for;
use crate::error::{Error, with_causes};
use crate::events::Event;
use crate::publish::{Publication, PublishError, finish, preflight};
use crate::select::known_group;
use crate::settings::SettingsError;
use crate::verify::{Look, ReadBacks, verify};
use crate::{dist, products, sign};
use release_types::{FileName, ObjectKey, Platform, ProductName, Tag, artifact_key};
use std::path::PathBuf;

/// Whether no folder holds the release that is to be finished, so that the Hub alone has it.
pub(super) fn is_elsewhere(
    app: &App<'_>,
    args: &StagedArgs,
    dist_dirs: &[PathBuf],
) -> Result<bool, Error> {
    let Some(tag) = named_tag(app, args.tag.clone())? else {
        return Ok(false);
    };
    for dist_dir in dist_dirs {
        if dist::find(dist_dir, Some(&tag))?.is_dir() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Shows what was staged under a tag, and reads all of it back as the Hub lists it.
pub(super) async fn by_name(app: &App<'_>, args: PublishCommand) -> Result<(), Error> {
    let usage = |why: &str| Error::from(SettingsError::Flags(why.to_owned()));
    if args.publish.notes.is_some()
        || args.publish.notes_file.is_some()
        || args.publish.published_at.is_some()
    {
        return Err(usage(
            "notes and date belong to what is staged: give them to `publish --stage-only`",
        ));
    }
    let named = named_tag(app, args.staged.tag)?;
    let tag = named.ok_or_else(|| usage("--finish without files needs the tag"))?;
    let (products, require) = what(app, &tag, args.staged.product, args.require.require).await?;
    if require.is_empty() {
        return Err(usage(
            "--finish without files needs --require, or `require` in [workspace.metadata.atlas-release]: nobody else says which platforms there are",
        ));
    }
    let secret = sign::secret(app.world)?;
    let own = secret.as_ref().map(|secret| secret.key.public());
    let signed_by = app.keys(args.key.public_key.as_deref()).await?.own(own);
    for product in &products {
        signed_by.is_known(product)?;
    }
    let settings = app.publish_settings(args.publish)?;
    let channel = channel_of(app, args.staged.files.channel, &tag.version).await?;
    let version = &tag.version;
    if args.dry_run {
        for (product, platform, _) in keys(&products, version, &require)? {
            app.reporter.note(format!(
                "would show {product} {version} for {platform} on channel {channel}"
            ));
        }
        return Ok(());
    }
    let choice = app.hub_choice(&args.hub)?;
    app.say_which_hub(&choice)?;
    let _state = lock_for(app, &choice)?;
    let hub = app.open_hub(&choice, &products, true).await?;
    let (client, reporter) = (&hub.client, app.reporter.as_ref());
    let publication = Publication {
        version,
        channel,
        artifacts: &[],
        damaged: &[],
        require: &require,
        journal: None,
    };
    let work = async {
        let keys = keys(&products, version, &require)?;
        let which = (version, channel);
        let preflight = preflight(client, which, &keys, &settings, reporter).await?;
        if !preflight.has_drafts() {
            let hub = client.hub().to_string();
            return Err(Error::from(PublishError::NoDrafts { hub }));
        }
        reporter.stage("publishing", format!("{version} to {}", client.hub()));
        let files = finish(client, &publication, &products).await?;
        for (product, platform, _) in keys {
            reporter.event(Event::Registered {
                product,
                platform,
                unchanged: false,
            });
        }
        let rule = |product: &_, platform| preflight.latest_rule(product, platform);
        let publication = Publication {
            artifacts: &files,
            ..publication
        };
        let look = Look {
            client,
            rule: &rule,
            settings: ReadBacks::all(settings.read_backs),
            now: app.world.now,
            reporter,
        };
        let mut receipt = verify(look, publication, &signed_by).await?;
        receipt.serve_command = hub.serve_command(app);
        reporter.event(Event::Receipt(Box::new(receipt)));
        Ok(())
    };
    let outcome = app.until_interrupted(work).await;
    hub.close(outcome).await
}

/// The products and the platforms that are meant: those that were named, else the workspace's.
async fn what(
    app: &App<'_>,
    tag: &Tag,
    products: Vec<ProductName>,
    require: Vec<Platform>,
) -> Result<(Vec<ProductName>, Vec<Platform>), Error> {
    if !products.is_empty() && !require.is_empty() {
        return Ok((products, require));
    }
    let workspace = match products::read(app.world).await {
        Ok(workspace) => workspace,
        // Whoever has named the products need be in no workspace, and then says the rest by a flag too.
        Err(error) if !products.is_empty() => {
            let why = with_causes(&error);
            app.reporter
                .note(format!("no workspace says what is required: {why}"));
            return Ok((products, require));
        }
        Err(error) => {
            app.reporter.note(
                "--finish without files, and outside of a workspace, needs --product and --require"
                    .to_owned(),
            );
            return Err(error.into());
        }
    };
    let products = match products.is_empty() {
        true => {
            known_group(&tag.group, &tag.to_string(), &workspace)?;
            workspace.names_of(&tag.group)
        }
        false => products,
    };
    let require = match require.is_empty() {
        true => workspace.require,
        false => require,
    };
    Ok((products, require))
}

/// A key of each platform of each product, to ask whether they may be published. What the files are
/// called only the Hub knows.
fn keys(
    products: &[ProductName],
    version: &semver::Version,
    require: &[Platform],
) -> Result<Vec<(ProductName, Platform, ObjectKey)>, SettingsError> {
    let key = |(product, platform): (&ProductName, Platform)| {
        let unfit = || SettingsError::Flags(format!("`{product}` makes no key"));
        let name: FileName = product.as_str().parse().map_err(|_| unfit())?;
        let key = artifact_key(product, version, platform, &name).map_err(|_| unfit())?;
        Ok((product.clone(), platform, key))
    };
    let all = products
        .iter()
        .flat_map(|product| require.iter().map(move |platform| (product, *platform)));
    all.map(key).collect()
}
