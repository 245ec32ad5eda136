//! Figures for Prometheus. Labels are routes, methods and statuses that this crate knows, never a
//! text from a request: neither a secret nor an endless number of series can come from outside.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer};

/// The media type of [`Metrics::render`].
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The ends of the buckets for requests, in seconds.
const REQUEST_SECONDS: [f64; 10] = [0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0];

/// The ends of the buckets for statements, in seconds.
const STATEMENT_SECONDS: [f64; 8] = [0.0001, 0.0005, 0.002, 0.01, 0.05, 0.25, 1.0, 5.0];

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    /// The route's template.
    pub(crate) route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u32,
}

/// The figures of one Hub.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Call, Histogram>,
    in_flight: Family<Call, Gauge>,
    received: Family<Call, Counter>,
    sent: Family<Call, Counter>,
    refused: Family<Refused, Counter>,
    stored: Gauge,
    objects: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    reason: &'static str,
}

impl Metrics {
    pub(crate) fn new(statements: &StatementTimes) -> Self {
        let mut registry = Registry::with_prefix("atlas_hub");
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            in_flight: Family::default(),
            received: Family::default(),
            sent: Family::default(),
            refused: Family::default(),
            stored: Gauge::default(),
            objects: Gauge::default(),
        };
        registry.register("requests", "Answers", metrics.requests.clone());
        registry.register_with_unit(
            "request",
            "Time until the head of the answer",
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests whose answer is not completely sent; PUT of a file is an upload, GET a download",
            metrics.in_flight.clone(),
        );
        registry.register_with_unit(
            "received",
            "Bodies of requests",
            Unit::Bytes,
            metrics.received.clone(),
        );
        registry.register_with_unit(
            "sent",
            "Bodies of answers",
            Unit::Bytes,
            metrics.sent.clone(),
        );
        registry.register(
            "refused",
            "Requests that a limit has refused",
            metrics.refused.clone(),
        );
        registry.register_with_unit(
            "stored",
            "Different bytes that objects have",
            Unit::Bytes,
            metrics.stored.clone(),
        );
        registry.register("objects", "Uploaded objects", metrics.objects.clone());
        registry.register_with_unit(
            "database_statement",
            "Time of the catalogue's statements",
            Unit::Seconds,
            statements.0.clone(),
        );
        metrics.registry = registry;
        metrics
    }

    /// Counts a request as under way until the answer is dropped.
    pub(crate) fn begin(&self, call: &Call) -> InFlight {
        let gauge = self.in_flight.get_or_create_owned(call);
        gauge.inc();
        InFlight(gauge)
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, call: &Call, status: u16, took: Duration) {
        let answered = Answered {
            method: call.method,
            route: call.route.clone(),
            status: status.into(),
        };
        self.requests.get_or_create(&answered).inc();
        self.seconds.get_or_create(call).observe(took.as_secs_f64());
    }

    /// Counts a request that a limit refused.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Refused { reason }).inc();
    }

    /// What counts the bytes of a request's body.
    pub(crate) fn received(&self, call: &Call) -> Counter {
        self.received.get_or_create_owned(call)
    }

    /// What counts the bytes of an answer's body.
    pub(crate) fn sent(&self, call: &Call) -> Counter {
        self.sent.get_or_create_owned(call)
    }

    /// Notes how much is stored.
    pub(crate) fn stored(&self, objects: u64, bytes: u64) {
        self.objects.set(i64::try_from(objects).unwrap_or(i64::MAX));
        self.stored.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// All figures, as [`MEDIA_TYPE`].
    pub(crate) fn render(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// How long the catalogue's statements take, by what sqlx tells the log: a layer for the process's
/// subscriber, and what [`HubConfig::statement_times`](crate::HubConfig::statement_times) shows.
///
/// It reads the time alone, never the statement. Clones share their figures.
#[derive(Debug, Clone)]
pub struct StatementTimes(Histogram);

impl Default for StatementTimes {
    fn default() -> Self {
        Self(Histogram::new(STATEMENT_SECONDS))
    }
}

impl StatementTimes {
    /// The target of the events that this layer needs; their level is `DEBUG`.
    pub const TARGET: &'static str = "sqlx::query";
}

impl<S: tracing::Subscriber> Layer<S> for StatementTimes {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == Self::TARGET {
            event.record(&mut Elapsed(&self.0));
        }
    }
}

struct Elapsed<'h>(&'h Histogram);

impl Visit for Elapsed<'_> {
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.0.observe(value);
        }
    }
}
