//! Folders for `PATH`: one that hides tools, and one with false ones.

use process::Env;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// Fills a folder with links to every program on this machine's `PATH` but the hidden ones, and
/// returns it: a `PATH` of one folder, on which those are missing and nothing else is.
pub fn path_without(dir: &Path, hidden: &[&str]) -> PathBuf {
    fs::create_dir_all(dir).unwrap();
    let real = Env::capture();
    let folders = std::env::split_paths(real.get("PATH").unwrap());
    let mut seen: BTreeSet<OsString> = hidden.iter().map(OsString::from).collect();
    for entry in folders.filter_map(|folder| fs::read_dir(folder).ok()) {
        for entry in entry.flatten() {
            if entry.path().is_file() && seen.insert(entry.file_name()) {
                symlink(entry.path(), dir.join(entry.file_name())).unwrap();
            }
        }
    }
    dir.to_owned()
}

/// Programs that are not what their names say. Each writes down how it was called, then does what
/// its script says.
#[derive(Debug)]
pub struct FakeTools {
    dir: PathBuf,
}

impl FakeTools {
    /// None yet, in a folder of their own.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        fs::create_dir_all(&dir).unwrap();
        Self { dir }
    }

    /// Adds one: a POSIX shell script that begins after its call was written down.
    pub fn add(&self, name: &str, script: &str) {
        let path = self.dir.join(name);
        let log = self.log(name);
        let text = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\n{script}\n",
            log.display()
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The arguments of each call so far, in one line each.
    pub fn calls(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.log(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A `PATH` on which these come before all others of an environment.
    pub fn path_before(&self, env: &Env) -> OsString {
        let rest = std::env::split_paths(env.get("PATH").unwrap());
        std::env::join_paths(std::iter::once(self.dir.clone()).chain(rest)).unwrap()
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.join(format!(".{name}.calls"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sandbox;

    #[test]
    fn what_is_hidden_is_missing_and_nothing_else_is() {
        let sandbox = Sandbox::new();
        let dir = path_without(&sandbox.root().join("bin"), &["git"]);
        assert!(!dir.join("git").exists());
        assert!(dir.join("sh").exists() && dir.join("cargo").exists());
    }

    #[test]
    fn a_false_tool_comes_first_and_remembers_its_calls() {
        let sandbox = Sandbox::new();
        let tools = FakeTools::new(sandbox.root().join("bin"));
        tools.add("git", "echo not really; exit 5");
        let path = tools.path_before(sandbox.env());
        let run = sandbox
            .invoke("/bin/sh")
            .args(["-c", "git tell me"])
            .env("PATH", path)
            .run()
            .exits(5);
        assert_eq!(run.stdout, "not really\n");
        assert_eq!(tools.calls("git"), ["tell me"]);
        assert!(tools.calls("hg").is_empty());
    }
}
