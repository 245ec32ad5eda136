//! What the page for people shows: releases with their files, as many as people read.
//!
//! Drafts are in tables of their own, so none of these statements meets one.

use super::database::{Tx, query, query_scalar};
use super::{Catalogue, parse, parse_asset, parse_size, parse_time};
use crate::HubError;
use jiff::Timestamp;
use release_types::{Asset, Channel, Platform, ProductName};
use semver::Version;

/// A release on one channel, with the files of every platform.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) version: String,
    pub(crate) channel: Channel,
    pub(crate) published_at: Timestamp,
    pub(crate) notes: Option<String>,
    /// Since when it is taken back, and why.
    pub(crate) yanked: Option<(Timestamp, Option<String>)>,
    /// By platform, then kind, then name.
    pub(crate) files: Vec<(Platform, Asset)>,
    /// How many files it has besides.
    pub(crate) more: u64,
    /// Whether a system with a POSIX shell has a program of it.
    pub(crate) has_shell_program: bool,
}

/// Which of a release's files are read.
#[derive(Debug, Clone, Copy)]
enum Extent {
    None,
    /// Programs and installers, the first of them.
    Main,
    /// Those of every kind, up to what a page can hold.
    All,
}

/// How many files [`Extent::Main`] and [`Extent::All`] have at most.
const MAIN_FILES: i64 = 12;
const ALL_FILES: i64 = 1000;

const COLUMNS: &str = "SELECT id, version, channel, published_at, notes, yanked_at, yank_reason \
                       FROM releases WHERE product = $1 AND ";
const HAS_FILES: &str = " AND EXISTS (SELECT 1 FROM assets WHERE assets.release_id = releases.id) \
                         ORDER BY version_key DESC, created_at DESC, id DESC";

type Row = (
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
);

impl Catalogue {
    /// All products by name, each with what [`Self::newest_of_channels`] says.
    pub(crate) async fn overview(&self) -> Result<Vec<(ProductName, Vec<Shown>)>, HubError> {
        let mut tx = self.read().await?;
        let names: Vec<String> = query_scalar("SELECT name FROM products ORDER BY name")
            .fetch_all(&mut tx)
            .await?;
        let mut products = Vec::with_capacity(names.len());
        for name in names {
            let newest = newest(&mut tx, &name).await?;
            products.push((parse("product", &name)?, newest));
        }
        Ok(products)
    }

    /// The newest release of every channel of a product that has one, `stable` first. The first of
    /// them has its main files, the others have none.
    pub(crate) async fn newest_of_channels(
        &self,
        product: &ProductName,
    ) -> Result<Vec<Shown>, HubError> {
        newest(&mut self.read().await?, product.as_str()).await
    }

    /// A version on every channel that has it, those that were taken back too.
    pub(crate) async fn on_channels(
        &self,
        product: &ProductName,
        version: &Version,
    ) -> Result<Vec<Shown>, HubError> {
        let mut tx = self.read().await?;
        let sql = format!("{COLUMNS} version = $2{HAS_FILES}");
        let rows: Vec<Row> = query(sqlx::AssertSqlSafe(sql))
            .bind(product.as_str())
            .bind(version.to_string())
            .fetch_all(&mut tx)
            .await?;
        let mut shown = Vec::with_capacity(rows.len());
        for row in rows {
            shown.push(read(&mut tx, row, Extent::All).await?);
        }
        let place = |shown: &Shown| Channel::ALL.iter().position(|c| *c == shown.channel);
        shown.sort_by_key(place);
        Ok(shown)
    }
}

