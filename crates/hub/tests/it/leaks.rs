//! No secret in any log: every test's Hub is listened to at its most talkative, and what a real
//! `atlas-hub` has written is read, whatever the test is about.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What every token begins with, and how many digits are too many to be its public prefix.
const TOKENS: [&str; 4] = ["atlas_app_", "atlas_pack_", "atlas_admin_", "atlas_user_"];
const TELLING: usize = 20;

static START: Once = Once::new();
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The first secret in a text: a token, or what makes an upload's address one.
pub fn secret(text: &str) -> Option<&str> {
    let token = TOKENS.iter().find_map(|prefix| {
        text.match_indices(prefix).find_map(|(at, _)| {
            let rest = &text[at + prefix.len()..];
            let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
            (digits >= TELLING).then(|| &text[at..at + prefix.len() + digits])
        })
    });
    let address = ["signature=", "Signature="];
    token.or_else(|| {
        let at = address.iter().find_map(|name| text.find(name))?;
        Some(&text[at..])
    })
}

/// Fails where a text holds a secret.
pub fn assert_none(text: &str) {
    let found = secret(text);
    assert!(found.is_none(), "{found:?} in: {text}");
}

/// Listens to the Hubs in this process; fails when it is dropped if one has told a secret.
#[derive(Debug)]
pub struct Watch(());

impl Watch {
    pub fn begin() -> Self {
        START.call_once(|| {
            // As `atlas-hub -vv` does it.
            let filter = Targets::new()
                .with_target("hub", LevelFilter::TRACE)
                .with_default(LevelFilter::WARN);
            let lines = tracing_subscriber::fmt::layer().with_writer(|| Lines);
            let lines = lines.with_ansi(false).with_filter(filter);
            tracing_subscriber::registry().with(lines).init();
        });
        Self(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(found().is_empty(), "secrets in the log: {:?}", found());
        }
    }
}

/// Takes one line at a time, as the log writes them.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if secret(&text).is_some() {
            found().push(text.into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn found() -> MutexGuard<'static, Vec<String>> {
    FOUND.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_secret_in_the_log_is_noticed() {
    let watch = Watch::begin();
    let digits = "0123456789abcdef".repeat(4);
    tracing::warn!("atlas_app_01234567 is a prefix, {digits} a digest");
    assert!(found().is_empty());
    for prefix in TOKENS {
        tracing::warn!("not atlas_app_ but {prefix}{digits}.");
    }
    tracing::warn!("PUT /artifacts/x?expires=1&signature=1");
    tracing::warn!("PUT /uploads/x?X-Amz-Expires=1&X-Amz-Signature=1");
    assert_eq!(found().len(), TOKENS.len() + 2);
    let dropped = std::panic::catch_unwind(move || drop(watch));
    assert!(dropped.is_err());
    found().clear();
}
