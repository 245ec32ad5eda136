//! `reproduce`: is what was built, or what is published, what the commit makes?

use super::args::{BuildArgs, GlobalArgs, ReproduceCommand, SelectArgs};
use super::build::{Signing, build_and_stage, lock};
use super::common::App;
use super::publish::lock_for;
use crate::dist::{self, DistError, ReleaseRecord, Staged};
use crate::error::Error;
use crate::events::Event;
use crate::publish::LastPublished;
use crate::reproduce::{
    Checkout, Counterpart, Expected, Maker, Order, Place, Proof, ReproduceError, Request, Scratch,
    Subject, cache_folder, linker_version, same_tools,
};
use crate::select::SelectError;
use crate::settings::{self, SettingsError};
use crate::{products, toolchain};
use release_types::Kind;
use std::path::Path;

pub(super) async fn reproduce(app: &App<'_>, args: ReproduceCommand) -> Result<(), Error> {
    let workspace = products::read(app.world).await?;
    let mut subject = subject(app, &args, &workspace.root).await?;
    if args.against_hub {
        subject = subject.published_signed(&workspace.signing.code);
    }
    let temporary = app.world.temp_dir();
    let reporter = app.reporter.as_ref();
    let scratch = Scratch::begin(&temporary, reporter).map_err(io(&temporary))?;
    // Programs tell resolved paths.
    let dir = scratch.path().canonicalize().map_err(io(scratch.path()))?;
    let counterpart = counterpart(app, &args, &subject, &workspace.root, &dir).await?;
    let proof = Proof {
        world: app.world,
        root: &workspace.root,
        scratch: &dir,
        subject: &subject,
        keep: args.keep,
        trust_record: args.trust_record,
    };
    let ours = Ours {
        app,
        args: &args,
        subject: &subject,
    };
    let outcome = proof.run(counterpart, &ours).await;
    if outcome.is_err() && app.world.runner.cancellation().is_cancelled() && !args.keep {
        // It takes a while, and without a word it looks as if nobody had heard.
        reporter.note(format!("interrupted: removing {}", dir.display()));
    }
    scratch.end(args.keep, reporter);
    let document = outcome?;
    let verdict = document.verdict();
    reporter.event(Event::Reproduction(Box::new(document)));
    Ok(verdict?)
}

/// Which commit is built under which tag.
async fn subject(app: &App<'_>, args: &ReproduceCommand, root: &Path) -> Result<Subject, Error> {
    if let Some(file) = &args.from {
        let path = app.world.absolute(file);
        // A file that was named and is not there is a wrong argument.
        let record = dist::read_record_file(&path).map_err(|error| match error {
            DistError::Read { path, source } => SettingsError::Record { path, source }.into(),
            error => Error::from(error),
        })?;
        let subject = Subject::of_record(record, &path, args.tag.as_deref())?;
        let at = subject.tag_here(app.world, root).await?;
        return Ok(subject.beside_its_tag(at, args.tag.is_some())?);
    }
    let Some(tag) = &args.tag else {
        let why = "name a tag, or a record with --from".to_owned();
        return Err(SettingsError::Flags(why).into());
    };
    let request = Request {
        tag,
        untagged: args.allow_untagged || args.hub.local,
        channel: settings::channel(app.world, args.channel)?,
        target: args.target,
    };
    Ok(Subject::of_tag(app.world, root, &request).await?)
}

