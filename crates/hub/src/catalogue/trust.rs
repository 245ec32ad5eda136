//! Rules for jobs that are trusted, the ID tokens they have used, and what they got for them.

use super::database::{Tx, query, query_scalar};
use super::{Catalogue, audit, parse, stamp};
use crate::HubError;
use crate::token::{NewToken, random_id};
use crate::trust::{Job, TrustRule, Trusted, TrustedJob};
use jiff::Timestamp;
use std::collections::HashMap;

/// What came of a rule that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedRule {
    /// The rule's id.
    pub id: String,
    /// Whether it says more than before.
    pub is_new: bool,
}

/// What an ID token is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose<'a> {
    /// One call, and never another.
    Call,
    /// A build of a pack begins.
    Build(&'a str),
    /// It is completed, on this channel: by the token that began it, or by one of its own.
    Complete(&'a str, &'a str),
}

impl Purpose<'_> {
    fn text(self) -> String {
        match self {
            Self::Call => "call".to_owned(),
            Self::Build(id) => format!("build {id}"),
            Self::Complete(id, channel) => format!("complete {id} {channel}"),
        }
    }
}

type Row = (String, String, String, String, String, Option<String>);

impl Catalogue {
    /// All rules, the oldest first.
    pub(crate) async fn trust_rules(&self) -> Result<Vec<TrustRule>, HubError> {
        let mut tx = self.read().await?;
        let rules = rules(&mut tx).await?;
        tx.commit().await?;
        Ok(rules)
    }

