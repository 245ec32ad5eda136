//! What each platform is offered, so that the newest release with something is found at once, however
//! many releases lie between that have it not.

use super::database::{Tx, query};
use crate::HubError;
use release_types::{Kind, Platform};

/// The id of the newest release that offers something: product, channel, system, architecture and
/// [`Offer`] are `$1` to `$5`. Of several that differ in build metadata alone, the one registered
/// last.
pub(super) const NEWEST: &str = "(SELECT release_id FROM offers \
    WHERE product = $1 AND channel = $2 AND os = $3 AND arch = $4 AND what = $5 \
    ORDER BY version_key DESC, created_at DESC LIMIT 1)";

const REMOVE: &str = "DELETE FROM offers WHERE release_id = $1 AND os = $2 AND arch = $3";

const ADD: &str = "INSERT INTO offers \
    (release_id, os, arch, what, product, channel, version_key, created_at) \
    SELECT releases.id, $2, $3, offered.what, releases.product, releases.channel, \
    releases.version_key, releases.created_at FROM releases CROSS JOIN (\
    SELECT kind AS what FROM assets WHERE release_id = $1 AND os = $2 AND arch = $3 \
    UNION SELECT 'any' FROM assets WHERE release_id = $1 AND os = $2 AND arch = $3 \
    UNION SELECT 'signed' FROM assets a \
    JOIN assets s ON s.release_id = a.release_id AND s.os = a.os AND s.arch = a.arch \
    AND s.filename = a.filename || '.sig' \
    WHERE a.release_id = $1 AND a.os = $2 AND a.arch = $3 AND a.kind IN ('binary', 'installer')\
    ) AS offered WHERE releases.id = $1 AND releases.yanked_at IS NULL";

/// Something that a release can have for a platform.
#[derive(Debug, Clone, Copy)]
pub(super) enum Offer {
    /// Any file.
    Any,
    /// A program or an installer with a signature beside it.
    Signed,
    /// A file of a kind.
    Of(Kind),
}

impl Offer {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Signed => "signed",
            Self::Of(kind) => kind.as_str(),
        }
    }
}

/// Writes anew what a release offers these platforms, by the files that it has in the transaction.
pub(super) async fn renew(
    tx: &mut Tx,
    release_id: &str,
    platforms: &[Platform],
) -> Result<(), HubError> {
    for platform in platforms {
        remove(tx, release_id, *platform).await?;
        add(tx, release_id, *platform).await?;
    }
    Ok(())
}

/// Forgets what a release offers a platform.
pub(super) async fn remove(
    tx: &mut Tx,
    release_id: &str,
    platform: Platform,
) -> Result<(), HubError> {
    execute(REMOVE, tx, release_id, platform).await
}

/// Writes down what a release offers a platform, of which nothing is written.
pub(super) async fn add(tx: &mut Tx, release_id: &str, platform: Platform) -> Result<(), HubError> {
    execute(ADD, tx, release_id, platform).await
}

async fn execute(
    statement: &'static str,
    tx: &mut Tx,
    release_id: &str,
    platform: Platform,
) -> Result<(), HubError> {
    query(statement)
        .bind(release_id)
        .bind(platform.os.as_str())
        .bind(platform.arch.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    /// Whatever is asked for, and however long a channel's history is.
    #[tokio::test]
    async fn the_newest_is_one_look_into_an_index() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let catalogue = Catalogue::open(file.path(), jiff::Timestamp::now())
            .await
            .unwrap();
        let explain = format!("EXPLAIN QUERY PLAN SELECT * FROM releases WHERE id = {NEWEST}");
        let mut explain = query(sqlx::AssertSqlSafe(explain));
        for _ in 0..5 {
            explain = explain.bind("");
        }
        let steps: Vec<(i64, i64, i64, String)> =
            explain.fetch_all(&catalogue.readers).await.unwrap();
        let plan: Vec<&str> = steps.iter().map(|step| step.3.as_str()).collect();
        let plan = plan.join("\n");
        let look = "SEARCH offers USING INDEX offers_by_precedence \
                    (product=? AND channel=? AND os=? AND arch=? AND what=?)";
        assert!(plan.contains(look), "{plan}");
        assert!(
            !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
        catalogue.close().await;
    }
}
