//! Promotion: another channel gets a release too.

use super::decide::{Step, is_behind, promotion_date, same_list, step};
use super::publishing::{name_and_key, prepare, read_bytes, receipt_asset, register};
use super::report::{FORMAT, How, PromotedAsset, Promotion};
use super::yank::refuse_taken_back;
use super::{ChannelsError, PROMOTE, Platforms, has, latest_on, undatable, version_on};
use crate::events::{Event, Reporter};
use hub_client::HubClient;
use release_types::{Channel, Platform, ProductName};
use semver::Version;
use std::collections::BTreeMap;

/// What is to be promoted.
#[derive(Debug, Clone, Copy)]
pub struct Promote<'a> {
    /// The products.
    pub products: &'a [ProductName],
    /// The version.
    pub version: &'a Version,
    /// The channel that has it.
    pub from: Channel,
    /// The channel that is to have it, too.
    pub to: Channel,
    /// Whether it is only to be told what would be done.
    pub dry_run: bool,
}

/// One product: what the channels have, and what becomes of each platform.
struct Work<'a> {
    product: &'a ProductName,
    here: Platforms,
    there: Platforms,
    /// What the other channel offers first.
    latest: Platforms,
    steps: BTreeMap<Platform, Step>,
}

impl Work<'_> {
    fn changes(&self) -> bool {
        self.steps.values().any(|step| *step == Step::Register)
    }

    fn registers(&self, platform: Platform) -> bool {
        self.steps.get(&platform) == Some(&Step::Register)
    }
}

/// Gives a channel a release of another one, with all its platforms, and reads it back. What the
/// channel has already, with the same bytes, stays as it is. Nothing is returned by a dry run.
///
/// # Errors
/// When the first channel has not got it, the other one has it with other bytes, the Hub refuses or
/// cannot be reached, or what is read back is not what was promoted.
pub async fn promote(
    client: &HubClient,
    asked: Promote<'_>,
    now: fn() -> jiff::Timestamp,
    reporter: &dyn Reporter,
) -> Result<Option<Promotion>, ChannelsError> {
    let Promote {
        version, from, to, ..
    } = asked;
    if from == to {
        return Err(ChannelsError::SameChannel(from));
    }
    let what = format!("{version} from {from} to {to} at {}", client.hub());
    reporter.stage("promoting", what);
    let by_hub = has(client, PROMOTE).await?;
    let mut works = Vec::new();
    for product in asked.products {
        works.push(look(client, asked, product, reporter).await?);
    }
    if by_hub {
        for product in asked.products {
            for channel in [from, to] {
                refuse_taken_back(client, product, version, channel).await?;
            }
        }
    }
    if asked.dry_run {
        foretell(&works, asked, reporter);
        return Ok(None);
    }
    match by_hub {
        true => {
            for work in works.iter().filter(|work| work.changes()) {
                client
                    .promote(work.product, &version.to_string(), from, to)
                    .await?;
            }
        }
        false => publish(client, asked, &works, now(), reporter).await?,
    }
    let mut promotion = Promotion {
        format: FORMAT,
        hub: client.hub().to_string(),
        products: asked.products.to_vec(),
        version: version.clone(),
        from,
        to,
        by: match by_hub {
            true => How::Hub,
            false => How::Publishing,
        },
        latest: true,
        assets: Vec::new(),
        verified_at: now(),
    };
    let mut differences = Vec::new();
    for work in &works {
        read_back(client, work, &mut promotion, &mut differences, reporter).await?;
    }
    if !differences.is_empty() {
        return Err(ChannelsError::Differences { list: differences });
    }
    promotion.verified_at = now();
    Ok(Some(promotion))
}

/// Reads what both channels have of a product, and decides.
async fn look<'a>(
    client: &HubClient,
    asked: Promote<'_>,
    product: &'a ProductName,
    reporter: &dyn Reporter,
) -> Result<Work<'a>, ChannelsError> {
    let Promote {
        version, from, to, ..
    } = asked;
    let here = version_on(client, product, version, from).await?;
    if here.is_empty() {
        return Err(ChannelsError::NotThere {
            product: product.clone(),
            version: version.clone(),
            channel: from,
        });
    }
    let there = version_on(client, product, version, to).await?;
    let latest = latest_on(client, product, to).await?;
    let mut steps = BTreeMap::new();
    for (&platform, release) in &here {
        let other = there.get(&platform).map(|other| &other.assets[..]);
        let decided = step(&release.assets, other);
        let decided = decided.map_err(|obstacle| ChannelsError::InTheWay {
            product: product.clone(),
            version: version.clone(),
            platform,
            from,
            to,
            obstacle,
        })?;
        steps.insert(platform, decided);
    }
    for platform in there.keys().filter(|platform| !here.contains_key(platform)) {
        reporter.note(format!(
            "{product} {version} is on {to} for {platform} too, which {from} has not: it stays there"
        ));
    }
    if is_behind(version, &latest) {
        reporter.note(format!(
            "channel {to} has a newer version of {product} than {version}: its latest stays what it is"
        ));
    }
    Ok(Work {
        product,
        here,
        there,
        latest,
        steps,
    })
}

