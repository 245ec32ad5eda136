//! `reproduce`: is what was built, or what is published, what the commit makes?

use super::args::{BuildArgs, DEFAULT_CACHE_STALL, GlobalArgs, ReproduceCommand, SelectArgs};
use super::build::{build_and_stage, lock};
use super::common::{App, Prepared};
use super::publish::lock_for;
use crate::artifacts::LocalArtifact;
use crate::build::{deciding, put_in_force};
use crate::context::World;
use crate::dist::{self, ReleaseRecord, Staged};
use crate::error::Error;
use crate::events::Event;
use crate::git::Git;
use crate::publish::LastPublished;
use crate::reproduce::{
    Checkout, Comparison, Place, ReproduceError, Reproduction, Tree, explain, is_object_name,
    likely_cause, linker, other_tools, same_tools, same_variables,
};
use crate::select::SelectError;
use crate::settings::SettingsError;
use crate::{products, reproduce, toolchain};
use release_types::{Channel, Kind, Platform, ProductName, Sha256Digest, Tag};
use std::path::{Path, PathBuf};

/// What a build is compared with.
struct Expected {
    product: ProductName,
    kind: Kind,
    filename: String,
    size: u64,
    sha256: Sha256Digest,
    /// Where the bytes are, if anywhere. Those of a Hub are always read, others to explain a
    /// difference.
    bytes: Option<Bytes>,
}

enum Bytes {
    File(PathBuf),
    Download(String),
}

/// What is to be built.
struct Subject {
    tag: Tag,
    commit: String,
    channel: Option<Channel>,
    platform: Platform,
    record: Option<ReleaseRecord>,
}

pub(super) async fn reproduce(app: &App<'_>, args: ReproduceCommand) -> Result<(), Error> {
    let workspace = products::read(app.world).await?;
    let subject = subject(app, &args, &workspace.root).await?;
    let expected = match (args.against_hub, &subject.record) {
        (true, _) => Some(published(app, &args, &subject, &workspace).await?),
        (false, Some(record)) => Some(recorded(record)),
        (false, None) => None,
    };
    let temporary = std::env::temp_dir();
    for left in reproduce::sweep(&temporary) {
        app.reporter.note(format!(
            "removed {}, which a run that was killed has left",
            left.display()
        ));
    }
    let scratch = reproduce::Scratch::make(&temporary).map_err(io(&temporary))?;
    // Programs tell resolved paths.
    let dir = scratch.path().canonicalize().map_err(io(scratch.path()))?;
    let outcome = proof(app, &args, &subject, expected, &workspace.root, &dir).await;
    if args.keep {
        let (path, unmarked) = scratch.keep();
        app.reporter.note(format!("kept: {}", path.display()));
        if let Err(error) = unmarked {
            app.reporter
                .warn(format!("a later run may remove it ({error})"));
        }
    } else if let Err(error) = scratch.close() {
        // What was found out counts all the same.
        app.reporter.warn(format!(
            "{} could not be removed ({error}): remove it by hand",
            dir.display()
        ));
    }
    let document = outcome?;
    let identical = document.identical;
    let cause = document.cause.as_ref().map(|cause| cause.detail.clone());
    let tag = document.tag.clone();
    app.reporter.event(Event::Reproduction(Box::new(document)));
    match identical {
        true => Ok(()),
        false => Err(ReproduceError::Differs(format!(
            "{tag} does not come out the same: {}",
            cause.unwrap_or_default()
        ))
        .into()),
    }
}

