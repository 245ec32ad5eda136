//! What the Hub is asked before anything is built or changed.

use super::{LastPublished, PublishError, presign};
use crate::events::Reporter;
use crate::settings::PublishSettings;
use crate::text::told;
use crate::verify::LatestRule;
use futures_util::future::{join_all, try_join_all};
use hub_client::{AnswerProblem, Capabilities, ClientError, HubClient};
use jiff::SignedDuration;
use release_types::{Channel, ObjectKey, Platform, ProductName, Release};
use std::collections::{BTreeMap, BTreeSet};

/// By how much this machine's clock may differ from the Hub's without a word.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(2);

/// What the Hub said before anything was changed.
#[derive(Debug, Default)]
pub struct Preflight {
    /// When a version counts as published that is not the newest of its product, where nobody says: just
    /// before the newest release of the channel, on the earliest of its platforms.
    pub(super) backports: BTreeMap<ProductName, jiff::Timestamp>,
    /// Which platforms have that newer version.
    ahead: BTreeSet<(ProductName, Platform)>,
    /// The files of the newest releases, whatever their version.
    pub last: LastPublished,
    /// What the Hub can do beyond the base contract, where it says so.
    pub(super) capabilities: Option<Capabilities>,
}

impl Preflight {
    /// What the channel's `latest` must answer once this version is published.
    pub fn latest_rule(&self, product: &ProductName, platform: Platform) -> LatestRule {
        if self.ahead.contains(&(product.clone(), platform)) {
            LatestRule::AnotherVersion
        } else if self.backports.contains_key(product) {
            // Hubs differ in what they say of a platform that the newest release has not.
            LatestRule::Any
        } else {
            LatestRule::ThisVersion
        }
    }

    /// Judges the newest releases of a product: on a Hub that goes by dates, a release of one platform
    /// can hide those of the others.
    async fn age(
        &mut self,
        client: &HubClient,
        (version, channel): (&semver::Version, Channel),
        (product, platforms): (&ProductName, &[Platform]),
        latest: Vec<Option<Release>>,
        settings: &PublishSettings,
    ) -> Result<(), PublishError> {
        for (platform, latest) in Platform::ALL.into_iter().zip(latest) {
            let Some(latest) = latest else { continue };
            self.last.add(product, platform, &latest);
            // A deployed Hub takes any text for a version; what is not SemVer cannot be compared.
            let newer = semver::Version::parse(&latest.version)
                .is_ok_and(|latest| latest.cmp_precedence(version).is_gt());
            if !newer {
                continue;
            }
            let which = (version, channel);
            if !settings.backport && !is_published(client, which, (product, platforms)).await? {
                return Err(PublishError::Older {
                    product: product.clone(),
                    version: version.clone(),
                    latest: latest.version,
                    channel,
                    platform,
                });
            }
            let at = latest.published_at;
            if let Some(given) = settings.published_at.filter(|given| *given >= at) {
                return Err(PublishError::BackportDate { given, newest: at });
            }
            // Of a date that a Hub gives anything may be said, also that it is the first there is.
            let before = at.checked_sub(SignedDuration::from_secs(1));
            let before = before.map_err(|_| ClientError::UnexpectedAnswer {
                host: client.hub().host(),
                what: format!("date {product} {version} before {}", told(&latest.version)),
                problem: AnswerProblem::Unusable("the date of the newest release"),
            })?;
            let backport = self.backports.entry(product.clone()).or_insert(before);
            *backport = (*backport).min(before);
            self.ahead.insert((product.clone(), platform));
        }
        Ok(())
    }
}

