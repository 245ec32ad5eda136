//! Trusted publishing: a job of GitHub Actions proves by an ID token what it is, and gets what a rule on
//! this Hub allows such a job, without a secret that somebody has to keep.
//!
//! The token's issuer has to be on a list before anything is fetched ([`issuer`]); its signature is checked
//! with the issuer's keys ([`jwt`], [`keys`], [`fetch`]); what it says has to be meant for this Hub, now
//! ([`claims`]); a rule has to be for that very job ([`rule`]). Whether it was used before, the catalogue
//! knows, for all Hubs that have it. Which call it is good for is the HTTP side's.

mod claims;
mod fetch;
mod issuer;
mod jwt;
mod keys;
mod rule;

pub(crate) use claims::Job;
pub use issuer::{Issuer, IssuerError};
pub use rule::{Environment, OwnerId, Repository, RuleError, TrustRule, TrustedJob, WorkflowFile};

use crate::catalogue::Catalogue;
use crate::context::{self, Credential};
use crate::limits::Rate;
use crate::peer::network;
use crate::{HubConfig, HubError};
use jiff::{SignedDuration, Timestamp};
use jwt::Unverified;
use keys::{Keys, NoKey};
use release_types::{PackId, ProductName};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long a token is good for that a job gets.
pub(crate) const SHORT: SignedDuration = SignedDuration::from_mins(15);

/// How many ID tokens a second one address may show in the long run, and fifty times as many at once.
const RATE: u32 = 1;

/// Whose ID tokens are taken, and for whom they have to be.
#[derive(Debug, Clone)]
pub struct TrustConfig {
    /// The issuers whose word is taken.
    pub issuers: Vec<Issuer>,
    /// What tokens have to be meant for; when absent, what clients reach this Hub by.
    pub audience: Option<String>,
}

impl Default for TrustConfig {
    fn default() -> Self {
        Self {
            issuers: vec![Issuer::github()],
            audience: None,
        }
    }
}

impl TrustConfig {
    pub(crate) fn check(&self) -> Result<(), HubError> {
        let refused = |why: &str| Err(HubError::Config(why.to_owned()));
        match &self.audience {
            Some(text) if text.trim() != text || text.trim_end_matches('/').is_empty() => {
                refused("the audience of ID tokens is empty, or has spaces around it")
            }
            Some(text) if text.chars().any(char::is_control) => {
                refused("the audience of ID tokens holds a control character")
            }
            _ => Ok(()),
        }
    }
}

/// Why an ID token is not taken. Only the log and the audit say it; whoever shows it is told no more than
/// that it is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Form(&'static str),
    #[error("its algorithm is not RS256")]
    Algorithm,
    #[error("its header has `crit`")]
    Critical,
    #[error("its header names no key")]
    NoKeyId,
    #[error("its issuer is not on the list")]
    Issuer,
    #[error("its issuer has no key of that name")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("its claims cannot be used: {0}")]
    Claims(String),
    #[error("its audience is not this Hub")]
    Audience,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    NotYet,
    #[error("it is valid for too long, or not at all")]
    Life,
    #[error("its event is {0}")]
    Event(String),
    #[error("no rule is for its repository")]
    Repository,
    #[error("the rules for its repository are for another owner")]
    Owner,
    #[error("the rules for its repository are for another workflow")]
    Workflow,
    #[error("the rules for its workflow are for another environment")]
    Environment,
    #[error("no rule for it names any {0}")]
    Nothing(&'static str),
    #[error("it was used before")]
    Used,
}

/// Why a job is not let in.
#[derive(Debug)]
pub(crate) enum NotTrusted {
    /// Its token is not taken.
    Refused,
    /// The address shows too many tokens.
    TooMany(Duration),
    /// Its issuer's keys cannot be fetched now, or not so soon again.
    NoKeys(Duration),
    /// The Hub failed.
    Hub(HubError),
}

impl From<HubError> for NotTrusted {
    fn from(error: HubError) -> Self {
        Self::Hub(error)
    }
}

/// A job that a rule is for.
#[derive(Debug, Clone)]
pub(crate) struct Trusted {
    pub(crate) job: Job,
    rules: Vec<TrustRule>,
}

impl Trusted {
    /// The products it may publish, by name.
    pub(crate) fn products(&self) -> BTreeSet<ProductName> {
        let products = self.rules.iter().flat_map(|rule| rule.products.clone());
        products.collect()
    }

    /// Whether it may make builds of a pack.
    pub(crate) fn has_pack(&self, pack: &str) -> bool {
        let mut packs = self.rules.iter().flat_map(|rule| &rule.packs);
        packs.any(|known: &PackId| known.as_str() == pack)
    }

