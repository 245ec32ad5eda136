//! Progress: what cargo prints of it, read, and how that and transfers of files are shown to a person.

mod transfer;

pub use transfer::{Direction, FileProgress, FileTransfer, Transfer, Transfers};

use crate::text::one_line;
use indicatif::{BinaryBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use process::Env;
use std::time::{Duration, Instant};

/// How wide cargo is to print its progress, in characters: enough for the names of the crates that
/// a machine with many processors compiles at once.
pub const WIDTH: &str = "240";

/// How often a log gets a line of progress at most.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// How often a program gets a progress event at most.
pub(crate) const EVENT_INTERVAL: Duration = Duration::from_secs(1);

/// How far cargo is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units {
    /// Units done.
    pub done: u64,
    /// Units there are.
    pub total: u64,
    /// What is being compiled.
    pub crates: Vec<String>,
}

/// Reads a line such as `Building [=>  ] 12/140: foo, bar(build)`; none when it is no such line.
pub fn parse(line: &str) -> Option<Units> {
    let line = plain(line);
    let rest = line.trim().strip_prefix("Building [")?;
    let (bar, rest) = rest.split_once(']')?;
    if !is_filling(bar) {
        return None;
    }
    let (numbers, names) = match rest.split_once(':') {
        Some((numbers, names)) => (numbers, names),
        None => (rest, ""),
    };
    let (done, total) = numbers.trim().split_once('/')?;
    let mut crates: Vec<String> = Vec::new();
    // A package whose build script is compiled beside its library is named twice.
    for name in names.split(',').map(str::trim) {
        if !name.is_empty() && name != "..." && !crates.iter().any(|known| known == name) {
            crates.push(name.to_owned());
        }
    }
    Some(Units {
        done: done.trim().parse().ok()?,
        total: total.trim().parse().ok()?,
        crates,
    })
}

/// Whether a line is a bar of cargo's of any kind, which is to be drawn over and not kept.
pub fn is_bar(line: &str) -> bool {
    let line = plain(line);
    let line = line.trim();
    if line.is_empty() {
        // What a bar is wiped out with. Diagnostics' empty lines come as nothing at all.
        return true;
    }
    if line.contains(", remaining bytes: ") {
        return true;
    }
    let bar = line.split_once(" [").and_then(|(word, rest)| {
        let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic());
        is_word.then_some(rest.split_once(']')?.0)
    });
    bar.is_some_and(|bar| !bar.is_empty() && is_filling(bar))
}

fn is_filling(bar: &str) -> bool {
    bar.chars().all(|c| matches!(c, '=' | '>' | ' '))
}

/// A line without the colours of a terminal.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            text.push(c);
        } else if chars.next() == Some('[') {
            // A sequence ends with its first letter.
            chars.find(char::is_ascii_alphabetic);
        }
    }
    text
}

/// Lets something through once in a while.
#[derive(Debug)]
pub(crate) struct Throttle {
    every: Duration,
    last: Option<Instant>,
}

impl Throttle {
    pub(crate) const fn new(every: Duration) -> Self {
        Self { every, last: None }
    }

    /// One that waits also before the first time.
    pub(crate) fn after_a_while(every: Duration) -> Self {
        Self {
            every,
            last: Some(Instant::now()),
        }
    }

