//! What becomes of whole releases, on Hubs that name the feature: drafts, promotion, yanking.
//!
//! Ask [`HubClient::capabilities`] first: a Hub without `draft` would publish a draft at once, and
//! the others answer 404.

use crate::answer::Call;
use crate::client::{Caller, Repeat, Request};
use crate::releases::matched;
use crate::{ClientError, Difference, HubClient, compare};
use release_types::{
    Channel, FinalizeRequest, ProductName, PromoteRequest, PublishRequest, Release, ReleaseList,
    ReleaseState, ReleaseSummary, Releases, YankRequest,
};
use reqwest::Method;
use serde::Serialize;

/// A publication that nobody sees until it is finalized.
#[derive(Serialize)]
struct DraftRequest<'r> {
    #[serde(flatten)]
    request: &'r PublishRequest,
    draft: bool,
}

impl HubClient {
    /// Registers one platform of a release as a draft (`draft`).
    ///
    /// # Errors
    /// As [`HubClient::publish`].
    pub async fn publish_draft(
        &self,
        product: &ProductName,
        request: &PublishRequest,
    ) -> Result<Release, ClientError> {
        let body = DraftRequest {
            request,
            draft: true,
        };
        self.register(product, request, &body).await
    }

    /// Makes drafts visible, all in one moment (`draft`).
    ///
    /// # Errors
    /// Without a credential, when the Hub refuses, with 409 where something was never registered,
    /// or when its answer is about other releases or leaves one out.
    pub async fn finalize(&self, request: &FinalizeRequest) -> Result<Vec<Release>, ClientError> {
        let call = self.call("make the drafts visible");
        let releases = self
            .change(&call, &["api", "v1", "releases", "finalize"], request)
            .await?;
        let expected: Vec<_> = request
            .releases
            .iter()
            .flat_map(|release| release.platforms.iter().map(move |on| (release, *on)))
            .collect();
        let mut differences = Vec::new();
        for &(of, platform) in &expected {
            let (product, version) = (&of.product, Some(of.version.as_str()));
            let own = |answer: &&Release| (&answer.product, answer.platform) == (product, platform);
            match releases.iter().find(own) {
                Some(answer) => {
                    let found = compare::asked(product, version, platform, of.channel, answer);
                    differences.extend(found);
                }
                None => differences.push(Difference::Absent {
                    product: product.clone(),
                    platform,
                }),
            }
        }
        if releases.len() > expected.len() {
            let counts = (expected.len(), releases.len());
            compare::field(&mut differences, "releases", &counts.0, &counts.1);
        }
        matched(&call, differences)?;
        Ok(releases)
    }

    /// Gives another channel a release with all its platforms (`promote`).
    ///
    /// # Errors
    /// Without a credential, when the Hub refuses, or when its answer is about another channel or
    /// about nothing.
    pub async fn promote(
        &self,
        product: &ProductName,
        version: &str,
        from: Channel,
        to: Channel,
    ) -> Result<Vec<Release>, ClientError> {
        let call = self.call(format!("promote {product} {version} from {from} to {to}"));
        let product_name = product.as_str();
        let segments = &["api", "v1", "releases", product_name, version, "promote"];
        let request = PromoteRequest { from, to };
        let releases = self.change(&call, segments, &request).await?;
        let mut differences = Vec::new();
        if releases.is_empty() {
            // At least one platform, or there was nothing to promote.
            compare::field(&mut differences, "releases", &"1 or more", &"0");
        }
        for release in &releases {
            let platform = release.platform;
            let found = compare::asked(product, Some(version), platform, to, release);
            differences.extend(found);
        }
        matched(&call, differences)?;
        Ok(releases)
    }

    /// Takes a release back, so that it is never the newest again (`yank`).
    ///
    /// # Errors
    /// Without a credential, when the Hub refuses or cannot be reached, or when its answer is about
    /// another release or leaves this one as it was.
    pub async fn yank(
        &self,
        product: &ProductName,
        version: &str,
        request: &YankRequest,
    ) -> Result<ReleaseSummary, ClientError> {
        self.set_yanked(Method::POST, product, version, request)
            .await
    }

    /// Offers a release again that was taken back (`yank`).
    ///
    /// # Errors
    /// As [`HubClient::yank`].
    pub async fn unyank(
        &self,
        product: &ProductName,
        version: &str,
        channel: Channel,
    ) -> Result<ReleaseSummary, ClientError> {
        let request = YankRequest {
            channel,
            reason: None,
        };
        self.set_yanked(Method::DELETE, product, version, &request)
            .await
    }

    /// A page of a product's releases, the highest version first; `after` is the `next` of the page
    /// before. `None` where the Hub has no such lists. No token is sent.
    ///
    /// # Errors
    /// When the Hub cannot be asked.
    pub async fn list_releases(
        &self,
        product: &ProductName,
        after: Option<&str>,
    ) -> Result<Option<ReleaseList>, ClientError> {
        let query = after.map(|after| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("after", after).finish()
        });
        self.find(Request {
            what: format!("list the releases of {product}"),
            method: Method::GET,
            segments: &["api", "v1", "releases", product.as_str()],
            query: query.as_deref(),
            body: None,
            caller: Caller::Anyone,
            repeat: Repeat::Passing,
        })
        .await
    }

    async fn change(
        &self,
        call: &Call,
        segments: &[&str],
        body: &impl Serialize,
    ) -> Result<Vec<Release>, ClientError> {
        let request = Request {
            what: call.what.clone(),
            method: Method::POST,
            segments,
            query: None,
            body: Some(body),
            caller: Caller::Publisher,
            repeat: Repeat::Passing,
        };
        // The Hub asks its storage for every file before it shows any.
        let answer: Releases = self.send_patiently(request, self.patience()).await?;
        Ok(answer.releases)
    }

    async fn set_yanked(
        &self,
        method: Method,
        product: &ProductName,
        version: &str,
        request: &YankRequest,
    ) -> Result<ReleaseSummary, ClientError> {
        let doing = match method {
            Method::DELETE => "offer again",
            _ => "take back",
        };
        let state = match method {
            Method::DELETE => ReleaseState::Published,
            _ => ReleaseState::Yanked,
        };
        let channel = request.channel;
        let call = self.call(format!("{doing} {product} {version} on {channel}"));
        let answer: ReleaseSummary = self
            .send(Request {
                what: call.what.clone(),
                method,
                segments: &["api", "v1", "releases", product.as_str(), version, "yank"],
                query: None,
                body: Some(request),
                caller: Caller::Publisher,
                repeat: Repeat::Passing,
            })
            .await?;
        let mut differences = Vec::new();
        compare::field(
            &mut differences,
            "version",
            &version,
            &answer.version.as_str(),
        );
        compare::field(&mut differences, "channel", &channel, &answer.channel);
        compare::field(&mut differences, "state", &state, &answer.state);
        matched(&call, differences)?;
        Ok(answer)
    }
}
