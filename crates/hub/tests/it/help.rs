//! What `atlas-hub --help` tells its operator, taken at its word; and what else it tells, to whoever
//! may or may not be listening.

#[cfg(target_os = "linux")]
use crate::binary::initialized;
use crate::binary::{PROGRAM, command, run, text};

#[test]
fn every_command_shows_an_example() {
    for command in [
        &["init"][..],
        &["serve"],
        &["user"],
        &["user", "add"],
        &["user", "list"],
        &["user", "disable"],
        &["user", "token"],
        &["pack"],
        &["pack", "add"],
        &["pack", "list"],
        &["pack", "member"],
        &["pack", "member", "add"],
        &["pack", "member", "remove"],
        &["pack", "member", "list"],
        &["product"],
        &["product", "add"],
        &["product", "list"],
        &["audit"],
        &["check"],
        &["gc"],
        &["backup"],
        &["restore"],
    ] {
        let done = run(&[command, &["--help"]].concat());
        assert!(done.status.success());
        let help = text(&done.stdout);
        let example = help.split("Example:\n  ").nth(1).unwrap_or_default();
        let example = example.trim_start_matches("(umask 077; ");
        let start = format!("atlas-hub {}", command.join(" "));
        assert!(example.starts_with(&start), "{command:?}: {help}");
    }
}

#[test]
fn the_help_names_the_exit_codes_that_there_are() {
    let help = text(&run(&["--help"]).stdout);
    let codes: Vec<&str> = help
        .split("Exit codes:\n")
        .nth(1)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|code| !code.is_empty())
        .collect();
    assert_eq!(codes, ["0", "1", "2", "8", "9"], "{help}");
    assert!(
        help.contains("9  this machine: disk, permissions, an address that cannot be listened on"),
        "{help}"
    );
}

/// What the help tells an operator to type keeps the credential from other users: the file is its
/// owner's alone, and no argument holds it.
#[test]
fn the_examples_keep_the_credential_secret() {
    use std::os::unix::fs::PermissionsExt;
    let temp = tempfile::tempdir().unwrap();
    let bin = temp.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(PROGRAM, bin.join("atlas-hub")).unwrap();
    let curl = bin.join("curl");
    let recorder = "#!/bin/sh\nprintf '%s\\n' \"$@\" > arguments\ncat > headers\n";
    std::fs::write(&curl, recorder).unwrap();
    std::fs::set_permissions(&curl, PermissionsExt::from_mode(0o755)).unwrap();
    let shell = |script: &str| {
        let script = script.replace("/var/lib/atlas-hub", "hub");
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let mut shell = command("/bin/sh", &["-c", &format!("umask 022; {script}")]);
        let done = shell.current_dir(temp.path()).env("PATH", path).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{script}: {}", text(&done.stderr));
    };
    let credential = temp.path().join("admin-credential");

    let help = text(&run(&["init", "--help"]).stdout);
    let examples: Vec<&str> = help.split("Example:\n").nth(1).unwrap().lines().collect();
    shell(examples[0]);
    let mode = || credential.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let secret = std::fs::read_to_string(&credential).unwrap();

    let at = examples.iter().position(|line| line.contains("printf"));
    shell(&examples[at.unwrap()..].join("\n"));
    let read = |name: &str| std::fs::read_to_string(temp.path().join(name)).unwrap();
    assert!(!read("arguments").contains("atlas_admin_"));
    assert!(read("arguments").contains("/api/v1/deploy/app-tokens"));
    assert_eq!(read("headers"), format!("authorization: Bearer {secret}"));

    let credential = temp.path().join("credential");
    for subcommand in ["add", "token"] {
        let help = text(&run(&["user", subcommand, "--help"]).stdout);
        shell(help.split("Example:\n").nth(1).unwrap());
        let mode = credential.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{subcommand}");
        std::fs::remove_file(&credential).unwrap();
    }
}

#[test]
fn the_version_is_one_line() {
    let done = run(&["-V"]);
    assert!(done.status.success());
    let version = text(&done.stdout);
    let version = version.strip_prefix("atlas-hub ").unwrap().trim_end();
    assert!(version.parse::<semver::Version>().is_ok(), "{version}");
    // At length, it is the first of those that tell the commit, too.
    let done = run(&["--version"]);
    let all = text(&done.stdout);
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines[0], format!("atlas-hub {version}"));
    let names = lines[1..]
        .iter()
        .map(|line| line.split(": ").next().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["commit", "target", "rustc"]);
}

/// Who reads a list may have enough of it, as `head` has; who waits for an address may not.
#[cfg(target_os = "linux")]
#[test]
fn a_list_that_nobody_reads_to_its_end_is_no_failure() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().to_str().unwrap();
    initialized(temp.path());
    for (words, code) in [
        (&["audit"][..], 0),
        (&["audit", "--format", "json"], 0),
        (&["user", "list"], 0),
        (&["product", "list"], 0),
        (&["serve", "--listen", "127.0.0.1:0"], 9),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = command(PROGRAM, &[words, &["--data-dir", dir]].concat());
        let both = (writer.try_clone().unwrap(), writer);
        command.stdout(both.0).stderr(both.1);
        let done = command.output().unwrap();
        assert_eq!(done.status.code(), Some(code), "{words:?}");
    }
}
