//! The Hub's description of itself, in OpenAPI 3.1: made of what stands at each handler, and of what
//! all of them have in common.
//!
//! Handlers are registered together with their descriptions, so no route can lack one. What the
//! layers around all routes can answer is added here, as they are added to the router.

pub(super) mod answers;
pub(super) mod bodies;
pub(super) mod params;

use super::AppState;
use super::error::ApiError;
use answers::{ERRORS, Refusal, no_content};
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use release_types::{DEPLOY_TOKEN_HEADER, ErrorBody, OIDC_TOKEN_HEADER, PACK_TOKEN_HEADER};
use std::collections::BTreeMap;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Header, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi, OpenApiBuilder,
    RefOr, Type,
};
use utoipa::{PartialSchema as _, ToSchema as _};

/// Routes whose last segment stands for a whole path. OpenAPI has no such thing, and of all paths
/// these alone ever lead to something.
const WHOLE_PATHS: [(&str, &str); 2] = [
    (
        "/artifacts/{*path}",
        "/artifacts/{product}/{version}/{os}/{arch}/{filename}",
    ),
    ("/packs/{*path}", "/packs/{packId}/builds/{filename}"),
];

/// What the gate lets pass whatever is going on.
const UNLIMITED: [&str; 2] = ["/healthz", "/readyz"];

const ABOUT: &str = "What release automation publishes with, and installed programs update from. \
     Every error is a JSON object whose `error` is one sentence. Unknown fields of a request are \
     ignored, and `null` is as good as a field's absence where it may be absent.";

/// What `atlas-hub` serves at `/openapi.json`.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "describe",
    tag = "hub",
    summary = "This document",
    params(params::Conditional),
    responses(
        (status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json"),
        answers::Conditional,
    ),
)]
pub(super) async fn document(
    State(app): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let description = app.description.as_ref().ok_or_else(ApiError::internal)?;
    description.shown(&headers, "public, max-age=300")
}

/// The document, of what the router has gathered.
pub(super) fn rendered(gathered: OpenApi) -> Result<String, ApiError> {
    let mut json = finished(gathered).to_pretty_json().map_err(|error| {
        tracing::error!(%error, "the description cannot be written as JSON");
        ApiError::internal()
    })?;
    json.push('\n');
    Ok(json)
}

/// An empty description, to begin with.
pub(super) fn begun() -> OpenApi {
    let license = LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE"));
    let info = InfoBuilder::new()
        .title("Atlas Hub")
        .version("1")
        .description(Some(ABOUT))
        .license(Some(license.build()));
    let header = |name: &str, about: &str| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, about)))
    };
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some("A user's credential: an administrator's, or a creator's.".into());
    let mut components = ComponentsBuilder::new()
        .schema(ErrorBody::name(), ErrorBody::schema())
        .security_scheme(
            "app",
            header(DEPLOY_TOKEN_HEADER, "Release automation's token."),
        )
        .security_scheme(
            "pack",
            header(PACK_TOKEN_HEADER, "The token of a pack's automation."),
        )
        .security_scheme(
            "job",
            header(
                OIDC_TOKEN_HEADER,
                "The ID token of a GitHub Actions job that a rule of the Hub's is for. It is good for one \
                 call, or for a pack's build and its completion. Where its issuer's keys cannot be fetched, or \
                 were fetched within the last minute without the one that it names, the answer is 503 and \
                 `retry-after` says when to come again with the same one.",
            ),
        )
        .security_scheme("user", SecurityScheme::Http(bearer));
    for refusal in &ERRORS {
        components = components.response(refusal.name, refusal.response());
    }
    components = components.response(answers::NOT_MODIFIED, answers::not_modified());
    OpenApiBuilder::new()
        .info(info.build())
        .components(Some(components.build()))
        .build()
}

/// Adds what all operations have in common.
fn finished(mut api: OpenApi) -> OpenApi {
    let paths = std::mem::take(&mut api.paths.paths);
    for (route, mut item) in paths {
        let PathItem {
            get,
            put,
            post,
            delete,
            ..
        } = &mut item;
        let reads = get.iter_mut().map(|operation| (operation, false));
        let changes = [put, post, delete].into_iter().flatten();
        for (operation, writes) in reads.chain(changes.map(|operation| (operation, true))) {
            complete(&route, operation, writes);
        }
        item.head = item.get.as_ref().map(head_of);
        let whole = WHOLE_PATHS.iter().find(|(known, _)| *known == route);
        let path = whole.map_or(route, |(_, path)| (*path).to_owned());
        api.paths.paths.insert(path, item);
    }
    api
}

/// Adds to an operation what surrounds all routes.
fn complete(route: &str, operation: &mut Operation, writes: bool) {
    let limited = !UNLIMITED.contains(&route);
    let known = operation.security.is_some();
    let may = [
        (405, true),
        (415, true),
        (429, limited),
        (500, true),
        (503, limited),
        // Whoever shows a credential has its use noted.
        (507, writes || known),
    ];
    let answers = &mut operation.responses.responses;
    for refusal in may.iter().filter(|(_, may)| *may) {
        let Some(refusal) = Refusal::of(refusal.0) else {
            continue;
        };
        answers
            .entry(refusal.status.to_string())
            .or_insert_with(|| refusal.reference());
    }
    let tagged = answers.contains_key("304");
    for (status, answer) in answers.iter_mut() {
        let RefOr::T(answer) = answer else { continue };
        answer.headers.extend(common_headers());
        if tagged && status.starts_with('2') {
            answer.headers.insert("etag".to_owned(), answers::etag());
        }
    }
}

/// What every answer has.
pub(super) fn common_headers() -> BTreeMap<String, Header> {
    BTreeMap::from([
        (
            "cache-control".to_owned(),
            answers::text_header("For how long the answer may be kept."),
        ),
        (
            "x-request-id".to_owned(),
            answers::text_header("What the Hub's log calls this request."),
        ),
    ])
}

/// The same without a body: the router answers HEAD wherever it answers GET.
fn head_of(get: &Operation) -> Operation {
    let mut head = get.clone();
    head.operation_id = head.operation_id.map(|id| format!("{id}_head"));
    for (status, answer) in &mut head.responses.responses {
        *answer = match answer {
            RefOr::T(answer) => RefOr::T(no_content(answer)),
            RefOr::Ref(_) => match status.parse().ok().and_then(Refusal::of) {
                Some(refusal) => RefOr::T(no_content(&refusal.response())),
                None => continue,
            },
        };
    }
    head
}

/// Bytes, whatever they are.
#[derive(Debug)]
pub(super) struct Bytes;

impl utoipa::PartialSchema for Bytes {
    fn schema() -> RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{KnownFormat, SchemaFormat};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .into()
    }
}

impl utoipa::ToSchema for Bytes {}
