//! A package to install, and a root to install it into.

use packages::{Entry, Package, compressed};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use test_support::Sandbox;

/// A program for a version, as it was built: not yet executable by others, at some time.
pub fn program(sandbox: &Sandbox, version: &str) -> PathBuf {
    let path = sandbox.root().join(format!("built-{version}"));
    fs::write(&path, format!("#!/bin/sh\necho demo {version}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

/// A package of it, with all that belongs to a program.
pub fn package(sandbox: &Sandbox, version: &str) -> Package {
    let page = compressed(b".TH demo 1\n").unwrap();
    Package {
        name: "demo-tool".to_owned(),
        version: version.parse().unwrap(),
        arch: match std::env::consts::ARCH {
            "aarch64" => release_types::Arch::Arm64,
            _ => release_types::Arch::X64,
        },
        maintainer: "Demo Team <demo@example.com>".to_owned(),
        summary: "Shows how it is done".to_owned(),
        description: "In two paragraphs.\n\nThis is the second.".to_owned(),
        license: "MIT OR Apache-2.0".to_owned(),
        homepage: Some("https://example.com/demo".to_owned()),
        section: "devel".to_owned(),
        depends: Vec::new(),
        modified: 1_700_000_000,
        files: vec![
            Entry::bytes("usr/share/man/man1/demo.1.gz", page),
            Entry::program("usr/bin/demo", program(sandbox, version)),
            Entry::bytes(
                "usr/share/bash-completion/completions/demo",
                "complete -F _demo demo\n",
            ),
        ],
    }
}

/// The files below a folder, but for what a package manager keeps of its own.
pub fn installed(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    collect(root, root, &mut found);
    found.retain(|path| !path.starts_with("var/"));
    found.sort();
    found
}

fn collect(root: &Path, dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(root, &path, found),
            false => found.push(path.strip_prefix(root).unwrap().display().to_string()),
        }
    }
}

/// What the installed program says.
pub fn said(sandbox: &Sandbox, root: &Path) -> String {
    sandbox
        .invoke(root.join("usr/bin/demo"))
        .run()
        .exits(0)
        .stdout
}