/// The builds and their comparison.
async fn proof(
    app: &App<'_>,
    args: &ReproduceCommand,
    subject: &Subject,
    expected: Option<Vec<Expected>>,
    root: &Path,
    scratch: &Path,
) -> Result<Reproduction, Error> {
    let cache = scratch.join("cache");
    let with_cache = args.with_cache && expected.is_none();
    let runs: &[(Place, bool)] = match (&expected, with_cache) {
        (Some(_), _) => &[(Place::ALL[1], false)],
        (None, false) => &[(Place::ALL[0], false), (Place::ALL[1], false)],
        // Without, filling an empty cache, and taking from it.
        (None, true) => &[
            (Place::ALL[0], false),
            (Place::ALL[1], true),
            (Place::ALL[2], true),
        ],
    };
    let mut made = Vec::new();
    for (place, cached) in runs {
        let cache = cached.then_some(cache.as_path());
        let mut checkout =
            Checkout::make(app.world, root, &subject.commit, scratch, *place).await?;
        if *cached {
            checkout = checkout.sharing_cargo_home(scratch.join("cargo"));
        }
        let staged = build_in(app, args, subject, &checkout, cache).await?;
        if !args.keep {
            let target = subject.platform.target_triple();
            checkout
                .thin_out(target)
                .map_err(io(&checkout.target_dir))?;
        }
        made.push((checkout, staged));
    }
    let (checkout, staged) = &made[0];
    if with_cache {
        let used = made
            .last()
            .and_then(|(_, staged)| staged.record.toolchain.cache.as_ref());
        if used.is_none_or(|used| used.hits == 0) {
            return Err(ReproduceError::NoCache.into());
        }
    }
    let against = match (&expected, args.against_hub, with_cache) {
        (Some(_), true, _) => "hub",
        (Some(_), false, _) => "record",
        (None, _, true) => "cached-build",
        (None, _, false) => "second-build",
    };
    let sets: Vec<(Vec<Expected>, Option<Tree>)> = match expected {
        Some(expected) => vec![(expected, None)],
        None => made[1..]
            .iter()
            .map(|(checkout, staged)| (files_of(staged), Some(checkout.tree())))
            .collect(),
    };
    let tools = match &subject.record {
        Some(record) => other_tools(record, &staged.record),
        None => Vec::new(),
    };
    let mut document = Reproduction {
        format: 1,
        tag: subject.tag.to_string(),
        commit: subject.commit.clone(),
        platform: subject.platform,
        against,
        identical: true,
        files: Vec::new(),
        cause: None,
        notes: tools.clone(),
    };
    for (expected, other_tree) in sets {
        document.notes.extend(not_made(staged, &expected)?);
        document.files = compare(app, args, staged, &expected).await?;
        document.identical = document.files.iter().all(|file| file.identical);
        if !document.identical {
            let tree = checkout.tree();
            let mut folders = tree.folders.clone();
            folders.extend(other_tree.iter().flat_map(|tree| tree.folders.clone()));
            let trees = other_tree.as_ref().map(|other| (&tree, other));
            document.cause = Some(likely_cause(trees, &folders, &document.files, &tools));
            break;
        }
    }
    Ok(document)
}

