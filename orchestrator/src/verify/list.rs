//! What a Hub lists: asking for it, and comparing it with what has to be there.

use super::read::Wanted;
use super::{Expectation, ExpectedFile, LatestRule, VerifyError};
use crate::receipt::Against;
use crate::text::told;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hub_client::{ClientError, HubClient};
use release_types::{
    Asset, Channel, FileName, ObjectKey, Platform, ProductName, Release, ReleaseState,
};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A platform of a product: what has to be there, and what the Hub lists.
#[derive(Debug)]
pub(super) struct Group<'e> {
    pub(super) product: ProductName,
    pub(super) platform: Platform,
    files: Vec<&'e ExpectedFile>,
    /// The release, if the channel has it.
    pub(super) release: Option<Release>,
    /// The version that `latest` answers, if any.
    latest: Option<String>,
}

impl Group<'_> {
    pub(super) fn is_latest(&self, expected: &Expectation) -> bool {
        self.latest.as_deref() == Some(expected.version.as_str())
    }
}

/// What differs by the lists, and what is to be read.
#[derive(Debug)]
pub(super) struct Compared<'g> {
    /// Of the list as a whole.
    pub(super) list: Vec<String>,
    /// Of each file, and where it can be read.
    pub(super) files: Vec<(Vec<String>, Option<Wanted<'g>>)>,
    /// Of `latest`.
    pub(super) latest: Option<String>,
}

/// What a Hub itself lists of a version, for every platform that it has: a release that somebody else has
/// made. The version may be any text.
///
/// # Errors
/// When it has nothing of it for any of the products, or cannot be asked.
pub async fn listed(
    client: &HubClient,
    version: &str,
    channel: Channel,
    products: &[ProductName],
    at_once: usize,
) -> Result<Expectation, VerifyError> {
    // Not every Hub tells which platforms there are.
    let asked = products
        .iter()
        .flat_map(|product| Platform::ALL.map(|platform| (product, platform)));
    let lists = asked.map(|(product, platform)| async move {
        let found = client.release(product, version, platform, channel).await?;
        Ok::<_, ClientError>((product, platform, found))
    });
    let lists: Vec<_> = futures_util::stream::iter(lists)
        .buffered(at_once.max(1))
        .try_collect()
        .await?;
    // Nothing is stored that could be other than it has to be.
    if lists.iter().all(|(.., release)| release.is_none()) {
        return Err(VerifyError::not_found(client, products, (version, channel)));
    }
    let mut expected = Expectation {
        version: version.to_owned(),
        channel,
        against: Against::Listed,
        files: Vec::new(),
        lists: BTreeMap::new(),
        differences: Vec::new(),
    };
    for product in products {
        let of_it = lists.iter().filter(|(of, ..)| *of == product);
        let mut found = of_it.filter_map(|(_, on, release)| Some((*on, release.as_ref()?)));
        let Some(first) = found.next() else {
            expected.differences.push(format!(
                "{product} {} is not on channel {channel} for any platform",
                told(version)
            ));
            continue;
        };
        for (platform, release) in std::iter::once(first).chain(found) {
            add(&mut expected, product, platform, release);
        }
    }
    Ok(expected)
}

fn add(expected: &mut Expectation, product: &ProductName, platform: Platform, release: &Release) {
    let version = expected.version.clone();
    if release.assets.is_empty() {
        let version = told(&version);
        expected
            .differences
            .push(format!("{product} {version} has no files for {platform}"));
    }
    for asset in &release.assets {
        let name: Result<FileName, _> = asset.filename.parse();
        let name = name.map_err(|error| error.to_string()).and_then(|name| {
            // By the rule for keys, also where the version is none that we would publish.
            let (os, arch) = (platform.os, platform.arch);
            let key = format!("artifacts/{product}/{version}/{os}/{arch}/{name}");
            let key: Result<ObjectKey, _> = key.parse();
            key.map(|key| (name, key))
                .map_err(|error| error.to_string())
        });
        match name {
            Ok((filename, key)) => expected.files.push(ExpectedFile {
                product: product.clone(),
                platform,
                kind: asset.kind,
                filename,
                key,
                size: asset.size,
                sha256: asset.sha256,
            }),
            Err(why) => expected.differences.push(format!(
                "{product} for {platform} has a file of a name that cannot be used: {}",
                told(&why)
            )),
        }
    }
    let key = (product.clone(), platform);
    expected.lists.insert(key, release.clone());
}