/// Whether a version is there for all of the platforms. Then publishing it again changes nothing,
/// however old it is.
async fn is_published(
    client: &HubClient,
    (version, channel): (&semver::Version, Channel),
    (product, platforms): (&ProductName, &[Platform]),
) -> Result<bool, PublishError> {
    let version = version.to_string();
    for &platform in platforms {
        let found = client.release(product, &version, platform, channel).await?;
        if found.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Asks the Hub what would stand in the way, before anything is built or changed: a newer version, a
/// credential that may not publish one of the products, a storage that takes nothing, a clock by which
/// the release would come from the future.
///
/// `keys` holds one key of each platform of each product.
///
/// # Errors
/// When something does. Of several things it is the same one each time.
pub async fn preflight(
    client: &HubClient,
    (version, channel): (&semver::Version, Channel),
    keys: &[(ProductName, Platform, ObjectKey)],
    settings: &PublishSettings,
    reporter: &dyn Reporter,
) -> Result<Preflight, PublishError> {
    let mut products: BTreeMap<&ProductName, (&ObjectKey, Vec<Platform>)> = BTreeMap::new();
    for (product, platform, key) in keys {
        let (_, platforms) = products.entry(product).or_insert((key, Vec::new()));
        platforms.push(*platform);
    }
    // Alone, so that a Hub that cannot be reached is told of once.
    let mut preflight = Preflight {
        capabilities: client.capabilities().await?,
        ..Preflight::default()
    };
    let asked = products.iter().map(|(product, (key, _))| async move {
        let latest = Platform::ALL.map(|platform| client.latest(product, platform, channel));
        tokio::join!(try_join_all(latest), may_publish(client, product, key))
    });
    let (ages, permissions): (Vec<_>, Vec<_>) = join_all(asked).await.into_iter().unzip();
    for ((product, (_, platforms)), latest) in products.iter().zip(ages) {
        let product_on = (*product, &platforms[..]);
        preflight
            .age(client, (version, channel), product_on, latest?, settings)
            .await?;
        if settings.backport && preflight.backports.contains_key(*product) {
            reporter.note(format!(
                "the channel {channel} has a newer version of {product} than {version}, which stays the newest"
            ));
        }
    }
    permissions.into_iter().collect::<Result<(), _>>()?;
    let products = products.iter();
    let products = products.map(|(product, (_, platforms))| (*product, &platforms[..]));
    // What is a draft at first is dated by the Hub, when it is shown.
    let dated_here = settings.published_at.is_none() && !preflight.has_drafts();
    for (product, platforms) in products.filter(|_| dated_here) {
        // A backport is dated by the Hub's own newest release.
        if preflight.backports.contains_key(product) {
            continue;
        }
        let which = ((version, channel), (product, platforms));
        future_date(client, which).await?;
    }
    if let Some(ahead) = clock_differs(client)? {
        reporter.warn(match ahead.is_positive() {
            true => format!("this machine's clock is {ahead:#} ahead of the Hub's"),
            false => format!("this machine's clock is {:#} behind the Hub's", ahead.abs()),
        });
    }
    Ok(preflight)
}

/// Asks the Hub whether a version is older than what a channel has of one of the products, and is not published already
/// for all of these platforms. No credential is needed for it.
///
/// # Errors
/// When it is: publishing it would be refused, unless it is said to be a backport. Also when the Hub cannot be asked.
pub async fn not_older(
    client: &HubClient,
    which: (&semver::Version, Channel),
    (products, platforms): (&[ProductName], &[Platform]),
) -> Result<(), PublishError> {
    let asked = products.iter().map(|product| {
        try_join_all(Platform::ALL.map(|platform| client.latest(product, platform, which.1)))
    });
    let settings = PublishSettings::default();
    for (product, latest) in products.iter().zip(try_join_all(asked).await?) {
        Preflight::default()
            .age(client, which, (product, platforms), latest, &settings)
            .await?;
    }
    Ok(())
}

/// Whether one real key can be presigned, which shows that the storage takes something, and whether
/// the credential may register the product.
async fn may_publish(
    client: &HubClient,
    product: &ProductName,
    key: &ObjectKey,
) -> Result<(), PublishError> {
    presign(client, key, None).await?;
    Ok(client.may_publish(product).await?)
}

/// By how much this machine's clock is ahead of the Hub's, where that is worth a word.
fn clock_differs(client: &HubClient) -> Result<Option<SignedDuration>, ClientError> {
    let ahead = client.clock_ahead()?;
    Ok(ahead.filter(|ahead| ahead.abs() > CLOCK_TOLERANCE))
}

/// Refuses to date a release by a clock that is ahead of the Hub's. On a Hub that goes by dates such a
/// release would stay the newest until its date has come, whatever is published meanwhile, and nothing
/// takes a date back. A clock that is behind harms less, and a date that a release has been given
/// already is not this clock's.
async fn future_date(
    client: &HubClient,
    ((version, channel), (product, platforms)): (
        (&semver::Version, Channel),
        (&ProductName, &[Platform]),
    ),
) -> Result<(), PublishError> {
    let Some(ahead) = clock_differs(client)?.filter(SignedDuration::is_positive) else {
        return Ok(());
    };
    let version = version.to_string();
    for &platform in platforms {
        let found = client.release(product, &version, platform, channel).await?;
        if found.is_some() {
            return Ok(());
        }
    }
    Err(PublishError::Clock { ahead })
}