    /// Adds a rule, or what it is for to the rule that is for the same job.
    pub(crate) async fn add_trust_rule(
        &self,
        rule: &TrustRule,
        now: Timestamp,
    ) -> Result<AddedRule, HubError> {
        // Read where nobody else writes: two at once would else make two rules for one job.
        let mut tx = self.write().await?;
        let existing = rules(&mut tx).await?;
        let same = existing.into_iter().find(|known| known.job == rule.job);
        let id = match &same {
            Some(known) => known.id.clone(),
            None => {
                insert(&mut tx, &rule.id, &rule.job, now).await?;
                rule.id.clone()
            }
        };
        let products = rule.products.iter().map(|name| ("product", name.as_str()));
        let packs = rule.packs.iter().map(|id| ("pack", id.as_str()));
        let mut added = Vec::new();
        for (kind, name) in products.chain(packs) {
            let done = query(
                "INSERT INTO trust_targets (rule_id, kind, name) VALUES ($1, $2, $3) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(&id)
            .bind(kind)
            .bind(name)
            .execute(&mut tx)
            .await?;
            if done == 1 {
                added.push(format!("{kind} {name}"));
            }
        }
        let is_new = !added.is_empty();
        if is_new {
            let object = format!("{id} {}: {}", told(&rule.job), added.join(", "));
            audit::note(&mut tx, "trust.add", &object, now).await?;
        }
        tx.commit().await?;
        Ok(AddedRule { id, is_new })
    }

    /// Removes a rule, and revokes what jobs have got by it. Whether there was one.
    pub(crate) async fn remove_trust_rule(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, HubError> {
        let mut tx = self.write().await?;
        query("DELETE FROM trust_targets WHERE rule_id = $1")
            .bind(id)
            .execute(&mut tx)
            .await?;
        let done = query("DELETE FROM trust_rules WHERE id = $1")
            .bind(id)
            .execute(&mut tx)
            .await?;
        if done == 0 {
            return Ok(false);
        }
        query(
            "UPDATE deploy_tokens SET revoked_at = $1 WHERE revoked_at IS NULL \
             AND ' ' || trusted_by || ' ' LIKE '% ' || $2 || ' %'",
        )
        .bind(stamp(now))
        .bind(id)
        .execute(&mut tx)
        .await?;
        audit::note(&mut tx, "trust.remove", id, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Uses an ID token up for one purpose. Whether it could be: not where it was used for another, or
    /// for one that is for once alone.
    pub(crate) async fn use_id_token(
        &self,
        job: &Job,
        purpose: Purpose<'_>,
        now: Timestamp,
    ) -> Result<bool, HubError> {
        let mut tx = self.write().await?;
        let used = used_up(&mut tx, job, purpose, now).await?;
        tx.commit().await?;
        Ok(used)
    }

    /// Stores a token that a job gets for an ID token, which is used up by it. Nothing where that was used
    /// before, or a rule of it is gone by now.
    pub(crate) async fn add_short_token(
        &self,
        trusted: &Trusted,
        token: &NewToken,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, HubError> {
        let mut tx = self.write().await?;
        for id in trusted.rule_ids() {
            let there = query("SELECT 1 FROM trust_rules WHERE id = $1").bind(id);
            if !there.exists(&mut tx).await? {
                return Ok(false);
            }
        }
        forget_used(&mut tx, now).await?;
        if !used_up(&mut tx, &trusted.job, Purpose::Call, now).await? {
            return Ok(false);
        }
        let products: Vec<String> = trusted.products().iter().map(|p| p.to_string()).collect();
        let id = random_id()?;
        query(
            "INSERT INTO deploy_tokens \
             (id, name, token_hash, token_prefix, created_at, expires_at, products, trusted_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&id)
        .bind(trusted.job.to_string())
        .bind(&token.hash)
        .bind(&token.prefix)
        .bind(stamp(now))
        .bind(stamp(expires_at))
        .bind(products.join(" "))
        .bind(trusted.rule_ids().join(" "))
        .execute(&mut tx)
        .await?;
        audit::note(&mut tx, "token.issue", &id, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that a job was refused.
    pub(crate) async fn note_untrusted(
        &self,
        object: &str,
        now: Timestamp,
    ) -> Result<(), HubError> {
        let mut tx = self.write().await?;
        audit::note(&mut tx, "trust.refuse", object, now).await?;
        tx.commit().await
    }

    /// Forgets the ID tokens that nobody would take any more, and the tokens that jobs got and that have
    /// expired: the audit knows them.
    pub(crate) async fn forget_used_id_tokens(&self, now: Timestamp) -> Result<(), HubError> {
        let overdue = query(
            "SELECT 1 FROM used_id_tokens WHERE expires_at <= $1 UNION ALL \
             SELECT 1 FROM deploy_tokens WHERE trusted_by IS NOT NULL AND expires_at <= $1 LIMIT 1",
        );
        if !overdue.bind(stamp(now)).exists(&self.readers).await? {
            return Ok(());
        }
        let mut tx = self.write().await?;
        forget_used(&mut tx, now).await?;
        tx.commit().await
    }
}

async fn forget_used(tx: &mut Tx, now: Timestamp) -> Result<(), HubError> {
    for statement in [
        "DELETE FROM used_id_tokens WHERE expires_at <= $1",
        "DELETE FROM deploy_tokens WHERE trusted_by IS NOT NULL AND expires_at <= $1",
    ] {
        let delete = query(statement).bind(stamp(now));
        delete.execute(&mut *tx).await?;
    }
    Ok(())
}

/// Whether a token could be used for this, and is used up by it now.
async fn used_up(
    tx: &mut Tx,
    job: &Job,
    purpose: Purpose<'_>,
    now: Timestamp,
) -> Result<bool, HubError> {
    if job.until <= now {
        return Ok(false);
    }
    let digest = job.used.to_string();
    let first = query(
        "INSERT INTO used_id_tokens (digest, purpose, expires_at) VALUES ($1, $2, $3) \
         ON CONFLICT DO NOTHING",
    )
    .bind(&digest)
    .bind(purpose.text())
    .bind(stamp(job.until))
    .execute(&mut *tx)
    .await?;
    if first == 1 {
        return Ok(true);
    }
    let Purpose::Complete(build, _) = purpose else {
        return Ok(false);
    };
    let before: Option<String> =
        query_scalar("SELECT purpose FROM used_id_tokens WHERE digest = $1")
            .bind(&digest)
            .fetch_optional(&mut *tx)
            .await?;
    let before = before.unwrap_or_default();
    if before == purpose.text() {
        // The same again, as after an answer that was lost.
        return Ok(true);
    }
    if before != Purpose::Build(build).text() {
        return Ok(false);
    }
    query("UPDATE used_id_tokens SET purpose = $1 WHERE digest = $2")
        .bind(purpose.text())
        .bind(&digest)
        .execute(tx)
        .await?;
    Ok(true)
}

async fn insert(tx: &mut Tx, id: &str, job: &TrustedJob, now: Timestamp) -> Result<(), HubError> {
    query(
        "INSERT INTO trust_rules \
         (id, issuer, repository, owner_id, workflow, environment, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(job.issuer.as_str())
    .bind(job.repository.as_str())
    .bind(job.owner_id.as_str())
    .bind(job.workflow.as_str())
    .bind(job.environment.as_ref().map(|name| name.as_str()))
    .bind(stamp(now))
    .execute(tx)
    .await?;
    Ok(())
}

/// All rules, the oldest first.
async fn rules(tx: &mut Tx) -> Result<Vec<TrustRule>, HubError> {
    let rows: Vec<Row> = query(
        "SELECT id, issuer, repository, owner_id, workflow, environment FROM trust_rules \
             ORDER BY created_at, id",
    )
    .fetch_all(&mut *tx)
    .await?;
    let targets: Vec<(String, String, String)> =
        query("SELECT rule_id, kind, name FROM trust_targets ORDER BY name")
            .fetch_all(&mut *tx)
            .await?;
    let mut of: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for (rule, kind, name) in targets {
        of.entry(rule).or_default().push((kind, name));
    }
    rows.into_iter()
        .map(|row| {
            let targets = of.remove(&row.0).unwrap_or_default();
            rule(row, &targets)
        })
        .collect()
}

/// A rule's job, as the audit names it.
fn told(job: &TrustedJob) -> String {
    let TrustedJob {
        issuer,
        repository,
        owner_id,
        workflow,
        environment,
    } = job;
    let mut text = format!("{repository} of owner {owner_id} at {issuer}, workflow {workflow}");
    if let Some(environment) = environment {
        text = format!("{text}, environment {environment}");
    }
    text
}

fn rule(row: Row, targets: &[(String, String)]) -> Result<TrustRule, HubError> {
    let (id, issuer, repository, owner_id, workflow, environment) = row;
    let named = |wanted: &'static str| {
        let names = targets.iter().filter(move |(kind, _)| kind == wanted);
        names.map(|(_, name)| name)
    };
    Ok(TrustRule {
        id,
        job: TrustedJob {
            issuer: parse("issuer", &issuer)?,
            repository: parse("repository", &repository)?,
            owner_id: parse("owner's id", &owner_id)?,
            workflow: parse("workflow", &workflow)?,
            environment: environment
                .map(|name| parse("environment", &name))
                .transpose()?,
        },
        products: named("product")
            .map(|name| parse("product", name))
            .collect::<Result<_, _>>()?,
        packs: named("pack")
            .map(|name| parse("pack", name))
            .collect::<Result<_, _>>()?,
    })
}
