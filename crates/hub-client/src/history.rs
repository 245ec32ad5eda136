//! All that a Hub has on a channel of a product. A deployed Hub keeps no such lists.

use crate::client::{Caller, Repeat, Request};
use crate::{AnswerProblem, ClientError, HubClient};
use release_types::{Channel, ProductName, ReleaseList, ReleaseSummary};
use reqwest::Method;

/// How many releases are asked for at a time: the most that a Hub gives.
const PAGE: usize = 200;

/// How many pages are read; a Hub that has more has no end.
const MAX_PAGES: usize = 500;

/// The longest word for where the next page begins, in bytes. It goes into an address, escaped.
pub(crate) const LONGEST_CURSOR: usize = 4096;

impl HubClient {
    /// The releases of a product on a channel, the highest version first, those that were taken back
    /// included. `None` where the Hub has no such lists. No token is sent.
    ///
    /// # Errors
    /// When the Hub cannot be asked, or its list is of other channels or has no end.
    pub async fn releases_on(
        &self,
        product: &ProductName,
        channel: Channel,
    ) -> Result<Option<Vec<ReleaseSummary>>, ClientError> {
        let call = self.call(format!("list the releases of {product} on {channel}"));
        let unusable = || call.unexpected(AnswerProblem::Unusable("the list of releases"));
        let mut releases = Vec::new();
        let mut query = format!("channel={channel}&limit={PAGE}");
        for _ in 0..MAX_PAGES {
            let page: Option<ReleaseList> = self
                .find(Request {
                    what: call.what.clone(),
                    method: Method::GET,
                    segments: &["api", "v1", "releases", product.as_str()],
                    query: Some(&query),
                    body: None,
                    caller: Caller::Anyone,
                    repeat: Repeat::Passing,
                })
                .await?;
            let Some(page) = page else { return Ok(None) };
            if page.releases.iter().any(|one| one.channel != channel) {
                return Err(unusable());
            }
            releases.extend(page.releases);
            let Some(next) = page.next else {
                return Ok(Some(releases));
            };
            if next.len() > LONGEST_CURSOR {
                return Err(unusable());
            }
            query = format!("channel={channel}&limit={PAGE}&after=");
            let escaped = url::form_urlencoded::byte_serialize(next.as_bytes());
            for part in escaped {
                query.push_str(part);
            }
        }
        Err(unusable())
    }
}
