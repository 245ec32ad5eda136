//! `atlas-hub` as its operator meets it.

use crate::database::{database_of, in_files, place};
use crate::leaks;
use crate::storage;
use crate::support::{client, error};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_atlas-hub");

#[expect(
    clippy::disallowed_methods,
    reason = "these tests need the child's id and its pipes while it runs"
)]
pub fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    let mut dirs = args.iter().skip_while(|arg| **arg != "--data-dir");
    if let Some(dir) = dirs.nth(1).map(Path::new) {
        if let Some(url) = database_of(dir) {
            command.env("ATLAS_HUB_DATABASE", url);
        }
        if let Some(url) = storage::url_of(dir) {
            command.env("ATLAS_HUB_STORAGE", url);
        }
    }
    command
}

pub fn run(args: &[&str]) -> Output {
    command(PROGRAM, args).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with an initialized Hub, and its administrator's credential.
pub fn initialized(dir: &Path) -> String {
    let done = run(&["init", "--data-dir", dir.to_str().unwrap()]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    text(&done.stdout).trim_end().to_owned()
}

/// An `atlas-hub serve` that is ready.
pub struct Serving {
    pub child: Child,
    pub base: String,
}

impl Serving {
    pub fn start(mut command: Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let Some(base) = line.trim_end().strip_prefix("listening on ") else {
            let mut stderr = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut stderr)
                .unwrap();
            panic!("{line:?}: {stderr}");
        };
        Self {
            base: base.to_owned(),
            child,
        }
    }

    /// Sends a signal and waits: the exit code, and what was logged.
    pub fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(command("kill", &[signal, &id]).status().unwrap().success());
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        leaks::assert_none(&log);
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Already gone after `stop`, which is fine.
        self.child.kill().ok();
        self.child.wait().ok();
        let mut log = String::new();
        if let Some(mut stderr) = self.child.stderr.take()
            && stderr.read_to_string(&mut log).is_ok()
            && !std::thread::panicking()
        {
            leaks::assert_none(&log);
        }
    }
}

/// The arguments of a server on a free port.
pub fn serve_args(dir: &Path) -> [&str; 5] {
    [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        dir.to_str().unwrap(),
    ]
}

#[test]
fn a_lost_catalogue_is_not_replaced() {
    in_files();
    let temp = tempfile::tempdir().unwrap();
    initialized(temp.path());
    let blob = temp.path().join("blobs/ab/abc");
    std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
    std::fs::write(&blob, "bytes").unwrap();
    std::fs::remove_file(temp.path().join("hub.db")).unwrap();
    let done = run(&["init", "--data-dir", temp.path().to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(9));
    let said = text(&done.stderr);
    assert!(said.contains("put hub.db back from a backup"), "{said}");
    assert!(blob.exists());
}

#[test]
fn init_prints_one_credential_once() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("hub");
    let args = ["init", "--data-dir", dir.to_str().unwrap()];
    let first = run(&args);
    assert_eq!(first.status.code(), Some(0));
    let stdout = text(&first.stdout);
    assert_eq!(stdout.lines().count(), 1);
    assert!(stdout.starts_with("atlas_admin_") && stdout.ends_with('\n'));
    assert!(text(&first.stderr).contains(dir.to_str().unwrap()));
    assert!(!text(&first.stderr).contains("atlas_admin_"));

    let second = run(&args);
    assert_eq!(second.status.code(), Some(2));
    assert!(second.stdout.is_empty());
    let said = text(&second.stderr);
    assert!(said.contains("initialized already"), "{said}");
    let hint = format!(
        "hint: `atlas-hub user list {}` shows who has credentials;",
        place(&dir)
    );
    assert!(said.contains(&hint), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn who_loses_a_credential_is_told_how_to_get_another() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().to_str().unwrap();
    for (args, name) in [
        (&["init"][..], "admin"),
        (
            &["user", "add", "operator", "--role", "creator"],
            "operator",
        ),
        (&["user", "token", "operator"], "operator"),
    ] {
        let args = [args, &["--data-dir", dir]].concat();
        let mut lost = command(PROGRAM, &args);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let lost = lost.stdout(full.unwrap()).output().unwrap();
        assert_eq!(lost.status.code(), Some(9));
        let said = text(&lost.stderr);
        assert!(said.contains("the credential is lost"), "{said}");
        let place = place(temp.path());
        let way_back = format!("`atlas-hub user token '{name}' --rotate {place}` makes");
        assert!(said.contains(&way_back), "{said}");
    }
}

#[test]
fn products_are_added_and_listed() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().to_str().unwrap();
    initialized(temp.path());
    let add = |name| run(&["product", "add", name, "--data-dir", dir]);
    for added in [add("my-tool"), add("my-tool")] {
        assert!(added.status.success() && added.stdout.is_empty());
    }
    for bad in ["My Tool", "openapi.json", "artifacts", "packs"] {
        assert_eq!(add(bad).status.code(), Some(2));
    }
    let listed = run(&["product", "list", "--data-dir", dir]);
    assert_eq!(
        text(&listed.stdout),
        "cli\nlauncher\nmy-tool\nrunner\nrunnerd\n"
    );
}

