//! Deploy tokens: issued, listed, revoked. An app token has no pack, a pack's token has one; in
//! everything else they are alike.

use super::database::{query, query_scalar};
use super::{Catalogue, audit, parse_time, stamp};
use crate::HubError;
use crate::token::{NewToken, random_id};
use jiff::Timestamp;
use release_types::{AppToken, PackId};

const LIST: &str = "SELECT id, name, token_prefix, created_at, last_used_at, revoked_at, \
     expires_at FROM deploy_tokens WHERE pack_id IS NOT DISTINCT FROM $1 \
     ORDER BY created_at DESC, id";

type Row = (
    String,
    Option<String>,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
);

impl Catalogue {
    /// Stores a new deploy token, which a user has issued or the Hub's owner.
    pub(crate) async fn add_deploy_token(
        &self,
        pack: Option<&PackId>,
        (name, expires_at): (Option<&str>, Option<Timestamp>),
        issued_by: Option<&str>,
        token: &NewToken,
        now: Timestamp,
    ) -> Result<AppToken, HubError> {
        let record = AppToken {
            id: random_id()?,
            name: name.map(str::to_owned),
            token_prefix: token.prefix.clone(),
            created_at: now,
            last_used_at: None,
            revoked_at: None,
            expires_at,
        };
        let mut tx = self.write().await?;
        query(
            "INSERT INTO deploy_tokens \
             (id, pack_id, name, token_hash, token_prefix, created_at, expires_at, issued_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&record.id)
        .bind(pack.map(PackId::as_str))
        .bind(&record.name)
        .bind(&token.hash)
        .bind(&record.token_prefix)
        .bind(stamp(now))
        .bind(expires_at.map(stamp))
        .bind(issued_by)
        .execute(&mut tx)
        .await?;
        let object = audit::token(pack, &record.id);
        audit::note(&mut tx, "token.issue", &object, now).await?;
        tx.commit().await?;
        Ok(record)
    }

    /// All app tokens, or all tokens of a pack, newest first.
    pub(crate) async fn deploy_tokens(
        &self,
        pack: Option<&PackId>,
    ) -> Result<Vec<AppToken>, HubError> {
        self.uses_noted().await;
        let rows: Vec<Row> = query(LIST)
            .bind(pack.map(PackId::as_str))
            .fetch_all(&self.readers)
            .await?;
        rows.into_iter().map(record).collect()
    }

    /// Revokes an app token, or a token of a pack, and tells since when it is revoked; nothing
    /// where there is none.
    pub(crate) async fn revoke_deploy_token(
        &self,
        pack: Option<&PackId>,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, HubError> {
        let mut tx = self.write().await?;
        let revoked = query(
            "UPDATE deploy_tokens SET revoked_at = $1 \
             WHERE id = $2 AND pack_id IS NOT DISTINCT FROM $3 AND revoked_at IS NULL",
        )
        .bind(stamp(now))
        .bind(id)
        .bind(pack.map(PackId::as_str))
        .execute(&mut tx)
        .await?;
        if revoked == 1 {
            let object = audit::token(pack, id);
            audit::note(&mut tx, "token.revoke", &object, now).await?;
        }
        let revoked_at: Option<String> = query_scalar(
            "SELECT revoked_at FROM deploy_tokens \
             WHERE id = $1 AND pack_id IS NOT DISTINCT FROM $2",
        )
        .bind(id)
        .bind(pack.map(PackId::as_str))
        .fetch_optional(&mut tx)
        .await?;
        tx.commit().await?;
        revoked_at.as_deref().map(parse_time).transpose()
    }
}

fn record(row: Row) -> Result<AppToken, HubError> {
    let (id, name, token_prefix, created_at, last_used_at, revoked_at, expires_at) = row;
    let time = |text: Option<String>| text.as_deref().map(parse_time).transpose();
    Ok(AppToken {
        id,
        name,
        token_prefix,
        created_at: parse_time(&created_at)?,
        last_used_at: time(last_used_at)?,
        revoked_at: time(revoked_at)?,
        expires_at: time(expires_at)?,
    })
}