async fn newest(tx: &mut Tx, product: &str) -> Result<Vec<Shown>, HubError> {
    let sql = format!("{COLUMNS} channel = $2 AND yanked_at IS NULL{HAS_FILES} LIMIT 1");
    let mut shown = Vec::new();
    for channel in Channel::ALL {
        let row: Option<Row> = query(sqlx::AssertSqlSafe(sql.clone()))
            .bind(product)
            .bind(channel.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(row) = row {
            let is_first = shown.is_empty();
            let extent = if is_first { Extent::Main } else { Extent::None };
            shown.push(read(tx, row, extent).await?);
        }
    }
    Ok(shown)
}

async fn read(tx: &mut Tx, row: Row, extent: Extent) -> Result<Shown, HubError> {
    let (id, version, channel, published_at, notes, yanked_at, reason) = row;
    let yanked_at = yanked_at.as_deref().map(parse_time).transpose()?;
    let mut shown = Shown {
        version,
        channel: parse("channel", &channel)?,
        published_at: parse_time(&published_at)?,
        notes,
        yanked: yanked_at.map(|at| (at, reason)),
        files: Vec::new(),
        more: 0,
        has_shell_program: false,
    };
    let (kinds, most) = match extent {
        Extent::None => return Ok(shown),
        Extent::Main => (" AND kind IN ('binary', 'installer')", MAIN_FILES),
        Extent::All => ("", ALL_FILES),
    };
    shown.files = files(tx, &id, kinds, most).await?;
    let (all, shell_programs): (i64, i64) = query(
        "SELECT COUNT(*), COUNT(CASE WHEN kind = 'binary' AND os <> 'windows' THEN 1 END) \
         FROM assets WHERE release_id = $1",
    )
    .bind(&id)
    .fetch_one(tx)
    .await?;
    shown.more = parse_size(all)?.saturating_sub(shown.files.len() as u64);
    shown.has_shell_program = shell_programs > 0;
    Ok(shown)
}

async fn files(
    tx: &mut Tx,
    release_id: &str,
    kinds: &str,
    most: i64,
) -> Result<Vec<(Platform, Asset)>, HubError> {
    type Row = (String, String, String, String, i64, String, String);
    // Linux first: by the contract's order it is last, and most who read this page have it. Both
    // databases sort these names by their bytes.
    let sql = format!(
        "SELECT os, arch, kind, filename, size, sha256, download_id FROM assets \
         WHERE release_id = $1{kinds} ORDER BY os, arch DESC, kind, filename LIMIT $2"
    );
    let rows: Vec<Row> = query(sqlx::AssertSqlSafe(sql))
        .bind(release_id)
        .bind(most)
        .fetch_all(tx)
        .await?;
    let mut files = Vec::with_capacity(rows.len());
    for (os, arch, kind, filename, size, sha256, download_id) in rows {
        let platform = Platform::new(parse("system", &os)?, parse("architecture", &arch)?);
        let asset = parse_asset((kind, filename, size, sha256, download_id))?;
        files.push((platform, asset));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A release with this many programs and as many signatures for each platform.
    async fn release(tx: &mut Tx, version: &str, channel: &str, programs: u32) {
        let key = crate::catalogue::version_key::version_key(&version.parse().unwrap());
        let (id, time) = (
            format!("{version} {channel}"),
            "2024-01-01T00:00:00.000000000Z",
        );
        query(
            "INSERT INTO releases \
             (id, product, version, version_key, channel, published_at, created_at) \
             VALUES ($1, 'runner', $2, $3, $4, $5, $5)",
        )
        .bind(&id)
        .bind(version)
        .bind(key)
        .bind(channel)
        .bind(time)
        .execute(&mut *tx)
        .await
        .unwrap();
        for platform in Platform::ALL {
            for number in 0..programs {
                let program = format!("p{number:04}");
                let signature = format!("{program}.sig");
                for (name, kind) in [(program, "binary"), (signature, "signature")] {
                    query(
                        "INSERT INTO assets (release_id, os, arch, filename, kind, size, sha256, \
                         object_key, download_id) VALUES ($1, $2, $3, $4, $5, 1, $6, 'k', $7)",
                    )
                    .bind(&id)
                    .bind(platform.os.as_str())
                    .bind(platform.arch.as_str())
                    .bind(&name)
                    .bind(kind)
                    .bind("0".repeat(64))
                    .bind(format!("dl_{id} {platform} {name}"))
                    .execute(&mut *tx)
                    .await
                    .unwrap();
                }
            }
        }
    }

    #[tokio::test]
    async fn no_more_is_read_than_is_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let catalogue = Catalogue::open(file.path(), Timestamp::now())
            .await
            .unwrap();
        let mut tx = catalogue.write().await.unwrap();
        query("INSERT INTO objects (object_key, sha256, size, content_type, uploaded_at) VALUES ('k', '', 1, '', '')")
            .execute(&mut tx)
            .await
            .unwrap();
        release(&mut tx, "1.0.0", "stable", 150).await;
        release(&mut tx, "2.0.0", "dev", 1).await;
        tx.commit().await.unwrap();

        let product = "runner".parse().unwrap();
        let [stable, dev] = &catalogue.newest_of_channels(&product).await.unwrap()[..] else {
            panic!("not two channels");
        };
        assert_eq!((stable.files.len(), stable.more), (12, 1800 - 12));
        assert!(stable.has_shell_program);
        let is_main = |(platform, file): &(Platform, Asset)| {
            platform.to_string() == "linux-x64" && file.kind == release_types::Kind::Binary
        };
        assert!(stable.files.iter().all(is_main));
        assert_eq!((dev.files.len(), dev.version.as_str()), (0, "2.0.0"));

        let version = "1.0.0".parse().unwrap();
        let whole = catalogue.on_channels(&product, &version).await.unwrap();
        assert_eq!((whole[0].files.len(), whole[0].more), (1000, 800));
        let mut order: Vec<String> = Vec::new();
        let version = "2.0.0".parse().unwrap();
        for (platform, file) in &catalogue.on_channels(&product, &version).await.unwrap()[0].files {
            order.push(format!("{platform} {}", file.filename));
        }
        let platforms = [
            "linux-x64",
            "linux-arm64",
            "macos-x64",
            "macos-arm64",
            "windows-x64",
            "windows-arm64",
        ];
        let expected: Vec<String> = platforms
            .iter()
            .flat_map(|platform| [format!("{platform} p0000"), format!("{platform} p0000.sig")])
            .collect();
        assert_eq!(order, expected);
        catalogue.close().await;
    }
}