#[test]
fn what_cannot_be_served_is_refused_with_its_exit_code() {
    let temp = tempfile::tempdir().unwrap();
    let missing = temp.path().join("missing");
    let done = run(&serve_args(&missing));
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("atlas-hub init --data-dir"));
    assert!(!missing.exists());

    initialized(temp.path());
    let dir = temp.path().to_str().unwrap();
    let open = run(&["serve", "--listen", "0.0.0.0:0", "--data-dir", dir]);
    assert_eq!(open.status.code(), Some(2));
    assert!(text(&open.stderr).contains("--public-url"));
    let below = [
        &serve_args(temp.path())[..],
        &["--public-url", "http://h/below"],
    ]
    .concat();
    assert_eq!(run(&below).status.code(), Some(2));
    let plain = ["--public-url", "http://hub.example"];
    let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let plain = run(&[&serve_args(temp.path())[..], &plain, &tls].concat());
    assert_eq!(plain.status.code(), Some(2));
    let said = text(&plain.stderr);
    assert!(
        said.contains("hint: begin --public-url with https"),
        "{said}"
    );

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|a| (taken, a.to_string())).unwrap();
    let done = run(&["serve", "--listen", &taken.1, "--data-dir", dir]);
    assert_eq!(done.status.code(), Some(9), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("hint: another program may listen there"));

    let serving = Serving::start(command(PROGRAM, &serve_args(temp.path())));
    let locked = run(&["gc", "--data-dir", dir]);
    assert_eq!(locked.status.code(), Some(9));
    let holder = format!("process {}", serving.child.id());
    assert!(
        text(&locked.stderr).contains(&holder),
        "{}",
        text(&locked.stderr)
    );
    assert_eq!(serving.stop("-INT").0, Some(0));
}

/// Issues a token, publishes one file, and reads it back.
pub async fn publish(base: &str, admin: &str) -> (String, String) {
    publish_with(&client(), base, admin).await
}

