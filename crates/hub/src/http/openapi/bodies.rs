//! What stands in the bodies of requests. The handlers read them field by field, so that an error can
//! name the field; here is what they take.

#![expect(dead_code, reason = "these are read by nobody but the derive")]

use release_types::schema::{BuildId, Time, Version};
use release_types::{
    Channel, FileName, Kind, ObjectKey, PackChannel, PackId, Platform, ProductName, Sha256Digest,
};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is to be done with an object.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::http) enum Action {
    Upload,
}

/// Where an object is to be uploaded to.
#[derive(ToSchema)]
#[schema(as = PresignRequest, rename_all = "camelCase")]
pub(in crate::http) struct Presign {
    action: Action,
    /// The raw key: `artifacts/{product}/{version}/{os}/{arch}/{filename}`.
    key: ObjectKey,
    /// The media type that the upload will have; `application/octet-stream` when absent.
    #[schema(max_length = 255, pattern = "^([!-~][ -~]*)?/([ -~]*[!-~])?$")]
    content_type: Option<String>,
    /// The storage: the Hub's own when absent.
    provider: Option<String>,
    /// The length that the upload is bound to, in bytes.
    #[schema(maximum = 9223372036854775807_i64)]
    size: Option<u64>,
    /// The digest that the upload is bound to.
    sha256: Option<Sha256Digest>,
}

/// One platform of a release.
#[derive(ToSchema)]
#[schema(as = PublishRequest)]
pub(in crate::http) struct Publish {
    version: Version,
    /// `stable` when absent.
    channel: Option<Channel>,
    platform: Platform,
    /// All files of the platform; no two have one name.
    #[schema(min_items = 1)]
    artifacts: Vec<Artifact>,
    /// What is new; what the release has when absent.
    notes: Option<String>,
    /// When the release counts as published; now, or what it has, when absent.
    published_at: Option<Time>,
    /// Whether it stays unseen until it is finalized.
    draft: Option<bool>,
}

/// A file that has been uploaded.
#[derive(ToSchema)]
pub(in crate::http) struct Artifact {
    /// Its raw key, below the folder of the release's platform.
    key: ObjectKey,
    /// The storage that has it, as presign has said.
    provider: String,
    filename: FileName,
    /// Bytes.
    #[schema(maximum = 9223372036854775807_i64)]
    size: u64,
    sha256: Sha256Digest,
    kind: Kind,
}

/// Drafts that are to be seen from one moment on.
#[derive(ToSchema)]
#[schema(as = FinalizeRequest)]
pub(in crate::http) struct Finalize {
    #[schema(min_items = 1)]
    releases: Vec<FinalizeRelease>,
}

/// One release among them.
#[derive(ToSchema)]
pub(in crate::http) struct FinalizeRelease {
    product: ProductName,
    version: Version,
    /// `stable` when absent.
    channel: Option<Channel>,
    /// Those that were registered before.
    #[schema(min_items = 1)]
    platforms: Vec<Platform>,
    /// By their keys, the SHA-256 of the files that the drafts have to have, and no others, of platforms
    /// that have a file here.
    files: Option<BTreeMap<String, Sha256Digest>>,
}

/// From which channel to which other one.
#[derive(ToSchema)]
#[schema(as = PromoteRequest)]
pub(in crate::http) struct Promote {
    from: Channel,
    to: Channel,
}

/// What is taken back, or offered again, and why.
#[derive(ToSchema)]
#[schema(as = YankRequest)]
pub(in crate::http) struct Yank {
    /// `stable` when absent.
    channel: Option<Channel>,
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// What a job shows to get a token.
#[derive(ToSchema)]
#[schema(as = ExchangeRequest)]
pub(in crate::http) struct Exchange {
    /// The job's ID token, a JWT whose audience is this Hub.
    token: String,
}

/// What a new token is called, and how long it is good for.
#[derive(ToSchema)]
#[schema(as = IssueTokenRequest, rename_all = "camelCase")]
pub(in crate::http) struct IssueToken {
    #[schema(max_length = 200)]
    name: Option<String>,
    /// A moment to come; never when absent.
    expires_at: Option<Time>,
}

/// Which token is to end.
#[derive(ToSchema)]
#[schema(as = RevokeTokenRequest, rename_all = "camelCase")]
pub(in crate::http) struct RevokeToken {
    token_id: String,
}

/// A pack's build that is to be uploaded.
#[derive(ToSchema)]
#[schema(as = BuildRequest, rename_all = "camelCase")]
pub(in crate::http) struct Build {
    pack_id: PackId,
    /// The media type that the upload will have; `application/octet-stream` when absent.
    #[schema(max_length = 255, pattern = "^([!-~][ -~]*)?/([ -~]*[!-~])?$")]
    content_type: Option<String>,
    /// The length that the upload is bound to, in bytes.
    #[schema(maximum = 9223372036854775807_i64)]
    size: Option<u64>,
    /// The digest that the upload is bound to.
    sha256: Option<Sha256Digest>,
}

/// A pack's build that has been uploaded.
#[derive(ToSchema)]
#[schema(as = CompleteRequest, rename_all = "camelCase")]
pub(in crate::http) struct Complete {
    pack_id: PackId,
    build_id: BuildId,
    /// What presign has answered, with or without the storage's name before it.
    artifact_key: String,
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
    )]
    version: String,
    /// `dev` when absent.
    channel: Option<PackChannel>,
    commit_hash: Option<String>,
    commit_message: Option<String>,
    /// Bytes, to be compared with what is stored.
    #[schema(maximum = 9223372036854775807_i64)]
    artifact_size: Option<u64>,
}
