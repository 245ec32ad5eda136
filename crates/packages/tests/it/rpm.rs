//! `.rpm`, by rpm.

use crate::support::*;
use packages::write_rpm;
use std::path::PathBuf;
use test_support::roots::rpm;
use test_support::{Finished, Sandbox};

fn made(sandbox: &Sandbox, version: &str) -> PathBuf {
    let out = sandbox.root().join(format!("demo-{version}.rpm"));
    let mut package = package(sandbox, version);
    package.depends = vec![
        "git >= 2.30".to_owned(),
        "libc.so.6(GLIBC_2.34)(64bit)".to_owned(),
    ];
    write_rpm(&package, &out).unwrap();
    out
}

fn asked(sandbox: &Sandbox, args: &[&str]) -> Finished {
    sandbox
        .invoke("rpm")
        .args(args.iter().copied())
        .run()
        .exits(0)
}

#[test]
fn a_candidate_is_installed_upgraded_to_the_final_and_removed() {
    let sandbox = Sandbox::new();
    let root = sandbox.root().join("root");
    let files = [
        "usr/bin/demo",
        "usr/share/bash-completion/completions/demo",
        "usr/share/man/man1/demo.1.gz",
    ];
    for version in ["1.4.0-rc.2", "1.4.0-rc.10", "1.4.0"] {
        let file = made(&sandbox, version);
        let args = ["--upgrade", "--nodeps", file.to_str().unwrap()];
        rpm(&sandbox, &root, &args).exits(0);
        assert_eq!(said(&sandbox, &root), format!("demo {version}\n"));
        assert_eq!(installed(&root), files);
    }
    let found = rpm(&sandbox, &root, &["--query", "--all"]).exits(0).stdout;
    let arch = std::env::consts::ARCH;
    assert_eq!(found, format!("demo-tool-1.4.0-1.{arch}\n"));
    let verify = ["--verify", "--nodeps", "--nouser", "--nogroup", "demo-tool"];
    let verified = rpm(&sandbox, &root, &verify).exits(0);
    assert_eq!(verified.stdout, "");
    let candidate = made(&sandbox, "1.4.0-rc.10");
    let back = ["--upgrade", "--nodeps", candidate.to_str().unwrap()];
    let run = rpm(&sandbox, &root, &back);
    assert_ne!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("is already installed"), "{run}");

    rpm(&sandbox, &root, &["--erase", "demo-tool"]).exits(0);
    assert!(installed(&root).is_empty());
}

#[test]
fn rpm_reads_what_it_says_of_itself() {
    let sandbox = Sandbox::new();
    let file = made(&sandbox, "1.4.0-rc.1+build.5");
    let file = file.to_str().unwrap();
    let intact = asked(&sandbox, &["--checksig", "--nosignature", file]).stdout;
    assert!(intact.ends_with("digests OK\n"), "{intact}");
    let info = asked(&sandbox, &["-qip", file]).stdout;
    for (field, value) in [
        ("Name", "demo-tool"),
        ("Version", "1.4.0~rc.1+build.5"),
        ("Release", "1"),
        ("Architecture", std::env::consts::ARCH),
        ("License", "MIT OR Apache-2.0"),
        ("Packager", "Demo Team <demo@example.com>"),
        ("URL", "https://example.com/demo"),
        ("Summary", "Shows how it is done"),
    ] {
        let line = format!("{field:<12}: {value}\n");
        assert!(info.contains(&line), "{line:?} is not in {info}");
    }
    assert!(
        info.ends_with("Description :\nIn two paragraphs.\n\nThis is the second.\n"),
        "{info}"
    );
    let needs = asked(&sandbox, &["-qp", "--requires", file]).stdout;
    for need in ["git >= 2.30\n", "libc.so.6(GLIBC_2.34)(64bit)\n"] {
        assert!(needs.contains(need), "{needs}");
    }
    let format = "[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME} %{FILEMTIMES}\n]";
    let files = asked(&sandbox, &["-qp", "--queryformat", format, file]).stdout;
    assert_eq!(
        files,
        "/usr/bin/demo -rwxr-xr-x root 1700000000\n\
         /usr/share/bash-completion/completions/demo -rw-r--r-- root 1700000000\n\
         /usr/share/man/man1/demo.1.gz -rw-r--r-- root 1700000000\n"
    );
}