    /// Whether it is time again.
    pub(crate) fn lets(&mut self, now: Instant) -> bool {
        let due = self
            .last
            .is_none_or(|last| now.duration_since(last) >= self.every);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// Whether progress may be drawn over: on a terminal that can do that and whose output is not kept.
pub fn may_redraw(is_terminal: bool, env: &Env) -> bool {
    is_terminal && !env.is_set("CI") && env.get("TERM").is_none_or(|term| term != "dumb")
}

/// How progress is shown to a person.
#[derive(Debug)]
pub(crate) enum Meter {
    /// A line each ten seconds.
    Log(Option<Throttle>),
    /// One line that is drawn over; it exists while something is built or transferred.
    Bar(Option<ProgressBar>),
}

impl Meter {
    pub(crate) const fn new(redraws: bool) -> Self {
        match redraws {
            true => Self::Bar(None),
            false => Self::Log(None),
        }
    }

    /// Shows how far a build is, or returns the line that is to be told instead.
    pub(crate) fn show(&mut self, units: &Units, seconds: u64) -> Option<String> {
        match self {
            Self::Log(throttle) => log_is_due(throttle).then(|| line(units, seconds)),
            Self::Bar(bar) => {
                let bar = bar.get_or_insert_with(|| new_bar(COMPILING, seconds));
                bar.set_length(units.total);
                bar.set_position(units.done);
                bar.set_message(units.crates.join(", "));
                None
            }
        }
    }

    /// The same for transfers.
    pub(crate) fn show_transfer(&mut self, transfer: &Transfer) -> Option<String> {
        match self {
            Self::Log(throttle) => log_is_due(throttle).then(|| transfer_line(transfer)),
            Self::Bar(bar) => {
                let bar = bar.get_or_insert_with(|| new_bar(TRANSFERRING, 0));
                bar.set_message(transfer_line(transfer));
                None
            }
        }
    }

    /// Tells something without spoiling the line.
    pub(crate) fn aside(&self, tell: impl FnOnce()) {
        match self {
            Self::Bar(Some(bar)) => bar.suspend(tell),
            Self::Bar(None) | Self::Log(_) => tell(),
        }
    }

    /// Nothing is under way any more.
    pub(crate) fn end(&mut self) {
        match self {
            Self::Bar(bar) => {
                if let Some(bar) = bar.take() {
                    bar.finish_and_clear();
                }
            }
            Self::Log(throttle) => *throttle = None,
        }
    }
}

fn log_is_due(throttle: &mut Option<Throttle>) -> bool {
    let throttle = throttle.get_or_insert_with(|| Throttle::after_a_while(LOG_INTERVAL));
    throttle.lets(Instant::now())
}

const COMPILING: &str = "   compiling [{bar:24}] {pos}/{len} {elapsed}  {wide_msg}";

/// The message alone, which is cut where the terminal ends: a line that wraps would flicker.
const TRANSFERRING: &str = "{wide_msg}";

fn new_bar(template: &str, seconds: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_elapsed(Duration::from_secs(seconds));
    // No colours, so that NO_COLOR has nothing to switch off.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// How far transfers are, with what matters most at the front.
fn transfer_line(transfer: &Transfer) -> String {
    let what = match transfer.direction {
        Direction::Upload => "uploading",
        Direction::ReadBack => "reading back",
    };
    let mut text = format!(
        "{what:>12} {} %, {} of {}",
        percent(transfer.done, transfer.total),
        BinaryBytes(transfer.done),
        BinaryBytes(transfer.total)
    );
    if let Some(rate) = transfer.rate {
        text += &format!(", {}/s", BinaryBytes(rate));
    }
    if let Some(left) = transfer.seconds_left {
        text += &format!(", {:#} left", HumanDuration(Duration::from_secs(left)));
    }
    text += &format!(", {} of {} files", transfer.files_done, transfer.files);
    let active = transfer.active.iter().map(|file| {
        let name = file.key.rsplit('/').next().unwrap_or(&file.key);
        format!("{name} {} %", percent(file.done, file.total))
    });
    let active: Vec<String> = active.collect();
    if !active.is_empty() {
        text += &format!(", now {}", active.join(", "));
    }
    // Names in it can be a Hub's.
    one_line(&text)
}

fn percent(done: u64, total: u64) -> u64 {
    match total {
        // Nothing is whole at once.
        0 => 100,
        // Never 100 before the end.
        total => u64::try_from(u128::from(done) * 100 / u128::from(total)).unwrap_or(100),
    }
}

/// A line for a log.
fn line(units: &Units, seconds: u64) -> String {
    let Units { done, total, .. } = units;
    let mut text = format!("{:>12} {done} of {total} after {seconds} s", "compiled");
    if !units.crates.is_empty() {
        text += &format!(", now {}", units.crates.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_prints_is_read() {
        let lines = [
            "    Building [                             ] 0/4: c1                       ",
            "    Building [======>                      ] 12/140: foo, bar(build), baz(bin)",
            "    Building [=====================>       ] 3/4: pf(bin), ...   ",
            "\u{1b}[1m\u{1b}[96m    Building\u{1b}[0m [=> ] 1/2: a\u{1b}[K",
            "    Building [=======================>     ] 139/140",
            // No progress.
            "   Compiling c2 v0.1.0 (/w/c2)",
            "warning: `Building [` is no bar",
            "    Building [=x ] 1/2: a",
        ];
        let read: Vec<String> = lines
            .iter()
            .map(|text| match parse(text) {
                Some(units) => line(&units, 7).trim().to_owned(),
                None => "-".to_owned(),
            })
            .collect();
        insta::assert_snapshot!(read.join("\n"), @r"
        compiled 0 of 4 after 7 s, now c1
        compiled 12 of 140 after 7 s, now foo, bar(build), baz(bin)
        compiled 3 of 4 after 7 s, now pf(bin)
        compiled 1 of 2 after 7 s, now a
        compiled 139 of 140 after 7 s
        -
        -
        -
        ");
    }

    #[test]
    fn what_matters_most_of_transfers_stands_at_the_front() {
        let mib = 1024 * 1024;
        let mut transfer = Transfer {
            direction: Direction::Upload,
            done: 12 * mib + 300_000,
            total: 64 * mib,
            files_done: 3,
            files: 16,
            rate: None,
            seconds_left: None,
            active: Vec::new(),
        };
        let mut lines = vec![transfer_line(&transfer)];
        transfer.direction = Direction::ReadBack;
        (transfer.rate, transfer.seconds_left) = (Some(8 * mib), Some(7));
        let active = [
            ("a/v/alpha-linux-x64", mib, 2 * mib),
            ("b\n\u{1b}[2J", 0, 0),
        ];
        transfer.active = active
            .map(|(key, done, total)| FileProgress {
                key: key.to_owned(),
                done,
                total,
            })
            .into();
        lines.push(transfer_line(&transfer));
        (transfer.rate, transfer.seconds_left) = (Some(0), None);
        transfer.done = transfer.total - 1;
        transfer.active.truncate(1);
        lines.push(transfer_line(&transfer));
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_start()).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        uploading 19 %, 12.29 MiB of 64.00 MiB, 3 of 16 files
        reading back 19 %, 12.29 MiB of 64.00 MiB, 8.00 MiB/s, 7s left, 3 of 16 files, now alpha-linux-x64 50 %, b\n\u{1b}[2J 100 %
        reading back 99 %, 64.00 MiB of 64.00 MiB, 0 B/s, 3 of 16 files, now alpha-linux-x64 50 %
        ");
    }

    #[test]
    fn other_bars_are_bars_and_diagnostics_are_none() {
        assert!(is_bar("    Updating [=====>   ] 3/7"));
        assert!(is_bar(
            "  Downloading 3 crates, remaining bytes: 1.2 MB    "
        ));
        assert!(is_bar("            "));
        assert!(!is_bar("warning: unused variable: `x`"));
        assert!(!is_bar("   Compiling a v0.1.0 (/w [x])"));
        assert!(!is_bar("  |"));
    }

    #[test]
    fn a_terminal_that_cannot_be_drawn_over_gets_lines() {
        let env = |name: &'static str, value: &'static str| -> Env {
            [(name, value)].into_iter().collect()
        };
        assert!(may_redraw(true, &env("TERM", "xterm")));
        assert!(!may_redraw(false, &env("TERM", "xterm")));
        assert!(!may_redraw(true, &env("TERM", "dumb")));
        assert!(!may_redraw(true, &env("CI", "true")));
    }

    #[test]
    fn a_log_gets_a_line_each_ten_seconds() {
        let mut throttle = Throttle::new(LOG_INTERVAL);
        let start = Instant::now();
        let lets: Vec<u64> = (0..25)
            .filter(|s| throttle.lets(start + Duration::from_secs(*s)))
            .collect();
        assert_eq!(lets, [0, 10, 20]);
    }
}
