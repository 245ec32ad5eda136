//! What a run tells while it works: events, and the reporters that show them to a person or write
//! them for a program.

use crate::doctor::{Report, SetupPlan};
use crate::job_env::{JobEnv, Shell, render};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::progress::{EVENT_INTERVAL, Meter, Throttle, Units};
use crate::publish::{LastFile, StagedOnHub};
use crate::receipt::Receipt;
use crate::reproduce::Reproduction;
use crate::text::harmless;
use crate::toolchain::CacheUse;
use release_types::{Platform, ProductName, Sha256Digest};
use serde::Serialize;
use std::cmp::Ordering;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{self, AtomicBool};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// One thing that happened, or a result. In JSON, one object a line with its name in `event`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A stage has begun.
    Stage {
        /// Its name.
        stage: &'static str,
        /// What it works on.
        what: String,
    },
    /// Something a person may want to know.
    Note {
        /// One sentence.
        message: String,
    },
    /// Something a person should know.
    Warning {
        /// One sentence.
        message: String,
    },
    /// A tool that is used.
    Tool {
        /// Its name.
        name: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What it calls its version.
        version: String,
        /// Whether this run installed it.
        installed: bool,
    },
    /// A line that cargo wrote for people.
    Cargo {
        /// The line.
        line: String,
    },
    /// How far cargo is.
    Progress {
        /// Units done.
        done: u64,
        /// Units there are.
        total: u64,
        /// What is being compiled.
        crates: Vec<String>,
        /// How long cargo has been running.
        seconds: u64,
    },
    /// What the compiler cache was good for in this build.
    Cache(CacheUse),
    /// A file that was built, checked and staged.
    Built {
        /// The product.
        product: ProductName,
        /// The staged file.
        path: PathBuf,
        /// Bytes.
        size: u64,
        /// Its digest.
        sha256: Sha256Digest,
        /// The file of the same name in the newest release, when the Hub has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<LastFile>,
    },
    /// A file is stored.
    Uploaded {
        /// Its key.
        key: String,
        /// Bytes.
        size: u64,
        /// Its digest.
        sha256: Sha256Digest,
        /// Whether it was there already, so that nothing was sent.
        unchanged: bool,
    },
    /// A platform of a product is registered.
    Registered {
        /// The product.
        product: ProductName,
        /// The platform.
        platform: Platform,
        /// Whether it was so already, so that nothing was sent.
        unchanged: bool,
    },
    /// A file was read back and is what was built.
    Verified {
        /// The product.
        product: ProductName,
        /// The platform.
        platform: Platform,
        /// Its name.
        filename: String,
        /// Its digest.
        sha256: Sha256Digest,
    },
    /// What this machine has of what it needs.
    Doctor(Box<Report>),
    /// What `setup` would do.
    Setup(Box<SetupPlan>),
    /// The environment for other steps of a job.
    Env(Box<JobEnv>),
    /// What a run would do.
    Plan(Box<Plan>),
    /// What was uploaded and is not shown.
    Staged(Box<StagedOnHub>),
    /// What was published and proven.
    Receipt(Box<Receipt>),
    /// Whether a build came out the same.
    Reproduction(Box<Reproduction>),
    /// The embedded Hub is ready.
    Listening {
        /// Its address.
        url: String,
    },
    /// The run failed.
    Error {
        /// The exit code.
        code: u8,
        /// What failed, with its causes.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// What a command about channels, tokens or packs has done; an event of its own name.
    #[serde(untagged)]
    Outcome(Box<Outcome>),
}

/// Takes events.
pub trait Reporter: Send + Sync {
    /// Shows or writes one.
    fn event(&self, event: Event);

    /// A stage has begun.
    fn stage(&self, stage: &'static str, what: String) {
        self.event(Event::Stage { stage, what });
    }

    /// Something a person should know.
    fn warn(&self, message: String) {
        self.event(Event::Warning { message });
    }

    /// Progress is at its end for now, whatever comes next.
    fn progress_ended(&self) {}

    /// Something a person may want to know.
    fn note(&self, message: String) {
        self.event(Event::Note { message });
    }
}

/// Lines for people: narrative on standard error, results on standard output.
#[derive(Debug)]
pub struct HumanReporter {
    meter: Mutex<Meter>,
}

impl HumanReporter {
    /// One that draws over a line of progress, or one that only adds lines.
    pub const fn new(redraws: bool) -> Self {
        Self {
            meter: Mutex::new(Meter::new(redraws)),
        }
    }
}

impl Default for HumanReporter {
    fn default() -> Self {
        Self::new(false)
    }
}

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
        if !matches!(event, Event::Progress { .. }) || throttle.lets(Instant::now()) {
            print_line(&line);
        }
    }
}

impl Reporter for HumanReporter {
    fn progress_ended(&self) {
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        meter.end();
    }

