//! The outside world as values: environment, folder, host, clock and process runner enter here and
//! are passed on, so that a test can choose each of them.

use process::{AllowList, Command, Env, Runner};
use release_types::{Arch, Os, Platform};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What the program was started with and in.
#[derive(Debug, Clone)]
pub struct World {
    /// The environment, as it was at the start.
    pub env: Env,
    /// The folder relative paths start at.
    pub cwd: PathBuf,
    /// The platform this program runs on.
    pub host: Platform,
    /// This program's own file.
    pub exe: PathBuf,
    /// What starts children and ends them when the run is interrupted.
    pub runner: Runner,
    /// The time.
    pub now: fn() -> jiff::Timestamp,
}

impl World {
    /// The world of this process.
    ///
    /// # Errors
    /// When the system does not tell the working folder or this program's path, or the host is
    /// none of the six platforms.
    pub fn capture(runner: Runner) -> std::io::Result<Self> {
        let host = host().ok_or_else(|| {
            std::io::Error::other(format!(
                "{} on {} is none of the supported platforms",
                std::env::consts::OS,
                std::env::consts::ARCH
            ))
        })?;
        let cwd = std::env::current_dir()?;
        Ok(Self {
            env: with_home(Env::capture(), std::env::home_dir(), &cwd),
            cwd,
            host,
            exe: std::env::current_exe()?,
            runner,
            now: jiff::Timestamp::now,
        })
    }

    /// A path as given by a person, made absolute against the working folder.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.cwd.join(path).components().collect()
    }

    /// Finds a program on `PATH`.
    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        which::which_in(name, self.env.get("PATH"), &self.cwd).ok()
    }

    /// Finds a program on `PATH`, and takes one that is no script where there is such a one: a
    /// version manager's script costs a fraction of a second each time, which is much for what is
    /// started for each compilation.
    pub fn find_native_program(&self, name: &str) -> Option<PathBuf> {
        let all = which::which_in_all(name, self.env.get("PATH"), &self.cwd).ok()?;
        let all: Vec<PathBuf> = all.collect();
        let native = all.iter().find(|path| !is_script(path));
        native.or(all.first()).cloned()
    }

    /// A command for a child that may see what `allowed` lets through.
    pub fn command(&self, program: impl Into<PathBuf>, allowed: &AllowList) -> Command {
        Command::new(program).envs(&self.env.allowed(allowed))
    }

    /// Does work that reads much where it holds up nothing, neither signals nor a server in this process. Nothing
    /// when the run is interrupted before it is done.
    pub async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let task = tokio::task::spawn_blocking(work);
        tokio::select! {
            done = task => match done {
                Ok(done) => Some(done),
                // It is never cancelled, so it can only have panicked.
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            },
            () = self.runner.cancellation().cancelled() => None,
        }
    }

    /// cargo's own folder: `CARGO_HOME`, by default `.cargo` in the home folder.
    pub fn cargo_home(&self) -> Option<PathBuf> {
        let named = |name| {
            let value = self.env.get(name).filter(|value| !value.is_empty());
            value.map(PathBuf::from)
        };
        let home = || named("HOME").or_else(|| named("USERPROFILE"));
        named("CARGO_HOME").or_else(|| home().map(|home| home.join(".cargo")))
    }

    /// The folder for temporary files, as this system's programs find it: `TMPDIR`, else `/tmp`; on
    /// Windows `TMP`, `TEMP`, or the user's folder. Everything temporary is made here, so that a test
    /// that has chosen the environment has chosen this too.
    pub fn temp_dir(&self) -> PathBuf {
        let (names, last): (&[&str], &str) = match self.host.os {
            Os::Windows => (&["TMP", "TEMP", "USERPROFILE"], "."),
            Os::Linux | Os::Macos => (&["TMPDIR"], "/tmp"),
        };
        let mut named = names.iter().filter_map(|name| self.env.get(name));
        let named = named.find(|value| !value.is_empty());
        self.absolute(named.map_or(Path::new(last), Path::new))
    }

    /// Whether this is a job of GitHub Actions.
    pub fn in_github_actions(&self) -> bool {
        self.env.get("GITHUB_ACTIONS").is_some_and(|v| v == "true")
    }
}