/// Asks for the lists of all platforms that files are expected for, and for `latest` of each.
pub(super) async fn ask<'e>(
    client: &HubClient,
    expected: &'e Expectation,
    at_once: usize,
) -> Result<Vec<Group<'e>>, ClientError> {
    let mut groups: BTreeMap<(&ProductName, Platform), Vec<&ExpectedFile>> = BTreeMap::new();
    for (product, platform) in expected.lists.keys() {
        groups.entry((product, *platform)).or_default();
    }
    for file in &expected.files {
        let key = (&file.product, file.platform);
        groups.entry(key).or_default().push(file);
    }
    let (version, channel) = (&expected.version, expected.channel);
    let asked = groups
        .into_iter()
        .map(|((product, platform), files)| async move {
            let known = expected.lists.get(&(product.clone(), platform));
            let release = match known {
                Some(release) => Some(release.clone()),
                None => client.release(product, version, platform, channel).await?,
            };
            let latest = client.latest(product, platform, channel).await?;
            Ok(Group {
                product: product.clone(),
                platform,
                files,
                release,
                latest: latest.map(|release| release.version),
            })
        });
    futures_util::stream::iter(asked)
        .buffered(at_once.max(1))
        .try_collect()
        .await
}

/// Whether the Hub says that a release was taken back on its channel. Not every Hub tells.
pub(super) async fn is_taken_back(
    client: &HubClient,
    product: &ProductName,
    expected: &Expectation,
) -> Result<bool, ClientError> {
    let releases = client.releases_on(product, expected.channel).await?;
    let mut releases = releases.unwrap_or_default().into_iter();
    Ok(releases.any(|release| {
        release.version == expected.version && release.state == ReleaseState::Yanked
    }))
}

/// Compares a list with what has to be in it. Pure.
pub(super) fn compare<'g>(
    group: &'g Group<'_>,
    expected: &Expectation,
    rule: LatestRule,
) -> Compared<'g> {
    let Group {
        product, platform, ..
    } = group;
    let (version, channel) = (told(&expected.version), expected.channel);
    let latest = latest(group, expected, rule);
    let Some(release) = &group.release else {
        return Compared {
            list: vec![format!(
                "{product} {version} is not on channel {channel} for {platform}"
            )],
            files: Vec::new(),
            latest,
        };
    };
    let is_expected = |asset: &Asset| {
        let mut files = group.files.iter();
        files.any(|file| file.filename.as_str() == asset.filename)
    };
    let extra = release.assets.iter().filter(|asset| !is_expected(asset));
    // Of a Hub's own list, what cannot be used has been said already.
    let extra = extra.filter(|_| expected.against == Against::Built);
    let extra = extra.map(|asset| {
        format!(
            "{product} for {platform} has a file that was not published: {}",
            told(&asset.filename)
        )
    });
    Compared {
        list: extra.collect(),
        files: group.files.iter().map(|file| one(file, release)).collect(),
        latest,
    }
}

/// Compares one file with its line of the list.
fn one<'g>(file: &'g ExpectedFile, release: &'g Release) -> (Vec<String>, Option<Wanted<'g>>) {
    let key = &file.key;
    let mut named = release
        .assets
        .iter()
        .filter(|asset| asset.filename == file.filename.as_str());
    let Some(asset) = named.next() else {
        return (vec![format!("{key} is missing")], None);
    };
    let mut differences = Vec::new();
    if named.next().is_some() {
        differences.push(format!("{key} is listed more than once"));
    }
    if asset.kind != file.kind {
        differences.push(format!(
            "{key} is listed as {}, not {}",
            asset.kind, file.kind
        ));
    }
    let as_listed = (asset.sha256, asset.size) == (file.sha256, file.size);
    if !as_listed {
        differences.push(format!(
            "{key} is listed with {} bytes and sha256 {}; built were {} bytes with {}",
            asset.size, asset.sha256, file.size, file.sha256
        ));
    }
    let wanted = Wanted {
        file,
        download_id: &asset.download_id,
        as_listed,
    };
    (differences, Some(wanted))
}