/// The same, by a client that may know a certificate.
pub async fn publish_with(client: &reqwest::Client, base: &str, admin: &str) -> (String, String) {
    let issued: Value = client
        .post(format!("{base}/api/v1/deploy/app-tokens"))
        .bearer_auth(admin)
        .json(&json!({"name": "ci"}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let token = issued["token"].as_str().unwrap().to_owned();
    let post = async |path: &str, body: Value| -> Value {
        let request = client.post(format!("{base}{path}"));
        let request = request.header(release_types::DEPLOY_TOKEN_HEADER, &token);
        let response = request.json(&body).send().await.unwrap();
        assert!(response.status().is_success());
        response.json().await.unwrap()
    };
    let artifact = crate::support::artifact("runner", "1.0.0", "linux/x64", "r", b"hello");
    let body = json!({"action": "upload", "key": artifact["key"]});
    let presigned = post("/api/v1/storage/presign", body).await;
    let url = presigned["url"].as_str().unwrap().to_owned();
    let mut put = client.put(&url);
    for (name, value) in presigned["uploadHeaders"].as_object().unwrap() {
        put = put.header(name, value.as_str().unwrap());
    }
    assert!(
        put.body("hello")
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let platform = json!({"os": "linux", "arch": "x64"});
    let body = json!({"version": "1.0.0", "platform": platform, "artifacts": [artifact]});
    post("/api/v1/releases/runner/publish", body).await;
    (token, url)
}

#[tokio::test]
async fn serves_until_sigterm_and_logs_no_secret() {
    let temp = tempfile::tempdir().unwrap();
    let admin = initialized(temp.path());
    for format in ["human", "json"] {
        let args = [
            &serve_args(temp.path())[..],
            &["-vvv", "--log-format", format],
        ]
        .concat();
        let serving = Serving::start(command(PROGRAM, &args));
        assert!(serving.base.starts_with("http://127.0.0.1:"));
        let (token, url) = publish(&serving.base, &admin).await;
        let (code, log) = serving.stop("-TERM");
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("/api/v1/releases/{product}/publish"), "{log}");
        let signature = url.split("ignature=").nth(1).unwrap();
        for secret in [token.as_str(), admin.as_str(), signature, "expires="] {
            assert!(!log.contains(secret), "{log}");
        }
        if format == "json" {
            for line in log.lines() {
                serde_json::from_str::<Value>(line).expect(line);
            }
        }
    }
}

/// What was answered survives `kill -9`, what was not leaves nothing.
#[tokio::test]
async fn a_killed_server_has_all_it_answered_and_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    let admin = initialized(temp.path());
    let serving = Serving::start(command(PROGRAM, &serve_args(temp.path())));
    let (token, _) = publish(&serving.base, &admin).await;
    let body = json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/x"});
    let client = client();
    let request = client.post(format!("{}/api/v1/storage/presign", serving.base));
    let request = request.header(release_types::DEPLOY_TOKEN_HEADER, &token);
    let presigned = request.json(&body).send().await.unwrap();
    let presigned: Value = presigned.json().await.unwrap();
    let never = futures_util::stream::once(async { Ok::<_, std::io::Error>(vec![1; 100_000]) })
        .chain(futures_util::stream::pending());
    let request = client
        .put(presigned["url"].as_str().unwrap())
        .header("content-type", "application/octet-stream")
        .body(reqwest::Body::wrap_stream(never));
    let upload = tokio::spawn(request.send());
    let staging = temp.path().join("staging");
    while crate::support::files(&staging).is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    serving.stop("-KILL");
    assert!(upload.await.unwrap().is_err());
    assert_eq!(crate::support::files(&staging).len(), 1);

    let serving = Serving::start(command(PROGRAM, &serve_args(temp.path())));
    assert!(crate::support::files(&staging).is_empty());
    assert_eq!(crate::support::files(&temp.path().join("blobs")).len(), 1);
    let get = async |path: &str| {
        let response = client.get(format!("{}{path}", serving.base)).send().await;
        response.unwrap()
    };
    let latest = get("/api/v1/releases/runner/latest/linux/x64").await;
    let latest: release_types::Release = latest.json().await.unwrap();
    assert_eq!(latest.version, "1.0.0");
    let file = get("/artifacts/runner/1.0.0/linux/x64/r").await;
    assert_eq!(file.bytes().await.unwrap(), "hello");
}

/// A server whose files may not grow beyond 4 MiB answers as one whose disk is full does.
#[tokio::test]
async fn a_full_disk_is_answered_with_507_and_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let admin = initialized(temp.path());
    let args = serve_args(temp.path());
    let limited = format!("ulimit -f 8192; exec '{PROGRAM}' \"$@\"");
    let serving = Serving::start(command(
        "sh",
        &[&["-c", &limited, "sh"], &args[..]].concat(),
    ));
    let client = client();
    let body = json!({"action": "upload", "key": "artifacts/cli/1.0.0/linux/x64/x"});
    let request = client.post(format!("{}/api/v1/storage/presign", serving.base));
    let request = request.bearer_auth(&admin).json(&body);
    let presigned: Value = request.send().await.unwrap().json().await.unwrap();
    let put = async |bytes: usize| {
        let request = client.put(presigned["url"].as_str().unwrap());
        let request = request.header("content-type", "application/octet-stream");
        request.body(vec![1; bytes]).send().await.unwrap()
    };
    let text = error(put(10 * 1024 * 1024).await, 507).await;
    assert!(text.contains("full"), "{text}");
    for folder in ["staging", "blobs"] {
        let left = crate::support::files(&temp.path().join(folder));
        assert!(left.is_empty(), "{left:?}");
    }
    assert_eq!(put(1024).await.status(), 201);
    assert_eq!(serving.stop("-TERM").0, Some(0));
}
