//! Events for people: narrative on standard error, results on standard output.

use super::github::{self, END_GROUP};
use super::{Event, Reporter, print_line, tell};
use crate::job_env::{Shell, render};
use crate::progress::{Meter, Units};
use crate::publish::LastFile;
use crate::receipt::Receipt;
use crate::sign::SignatureState;
use crate::text::{harmless, told};
use process::Env;
use secrecy::{ExposeSecret as _, SecretString};
use std::cmp::Ordering;
use std::sync::{Mutex, PoisonError};

/// Who reads the lines with the person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Style {
    /// Nobody.
    #[default]
    Plain,
    /// GitHub Actions: stages can be folded, and what matters becomes an annotation.
    Job,
}

impl Style {
    /// By the environment of the run.
    pub fn of(env: &Env) -> Self {
        match env.get("GITHUB_ACTIONS").is_some_and(|v| v == "true") {
            true => Self::Job,
            false => Self::Plain,
        }
    }

    /// Tells a line that commands nothing.
    fn tell(self, text: &str) {
        match self {
            Self::Plain => tell(text),
            Self::Job => tell(&github::inert(text)),
        }
    }

    /// Prints a result for people.
    fn print(self, text: &str) {
        let text = harmless(text);
        match self {
            Self::Plain => print_line(&text),
            Self::Job => print_line(&github::inert(&text)),
        }
    }

    /// Tells something that becomes an annotation in a job.
    fn annotate(self, kind: &str, message: &str) {
        match self {
            Self::Plain => tell(&format!("{kind}: {message}")),
            Self::Job => {
                if !github::fits(message) {
                    self.tell(message);
                }
                tell(&github::annotation(kind, message));
            }
        }
    }
}

/// Keeps a secret out of what GitHub shows and keeps of a job's output, from this line on. Anywhere else
/// nobody would act on such a line, so it is not written.
pub(crate) fn hide(env: &Env, secret: &SecretString) {
    if Style::of(env) == Style::Job {
        tell(&github::mask(secret.expose_secret()));
    }
}

/// Lines for people: narrative on standard error, results on standard output.
#[derive(Debug)]
pub struct HumanReporter {
    style: Style,
    shown: Mutex<Shown>,
}

#[derive(Debug)]
struct Shown {
    meter: Meter,
    /// Whether a stage's part of a job's log has begun.
    in_group: bool,
}

impl HumanReporter {
    /// One that draws over a line of progress, or one that only adds lines.
    pub const fn new(redraws: bool, style: Style) -> Self {
        Self {
            style,
            shown: Mutex::new(Shown {
                meter: Meter::new(redraws),
                in_group: false,
            }),
        }
    }
}

impl Default for HumanReporter {
    fn default() -> Self {
        Self::new(false, Style::Plain)
    }
}

impl Reporter for HumanReporter {
    fn progress_ended(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.meter.end();
    }

    fn event(&self, event: Event) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Shown { meter, in_group } = &mut *shown;
        let line = match event {
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
                meter.show(&units, seconds)
            }
            Event::Transfer(transfer) => meter.show_transfer(&transfer),
            event => {
                meter.aside(|| show(event, self.style, in_group));
                None
            }
        };
        if let Some(line) = line {
            self.style.tell(&line);
        }
    }
}

/// Shows anything but progress.
fn show(event: Event, style: Style, in_group: &mut bool) {
    let tell = |text: &str| style.tell(text);
    match event {
        Event::Progress { .. } | Event::Transfer(_) => {}
        Event::Cache(usage) => tell(&format!("{:>12} {usage}", "sccache")),
        Event::Stage { stage, what } => match style {
            Style::Plain => tell(&format!("{stage:>12} {what}")),
            Style::Job => {
                end_group(style, in_group);
                super::tell(&github::group(&format!("{stage} {what}")));
                *in_group = true;
            }
        },
        Event::Note { message } => tell(&format!("{:>12} {message}", "note")),
        Event::Warning { message } => style.annotate("warning", &message),
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
        Event::Problem {
            path,
            line,
            column,
            message,
        } => tell(&format!(
            "{}:{line}:{column}: {}",
            path.display(),
            told(&message)
        )),
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
        Event::Signature {
            path,
            key_id,
            state,
            why,
            ..
        } => {
            let what = match state {
                SignatureState::Made => "signed",
                SignatureState::Remade => "signed anew",
                SignatureState::Kept => "kept",
                SignatureState::Checked => "checked",
                SignatureState::Unchecked => "unchecked",
            };
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            tell(&format!("{what:>12} {}, key {key_id}{why}", path.display()));
        }
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
        Event::Doctor(report) => style.print(&report.to_string()),
        Event::Setup(plan) => style.print(&plan.to_string()),
        // Its forms are for shells and programs; a person is shown the plainest of them.
        Event::Env(env) => print_line(&render(&env, Shell::Sh)),
        Event::Plan(plan) => style.print(&plan.to_string()),
        Event::Staged(staged) => {
            end_group(style, in_group);
            style.print(&staged.to_string());
        }
        Event::Receipt(receipt) => {
            end_group(style, in_group);
            style.print(&receipt.to_string());
            proven(style, &receipt, "read back and verified");
        }
        Event::Sample(sample) => {
            end_group(style, in_group);
            style.print(&sample.to_string());
            let how = format!("{} of {} files read back", sample.read, sample.of);
            proven(style, &sample.found, &how);
        }
        Event::Reproduction(found) => style.print(&found.to_string()),
        Event::Outcome(outcome) => {
            end_group(style, in_group);
            style.print(&outcome.to_string());
        }
        Event::Listening { url } => print_line(&format!("listening on {url}")),
        Event::Error { message, hint, .. } => {
            // What is folded away is not seen; who tells of the end need not have begun the group.
            *in_group |= style == Style::Job;
            end_group(style, in_group);
            match (style, hint) {
                (Style::Job, Some(hint)) => {
                    style.annotate("error", &format!("{message}\nhint: {hint}"));
                }
                (_, hint) => {
                    style.annotate("error", &message);
                    if let Some(hint) = hint {
                        tell(&format!("hint: {hint}"));
                    }
                }
            }
        }
    }
}

fn end_group(style: Style, in_group: &mut bool) {
    if style == Style::Job && std::mem::take(in_group) {
        tell(END_GROUP);
    }
}

/// In a job, one annotation for what its log shows at length.
fn proven(style: Style, receipt: &Receipt, how: &str) {
    if style == Style::Job {
        style.annotate("notice", &format!("{}: {how}", receipt.subject()));
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
