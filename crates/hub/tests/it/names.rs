//! Names and versions that are not the same and are taken for it, or were once taken and are not now.

use crate::binary::text;
use crate::database::in_files;
use crate::operated::{in_dir, ok, released};
use crate::support::{Server, error};
use serde_json::json;

const PUBLISH: &str = "/api/v1/releases/cli/publish";

/// Who saves both in one folder of Windows or macOS has one.
#[tokio::test]
async fn names_that_differ_in_case_alone_are_refused_in_one_platform() {
    let server = Server::start().await;
    for names in [["Tool", "tool"], ["É", "é"]] {
        let body = server
            .release_body("cli", "1.0.0", "linux/x64", &names)
            .await;
        let said = error(server.post(PUBLISH, &body).await, 400).await;
        let [first, second] = names;
        let expected = format!(
            "`artifacts[1].filename`: `{second}` and `{first}`, the filename of artifacts[0], \
             differ in case alone"
        );
        assert!(said.starts_with(&expected), "{said}");
        let mut draft = body.clone();
        draft["draft"] = json!(true);
        error(server.post(PUBLISH, &draft).await, 400).await;
    }
    // On two platforms nobody takes one for the other.
    server.release("cli", "1.0.0", "linux/x64", &["Tool"]).await;
    server
        .release("cli", "1.0.0", "linux/arm64", &["tool"])
        .await;
}

/// SemVer takes versions for equal that differ behind a `+`: what was registered last is the newest,
/// whatever the clock says.
#[tokio::test]
async fn of_equal_versions_the_last_is_the_newest_also_when_the_clock_goes_back() {
    let server = Server::start().await;
    let expected = ["1.0.0+a", "1.0.0+c", "1.0.0+b", "1.0.0"];
    for version in expected {
        server.release("cli", version, "linux/x64", &["c"]).await;
        server.pass(-1000);
        let latest = server
            .get("/api/v1/releases/cli/latest/linux/x64")
            .await
            .json::<serde_json::Value>()
            .await
            .unwrap();
        assert_eq!(latest["version"], version);
    }
    let list = server.get("/api/v1/releases/cli").await;
    let list: serde_json::Value = list.json().await.unwrap();
    let listed = list["releases"].as_array().unwrap().iter();
    let listed: Vec<&str> = listed.map(|r| r["version"].as_str().unwrap()).collect();
    assert!(listed.iter().eq(expected.iter().rev()), "{listed:?}");
    // Registering one again changes nothing of that.
    server
        .release("cli", "1.0.0+a", "linux/arm64", &["c"])
        .await;
    let latest = server.get("/api/v1/releases/cli/latest/linux/x64").await;
    let latest: serde_json::Value = latest.json().await.unwrap();
    assert_eq!(latest["version"], "1.0.0");
}

#[tokio::test]
async fn a_check_tells_names_that_are_refused_now() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    released(dir).await;
    ok(&["check"], dir);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(dir.join("hub.db"));
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let earlier = "INSERT INTO products VALUES ('packs', '2024-01-01T00:00:00.000000000Z')";
    sqlx::raw_sql(earlier).execute(&pool).await.unwrap();
    pool.close().await;
    let done = in_dir(&["check"], dir);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(8), "{said}");
    assert!(text(&done.stdout).starts_with("product `packs`: "));
    assert!(said.contains("1 file of releases is what was published"));
    assert!(said.contains("hint: "), "{said}");
}

#[test]
fn an_empty_catalogue_is_told_as_such() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    std::fs::write(dir.join("hub.db"), "").unwrap();
    for words in [&["check"][..], &["audit"]] {
        let done = in_dir(words, dir);
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(9), "{said}");
        assert!(said.contains("hub.db: it is empty; put it back"), "{said}");
    }
    // Beside stored bytes it is a loss.
    let blob = dir.join("blobs/ab/abc");
    std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
    std::fs::write(&blob, "bytes").unwrap();
    let done = in_dir(&["check"], dir);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(9), "{said}");
    assert!(said.contains("put hub.db back from a backup"), "{said}");
}
