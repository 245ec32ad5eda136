//! `github-release`: what is staged, as a release on GitHub.

use super::args::{GithubReleaseCommand, WhenLatest};
use super::common::App;
use super::goods::{Goods, named_tag};
use crate::artifacts::{DOCUMENT_LIMIT, read_text};
use crate::dist;
use crate::error::Error;
use crate::events::Event;
use crate::github_release::{
    ApiUrl, GitHub, GithubReleaseError, Latest, NOTES_LIMIT, PUBLIC_API, Repository, Wanted,
    collect, publish, section,
};
use crate::outcome::Outcome;
use crate::products::{self, Workspace};
use crate::settings::{self, SettingsError};
use release_types::{Platform, ProductName, Tag};
use std::path::PathBuf;
use std::sync::Arc;

/// The changelog that is looked for.
const CHANGELOG: &str = "CHANGELOG.md";

pub(super) async fn github_release(app: &App<'_>, args: GithubReleaseCommand) -> Result<(), Error> {
    if args.check_notes {
        let tag = named_tag(app, args.tag.clone())?.ok_or(GithubReleaseError::NoTagNamed)?;
        let workspace = workspace(app, &args).await;
        return show_notes(app, &notes(app, &args, &tag, workspace.as_ref())?);
    }
    let repository = repository(app, args.repository.as_deref())?;
    let api = api(app, args.github_api.as_deref())?;
    let named = named_tag(app, args.tag.clone())?;
    let (dist_dirs, required) = (app.dist_dirs(), args.require.require.clone());
    let goods = app
        .reading(move || {
            let (dir, staged) = dist::open_all(&dist_dirs, named.as_ref())?;
            Ok(Goods::of_staged(&staged, None, Some(dir)).requiring(required))
        })
        .await?;
    let missing = missing(&goods);
    if !missing.is_empty() {
        return Err(GithubReleaseError::Incomplete { missing }.into());
    }
    let source = goods.source.as_ref().ok_or(GithubReleaseError::NoTag)?;
    let tag: Tag = source.tag.parse().map_err(|_| GithubReleaseError::NoTag)?;
    let workspace = workspace(app, &args).await;
    let latest = latest(&args, &tag, workspace.as_ref())?;
    let notes = notes(app, &args, &tag, workspace.as_ref())?;
    let scratch = tempfile::tempdir_in(app.world.temp_dir()).map_err(|source| Error::Io {
        path: app.world.temp_dir(),
        source,
    })?;
    let assets = collect(&goods.artifacts, scratch.path())?;
    for file in &source.dirty {
        app.reporter
            .warn(format!("{file} differed from the commit when it was built"));
    }
    if args.dry_run {
        for asset in &assets {
            app.reporter.note(format!(
                "would upload {} ({} bytes, sha256 {}) to the release {tag} of {repository}",
                asset.name, asset.size, asset.sha256
            ));
        }
        return show_notes(app, &notes);
    }
    let token = token(app)?;
    let reporter = Arc::clone(app.reporter);
    let agent = app.user_agent();
    settings::certificates(app.world)?;
    let github = GitHub::new(api, repository, &token, agent, move |notice| {
        let (error, delay) = (notice.error, notice.delay.as_secs_f32());
        let (failed, attempts) = (notice.failed, notice.attempts);
        reporter.warn(format!(
            "{error}; trying again in {delay:.1} s (attempt {failed} of {attempts} failed)"
        ));
    })?;
    let wanted = Wanted {
        tag,
        commit: source.commit.clone(),
        assets,
        notes_count: args.notes.is_some() || args.notes_file.is_some(),
        notes,
        latest,
    };
    let work = publish(&github, &wanted, args.uploads, app.reporter.as_ref());
    let done = app.until_interrupted(work).await?;
    let event = Event::Outcome(Box::new(Outcome::GithubRelease(done)));
    app.reporter.event(event);
    Ok(())
}

fn show_notes(app: &App<'_>, notes: &str) -> Result<(), Error> {
    app.reporter.note(format!("its notes would be:\n{notes}"));
    Ok(())
}

fn repository(app: &App<'_>, named: Option<&str>) -> Result<Repository, Error> {
    let text = match named {
        Some(named) => Some(named),
        None => text(app, "GITHUB_REPOSITORY")?,
    };
    let text = text.ok_or(GithubReleaseError::NoRepository)?;
    Ok(text
        .parse::<Repository>()
        .map_err(GithubReleaseError::from)?)
}

