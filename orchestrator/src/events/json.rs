//! Events for programs.

use super::{Event, Reporter, print_line};
use crate::progress::{EVENT_INTERVAL, Throttle};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// One JSON object a line on standard output, and nothing else there.
#[derive(Debug, Default)]
pub struct JsonReporter {
    progress: Mutex<Option<Throttle>>,
}

impl Reporter for JsonReporter {
    fn event(&self, event: Event) {
        let Ok(line) = serde_json::to_string(&event) else {
            tracing::error!("an event could not be written as JSON");
            return;
        };
        // Also held while a line is written, so that lines do not mix.
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let throttle = progress.get_or_insert(Throttle::new(EVENT_INTERVAL));
        let passes = matches!(event, Event::Progress { .. } | Event::Transfer(_));
        if !passes || throttle.lets(Instant::now()) {
            print_line(&line);
        }
    }
}
