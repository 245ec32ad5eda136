//! The log on stderr.

use hub::StatementTimes;
use std::io::IsTerminal as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Starts the log, and the clock for the catalogue's statements. Of other crates only what is wrong
/// is written: what they say at finer levels can hold whole requests.
pub(super) fn start(verbose: u8, format: LogFormat) -> StatementTimes {
    let level = match verbose {
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = Targets::new()
        .with_target("hub", level)
        .with_target("atlas_hub", level)
        .with_default(LevelFilter::WARN);
    let statements = StatementTimes::default();
    let timed = Targets::new().with_target(StatementTimes::TARGET, LevelFilter::DEBUG);
    let registry = tracing_subscriber::registry().with(statements.clone().with_filter(timed));
    // Where nobody reads it any more there is nobody to complain to, and no reason to fail.
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    match format {
        LogFormat::Human => {
            let lines = lines.with_ansi(std::io::stderr().is_terminal());
            registry.with(lines.with_filter(filter)).init();
        }
        LogFormat::Json => registry.with(lines.json().with_filter(filter)).init(),
    }
    statements
}
