//! What the page for people shows: releases with all their files. Drafts are in tables of their own,
//! so none of these statements meets one.

use super::database::{Tx, query, query_scalar};
use super::{Catalogue, parse, parse_asset, parse_time};
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
}

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
    /// All products by name, each with the newest release of every channel that has one.
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

    /// The newest release of every channel of a product that has one, `stable` first.
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
            shown.push(read(&mut tx, row).await?);
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
            shown.push(read(tx, row).await?);
        }
    }
    Ok(shown)
}

async fn read(tx: &mut Tx, row: Row) -> Result<Shown, HubError> {
    let (id, version, channel, published_at, notes, yanked_at, reason) = row;
    let yanked_at = yanked_at.as_deref().map(parse_time).transpose()?;
    Ok(Shown {
        version,
        channel: parse("channel", &channel)?,
        published_at: parse_time(&published_at)?,
        notes,
        yanked: yanked_at.map(|at| (at, reason)),
        files: files(tx, &id).await?,
    })
}

async fn files(tx: &mut Tx, release_id: &str) -> Result<Vec<(Platform, Asset)>, HubError> {
    type Row = (String, String, String, String, i64, String, String);
    let rows: Vec<Row> = query(
        "SELECT os, arch, kind, filename, size, sha256, download_id FROM assets \
         WHERE release_id = $1 ORDER BY kind, filename",
    )
    .bind(release_id)
    .fetch_all(tx)
    .await?;
    let mut files = Vec::with_capacity(rows.len());
    for (os, arch, kind, filename, size, sha256, download_id) in rows {
        let platform = Platform::new(parse("system", &os)?, parse("architecture", &arch)?);
        let asset = parse_asset((kind, filename, size, sha256, download_id))?;
        files.push((platform, asset));
    }
    // Linux first: by the contract's order it is last, and most who read this page have it.
    files.sort_by_key(|(platform, _)| (std::cmp::Reverse(platform.os), platform.arch));
    Ok(files)
}
