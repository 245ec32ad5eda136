//! The script that installs the newest runner, run by real shells with real tools.

use crate::binary::{command, text};
use crate::support::{Server, contents, error, header};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
#[cfg(target_os = "linux")]
use std::os::unix::fs::symlink;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};

const SCRIPT: &str = "/download/runner/install";

/// A home, and what is on PATH.
struct Machine {
    temp: tempfile::TempDir,
    path: String,
    shell: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Machine {
    /// The system's own shell and tools, curl among them.
    fn usual() -> Self {
        Self {
            temp: tempfile::tempdir().unwrap(),
            path: "/usr/bin:/bin".to_owned(),
            shell: "/bin/sh".into(),
            environment: Vec::new(),
        }
    }

    #[cfg(target_os = "linux")]
    /// BusyBox for everything, wget among it.
    fn busybox() -> Self {
        let machine = Self::with_tools(&[]);
        for applet in [
            "sh",
            "cat",
            "chmod",
            "cp",
            "mkdir",
            "mktemp",
            "mv",
            "rm",
            "sha256sum",
            "uname",
            "wget",
        ] {
            symlink("/bin/busybox", machine.bin().join(applet)).unwrap();
        }
        machine
    }

    #[cfg(target_os = "linux")]
    /// These programs of the system and no others, but for what the script needs in any case.
    fn with_tools(tools: &[&str]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let bin = temp.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let machine = Self {
            path: bin.display().to_string(),
            shell: bin.join("sh"),
            temp,
            environment: Vec::new(),
        };
        for tool in tools {
            let real = ["/usr/bin", "/bin"]
                .map(|folder| Path::new(folder).join(tool))
                .into_iter()
                .find(|path| path.exists());
            symlink(real.expect(tool), machine.bin().join(tool)).unwrap();
        }
        machine
    }

    fn bin(&self) -> PathBuf {
        self.temp.path().join("bin")
    }

    fn program(&self, name: &str, script: &str) {
        std::fs::create_dir_all(self.bin()).unwrap();
        let path = self.bin().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn installed(&self) -> PathBuf {
        self.temp.path().join(".local/bin")
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.installed())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Runs what the Hub answers, as `curl … | sh` would.
    async fn run(&self, script: &str) -> Output {
        let file = self.temp.path().join("install.sh");
        std::fs::write(&file, script).unwrap();
        let mut shell = command(self.shell.to_str().unwrap(), &[]);
        shell
            .arg(&file)
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", self.temp.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.temp.path());
        // The server runs in this thread.
        let running = tokio::task::spawn_blocking(move || shell.output().unwrap());
        running.await.unwrap()
    }
}

async fn script(server: &Server) -> String {
    let answer = server.get(SCRIPT).await;
    assert_eq!(answer.status(), 200);
    let kind = header(&answer, "content-type");
    assert_eq!(kind, "text/x-shellscript; charset=utf-8");
    answer.text().await.unwrap()
}

/// A Hub with a runner and its daemon for the machine that this runs on, and for others.
async fn hub(version: &str) -> Server {
    let server = Server::start().await;
    publish(&server, version).await;
    server
}

async fn publish(server: &Server, version: &str) {
    for product in ["runner", "runnerd"] {
        for platform in ["linux/x64", "linux/arm64", "macos/arm64"] {
            let name = format!("atlas-{product}-{}", platform.replace('/', "-"));
            server.release(product, version, platform, &[&name]).await;
        }
    }
}

fn this_platform() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "linux/arm64"
    } else {
        "linux/x64"
    }
}

fn released(product: &str, version: &str, platform: &str) -> Vec<u8> {
    let name = format!("atlas-{product}-{}", platform.replace('/', "-"));
    contents(product, version, platform, &name)
}

