//! Presign, publish, and what the Hub shows of its releases and of itself.

use crate::address::{can_be_sent, host_of, may_go};
use crate::answer::Call;
use crate::client::{Caller, Repeat, Request};
use crate::{AnswerProblem, ClientError, Difference, HubClient, compare};
use release_types::{
    Channel, Platform, PresignRequest, PresignResponse, ProductName, PublishRequest, Release,
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::time::Duration;
use url::Url;

/// How many bytes a second a Hub reads at least of what was uploaded to a bucket.
pub(crate) const SLOWEST: u64 = 1024 * 1024;

/// What a Hub says it can do beyond the base contract.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Capabilities {
    /// What the server calls itself.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// The names of what it can do: `draft`, `objects`, `promote`, `yank`, `oidc`, `fleet`.
    #[serde(default)]
    pub features: Vec<String>,
}

impl Capabilities {
    /// Whether the Hub names the feature.
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|f| f == feature)
    }
}

impl HubClient {
    /// Asks for an address to upload one object to.
    ///
    /// # Errors
    /// Without a credential, when the Hub refuses, when its answer is about another key, or when
    /// it names an upload address that is not safe to use.
    pub async fn presign(&self, request: &PresignRequest) -> Result<PresignResponse, ClientError> {
        let what = format!("get an upload address for `{}`", request.key);
        let call = self.call(what.clone());
        let answer: PresignResponse = self
            .send(Request {
                what,
                method: Method::POST,
                segments: &["api", "v1", "storage", "presign"],
                query: None,
                body: Some(request),
                caller: Caller::Publisher,
                repeat: Repeat::Passing,
            })
            .await?;
        check_provider(&call, &answer.provider)?;
        let mut found = Vec::new();
        if let Some(provider) = &request.provider {
            compare::field(&mut found, "provider", provider, &answer.provider);
        }
        let key = format!("{}::{}", answer.provider, request.key);
        compare::field(&mut found, "key", &key, &answer.key);
        matched(&call, found)?;
        self.upload_url(&call, &answer)?;
        Ok(answer)
    }

    /// Registers one platform of a release and makes sure that the Hub took all of it.
    ///
    /// A Hub that has to read what was uploaded first, and says so, is waited for: for as long as calls
    /// are tried again, and a second more for each mebibyte.
    ///
    /// # Errors
    /// Without a credential, when the list of artifacts is empty or has a name twice (a deployed
    /// Hub would lose what it has), when the Hub refuses, or when its answer differs from what
    /// was sent. In the last case the release *is* registered, in the form the answer shows.
    pub async fn publish(
        &self,
        product: &ProductName,
        request: &PublishRequest,
    ) -> Result<Release, ClientError> {
        self.register(product, request, request).await
    }

    /// Sends a publication in the form of `body`, which says the same as `request`.
    pub(crate) async fn register(
        &self,
        product: &ProductName,
        request: &PublishRequest,
        body: &impl Serialize,
    ) -> Result<Release, ClientError> {
        let PublishRequest {
            version,
            platform,
            artifacts,
            ..
        } = request;
        let call = self.call(format!("publish {product} {version} for {platform}"));
        let mut names = HashSet::new();
        let twice = artifacts
            .iter()
            .find(|a| !names.insert(a.filename.as_str()));
        let fault = if artifacts.is_empty() {
            Some("it has no artifacts".to_owned())
        } else {
            twice.map(|a| format!("two artifacts are called `{}`", a.filename))
        };
        if let Some(why) = fault {
            let what = call.what;
            return Err(ClientError::InvalidRequest { what, why });
        }
        let sizes = artifacts.iter().map(|artifact| artifact.size);
        let seconds = sizes.fold(0, u64::saturating_add) / SLOWEST;
        let patience = self.0.retry.deadline;
        let patience = patience.saturating_add(Duration::from_secs(seconds));
        let sent = Request {
            what: call.what.clone(),
            method: Method::POST,
            segments: &["api", "v1", "releases", product.as_str(), "publish"],
            query: None,
            body: Some(body),
            caller: Caller::Publisher,
            repeat: Repeat::Passing,
        };
        let answer = self.send_patiently(sent, patience).await?;
        matched(&call, compare::published(product, request, &answer))?;
        Ok(answer)
    }

