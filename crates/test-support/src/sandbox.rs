//! A place of its own for a test: nothing it runs sees this user's files or environment.

use crate::Invocation;
use process::Env;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A temporary folder with a home, a state and a dist folder in it, and the environment that
/// programs get there. Everything in it is removed when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    _temp: TempDir,
    root: PathBuf,
    env: Env,
}

impl Sandbox {
    /// A new, empty one.
    pub fn new() -> Self {
        let temp = tempfile::Builder::new()
            .prefix("sandbox-")
            .tempdir()
            .expect("a temporary folder");
        // Programs tell resolved paths, and on macOS the temporary folder is a link.
        let root = temp.path().canonicalize().unwrap();
        for folder in ["home", "tmp"] {
            std::fs::create_dir(root.join(folder)).unwrap();
        }
        let env = environment(&Env::capture(), &root);
        Self {
            _temp: temp,
            root,
            env,
        }
    }

    /// The folder that everything lies in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where programs may keep state. Not there until one does.
    pub fn state_dir(&self) -> PathBuf {
        self.root.join("state")
    }

    /// Where builds may be staged. Not there until one is.
    pub fn dist_dir(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// The folder for temporary files of the programs that are run here.
    pub fn tmp_dir(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// What a program's environment is here: `PATH`, a home and a temporary folder of its own, and
    /// where Rust is.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// A program to be run here, in the sandbox's folder.
    pub fn invoke(&self, program: impl Into<PathBuf>) -> Invocation {
        Invocation::new(program.into(), self.env.clone(), self.root.clone())
    }

    /// The running programs that name this sandbox in their command line: what a run has left
    /// behind. Known on Linux alone; elsewhere always empty.
    pub fn processes(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
            .filter(|line| line.contains(&*self.root.to_string_lossy()))
            .collect()
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

fn environment(real: &Env, root: &Path) -> Env {
    let mut env = Env::default();
    if let Some(path) = real.get("PATH") {
        env.set("PATH", path);
    }
    env.set("HOME", root.join("home"));
    env.set("TMPDIR", root.join("tmp"));
    for (name, below_home) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let dir = real.get(name).map(PathBuf::from).or_else(|| {
            let home = real.get("HOME")?;
            Some(Path::new(home).join(below_home))
        });
        if let Some(dir) = dir {
            env.set(name, dir);
        }
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_this_users_environment_gets_in_but_where_tools_are() {
        let real: Env = [
            ("PATH", "/bin"),
            ("HOME", "/home/me"),
            ("RUSTUP_HOME", "/rustup"),
            ("ATLAS_APP_DEPLOY_TOKEN", "secret"),
            ("CARGO_TARGET_DIR", "/elsewhere"),
        ]
        .into_iter()
        .collect();
        let env = environment(&real, Path::new("/box"));
        let shown: Vec<String> = env
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        assert_eq!(
            shown,
            [
                "CARGO_HOME=/home/me/.cargo",
                "HOME=/box/home",
                "PATH=/bin",
                "RUSTUP_HOME=/rustup",
                "TMPDIR=/box/tmp",
            ]
        );
    }
}
