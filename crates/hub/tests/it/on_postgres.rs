//! What only a catalogue in PostgreSQL can meet: several Hubs at once, and a database that goes and
//! comes back. Each test has a server of its own, so these are left to the profile `full`.

mod operated;
pub mod server;
mod trusted;

use crate::support::{Server, artifact, error, header};
use hub::{DatabaseUrl, Hub, HubConfig};
use release_types::Release;
use reqwest::StatusCode;
use serde_json::json;
use server::{Postgres, connect, tell};
use sqlx::{Connection as _, Executor as _};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn on(url: &str) -> impl FnOnce(&mut HubConfig) {
    let url = DatabaseUrl::from(url.to_owned());
    |config| config.database = Some(url)
}

fn folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().unwrap())
}

/// Folders of two Hubs that have the same stored bytes.
fn two_folders() -> (Arc<TempDir>, Arc<TempDir>) {
    let (first, second) = (folder(), folder());
    let blobs = first.path().join("hub/blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::create_dir_all(second.path().join("hub")).unwrap();
    std::os::unix::fs::symlink(&blobs, second.path().join("hub/blobs")).unwrap();
    (first, second)
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_that_start_at_once_make_the_tables_once() {
    let postgres = Postgres::start();
    for name in ["a", "b", "c"] {
        let url = postgres.database(name).await;
        let opening: Vec<_> = (0..4)
            .map(|_| {
                let dir = folder();
                let mut config = HubConfig::new(dir.path());
                on(&url)(&mut config);
                tokio::spawn(async move { (Hub::open(config).await, dir) })
            })
            .collect();
        for hub in opening {
            let (hub, _dir) = hub.await.unwrap();
            let hub = hub.unwrap();
            assert_eq!(hub.products().await.unwrap().len(), 4);
            hub.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_that_register_one_version_have_one_whole_winner() {
    let postgres = Postgres::start();
    let url = postgres.database("hub").await;
    let (first, second) = two_folders();
    let (first, mut second) = tokio::join!(
        Server::start_in(first, on(&url)),
        Server::start_in(second, on(&url))
    );
    // A token is every Hub's.
    second.token.clone_from(&first.token);
    let names = ["a", "b", "c", "d"];
    for round in 0..25 {
        let version = format!("1.0.{round}");
        let body = async |server: &Server, own: &str| {
            let mut artifacts = Vec::new();
            for name in names {
                let bytes = format!("{own} {name} {version}");
                let mut file = artifact("cli", &version, "linux/x64", name, bytes.as_bytes());
                let key = format!("artifacts/cli/{version}/linux/x64/{own}-{name}");
                assert_eq!(server.upload(&key, bytes.as_bytes()).await, 201);
                file["key"] = json!(key);
                artifacts.push(file);
            }
            json!({
                "version": version,
                "channel": "stable",
                "platform": {"os": "linux", "arch": "x64"},
                "artifacts": artifacts,
            })
        };
        let (one, other) = tokio::join!(body(&first, "one"), body(&second, "other"));
        let (one, other) = tokio::join!(first.publish("cli", &one), second.publish("cli", &other));
        let path = format!("/api/v1/releases/cli/{version}/linux/x64");
        let seen: Vec<Release> = vec![
            first.get(&path).await.json().await.unwrap(),
            second.get(&path).await.json().await.unwrap(),
        ];
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0].assets.len(), names.len());
        let assets = &seen[0].assets;
        assert!(
            *assets == one.assets || *assets == other.assets,
            "{seen:?} is neither {one:?} nor {other:?}"
        );
    }
    // One key with different bytes, at both.
    for round in 0..25 {
        let key = format!("artifacts/cli/2.0.{round}/linux/x64/x");
        let (one, other) = tokio::join!(first.upload(&key, b"one"), second.upload(&key, b"two"));
        let statuses = [one, other];
        assert!(
            statuses
                .iter()
                .all(|s| *s == StatusCode::CREATED || *s == StatusCode::OK),
            "{statuses:?}"
        );
        let mut artifact = artifact("cli", &format!("2.0.{round}"), "linux/x64", "x", b"one");
        artifact["key"] = json!(key);
        let mut body = json!({
            "version": format!("2.0.{round}"),
            "channel": "stable",
            "platform": {"os": "linux", "arch": "x64"},
            "artifacts": [artifact],
        });
        let path = "/api/v1/releases/cli/publish";
        if first.post(path, &body).await.status() != 201 {
            let digest = release_types::Sha256Digest::of(b"two");
            body["artifacts"][0]["sha256"] = json!(digest);
            second.publish("cli", &body).await;
        }
        let file = first.get(&format!("/{key}")).await;
        assert_eq!(file.status(), 200);
        let bytes = file.bytes().await.unwrap();
        assert!(bytes == "one" || bytes == "two", "{bytes:?}");
    }
    first.stop().await;
    second.stop().await;
}

/// The answers of a Hub that goes on working while its database does not.
async fn is_out_of_reach(server: &Server) {
    for path in ["/api/v1/releases/cli/latest/linux/x64", "/readyz"] {
        let begun = Instant::now();
        let answer = server.get(path).await;
        assert!(begun.elapsed() < Duration::from_secs(8), "{path}");
        assert!(!header(&answer, "retry-after").is_empty(), "{path}");
        assert!(error(answer, 503).await.contains("catalogue"), "{path}");
    }
    let begun = Instant::now();
    let body = json!({"key": "artifacts/cli/1.0.0/linux/x64/x", "action": "upload"});
    let answer = server.post("/api/v1/storage/presign", &body).await;
    assert!(begun.elapsed() < Duration::from_secs(12));
    assert!(!header(&answer, "retry-after").is_empty());
    error(answer, 503).await;
    assert_eq!(server.get("/healthz").await.status(), 200);
}

async fn recovers(server: &Server) {
    let begun = Instant::now();
    let latest = "/api/v1/releases/cli/latest/linux/x64";
    while server.get(latest).await.status() != 200 {
        assert!(begun.elapsed() < Duration::from_secs(15));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    while server.get("/readyz").await.status() != 200 {
        assert!(begun.elapsed() < Duration::from_secs(15));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// For ten seconds: stopped, and started again; and standing still, which no error tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_is_waited_for() {
    let postgres = Postgres::start();
    let url = postgres.database("hub").await;
    let server = Server::start_in(folder(), on(&url)).await;
    let mut number = 0;
    let mut release = async || {
        number += 1;
        let version = format!("1.0.{number}");
        server.release("cli", &version, "linux/x64", &["a"]).await
    };
    release().await;
    for (gone, back) in [("stop", "start"), ("-STOP", "-CONT")] {
        let tell = |what: &str| match what.strip_prefix('-') {
            Some(_) => postgres.signal(what),
            None => tell(&postgres.folder, what),
        };
        tell(gone);
        let begun = Instant::now();
        is_out_of_reach(&server).await;
        tokio::time::sleep(Duration::from_secs(10).saturating_sub(begun.elapsed())).await;
        tell(back);
        recovers(&server).await;
        release().await;
    }
    // In the middle of a transaction too: what was not answered is there as a whole or not at all.
    let mut uploads = Vec::new();
    for round in 0..300 {
        let version = format!("2.0.{round}");
        let key = format!("artifacts/cli/{version}/linux/x64/x");
        let presigned = server.presign(json!({"key": key})).await;
        uploads.push((key, version, presigned));
    }
    let folder = postgres.folder.clone();
    let stopping = std::thread::spawn(move || {
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(300));
            tell(&folder, "stop");
            tell(&folder, "start");
        }
    });
    let mut answers = Vec::new();
    for (key, version, presigned) in uploads {
        let status = server.put(&presigned, version.clone()).await.status();
        answers.push((key, version, status));
    }
    stopping.join().unwrap();
    recovers(&server).await;
    for (key, version, status) in answers {
        if status != StatusCode::CREATED {
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{key}");
            continue;
        }
        let mut file = artifact("cli", &version, "linux/x64", "x", version.as_bytes());
        file["key"] = json!(key);
        let body = json!({
            "version": version,
            "channel": "stable",
            "platform": {"os": "linux", "arch": "x64"},
            "artifacts": [file],
        });
        server.publish("cli", &body).await;
    }
    server.stop().await;
}

/// A Hub that has the right to write and is killed holds nobody up, nor does one that stands still
/// for longer than its turn is worth waiting for: others say so.
#[tokio::test(flavor = "multi_thread")]
async fn who_holds_the_right_to_write_is_waited_for_but_not_for_ever() {
    let postgres = Postgres::start();
    let url = postgres.database("hub").await;
    let server = Server::start_in(folder(), on(&url)).await;
    server.release("cli", "1.0.0", "linux/x64", &["a"]).await;
    let mut holder = connect(&url).await;
    holder.execute("BEGIN").await.unwrap();
    let lock = "SELECT pg_advisory_xact_lock(7021802941874386292)";
    holder.execute(lock).await.unwrap();
    let begun = Instant::now();
    let body = json!({"key": "artifacts/cli/1.0.1/linux/x64/x"});
    let presigned = server.presign(body).await;
    let answer = server.put(&presigned, "x").await;
    assert!(!header(&answer, "retry-after").is_empty());
    error(answer, 503).await;
    assert!(
        begun.elapsed() > Duration::from_secs(9),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    // Readers are not held up.
    let latest = server.get("/api/v1/releases/cli/latest/linux/x64").await;
    assert_eq!(latest.status(), 200);
    // As a kill does.
    holder.close_hard().await.unwrap();
    assert_eq!(server.put(&presigned, "x").await.status(), 201);
    server.stop().await;
}

/// Column by column: name, whether it can be missing, and on PostgreSQL the order of bytes.
#[tokio::test]
async fn both_databases_have_the_same_tables() {
    let postgres = Postgres::start();
    let url = postgres.database("hub").await;
    let dir = folder();
    let (file, server) = (dir.path().join("file"), dir.path().join("server"));
    Hub::open(HubConfig::new(&file))
        .await
        .unwrap()
        .close()
        .await;
    let mut config = HubConfig::new(&server);
    on(&url)(&mut config);
    Hub::open(config).await.unwrap().close().await;
    assert!(!server.join("hub.db").exists());

    type Row = (String, String, i64);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file.join("hub.db"));
    let mut sqlite = sqlx::SqliteConnection::connect_with(&options)
        .await
        .unwrap();
    let ours: Vec<Row> = sqlx::query_as(
        "SELECT m.name, c.name, c.\"notnull\" FROM sqlite_schema m, pragma_table_info(m.name) c \
         WHERE m.type = 'table' AND m.name NOT LIKE '%sqlx%' ORDER BY m.name, c.cid",
    )
    .fetch_all(&mut sqlite)
    .await
    .unwrap();
    let mut connection = connect(&url).await;
    let theirs: Vec<Row> = sqlx::query_as(
        "SELECT CAST(t.table_name AS TEXT) COLLATE \"C\" AS n, CAST(c.column_name AS TEXT), \
         CAST(c.is_nullable = 'NO' AS INT)::BIGINT \
         FROM information_schema.tables t JOIN information_schema.columns c USING (table_name) \
         WHERE t.table_schema = 'public' AND t.table_type = 'BASE TABLE' \
         AND t.table_name NOT LIKE '%sqlx%' ORDER BY n, c.ordinal_position",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(ours.len() > 50);
    assert_eq!(ours, theirs);
    let unordered: Vec<(String, String)> = sqlx::query_as(
        "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) \
         FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text' \
         AND table_name NOT LIKE '%sqlx%' AND collation_name IS DISTINCT FROM 'C'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(unordered, []);
    let indexes = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL \
                   ORDER BY name";
    let ours: Vec<String> = sqlx::query_scalar(indexes)
        .fetch_all(&mut sqlite)
        .await
        .unwrap();
    let indexes = "SELECT CAST(indexname AS TEXT) COLLATE \"C\" AS n FROM pg_indexes \
                   WHERE schemaname = 'public' AND indexname NOT LIKE '%_key' \
                   AND indexname NOT LIKE '%_pkey' ORDER BY n";
    let theirs: Vec<String> = sqlx::query_scalar(indexes)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(ours, theirs);
}

/// A certificate that nobody vouches for is refused where the URL asks for that.
#[tokio::test]
async fn the_way_to_the_database_can_be_by_tls() {
    let postgres = Postgres::start();
    let url = postgres.database("hub").await;
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    postgres.use_certificate(&own.cert.pem(), &own.signing_key.serialize_pem());
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("root.pem");
    std::fs::write(&root, own.cert.pem()).unwrap();
    let open = async |more: &str| {
        let mut config = HubConfig::new(temp.path().join("hub"));
        on(&format!("{url}?{more}"))(&mut config);
        Hub::open(config).await
    };
    let refused = open("sslmode=verify-full").await.unwrap_err();
    let refused = format!("{refused:?}");
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    let checked = format!("sslmode=verify-full&sslrootcert={}", root.display());
    let hub = open(&checked).await.unwrap();
    let mut connection = connect(&url).await;
    let (all, by_tls): (i64, i64) = sqlx::query_as(
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE ssl) FROM pg_stat_ssl \
         JOIN pg_stat_activity USING (pid) WHERE application_name = 'atlas-hub'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert!(all > 0);
    assert_eq!(all, by_tls);
    hub.close().await;
}
