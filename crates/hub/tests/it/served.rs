//! What the flags of `atlas-hub serve` may say, and what a signal does that is not meant to end it.

use crate::binary::{PROGRAM, Serving, command, initialized, run, serve_args, text};
use crate::database::in_files;
use crate::support::client;
use std::time::Duration;

#[tokio::test]
async fn a_hangup_ends_no_server() {
    let temp = tempfile::tempdir().unwrap();
    initialized(temp.path());
    let args = [&serve_args(temp.path())[..], &["-v"]].concat();
    let serving = Serving::start(command(PROGRAM, &args));
    let id = serving.child.id().to_string();
    assert!(command("kill", &["-HUP", &id]).status().unwrap().success());
    for _ in 0..10 {
        let answer = client().get(format!("{}/healthz", serving.base)).send();
        assert_eq!(answer.await.unwrap().status(), 200);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let (code, log) = serving.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("nothing to read again"), "{log}");
}

#[test]
fn numbers_that_cannot_be_meant_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    initialized(temp.path());
    for (flag, number) in [
        ("--max-requests", "0"),
        ("--max-requests", "1000001"),
        ("--max-requests", "18446744073709551615"),
        ("--max-connections", "0"),
        ("--max-connections", "18446744073709551615"),
        ("--peer-rate", "1000001"),
        ("--credential-rate", "4294967295"),
    ] {
        let args = [&serve_args(temp.path())[..], &[flag, number]].concat();
        let refused = run(&args);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{flag} {number}: {said}");
        assert!(said.contains(flag) && said.contains(number), "{said}");
    }
}

#[tokio::test]
async fn an_older_program_says_that_a_newer_one_is_needed() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    initialized(temp.path());
    let database = temp.path().join("hub.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'of a later version', 1, x'00', 0)";
    sqlx::raw_sql(newer).execute(&pool).await.unwrap();
    pool.close().await;
    let done = run(&serve_args(temp.path()));
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(9), "{said}");
    assert!(
        said.contains("hint: a newer atlas-hub may have had it"),
        "{said}"
    );
}

#[test]
fn uploads_can_be_kept_for_as_long_as_can_be_said() {
    let temp = tempfile::tempdir().unwrap();
    initialized(temp.path());
    let long = ["--keep-unregistered", "4294967295"];
    let dir = ["--data-dir", temp.path().to_str().unwrap()];
    let done = run(&[&["gc"][..], &dir, &long].concat());
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let args = [&serve_args(temp.path())[..], &long].concat();
    let serving = Serving::start(command(PROGRAM, &args));
    assert_eq!(serving.stop("-TERM").0, Some(0));
}
