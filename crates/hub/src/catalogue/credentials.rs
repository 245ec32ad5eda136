//! Who a token stands for: found by its hash, and its use noted.
//!
//! Whether a token is in force is part of the one question that looks it up, so that unknown,
//! expired, revoked, and of somebody who was disabled are the same to everybody: no row, after the
//! same work.

use super::database::query;
use super::uses::GRANULARITY;
use super::{Catalogue, parse, parse_time, stamp};
use crate::HubError;
use crate::context::{self, Credential};
use crate::token::{TokenHash, TokenKind};
use jiff::Timestamp;
use release_types::{PackId, ProductName, UserRole};
use std::collections::BTreeSet;

/// Where a stored time is text of one length in UTC, a later one is a greater text.
const FIND_DEPLOY_TOKEN: &str = "SELECT id, name, last_used_at, pack_id, NULL, NULL, \
     products FROM deploy_tokens WHERE token_hash = $1 AND revoked_at IS NULL \
     AND (expires_at IS NULL OR expires_at > $2)";

const FIND_CREDENTIAL: &str = "SELECT credentials.id, users.name, credentials.last_used_at, NULL, \
     users.id, users.role, NULL FROM credentials JOIN users ON users.id = credentials.user_id \
     WHERE credentials.token_hash = $1 AND credentials.revoked_at IS NULL \
     AND (credentials.expires_at IS NULL OR credentials.expires_at > $2) \
     AND users.disabled_at IS NULL";

type Row = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// A token that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its record's id.
    pub(crate) id: String,
    /// Its record's name, or its user's.
    pub(crate) name: Option<String>,
    /// Whom it stands for.
    pub(crate) subject: Subject,
}

/// Whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Release automation: of these products, or of all.
    App(Option<BTreeSet<ProductName>>),
    /// Automation of one pack.
    Pack(PackId),
    /// A person.
    User {
        /// The user's id.
        id: String,
        /// What the user is to the Hub.
        role: UserRole,
    },
}

impl Catalogue {
    /// Whom a token with this hash stands for now, if it is in force; its use is noted aside.
    pub(crate) async fn authenticate(
        &self,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Identity>, HubError> {
        let find = match token.kind {
            TokenKind::App | TokenKind::Pack => FIND_DEPLOY_TOKEN,
            TokenKind::Admin | TokenKind::User => FIND_CREDENTIAL,
        };
        let row: Option<Row> = query(find)
            .bind(&token.hash)
            .bind(stamp(now))
            .fetch_optional(&self.readers)
            .await?;
        let Some((id, name, last_used_at, pack, user, role, products)) = row else {
            return Ok(None);
        };
        let fresh = match last_used_at.as_deref() {
            Some(text) => now.duration_since(parse_time(text)?) < GRANULARITY,
            None => false,
        };
        if !fresh {
            self.note_use(token, now);
        }
        let subject = match (pack, user.zip(role)) {
            (Some(pack), _) => Subject::Pack(parse("pack", &pack)?),
            (None, Some((id, role))) => Subject::User {
                id,
                role: parse("role", &role)?,
            },
            (None, None) => Subject::App(products.as_deref().map(names).transpose()?),
        };
        context::authenticated(Credential {
            kind: token.kind.name(),
            id: id.clone(),
            name: name.clone(),
        });
        Ok(Some(Identity { id, name, subject }))
    }
}

/// The products that a token is good for.
fn names(products: &str) -> Result<BTreeSet<ProductName>, HubError> {
    let mut names = products.split_ascii_whitespace();
    names.try_fold(BTreeSet::new(), |mut all, name| {
        all.insert(parse("product", name)?);
        Ok(all)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Catalogue, statements};
    use crate::token::{NewToken, recognise};
    use jiff::SignedDuration;

    /// What a clock could tell apart is how often the database is asked: once, whatever is wrong.
    #[tokio::test]
    async fn every_token_that_is_not_in_force_costs_one_question() {
        // Statements that name a token's hash.
        let asked = || statements::count("token_hash = $");
        statements::watch();
        let file = tempfile::NamedTempFile::new().unwrap();
        let now = Timestamp::now();
        let catalogue = Catalogue::open(file.path(), now).await.unwrap();

        let kinds = [TokenKind::App, TokenKind::Pack, TokenKind::Admin];
        let draw = |kind| NewToken::draw(kind).unwrap();
        let known = |token: &NewToken| recognise(&kinds, &token.secret).unwrap();
        let (valid, expired, revoked) = (
            draw(TokenKind::App),
            draw(TokenKind::App),
            draw(TokenKind::App),
        );
        let end = Some(now + SignedDuration::from_secs(1));
        for (token, end) in [(&valid, None), (&expired, end), (&revoked, None)] {
            let added = catalogue.add_deploy_token(None, (None, end), None, token, now);
            let record = added.await.unwrap();
            if token.hash == revoked.hash {
                let gone = catalogue.revoke_deploy_token(None, &record.id, now).await;
                assert!(gone.unwrap().is_some());
            }
        }
        let disabled = draw(TokenKind::Admin);
        let mut tx = catalogue.write().await.unwrap();
        let user = Catalogue::insert_user(&mut tx, "u", UserRole::Admin, now);
        let user = user.await.unwrap();
        Catalogue::insert_credential(&mut tx, (&user, "u"), None, &disabled, now)
            .await
            .unwrap();
        Catalogue::mark_disabled(&mut tx, &user, now).await.unwrap();
        tx.commit().await.unwrap();

        let later = now + SignedDuration::from_secs(1);
        for (what, token) in [
            ("an unknown app token", draw(TokenKind::App)),
            ("an unknown pack token", draw(TokenKind::Pack)),
            ("an unknown credential", draw(TokenKind::Admin)),
            ("expired", expired),
            ("revoked", revoked),
            ("of a disabled user", disabled),
        ] {
            let before = asked();
            let found = catalogue.authenticate(&known(&token), later).await.unwrap();
            catalogue.uses_noted().await;
            assert_eq!(found, None, "{what}");
            assert_eq!(asked() - before, 1, "{what}");
        }
        // The first use of one in force is noted beside the question, the next is not.
        for questions in [2, 1] {
            let before = asked();
            let found = catalogue.authenticate(&known(&valid), later).await.unwrap();
            catalogue.uses_noted().await;
            assert_eq!(found.unwrap().subject, Subject::App(None));
            assert_eq!(asked() - before, questions);
        }
        catalogue.close().await;
    }
}
