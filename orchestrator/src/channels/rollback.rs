//! Rollback: the version before is the newest again.

use super::decide::{Course, Destination, NoCourse, course, date_after, highest_offered};
use super::publishing::{prepare, read_bytes, register};
use super::report::{FORMAT, How, Offered, Rollback, RolledBack};
use super::show::offers;
use super::yank::take_back;
use super::{ChannelsError, Platforms, YANK, has, latest_on, undatable, version_on};
use crate::events::Reporter;
use hub_client::HubClient;
use release_types::{Channel, ProductName, ReleaseSummary};
use semver::Version;

/// What is to go back.
#[derive(Debug, Clone, Copy)]
pub struct Back<'a> {
    /// The products.
    pub products: &'a [ProductName],
    /// The channel.
    pub channel: Channel,
    /// The version that is to be the newest again; the one before the newest when absent.
    pub to: Option<&'a Version>,
    /// The reason for what is taken back; one that says what has happened when absent.
    pub reason: Option<&'a str>,
    /// Whether it is only to be told what would be done.
    pub dry_run: bool,
}

/// One product that goes back.
struct Work<'a> {
    product: &'a ProductName,
    course: Course,
    /// What is published again, where the Hub takes nothing back.
    again: Platforms,
    /// The newest date of the channel.
    newest: Option<jiff::Timestamp>,
}

impl Work<'_> {
    fn lacking(&self) -> Vec<Offered> {
        let lacking = self.course.lacking.iter();
        let lacking = lacking.map(|(platform, version)| Offered {
            platform: *platform,
            version: version.clone(),
        });
        lacking.collect()
    }

    /// Whether it is the newest already.
    fn is_there(&self) -> bool {
        self.course.newer.is_empty() && self.again.is_empty()
    }
}

/// Makes an earlier version the newest again and reads `latest` back. Nothing is returned by a dry
/// run.
///
/// # Errors
/// When there is no such version, the Hub refuses or cannot be reached, or `latest` is another
/// version afterwards.
pub async fn roll_back(
    client: &HubClient,
    asked: Back<'_>,
    now: fn() -> jiff::Timestamp,
    reporter: &dyn Reporter,
) -> Result<Option<Rollback>, ChannelsError> {
    let channel = asked.channel;
    reporter.stage("rolling back", format!("{channel} at {}", client.hub()));
    let by_hub = has(client, YANK).await?;
    let works = match by_hub {
        true => by_history(client, asked).await?,
        false => by_latest(client, asked).await?,
    };
    announce(&works, asked, by_hub, reporter);
    if asked.dry_run {
        return Ok(None);
    }
    let reason = asked.reason.map(str::to_owned);
    let reason = reason.or_else(|| {
        let to = &works.first()?.course.to;
        Some(format!("rolled back to {to}; no other reason was given"))
    });
    let mut registrations = Vec::new();
    if !by_hub {
        let newest = works.iter().filter_map(|work| work.newest).max();
        let date = date_after(newest, now());
        let date = date.ok_or_else(|| undatable(client, format!("roll back {channel}")))?;
        for work in &works {
            let Some(version) = asked.to else { continue };
            let releases = work.again.values();
            let on = (channel, date);
            registrations.extend(prepare(client, work.product, version, on, releases).await?);
        }
    }
    let changing = async {
        for work in &works {
            for version in &work.course.newer {
                let reason = reason.as_deref().unwrap_or_default();
                take_back(client, work.product, version, channel, reason).await?;
            }
        }
        register(client, &registrations, reporter).await
    };
    let unfinished = |source| {
        let to = works
            .iter()
            .map(|work| (work.product.clone(), work.course.to.clone()));
        let to = to.collect();
        ChannelsError::Unfinished { to, source }
    };
    changing.await.map_err(unfinished)?;
    let proven = prove(client, &works, asked, by_hub, reporter).await;
    proven.map_err(|error| match error {
        ChannelsError::Client(source) => unfinished(source),
        error => error,
    })?;
    let yanked = works.iter().any(|work| !work.course.newer.is_empty());
    Ok(Some(Rollback {
        format: FORMAT,
        hub: client.hub().to_string(),
        channel,
        by: match by_hub {
            true => How::Hub,
            false => How::Publishing,
        },
        reason: reason.filter(|_| yanked),
        products: works.iter().map(rolled_back).collect(),
        verified_at: now(),
    }))
}

fn rolled_back(work: &Work<'_>) -> RolledBack {
    let Course {
        from,
        to,
        platforms,
        newer,
        ..
    } = &work.course;
    RolledBack {
        product: work.product.clone(),
        version: to.clone(),
        before: Some(from.clone()).filter(|from| from != to),
        unchanged: work.is_there(),
        yanked: newer.clone(),
        platforms: platforms.clone(),
        lacking: work.lacking(),
    }
}

