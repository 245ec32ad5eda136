//! The summary of a run that failed: what failed, and what is in place all the same.

use super::escaped;
use crate::events::Event;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// How much of an error is shown, in characters.
const LONGEST: usize = 8000;

/// How many files are named.
const NAMED: usize = 100;

/// What a run has told so far of what it has changed.
#[derive(Debug, Default)]
pub(super) struct SoFar {
    /// What it was doing last.
    stage: Option<String>,
    /// Which kind of change it has begun, if any.
    changing: Option<Changing>,
    stored: BTreeSet<String>,
    registered: BTreeSet<String>,
    read_back: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changing {
    /// Files are uploaded and registered, of which there are events.
    Publishing,
    /// The Hub is asked to change what it has, of which there need not be any.
    Asking,
}

impl SoFar {
    /// Takes note of an event.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Stage { stage, what } => {
                self.stage = Some(format!("{stage} {what}"));
                self.changing = match *stage {
                    "publishing" | "staging" => Some(Changing::Publishing),
                    "promoting" | "yanking" | "unyanking" | "rolling back" => {
                        Some(Changing::Asking)
                    }
                    _ => self.changing,
                };
            }
            // What is told twice is one thing.
            Event::Uploaded { key, .. } => drop(self.stored.insert(key.clone())),
            Event::Registered {
                product, platform, ..
            } => drop(self.registered.insert(format!("{product} for {platform}"))),
            Event::Verified { .. } => self.read_back += 1,
            _ => {}
        }
    }

    /// The summary of a failure, as far as there is room; nothing when there is none at all.
    pub(super) fn summary(&self, failure: &Failure<'_>, room: usize) -> Option<String> {
        let mut text = String::from("### Failed");
        if let Some(stage) = &self.stage {
            text += &format!(": {}", escaped(stage));
        }
        text += &format!(
            "\n\nExit code {}.\n\n<pre>{}</pre>\n",
            failure.code,
            preformatted(failure.message)
        );
        if let Some(hint) = failure.hint {
            text += &format!("\nWhat to do: {}\n", escaped(hint));
        }
        text += &format!("\n{}\n", self.what_is_in_place());
        if text.len() > room {
            return None;
        }
        // What is named at length goes where there is room for it.
        for (what, names) in [("Registered", &self.registered), ("Uploaded", &self.stored)] {
            let list = listed(what, names);
            if text.len() + list.len() <= room {
                text += &list;
            }
        }
        Some(text)
    }

    fn what_is_in_place(&self) -> String {
        let Some(changing) = self.changing else {
            return "No release was changed on a Hub.".to_owned();
        };
        let seen = match (changing, self.registered.len()) {
            (Changing::Publishing, 0) => {
                "As far as this run knows nothing is registered, so nobody sees anything of it."
            }
            (Changing::Asking, 0) => "What the Hub had done by then is not known here.",
            (_, 1) => "One platform is registered, so users may see it.",
            _ => "What is registered users may see.",
        };
        let files = |number: usize| match number {
            1 => "1 file is".to_owned(),
            number => format!("{number} files are"),
        };
        let mut text = seen.to_owned();
        if changing == Changing::Publishing {
            text += &format!(" {} uploaded", files(self.stored.len()));
            text += &format!(", {} read back.", files(self.read_back));
        }
        text
    }
}

/// What is told of a failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure<'a> {
    pub(super) code: u8,
    pub(super) message: &'a str,
    pub(super) hint: Option<&'a str>,
}

fn listed(what: &str, names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{what}:\n\n");
    for name in names.iter().take(NAMED) {
        text += &format!("- {}\n", escaped(name));
    }
    if let Some(more) = names.len().checked_sub(NAMED).filter(|more| *more > 0) {
        // A String takes all that is written to it.
        writeln!(text, "- and {more} more").ok();
    }
    text
}

/// A text that stands as it is, lines included, and means nothing to HTML.
fn preformatted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (number, c) in text.chars().enumerate() {
        if number == LONGEST {
            shown.push('…');
            break;
        }
        match c {
            '<' => shown += "&lt;",
            '>' => shown += "&gt;",
            '&' => shown += "&amp;",
            // GitHub tells people who are named so.
            '@' => shown += "&#64;",
            '\n' => shown.push('\n'),
            c if c.is_control() => shown.push(' '),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use release_types::{Platform, Sha256Digest};

    const FAILURE: Failure<'_> = Failure {
        code: 7,
        message: "it broke:\n  <b> & @all",
        hint: Some("run the *same* command again"),
    };

    fn stage(stage: &'static str) -> Event {
        let what = "1.0.0 to https://hub.example.com".to_owned();
        Event::Stage { stage, what }
    }

    fn uploaded(number: usize) -> Event {
        Event::Uploaded {
            key: format!("artifacts/alpha/1.0.0/linux/x64/file_{number}"),
            size: 1,
            sha256: Sha256Digest::of(b"1"),
            unchanged: false,
        }
    }

    fn registered() -> Event {
        Event::Registered {
            product: "alpha".parse().unwrap(),
            platform: Platform::ALL[0],
            unchanged: false,
        }
    }

    fn after(events: &[Event]) -> String {
        let mut so_far = SoFar::default();
        for event in events {
            so_far.note(event);
        }
        so_far.summary(&FAILURE, 100_000).unwrap()
    }

    #[test]
    fn what_failed_and_what_is_in_place() {
        let all = [
            stage("publishing"),
            uploaded(1),
            uploaded(1),
            uploaded(2),
            registered(),
        ];
        insta::assert_snapshot!(after(&all), @r"
        ### Failed: publishing 1.0.0 to https://hub.example.com

        Exit code 7.

        <pre>it broke:
          &lt;b&gt; &amp; &#64;all</pre>

        What to do: run the \*same\* command again

        One platform is registered, so users may see it. 2 files are uploaded, 0 files are read back.

        Registered:

        - alpha for windows-x64

        Uploaded:

        - artifacts/alpha/1.0.0/linux/x64/file\_1
        - artifacts/alpha/1.0.0/linux/x64/file\_2
        ");
        assert!(after(&[stage("verifying")]).contains("No release was changed on a Hub."));
        let began = after(&[stage("publishing"), uploaded(1)]);
        assert!(
            began.contains("nobody sees anything of it. 1 file is uploaded"),
            "{began}"
        );
        // It goes on to read back, and has changed something all the same.
        let reads = after(&[stage("publishing"), registered(), stage("verifying")]);
        assert!(reads.contains("One platform is registered"), "{reads}");
        let asked = after(&[stage("rolling back")]);
        assert!(asked.contains("What the Hub had done by then is not known here."));
    }

    #[test]
    fn it_fits_however_much_there_is() {
        let mut so_far = SoFar::default();
        so_far.note(&stage("publishing"));
        for number in 0..20_000 {
            so_far.stored.insert(format!("artifacts/{number}"));
        }
        let text = so_far.summary(&FAILURE, 100_000).unwrap();
        assert!(text.ends_with("- and 19900 more\n"), "{text}");
        let short = so_far.summary(&FAILURE, 600).unwrap();
        assert!(short.len() <= 600 && short.contains("20000 files are uploaded"));
        assert_eq!(so_far.summary(&FAILURE, 100), None);
        let long = "é<".repeat(LONGEST);
        let failure = Failure {
            message: &long,
            ..FAILURE
        };
        let text = so_far.summary(&failure, 100_000).unwrap();
        assert!(text.contains("&lt;…</pre>"), "{}", text.len());
    }
}