    /// Whether it may make builds of any pack.
    pub(crate) fn has_packs(&self) -> bool {
        self.rules.iter().any(|rule| !rule.packs.is_empty())
    }

    /// The ids of its rules.
    pub(crate) fn rule_ids(&self) -> Vec<&str> {
        self.rules.iter().map(|rule| rule.id.as_str()).collect()
    }

    /// Notes that the request is this job's.
    pub(crate) fn noted(&self) {
        context::authenticated(Credential {
            kind: "github",
            id: self.rule_ids().join(" "),
            name: Some(self.job.to_string()),
        });
    }
}

/// Decides on ID tokens.
#[derive(Debug)]
pub(crate) struct Trust {
    issuers: Vec<Arc<Keys>>,
    audience: String,
    peers: Option<Rate>,
    /// How often a refusal is worth a row of the audit.
    refusals: Option<Rate>,
}

impl Trust {
    /// What a configuration says, of a Hub that clients reach at this address.
    pub(crate) fn new(config: &HubConfig, base: &Url) -> Self {
        let TrustConfig { issuers, audience } = &config.trust;
        let audience = audience.as_deref().unwrap_or(base.as_str());
        Self {
            issuers: issuers
                .iter()
                .cloned()
                .map(Keys::of)
                .map(Arc::new)
                .collect(),
            audience: audience.trim_end_matches('/').to_owned(),
            peers: Rate::new(RATE),
            refusals: Rate::new(RATE),
        }
    }

    /// The job that a token is of, with the rules that are for it. Whether it was used before is not
    /// known yet.
    pub(crate) async fn verify(
        &self,
        token: &SecretString,
        catalogue: &Catalogue,
        now: Timestamp,
    ) -> Result<Trusted, NotTrusted> {
        self.admit()?;
        let payload = match self.signed(token.expose_secret(), now).await? {
            Ok(payload) => payload,
            // Anybody can write such a token, so nothing of it is kept.
            Err(refusal) => {
                tracing::warn!(%refusal, "an ID token is refused");
                return Err(NotTrusted::Refused);
            }
        };
        let job = match Job::read(&payload, &self.audience, now) {
            Ok(job) => job,
            Err(refusal) => return Err(self.refuse("a job", refusal, catalogue, now).await),
        };
        let rules = catalogue.trust_rules().await?;
        match rule::of_job(rules, &job) {
            Ok(rules) => Ok(Trusted { job, rules }),
            Err(refusal) => {
                let job = job.to_string();
                Err(self.refuse(&job, refusal, catalogue, now).await)
            }
        }
    }

    /// Says in the log and in the audit why a token that its issuer has signed is not taken.
    pub(crate) async fn refuse(
        &self,
        job: &str,
        refusal: Refusal,
        catalogue: &Catalogue,
        now: Timestamp,
    ) -> NotTrusted {
        tracing::warn!(job, %refusal, "an ID token is refused");
        // Whoever has an account there can have tokens signed, so the rows are not without a bound.
        let is_rare = |rate: &Rate| rate.check(&()).is_ok();
        if self.refusals.as_ref().is_none_or(is_rare) {
            let object = format!("{job}: {refusal}");
            if let Err(error) = catalogue.note_untrusted(&object, now).await {
                return NotTrusted::Hub(error);
            }
        }
        NotTrusted::Refused
    }

    /// What a token says, once its signature is known to be right.
    async fn signed(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Result<Vec<u8>, Refusal>, NotTrusted> {
        let unverified = match Unverified::read(token) {
            Ok(unverified) => unverified,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut issuers = self.issuers.iter();
        let listed = issuers.find(|keys| keys.issuer().as_str() == unverified.issuer);
        let Some(keys) = listed else {
            return Ok(Err(Refusal::Issuer));
        };
        match keys.find(&unverified.key_id, now).await {
            Ok(key) => Ok(unverified.verified(&key)),
            Err(NoKey::Unknown) => Ok(Err(Refusal::UnknownKey)),
            Err(NoKey::Unavailable(wait)) => {
                tracing::warn!(?wait, "the key of an ID token cannot be asked for now");
                Err(NotTrusted::NoKeys(wait))
            }
        }
    }

    /// Whether the address that this request comes from may show a token.
    fn admit(&self) -> Result<(), NotTrusted> {
        let peer = context::current().and_then(|request| request.peer);
        match (&self.peers, peer) {
            // As with the rates of all requests.
            (Some(rate), Some(peer)) if !peer.is_loopback() => {
                rate.check(&network(peer)).map_err(NotTrusted::TooMany)
            }
            _ => Ok(()),
        }
    }
}
