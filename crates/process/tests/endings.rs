//! Nothing of a child stays behind. Whether a process still runs is read from `/proc`, which tells
//! one that has ended from one whose parent has not looked yet.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use process::{Command, ProcessError, Runner};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(20);

/// Does not end when it is asked to.
const DEAF: &str = "trap '' TERM; echo $$ > pid; echo $$; exec sleep 300";

/// Ends when it is asked to.
const OBEDIENT: &str = "echo $$ > pid; echo $$; exec sleep 300";

/// A shell that waits for one child, whose number is in the file `pid` and on standard output.
struct Parent {
    dir: TempDir,
    command: Command,
}

impl Parent {
    /// The child runs `script`; `first` comes before in the parent.
    fn of(first: &str, script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let all = format!("{first}; /bin/sh -c \"$0\" & wait; wait; wait");
        let command = Command::new("/bin/sh")
            .args(["-c", &all, script])
            .env("PATH", "/usr/bin:/bin")
            .cwd(dir.path());
        Self { dir, command }
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.path().join("pid")
    }
}

fn read(pid: &Path) -> String {
    std::fs::read_to_string(pid).unwrap_or_default()
}

fn is_running(pid: &str) -> bool {
    let pid = pid.trim();
    assert!(pid.parse::<u32>().is_ok(), "{pid:?}");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // What follows the name, which stands in brackets.
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// A signal arrives a little later than it is sent.
async fn ends(pid: &str) {
    let begun = Instant::now();
    while is_running(pid) {
        assert!(begun.elapsed() < LIMIT, "process {pid} still runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn what_runs_is_told_from_what_does_not() {
    assert!(is_running(&std::process::id().to_string()));
    // More than any system hands out.
    assert!(!is_running("4194999"));
}

#[tokio::test]
async fn a_deadline_ends_the_child_and_its_children() {
    for script in [OBEDIENT, DEAF] {
        let parent = Parent::of(":", script);
        let begun = Instant::now();
        let error = Runner::default()
            .output(&parent.command, Duration::from_millis(1500))
            .await
            .unwrap_err();
        assert!(matches!(error, ProcessError::TimedOut { .. }), "{error}");
        assert!(begun.elapsed() < LIMIT);
        ends(&read(&parent.pid_file())).await;
    }
}

/// In each pair, who does not end when asked: the child, what it started, or both.
#[tokio::test]
async fn an_interrupted_run_ends_even_what_will_not() {
    for (first, script) in [
        (":", DEAF),
        ("trap '' TERM", OBEDIENT),
        ("trap '' TERM", DEAF),
    ] {
        let cancel = CancellationToken::new();
        let runner = Runner::new(cancel.clone());
        let parent = Parent::of(first, script);
        let mut pid = String::new();
        let error = runner
            .lines(&parent.command, |line| {
                assert!(is_running(&line.text));
                pid = line.text;
                cancel.cancel();
            })
            .await
            .unwrap_err();
        assert!(matches!(error, ProcessError::Interrupted { .. }), "{error}");
        ends(&pid).await;
    }
}

#[tokio::test]
async fn an_interrupted_run_that_keeps_the_output_ends_it_too() {
    let cancel = CancellationToken::new();
    let runner = Runner::new(cancel.clone());
    let parent = Parent::of(":", DEAF);
    let interrupt = async {
        appears(&parent.pid_file()).await;
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(runner.output(&parent.command, LIMIT), interrupt);
    assert!(
        matches!(outcome, Err(ProcessError::Interrupted { .. })),
        "{outcome:?}"
    );
    ends(&read(&parent.pid_file())).await;
}

async fn appears(pid: &Path) {
    while read(pid).trim().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_child_nobody_waits_for_is_killed_with_its_children() {
    let parent = Parent::of(":", DEAF);
    let pid = parent.pid_file();
    let runner = Runner::default();
    tokio::select! {
        done = runner.output(&parent.command, LIMIT) => panic!("ended by itself: {done:?}"),
        () = appears(&pid) => {}
    }
    ends(&read(&pid)).await;
}

/// The child itself has ended by then; what it started keeps its output open.
#[tokio::test]
async fn what_an_ended_child_started_is_killed_when_nobody_waits() {
    let dir = tempfile::tempdir().unwrap();
    let script = "/bin/sh -c \"$0\" & while [ ! -s pid ]; do sleep 0.01; done; echo $$ > parent";
    let command = Command::new("/bin/sh")
        .args(["-c", script, DEAF])
        .env("PATH", "/usr/bin:/bin")
        .cwd(dir.path());
    let (pid, parent) = (dir.path().join("pid"), dir.path().join("parent"));
    let runner = Runner::default();
    let leader_ended = async {
        appears(&parent).await;
        ends(&read(&parent)).await;
        // Long enough for the runner to see it, and shorter than it listens to what is left.
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    tokio::select! {
        done = runner.output(&command, LIMIT) => panic!("did not listen: {done:?}"),
        () = leader_ended => {}
    }
    ends(&read(&pid)).await;
}

/// What a command starts to stay is not the runner's to end.
#[tokio::test]
async fn what_a_child_leaves_running_stays() {
    let output = Runner::default()
        .success(
            &Command::new("/bin/sh")
                .args(["-c", "sleep 300 > /dev/null 2>&1 & echo $!"])
                .env("PATH", "/usr/bin:/bin"),
            LIMIT,
        )
        .await
        .unwrap();
    let pid = output.stdout_text();
    assert!(is_running(&pid));
    let kill = Command::new("/bin/sh")
        .args(["-c", "kill \"$0\"", &pid])
        .env("PATH", "/usr/bin:/bin");
    Runner::default().success(&kill, LIMIT).await.unwrap();
    ends(&pid).await;
}