/// An environment that says where the home folder is. Without `HOME` tools take the account's, each by
/// itself; the remaps of folders have to know it as well, and cargo's own, which may be said from the
/// folder that this program is started in.
fn with_home(mut env: Env, account: Option<PathBuf>, cwd: &Path) -> Env {
    let is_said = ["HOME", "USERPROFILE"].iter().any(|name| env.is_set(name));
    if let (false, Some(home)) = (is_said, account.filter(|home| home.is_absolute())) {
        env.set("HOME", home);
    }
    if let Some(named) = env.get("CARGO_HOME").filter(|named| !named.is_empty()) {
        let absolute = cwd.join(named);
        env.set("CARGO_HOME", absolute);
    }
    env
}

/// Whether a file begins as scripts do. What cannot be read is none.
fn is_script(path: &Path) -> bool {
    let mut start = [0; 2];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"#!"
}

/// The platform this program was built for, if it is one of the six.
fn host() -> Option<Platform> {
    let os: Os = std::env::consts::OS.parse().ok()?;
    let arch = match std::env::consts::ARCH {
        "x86_64" => Arch::X64,
        "aarch64" => Arch::Arm64,
        _ => return None,
    };
    Some(Platform::new(os, arch))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn without_home_it_is_the_accounts() {
        let home = |vars: &[(&str, &str)], account: Option<&str>| {
            let env = vars.iter().copied().collect();
            let env = with_home(env, account.map(PathBuf::from), Path::new("/w"));
            let name = if env.is_set("CARGO_HOME") {
                "CARGO_HOME"
            } else {
                "HOME"
            };
            let home = env
                .get(name)
                .map(|home| home.to_string_lossy().into_owned());
            home.unwrap_or_default()
        };
        assert_eq!(home(&[("CARGO_HOME", "c")], None), "/w/c");
        assert_eq!(home(&[("CARGO_HOME", "/c")], None), "/c");
        assert_eq!(home(&[], Some("/home/me")), "/home/me");
        assert_eq!(home(&[("HOME", "")], Some("/home/me")), "/home/me");
        assert_eq!(home(&[("HOME", "/other")], Some("/home/me")), "/other");
        assert_eq!(home(&[("USERPROFILE", "C:/u")], Some("/home/me")), "");
        // What an empty HOME makes of it.
        assert_eq!(home(&[], Some("")), "");
        assert_eq!(home(&[], None), "");
    }

    #[test]
    fn temporary_files_are_where_the_given_environment_says() {
        let mut world = World::capture(Runner::default()).unwrap();
        world.cwd = "/here".into();
        let at = |world: &mut World, os, vars: &[(&str, &str)]| {
            world.host = Platform::new(os, Arch::X64);
            world.env = vars.iter().copied().collect();
            world.temp_dir()
        };
        for os in [Os::Linux, Os::Macos] {
            let given = [("TMPDIR", "/t"), ("TMP", "/u")];
            assert_eq!(at(&mut world, os, &given), Path::new("/t"));
            assert_eq!(at(&mut world, os, &[("TMPDIR", "t")]), Path::new("/here/t"));
            assert_eq!(at(&mut world, os, &[("TMPDIR", "")]), Path::new("/tmp"));
        }
        let windows = |world: &mut World, vars: &[(&str, &str)]| at(world, Os::Windows, vars);
        let given = [("TMPDIR", "/t"), ("TEMP", "/u"), ("USERPROFILE", "/p")];
        assert_eq!(windows(&mut world, &given), Path::new("/u"));
        assert_eq!(windows(&mut world, &given[2..]), Path::new("/p"));
        assert_eq!(windows(&mut world, &[]), Path::new("/here"));
    }

    #[test]
    fn a_program_that_is_no_script_is_preferred_wherever_it_stands_on_path() {
        let dir = tempfile::tempdir().unwrap();
        let mut world = World::capture(Runner::default()).unwrap();
        let folders = ["shims", "more", "bin"].map(|name| dir.path().join(name));
        world.env = Env::default();
        world
            .env
            .set("PATH", std::env::join_paths(&folders).unwrap());
        assert_eq!(world.find_native_program("tool"), None);
        let add = |folder: &Path, bytes: &[u8], mode| {
            let path = folder.join("tool");
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(&path, bytes).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let script = add(&folders[0], b"#!/bin/sh\n", 0o755);
        // Nobody could run this one.
        add(&folders[1], b"\x7fELF", 0o644);
        assert_eq!(world.find_native_program("tool"), Some(script.clone()));
        let native = add(&folders[2], b"\x7fELF", 0o755);
        assert_eq!(world.find_native_program("tool"), Some(native));
        assert_eq!(world.find_program("tool"), Some(script));
    }
}
