//! `verify`: a release that was published some time ago, by whomever.

use super::args::{StagedArgs, VerifyCommand};
use super::channels::channel_of;
use super::common::App;
use super::goods::{Goods, goods, named_tag};
use super::provenance::Asked;
use super::publish::lock_for;
use super::recorded::recorded;
use crate::dist::{self, Named};
use crate::error::Error;
use crate::events::Event;
use crate::products;
use crate::receipt::Source;
use crate::settings::{self, SettingsError};
use crate::text::{one_line, without_v};
use crate::verify::{
    Expectation, LatestRule, Look, ReadBacks, Verified, VerifyError, check, listed,
};
use release_types::{Channel, ProductName, Tag};

/// What a release is compared with.
enum Subject {
    /// Files that are here.
    Goods(Goods),
    /// What was recorded when it was built.
    Recorded(Expectation, Source),
    /// What the Hub lists. Others may have any text for a version.
    Listed(String, Channel, Vec<ProductName>),
}

pub(super) async fn verify(app: &App<'_>, mut args: VerifyCommand) -> Result<(), Error> {
    args.files.channel = settings::channel(app.world, args.files.channel)?;
    let choice = app.hub_choice(&args.hub)?;
    let settings = ReadBacks {
        at_once: args.read_back.downloads,
        sample: args.sample,
    };
    let mut keys = app.keys(args.key.public_key.as_deref()).await?;
    let asked = Asked::of(app, &args).await?;
    let subject = match args.against.take() {
        Some(path) => {
            let name = name(app, args.name)?;
            let (expected, source, key) = recorded(app, &path, name, args.files.channel).await?;
            keys = keys.recorded(key.as_deref())?;
            Subject::Recorded(expected, source)
        }
        None => subject(app, args).await?,
    };
    app.say_which_hub(&choice)?;
    let _state = lock_for(app, &choice)?;
    let hub = app.open_hub(&choice, &[], false).await?;
    let (client, reporter) = (&hub.client, app.reporter.as_ref());
    let look = Look {
        client,
        rule: &|_, _| LatestRule::NotOlder,
        settings,
        now: app.world.now,
        reporter,
    };
    let keys = match &subject {
        Subject::Goods(goods) => keys.recorded(goods.public_key.as_deref())?,
        Subject::Recorded(..) | Subject::Listed(..) => keys,
    };
    let work = async {
        let expected = match &subject {
            Subject::Goods(goods) => Expectation::of_files(&goods.publication()),
            Subject::Recorded(expected, _) => expected.clone(),
            Subject::Listed(version, channel, products) => {
                let found = listed(client, version, *channel, products, settings.at_once).await;
                // What the Hub says to calls that others make too means what it means there.
                found.map_err(|error| match error {
                    VerifyError::Client(error) => Error::Client(error),
                    error => error.into(),
                })?
            }
        };
        let mut verified = check(look, (&expected, &keys)).await?;
        let found = verified.found_mut();
        found.source = match &subject {
            Subject::Goods(goods) => goods.published_source(found, reporter),
            Subject::Recorded(_, source) => Some(source.clone()),
            Subject::Listed(..) => None,
        };
        if let Some(asked) = asked {
            asked.prove(app, client, (found, &keys)).await?;
        }
        Ok::<_, Error>(verified)
    };
    let outcome = app.until_interrupted(work).await.map(|mut verified| {
        verified.found_mut().serve_command = hub.serve_command(app);
        reporter.event(match verified {
            Verified::Whole(receipt) => Event::Receipt(Box::new(receipt)),
            Verified::Sample(sample) => Event::Sample(Box::new(sample)),
        });
    });
    hub.close(outcome).await
}

/// What is staged or named by a manifest; else what the Hub lists of what is named.
async fn subject(app: &App<'_>, args: VerifyCommand) -> Result<Subject, Error> {
    let channel = args.files.channel;
    let mut staged = StagedArgs {
        tag: None,
        manifest: args.manifest,
        product: args.product.clone(),
        files: args.files,
    };
    let flags = |why: &str| Err(SettingsError::Flags(why.to_owned()).into());
    if staged.manifest.is_some() {
        if args.product.len() != 1 {
            return flags("--manifest is of one product: give --product once");
        };
        return Ok(Subject::Goods(goods(app, staged).await?));
    }
    if let Some(version) = args.name.as_ref().filter(|text| is_nobodys_here(text))
        && !args.product.is_empty()
    {
        app.reporter.note(format!(
            "{} is compared with what the Hub itself lists; it is no SemVer, so nothing tells whether \
             latest is older",
            one_line(version)
        ));
        if let Some(own) = without_v(version) {
            app.reporter
                .note(format!("a version of this program's has no `v`: {own}"));
        }
        let channel = channel.unwrap_or(Channel::Stable);
        return Ok(Subject::Listed(version.clone(), channel, args.product));
    }
    let Some(name) = name(app, args.name)? else {
        if args.product.is_empty() {
            return Ok(Subject::Goods(goods(app, staged).await?));
        }
        return flags("--product without a manifest needs a version or a tag: verify <VERSION>");
    };
    if args.product.is_empty()
        && let Some(tag) = staged_tag(app, &name)?
    {
        staged.tag = Some(tag.to_string());
        return Ok(Subject::Goods(goods(app, staged).await?));
    }
    let version = name.version().clone();
    let channel = channel_of(app, channel, &version).await?;
    let (products, why) = match args.product.is_empty() {
        true => (of_workspace(app, &name).await?, "dist/ does not hold it"),
        false => (args.product, "--product was given"),
    };
    app.reporter.note(format!(
        "{name} is compared with what the Hub itself lists: {why}"
    ));
    Ok(Subject::Listed(version.to_string(), channel, products))
}

/// Whether a text is neither a tag nor a version as this program publishes them.
fn is_nobodys_here(text: &str) -> bool {
    text.parse::<Tag>().is_err() && text.parse::<semver::Version>().is_err()
}

/// The tag of the release of that name that a dist folder holds, if one does.
fn staged_tag(app: &App<'_>, name: &Named) -> Result<Option<Tag>, Error> {
    for dir in app.dist_dirs() {
        if let Some(tag) = dist::staged_as(&dir, name)? {
            return Ok(Some(tag));
        }
    }
    Ok(None)
}

/// The products of the workspace that are released under this name.
async fn of_workspace(app: &App<'_>, name: &Named) -> Result<Vec<ProductName>, Error> {
    let workspace = products::read(app.world).await.inspect_err(|_| {
        let reporter = app.reporter.as_ref();
        reporter.note(format!(
            "{name} is not in dist/; --product names what the Hub is asked for where this is not its workspace"
        ));
    })?;
    let groups = workspace.groups();
    let group = match name {
        Named::Tag(tag) => crate::select::known_group(&tag.group, &tag.to_string(), &workspace)
            .map(|()| tag.group.clone())?,
        Named::Version(_) => match groups[..] {
            [one] => one.to_owned(),
            _ => {
                let why = format!(
                    "this workspace has several groups: name the tag of one ({}), or --product",
                    groups.join(", ")
                );
                return Err(SettingsError::Flags(why).into());
            }
        },
    };
    Ok(workspace.names_of(&group))
}

/// What the argument or the job calls the release.
fn name(app: &App<'_>, text: Option<String>) -> Result<Option<Named>, Error> {
    // A version is no tag: there is a group before it.
    if let Some(version) = text.as_ref().and_then(|text| text.parse().ok()) {
        return Ok(Some(Named::Version(version)));
    }
    Ok(named_tag(app, text)?.map(Named::Tag))
}
