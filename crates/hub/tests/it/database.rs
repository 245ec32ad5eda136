//! Where the tests' Hubs have their catalogues: in files, or where `HUB_TEST_DATABASE` names a
//! PostgreSQL (see `ci/with-postgres`), in a database there for each data directory.

use crate::storage;
use hub::{DatabaseUrl, HubConfig};
use release_types::Sha256Digest;
use std::cell::Cell;
use std::path::Path;

thread_local! {
    static FILES_ONLY: Cell<bool> = const { Cell::new(false) };
}

/// For tests of what only files can do: this one has its catalogues in files whatever is set.
pub fn in_files() {
    FILES_ONLY.set(true);
}

/// The settings of a Hub in a folder.
pub fn config(data_dir: impl AsRef<Path>) -> HubConfig {
    let mut config = HubConfig::new(data_dir.as_ref());
    config.database = database_of(data_dir.as_ref()).map(DatabaseUrl::from);
    config.bucket = storage::bucket_of(data_dir.as_ref());
    config
}

/// How a hint names a Hub.
#[cfg(unix)]
pub fn place(data_dir: &Path) -> String {
    match database_of(data_dir) {
        Some(_) => "--database …".to_owned(),
        None => format!("--data-dir {}", data_dir.display()),
    }
}

/// The URL of a data directory's database, which is there when it returns; nothing where the
/// catalogue is to be a file.
pub fn database_of(data_dir: &Path) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "how these tests are told")]
    let server = std::env::var("HUB_TEST_DATABASE").ok()?;
    if FILES_ONLY.get() {
        return None;
    }
    let digest = Sha256Digest::of(data_dir.as_os_str().as_encoded_bytes());
    let name = format!("hub_{}", &digest.to_string()[..32]);
    let (begin, _) = server.rsplit_once('/').unwrap();
    let url = format!("{begin}/{name}");
    create(server, name);
    Some(url)
}

/// On a thread of its own, since both plain and asynchronous tests ask for it.
#[cfg(feature = "postgres")]
fn create(server: String, name: String) {
    use sqlx::{Connection as _, Executor as _};
    let creating = async move {
        let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
        let statement = format!("CREATE DATABASE {name} TEMPLATE template0");
        let created = connection.execute(sqlx::AssertSqlSafe(statement)).await;
        if let Err(error) = created {
            // Made for an earlier Hub in the same folder.
            let code = error.as_database_error().and_then(|error| error.code());
            assert_eq!(code.as_deref(), Some("42P04"), "{error}");
        }
        connection.close().await.unwrap();
    };
    let create = move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(creating);
    };
    std::thread::spawn(create).join().unwrap();
}

#[cfg(not(feature = "postgres"))]
fn create(_: String, _: String) {
    panic!("HUB_TEST_DATABASE is set and this crate is built without PostgreSQL");
}