fn api(app: &App<'_>, named: Option<&str>) -> Result<ApiUrl, Error> {
    let text = match named {
        Some(named) => Some(named),
        None => text(app, "GITHUB_API_URL")?,
    };
    Ok(ApiUrl::parse(text.unwrap_or(PUBLIC_API)).map_err(GithubReleaseError::from)?)
}

/// The credential, from the environment alone.
fn token(app: &App<'_>) -> Result<secrecy::SecretString, Error> {
    for name in ["GITHUB_TOKEN", "GH_TOKEN"] {
        let found = text(app, name)?
            .map(str::trim)
            .filter(|text| !text.is_empty());
        if let Some(found) = found {
            return Ok(found.to_owned().into());
        }
    }
    Err(GithubReleaseError::NoToken.into())
}

fn text<'a>(app: &App<'a>, name: &str) -> Result<Option<&'a str>, Error> {
    Ok(app.world.env.text(name).map_err(SettingsError::from)?)
}

/// What is required and not staged.
fn missing(goods: &Goods) -> Vec<(ProductName, Platform)> {
    let mut missing = Vec::new();
    for product in goods.products() {
        for &platform in &goods.require {
            let has = |file: &crate::artifacts::LocalArtifact| {
                file.product == product && file.platform == platform
            };
            if !goods.artifacts.iter().any(has) {
                missing.push((product.clone(), platform));
            }
        }
    }
    missing
}

fn latest(
    args: &GithubReleaseCommand,
    tag: &Tag,
    workspace: Option<&Workspace>,
) -> Result<Latest, Error> {
    Ok(match args.latest {
        WhenLatest::No => Latest::Never,
        WhenLatest::Yes if tag.version.pre.is_empty() => Latest::Always,
        WhenLatest::Yes => return Err(GithubReleaseError::NeverLatest(tag.to_string()).into()),
        WhenLatest::Auto => Latest::Auto {
            group: match &args.latest_group {
                Some(group) => Some(group.clone()),
                None => workspace.and_then(|workspace| workspace.github_latest.clone()),
            },
        },
    })
}

/// The workspace, where this runs in one and it has something to say: nothing here needs one.
async fn workspace(app: &App<'_>, args: &GithubReleaseCommand) -> Option<Workspace> {
    let has_notes = args.notes.is_some() || args.notes_file.is_some();
    let is_settled = args.latest_group.is_some() || !matches!(args.latest, WhenLatest::Auto);
    if has_notes && (is_settled || args.check_notes) {
        return None;
    }
    let mut above = app.world.cwd.ancestors();
    if !above.any(|dir| dir.join("Cargo.toml").is_file()) {
        return None;
    }
    match products::read(app.world).await {
        Ok(workspace) => Some(workspace),
        Err(error) => {
            app.reporter.note(format!(
                "what the workspace says of its groups, and of GitHub's latest release, is not known: {error}"
            ));
            None
        }
    }
}

/// What is new: as it was given, or out of the changelog.
fn notes(
    app: &App<'_>,
    args: &GithubReleaseCommand,
    tag: &Tag,
    workspace: Option<&Workspace>,
) -> Result<String, Error> {
    let given = settings::notes(app.world, args.notes.clone(), args.notes_file.as_deref())?;
    let notes = match given {
        Some(given) => given,
        None => from_changelog(
            app,
            args.changelog
                .as_deref()
                .map(|file| app.world.absolute(file)),
            tag,
            &workspace.map(Workspace::groups).unwrap_or_default(),
        )?,
    };
    match notes.chars().count() {
        characters if characters > NOTES_LIMIT => Err(GithubReleaseError::LongNotes {
            characters,
            limit: NOTES_LIMIT,
        }
        .into()),
        _ => Ok(notes),
    }
}

fn from_changelog(
    app: &App<'_>,
    named: Option<PathBuf>,
    tag: &Tag,
    groups: &[&str],
) -> Result<String, Error> {
    let none = |why: String| GithubReleaseError::NoNotes {
        tag: tag.to_string(),
        why,
    };
    let nearest = || {
        let mut files = app.world.cwd.ancestors().map(|dir| dir.join(CHANGELOG));
        files.find(|file| file.is_file())
    };
    let path = named.or_else(nearest);
    let path = path.ok_or_else(|| none(format!("there is no {CHANGELOG} here or above")))?;
    let text =
        read_text(&path, DOCUMENT_LIMIT).map_err(|source| GithubReleaseError::Changelog {
            path: path.clone(),
            source,
        })?;
    let found = section(&text, tag, groups);
    let why = || {
        format!(
            "{} has no section of this version with anything in it",
            path.display()
        )
    };
    Ok(found.ok_or_else(|| none(why()))?)
}
