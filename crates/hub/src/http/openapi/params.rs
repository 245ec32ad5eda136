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

/// What a client says of itself.
pub(in crate::http) struct WhoAsks;

impl IntoParams for WhoAsks {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let agent = header("user-agent", "What the client calls itself and its system.");
        let example = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0)";
        let agent = ParameterBuilder::from(agent).example(Some(example.into()));
        vec![
            agent.build(),
            header(
                "sec-ch-ua-platform",
                "The system; goes before `user-agent`.",
            ),
            header("sec-ch-ua-arch", "The processor: `x86` or `arm`."),
            header("sec-ch-ua-bitness", "How wide it is: `64`."),
            header("sec-ch-ua-mobile", "`?1`, for which there is nothing."),
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
