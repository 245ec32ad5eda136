//! Answers that several operations share.

use super::common_headers;
use release_types::ErrorBody;
use std::collections::BTreeMap;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{
    ContentBuilder, Header, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
};
use utoipa::{IntoResponses, ToSchema as _};

type Responses = BTreeMap<String, RefOr<Response>>;

/// An error: its status, and what it means wherever it is answered.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) name: &'static str,
    about: &'static str,
    header: Option<(&'static str, &'static str)>,
}

const RETRY: Option<(&str, &str)> = Some(("retry-after", "In how many seconds to ask again."));

/// Every error there is.
pub(super) const ERRORS: [Refusal; 15] = [
    refusal(
        400,
        "BadRequest",
        "Something in the request cannot be used; `error` names it.",
    ),
    refusal(
        401,
        "Unauthorized",
        "No credential, or none that is in force.",
    ),
    refusal(403, "Forbidden", "The credential may not do this."),
    refusal(404, "NotFound", "There is no such thing."),
    with_header(
        405,
        "MethodNotAllowed",
        "The path does not take this method.",
        Some(("allow", "The methods that it takes.")),
    ),
    refusal(408, "RequestTimeout", "The body took too long."),
    refusal(
        409,
        "Conflict",
        "The Hub holds something else; nothing was changed.",
    ),
    refusal(
        412,
        "PreconditionFailed",
        "There is something else now than `If-Match` names.",
    ),
    refusal(
        413,
        "ContentTooLarge",
        "The body is longer than this path takes.",
    ),
    refusal(
        415,
        "UnsupportedMediaType",
        "Compressed bodies are not taken.",
    ),
    with_header(
        416,
        "RangeNotSatisfiable",
        "No byte of the file is in the range.",
        Some(("content-range", "How long the file is.")),
    ),
    with_header(
        429,
        "TooManyRequests",
        "The address or the credential asks too often.",
        RETRY,
    ),
    refusal(
        500,
        "InternalServerError",
        "The Hub failed; its log says why.",
    ),
    with_header(
        503,
        "ServiceUnavailable",
        "Too much is under way, or something that the Hub needs cannot be used now.",
        RETRY,
    ),
    with_header(
        507,
        "InsufficientStorage",
        "The storage is full; nothing was stored.",
        RETRY,
    ),
];

const fn refusal(status: u16, name: &'static str, about: &'static str) -> Refusal {
    with_header(status, name, about, None)
}

const fn with_header(
    status: u16,
    name: &'static str,
    about: &'static str,
    header: Option<(&'static str, &'static str)>,
) -> Refusal {
    Refusal {
        status,
        name,
        about,
        header,
    }
}

impl Refusal {
    /// The error with this status.
    pub(super) fn of(status: u16) -> Option<&'static Self> {
        ERRORS.iter().find(|refusal| refusal.status == status)
    }

    /// What is answered.
    pub(super) fn response(&self) -> Response {
        let body = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(ErrorBody::name())))
            .build();
        let mut response = ResponseBuilder::new()
            .description(self.about)
            .content("application/json", body)
            .build();
        response.headers.extend(common_headers());
        if let Some((name, about)) = self.header {
            response.headers.insert(name.to_owned(), text_header(about));
        }
        response
    }

    /// The name that the answer has among the document's components.
    pub(super) fn reference(&self) -> RefOr<Response> {
        RefOr::Ref(Ref::from_response_name(self.name))
    }
}

/// The error with this status.
pub(in crate::http) struct Fails<const STATUS: u16>;

pub(in crate::http) type BadRequest = Fails<400>;
pub(in crate::http) type Unauthorized = Fails<401>;
pub(in crate::http) type Forbidden = Fails<403>;
pub(in crate::http) type NotFound = Fails<404>;
pub(in crate::http) type Conflict = Fails<409>;
pub(in crate::http) type Unavailable = Fails<503>;

impl<const STATUS: u16> IntoResponses for Fails<STATUS> {
    fn responses() -> Responses {
        fails(&[STATUS])
    }
}

/// What can be wrong with a body, whatever it is.
pub(in crate::http) struct Body;

