//! Real children: what they see, how they end, and that nothing of them stays behind.
#![cfg(unix)]

use process::{Command, Env, Line, ProcessError, Runner, Stream};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(20);

fn sh(script: &str) -> Command {
    Command::new("/bin/sh")
        .args(["-c", script])
        .env("PATH", "/usr/bin:/bin")
}

fn is_running(pid: &str) -> bool {
    // A zombie has ended: it only waits for its parent to look.
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .trim_start()
            .starts_with('Z')
    })
}

#[tokio::test]
async fn a_child_sees_its_own_environment_and_nothing_else() {
    let output = Runner::default()
        .success(&Command::new("/usr/bin/env").env("ONLY", "this"), LIMIT)
        .await
        .unwrap();
    assert_eq!(output.stdout_text(), "ONLY=this");
}

#[tokio::test]
async fn failures_are_told_apart() {
    let runner = Runner::default();
    let missing = runner.output(&Command::new("/nowhere/tool"), LIMIT).await;
    assert!(
        matches!(missing, Err(ProcessError::NotFound { .. })),
        "{missing:?}"
    );
    let folder = runner.output(&sh("true").cwd("/nowhere"), LIMIT).await;
    assert!(
        matches!(folder, Err(ProcessError::Spawn { .. })),
        "{folder:?}"
    );
    let failed = runner
        .success(&sh("echo why >&2; exit 3"), LIMIT)
        .await
        .unwrap_err();
    assert!(
        failed.to_string().ends_with("failed (exit status: 3): why"),
        "{failed}"
    );
}

#[tokio::test]
async fn a_deadline_ends_the_child_and_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let script = format!("sleep 300 & echo $! > {}; wait", pid.display());
    let started = Instant::now();
    let error = Runner::default()
        .output(&sh(&script), Duration::from_millis(400))
        .await
        .unwrap_err();
    assert!(matches!(error, ProcessError::TimedOut { .. }), "{error}");
    assert!(started.elapsed() < LIMIT);
    assert!(!is_running(&std::fs::read_to_string(pid).unwrap()));
}

#[tokio::test]
async fn an_interrupted_run_ends_even_a_child_that_will_not() {
    let cancel = CancellationToken::new();
    let runner = Runner::new(cancel.clone());
    let mut pid = String::new();
    let error = runner
        .lines(
            &sh("trap '' TERM; sleep 300 & echo $!; wait; wait; wait"),
            |line| {
                pid = line.text;
                cancel.cancel();
            },
        )
        .await
        .unwrap_err();
    assert!(matches!(error, ProcessError::Interrupted { .. }), "{error}");
    assert!(!is_running(&pid));
}

#[tokio::test]
async fn a_child_nobody_waits_for_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let script = format!("sleep 300 & echo $! > {}; wait", pid.display());
    let runner = Runner::default();
    let wait = async {
        while std::fs::read_to_string(&pid).map_or(true, |text| text.trim().is_empty()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let command = sh(&script);
    tokio::select! {
        done = runner.output(&command, LIMIT) => panic!("ended by itself: {done:?}"),
        () = wait => {}
    }
    let pid = std::fs::read_to_string(&pid).unwrap();
    let deadline = Instant::now() + LIMIT;
    while is_running(&pid) {
        assert!(Instant::now() < deadline, "still running");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn lines_come_from_both_streams() {
    let mut lines = Vec::new();
    let status = Runner::default()
        .lines(
            &sh(r"printf 'a\r\nb'; printf '1\r2\n' >&2; exit 5"),
            |line| lines.push(line),
        )
        .await
        .unwrap();
    assert_eq!(status.code(), Some(5));
    let of = |stream| -> Vec<&str> {
        lines
            .iter()
            .filter(|l: &&Line| l.stream == stream)
            .map(|l| l.text.as_str())
            .collect()
    };
    assert_eq!(of(Stream::Stdout), ["a", "b"]);
    assert_eq!(of(Stream::Stderr), ["1", "2"]);
}

#[test]
fn the_snapshot_is_the_real_environment() {
    assert!(Env::capture().is_set("PATH"));
}
