//! Tokens and administrators' credentials: issued, found by their hash, revoked.

use super::{Catalogue, audit, parse_time, stamp};
use crate::HubError;
use crate::context::{self, Credential};
use crate::token::{NewToken, TokenKind, random_id};
use jiff::{SignedDuration, Timestamp};
use release_types::AppToken;

/// How old `lastUsedAt` grows before a use writes it again.
const USE_GRANULARITY: SignedDuration = SignedDuration::from_secs(60);

const LIST_APP_TOKENS: &str = "SELECT id, name, token_prefix, created_at, last_used_at, revoked_at, \
                       expires_at FROM app_tokens ORDER BY created_at DESC, id";

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
    /// Stores a new administrator's credential.
    pub(crate) async fn add_admin(
        &self,
        name: &str,
        token: &NewToken,
        now: Timestamp,
    ) -> Result<(), HubError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO credentials (id, name, token_hash, token_prefix, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(random_id()?)
        .bind(name)
        .bind(&token.hash)
        .bind(&token.prefix)
        .bind(stamp(now))
        .execute(&mut *tx)
        .await?;
        audit::note(&mut tx, "admin.add", name, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whether an administrator's credential has ever been made.
    pub(crate) async fn has_admin(&self) -> Result<bool, HubError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM credentials LIMIT 1")
            .fetch_optional(&self.readers)
            .await?;
        Ok(found.is_some())
    }

    /// Stores a new app token.
    pub(crate) async fn add_app_token(
        &self,
        name: Option<&str>,
        expires_at: Option<Timestamp>,
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
        sqlx::query(
            "INSERT INTO app_tokens (id, name, token_hash, token_prefix, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&record.id)
        .bind(&record.name)
        .bind(&token.hash)
        .bind(&record.token_prefix)
        .bind(stamp(now))
        .bind(expires_at.map(stamp))
        .execute(&mut *tx)
        .await?;
        audit::note(&mut tx, "token.issue", &record.id, now).await?;
        tx.commit().await?;
        Ok(record)
    }

    /// All app tokens, newest first.
    pub(crate) async fn app_tokens(&self) -> Result<Vec<AppToken>, HubError> {
        let rows: Vec<Row> = sqlx::query_as(LIST_APP_TOKENS)
            .fetch_all(&self.readers)
            .await?;
        rows.into_iter().map(app_token).collect()
    }

    /// Revokes an app token and tells since when it is revoked; nothing where there is none.
    pub(crate) async fn revoke_app_token(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, HubError> {
        let mut tx = self.write().await?;
        let revoked = sqlx::query(
            "UPDATE app_tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL",
        )
        .bind(stamp(now))
        .bind(id)
        .execute(&mut *tx)
        .await?;
        if revoked.rows_affected() == 1 {
            audit::note(&mut tx, "token.revoke", id, now).await?;
        }
        let revoked_at: Option<String> =
            sqlx::query_scalar("SELECT revoked_at FROM app_tokens WHERE id = $1")
                .bind(id)
                .fetch_optional(&mut *tx)
                .await?;
        tx.commit().await?;
        revoked_at.as_deref().map(parse_time).transpose()
    }

    /// Whether a token with this hash is valid now; its use is noted.
    pub(crate) async fn authenticate(
        &self,
        kind: TokenKind,
        hash: &str,
        now: Timestamp,
    ) -> Result<bool, HubError> {
        let find = match kind {
            TokenKind::App => {
                "SELECT id, name, revoked_at, expires_at, last_used_at FROM app_tokens \
                 WHERE token_hash = $1"
            }
            TokenKind::Admin => {
                "SELECT id, name, revoked_at, NULL, last_used_at FROM credentials \
                 WHERE token_hash = $1"
            }
        };
        type Row = (
            String,
            Option<String>,
            Option<String>,
            Option<String>,
            Option<String>,
        );
        let row: Option<Row> = sqlx::query_as(find)
            .bind(hash)
            .fetch_optional(&self.readers)
            .await?;
        let Some((id, name, revoked_at, expires_at, last_used_at)) = row else {
            return Ok(false);
        };
        let expired = match expires_at.as_deref() {
            Some(text) => parse_time(text)? <= now,
            None => false,
        };
        if revoked_at.is_some() || expired {
            return Ok(false);
        }
        let fresh = match last_used_at.as_deref() {
            Some(text) => now.duration_since(parse_time(text)?) < USE_GRANULARITY,
            None => false,
        };
        if !fresh && let Err(error) = self.note_use(kind, hash, now).await {
            tracing::warn!(error = %crate::error::chain(&error), "a token's use was not noted");
        }
        let kind = kind.name();
        context::authenticated(Credential { kind, id, name });
        Ok(true)
    }

    async fn note_use(&self, kind: TokenKind, hash: &str, now: Timestamp) -> Result<(), HubError> {
        let update = match kind {
            TokenKind::App => "UPDATE app_tokens SET last_used_at = $1 WHERE token_hash = $2",
            TokenKind::Admin => "UPDATE credentials SET last_used_at = $1 WHERE token_hash = $2",
        };
        let mut tx = self.write().await?;
        sqlx::query(update)
            .bind(stamp(now))
            .bind(hash)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

fn app_token(row: Row) -> Result<AppToken, HubError> {
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
