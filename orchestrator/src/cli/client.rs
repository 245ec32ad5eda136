//! Clients of Hubs, whatever they may do there.

use super::common::App;
use crate::error::Error;
use crate::events::hide;
use crate::settings::{self, Credential, HubChoice, SettingsError};
use hub_client::{HubClient, HubClientBuilder, HubUrl, JobIdentity, RetryPolicy};
use std::sync::Arc;
use std::time::Duration;

/// How long a Hub may take whose answer a run can do without.
const BRIEF: Duration = Duration::from_secs(5);

impl App<'_> {
    /// Begins a client of a Hub, which tells of its retries. It has no credential yet.
    ///
    /// # Errors
    /// When the trusted certificates that the environment names cannot be read.
    pub fn client_of(&self, url: HubUrl) -> Result<HubClientBuilder, SettingsError> {
        settings::certificates(self.world)?;
        let reporter = Arc::clone(self.reporter);
        let client = HubClient::builder(url)
            .user_agent(self.user_agent())
            .on_retry(move |notice| {
                let (error, delay) = (notice.error, notice.delay.as_secs_f32());
                reporter.warn(match (notice.failed, notice.attempts) {
                    (_, 0) => format!("{error}; asking again in {delay:.1} s"),
                    (failed, attempts) => format!(
                        "{error}; trying again in {delay:.1} s (attempt {failed} of {attempts} failed)"
                    ),
                });
            });
        Ok(client)
    }

    /// A client for what a run can do without: it has no credential, waits for seconds and asks once.
    ///
    /// # Errors
    /// When the trusted certificates that the environment names cannot be read.
    pub fn brief_client(&self, url: HubUrl) -> Result<HubClient, Error> {
        settings::certificates(self.world)?;
        let client = HubClient::builder(url)
            .user_agent(self.user_agent())
            .connect_timeout(BRIEF)
            .request_timeout(BRIEF)
            .retry(RetryPolicy::none());
        Ok(client.build()?)
    }

    /// A client that may publish: with the token that is set, or as the job that this run is part of, where
    /// the Hub knows such.
    pub async fn publisher(&self, url: HubUrl) -> Result<HubClient, Error> {
        let host = url.host();
        let client = self.client_of(url)?;
        let job = match settings::deploy_token(self.world)? {
            Credential::Token(token) => return Ok(client.deploy_token(Some(token)).build()?),
            Credential::Job(job) => job,
        };
        let client = client.job(Some(self.hidden(job))).build()?;
        // A Hub of the base contract has nothing to exchange it for.
        let asked = async { Ok::<_, Error>(client.capabilities().await?) };
        let hub = self.until_interrupted(asked).await?;
        if !hub.is_some_and(|hub| hub.has("oidc")) {
            return Err(SettingsError::NoTrust { host }.into());
        }
        self.reporter.note(format!(
            "no deploy token is set: {host} is shown what this job is"
        ));
        Ok(client)
    }

    /// The same job, whose secrets stay out of the log that GitHub keeps.
    pub fn hidden(&self, job: JobIdentity) -> JobIdentity {
        let env = self.world.env.clone();
        job.on_secret(move |secret| hide(&env, secret))
    }

    /// A client of the Hub that a flag or the environment names, without a credential as yet.
    pub fn client_of_named(&self, url: Option<&str>) -> Result<HubClientBuilder, Error> {
        match settings::hub(self.world, false, url)? {
            HubChoice::Remote(url) => Ok(self.client_of(url)?),
            // It was not asked for.
            HubChoice::Local => Err(SettingsError::NoHub.into()),
        }
    }
}
