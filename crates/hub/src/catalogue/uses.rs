//! When tokens were last used: noted beside the requests, by one task at a time, so that nobody waits
//! for the right to write only because a token was not used for a while.

use super::database::query;
use super::{Catalogue, stamp};
use crate::HubError;
use crate::error::error_chain;
use crate::token::{TokenHash, TokenKind};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How old a noted use grows before a newer one is written.
pub(super) const GRANULARITY: SignedDuration = SignedDuration::from_secs(60);

/// How long is waited for what is still to be noted. It is not worth more.
const PATIENCE: Duration = Duration::from_secs(1);

/// Uses that are still to be noted. At most one for each token that is in force.
#[derive(Debug, Default)]
pub(super) struct Uses {
    waiting: Mutex<HashMap<String, (TokenKind, Timestamp)>>,
    /// Whether a task notes them. Changed while `waiting` is held.
    noting: watch::Sender<bool>,
}

impl Uses {
    /// Whether a task has to be begun for it.
    fn add(&self, token: &TokenHash, at: Timestamp) -> bool {
        let mut waiting = self.lock();
        waiting.insert(token.hash.clone(), (token.kind, at));
        !self.noting.send_replace(true)
    }

    /// What is to be noted next; nothing when the task is at its end.
    fn next(&self) -> Option<HashMap<String, (TokenKind, Timestamp)>> {
        let mut waiting = self.lock();
        if waiting.is_empty() {
            self.noting.send_replace(false);
            return None;
        }
        Some(std::mem::take(&mut *waiting))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (TokenKind, Timestamp)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Catalogue {
    /// Has a token's use noted soon. That may fail, which the log says.
    pub(super) fn note_use(&self, token: &TokenHash, at: Timestamp) {
        if !self.uses.add(token, at) {
            return;
        }
        let catalogue = self.clone();
        tokio::spawn(async move {
            while let Some(uses) = catalogue.uses.next() {
                if let Err(error) = catalogue.write_uses(uses).await {
                    tracing::warn!(error = %error_chain(&error), "a token's use was not noted");
                }
            }
        });
    }

    /// Waits for the uses so far to be noted, but not for long.
    pub(crate) async fn uses_noted(&self) {
        let mut noting = self.uses.noting.subscribe();
        let noted = noting.wait_for(|noting| !noting);
        if tokio::time::timeout(PATIENCE, noted).await.is_err() {
            tracing::debug!("the use of tokens is not noted yet");
        }
    }

    async fn write_uses(
        &self,
        uses: HashMap<String, (TokenKind, Timestamp)>,
    ) -> Result<(), HubError> {
        let mut tx = self.write().await?;
        for (hash, (kind, at)) in uses {
            // Another Hub of this catalogue may have noted it.
            let update = match kind {
                TokenKind::App | TokenKind::Pack => {
                    "UPDATE deploy_tokens SET last_used_at = $1 WHERE token_hash = $2 \
                     AND (last_used_at IS NULL OR last_used_at <= $3)"
                }
                TokenKind::Admin | TokenKind::User => {
                    "UPDATE credentials SET last_used_at = $1 WHERE token_hash = $2 \
                     AND (last_used_at IS NULL OR last_used_at <= $3)"
                }
            };
            query(update)
                .bind(stamp(at))
                .bind(hash)
                .bind(stamp(at - GRANULARITY))
                .execute(&mut tx)
                .await?;
        }
        tx.commit().await
    }
}
