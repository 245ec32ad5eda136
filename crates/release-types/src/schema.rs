//! What texts and platforms are in OpenAPI: lengths, patterns and formats.
//!
//! A schema says what a pattern can say. What it cannot (that Windows reserves `CON`, that a product
//! exists) is still checked by whoever takes the value.

use crate::{Arch, FileName, ObjectKey, Os, PackId, Platform, ProductName, Sha256Digest};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{Object, ObjectBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A number of SemVer's, of as many digits as the longest that is taken.
macro_rules! number {
    () => {
        "(0|[1-9][0-9]{0,19})"
    };
}

/// An identifier of a pre-release.
macro_rules! identifier {
    () => {
        "(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
    };
}

/// SemVer 2.0.
const VERSION: &str = concat!(
    "^",
    number!(),
    "\\.",
    number!(),
    "\\.",
    number!(),
    "(-",
    identifier!(),
    "(\\.",
    identifier!(),
    ")*)?(\\+[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$"
);

/// A character of a file's name, for a class in a pattern.
macro_rules! name {
    () => {
        "[^/\\\\<>:\"|?*\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]"
    };
}

/// A version of SemVer 2.0.
#[derive(Debug)]
pub struct Version;

/// A moment, as RFC 3339 writes it.
#[derive(Debug)]
pub struct Time;

/// What a file is downloaded by.
#[derive(Debug)]
pub struct DownloadId;

/// What a Hub calls a pack's build.
#[derive(Debug)]
pub struct BuildId;

/// A text of at most so many characters that fits a pattern, and one such text.
fn text(description: &str, example: &str, longest: usize, pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .examples([example])
        .min_length(Some(1))
        .max_length(Some(longest))
        .pattern(Some(pattern))
}

macro_rules! schemas {
    ($($name:ident => $schema:expr),+ $(,)?) => {
        $(
            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    let object: Object = $schema.build();
                    object.into()
                }
            }

            impl ToSchema for $name {}
        )+
    };
}

schemas! {
    Version => text("A version of SemVer 2.0.", "1.4.0", 255, VERSION),
    Time => ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("A moment, as RFC 3339 writes it.")),
    DownloadId => text("What a file is downloaded by.", "dl_3743079774be55caae706e18d8d6340f", 35, "^dl_[0-9a-f]{32}$"),
    BuildId => text("What the Hub calls a build.", "9f86d081884c7d659a2feaa0c55ad015", 32, "^[0-9a-f]{32}$"),
    Sha256Digest => text("A SHA-256 digest.", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 64, "^[0-9a-f]{64}$"),
    ProductName => text("A product.", "runner", 64, "^[a-z]([a-z0-9-]{0,62}[a-z0-9])?$"),
    PackId => text("A pack.", "my-pack", 64, "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"),
    FileName => text(
        "A file's name, which every supported system can store.",
        "atlas-runner",
        255,
        concat!("^", name!(), "+$"),
    ),
    ObjectKey => text(
        "An object's raw key: a clean relative path.",
        "artifacts/runner/1.4.0/linux/x64/atlas-runner",
        ObjectKey::MAX_LEN,
        concat!("^", name!(), "+(/", name!(), "+)*$"),
    ),
}

impl PartialSchema for Platform {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("An operating system on an architecture."))
            .property("os", Ref::from_schema_name("Os"))
            .required("os")
            .property("arch", Ref::from_schema_name("Arch"))
            .required("arch")
            .into()
    }
}

impl ToSchema for Platform {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Os::name().into_owned(), Os::schema()));
        schemas.push((Arch::name().into_owned(), Arch::schema()));
    }
}
