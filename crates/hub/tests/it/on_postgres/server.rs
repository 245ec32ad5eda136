//! A PostgreSQL that a test has for itself, and may stop.

use crate::binary::{command, text};
use sqlx::{Connection as _, Executor as _};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// In the URL of every database here, and nowhere else.
pub const SECRET: &str = "hush-4711";

/// A PostgreSQL of one test. It ends, and its data goes, when its script's input ends.
pub struct Postgres {
    script: Child,
    server: String,
    pub folder: PathBuf,
}

impl Postgres {
    pub fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ci/with-postgres");
        let say = "echo \"$HUB_TEST_DATABASE $HUB_TEST_POSTGRES\"; exec cat";
        let mut script = command(script, &["sh", "-c", say])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(script.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let (url, folder) = line.trim_end().split_once(' ').expect("no PostgreSQL");
        Self {
            script,
            server: url.rsplit_once('/').unwrap().0.to_owned(),
            folder: folder.into(),
        }
    }

    /// The URL of a new database.
    pub async fn database(&self, name: &'static str) -> String {
        let mut connection = connect(&format!("{}/postgres", self.server)).await;
        let create = format!("CREATE DATABASE {name}");
        let created = connection.execute(sqlx::AssertSqlSafe(create)).await;
        created.unwrap();
        connection.close().await.unwrap();
        let with_password = format!("hub:{SECRET}@");
        let server = self.server.replacen("hub@", &with_password, 1);
        format!("{server}/{name}")
    }

    /// Lets it speak TLS.
    pub fn use_certificate(&self, certificate: &str, key: &str) {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        let data = self.folder.join("data");
        let owner = std::fs::metadata(&data).unwrap();
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = data.join(name);
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        std::fs::write(data.join("postgresql.auto.conf"), "ssl = on\n").unwrap();
        tell(&self.folder, "restart");
    }

    /// Sends a signal to every process of it.
    pub fn signal(&self, signal: &str) {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let first = file.lines().next().unwrap();
        let children = command("ps", &["-o", "pid=", "--ppid", first]).output();
        let children = text(&children.unwrap().stdout);
        // The first one makes others, so it goes to sleep before them, and wakes up after them.
        let mut all = vec![first];
        all.extend(children.split_whitespace());
        if signal == "-CONT" {
            all.reverse();
        }
        for pid in all {
            // One of them may have ended by itself.
            command("kill", &[signal, pid]).status().unwrap();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        self.script.wait().ok();
    }
}

/// Stops or starts a PostgreSQL.
pub fn tell(folder: &Path, what: &str) {
    let server = folder.join("server");
    let done = command(server.to_str().unwrap(), &[what]).status();
    assert!(done.unwrap().success(), "{what}");
}

pub async fn connect(url: &str) -> sqlx::PgConnection {
    sqlx::PgConnection::connect(url).await.unwrap()
}
