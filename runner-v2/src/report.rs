//! Which versions there are, and whether they fit together, as text and as JSON. Asking for them
//! and printing the result are left to others.

use build_version::BuildInfo;
use runner_ipc::DaemonStatus;
use std::cmp::Ordering;
use std::time::Duration;

/// This program and the daemon, if there is one.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    runner: BuildInfo,
    daemon: Option<&'a DaemonStatus>,
}

impl<'a> Report<'a> {
    /// A report on this program and on what a daemon has said, if one has.
    pub const fn new(runner: BuildInfo, daemon: Option<&'a DaemonStatus>) -> Self {
        Self { runner, daemon }
    }

    /// Whether there is a daemon of this program's version.
    pub fn same_version(&self) -> bool {
        self.daemon
            .is_some_and(|daemon| daemon.version == self.runner.semver())
    }

    /// What to do when the two differ.
    pub fn warning(&self) -> Option<String> {
        let own = self.runner.semver();
        let running = &self.daemon?.version;
        if *running == own {
            return None;
        }
        // Build metadata tells two builds apart and says nothing about which is the newer one.
        Some(match running.cmp_precedence(&own) {
            Ordering::Less => format!(
                "the daemon still runs the older {running}: restart it to change to {own}, which \
                 this program has"
            ),
            Ordering::Greater => format!(
                "the daemon runs the newer {running}: install {running} of this program too, which \
                 is {own}"
            ),
            Ordering::Equal => format!(
                "the daemon runs {running}, another build than this program's {own}: restart it if \
                 both were installed together"
            ),
        })
    }

    /// A line for each program that there is, and the warning. The last line is not ended.
    pub fn to_text(&self) -> String {
        let daemon = self.daemon.map(|daemon| {
            format!(
                "atlas-runnerd {} (process {}, running for {})",
                daemon.version,
                daemon.pid,
                spoken(Duration::from_secs(daemon.uptime_seconds))
            )
        });
        let lines: Vec<String> = [Some(self.runner.to_string()), daemon, self.warning()]
            .into_iter()
            .flatten()
            .collect();
        lines.join("\n")
    }

    /// One JSON object: `runner`, `daemon` (or `null`) and `same_version`.
    pub fn to_json(&self) -> String {
        let document = Document {
            runner: Runner {
                name: self.runner.name(),
                version: self.runner.version(),
                commit: self.runner.commit(),
                target: self.runner.target(),
                rustc: self.runner.rustc(),
            },
            daemon: self.daemon,
            same_version: self.same_version(),
        };
        #[expect(
            clippy::expect_used,
            reason = "text, numbers and fixed keys: nothing here that JSON could not hold"
        )]
        serde_json::to_string(&document).expect("a report is JSON")
    }
}

#[derive(serde::Serialize)]
struct Document<'a> {
    runner: Runner,
    daemon: Option<&'a DaemonStatus>,
    same_version: bool,
}

/// As `BuildInfo::to_json` writes it.
#[derive(serde::Serialize)]
struct Runner {
    name: &'static str,
    version: &'static str,
    commit: Option<&'static str>,
    target: &'static str,
    rustc: &'static str,
}

/// A duration in its two largest units.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    if days > 0 {
        format!("{days} d {} h", hours % 24)
    } else if hours > 0 {
        format!("{hours} h {} min", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes} min {} s", seconds % 60)
    } else {
        format!("{seconds} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner() -> BuildInfo {
        build_version::build_info!("atlas-runner").with_version("1.4.0")
    }

    fn daemon(version: &str) -> DaemonStatus {
        DaemonStatus {
            version: version.parse().unwrap(),
            commit: None,
            target: "x86_64-unknown-linux-gnu".to_owned(),
            pid: 4711,
            uptime_seconds: 11_525,
            api: 1,
        }
    }

    #[test]
    fn two_of_a_kind_need_no_words() {
        let daemon = daemon("1.4.0");
        let report = Report::new(runner(), Some(&daemon));
        assert!(report.same_version());
        assert_eq!(
            report.to_text(),
            "atlas-runner 1.4.0\natlas-runnerd 1.4.0 (process 4711, running for 3 h 12 min)"
        );
    }

    #[test]
    fn the_one_that_is_behind_is_to_be_changed() {
        for (version, advice) in [
            ("1.4.0-rc.1", "restart it to change to 1.4.0"),
            ("1.3.9", "restart it to change to 1.4.0"),
            ("1.10.0", "install 1.10.0 of this program too"),
            ("1.4.0+hotfix", "another build than this program's 1.4.0"),
        ] {
            let daemon = daemon(version);
            let report = Report::new(runner(), Some(&daemon));
            assert!(!report.same_version());
            let text = report.to_text();
            assert!(text.lines().nth(2).unwrap().contains(advice), "{text}");
        }
    }

    #[test]
    fn without_a_daemon_there_is_one_line() {
        let report = Report::new(runner(), None);
        assert_eq!(report.to_text(), "atlas-runner 1.4.0");
        assert!(
            report
                .to_json()
                .ends_with(r#""daemon":null,"same_version":false}"#)
        );
    }

    #[test]
    fn json_has_both() {
        let daemon = daemon("1.3.0");
        let json = Report::new(runner(), Some(&daemon)).to_json();
        let expected = format!(
            r#"{{"runner":{},"daemon":{{"version":"1.3.0","commit":null,"target":"x86_64-unknown-linux-gnu","pid":4711,"uptime_seconds":11525,"api":1}},"same_version":false}}"#,
            runner().to_json()
        );
        assert_eq!(json, expected);
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3600, "1 h 0 min"),
            (90_061, "1 d 1 h"),
        ] {
            assert_eq!(spoken(Duration::from_secs(seconds)), text);
        }
    }
}