/// One build, by the way that `build` goes, in a checkout of its own.
async fn build_in(
    app: &App<'_>,
    args: &ReproduceCommand,
    subject: &Subject,
    checkout: &Checkout,
    cache: Option<&Path>,
) -> Result<Staged, Error> {
    let mut world = checkout.world(app.world, app.world.cargo_home().as_deref(), cache)?;
    if cache.is_some() {
        offer_sccache(app, &mut world).await?;
    }
    if let Some(recipe) = subject.record.as_ref().and_then(|r| r.recipe.as_ref()) {
        let pass_env = products::read(&world).await?.pass_env;
        let folders = checkout.folders();
        put_in_force(&mut world.env, &recipe.environment, &pass_env, &folders);
    }
    let global = GlobalArgs {
        state_dir: Some(checkout.root.join("state")),
        dist_dir: Some(checkout.root.join("dist")),
        target_dir: Some(checkout.target_dir.clone()),
        ..app.global.clone()
    };
    let app = App {
        world: &world,
        global: &global,
        build: app.build,
        reporter: app.reporter,
    };
    let recorded_mold = subject
        .record
        .as_ref()
        .map(|r| r.toolchain.linker.is_some());
    let prepared = app
        .prepare(
            &SelectArgs {
                tag: Some(subject.tag.to_string()),
                snapshot: false,
                channel: subject.channel,
                allow_dirty: false,
                allow_untagged: true,
            },
            &BuildArgs {
                target: vec![subject.platform],
                no_mold: args.no_mold || recorded_mold == Some(false),
                no_sccache: cache.is_none(),
                cache_stall_limit: DEFAULT_CACHE_STALL,
                no_install: true,
            },
            None,
            false,
        )
        .await?;
    if let Some(record) = &subject.record {
        check_record(&world, record, &prepared).await?;
    }
    let _umask = Umask::set(checkout.umask());
    let _locks = lock(&app, &prepared)?;
    let (mut staged, _) = build_and_stage(&app, prepared, &LastPublished::default()).await?;
    let staged = staged.swap_remove(0);
    if cache.is_some() && staged.record.toolchain.sccache.is_none() {
        return Err(ReproduceError::NoCache.into());
    }
    Ok(staged)
}

/// An sccache that an earlier run has installed lies in the state folder, which these builds do not
/// share: its folder is put on their `PATH`.
async fn offer_sccache(app: &App<'_>, world: &mut World) -> Result<(), Error> {
    let found = toolchain::find(app.world, &app.state_dir()?).await?;
    if let Some(dir) = found.sccache.as_deref().and_then(Path::parent) {
        let path = world.env.get("PATH").unwrap_or_default();
        let dirs = std::env::split_paths(path).chain([dir.to_owned()]);
        if let Ok(path) = std::env::join_paths(dirs) {
            world.env.set("PATH", path);
        }
    }
    Ok(())
}

/// Refuses to build with other tools, variables or another lock file than the record names.
async fn check_record(
    world: &World,
    record: &ReleaseRecord,
    prepared: &Prepared,
) -> Result<(), Error> {
    let (found, plan) = (&prepared.found, &prepared.plans[0]);
    let lld_link = found.lld_link.as_ref().map(|found| found.path.as_path());
    let linker = linker(world.host, &plan.policy, found.mold.as_deref(), lld_link);
    let version = match (&record.toolchain.linker, linker) {
        (Some(_), Some((name, path))) => Some(toolchain::version(world, name, path).await?),
        _ => None,
    };
    same_tools(record, &found.rustc.verbose_version, version.as_deref())?;
    if let Some(recipe) = &record.recipe {
        same_variables(&recipe.environment, &deciding(&world.env, plan))?;
    }
    let lock = record.recipe.as_ref().and_then(|recipe| recipe.lock_sha256);
    let path = plan.root.join("Cargo.lock");
    if let Some(lock) = lock
        && Sha256Digest::of(&std::fs::read(&path).map_err(io(&path))?) != lock
    {
        let commit = record.commit.clone();
        return Err(ReproduceError::OtherLock { commit }.into());
    }
    Ok(())
}

