//! `.deb`, by dpkg.

use crate::support::*;
use packages::write_deb;
use std::fs;
use std::path::PathBuf;
use test_support::Sandbox;
use test_support::roots::dpkg;

fn made(sandbox: &Sandbox, version: &str) -> PathBuf {
    let out = sandbox.root().join(format!("demo-{version}.deb"));
    write_deb(&package(sandbox, version), &out).unwrap();
    out
}

#[test]
fn a_candidate_is_installed_upgraded_to_the_final_and_removed() {
    let sandbox = Sandbox::new();
    let root = sandbox.root().join("root");
    for version in ["1.4.0-rc.2", "1.4.0-rc.10", "1.4.0"] {
        let deb = made(&sandbox, version);
        let run = dpkg(&sandbox, &root, &["--install", deb.to_str().unwrap()]).exits(0);
        assert!(!run.stderr.contains("downgrading"), "{run}");
        assert!(!run.stderr.contains("warning"), "{run}");
        assert_eq!(said(&sandbox, &root), format!("demo {version}\n"));
    }
    let status = dpkg(&sandbox, &root, &["--status", "demo-tool"]).exits(0);
    assert!(status.stdout.contains("\nVersion: 1.4.0\n"), "{status}");
    assert!(
        status.stdout.contains("\nStatus: install ok installed\n"),
        "{status}"
    );
    // By the digests that it brought.
    let verified = dpkg(&sandbox, &root, &["--verify", "demo-tool"]).exits(0);
    assert_eq!(verified.stdout, "");
    assert_eq!(
        installed(&root),
        [
            "usr/bin/demo",
            "usr/share/bash-completion/completions/demo",
            "usr/share/man/man1/demo.1.gz",
        ]
    );
    // And back is what it is called.
    let deb = made(&sandbox, "1.4.0-rc.10");
    dpkg(&sandbox, &root, &["--install", deb.to_str().unwrap()])
        .exits(0)
        .says(&["downgrading demo-tool from 1.4.0 to 1.4.0~rc.10"]);

    dpkg(&sandbox, &root, &["--remove", "demo-tool"]).exits(0);
    assert!(installed(&root).is_empty());
    assert!(!root.join("usr").exists(), "its folders go with it");
}

#[test]
fn dpkg_reads_what_it_says_of_itself() {
    let sandbox = Sandbox::new();
    let deb = made(&sandbox, "1.4.0-rc.1+build.5");
    let deb = deb.to_str().unwrap();
    let fields = sandbox
        .invoke("dpkg-deb")
        .args(["--field", deb])
        .run()
        .exits(0);
    let expected = format!(
        "Package: demo-tool\nVersion: 1.4.0~rc.1+build.5\nArchitecture: {}\n\
         Maintainer: Demo Team <demo@example.com>\nInstalled-Size: 11\nSection: devel\n\
         Priority: optional\nHomepage: https://example.com/demo\n\
         Description: Shows how it is done\n In two paragraphs.\n .\n This is the second.\n",
        if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "amd64"
        }
    );
    assert_eq!(fields.stdout, expected);
    assert_eq!(fields.stderr, "");
    let listed = sandbox
        .invoke("dpkg-deb")
        .args(["--contents", deb])
        .env("TZ", "UTC")
        .run()
        .exits(0)
        .stdout;
    for line in [
        "drwxr-xr-x root/root         0 2023-11-14 22:13 ./",
        "drwxr-xr-x root/root         0 2023-11-14 22:13 ./usr/bin/",
        "-rwxr-xr-x root/root        39 2023-11-14 22:13 ./usr/bin/demo",
        "-rw-r--r-- root/root        31 2023-11-14 22:13 ./usr/share/man/man1/demo.1.gz",
    ] {
        assert!(listed.contains(&format!("{line}\n")), "{listed}");
    }
}

/// What is taken and what is refused is what dpkg takes and refuses.
#[test]
fn needs_that_dpkg_cannot_read_are_never_packed() {
    let sandbox = Sandbox::new();
    let out = sandbox.root().join("demo.deb");
    let mut package = package(&sandbox, "1.0.0");
    let root = sandbox.root().join("root");
    package.depends = [
        "dpkg (>= 1:0.1-1~x) | bash:any, coreutils",
        "libstdc++6 ( >> 4.1~rc1 )",
    ]
    .map(str::to_owned)
    .into();
    write_deb(&package, &out).unwrap();
    let args = ["--unpack", out.to_str().unwrap()];
    let run = dpkg(&sandbox, &root, &args).exits(0);
    assert!(!run.stderr.contains("warning"), "{run}");
    for bad in [
        "git (>= 1",
        "git (>=",
        "Git Hub",
        "aa,,bb",
        ", ",
        "${shlibs:Depends}",
        "libfoo (>= 1.0~~_x)",
    ] {
        package.depends = vec![bad.to_owned()];
        let error = write_deb(&package, &out).unwrap_err().to_string();
        assert!(error.starts_with("the dependency `"), "{error}");
    }
}

#[test]
fn a_long_path_is_installed_too() {
    let sandbox = Sandbox::new();
    let root = sandbox.root().join("root");
    let long = format!("usr/share/demo/{}/file", "long".repeat(40));
    let mut package = package(&sandbox, "1.0.0");
    package.files.push(packages::Entry::bytes(&long, "x"));
    let out = sandbox.root().join("demo.deb");
    write_deb(&package, &out).unwrap();
    dpkg(&sandbox, &root, &["--install", out.to_str().unwrap()]).exits(0);
    assert_eq!(fs::read_to_string(root.join(long)).unwrap(), "x");
}

#[test]
fn what_cannot_be_made_leaves_what_was_there() {
    let sandbox = Sandbox::new();
    let out = sandbox.root().join("out/demo.deb");
    fs::create_dir(out.parent().unwrap()).unwrap();
    fs::write(&out, "before").unwrap();
    let mut package = package(&sandbox, "1.0.0");
    package.files.push(packages::Entry::program(
        "usr/bin/gone",
        sandbox.root().join("gone"),
    ));
    let error = write_deb(&package, &out).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        source.contains("cannot read") && source.contains("/gone"),
        "{source}"
    );
    assert!(packages::write_rpm(&package, &out).is_err());
    assert!(packages::write_zip(&package.files, 0, &out).is_err());
    assert_eq!(fs::read_to_string(&out).unwrap(), "before");
    let left = fs::read_dir(out.parent().unwrap()).unwrap();
    assert_eq!(left.count(), 1, "nothing is left beside it");
}
