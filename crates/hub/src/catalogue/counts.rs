//! How many files a call is about, counted before any of them is read or written: nobody else writes
//! meanwhile, and what was read is held in memory.

use super::Target;
use super::database::{Tx, query, query_scalar};
use crate::HubError;
use release_types::{Channel, ProductName};
use semver::Version;

/// The files of one platform's draft, and those that are published of it. Both counts look into
/// indexes alone.
const OF_PLATFORM: &str = "SELECT \
    (SELECT COUNT(*) FROM drafts JOIN draft_assets ON draft_assets.draft_id = drafts.id \
    WHERE product = $1 AND version = $2 AND channel = $3 AND os = $4 AND arch = $5), \
    (SELECT COUNT(*) FROM releases JOIN assets ON assets.release_id = releases.id \
    WHERE product = $1 AND version = $2 AND channel = $3 AND os = $4 AND arch = $5)";

const OF_RELEASE: &str = "SELECT COUNT(*) FROM releases \
    JOIN assets ON assets.release_id = releases.id \
    WHERE product = $1 AND version = $2 AND channel = $3";

/// Whether platforms have more files than these, drafted or published. One with both has the more
/// of the two, since the draft takes the place of what is published.
pub(super) async fn are_more(
    tx: &mut Tx,
    targets: &[Target],
    most: usize,
) -> Result<bool, HubError> {
    let mut files = 0_i64;
    for target in targets {
        let (drafted, published): (i64, i64) = query(OF_PLATFORM)
            .bind(target.product.as_str())
            .bind(target.version.to_string())
            .bind(target.channel.as_str())
            .bind(target.platform.os.as_str())
            .bind(target.platform.arch.as_str())
            .fetch_one(&mut *tx)
            .await?;
        files = files.saturating_add(drafted.max(published));
        if exceeds(files, most) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a release has more files than these on a channel.
pub(super) async fn has_more(
    tx: &mut Tx,
    (product, version, channel): (&ProductName, &Version, Channel),
    most: usize,
) -> Result<bool, HubError> {
    let files: i64 = query_scalar(OF_RELEASE)
        .bind(product.as_str())
        .bind(version.to_string())
        .bind(channel.as_str())
        .fetch_one(tx)
        .await?;
    Ok(exceeds(files, most))
}

fn exceeds(files: i64, most: usize) -> bool {
    usize::try_from(files).is_ok_and(|files| files > most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{
        Catalogue, Finalized, Promoted, Publication, Registered, StoredObject, statements,
    };
    use jiff::Timestamp;
    use release_types::{Artifact, Kind, Sha256Digest};
    use std::collections::HashMap;

    fn publication(platform: &str, files: usize) -> Publication {
        let artifact = |number: usize| Artifact {
            key: format!("artifacts/runner/1.0.0/f{number}").parse().unwrap(),
            provider: String::new(),
            filename: format!("f{number}").parse().unwrap(),
            size: 1,
            sha256: Sha256Digest::of(b"x"),
            kind: Kind::Other,
        };
        Publication {
            product: "runner".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            channel: Channel::Stable,
            platform: platform.parse().unwrap(),
            artifacts: (0..files).map(artifact).collect(),
            notes: None,
            published_at: None,
        }
    }

    /// What is published counts as what is drafted does, and beyond the bound nothing is read, nothing
    /// is written.
    #[tokio::test]
    async fn there_is_an_end_to_what_is_shown_and_promoted_at_once() {
        statements::watch();
        let file = tempfile::NamedTempFile::new().unwrap();
        let now = Timestamp::now();
        let catalogue = Catalogue::open(file.path(), now).await.unwrap();
        let mut tx = catalogue.write().await.unwrap();
        for artifact in publication("linux-x64", 5).artifacts {
            let object = StoredObject {
                sha256: artifact.sha256,
                size: artifact.size,
                content_type: "a/b".to_owned(),
                place: None,
            };
            Catalogue::put_object(&mut tx, &artifact.key, &object, now)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        // Linux has both, and the draft has fewer; Windows is published alone, macOS drafted alone.
        let [linux, windows, macos] = [("linux-x64", 3), ("windows-x64", 4), ("macos-x64", 5)]
            .map(|(p, n)| publication(p, n));
        let smaller = publication("linux-x64", 2);
        let targets = [&linux, &windows, &macos].map(Publication::target);
        for shown in [&linux, &windows] {
            let done = catalogue.publish(shown.clone(), now).await.unwrap();
            assert!(matches!(done, Registered::Done(_)), "{done:?}");
        }
        for drafted in [&smaller, &macos] {
            let done = catalogue.draft(drafted.clone(), now).await.unwrap();
            assert!(matches!(done, Registered::Done(_)), "{done:?}");
        }

        let all = 3 + 4 + 5;
        assert!(
            catalogue
                .drafted(&targets, all - 1)
                .await
                .unwrap()
                .is_none()
        );
        let drafted = catalogue.drafted(&targets, all).await.unwrap();
        assert_eq!(drafted.unwrap().len(), 2 + 5);
        let read = || statements::count("object_key, download_id FROM");
        let before = read();
        let finalize = async |most| {
            let files = HashMap::new();
            catalogue
                .finalize(&targets, &files, most, now)
                .await
                .unwrap()
        };
        let refused = finalize(all - 1).await;
        assert!(matches!(refused, Finalized::TooMany(11)), "{refused:?}");
        assert_eq!(read(), before);
        let Finalized::Done(shown) = finalize(all).await else {
            panic!("refused");
        };
        let files: Vec<usize> = shown.iter().map(|release| release.assets.len()).collect();
        assert_eq!(files, [2, 4, 5]);

        let promote = async |most| {
            let channels = (Channel::Stable, Channel::Beta);
            let (product, version) = (&linux.product, &linux.version);
            catalogue
                .promote(product, version, channels, most, now)
                .await
                .unwrap()
        };
        let all = 2 + 4 + 5;
        let before = read();
        let refused = promote(all - 1).await;
        assert!(matches!(refused, Promoted::TooMany(10)), "{refused:?}");
        assert_eq!(read(), before);
        let Promoted::Done(done) = promote(all).await else {
            panic!("refused");
        };
        assert_eq!(done.len(), 3);
        catalogue.close().await;
    }
}
