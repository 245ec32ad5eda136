//! Watching a run from outside: every program that is started, with arguments and environment, by
//! strace; and all of `/proc`, again and again, while it goes on.

use process::Command;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A command under strace, which writes every program that is started into `log`.
pub fn traced(command: &Command, log: &Path) -> Command {
    Command::new("strace")
        .envs(command.environment())
        .args([
            "-f",
            "--seccomp-bpf",
            "-v",
            "-s",
            "1000000",
            "-e",
            "trace=execve",
            "-e",
            "signal=none",
            "-o",
        ])
        .arg(log)
        .arg(command.program())
        .args(command.arguments().iter().cloned())
        .cwd(super::workspace())
}

/// The lines of a trace that say a program was started, each with its arguments.
pub fn started(log: &Path) -> Vec<String> {
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap()).into_owned();
    text.lines()
        .filter(|line| line.contains("execve(") && !line.contains(" = -1 "))
        .map(str::to_owned)
        .collect()
}

/// Somebody who looks at all processes all the time.
pub struct ProcWatch {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<String>>,
}

impl ProcWatch {
    /// Looks for the values in arguments and environments until it is stopped, except in the
    /// processes whose program is `entitled`.
    pub fn start(values: Vec<String>, entitled: Vec<PathBuf>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut found = Vec::new();
            while !seen.load(Ordering::Relaxed) {
                look(&values, &entitled, &mut found);
                std::thread::sleep(Duration::from_millis(20));
            }
            found
        });
        Self { stop, thread }
    }

    /// What was found: the program and which of its files held a value.
    pub fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn look(values: &[String], entitled: &[PathBuf], found: &mut Vec<String>) {
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let dir = entry.path();
        let is_process = entry
            .file_name()
            .to_string_lossy()
            .bytes()
            .all(|b| b.is_ascii_digit());
        if !is_process {
            continue;
        }
        let exe = std::fs::read_link(dir.join("exe")).unwrap_or_default();
        for file in ["cmdline", "environ"] {
            let Ok(bytes) = std::fs::read(dir.join(file)) else {
                continue;
            };
            let held = values.iter().any(|value| holds(&bytes, value));
            if held && !entitled.contains(&exe) {
                found.push(format!("{} {file}", exe.display()));
            }
        }
    }
}

/// Whether bytes hold a text.
pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// The files below a folder that hold one of the values.
pub fn files_with(dir: &Path, values: &[String]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files_with(&path, values));
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            if values.iter().any(|value| holds(&bytes, value)) {
                found.push(path);
            }
        }
    }
    found
}
