//! The audit: one row for each change, in the change's own transaction.

use super::database::{Tx, query};
use super::{Catalogue, parse_time, stamp};
use crate::HubError;
use crate::context;
use crate::token::random_id;
use jiff::Timestamp;
use release_types::PackId;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// What was done, such as `publish`.
    pub action: String,
    /// What to.
    pub object: String,
    /// Who: `admin` or `app` by a credential, `operator` on the Hub's own machine.
    pub actor_kind: String,
    /// The id of the credential's record.
    pub actor_id: Option<String>,
    /// Its name.
    pub actor_name: Option<String>,
    /// The address that the request came from.
    pub peer: Option<String>,
    /// The request's id, as the log has it.
    pub request_id: Option<String>,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

type Row = (
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// Notes a change in its transaction. Who makes it is what the task answers, see [`context`].
pub(super) async fn note(
    tx: &mut Tx,
    action: &'static str,
    object: &str,
    now: Timestamp,
) -> Result<(), HubError> {
    let request = context::current();
    let request = request.as_deref();
    let actor = request.and_then(|request| request.credential());
    let kind = match (request, actor) {
        (_, Some(actor)) => actor.kind,
        (None, None) => "operator",
        (Some(_), None) => "anonymous",
    };
    // What one transaction notes at one moment keeps its order.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let id = format!("{number:016x}{}", random_id()?);
    query(
        "INSERT INTO audit \
         (id, at, action, object, actor_kind, actor_id, actor_name, peer, request_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id)
    .bind(stamp(now))
    .bind(action)
    .bind(object)
    .bind(kind)
    .bind(actor.map(|actor| actor.id.as_str()))
    .bind(actor.and_then(|actor| actor.name.as_deref()))
    .bind(
        request
            .and_then(|request| request.peer)
            .map(|peer| peer.to_string()),
    )
    .bind(request.map(|request| request.id.as_str()))
    .execute(tx)
    .await?;
    Ok(())
}

/// What the audit calls a deploy token: its id, behind the pack whose it is.
pub(super) fn token(pack: Option<&PackId>, id: &str) -> String {
    match pack {
        Some(pack) => format!("{pack} {id}"),
        None => id.to_owned(),
    }
}

impl Catalogue {
    /// The newest changes, the oldest of them first.
    pub(crate) async fn audit(
        &self,
        since: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, HubError> {
        let mut rows: Vec<Row> = query(
            "SELECT at, action, object, actor_kind, actor_id, actor_name, peer, request_id \
             FROM audit WHERE at >= $1 ORDER BY at DESC, id DESC LIMIT $2",
        )
        .bind(since.map(stamp).unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        rows.reverse();
        rows.into_iter().map(entry).collect()
    }
}

fn entry(row: Row) -> Result<AuditEntry, HubError> {
    let (at, action, object, actor_kind, actor_id, actor_name, peer, request_id) = row;
    Ok(AuditEntry {
        at: parse_time(&at)?,
        action,
        object,
        actor_kind,
        actor_id,
        actor_name,
        peer,
        request_id,
    })
}
