//! What every request passes: it gets an id, it is counted, limited, and written to the log in one
//! line.
//!
//! The log names the route's template and not the path, since a path holds what clients put there.

use super::error::ApiError;
use super::page;
use super::unread::{self, Rest};
use crate::HubConfig;
use crate::context::{self, RequestContext};
use crate::limits::{Gatekeeper, Refusal};
use crate::metrics::{Call, InFlight, Metrics};
use crate::peer::{Peer, Proxies};
use crate::token::random_id;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use hyper::body::{Frame, SizeHint};
use prometheus_client::metrics::counter::Counter;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tracing::Instrument as _;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a client: shorter than every token.
const MAX_REQUEST_ID: usize = 64;

/// What no limit holds back: who asks whether the Hub is well must not be told that it is busy.
const UNLIMITED: [&str; 2] = ["/healthz", "/readyz"];

/// What requests are counted and limited by.
#[derive(Debug)]
pub(super) struct Gate {
    metrics: Arc<Metrics>,
    keeper: Gatekeeper,
    proxies: Proxies,
    /// How long a body that nobody wants may take.
    body_timeout: Duration,
}

impl Gate {
    pub(super) fn new(metrics: Arc<Metrics>, config: &HubConfig) -> Self {
        Self {
            metrics,
            keeper: Gatekeeper::new(&config.limits),
            proxies: Proxies::new(&config.trusted_proxies),
            body_timeout: config.body_timeout,
        }
    }
}

/// The middleware.
pub(super) async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let peer = request.extensions().get::<Peer>();
    let peer = peer.map(|Peer(address)| gate.proxies.client(address.ip(), request.headers()));
    let context = Arc::new(RequestContext::new(request_id(request.headers()), peer));
    let span = tracing::info_span!("request", id = %context.id);
    context::within(
        context.clone(),
        answer(&gate, &context, started, request, next),
    )
    .instrument(span)
    .await
}

async fn answer(
    gate: &Gate,
    context: &RequestContext,
    started: Instant,
    request: Request,
    next: Next,
) -> Response {
    let call = Call {
        method: known(request.method()),
        route: request
            .extensions()
            .get::<MatchedPath>()
            .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned()),
    };
    let in_flight = gate.metrics.begin(&call);
    let received = gate.metrics.received(&call);
    let (head, body) = request.into_parts();
    let body = Body::new(Counted::new(body, received, None));
    let (body, unread) = unread::lend(body, &head.headers);
    let request = Request::from_parts(head, body);
    let upload = request.method() == Method::PUT;
    let by_person = page::is_for_people(&call.route, request.headers());
    let admitted = match UNLIMITED.contains(&call.route.as_str()) {
        true => Ok(()),
        false => gate
            .keeper
            .admit(context.peer, request.headers(), upload)
            .map(|turn| context.begin(turn)),
    };
    let mut response = match admitted {
        Ok(()) if !is_encoded(request.headers()) => next.run(request).await,
        Ok(()) => {
            let message = "compressed bodies are not taken; send the bytes as they are";
            drop(request);
            ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).into_response()
        }
        Err(refusal) => {
            let (reason, error) = refused(refusal);
            gate.metrics.refused(reason);
            drop(request);
            error.into_response()
        }
    };
    if by_person {
        response = page::told_to_people(response);
    }
    if let Some(unread) = unread
        && unread.discard(response.status(), gate.body_timeout).await == Rest::Unwanted
    {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    context.pause();
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&context.id) {
        headers.insert(REQUEST_ID, id);
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    gate.metrics.answered(&call, status, took);
    tracing::info!(
        method = call.method,
        route = call.route,
        status,
        ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        from = context.peer.map(tracing::field::display),
        "request"
    );
    let sent = gate.metrics.sent(&call);
    response.map(|body| Body::new(Counted::new(body, sent, Some(in_flight))))
}

fn refused(refusal: Refusal) -> (&'static str, ApiError) {
    let too_many = |message: &str, wait| {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, message).retry_after(wait)
    };
    match refusal {
        Refusal::Busy => ("busy", ApiError::busy()),
        Refusal::Peer(wait) => (
            "peer",
            too_many("too many requests come from this address", wait),
        ),
        Refusal::Credential(wait) => (
            "credential",
            too_many("this credential makes too many requests", wait),
        ),
    }
}

/// Nothing is ever unpacked, so nothing can unpack to more than it is. Whether the way here was
/// packed too: of several codings hyper undoes the last, `chunked`, and passes the rest on as it came.
fn is_encoded(headers: &HeaderMap) -> bool {
    let is = |value: &HeaderValue, coding: &str| {
        let value = value.as_bytes().trim_ascii();
        value.eq_ignore_ascii_case(coding.as_bytes())
    };
    let mut content = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut transfer = headers.get_all(header::TRANSFER_ENCODING).iter();
    content.any(|coding| !is(coding, "identity"))
        || transfer.next().is_some_and(|coding| !is(coding, "chunked"))
        || transfer.next().is_some()
}

/// The client's own id where it is harmless in a log, or else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let is_clean = |id: &&str| {
        (1..=MAX_REQUEST_ID).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    };
    let given = headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    match given.filter(is_clean) {
        Some(id) => id.to_owned(),
        None => random_id().unwrap_or_else(|_| "none".to_owned()),
    }
}

/// The name of a method that this Hub knows.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// A body whose bytes are counted as they pass.
struct Counted {
    body: Body,
    counter: Counter,
    /// Held until the body is gone.
    _in_flight: Option<InFlight>,
}

impl Counted {
    fn new(body: Body, counter: Counter, in_flight: Option<InFlight>) -> Self {
        Self {
            body,
            counter,
            _in_flight: in_flight,
        }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.counter.inc_by(data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_from_a_client_when_it_is_clean_and_short() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(text).unwrap());
            request_id(&headers)
        };
        let longest = "x".repeat(64);
        for good in ["a", "0b5e-4.A", &longest] {
            assert_eq!(of(good), *good);
        }
        let too_long = "x".repeat(65);
        for bad in ["", "a b", "a_b", "a\"b", "a%0ab", "{}", &too_long] {
            let made = of(bad);
            assert_ne!(made, bad);
            assert_eq!(made.len(), 32, "{bad}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }

    #[test]
    fn a_token_makes_no_id() {
        use secrecy::ExposeSecret as _;
        let token = crate::token::NewToken::draw(crate::token::TokenKind::App).unwrap();
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(token.secret.expose_secret()).unwrap();
        headers.insert(REQUEST_ID, value);
        assert!(!token.secret.expose_secret().contains(&request_id(&headers)));
    }
}
