//! `atlas-hub` and its operator, with a database and without a data directory.

use super::on;
use super::server::{Postgres, SECRET, connect};
use crate::binary::{PROGRAM, command, text};
use hub::{Hub, HubConfig, Roster};
use sqlx::Executor as _;
use std::path::Path;
use std::process::Output;

fn atlas_hub(url: &str, words: &[&str]) -> Output {
    let mut command = command(PROGRAM, words);
    let done = command.env("ATLAS_HUB_DATABASE", url).output().unwrap();
    for said in [&done.stdout, &done.stderr] {
        let said = text(said);
        assert!(!said.contains(SECRET), "{said}");
    }
    done
}

fn refused(url: &str, words: &[&str], code: i32, says: &str) {
    let done = atlas_hub(url, words);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(code), "{words:?}: {said}");
    assert!(said.contains(says), "{words:?}: {said}");
}

#[tokio::test]
async fn the_operator_needs_the_database_alone() {
    let postgres = Postgres::start();
    let url = &*postgres.database("hub").await;
    let temp = tempfile::tempdir().unwrap();
    let hub = temp.path().join("hub");
    let dir = ["--data-dir", hub.to_str().unwrap()];
    let with_dir = |words: &[&'static str]| [words, &dir[..]].concat();
    refused(
        url,
        &["user", "list"],
        2,
        "holds no Hub; run `atlas-hub init",
    );
    refused(
        url,
        &with_dir(&["serve"]),
        2,
        "holds no Hub; run `atlas-hub init",
    );
    assert!(!hub.exists());
    refused(url, &["init"], 2, "--data-dir");
    let done = atlas_hub(url, &with_dir(&["-vv", "init"]));
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).starts_with("atlas_admin_"));
    for words in [
        &["user", "add", "operator", "--role", "creator"][..],
        &["user", "list"],
        &["pack", "add", "p"],
        &["pack", "member", "add", "p", "operator", "--role", "admin"],
        &["product", "add", "my-tool"],
        &["product", "list"],
        &["audit", "--format", "json"],
    ] {
        let done = atlas_hub(url, words);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    }
    for words in [&["check"][..], &["gc"]] {
        refused(url, words, 2, "--data-dir");
        let done = atlas_hub(url, &with_dir(&[words[0]]));
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    }
    let aside = temp.path().join("backup");
    let aside = aside.to_str().unwrap();
    refused(url, &["backup", aside], 2, "pg_dump");
    refused(
        url,
        &[&["restore", aside][..], &dir].concat(),
        2,
        "pg_restore",
    );
    assert!(!Path::new(aside).exists());

    // What is no database, or none that answers.
    let nobody = url.replace("127.0.0.1", "127.0.0.1:1,").replace(',', "");
    let port = url.rsplit_once(':').unwrap().1.split_once('/').unwrap().0;
    let nobody = nobody.replacen(&format!(":1:{port}"), ":1", 1);
    refused(&nobody, &["user", "list"], 9, "127.0.0.1:1; is it running");
    let said = text(&atlas_hub(&nobody, &["user", "list"]).stderr);
    assert_eq!(said.matches("is it running").count(), 1, "{said}");
    refused(
        &format!("{url}?pasword={SECRET}"),
        &["user", "list"],
        2,
        "`pasword`",
    );
    refused(
        &format!("{url}?sslmode={SECRET}"),
        &["user", "list"],
        2,
        "postgres://",
    );
    refused(
        &url.replace("postgres:", "mysql:"),
        &["user", "list"],
        2,
        "postgres://",
    );
    refused(SECRET, &["user", "list"], 2, "postgres://");
    // A folder with a catalogue of its own is another Hub's.
    let own = temp.path().join("own");
    Hub::open(HubConfig::new(&own)).await.unwrap().close().await;
    for words in [&["serve"][..], &["check"], &["user", "list"]] {
        let own = [words, &["--data-dir", own.to_str().unwrap()]].concat();
        refused(url, &own, 2, "another data directory");
    }

    let mut connection = connect(url).await;
    connection
        .execute(
            "INSERT INTO _sqlx_migrations \
             (version, description, success, checksum, execution_time) \
             VALUES (9999, 'of a later version', true, '', 0)",
        )
        .await
        .unwrap();
    let mut config = HubConfig::new("");
    on(url)(&mut config);
    let refused = Roster::open(config).await.unwrap_err();
    assert!(refused.to_string().contains("another version"), "{refused}");
}