impl IntoResponses for Body {
    fn responses() -> Responses {
        fails(&[400, 408, 413])
    }
}

/// What is answered to whoever may have it already.
pub(in crate::http) struct Conditional;

impl IntoResponses for Conditional {
    fn responses() -> Responses {
        let mut responses = fails(&[412]);
        responses.insert(
            "304".to_owned(),
            RefOr::Ref(Ref::from_response_name(NOT_MODIFIED)),
        );
        responses
    }
}

/// A file's bytes, or a part of them.
pub(in crate::http) struct File;

impl IntoResponses for File {
    fn responses() -> Responses {
        let bytes = |about: &str| {
            let mut response = ResponseBuilder::new()
                .description(about)
                .content("*/*", ContentBuilder::new().build())
                .build();
            for (name, about) in [
                ("accept-ranges", "`bytes`: parts can be asked for."),
                ("content-disposition", "The name to save it under."),
            ] {
                response.headers.insert(name.to_owned(), text_header(about));
            }
            response
        };
        let mut part = bytes("The part that was asked for.");
        let place = text_header("Which part it is, and how long the file is.");
        part.headers.insert("content-range".to_owned(), place);
        let mut responses = fails(&[416]);
        responses.extend(Conditional::responses());
        let mut elsewhere = ResponseBuilder::new()
            .description("Where the bytes are, when the Hub keeps them in a bucket.")
            .build();
        let address = text_header("Their address, which ends to be valid soon.");
        elsewhere.headers.insert("location".to_owned(), address);
        responses.insert("302".to_owned(), elsewhere.into());
        responses.insert("200".to_owned(), bytes("The whole file.").into());
        responses.insert("206".to_owned(), part.into());
        responses
    }
}

/// A file's address.
pub(in crate::http) struct Found;

impl IntoResponses for Found {
    fn responses() -> Responses {
        let mut response = ResponseBuilder::new()
            .description("Where the file is.")
            .build();
        for (name, about) in [
            ("location", "Its address."),
            ("vary", "What of the request the answer depends on."),
            (
                "accept-ch",
                "What browsers are to tell of themselves next time.",
            ),
        ] {
            response.headers.insert(name.to_owned(), text_header(about));
        }
        BTreeMap::from([("302".to_owned(), response.into())])
    }
}

/// Where a browser asks, that there is nothing is a page too.
#[cfg(feature = "page")]
pub(in crate::http) struct MissingPage;

#[cfg(feature = "page")]
impl IntoResponses for MissingPage {
    fn responses() -> Responses {
        let mut response = Refusal::of(404).map_or_else(Response::default, Refusal::response);
        let html = ObjectBuilder::new().schema_type(Type::String);
        let html = ContentBuilder::new().schema(Some(html)).build();
        response.content.insert("text/html".to_owned(), html);
        let vary = text_header("What of the request the answer depends on.");
        response.headers.insert("vary".to_owned(), vary);
        BTreeMap::from([("404".to_owned(), response.into())])
    }
}

fn fails(statuses: &[u16]) -> Responses {
    let known = statuses.iter().filter_map(|status| Refusal::of(*status));
    known
        .map(|refusal| (refusal.status.to_string(), refusal.reference()))
        .collect()
}

/// What answer 304 is called among the document's components.
pub(super) const NOT_MODIFIED: &str = "NotModified";

pub(super) fn not_modified() -> Response {
    let mut response = ResponseBuilder::new()
        .description("The reader has it already.")
        .build();
    response.headers.extend(common_headers());
    response.headers.insert("etag".to_owned(), etag());
    response
}

pub(super) fn etag() -> Header {
    text_header("A strong tag of exactly these bytes.")
}

/// A header that is a text.
pub(super) fn text_header(about: &str) -> Header {
    HeaderBuilder::new()
        .schema(ObjectBuilder::new().schema_type(Type::String))
        .description(Some(about))
        .build()
}

/// The same answer to HEAD.
pub(super) fn no_content(response: &Response) -> Response {
    let mut response = response.clone();
    response.content.clear();
    response
}
