//! An `atlas-hub serve` whose log is read while it runs.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

const PROGRAM: &str = env!("CARGO_BIN_EXE_atlas-hub");

#[expect(
    clippy::disallowed_methods,
    reason = "these tests need the child's id and its pipes while it runs"
)]
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args);
    command
}

/// Runs a command to its end, which has to be a good one; its stdout.
pub fn run(args: &[&str]) -> String {
    let done = command(args).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{args:?}: {said}");
    String::from_utf8(done.stdout).unwrap()
}

/// A folder with an initialized Hub, and its administrator's credential.
pub fn initialized(dir: &Path) -> String {
    let credential = run(&["init", "--data-dir", dir.to_str().unwrap()]);
    credential.trim_end().to_owned()
}

/// A server. It is killed when this is dropped.
pub struct Program {
    child: Child,
    pub base: String,
    log: Arc<Mutex<String>>,
}

impl Program {
    pub fn serve(dir: &Path, args: &[&str]) -> Self {
        let always = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            dir.to_str().unwrap(),
        ];
        let mut command = command(&[&always[..], args].concat());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, stderr) = (log.clone(), BufReader::new(child.stderr.take().unwrap()));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut lines = lines.lock().unwrap();
                lines.push_str(&line);
                lines.push('\n');
            }
        });
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let base = line.trim_end().strip_prefix("listening on ");
        let base = base.unwrap_or_else(|| panic!("{line:?}: {}", log.lock().unwrap()));
        Self {
            base: base.to_owned(),
            child,
            log,
        }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// How many sockets it has open.
    pub fn sockets(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let links = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        links
            .filter(|link| link.to_string_lossy().starts_with("socket:"))
            .count()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone after `kill`, which is fine.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A client that is answered by what it sends to.
pub fn client() -> reqwest::Client {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let builder = reqwest::Client::builder().no_proxy();
    let builder = builder.redirect(reqwest::redirect::Policy::none());
    builder.build().unwrap()
}

/// A new deploy token.
pub async fn token(base: &str, admin: &str) -> String {
    let request = client().post(format!("{base}/api/v1/deploy/app-tokens"));
    let request = request.bearer_auth(admin).json(&json!({"name": "load"}));
    let issued: Value = request.send().await.unwrap().json().await.unwrap();
    issued["token"].as_str().unwrap().to_owned()
}
