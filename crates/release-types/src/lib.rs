//! Domain and wire types of a release: what a tag, a platform, an artifact and a Hub's answer are.
//!
//! Values that can be wrong are parsed once, here, and trusted afterwards. This crate does no
//! I/O: it never opens a file, a socket or the environment, so everybody may depend on it.

mod artifact;
pub mod bundles;
mod digest;
mod manifest;
mod names;
mod ours;
mod packs;
mod platform;
#[cfg(feature = "openapi")]
pub mod schema;
mod tag;
mod trust;
mod wire;

pub use artifact::{Channel, Kind, ObjectKey, ObjectKeyError, artifact_key};
pub use digest::{DigestError, Sha256Digest};
pub use manifest::{
    ManifestError, ManifestProblem, ManifestReading, ManifestRow, parse_manifest, read_manifest,
    with_rows,
};
pub use names::{FileName, FileNameError, NameError, ProductName, folded};
pub use ours::{
    FinalizeRelease, FinalizeRequest, ObjectEntry, ObjectList, PromoteRequest, ReleaseList,
    ReleaseState, ReleaseSummary, Releases, YankRequest,
};
pub use packs::{
    BuildUpload, BuildUploadRequest, CompleteBuildRequest, CompletedBuild, MemberRole,
    PACK_TOKEN_HEADER, PackBuild, PackChannel, PackChannelBuild, PackId, PackIdError, UserRole,
    build_key,
};
pub use platform::{Arch, Os, Platform, UnknownName};
pub use tag::{Tag, TagError, TagProblem};
pub use trust::{ExchangeRequest, ExchangedToken, OIDC_TOKEN_HEADER};
pub use wire::{
    AppToken, Artifact, Asset, BAD_DIGEST, DEPLOY_TOKEN_HEADER, ErrorBody, IssueTokenRequest,
    IssuedToken, PresignRequest, PresignResponse, PublishRequest, Release, RevokeTokenRequest,
    RevokedToken, STILL_READING, TokenList, UpdateFile, UpdateManifest,
};

/// Implements the string side of a closed set of names: `as_str`, `Display`, `FromStr` and serde.
macro_rules! named_enum {
    ($(#[$meta:meta])* $name:ident ($what:literal) { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every value, in the order of the specification.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The name as it stands in manifests, keys and JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err($crate::UnknownName {
                        what: $what,
                        found: text.to_owned(),
                        expected: concat!($($text, " "),+).trim_end(),
                    }),
                }
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let names = Self::ALL.iter().map(|value| value.as_str());
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some(names))
                    .description(Some($what))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}
pub(crate) use named_enum;

/// Serde for a type that is written as its `Display` text and read through its `FromStr`.
macro_rules! text_serde {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_serde;