/// What it is compared with.
async fn counterpart(
    app: &App<'_>,
    args: &ReproduceCommand,
    subject: &Subject,
    root: &Path,
    scratch: &Path,
) -> Result<Counterpart, Error> {
    if args.against_hub {
        // The group's products are those of the commit, whatever the tree of today has.
        let look = Checkout::make(app.world, root, &subject.commit, scratch, Place::ALL[0]).await?;
        let workspace = products::read(&look.world(app.world, None, None)?).await?;
        let channel = subject
            .channel
            .or_else(|| workspace.channel_of(&subject.tag.version))
            .ok_or_else(|| SelectError::NoChannel(subject.tag.version.clone()))?;
        let choice = app.hub_choice(&args.hub)?;
        app.say_which_hub(&choice)?;
        let _state = lock_for(app, &choice)?;
        let products = workspace.group(&subject.tag.group);
        // Nothing is published here, so the embedded Hub learns no product.
        let hub = app.open_hub(&choice, &[], false).await?;
        let work = Expected::published(&hub.client, subject, channel, products);
        let outcome = app.until_interrupted(work).await;
        return Ok(Counterpart::Published(hub.close(outcome).await?));
    }
    if let Some(record) = &subject.record {
        return Ok(Counterpart::Recorded(Expected::of_record(record)));
    }
    if !args.with_cache {
        return Ok(Counterpart::SecondBuild);
    }
    let found = toolchain::find(app.world, &app.state_dir()?).await?;
    let sccache = cache_folder(app.world, found.sccache.as_deref()).await?;
    Ok(Counterpart::CachedBuilds { sccache })
}

/// Builds and downloads as the other commands make them.
struct Ours<'a> {
    app: &'a App<'a>,
    args: &'a ReproduceCommand,
    subject: &'a Subject,
}

impl Maker for Ours<'_> {
    type Error = Error;

    async fn build(&self, order: &Order<'_>) -> Result<Staged, Error> {
        let checkout = order.checkout;
        let global = GlobalArgs {
            state_dir: Some(checkout.root.join("state")),
            dist_dir: vec![checkout.root.join("dist")],
            target_dir: Some(checkout.target_dir.clone()),
            ..self.app.global.clone()
        };
        let app = App {
            world: &order.world,
            global: &global,
            build: self.app.build,
            reporter: self.app.reporter,
        };
        let record = self.subject.record.as_ref();
        // A record without a recipe is older than lists.
        let recorded_lists = record.map(|record| {
            let recipe = record.recipe.as_ref();
            recipe.is_some_and(|recipe| recipe.auditable)
        });
        let recorded_mold = record.map(|record| record.toolchain.linker.is_some());
        let select = SelectArgs {
            tag: Some(self.subject.tag.to_string()),
            snapshot: false,
            channel: self.subject.channel,
            allow_dirty: false,
            allow_untagged: true,
        };
        let build = BuildArgs {
            target: vec![self.subject.platform],
            no_mold: self.args.no_mold || recorded_mold == Some(false),
            no_sccache: !order.cached,
            cache_stall_limit: None,
            no_install: true,
            // What a record does not name was not made, perhaps for want of a tool.
            auditable: recorded_lists.or(self.args.no_auditable.then_some(false)),
            no_installers: record.is_some_and(|record| has_none(record, Kind::Installer)),
            no_documents: record.is_some_and(|record| has_none(record, Kind::Other)),
        };
        let prepared = app.prepare(&select, &build, None, false).await?;
        let programs = prepared.programs()?;
        if let Some(record) = record {
            let (found, plan) = (&programs.found, &programs.plans[0]);
            let linker = linker_version(&order.world, record, found, plan).await?;
            same_tools(&order.world, record, found, linker.as_deref(), plan)?;
        }
        let _locks = lock(&app, &prepared)?;
        let last = LastPublished::default();
        let (mut staged, _) = build_and_stage(&app, prepared, &last, Signing::Never).await?;
        Ok(staged.swap_remove(0))
    }

    async fn download(&self, id: &str, size: u64) -> Result<Vec<u8>, Error> {
        let choice = self.app.hub_choice(&self.args.hub)?;
        let _state = lock_for(self.app, &choice)?;
        let hub = self.app.open_hub(&choice, &[], false).await?;
        let mut bytes = Vec::new();
        let work = hub.client.download(id, size, &mut bytes);
        let outcome = self.app.until_interrupted(work).await;
        hub.close(outcome).await?;
        Ok(bytes)
    }
}

fn has_none(record: &ReleaseRecord, kind: Kind) -> bool {
    let mut files = record.artifacts.iter();
    files.all(|file| file.kind != kind)
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| ReproduceError::Io { path, source }.into()
}
