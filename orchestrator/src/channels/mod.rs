//! What becomes of releases after they are published: promoted to another channel, taken back, or
//! replaced by the version before them.
//!
//! On a Hub that has calls of its own for it, those are made. On one that has the base contract
//! alone, what is on a channel is registered again, under keys that follow from the version and
//! with the storage that presign names. No bytes move either way.

mod decide;
mod error;
mod promote;
mod publishing;
mod report;
mod rollback;
mod show;
mod which;
mod yank;

pub use error::{ChannelsError, Obstacle};
pub use promote::{Promote, promote};
pub use report::{Promotion, Rollback, RolledBack, Yank, Yanked};
pub use rollback::{Back, roll_back};
pub use which::products_of;
pub use yank::{Taking, yank};

use futures_util::future::try_join_all;
use hub_client::{AnswerProblem, ClientError, HubClient};
use release_types::{Channel, Platform, ProductName, Release};
use std::collections::BTreeMap;

/// The feature of a Hub that gives another channel a release.
const PROMOTE: &str = "promote";

/// The feature of a Hub that takes releases back.
const YANK: &str = "yank";

/// What a channel has of one product, by platform.
type Platforms = BTreeMap<Platform, Release>;

/// Whether the Hub names a feature.
async fn has(client: &HubClient, feature: &str) -> Result<bool, ClientError> {
    let capabilities = client.capabilities().await?;
    Ok(capabilities.is_some_and(|hub| hub.has(feature)))
}

/// A version on every platform.
async fn version_on(
    client: &HubClient,
    product: &ProductName,
    version: &semver::Version,
    channel: Channel,
) -> Result<Platforms, ClientError> {
    let version = &version.to_string();
    let ask = |platform| client.release(product, version, platform, channel);
    collected(try_join_all(Platform::ALL.map(ask)).await?)
}

/// What `latest` answers on every platform.
async fn latest_on(
    client: &HubClient,
    product: &ProductName,
    channel: Channel,
) -> Result<Platforms, ClientError> {
    let ask = |platform| client.latest(product, platform, channel);
    collected(try_join_all(Platform::ALL.map(ask)).await?)
}

fn collected(found: Vec<Option<Release>>) -> Result<Platforms, ClientError> {
    let found = found.into_iter().flatten();
    Ok(found.map(|release| (release.platform, release)).collect())
}

/// Of a Hub whose newest release has a date beside which there is none. `what` completes “cannot …”.
fn undatable(client: &HubClient, what: String) -> ClientError {
    ClientError::UnexpectedAnswer {
        host: client.hub().host(),
        what,
        problem: AnswerProblem::Unusable("the date of the newest release"),
    }
}
