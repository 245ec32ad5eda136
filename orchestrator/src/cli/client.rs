//! Clients of Hubs, whatever they may do there.

use super::common::App;
use crate::error::Error;
use crate::settings::{self, HubChoice, SettingsError};
use hub_client::{HubClient, HubClientBuilder, HubUrl};
use std::sync::Arc;

impl App<'_> {
    /// Begins a client of a Hub, which tells of its retries. It has no credential yet.
    pub fn client_of(&self, url: HubUrl) -> HubClientBuilder {
        let reporter = Arc::clone(self.reporter);
        HubClient::builder(url)
            .user_agent(self.user_agent())
            .on_retry(move |notice| {
                let (error, delay) = (notice.error, notice.delay.as_secs_f32());
                reporter.warn(match (notice.failed, notice.attempts) {
                    (_, 0) => format!("{error}; asking again in {delay:.1} s"),
                    (failed, attempts) => format!(
                        "{error}; trying again in {delay:.1} s (attempt {failed} of {attempts} failed)"
                    ),
                });
            })
    }

    /// The same for the Hub that a flag or the environment names.
    pub fn client_of_named(&self, url: Option<&str>) -> Result<HubClientBuilder, Error> {
        match settings::hub(self.world, false, url)? {
            HubChoice::Remote(url) => Ok(self.client_of(url)),
            // It was not asked for.
            HubChoice::Local => Err(SettingsError::NoHub.into()),
        }
    }
}
