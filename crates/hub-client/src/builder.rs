//! The client's settings.

use crate::client::Inner;
use crate::clock::Clock;
use crate::credential::Credential;
use crate::job::{Job, JobIdentity};
use crate::retry::Notify;
use crate::turns::Turns;
use crate::{ClientError, HubClient, HubUrl, RetryNotice, RetryPolicy};
use secrecy::SecretString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Collects the settings of a [`HubClient`].
pub struct HubClientBuilder {
    hub: HubUrl,
    deploy_token: Option<SecretString>,
    pack_token: Option<SecretString>,
    admin_token: Option<SecretString>,
    job: Option<JobIdentity>,
    user_agent: String,
    connect_timeout: Duration,
    request_timeout: Duration,
    stall_timeout: Duration,
    retry: RetryPolicy,
    notify: Arc<Notify>,
}

impl HubClient {
    /// Begins a client of the Hub at the address.
    pub fn builder(hub: HubUrl) -> HubClientBuilder {
        HubClientBuilder {
            hub,
            deploy_token: None,
            pack_token: None,
            admin_token: None,
            job: None,
            user_agent: concat!("hub-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(60),
            retry: RetryPolicy::default(),
            notify: Arc::new(|_: &RetryNotice<'_>| {}),
        }
    }
}

impl HubClientBuilder {
    /// The token that presign and publish are allowed by. White space around it is dropped.
    pub fn deploy_token(mut self, token: Option<SecretString>) -> Self {
        self.deploy_token = token;
        self
    }

    /// The token that builds of its pack are uploaded and completed by.
    pub fn pack_token(mut self, token: Option<SecretString>) -> Self {
        self.pack_token = token;
        self
    }

    /// The credential of an administrator, for the calls about tokens; a pack's tokens its members
    /// manage too. Presign and publish use it where there is no deploy token, builds where there is
    /// no pack token.
    pub fn admin_token(mut self, token: Option<SecretString>) -> Self {
        self.admin_token = token;
        self
    }

    /// A job that shows what it is where there is no token: presign and publish are allowed by a deploy
    /// token that it gets for it, builds of packs by an ID token for each call.
    pub fn job(mut self, job: Option<JobIdentity>) -> Self {
        self.job = job;
        self
    }

    /// What the client calls itself; `hub-client/<version>` by default.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// How long a connection may take to come about, TLS included; 10 seconds by default.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long one attempt of a JSON call may take in all, and how long a download's first byte
    /// may take; 30 seconds by default.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.request_timeout = limit;
        self
    }

    /// How long an upload or a download may stand still; 60 seconds by default. Neither has a
    /// limit on its whole duration. For the answer to an upload, after its last byte, there is a
    /// second more for every 16 MiB.
    pub fn stall_timeout(mut self, limit: Duration) -> Self {
        self.stall_timeout = limit;
        self
    }

    /// When failed calls are made again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Is told of every retry before the wait for it begins.
    pub fn on_retry(mut self, notify: impl Fn(&RetryNotice<'_>) + Send + Sync + 'static) -> Self {
        self.notify = Arc::new(notify);
        self
    }

    /// Builds the client. No connection is made.
    ///
    /// # Errors
    /// When a token is empty or cannot stand in a header, or TLS cannot be set up: no rustls
    /// provider is installed for the process, or the system has no trusted certificates.
    pub fn build(self) -> Result<HubClient, ClientError> {
        let deploy_token = self
            .deploy_token
            .map(|t| Credential::deploy(&t))
            .transpose()?;
        let pack_token = self.pack_token.map(|t| Credential::pack(&t)).transpose()?;
        let admin_token = self
            .admin_token
            .map(|t| Credential::admin(&t))
            .transpose()?;
        let (proxied, direct) = clients(&self.user_agent, self.connect_timeout)?;
        Ok(HubClient(Arc::new(Inner {
            proxied,
            direct,
            hub: self.hub,
            deploy_token,
            pack_token,
            admin_token,
            job: self.job.map(Job::new),
            request_timeout: self.request_timeout,
            stall_timeout: self.stall_timeout,
            retry: self.retry,
            notify: self.notify,
            clock: Clock::default(),
            turns: Turns::default(),
        })))
    }
}

/// The HTTP clients: one that goes through the system's proxy where there is one, and one for this
/// machine. Neither follows a redirect.
pub(crate) fn clients(
    user_agent: &str,
    connect_timeout: Duration,
) -> Result<(reqwest::Client, reqwest::Client), ClientError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let why = "the process has no TLS provider";
        return Err(ClientError::Setup { why, source: None });
    }
    let builder = || {
        reqwest::Client::builder()
            .user_agent(user_agent)
            .connect_timeout(connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
    };
    let set_up = |builder: reqwest::ClientBuilder| {
        builder.build().map_err(|error| ClientError::Setup {
            why: "the HTTP client cannot be built",
            source: Some(error.without_url()),
        })
    };
    Ok((set_up(builder())?, set_up(builder().no_proxy())?))
}

impl fmt::Debug for HubClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubClientBuilder")
            .field("hub", &self.hub)
            .finish_non_exhaustive()
    }
}
