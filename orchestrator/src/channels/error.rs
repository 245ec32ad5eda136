//! Why a channel is not as it was asked to be.

use hub_client::ClientError;
use release_types::{Channel, Platform, ProductName, Sha256Digest};

/// Why a channel is not as it was asked to be.
#[derive(Debug, thiserror::Error)]
pub enum ChannelsError {
    /// The workspace has several groups, and none was named.
    #[error("this workspace has several groups: name the one that is meant with --group")]
    WhichGroup {
        /// The groups there are.
        groups: Vec<String>,
    },
    /// The workspace has no such group.
    #[error("this workspace has no group `{group}`")]
    NoGroup {
        /// The group that was named.
        group: String,
        /// The groups there are.
        groups: Vec<String>,
    },
    /// From a channel to itself.
    #[error("--from and --to are both {0}")]
    SameChannel(Channel),
    /// The version is not on the channel, for any platform.
    #[error("{product} {version} is not on channel {channel}")]
    NotThere {
        /// The product.
        product: ProductName,
        /// The version.
        version: semver::Version,
        /// The channel.
        channel: Channel,
    },
    /// The version was taken back there.
    #[error("{product} {version} was taken back on channel {channel}")]
    TakenBack {
        /// The product.
        product: ProductName,
        /// The version.
        version: semver::Version,
        /// The channel.
        channel: Channel,
    },
    /// The other channel has the version, and not as it is here.
    #[error(
        "{product} {version} for {platform} is on channel {to} already {}",
        obstacle.said(*from)
    )]
    InTheWay {
        /// The product.
        product: ProductName,
        /// The version.
        version: semver::Version,
        /// The platform.
        platform: Platform,
        /// The channel that was to be promoted from.
        from: Channel,
        /// The channel that was to be promoted to.
        to: Channel,
        /// What differs.
        obstacle: Obstacle,
    },
    /// A listed file makes no key.
    #[error("the Hub lists a file of {product} {version} of which no key can be made: {why}")]
    NoKey {
        /// The product.
        product: ProductName,
        /// The version.
        version: semver::Version,
        /// Which file, and why not.
        why: String,
    },
    /// The Hub takes nothing back.
    #[error("this Hub cannot take a release back: it does not name the feature `yank`")]
    CannotYank,
    /// The Hub keeps no lists, so the version before the newest is not known.
    #[error("this Hub does not tell which versions it has: name the one to go back to with --to")]
    NoHistory,
    /// There is nothing to go back to.
    #[error("channel {channel} has no version of {product} before {version}")]
    NothingBefore {
        /// The product.
        product: ProductName,
        /// The newest version.
        version: String,
        /// The channel.
        channel: Channel,
    },
    /// The channel has nothing at all.
    #[error("channel {channel} has no release of {}", names(products))]
    Empty {
        /// The products.
        products: Vec<ProductName>,
        /// The channel.
        channel: Channel,
    },
    /// What was read back is not what was to be.
    #[error("the channel is not what it was to be:\n  {}", list.join("\n  "))]
    Differences {
        /// Each difference, for people.
        list: Vec<String>,
    },
    /// A rollback broke off after it had begun to change something.
    #[error("the rollback to {} has begun and is not finished", versions(to))]
    Unfinished {
        /// The version of each product that was to be the newest.
        to: Vec<(ProductName, String)>,
        /// Why it broke off.
        source: ClientError,
    },
    /// The Hub could not be asked or said no.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Why a platform cannot be promoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// A file of one name has different bytes on the two channels.
    OtherBytes {
        /// The file.
        filename: String,
        /// Its digest on the channel that was to be promoted to.
        there: Sha256Digest,
        /// Its digest on the other one.
        here: Sha256Digest,
    },
    /// The other channel has a file more, which registering would take away.
    Extra {
        /// The file.
        filename: String,
    },
}

impl Obstacle {
    fn said(&self, from: Channel) -> String {
        match self {
            Self::OtherBytes {
                filename,
                there,
                here,
            } => format!(
                "with other bytes: `{filename}` has sha256 {there} there and {here} on {from}"
            ),
            Self::Extra { filename } => {
                format!("with `{filename}`, which it has not on {from}")
            }
        }
    }
}

impl ChannelsError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotThere { .. } | Self::Empty { .. } => {
                "check the version, the channel, the products (--product) and which Hub it is (--hub-url)"
                    .to_owned()
            }
            Self::TakenBack {
                version, channel, ..
            } => format!(
                "`atlas-release yank {version} --channel {channel} --undo` offers it there again"
            ),
            Self::InTheWay { .. } => {
                "published bytes never change: release a new version and promote that".to_owned()
            }
            Self::CannotYank => {
                "it offers what was published last: `atlas-release rollback --to VERSION` publishes an earlier version again, or release a newer one"
                    .to_owned()
            }
            Self::NoHistory => {
                "the tags of the workspace name them: git tag --list, newest first by --sort=-v:refname"
                    .to_owned()
            }
            Self::NothingBefore { .. } => "release a newer version instead".to_owned(),
            // Without --to it would go back one version more.
            Self::Unfinished { to, .. } => {
                let versions = distinct(to);
                let flags: Vec<String> = match versions[..] {
                    [one] => vec![format!("--to {one}")],
                    _ => to
                        .iter()
                        .map(|(product, to)| format!("--product {product} --to {to}"))
                        .collect(),
                };
                format!(
                    "run the same command again with {}: what is done already is not done twice",
                    flags.join(", then with ")
                )
            }
            Self::WhichGroup { groups } | Self::NoGroup { groups, .. } => format!(
                "the groups of this workspace are: {}; or name products with --product",
                groups.join(", ")
            ),
            Self::Differences { .. } => {
                "look at the channel with `atlas-release verify` or in the Hub's page before it is changed again"
                    .to_owned()
            }
            Self::SameChannel(_) | Self::NoKey { .. } | Self::Client(_) => return None,
        })
    }
}

/// The different versions among these.
fn distinct(to: &[(ProductName, String)]) -> Vec<&str> {
    let mut versions: Vec<&str> = to.iter().map(|(_, version)| version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

fn versions(to: &[(ProductName, String)]) -> String {
    distinct(to).join(" and ")
}

/// Names, for a sentence.
fn names(products: &[ProductName]) -> String {
    let names: Vec<&str> = products.iter().map(ProductName::as_str).collect();
    names.join(", ")
}