/// Which commit is built under which tag.
async fn subject(app: &App<'_>, args: &ReproduceCommand, root: &Path) -> Result<Subject, Error> {
    let git = Git::new(app.world, root).map_err(SelectError::from)?;
    let here = app.world.host;
    let parse = |text: &str| -> Result<Tag, SelectError> {
        text.parse().map_err(|error| SelectError::Tag {
            error,
            groups: Vec::new(),
        })
    };
    if let Some(file) = &args.from {
        let path = app.world.absolute(file);
        let record = dist::read_record_file(&path)?;
        if let Some(tag) = &args.tag
            && *tag != record.tag
        {
            let why = format!("it is of {}, not {tag}", record.tag);
            return Err(ReproduceError::Record { path, why }.into());
        }
        if record.artifacts.is_empty() {
            let why = "it names no files to compare with".to_owned();
            return Err(ReproduceError::Record { path, why }.into());
        }
        if !record.dirty.is_empty() {
            let dirty = record.dirty;
            return Err(ReproduceError::Unprovable { dirty }.into());
        }
        // It becomes an argument of git's, so it may be nothing but a commit.
        if !is_object_name(&record.commit) {
            let why = "`commit` is no full name of a commit (40 or 64 hexadecimal digits)".into();
            return Err(ReproduceError::Record { path, why }.into());
        }
        return Ok(Subject {
            tag: parse(&record.tag)?,
            commit: record.commit.clone(),
            channel: Some(record.channel),
            platform: record.platform,
            record: Some(record),
        });
    }
    let Some(text) = &args.tag else {
        let why = "name a tag, or a record with --from".to_owned();
        return Err(SettingsError::Flags(why).into());
    };
    let tag = parse(text)?;
    let at = git.tag_commit(text).await.map_err(SelectError::from)?;
    let commit = match at {
        Some(commit) => commit,
        None => {
            let head = git.head().await.map_err(SelectError::from)?.commit;
            if !args.allow_untagged && !args.hub.local {
                let tag = text.clone();
                return Err(SelectError::NotAtHead {
                    tag,
                    head,
                    at: None,
                }
                .into());
            }
            head
        }
    };
    Ok(Subject {
        channel: args.channel.or_else(|| Channel::of_version(&tag.version)),
        tag,
        commit,
        platform: args.target.unwrap_or(here),
        record: None,
    })
}

/// What the Hub has published of the subject.
async fn published(
    app: &App<'_>,
    args: &ReproduceCommand,
    subject: &Subject,
    workspace: &products::Workspace,
) -> Result<Vec<Expected>, Error> {
    let channel = subject
        .channel
        .ok_or_else(|| SelectError::NoChannel(subject.tag.version.clone()))?;
    let choice = app.hub_choice(&args.hub)?;
    let _state = lock_for(app, &choice)?;
    let hub = app.open_hub(&choice, &[], false).await?;
    let version = subject.tag.version.to_string();
    let work = async {
        let mut expected = Vec::new();
        for product in workspace.group(&subject.tag.group) {
            let name = product.product;
            let found = hub
                .client
                .release(&name, &version, subject.platform, channel);
            let Some(release) = found.await? else {
                return Err(Error::from(ReproduceError::NotPublished {
                    what: format!("{name} {version} for {}", subject.platform),
                    channel: channel.to_string(),
                }));
            };
            expected.extend(release.assets.into_iter().map(|asset| Expected {
                product: name.clone(),
                kind: asset.kind,
                filename: asset.filename,
                size: asset.size,
                sha256: asset.sha256,
                bytes: Some(Bytes::Download(asset.download_id)),
            }));
        }
        Ok(expected)
    };
    let outcome = app.until_interrupted(work).await;
    hub.close(outcome).await
}

fn recorded(record: &ReleaseRecord) -> Vec<Expected> {
    let files = record.artifacts.iter().map(|artifact| Expected {
        product: artifact.product.clone(),
        kind: artifact.kind,
        filename: artifact.filename.to_string(),
        size: artifact.size,
        sha256: artifact.sha256,
        bytes: None,
    });
    files.collect()
}

fn files_of(staged: &Staged) -> Vec<Expected> {
    let files = staged.artifacts.iter().map(|artifact| Expected {
        product: artifact.product.clone(),
        kind: artifact.kind,
        filename: artifact.filename.to_string(),
        size: artifact.size,
        sha256: artifact.sha256,
        bytes: Some(Bytes::File(artifact.path.clone())),
    });
    files.collect()
}

