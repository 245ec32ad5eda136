//! What commands about channels, provenance, tokens, packs, manifests and workflows tell: each a document of its own.

use crate::channels::{Promotion, Rollback, Yank};
use crate::documents::Proven;
use crate::github_release::Released;
use crate::manifest::Described;
use crate::pack::PublishedBuild;
use crate::sign::NewKey;
use crate::tokens::{Issued, Revoked, Tokens};
use crate::workflows::Report;
use serde::Serialize;
use std::fmt;

/// What was done. In JSON, an event like any other.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Outcome {
    /// Another channel has a release.
    Promotion(Promotion),
    /// A release is no longer offered, or is again.
    Yank(Yank),
    /// An earlier version is the newest again.
    Rollback(Rollback),
    /// A token was issued.
    Token(Issued),
    /// The tokens there are.
    Tokens(Tokens),
    /// A token was revoked.
    TokenRevoked(Revoked),
    /// A pack has a build more.
    PackBuild(PublishedBuild),
    /// Programs come from where they have to.
    Provenance(Proven),
    /// A release is on GitHub.
    GithubRelease(Released),
    /// A pair of keys was made.
    SigningKey(NewKey),
    /// A manifest was built, checked or looked at.
    Manifest(Described),
    /// The workflows were compared or written.
    Workflows(Report),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Promotion(done) => done.fmt(f),
            Self::Yank(done) => done.fmt(f),
            Self::Rollback(done) => done.fmt(f),
            Self::Token(done) => done.fmt(f),
            Self::Tokens(done) => done.fmt(f),
            Self::TokenRevoked(done) => done.fmt(f),
            Self::PackBuild(done) => done.fmt(f),
            Self::Provenance(proven) => proven.fmt(f),
            Self::GithubRelease(done) => done.fmt(f),
            Self::SigningKey(done) => done.fmt(f),
            Self::Manifest(found) => found.fmt(f),
            Self::Workflows(found) => found.fmt(f),
        }
    }
}