/// On a Hub that takes releases back and lists them.
async fn by_history<'a>(
    client: &HubClient,
    asked: Back<'a>,
) -> Result<Vec<Work<'a>>, ChannelsError> {
    let channel = asked.channel;
    let mut histories: Vec<(&ProductName, Vec<ReleaseSummary>)> = Vec::new();
    for product in asked.products {
        let history = client.releases_on(product, channel).await?;
        histories.push((product, history.ok_or(ChannelsError::NoHistory)?));
    }
    let destination = match asked.to {
        Some(version) => Destination::Version(version.clone()),
        None => {
            let all = histories.iter().map(|(_, history)| &history[..]);
            let newest = highest_offered(all).ok_or_else(|| ChannelsError::Empty {
                products: asked.products.to_vec(),
                channel,
            })?;
            Destination::Before(newest)
        }
    };
    let mut works = Vec::new();
    for (product, history) in histories {
        let found = course(&history, &destination).map_err(|none| {
            let product = product.clone();
            match (none, asked.to) {
                (NoCourse::NothingBefore(version), _) => ChannelsError::NothingBefore {
                    product,
                    version,
                    channel,
                },
                (NoCourse::TakenBack, Some(version)) => ChannelsError::TakenBack {
                    product,
                    version: version.clone(),
                    channel,
                },
                (NoCourse::NotThere, Some(version)) => ChannelsError::NotThere {
                    product,
                    version: version.clone(),
                    channel,
                },
                // These two are of a version that was named.
                (NoCourse::TakenBack | NoCourse::NotThere, None) => ChannelsError::NoHistory,
            }
        })?;
        works.extend(found.map(|course| Work {
            product,
            course,
            again: Platforms::new(),
            newest: None,
        }));
    }
    Ok(works)
}

/// On a Hub that knows `latest` and single versions alone.
async fn by_latest<'a>(
    client: &HubClient,
    asked: Back<'a>,
) -> Result<Vec<Work<'a>>, ChannelsError> {
    let channel = asked.channel;
    let version = asked.to.ok_or(ChannelsError::NoHistory)?;
    let text = version.to_string();
    let mut works = Vec::new();
    for product in asked.products {
        let releases = version_on(client, product, version, channel).await?;
        if releases.is_empty() {
            return Err(ChannelsError::NotThere {
                product: product.clone(),
                version: version.clone(),
                channel,
            });
        }
        let latest = latest_on(client, product, channel).await?;
        let others = latest.values().filter(|release| release.version != text);
        let others: Vec<_> = others.collect();
        let is_latest = releases.keys().all(|platform| {
            latest
                .get(platform)
                .is_some_and(|release| release.version == text)
        });
        let newest = others.iter().max_by_key(|release| release.published_at);
        // The newest date hides all that is older, and so what it has not.
        let lacking = others.iter().map(|release| release.platform);
        let lacking = lacking.filter(|platform| !releases.contains_key(platform));
        works.push(Work {
            product,
            course: Course {
                from: newest.map_or(&text, |release| &release.version).clone(),
                to: text.clone(),
                platforms: releases.keys().copied().collect(),
                newer: Vec::new(),
                lacking: lacking.map(|platform| (platform, None)).collect(),
            },
            newest: newest.map(|release| release.published_at),
            again: match is_latest {
                true => Platforms::new(),
                false => releases,
            },
        });
    }
    Ok(works)
}

/// Tells what will be done, and what will be missed, before anything is changed.
fn announce(works: &[Work<'_>], asked: Back<'_>, by_hub: bool, reporter: &dyn Reporter) {
    let channel = asked.channel;
    let would = match asked.dry_run {
        true => "would make",
        false => "making",
    };
    for work in works {
        let (
            product,
            Course {
                from, to, newer, ..
            },
        ) = (work.product, &work.course);
        if work.is_there() {
            reporter.note(format!("{product} {to} is the newest on {channel} already"));
            continue;
        }
        let how = match by_hub {
            true => format!("by taking back {}", newer.join(", ")),
            false => "by publishing it again".to_owned(),
        };
        reporter.note(format!(
            "{would} {product} {to} the newest on {channel} instead of {from}, {how}"
        ));
        let lacking = work.lacking();
        if !lacking.is_empty() {
            reporter.warn(format!(
                "{product} {to} lacks platforms that have something newer now; they are offered then: {}",
                offers(&lacking)
            ));
        }
        if !by_hub {
            reporter.warn(format!(
                "this Hub gives the files of {product} {to} new download ids: links with the old ones stop working"
            ));
        }
    }
}

/// Reads back what the channel offers; of what was published again, the bytes too.
async fn prove(
    client: &HubClient,
    works: &[Work<'_>],
    asked: Back<'_>,
    by_hub: bool,
    reporter: &dyn Reporter,
) -> Result<(), ChannelsError> {
    let channel = asked.channel;
    let mut list = Vec::new();
    for work in works {
        let (product, Course { to, lacking, .. }) = (work.product, &work.course);
        let latest = latest_on(client, product, channel).await?;
        let there = work.course.platforms.iter();
        let there = there.map(|platform| (*platform, Some(to)));
        // Where nothing was changed, nothing is lost.
        let rest = lacking.iter().filter(|_| by_hub);
        let rest = rest.map(|(platform, version)| (*platform, version.as_ref()));
        for (platform, wanted) in there.chain(rest) {
            let found = latest.get(&platform).map(|release| &release.version);
            if found != wanted {
                let says =
                    |version: Option<&String>| version.map_or("nothing", String::as_str).to_owned();
                list.push(format!(
                    "latest of {product} on {channel} for {platform} is {}, not {}",
                    says(found),
                    says(wanted)
                ));
            }
        }
        if !work.again.is_empty() {
            let found = latest.into_iter();
            let found = found.filter(|(platform, _)| work.again.contains_key(platform));
            list.extend(read_bytes(client, product, &found.collect(), reporter).await?);
        }
    }
    match list.is_empty() {
        true => Ok(()),
        false => Err(ChannelsError::Differences { list }),
    }
}
