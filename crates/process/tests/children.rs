//! Real children: what they see, how they end, and that nothing of them stays behind.
#![cfg(unix)]

use process::{Command, Env, Line, ProcessError, Runner, Stream};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

fn sh(script: &str) -> Command {
    Command::new("/bin/sh")
        .args(["-c", script])
        .env("PATH", "/usr/bin:/bin")
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

/// What a variable of this name holds tells the second run of the test below from the first.
const MARK: &str = "SECOND_RUN_OF_THE_SNAPSHOT_TEST";

/// A process cannot change its own environment in safety, so this test runs once more, in a process
/// whose environment is known.
#[tokio::test]
async fn the_snapshot_is_the_real_environment() {
    use std::os::unix::ffi::OsStringExt as _;
    let odd = std::ffi::OsString::from_vec(b"not \xff text\n= ".to_vec());
    let given: Env = [(MARK, odd), ("EMPTY", "".into()), ("lower", "x".into())]
        .into_iter()
        .collect();
    if Env::capture().is_set(MARK) {
        assert_eq!(Env::capture(), given);
        return;
    }
    let again = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_snapshot_is_the_real_environment"])
        .envs(&given);
    let again = Runner::default().success(&again, LIMIT).await.unwrap();
    let said = again.stdout_text();
    assert!(said.contains("1 passed"), "{said}");
}

/// What a child leaves running may keep its output open for as long as it likes.
#[tokio::test]
async fn what_a_child_leaves_running_is_not_waited_for() {
    let script = "printf 'done\nlast'; echo said >&2; sleep 30 & exit 4";
    let begun = Instant::now();
    let output = Runner::default().output(&sh(script), LIMIT).await.unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_slice()),
        (b"done\nlast".as_slice(), b"said\n".as_slice())
    );
    let mut lines = Vec::new();
    let status = Runner::default()
        .lines(&sh(script), |line| lines.push(line.text))
        .await
        .unwrap();
    assert_eq!(status.code(), Some(4));
    lines.sort();
    assert_eq!(lines, ["done", "last", "said"]);
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
}

/// Its deadline is the child's own: it has ended in time, whatever it has left behind.
#[tokio::test]
async fn a_child_that_ended_in_time_is_not_late() {
    let limit = Duration::from_millis(1500);
    let output = Runner::default()
        .output(&sh("sleep 30 & echo done"), limit)
        .await
        .unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, b"done\n");
}

/// Time that a caller takes over a line is not the child's.
#[tokio::test]
async fn a_slow_reader_loses_nothing() {
    let mut count = 0;
    let script = "i=0; while [ $i -lt 500 ]; do echo $i; i=$((i+1)); done";
    let status = Runner::default()
        .lines(&sh(script), |line| {
            if line.text == "0" {
                std::thread::sleep(Duration::from_secs(4));
            }
            count += 1;
        })
        .await
        .unwrap();
    assert!(status.success());
    assert_eq!(count, 500);
}

#[tokio::test]
async fn a_child_that_closes_its_output_is_waited_for() {
    let status = Runner::default()
        .lines(&sh("exec >&- 2>&-; sleep 0.3; exit 6"), |line| {
            panic!("{line:?}")
        })
        .await
        .unwrap();
    assert_eq!(status.code(), Some(6));
}

#[tokio::test]
async fn a_child_reads_what_it_is_given_and_else_nothing() {
    let runner = Runner::default();
    let long = "x".repeat(1 << 20);
    let output = runner.success(&sh("cat").input(long.clone()), LIMIT).await;
    assert_eq!(output.unwrap().stdout_text(), long);
    let output = runner.success(&sh("cat"), LIMIT).await.unwrap();
    assert_eq!(output.stdout_text(), "");
    // One that does not care for it is no failure.
    let output = runner.success(&sh("echo done").input(long), LIMIT).await;
    assert_eq!(output.unwrap().stdout_text(), "done");
}