/// What is wrong with what `latest` answers, if anything.
fn latest(group: &Group<'_>, expected: &Expectation, rule: LatestRule) -> Option<String> {
    let Group {
        product, platform, ..
    } = group;
    let (version, channel) = (told(&expected.version), expected.channel);
    let (found, is_this) = (group.latest.as_deref(), group.is_latest(expected));
    let own = semver::Version::parse(&expected.version).ok();
    // Versions that differ in build metadata alone are equally new.
    let order = found
        .and_then(|text| semver::Version::parse(text).ok())
        .zip(own.as_ref())
        .map(|(latest, own)| latest.cmp_precedence(own));
    let fits = match rule {
        // Nobody can tell which of them is older.
        LatestRule::NotOlder if own.is_none() => found.is_some(),
        LatestRule::ThisVersion => is_this || order.is_some_and(Ordering::is_eq),
        LatestRule::AnotherVersion => !is_this && found.is_some(),
        LatestRule::NotOlder => is_this || order.is_some_and(Ordering::is_ge),
        LatestRule::Any => true,
    };
    let says = told(found.unwrap_or("nothing"));
    (!fits).then(|| {
        format!(
            "latest of {product} on channel {channel} for {platform} is {says}, where this release is {version}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::Sha256Digest;

    fn asset(filename: &str, bytes: &[u8]) -> Asset {
        Asset {
            kind: release_types::Kind::Binary,
            filename: filename.to_owned(),
            size: bytes.len() as u64,
            sha256: Sha256Digest::of(bytes),
            download_id: "dl_0".to_owned(),
        }
    }

    fn listing(assets: Vec<Asset>) -> Expectation {
        let product: ProductName = "alpha".parse().unwrap();
        let release = Release {
            product: product.clone(),
            version: "1.2.0".to_owned(),
            channel: Channel::Stable,
            published_at: jiff::Timestamp::UNIX_EPOCH,
            platform: Platform::ALL[0],
            assets,
        };
        let mut expected =
            Expectation::built(&semver::Version::new(1, 2, 0), Channel::Stable, Vec::new());
        expected.against = Against::Listed;
        add(&mut expected, &product, Platform::ALL[0], &release);
        expected
    }

    fn group<'e>(expected: &'e Expectation, latest: Option<&str>) -> Group<'e> {
        let ((product, platform), release) = expected.lists.first_key_value().unwrap();
        Group {
            product: product.clone(),
            platform: *platform,
            files: expected.files.iter().collect(),
            release: Some(release.clone()),
            latest: latest.map(str::to_owned),
        }
    }

    #[test]
    fn each_rule_for_latest() {
        let expected = listing(vec![asset("a", b"1")]);
        let fits = |rule, found| latest(&group(&expected, found), &expected, rule).is_none();
        let found = [
            None,
            Some("1.1.9"),
            Some("1.2.0"),
            Some("1.2.0+b"),
            Some("1.3.0"),
            Some("?"),
        ];
        for (rule, right) in [
            (
                LatestRule::ThisVersion,
                [false, false, true, true, false, false],
            ),
            (
                LatestRule::AnotherVersion,
                [false, true, false, true, true, true],
            ),
            (
                LatestRule::NotOlder,
                [false, false, true, true, true, false],
            ),
            (LatestRule::Any, [true; 6]),
        ] {
            assert_eq!(found.map(|found| fits(rule, found)), right, "{rule:?}");
        }
    }

    #[test]
    fn versions_that_nobody_can_compare_are_not_compared() {
        let mut expected = listing(vec![asset("a", b"1")]);
        expected.version = "2024.1 final".to_owned();
        let found = [None, Some("2024.1 final"), Some("1.0.0"), Some("2024.2")];
        let fits = found.map(|found| {
            let group = group(&expected, found);
            latest(&group, &expected, LatestRule::NotOlder).is_none()
        });
        assert_eq!(fits, [false, true, true, true]);
    }

    #[test]
    fn names_of_others_are_told_and_do_no_harm() {
        let expected = listing(vec![
            asset("good", b"1"),
            asset("../up\nerror: none", b"2"),
            asset("good", b"3"),
        ]);
        assert_eq!(expected.files.len(), 2);
        let [said] = &expected.differences[..] else {
            panic!("{:?}", expected.differences);
        };
        assert!(said.contains("a name that cannot be used"), "{said}");
        assert!(!said.contains('\n'), "{said}");
        let group = group(&expected, Some("1.2.0"));
        let compared = compare(&group, &expected, LatestRule::NotOlder);
        assert_eq!((compared.list.len(), compared.latest), (0, None));
        let twice = compared.files.iter().map(|(said, _)| said[0].as_str());
        assert!(
            twice
                .into_iter()
                .all(|said| said.ends_with("is listed more than once"))
        );
        assert!(listing(Vec::new()).differences[0].contains("has no files"));
    }
}
