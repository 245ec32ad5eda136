//! The decisions, of what was read from the Hub. Pure.

use super::Platforms;
use super::error::Obstacle;
use jiff::{SignedDuration, Timestamp};
use release_types::{Asset, Platform, ReleaseState, ReleaseSummary};
use semver::Version;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// By how much a date is before or after another one.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// What becomes of one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is registered on the other channel.
    Register,
    /// The other channel has it as it is.
    Unchanged,
}

/// What becomes of a platform that has these files here, and those there if any.
pub(super) fn step(here: &[Asset], there: Option<&[Asset]>) -> Result<Step, Obstacle> {
    let there = there.unwrap_or_default();
    for other in there {
        let Some(asset) = here.iter().find(|asset| asset.filename == other.filename) else {
            let filename = other.filename.clone();
            return Err(Obstacle::Extra { filename });
        };
        if (asset.sha256, asset.size) != (other.sha256, other.size) {
            return Err(Obstacle::OtherBytes {
                filename: other.filename.clone(),
                there: other.sha256,
                here: asset.sha256,
            });
        }
    }
    Ok(match same_list(here, there) {
        true => Step::Unchanged,
        false => Step::Register,
    })
}

/// Whether two lists name the same files with the same bytes, for the same use.
pub(super) fn same_list(one: &[Asset], other: &[Asset]) -> bool {
    let facts = |asset: &Asset| {
        let (name, kind) = (asset.filename.clone(), asset.kind);
        (name, kind, asset.size, asset.sha256.to_string())
    };
    let facts = |list: &[Asset]| -> BTreeSet<_> { list.iter().map(facts).collect() };
    one.len() == other.len() && facts(one) == facts(other)
}

/// Of versions that are the newest somewhere, those that are newer than this one. What is not SemVer
/// cannot be compared.
fn ahead<'a>(version: &Version, latest: &'a Platforms) -> impl Iterator<Item = &'a Timestamp> {
    let newer = move |text: &str| {
        Version::parse(text).is_ok_and(|other| other.cmp_precedence(version).is_gt())
    };
    latest
        .values()
        .filter(move |release| newer(&release.version))
        .map(|release| &release.published_at)
}

/// Whether the channel has a newer version than this one, on some platform.
pub(super) fn is_behind(version: &Version, latest: &Platforms) -> bool {
    ahead(version, latest).next().is_some()
}

/// When a promoted release counts as published on a Hub that goes by dates: before the newest where
/// that has a higher version, so that it stays the newest; else after it. Platforms of the release
/// that are there keep its date where that is late enough. Nothing where the Hub gives dates beside
/// which there is none.
pub(super) fn promotion_date(
    version: &Version,
    latest: &Platforms,
    registered: &Platforms,
    now: Timestamp,
) -> Option<Timestamp> {
    if let Some(earliest) = ahead(version, latest).min() {
        return earliest.checked_sub(SECOND).ok();
    }
    let own = registered.values().map(|release| release.published_at);
    let text = version.to_string();
    let others = latest.values().filter(|release| release.version != text);
    let newest = others.map(|release| release.published_at).max();
    match own.max() {
        Some(own) if newest.is_none_or(|newest| newest < own) => Some(own),
        _ => date_after(newest, now),
    }
}

/// Now, or just after a date that is not over yet; nothing where that is the last there is.
pub(super) fn date_after(newest: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let Some(newest) = newest else {
        return Some(now);
    };
    newest.checked_add(SECOND).ok().map(|after| now.max(after))
}

/// Which version is to be the newest again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// This one.
    Version(Version),
    /// The one before this, for products that have come so far.
    Before(Version),
}

/// How one product goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Course {
    /// The version that is offered first now.
    pub(super) from: String,
    /// The version that is to be.
    pub(super) to: String,
    /// Its platforms.
    pub(super) platforms: Vec<Platform>,
    /// What is offered before it and is to be taken back, the highest last: until that goes, the
    /// newest stays what it is.
    pub(super) newer: Vec<String>,
    /// Platforms that have something newer and not this, with what is offered there then.
    pub(super) lacking: Vec<(Platform, Option<String>)>,
}

/// Why a product cannot go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoCourse {
    NotThere,
    TakenBack,
    NothingBefore(String),
}

fn is_offered(release: &ReleaseSummary) -> bool {
    release.state == ReleaseState::Published
}

/// The highest version that any of the products offers, of their histories.
pub(super) fn highest_offered<'a>(
    histories: impl IntoIterator<Item = &'a [ReleaseSummary]>,
) -> Option<Version> {
    histories
        .into_iter()
        .filter_map(|history| history.iter().find(|release| is_offered(release)))
        .filter_map(|release| Version::parse(&release.version).ok())
        .max_by(Version::cmp_precedence)
}

/// How a product goes back, of all its releases on a channel as the Hub lists them: what it offers
/// first stands first. Nothing where the product has not come as far as the version that is left.
pub(super) fn course(
    history: &[ReleaseSummary],
    destination: &Destination,
) -> Result<Option<Course>, NoCourse> {
    let offered = |(_, release): &(usize, &ReleaseSummary)| is_offered(release);
    let newest = history.iter().enumerate().find(offered);
    let at = match destination {
        Destination::Version(version) => {
            let text = version.to_string();
            let at = history.iter().position(|release| release.version == text);
            let at = at.ok_or(NoCourse::NotThere)?;
            if !is_offered(&history[at]) {
                return Err(NoCourse::TakenBack);
            }
            at
        }
        Destination::Before(left) => {
            let Some((first, release)) = newest else {
                return Ok(None);
            };
            let order = Version::parse(&release.version).map(|found| found.cmp_precedence(left));
            if order.is_ok_and(Ordering::is_lt) {
                return Ok(None);
            }
            let before = history.iter().enumerate().skip(first + 1).find(offered);
            match before {
                Some((at, _)) => at,
                None => return Err(NoCourse::NothingBefore(release.version.clone())),
            }
        }
    };
    let target = &history[at];
    let newer: Vec<&ReleaseSummary> = history[..at].iter().filter(|one| is_offered(one)).collect();
    let after = |platform: Platform| {
        let mut older = history[at + 1..].iter().filter(|one| is_offered(one));
        let has = older.find(|release| release.platforms.contains(&platform));
        has.map(|release| release.version.clone())
    };
    let served: BTreeSet<Platform> = newer.iter().flat_map(|one| one.platforms.clone()).collect();
    let lacks = served
        .into_iter()
        .filter(|one| !target.platforms.contains(one));
    Ok(Some(Course {
        from: newest
            .map_or(&target.version, |(_, one)| &one.version)
            .clone(),
        to: target.version.clone(),
        platforms: target.platforms.clone(),
        lacking: lacks.map(|platform| (platform, after(platform))).collect(),
        newer: newer
            .into_iter()
            .rev()
            .map(|one| one.version.clone())
            .collect(),
    }))
}

#[cfg(test)]
mod tests;
