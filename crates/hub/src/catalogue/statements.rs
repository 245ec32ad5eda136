//! What the catalogue asks its database in a test, by what sqlx logs of it.

use std::sync::{Mutex, Once, PoisonError};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Seeing;

impl<S: tracing::Subscriber> Layer<S> for Seeing {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{value:?}\n"));
            }
        }
        if event.metadata().target() == "sqlx::query" {
            let mut text = Text(String::new());
            event.record(&mut text);
            let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(text.0);
        }
    }
}

/// Sees every statement of this process from now on.
pub(super) fn watch() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let layer = tracing_subscriber::registry().with(Seeing);
        tracing::subscriber::set_global_default(layer).unwrap();
    });
}

/// How many statements have had these words.
pub(super) fn count(words: &str) -> usize {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.iter().filter(|text| text.contains(words)).count()
}
