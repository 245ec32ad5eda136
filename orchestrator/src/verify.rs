//! Verification: everything is read back as an anonymous user would, and compared with what was
//! built; or, where nobody here knows what was, with what the Hub itself lists.
//!
//! The lists come first, all of them, then the files, side by side and in bounded memory. What is told
//! and what the receipt holds is in the order of the release, whatever comes first.

mod error;
mod list;
mod read;
mod sample;
mod signed;

use crate::artifacts::LocalArtifact;
use crate::events::Reporter;
use crate::publish::Publication;
use crate::receipt::{self, Against, Receipt, ReceiptAsset, Sample};
use crate::sign::Keys;
use crate::text::one_line;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hub_client::{ClientError, HubClient};
use list::{Compared, Group, ask, compare, is_taken_back};
use read::{Found, Wanted, read_all};
use release_types::{
    Channel, FileName, Kind, ObjectKey, Platform, ProductName, Release, Sha256Digest,
};
use signed::Signed;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;

pub use error::VerifyError;
pub use list::listed;

/// How many files are read back side by side unless told otherwise. Each is two calls, the Hub's
/// redirect and the storage's bytes, so that small files wait for answers most of the time; a line is
/// filled by a few large ones, each of which costs a connection and its buffers. A Hub that allows 120
/// calls a minute is asked for them in whatever order, and says when to come back.
pub const DEFAULT_READ_BACKS: usize = 8;

/// What `latest` must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatestRule {
    /// This version: it was just published.
    ThisVersion,
    /// Anything but this version: it is a backport.
    AnotherVersion,
    /// This version or a newer one: it was published some time ago.
    NotOlder,
    /// Whatever it is.
    Any,
}

/// How files are read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBacks {
    /// How many side by side; 0 counts as 1.
    pub at_once: usize,
    /// How many in all, drawn at random; all of them when absent.
    pub sample: Option<NonZero<usize>>,
}

impl ReadBacks {
    /// All files, so many side by side.
    pub fn all(at_once: usize) -> Self {
        Self {
            at_once,
            sample: None,
        }
    }
}

impl Default for ReadBacks {
    fn default() -> Self {
        Self::all(DEFAULT_READ_BACKS)
    }
}

/// How a release is looked at.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The Hub that is asked.
    pub client: &'a HubClient,
    /// What `latest` must answer for each product and platform.
    pub rule: &'a dyn Fn(&ProductName, Platform) -> LatestRule,
    /// How files are read back.
    pub settings: ReadBacks,
    /// The time.
    pub now: fn() -> jiff::Timestamp,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
}

/// A file as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFile {
    /// The product it belongs to.
    pub product: ProductName,
    /// The platform it is for.
    pub platform: Platform,
    /// What it is for.
    pub kind: Kind,
    /// Its name.
    pub filename: FileName,
    /// The key it is stored under, by the rule for keys.
    pub key: ObjectKey,
    /// Bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Digest,
}

/// A release as it has to be.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Some Hubs take any text for a version.
    version: String,
    channel: Channel,
    against: Against,
    files: Vec<ExpectedFile>,
    /// What the Hub has said already; what it has not is asked for.
    lists: BTreeMap<(ProductName, Platform), Release>,
    /// What is wrong already.
    differences: Vec<String>,
}

impl Expectation {
    /// What was built here, or is about to be published from here.
    pub fn of_files(release: &Publication<'_>) -> Self {
        let files = release.artifacts.iter().map(ExpectedFile::from);
        Self::built(release.version, release.channel, files.collect())
    }

    /// What was built by whatever knows it.
    pub fn built(version: &semver::Version, channel: Channel, files: Vec<ExpectedFile>) -> Self {
        Self {
            version: version.to_string(),
            channel,
            against: Against::Built,
            files,
            lists: BTreeMap::new(),
            differences: Vec::new(),
        }
    }
}

impl From<&LocalArtifact> for ExpectedFile {
    fn from(artifact: &LocalArtifact) -> Self {
        Self {
            product: artifact.product.clone(),
            platform: artifact.platform,
            kind: artifact.kind,
            filename: artifact.filename.clone(),
            key: artifact.key.clone(),
            size: artifact.size,
            sha256: artifact.sha256,
        }
    }
}

/// A release that is as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// Every file was read back.
    Whole(Receipt),
    /// Some were.
    Sample(Sample),
}

impl Verified {
    /// The receipt, or what a sample has of one.
    pub fn found_mut(&mut self) -> &mut Receipt {
        match self {
            Self::Whole(receipt) => receipt,
            Self::Sample(sample) => &mut sample.found,
        }
    }
}

/// Reads a release back, all of it, and compares it with the files it is made of. Signatures are checked of all
/// products of which there is a key: some of the files may be another machine's.
///
/// # Errors
/// Everything that differs, in one list; or the Hub could not be asked.
pub async fn verify(
    look: Look<'_>,
    release: Publication<'_>,
    keys: &Keys,
) -> Result<Receipt, VerifyError> {
    let all = ReadBacks {
        sample: None,
        ..look.settings
    };
    let look = Look {
        settings: all,
        ..look
    };
    let looked = look_at(look, (&Expectation::of_files(&release), keys)).await?;
    Ok(looked.receipt)
}

/// The same with whatever is expected, of which a sample may be read.
///
/// # Errors
/// As for [`verify`].
pub async fn check(
    look: Look<'_>,
    (expected, keys): (&Expectation, &Keys),
) -> Result<Verified, VerifyError> {
    let Looked { receipt, unread } = look_at(look, (expected, keys)).await?;
    Ok(match unread.is_empty() {
        true => Verified::Whole(receipt),
        false => Verified::Sample(Sample {
            read: receipt.assets.len(),
            of: receipt.assets.len() + unread.len(),
            found: receipt,
            unread,
        }),
    })
}

