//! Users and the credentials they hold.

use super::database::{Tx, query, query_scalar};
use super::{Catalogue, audit, parse, parse_time, stamp};
use crate::HubError;
use crate::token::{NewToken, random_id};
use jiff::Timestamp;
use release_types::UserRole;

/// Somebody who holds credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name, which no other user has.
    pub name: String,
    /// What the user is to the Hub.
    pub role: UserRole,
    /// When the user was added.
    pub created_at: Timestamp,
    /// Since when the user's credentials do not work, if they do not.
    pub disabled_at: Option<Timestamp>,
    /// How many credentials are in force.
    pub credentials: u64,
    /// When the last of them stops working; nothing where one never does, or none is in force.
    pub expires_at: Option<Timestamp>,
    /// When one of the credentials was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A user as a change needs it.
#[derive(Debug)]
pub(crate) struct FoundUser {
    pub(crate) id: String,
    pub(crate) role: UserRole,
    pub(crate) disabled: bool,
}

/// What the audit calls a user.
pub(super) async fn user_name(tx: &mut Tx, user_id: &str) -> Result<String, HubError> {
    let name = query_scalar("SELECT name FROM users WHERE id = $1");
    name.bind(user_id).fetch_one(tx).await
}

impl Catalogue {
    /// Whether a credential has ever been made.
    pub(crate) async fn has_admin(&self) -> Result<bool, HubError> {
        query("SELECT 1 FROM credentials LIMIT 1")
            .exists(&self.readers)
            .await
    }

    /// The user of a name.
    pub(crate) async fn find_user(tx: &mut Tx, name: &str) -> Result<Option<FoundUser>, HubError> {
        let row: Option<(String, String, Option<String>)> =
            query("SELECT id, role, disabled_at FROM users WHERE name = $1")
                .bind(name)
                .fetch_optional(tx)
                .await?;
        let found = |(id, role, disabled_at): (String, String, Option<String>)| {
            Ok(FoundUser {
                id,
                role: parse("role", &role)?,
                disabled: disabled_at.is_some(),
            })
        };
        row.map(found).transpose()
    }

    /// Adds a user whose name is free. The user's id.
    pub(crate) async fn insert_user(
        tx: &mut Tx,
        name: &str,
        role: UserRole,
        now: Timestamp,
    ) -> Result<String, HubError> {
        let id = random_id()?;
        query("INSERT INTO users (id, name, role, created_at) VALUES ($1, $2, $3, $4)")
            .bind(&id)
            .bind(name)
            .bind(role.as_str())
            .bind(stamp(now))
            .execute(&mut *tx)
            .await?;
        audit::note(tx, "user.add", name, now).await?;
        Ok(id)
    }

    /// Stores a user's new credential.
    pub(crate) async fn insert_credential(
        tx: &mut Tx,
        (user_id, user_name): (&str, &str),
        expires_at: Option<Timestamp>,
        token: &NewToken,
        now: Timestamp,
    ) -> Result<(), HubError> {
        query(
            "INSERT INTO credentials \
             (id, user_id, name, token_hash, token_prefix, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(random_id()?)
        .bind(user_id)
        .bind(user_name)
        .bind(&token.hash)
        .bind(&token.prefix)
        .bind(stamp(now))
        .bind(expires_at.map(stamp))
        .execute(&mut *tx)
        .await?;
        audit::note(tx, "credential.issue", user_name, now).await?;
        Ok(())
    }

    /// Revokes all credentials of a user that are not revoked.
    pub(crate) async fn revoke_credentials(
        tx: &mut Tx,
        user_id: &str,
        now: Timestamp,
    ) -> Result<(), HubError> {
        let revoked = query(
            "UPDATE credentials SET revoked_at = $1 WHERE user_id = $2 AND revoked_at IS NULL",
        )
        .bind(stamp(now))
        .bind(user_id)
        .execute(&mut *tx)
        .await?;
        if revoked > 0 {
            let name = user_name(tx, user_id).await?;
            audit::note(tx, "credential.revoke", &name, now).await?;
        }
        Ok(())
    }

    /// Marks a user as disabled.
    pub(crate) async fn mark_disabled(
        tx: &mut Tx,
        user_id: &str,
        now: Timestamp,
    ) -> Result<(), HubError> {
        let disabled = "UPDATE users SET disabled_at = $1 WHERE id = $2 AND disabled_at IS NULL";
        let disabled = query(disabled)
            .bind(stamp(now))
            .bind(user_id)
            .execute(&mut *tx)
            .await?;
        if disabled == 1 {
            let name = user_name(tx, user_id).await?;
            audit::note(tx, "user.disable", &name, now).await?;
        }
        Ok(())
    }

    /// All users, by name.
    pub(crate) async fn users(&self, now: Timestamp) -> Result<Vec<User>, HubError> {
        type Optional = Option<String>;
        type Row = (
            String,
            String,
            String,
            Optional,
            i64,
            i64,
            Optional,
            Optional,
        );
        // A join that leaves out what is not in force, and one with all, for the last use.
        self.uses_noted().await;
        let rows: Vec<Row> = query(
            "SELECT users.name, users.role, users.created_at, users.disabled_at, \
             COUNT(valid.id), COUNT(valid.expires_at), MAX(valid.expires_at), \
             MAX(credentials.last_used_at) \
             FROM users LEFT JOIN credentials ON credentials.user_id = users.id \
             LEFT JOIN credentials AS valid ON valid.id = credentials.id \
             AND users.disabled_at IS NULL AND valid.revoked_at IS NULL \
             AND (valid.expires_at IS NULL OR valid.expires_at > $1) \
             GROUP BY users.id, users.name, users.role, users.created_at, users.disabled_at \
             ORDER BY users.name",
        )
        .bind(stamp(now))
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter()
            .map(
                |(name, role, created, disabled, valid, ending, end, used)| {
                    let time = |text: Option<String>| text.as_deref().map(parse_time).transpose();
                    Ok(User {
                        name,
                        role: parse("role", &role)?,
                        created_at: parse_time(&created)?,
                        disabled_at: time(disabled)?,
                        credentials: super::parse_size(valid)?,
                        expires_at: time(end.filter(|_| ending == valid))?,
                        last_used_at: time(used)?,
                    })
                },
            )
            .collect()
    }
}
