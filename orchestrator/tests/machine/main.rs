//! The whole way on the real programs of this workspace, and the real installation of tools: what
//! takes a real machine and some minutes. Needs Linux, strace, and root for the installation.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod install;
mod real_release;
mod watch;

use process::{AllowList, Command, Env};
use std::path::{Path, PathBuf};

/// The program under test.
const ATLAS_RELEASE: &str = env!("CARGO_BIN_EXE_atlas-release");

/// This workspace.
fn workspace() -> PathBuf {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    parent.expect("the package has a parent folder").to_owned()
}

/// What a program is started with by a person who has Rust and nothing unusual.
fn plain_env(home: &Path) -> Env {
    let real = Env::capture();
    let mut env = real.allowed(&AllowList::of(&["PATH"]).network());
    env.set("HOME", home);
    // Rust is where it is; only the rest of the home folder is a fresh one.
    let rust = |name: &str, below: &str| {
        real.get(name)
            .map(PathBuf::from)
            .or_else(|| real.get("HOME").map(|home| Path::new(home).join(below)))
    };
    for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        if let Some(dir) = rust(name, below) {
            env.set(name, dir);
        }
    }
    for name in [
        "RUSTUP_TOOLCHAIN",
        "RUSTUP_AUTO_INSTALL",
        "PIP_FIND_LINKS",
        "PIP_INDEX_URL",
        "PIP_CERT",
    ] {
        if let Some(value) = real.get(name) {
            env.set(name, value);
        }
    }
    env
}

/// `atlas-release` with these arguments, in this workspace.
fn atlas_release(env: &Env, args: &[&str]) -> Command {
    Command::new(ATLAS_RELEASE)
        .envs(env)
        .args(args.iter().copied())
        .cwd(workspace())
}

/// The last line of JSON output, which is the receipt of a run that went well.
fn receipt(stdout: &str) -> serde_json::Value {
    let lines: Vec<serde_json::Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    let last = lines.last().expect("there is output").clone();
    assert_eq!(last["event"], "receipt", "{last}");
    last
}