fn assert_installed(machine: &Machine, version: &str, platform: &str) {
    assert_eq!(machine.names(), ["atlas-runner", "atlas-runnerd"]);
    for (product, name) in [("runner", "atlas-runner"), ("runnerd", "atlas-runnerd")] {
        let path = machine.installed().join(name);
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes == released(product, version, platform), "{name}");
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o755, "{name}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn shells_and_tools_of_all_kinds_install_and_update() {
    let server = hub("1.2.3").await;
    let usual = [
        "sh", "chmod", "cp", "mkdir", "mktemp", "mv", "rm", "uname", "perl",
    ];
    let other = |tools: &[&'static str]| Machine::with_tools(&[&usual[..], tools].concat());
    let machines = [
        Machine::usual(),
        Machine::busybox(),
        other(&["wget", "shasum"]),
        other(&["curl", "openssl"]),
    ];
    for version in ["1.2.3", "1.2.10"] {
        publish(&server, version).await;
        let script = script(&server).await;
        for (index, machine) in machines.iter().enumerate() {
            let done = machine.run(&script).await;
            let said = text(&done.stderr);
            assert!(done.status.success(), "{index}: {said}");
            assert!(done.stdout.is_empty());
            assert_installed(machine, version, this_platform());
            let names = format!("atlas-runner {version}, atlas-runnerd {version}: in ");
            assert!(said.contains(&names), "{said}");
            assert!(said.contains("is not in PATH yet"), "{said}");
        }
    }
}

#[tokio::test]
async fn the_folder_and_the_platform_are_the_machines() {
    let server = hub("1.2.3").await;
    let script = script(&server).await;
    let mut machine = Machine::usual();
    machine.path = format!("{}:/usr/bin:/bin", machine.bin().display());
    // A shell that is translated on an Arm Mac.
    machine.program(
        "uname",
        "case $1 in -s) echo Darwin ;; *) echo x86_64 ;; esac",
    );
    machine.program("sysctl", "echo 1");
    machine.environment = vec![("ATLAS_INSTALL_DIR", "my programs".to_owned())];
    let done = machine.run(&script).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    let path = machine.temp.path().join("my programs/atlas-runner");
    assert!(std::fs::read(path).unwrap() == released("runner", "1.2.3", "macos/arm64"));

    for (system, machine_name, says) in [
        ("Linux", "m68k", "m68k is not supported"),
        ("SunOS", "x86_64", "SunOS is not supported"),
        ("Darwin", "x86_64", "no release for macos-x64"),
    ] {
        let uname = format!("case $1 in -s) echo {system} ;; *) echo {machine_name} ;; esac");
        machine.program("uname", &uname);
        machine.program("sysctl", "exit 1");
        machine.environment.clear();
        let done = machine.run(&script).await;
        assert_eq!(done.status.code(), Some(1));
        let said = text(&done.stderr);
        assert!(said.contains(says), "{said}");
        assert!(!machine.installed().join("atlas-runner").exists());
    }
}

#[tokio::test]
async fn wrong_bytes_replace_nothing() {
    let server = hub("1.0.0").await;
    let machine = Machine::usual();
    let done = machine.run(&script(&server).await).await;
    assert!(done.status.success());
    let platform = this_platform();

    publish(&server, "2.0.0").await;
    let script = script(&server).await;
    // The daemon is right, the runner is not; then the other way round.
    for product in ["runner", "runnerd"] {
        let right = released(product, "2.0.0", platform);
        let files = server.files("blobs");
        let blob = files
            .into_iter()
            .find(|file| std::fs::read(file).unwrap() == right)
            .unwrap();
        let mut wrong = right.clone();
        wrong[0] ^= 1;
        std::fs::write(&blob, &wrong).unwrap();
        let done = machine.run(&script).await;
        assert_eq!(done.status.code(), Some(1));
        let said = text(&done.stderr);
        let expected = format!("atlas-{product} 2.0.0 did not arrive as it was released");
        assert!(said.contains(&expected), "{said}");
        assert_installed(&machine, "1.0.0", platform);
        // And where nothing was, nothing is.
        let fresh = Machine::usual();
        assert!(!fresh.run(&script).await.status.success());
        assert!(fresh.names().is_empty());
        // A file that is gone is an error of the download.
        std::fs::remove_file(&blob).unwrap();
        let said = text(&machine.run(&script).await.stderr);
        assert!(said.contains("cannot load"), "{said}");
        assert_installed(&machine, "1.0.0", platform);
        std::fs::write(&blob, &right).unwrap();
    }
    let done = machine.run(&script).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_installed(&machine, "2.0.0", platform);
}

/// The second of the two replacements fails, or the script is ended between them.
#[tokio::test]
async fn what_was_there_comes_back_when_replacing_fails_half_way() {
    let server = hub("1.0.0").await;
    let mut machine = Machine::usual();
    let first = script(&server).await;
    publish(&server, "2.0.0").await;
    let second = script(&server).await;
    machine.path = format!("{}:/usr/bin:/bin", machine.bin().display());
    for failure in ["exit 1", "kill -TERM $PPID; exit 1"] {
        machine.program("mv", "exec /bin/mv \"$@\"");
        assert!(machine.run(&first).await.status.success());
        let mv =
            format!("case $2 in *.old) ;; */atlas-runner) {failure} ;; esac\nexec /bin/mv \"$@\"");
        machine.program("mv", &mv);
        let done = machine.run(&second).await;
        assert!(!done.status.success());
        assert_installed(&machine, "1.0.0", this_platform());
        // Where there was nothing before, nothing stays.
        std::fs::remove_dir_all(machine.installed()).unwrap();
        assert!(!machine.run(&second).await.status.success());
        assert!(machine.names().is_empty());
    }
}

#[tokio::test]
async fn a_script_that_arrives_in_part_does_nothing() {
    let server = hub("1.0.0").await;
    let script = script(&server).await;
    for part in [10, 30, 50, 70, 90, 99] {
        let machine = Machine::usual();
        let cut = &script[..script.len() * part / 100];
        machine.run(cut).await;
        assert!(!machine.installed().exists(), "{part} %");
    }
}

#[tokio::test]
async fn there_is_a_script_when_there_is_a_runner() {
    let server = Server::start().await;
    error(server.get(SCRIPT).await, 404).await;
    server
        .release("runnerd", "1.0.0", "linux/x64", &["d"])
        .await;
    server
        .release("runner", "1.0.0", "windows/x64", &["r.exe"])
        .await;
    error(server.get(SCRIPT).await, 404).await;
    server
        .release("runner", "1.0.0", "linux/arm64", &["r"])
        .await;
    let forged = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
    ];
    let answer = server.ask(reqwest::Method::GET, SCRIPT, &forged).await;
    assert_eq!(header(&answer, "cache-control"), "public, max-age=60");
    let tag = header(&answer, "etag").to_owned();
    let script = answer.text().await.unwrap();
    assert!(
        script.contains(&format!("hub='{}'", server.base)),
        "{script}"
    );
    assert!(
        !script.contains("evil") && !script.contains('@'),
        "{script}"
    );
    assert!(script.contains("linux-arm64)") && !script.contains("linux-x64)"));
    let again = server
        .ask(reqwest::Method::HEAD, SCRIPT, &[("if-none-match", &tag)])
        .await;
    assert_eq!(again.status(), 304);
}