/// Tells what would be done.
fn foretell(works: &[Work<'_>], asked: Promote<'_>, reporter: &dyn Reporter) {
    let Promote { version, to, .. } = asked;
    for work in works {
        for (platform, release) in &work.here {
            let (product, files) = (work.product, release.assets.len());
            let files = format!("{files} file{}", if files == 1 { "" } else { "s" });
            reporter.note(match work.registers(*platform) {
                true => {
                    format!("would promote {product} {version} for {platform} ({files}) to {to}")
                }
                false => format!("{product} {version} for {platform} ({files}) is on {to} already"),
            });
        }
    }
}

/// Registers what the other channel lacks; nothing of it before all that is needed for it is known.
async fn publish(
    client: &HubClient,
    asked: Promote<'_>,
    works: &[Work<'_>],
    now: jiff::Timestamp,
    reporter: &dyn Reporter,
) -> Result<(), ChannelsError> {
    let mut all = Vec::new();
    for work in works.iter().filter(|work| work.changes()) {
        let date = promotion_date(asked.version, &work.latest, &work.there, now);
        let what = || format!("date {} {} on {}", work.product, asked.version, asked.to);
        let date = date.ok_or_else(|| undatable(client, what()))?;
        let releases = work.here.iter();
        let releases = releases.filter(|(platform, _)| work.registers(**platform));
        let releases = releases.map(|(_, release)| release);
        let on = (asked.to, date);
        all.extend(prepare(client, work.product, asked.version, on, releases).await?);
    }
    Ok(register(client, &all, reporter).await?)
}

/// Reads what the channel has of a product now: the lists, `latest`, and, of what was registered by
/// publishing, the bytes.
async fn read_back(
    client: &HubClient,
    work: &Work<'_>,
    promotion: &mut Promotion,
    differences: &mut Vec<String>,
    reporter: &dyn Reporter,
) -> Result<(), ChannelsError> {
    let (product, to) = (work.product, promotion.to);
    let version = promotion.version.clone();
    let text = version.to_string();
    let found = version_on(client, product, &version, to).await?;
    let latest = latest_on(client, product, to).await?;
    let behind = is_behind(&version, &work.latest);
    let mut registered = Platforms::new();
    for (&platform, here) in &work.here {
        let Some(release) = found.get(&platform) else {
            differences.push(format!("{product} {version} is not on {to} for {platform}"));
            continue;
        };
        if !same_list(&here.assets, &release.assets) {
            differences.push(format!(
                "{product} {version} for {platform} has other files on {to} than on {}",
                promotion.from
            ));
            continue;
        }
        let newest = latest
            .get(&platform)
            .map(|release| release.version.as_str());
        let is_latest = newest == Some(&text);
        promotion.latest &= is_latest;
        if work.registers(platform) {
            registered.insert(platform, release.clone());
            let same = newest.and_then(|newest| Version::parse(newest).ok());
            let same = same.is_some_and(|newest| newest.cmp_precedence(&version).is_eq());
            if !behind && !is_latest && !same {
                let newest = newest.unwrap_or("nothing");
                differences.push(format!(
                    "latest of {product} on {to} for {platform} is {newest}, where {version} was promoted"
                ));
            }
        }
        // What was registered by publishing has been told.
        if promotion.by == How::Hub || !work.registers(platform) {
            reporter.event(Event::Registered {
                product: product.clone(),
                platform,
                unchanged: !work.registers(platform),
            });
        }
        for asset in &release.assets {
            let (filename, _) = name_and_key(product, &version, platform, asset)?;
            promotion.assets.push(PromotedAsset {
                asset: receipt_asset(client, release, asset, filename),
                unchanged: !work.registers(platform),
            });
        }
    }
    if promotion.by == How::Publishing {
        differences.extend(read_bytes(client, product, &registered, reporter).await?);
    }
    Ok(())
}
