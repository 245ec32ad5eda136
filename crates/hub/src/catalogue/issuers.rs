//! What a user leaves behind: the deploy tokens that the user has issued, and a Hub that somebody else
//! can look after.

use super::database::{Tx, query};
use super::{Catalogue, audit, parse, parse_time, stamp};
use crate::HubError;
use jiff::Timestamp;
use release_types::{PackId, UserRole};

/// A deploy token that is in force, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedDeployToken {
    /// What it is revoked by.
    pub id: String,
    /// What it is called.
    pub name: Option<String>,
    /// What its text begins with.
    pub token_prefix: String,
    /// The pack whose builds it makes; nothing where it publishes releases.
    pub pack: Option<PackId>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

impl Catalogue {
    /// The deploy tokens in force that a user has issued, the oldest first.
    pub(crate) async fn issued_by(
        tx: &mut Tx,
        user_id: &str,
        now: Timestamp,
    ) -> Result<Vec<IssuedDeployToken>, HubError> {
        type Optional = Option<String>;
        let rows: Vec<(String, Optional, String, Optional, Optional, Optional)> = query(
            "SELECT id, name, token_prefix, pack_id, last_used_at, expires_at FROM deploy_tokens \
             WHERE issued_by = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2) \
             ORDER BY created_at, id",
        )
        .bind(user_id)
        .bind(stamp(now))
        .fetch_all(tx)
        .await?;
        let time = |text: Optional| text.as_deref().map(parse_time).transpose();
        rows.into_iter()
            .map(|(id, name, token_prefix, pack, used, end)| {
                Ok(IssuedDeployToken {
                    id,
                    name,
                    token_prefix,
                    pack: pack.map(|pack| parse("pack", &pack)).transpose()?,
                    last_used_at: time(used)?,
                    expires_at: time(end)?,
                })
            })
            .collect()
    }

    /// Revokes these tokens.
    pub(crate) async fn revoke_issued(
        tx: &mut Tx,
        tokens: &[IssuedDeployToken],
        now: Timestamp,
    ) -> Result<(), HubError> {
        for token in tokens {
            query("UPDATE deploy_tokens SET revoked_at = $1 WHERE id = $2")
                .bind(stamp(now))
                .bind(&token.id)
                .execute(&mut *tx)
                .await?;
            let object = audit::token(token.pack.as_ref(), &token.id);
            audit::note(tx, "token.revoke", &object, now).await?;
        }
        Ok(())
    }

    /// Whether an administrator besides this user has a credential in force.
    pub(crate) async fn has_admin_besides(
        tx: &mut Tx,
        user_id: &str,
        now: Timestamp,
    ) -> Result<bool, HubError> {
        query(
            "SELECT 1 FROM users JOIN credentials ON credentials.user_id = users.id \
             WHERE users.role = $1 AND users.id <> $2 AND users.disabled_at IS NULL \
             AND credentials.revoked_at IS NULL \
             AND (credentials.expires_at IS NULL OR credentials.expires_at > $3) LIMIT 1",
        )
        .bind(UserRole::Admin.as_str())
        .bind(user_id)
        .bind(stamp(now))
        .exists(tx)
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::migrations;
    use super::*;
    use sqlx::migrate::Migrator;

    /// Who issued a token was known to the audit alone.
    #[tokio::test]
    async fn the_issuers_of_earlier_tokens_are_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file.path());
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let before = migrations().into_iter().take(7).collect();
        Migrator::with_migrations(before).run(&pool).await.unwrap();
        for statement in [
            "INSERT INTO users (id, name, role, created_at) VALUES ('u', 'u', 'admin', 't')",
            "INSERT INTO credentials (id, user_id, name, token_hash, token_prefix, created_at) \
             VALUES ('c', 'u', 'u', 'h', 'p', 't')",
            "INSERT INTO deploy_tokens (id, token_hash, token_prefix, created_at) \
             VALUES ('theirs', 'h1', 'p1', 't'), ('the operators', 'h2', 'p2', 't')",
            "INSERT INTO audit (id, at, action, object, actor_kind, actor_id) \
             VALUES ('1', 't', 'token.issue', 'theirs', 'admin', 'c'), \
             ('2', 't', 'token.issue', 'the operators', 'operator', NULL), \
             ('3', 't', 'token.revoke', 'the operators', 'admin', 'c')",
        ] {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        pool.close().await;
        let now = Timestamp::now();
        let catalogue = Catalogue::open(file.path(), now).await.unwrap();
        let mut tx = catalogue.write().await.unwrap();
        let issued = Catalogue::issued_by(&mut tx, "u", now).await.unwrap();
        let ids: Vec<_> = issued.iter().map(|token| token.id.as_str()).collect();
        assert_eq!(ids, ["theirs"]);
        drop(tx);
        catalogue.close().await;
    }
}
