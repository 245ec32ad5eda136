//! `atlas-hub user` and `atlas-hub pack` as the operator types them, with and without a server.

use crate::binary::{PROGRAM, Serving, command, initialized, run, serve_args, text};
use crate::support::{client, error};
use release_types::{BuildUpload, PACK_TOKEN_HEADER};
use serde_json::{Value, json};
use std::path::Path;

/// Runs a command on a Hub; stdout.
fn done(dir: &Path, args: &[&str]) -> String {
    let output = run(&[args, &["--data-dir", dir.to_str().unwrap()]].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
    assert!(!said.contains("atlas_admin_") && !said.contains("atlas_user_"));
    text(&output.stdout)
}

/// Runs a command that is refused as usage; stderr.
fn refused(dir: &Path, args: &[&str]) -> String {
    let output = run(&[args, &["--data-dir", dir.to_str().unwrap()]].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    assert!(output.stdout.is_empty());
    said
}

#[tokio::test]
async fn users_and_packs_are_changed_while_the_server_runs() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, admin) = (temp.path(), initialized(temp.path()));
    let args = [&serve_args(dir)[..], &["-vvv"]].concat();
    let serving = Serving::start(command(PROGRAM, &args));
    let client = client();
    let as_user = async |credential: &str, pack: &str| {
        let url = format!("{}/api/v1/packs/{pack}/deploy-tokens", serving.base);
        client
            .post(url)
            .bearer_auth(credential)
            .send()
            .await
            .unwrap()
    };

    let operator = done(dir, &["user", "add", "operator", "--role", "creator"]);
    assert!(operator.starts_with("atlas_user_") && operator.ends_with('\n'));
    let operator = operator.trim_end();
    error(as_user(operator, "my-pack").await, 403).await;
    assert_eq!(done(dir, &["pack", "add", "my-pack"]), "");
    assert_eq!(done(dir, &["pack", "add", "my-pack"]), "");
    assert_eq!(done(dir, &["pack", "list"]), "my-pack\n");
    let member = [
        "pack", "member", "add", "my-pack", "operator", "--role", "creator",
    ];
    assert_eq!(done(dir, &member), "");
    assert_eq!(
        done(dir, &["pack", "member", "list", "my-pack"]),
        "operator\tcreator\n"
    );
    let place = dir.to_str().unwrap();
    let listed = run(&["pack", "member", "list", "my-pack", "--data-dir", place]);
    assert_eq!(text(&listed.stderr), "name\trole\n");
    let issued: Value = as_user(operator, "my-pack").await.json().await.unwrap();
    let token = issued["token"].as_str().unwrap();

    let presign = client
        .post(format!("{}/api/v1/ci/presign", serving.base))
        .header(PACK_TOKEN_HEADER, token)
        .json(&json!({"packId": "my-pack"}));
    let upload: BuildUpload = presign.send().await.unwrap().json().await.unwrap();
    let mut put = client.put(&upload.upload_url).body("a build");
    for (name, value) in &upload.upload_headers {
        put = put.header(name, value);
    }
    let taken = crate::storage::taken();
    assert_eq!(put.send().await.unwrap().status(), taken);
    let complete = client
        .post(format!("{}/api/v1/ci/complete", serving.base))
        .header(PACK_TOKEN_HEADER, token)
        .json(&json!({
            "packId": "my-pack",
            "buildId": upload.build_id,
            "artifactKey": upload.artifact_key,
            "version": "1",
        }));
    assert_eq!(complete.send().await.unwrap().status(), 200);

    let rotated = done(
        dir,
        &["user", "token", "operator", "--rotate", "--expires", "90d"],
    );
    error(as_user(operator, "my-pack").await, 401).await;
    let rotated = rotated.trim_end();
    assert_eq!(as_user(rotated, "my-pack").await.status(), 200);
    let listed = done(dir, &["user", "list"]);
    let rows: Vec<Vec<&str>> = listed.lines().map(|l| l.split('\t').collect()).collect();
    assert_eq!(rows[0], ["admin", "admin", "active", "1", "never", "never"]);
    assert_eq!(rows[1][..4], ["operator", "creator", "active", "1"]);
    let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    assert!(time(rows[1][5]) > time(rows[1][4]) + jiff::SignedDuration::from_hours(89 * 24));
    // With another one the last of them counts, and one that never expires is the last of all.
    let ends = |expires: &[&str]| -> String {
        done(dir, &[&["user", "token", "operator"][..], expires].concat());
        let listed = done(dir, &["user", "list"]);
        let row = listed.lines().nth(1).unwrap();
        row.split('\t').nth(5).unwrap().to_owned()
    };
    assert_eq!(ends(&["--expires", "1h"]), rows[1][5]);
    assert_eq!(ends(&[]), "never");
    done(dir, &["user", "disable", "operator"]);
    error(as_user(rotated, "my-pack").await, 401).await;
    let listed = done(dir, &["user", "list"]);
    let row = listed.lines().nth(1).unwrap();
    assert!(
        row.starts_with("operator\tcreator\tdisabled\t0\t") && row.ends_with("\t-"),
        "{row}"
    );
    let listed = run(&["user", "list", "--data-dir", dir.to_str().unwrap()]);
    let columns = "name\trole\tstate\tcredentials\tlast used\texpires\n";
    assert_eq!(text(&listed.stderr), columns);
    assert_eq!(as_user(&admin, "my-pack").await.status(), 200);

    let signature = upload
        .upload_url
        .split("ignature=")
        .nth(1)
        .unwrap()
        .to_owned();
    let (code, log) = serving.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(log.contains("/api/v1/ci/complete"), "{log}");
    for secret in [operator, rotated, token, &admin, &signature, "expires="] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_a_way_on() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    let said = refused(&dir, &["user", "list"]);
    assert!(said.contains("atlas-hub init --data-dir"), "{said}");
    assert!(!dir.exists());
    initialized(&dir);
    done(&dir, &["user", "add", "operator", "--role", "creator"]);
    done(&dir, &["pack", "add", "p"]);
    for (args, says) in [
        (
            &["user", "add", "operator", "--role", "admin"][..],
            "`atlas-hub user token`",
        ),
        (
            &["user", "add", "b\tc", "--role", "admin"],
            "control character",
        ),
        (&["user", "add", "blake"], "--role"),
        (&["user", "add", "blake", "--role", "king"], "admin creator"),
        (&["user", "token", "nobody"], "`atlas-hub user list`"),
        (
            &["user", "token", "operator", "--expires", "soon"],
            "--expires",
        ),
        (
            &[
                "user",
                "token",
                "operator",
                "--expires",
                "2001-01-01T00:00:00Z",
            ],
            "over already",
        ),
        (
            &["user", "token", "operator", "--expires", "99999y"],
            "--expires",
        ),
        (&["user", "disable", "nobody"], "`atlas-hub user list`"),
        (&["pack", "add", "a/b"], "pack id"),
        (
            &["pack", "member", "list", "missing"],
            "`atlas-hub pack list`",
        ),
        (
            &["pack", "member", "add", "p", "nobody", "--role", "admin"],
            "`atlas-hub user list`",
        ),
        (
            &[
                "pack", "member", "add", "missing", "operator", "--role", "admin",
            ],
            "`atlas-hub pack list`",
        ),
        (
            &["pack", "member", "remove", "p", "operator"],
            "`atlas-hub pack member list`",
        ),
    ] {
        let said = refused(&dir, args);
        assert!(said.contains(says), "{args:?}: {said}");
    }
    assert_eq!(done(&dir, &["pack", "member", "list", "p"]), "");
    done(&dir, &["user", "disable", "operator"]);
    let said = refused(&dir, &["user", "token", "operator"]);
    assert!(said.contains("another name"), "{said}");
}

/// SQLite is given the names of files as texts.
#[test]
fn a_folder_whose_name_is_no_text_is_a_usage_error() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(std::ffi::OsStr::from_bytes(b"hub-\xff"));
    let backup = dir.path().to_str().unwrap();
    for args in [
        &["init"][..],
        &["serve", "--listen", "127.0.0.1:0"],
        &["restore", backup],
    ] {
        let mut command = command(PROGRAM, args);
        let output = command.arg("--data-dir").arg(&folder).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains("not UTF-8"), "{said}");
        assert!(!folder.exists());
    }
}
