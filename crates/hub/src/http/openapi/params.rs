//! Parameters that several operations share.

use release_types::Channel;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Ref, Required, Type};
use utoipa::{IntoParams, ToSchema as _};

/// What a reader has already.
pub(in crate::http) struct Conditional;

impl IntoParams for Conditional {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            header(
                "if-none-match",
                "What the reader has: 304 when nothing has changed.",
            ),
            header(
                "if-match",
                "What the reader wants, and nothing else: 412 when it is gone.",
            ),
        ]
    }
}

/// Which part of a file a reader wants.
pub(in crate::http) struct Part;

impl IntoParams for Part {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            header(
                "range",
                "One range of bytes. What is none is answered with the whole file.",
            ),
            header("if-range", "The tag of what the reader has a part of."),
        ]
    }
}

/// A channel, or `stable`.
pub(in crate::http) struct StableUnlessNamed;

impl IntoParams for StableUnlessNamed {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            ParameterBuilder::new()
                .name("channel")
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some("The channel; `stable` when absent."))
                .schema(Some(Ref::from_schema_name(Channel::name())))
                .build(),
        ]
    }
}

fn header(name: &str, about: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}