    fn event(&self, event: Event) {
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Progress {
                done,
                total,
                crates,
                seconds,
            } => {
                let units = Units {
                    done,
                    total,
                    crates,
                };
                if let Some(line) = meter.show(&units, seconds) {
                    tell(&line);
                }
            }
            event => meter.aside(|| show(event)),
        }
    }
}

/// Shows anything but progress.
fn show(event: Event) {
    match event {
        Event::Progress { .. } => {}
        Event::Cache(usage) => tell(&format!("{:>12} {usage}", "sccache")),
        Event::Stage { stage, what } => tell(&format!("{stage:>12} {what}")),
        Event::Note { message } => tell(&format!("{:>12} {message}", "note")),
        Event::Warning { message } => tell(&format!("warning: {message}")),
        Event::Tool {
            name,
            path,
            version,
            installed,
        } => {
            let how = if installed {
                ", installed just now"
            } else {
                ""
            };
            tell(&format!("{name:>12} {version} ({}{how})", path.display()));
        }
        Event::Cargo { line } => tell(&line),
        Event::Built {
            path,
            size,
            sha256,
            last,
            ..
        } => tell(&format!(
            "{:>12} {} {size} bytes{}, sha256 {sha256}",
            "built",
            path.display(),
            last.map(|last| change(size, &last)).unwrap_or_default()
        )),
        Event::Uploaded {
            key,
            size,
            unchanged,
            ..
        } => {
            let what = if unchanged { "unchanged" } else { "uploaded" };
            tell(&format!("{what:>12} {key} ({size} bytes)"));
        }
        Event::Registered {
            product,
            platform,
            unchanged,
        } => {
            let what = if unchanged { "unchanged" } else { "registered" };
            tell(&format!("{what:>12} {product} for {platform}"));
        }
        Event::Verified {
            filename, sha256, ..
        } => tell(&format!(
            "{:>12} {filename} read back, sha256 {sha256}",
            "verified"
        )),
        Event::Doctor(report) => print_line(&harmless(&report.to_string())),
        Event::Setup(plan) => print_line(&harmless(&plan.to_string())),
        // Its forms are for shells and programs; a person is shown the plainest of them.
        Event::Env(env) => print_line(&render(&env, Shell::Sh)),
        Event::Plan(plan) => print_line(&harmless(&plan.to_string())),
        Event::Staged(staged) => print_line(&harmless(&staged.to_string())),
        Event::Receipt(receipt) => print_line(&harmless(&receipt.to_string())),
        Event::Reproduction(found) => print_line(&harmless(&found.to_string())),
        Event::Outcome(outcome) => print_line(&harmless(&outcome.to_string())),
        Event::Listening { url } => print_line(&format!("listening on {url}")),
        Event::Error { message, hint, .. } => {
            tell(&format!("error: {message}"));
            if let Some(hint) = hint {
                tell(&format!("hint: {hint}"));
            }
        }
    }
}

/// How a size differs from that of the last published file.
fn change(size: u64, last: &LastFile) -> String {
    let LastFile {
        version,
        size: before,
    } = last;
    match size.cmp(before) {
        Ordering::Equal => format!(" (unchanged since {version})"),
        Ordering::Greater | Ordering::Less => {
            let (sign, bytes) = match size.checked_sub(*before) {
                Some(more) => ('+', more),
                None => ('-', before - size),
            };
            // What is shown is rounded; sizes of files are far below what a double holds exactly.
            let percent = bytes as f64 * 100.0 / (*before).max(1) as f64;
            format!(" ({sign}{bytes}, {sign}{percent:.1} % since {version})")
        }
    }
}

/// Whether data could not be written for another reason than that nobody reads it any more.
static DATA_LOST: AtomicBool = AtomicBool::new(false);

/// Whether something that belongs on standard output was lost, on a full disk for instance.
pub fn data_was_lost() -> bool {
    DATA_LOST.load(atomic::Ordering::Relaxed)
}

/// Writes a line of data. A reader that has gone away is not this program's failure.
pub(crate) fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        tracing::debug!(%error, "standard output cannot be written");
        DATA_LOST.store(true, atomic::Ordering::Relaxed);
    }
}

/// Writes a line of narrative.
pub(crate) fn tell(line: &str) {
    if let Err(error) = writeln!(std::io::stderr().lock(), "{}", harmless(line)) {
        tracing::debug!(%error, "standard error is closed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_compared() {
        let last = |size| LastFile {
            version: "1.3.0".to_owned(),
            size,
        };
        assert_eq!(change(100, &last(100)), " (unchanged since 1.3.0)");
        assert_eq!(change(110, &last(100)), " (+10, +10.0 % since 1.3.0)");
        assert_eq!(change(999, &last(1000)), " (-1, -0.1 % since 1.3.0)");
        assert_eq!(change(5, &last(0)), " (+5, +500.0 % since 1.3.0)");
    }
}