/// Compares what was built with what was expected of it.
async fn compare(
    app: &App<'_>,
    args: &ReproduceCommand,
    staged: &Staged,
    expected: &[Expected],
) -> Result<Vec<Comparison>, Error> {
    let mut files = Vec::new();
    for artifact in &staged.artifacts {
        let filename = artifact.filename.as_str();
        let other = expected
            .iter()
            .find(|e| e.product == artifact.product && e.filename == filename);
        let Some(other) = other else {
            return Err(ReproduceError::Differs(format!(
                "{filename} was built, and there is no such file to compare it with"
            ))
            .into());
        };
        let mut identical = (other.sha256, other.size) == (artifact.sha256, artifact.size);
        let (mut sections, mut strings) = (Vec::new(), Vec::new());
        // What a Hub says of a file is no proof of what it gives out.
        let read = !identical || matches!(other.bytes, Some(Bytes::Download(_)));
        if read && let Some(bytes) = bytes_of(app, args, other).await? {
            let built = std::fs::read(&artifact.path).map_err(io(&artifact.path))?;
            if built != bytes {
                identical = false;
                (sections, strings) = explain(&built, &bytes);
            }
        }
        files.push(comparison(artifact, other, identical, sections, strings));
    }
    Ok(files)
}

/// What was expected and was not built: no build makes a signature or an installer, and nothing is
/// proven of it; a program that is missing is a difference.
fn not_made(staged: &Staged, expected: &[Expected]) -> Result<Vec<String>, ReproduceError> {
    let made = |other: &&Expected| {
        let mut artifacts = staged.artifacts.iter();
        artifacts.any(|a| a.product == other.product && a.filename.as_str() == other.filename)
    };
    let mut notes = Vec::new();
    for other in expected.iter().filter(|other| !made(other)) {
        let filename = &other.filename;
        match other.kind {
            Kind::Binary => {
                return Err(ReproduceError::Differs(format!(
                    "{filename} is to be compared with, and the commit does not make it"
                )));
            }
            kind => notes.push(format!(
                "{filename} ({kind}) is not proven: no build makes it"
            )),
        }
    }
    Ok(notes)
}

fn comparison(
    artifact: &LocalArtifact,
    other: &Expected,
    identical: bool,
    sections: Vec<crate::reproduce::SectionDifference>,
    strings: Vec<crate::reproduce::StringDifference>,
) -> Comparison {
    Comparison {
        product: artifact.product.clone(),
        filename: artifact.filename.to_string(),
        identical,
        size: artifact.size,
        sha256: artifact.sha256,
        other_size: other.size,
        other_sha256: other.sha256,
        sections,
        strings,
    }
}

async fn bytes_of(
    app: &App<'_>,
    args: &ReproduceCommand,
    expected: &Expected,
) -> Result<Option<Vec<u8>>, Error> {
    match &expected.bytes {
        None => Ok(None),
        Some(Bytes::File(path)) => Ok(Some(std::fs::read(path).map_err(io(path))?)),
        Some(Bytes::Download(id)) => {
            let choice = app.hub_choice(&args.hub)?;
            let _state = lock_for(app, &choice)?;
            let hub = app.open_hub(&choice, &[], false).await?;
            let mut bytes = Vec::new();
            let work = hub.client.download(id, expected.size, &mut bytes);
            let outcome = app.until_interrupted(work).await;
            hub.close(outcome).await?;
            Ok(Some(bytes))
        }
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| ReproduceError::Io { path, source }.into()
}

/// The process's umask, which children inherit, until this is dropped.
struct Umask {
    #[cfg(unix)]
    before: rustix::fs::Mode,
}

impl Umask {
    fn set(mask: u32) -> Self {
        #[cfg(unix)]
        return Self {
            before: rustix::process::umask(rustix::fs::Mode::from_bits_truncate(mask as _)),
        };
        #[cfg(not(unix))]
        {
            tracing::debug!(mask, "this system has no umask");
            Self {}
        }
    }
}

#[cfg(unix)]
impl Drop for Umask {
    fn drop(&mut self) {
        rustix::process::umask(self.before);
    }
}