/// What was read, and what was not.
struct Looked {
    receipt: Receipt,
    unread: Vec<ReceiptAsset>,
}

async fn look_at(
    look: Look<'_>,
    (expected, keys): (&Expectation, &Keys),
) -> Result<Looked, VerifyError> {
    let Look {
        client,
        rule,
        settings,
        now,
        reporter,
    } = look;
    let version = one_line(&expected.version);
    reporter.stage("verifying", format!("{version} at {}", client.hub()));
    let groups = ask(client, expected, settings.at_once).await?;
    let mut differences = expected.differences.clone();
    let mut damaged = Vec::new();
    let mut compared: Vec<_> = groups
        .iter()
        .map(|group| compare(group, expected, rule(&group.product, group.platform)))
        .collect();
    allow_taken_back(look, expected, (&groups, &mut compared)).await?;
    // Which files there are to be read, of all groups, in their order.
    let all: Vec<&Wanted<'_>> = compared
        .iter()
        .flat_map(|group| group.files.iter().filter_map(|(_, wanted)| wanted.as_ref()))
        .collect();
    let chosen = match settings.sample {
        Some(number) if number.get() < all.len() => sample::of(number.get(), all.len()),
        _ => (0..all.len()).collect(),
    };
    let groups_of = |wanted: &Wanted<'_>| {
        let file = wanted.file;
        groups
            .iter()
            .find(|group| (&group.product, group.platform) == (&file.product, file.platform))
    };
    // Their texts are short, and are fetched before the files.
    let texts = chosen.iter().map(|&index| {
        let wanted = all[index];
        let group = groups_of(wanted);
        async move {
            let signed = match group {
                Some(group) => Signed::of(client, keys, (expected, group), wanted.file).await?,
                None => None,
            };
            Ok::<_, ClientError>((wanted, signed))
        }
    });
    let read: Vec<(&Wanted<'_>, Option<Signed<'_>>)> = futures_util::stream::iter(texts)
        .buffered(settings.at_once.max(1))
        .try_collect()
        .await?;
    let found = read_all(look, &read, expected.against).await?;
    let mut found: BTreeMap<usize, Found> = chosen.into_iter().zip(found).collect();
    let (mut assets, mut unread) = (Vec::new(), Vec::new());
    let mut index = 0;
    for group in &compared {
        differences.extend_from_slice(&group.list);
        for (listed, wanted) in &group.files {
            differences.extend_from_slice(listed);
            let Some(wanted) = wanted else { continue };
            match found.remove(&index) {
                None => unread.push(wanted.asset(client)),
                Some(Found::Same) => assets.push(wanted.asset(client)),
                Some(Found::Differs(how)) => {
                    differences.push(how);
                    let key = &wanted.file.key;
                    damaged.extend(wanted.as_listed.then(|| key.clone()));
                }
            }
            index += 1;
        }
        differences.extend(group.latest.clone());
    }
    if !differences.is_empty() {
        return Err(VerifyError::Differences {
            list: differences,
            damaged,
            against: expected.against,
        });
    }
    Ok(Looked {
        receipt: written(client, expected, &groups, assets, now()),
        unread,
    })
}

/// Of a release that was published some time ago and taken back since, `latest` is older, as it has to
/// be: that is told, and is no difference.
async fn allow_taken_back(
    look: Look<'_>,
    expected: &Expectation,
    (groups, compared): (&[Group<'_>], &mut [Compared<'_>]),
) -> Result<(), ClientError> {
    let mut taken_back = BTreeMap::new();
    for (group, compared) in groups.iter().zip(compared) {
        let (product, platform) = (&group.product, group.platform);
        if compared.latest.is_none() || (look.rule)(product, platform) != LatestRule::NotOlder {
            continue;
        }
        let is_so = match taken_back.get(product) {
            Some(is_so) => *is_so,
            None => {
                let is_so = is_taken_back(look.client, product, expected).await?;
                if is_so {
                    look.reporter.warn(format!(
                        "{product} {} was taken back on channel {}: latest is another version, and who \
                         asks for this one gets it",
                        one_line(&expected.version), expected.channel
                    ));
                }
                taken_back.insert(product, is_so);
                is_so
            }
        };
        if is_so {
            compared.latest = None;
        }
    }
    Ok(())
}

fn written(
    client: &HubClient,
    expected: &Expectation,
    groups: &[Group<'_>],
    assets: Vec<ReceiptAsset>,
    verified_at: jiff::Timestamp,
) -> Receipt {
    let products: BTreeSet<&ProductName> = groups.iter().map(|group| &group.product).collect();
    let platforms: BTreeSet<Platform> = groups.iter().map(|group| group.platform).collect();
    let dates = groups.iter().filter_map(|group| group.release.as_ref());
    let published_at = dates.map(|release| release.published_at).max();
    Receipt {
        format: receipt::FORMAT,
        hub: client.hub().to_string(),
        products: products.into_iter().cloned().collect(),
        version: expected.version.clone(),
        channel: expected.channel,
        published_at: published_at.unwrap_or(verified_at),
        latest: groups.iter().all(|group| group.is_latest(expected)),
        platforms: platforms.into_iter().collect(),
        against: expected.against,
        assets,
        verified_at,
        source: None,
        serve_command: None,
    }
}