/// Products that are shown in one call are in the script together, whenever it is asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_is_of_one_moment() {
    let server = hub("1.0.0").await;
    let platforms = ["linux/x64", "linux/arm64", "macos/arm64"];
    let is_over = AtomicBool::new(false);
    let showing = async {
        for minor in 1..=6 {
            let version = format!("1.{minor}.0");
            let mut releases = Vec::new();
            for product in ["runner", "runnerd"] {
                for platform in platforms {
                    let body = server.release_body(product, &version, platform, &["p"]);
                    let mut body = body.await;
                    body["draft"] = json!(true);
                    server.publish(product, &body).await;
                    releases.push(json!({
                        "product": product, "version": version, "channel": "stable",
                        "platforms": [body["platform"]],
                    }));
                }
            }
            let all = json!({"releases": releases});
            let shown = server.post("/api/v1/releases/finalize", &all).await;
            assert_eq!(shown.status(), 200);
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let reading = async {
        while !is_over.load(Ordering::SeqCst) {
            let script = script(&server).await;
            let fetched = script.lines().map(str::trim).filter_map(|line| {
                let words = line.strip_prefix("fetch atlas-")?;
                words.split(' ').nth(1)
            });
            let mut versions: Vec<&str> = fetched.collect();
            assert_eq!(versions.len(), 6, "{script}");
            versions.dedup();
            assert_eq!(versions.len(), 1, "{versions:?}");
        }
    };
    tokio::join!(showing, reading);
}
