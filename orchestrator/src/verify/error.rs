//! Why a release is not proven.

use crate::receipt::Against;
use crate::text::told;
use hub_client::{ClientError, HubClient};
use release_types::{Channel, ObjectKey, ProductName};

/// Why a release is not proven.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// What the Hub gives out is not what was built.
    #[error("{}:\n  {}", claim(.against), list.join("\n  "))]
    Differences {
        /// Each difference, for people.
        list: Vec<String>,
        /// What the Hub lists as it was built and gives out otherwise, or not at all.
        damaged: Vec<ObjectKey>,
        /// What was compared with.
        against: Against,
    },
    /// The Hub has nothing of this name at all.
    #[error(
        "{} {version} was not found on the Hub {hub}, on channel {channel}",
        products.iter().map(ProductName::as_str).collect::<Vec<_>>().join(", ")
    )]
    NotFound {
        /// The Hub's address.
        hub: String,
        /// The products that were asked for.
        products: Vec<ProductName>,
        /// The version, which may be any text.
        version: String,
        /// The channel.
        channel: Channel,
    },
    /// The Hub could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl VerifyError {
    /// That a Hub has nothing of a version, which may be any text, for any of the products.
    pub(super) fn not_found(
        client: &HubClient,
        products: &[ProductName],
        (version, channel): (&str, Channel),
    ) -> Self {
        Self::NotFound {
            hub: client.hub().to_string(),
            products: products.to_vec(),
            version: told(version),
            channel,
        }
    }
}

fn claim(against: &Against) -> &'static str {
    match against {
        Against::Built => "what is published is not what was built",
        Against::Listed => "what the Hub gives out is not what it lists",
    }
}