    /// The newest release of a channel for a platform, by the Hub's own reading. No token is sent.
    ///
    /// # Errors
    /// When the Hub cannot be asked or its answer is about something else.
    pub async fn latest(
        &self,
        product: &ProductName,
        platform: Platform,
        channel: Channel,
    ) -> Result<Option<Release>, ClientError> {
        let what = format!("read the newest {channel} release of {product} for {platform}");
        self.shown(what, product, None, platform, channel).await
    }

    /// A release by its version. No token is sent.
    ///
    /// # Errors
    /// When the version is no text that an address can hold, when the Hub cannot be asked or its
    /// answer is about something else.
    pub async fn release(
        &self,
        product: &ProductName,
        version: &str,
        platform: Platform,
        channel: Channel,
    ) -> Result<Option<Release>, ClientError> {
        let what = format!("read {product} {version} for {platform}");
        // Addresses lose dot segments, and `latest` asks for something else.
        if ["", ".", "..", "latest"].contains(&version) {
            let why = format!("`{version}` is no version");
            return Err(ClientError::InvalidRequest { what, why });
        }
        self.shown(what, product, Some(version), platform, channel)
            .await
    }

    /// What the Hub can do beyond the base contract; `None` where it does not say, as a deployed
    /// one does. No token is sent.
    ///
    /// # Errors
    /// When the Hub cannot be asked.
    pub async fn capabilities(&self) -> Result<Option<Capabilities>, ClientError> {
        self.find(Request {
            what: "ask the Hub what it can do".to_owned(),
            method: Method::GET,
            segments: &["api", "v1", "hub"],
            query: None,
            body: None,
            caller: Caller::Anyone,
            repeat: Repeat::Passing,
        })
        .await
    }

    async fn shown(
        &self,
        what: String,
        product: &ProductName,
        version: Option<&str>,
        platform: Platform,
        channel: Channel,
    ) -> Result<Option<Release>, ClientError> {
        let call = self.call(what.clone());
        let (os, arch) = (platform.os.as_str(), platform.arch.as_str());
        let which = version.unwrap_or("latest");
        let release = self
            .find(Request {
                what,
                method: Method::GET,
                segments: &["api", "v1", "releases", product.as_str(), which, os, arch],
                query: Some(&format!("channel={channel}")),
                body: None,
                caller: Caller::Anyone,
                repeat: Repeat::Passing,
            })
            .await?;
        if let Some(release) = &release {
            matched(
                &call,
                compare::asked(product, version, platform, channel, release),
            )?;
        }
        Ok(release)
    }

    /// The address of an upload, if it is safe to go to: encrypted, and without our own tokens.
    pub(crate) fn upload_url(
        &self,
        call: &Call,
        signed: &PresignResponse,
    ) -> Result<Url, ClientError> {
        let unusable = || call.unexpected(AnswerProblem::Unusable("the upload address"));
        let url = Url::parse(&signed.url).map_err(|_| unusable())?;
        let secrets = self.secrets();
        let holds = |secret: &&str| {
            signed.url.contains(secret)
                || signed.upload_headers.values().any(|v| v.contains(secret))
        };
        let verdict = if secrets.texts().iter().any(holds) {
            Err("it would pass our token on")
        } else {
            may_go(self.hub().as_url(), &url)
        };
        match verdict {
            Ok(()) if can_be_sent(&url) => Ok(url),
            Ok(()) => Err(unusable()),
            Err(why) => {
                let Call { host, what } = call.clone();
                let to = host_of(&url);
                Err(ClientError::Insecure {
                    host,
                    what,
                    to,
                    why,
                })
            }
        }
    }
}

/// The longest name of a storage, in bytes.
const LONGEST_PROVIDER: usize = 64;

/// Makes sure that a storage's name is one: it is told to people, noted, and sent back to the Hub.
pub(crate) fn check_provider(call: &Call, name: &str) -> Result<(), ClientError> {
    let is_name = (1..=LONGEST_PROVIDER).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    match is_name {
        true => Ok(()),
        false => Err(call.unexpected(AnswerProblem::Unusable("the storage's name"))),
    }
}

pub(crate) fn matched(call: &Call, differences: Vec<Difference>) -> Result<(), ClientError> {
    if differences.is_empty() {
        return Ok(());
    }
    let Call { host, what } = call.clone();
    Err(ClientError::Mismatch {
        host,
        what,
        differences,
    })
}
