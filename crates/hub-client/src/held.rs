//! Which credential a call is made with, and which texts nobody may see.

use crate::answer::Call;
use crate::client::{Caller, Inner};
use crate::credential::{ADMIN_TOKEN, Credential, DEPLOY_TOKEN, PACK_TOKEN};
use crate::job::Job;
use crate::{ClientError, HubClient};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;

/// Texts that must never be shown or sent to others.
pub(crate) struct Secrets(Vec<SecretString>);

impl Secrets {
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.0.iter().map(SecretString::expose_secret).collect()
    }
}

/// What a call is made with.
pub(crate) enum Held<'a> {
    /// Nothing: anyone may make it.
    Nothing,
    /// A token that was given, good for many calls.
    Kept(&'a Credential),
    /// A token that a job got. It gets another one when the Hub does not take it any more.
    Short(Arc<Credential>),
    /// A job's proof, good for this call.
    Once(Credential),
}

impl Held<'_> {
    pub(crate) fn credential(&self) -> Option<&Credential> {
        match self {
            Self::Nothing => None,
            Self::Kept(credential) => Some(credential),
            Self::Short(credential) => Some(credential),
            Self::Once(credential) => Some(credential),
        }
    }
}

impl HubClient {
    /// What must never be shown or sent to others.
    pub(crate) fn secrets(&self) -> Secrets {
        let Inner {
            deploy_token,
            pack_token,
            admin_token,
            job,
            ..
        } = &*self.0;
        let kept = [deploy_token, pack_token, admin_token]
            .into_iter()
            .flatten();
        let mut secrets: Vec<SecretString> = kept.map(Credential::secret).collect();
        secrets.extend(job.iter().flat_map(Job::secrets));
        // Shorter ones guard nothing, and would be found in any text.
        secrets.retain(|secret| secret.expose_secret().len() >= 8);
        Secrets(secrets)
    }

    /// What a call is made with. Where that is a job's, it is asked for here, once.
    pub(crate) async fn hold(&self, caller: Caller, call: &Call) -> Result<Held<'_>, ClientError> {
        let Inner {
            deploy_token,
            pack_token,
            admin_token,
            job,
            ..
        } = &*self.0;
        let (given, name) = match caller {
            Caller::Anyone => return Ok(Held::Nothing),
            Caller::Publisher => (deploy_token, DEPLOY_TOKEN),
            Caller::Builder => (pack_token, PACK_TOKEN),
            Caller::Admin => (admin_token, ADMIN_TOKEN),
        };
        if let Some(credential) = given {
            return Ok(Held::Kept(credential));
        }
        match (caller, job, admin_token) {
            (Caller::Publisher, Some(job), _) => Ok(Held::Short(self.short_token(job).await?)),
            (Caller::Builder, Some(job), _) => {
                let token = self.id_token(job).await?;
                Ok(Held::Once(Credential::job(&token)?))
            }
            (_, _, Some(credential)) => Ok(Held::Kept(credential)),
            (_, _, None) => Err(ClientError::MissingToken {
                what: call.what.clone(),
                credential: name,
            }),
        }
    }

    /// Does without what the Hub does not take any more. Whether another can be had.
    pub(crate) async fn let_go(&self, held: &Held<'_>) -> bool {
        match (held, &self.0.job) {
            (Held::Short(used), Some(job)) => {
                job.drop_token(used).await;
                true
            }
            _ => false,
        }
    }
}
