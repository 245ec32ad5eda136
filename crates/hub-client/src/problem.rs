//! The details of errors: how the network failed, what is wrong with an answer or a file.

use release_types::{Platform, ProductName, Sha256Digest};
use std::fmt;

/// How the network failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkFault {
    /// No connection came about: refused, no route, TLS.
    Connect,
    /// The name could not be resolved.
    Dns,
    /// No answer within the time allowed.
    Timeout,
    /// The connection broke in the middle.
    Broken,
    /// Bytes stopped moving.
    Stalled,
}

impl fmt::Display for NetworkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no connection came about",
            Self::Dns => "its name could not be resolved",
            Self::Timeout => "it did not answer in time",
            Self::Broken => "the connection broke",
            Self::Stalled => "no more bytes moved",
        })
    }
}

/// In which way an answer is none that the contract knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerProblem {
    /// A web page: a wrong address, a proxy or a sign-in page.
    Html,
    /// Not JSON.
    NotJson,
    /// JSON of another shape; what the parser objects to.
    Shape(String),
    /// It ends too early.
    Truncated,
    /// It is longer than is read.
    TooLarge {
        /// The bound, in bytes.
        limit: u64,
    },
    /// A status that has no meaning here.
    Status(u16),
    /// An address or a header in it cannot be used.
    Unusable(&'static str),
    /// More redirects than are followed.
    TooManyRedirects,
    /// Success was answered before all bytes had been sent.
    Early,
    /// Success was answered to a request that says nothing.
    Accepted,
}

impl fmt::Display for AnswerProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Html => f.write_str("it answered with a web page, not JSON"),
            Self::NotJson => f.write_str("its answer is not JSON"),
            Self::Shape(why) => write!(f, "its answer does not have the contract's shape: {why}"),
            Self::Truncated => f.write_str("its answer ends too early"),
            Self::TooLarge { limit } => write!(f, "its answer is longer than {limit} bytes"),
            Self::Status(status) => write!(f, "it answered with the status {status}"),
            Self::Unusable(what) => write!(f, "{what} in its answer cannot be used"),
            Self::TooManyRedirects => f.write_str("it redirects more than five times"),
            Self::Accepted => f.write_str("it took an empty request for a release"),
            Self::Early => f.write_str("it reported success before it had all bytes"),
        }
    }
}

/// One way in which an answer differs from what was sent or asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// An artifact was sent and is not in the answer.
    Missing {
        /// Its name.
        filename: String,
    },
    /// An asset is in the answer and was not sent.
    Unexpected {
        /// Its name.
        filename: String,
    },
    /// An asset stands in the answer more than once.
    Repeated {
        /// Its name.
        filename: String,
    },
    /// A field of an asset differs.
    Asset {
        /// The asset's name.
        filename: String,
        /// Which field.
        field: &'static str,
        /// What was sent.
        sent: String,
        /// What the answer says.
        answered: String,
    },
    /// A platform of a product was asked for and is not in the answer.
    Absent {
        /// The product.
        product: ProductName,
        /// The platform.
        platform: Platform,
    },
    /// A field of the answer itself differs.
    Field {
        /// Which field.
        field: &'static str,
        /// What was sent or asked for.
        sent: String,
        /// What the answer says.
        answered: String,
    },
}

impl Difference {
    /// The artifact it is about, if it is about one.
    pub fn filename(&self) -> Option<&str> {
        match self {
            Self::Missing { filename }
            | Self::Unexpected { filename }
            | Self::Repeated { filename }
            | Self::Asset { filename, .. } => Some(filename),
            Self::Absent { .. } | Self::Field { .. } => None,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { filename } => write!(f, "`{filename}` was dropped"),
            Self::Unexpected { filename } => write!(f, "`{filename}` was never sent"),
            Self::Repeated { filename } => write!(f, "`{filename}` stands there twice"),
            Self::Absent { product, platform } => {
                write!(f, "{product} for {platform} is not in it")
            }
            Self::Asset {
                filename,
                field,
                sent,
                answered,
            } => {
                write!(f, "`{filename}` has {field} {answered}, not {sent}")
            }
            Self::Field {
                field,
                sent,
                answered,
            } => {
                write!(f, "{field} is `{answered}`, not `{sent}`")
            }
        }
    }
}

/// How a file differs from what was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    /// Its size, in bytes.
    Size {
        /// What was announced.
        expected: u64,
        /// What it is now.
        found: u64,
    },
    /// Its bytes.
    Digest {
        /// What was announced.
        expected: Sha256Digest,
        /// What it is now.
        found: Sha256Digest,
    },
}

impl fmt::Display for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { expected, found } => {
                write!(f, "it has {found} bytes, expected {expected}")
            }
            Self::Digest { expected, found } => {
                write!(f, "its SHA-256 is {found}, expected {expected}")
            }
        }
    }
}
