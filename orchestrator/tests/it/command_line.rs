//! The command line itself.

use crate::support::*;
use serde_json::Value;
use test_support::{Sandbox, tree};

const COMMANDS: [&str; 26] = [
    "",
    "plan",
    "build",
    "publish",
    "verify",
    "release",
    "github-release",
    "promote",
    "yank",
    "rollback",
    "token issue",
    "token list",
    "token revoke",
    "pack publish",
    "manifest build",
    "manifest check",
    "manifest show",
    "doctor",
    "setup",
    "env",
    "workflows generate",
    "workflows check",
    "hub serve",
    "completions",
    "man",
    "version",
];

#[test]
fn every_command_shows_an_example() {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let words = command.split_whitespace();
        let run = sandbox
            .invoke(ATLAS_RELEASE)
            .args(words)
            .arg("--help")
            .run()
            .exits(0);
        let (_, example) = run
            .stdout
            .split_once("Example")
            .unwrap_or_else(|| panic!("{run}"));
        assert!(
            example.contains(&format!("atlas-release {command}")),
            "{run}"
        );
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn the_version_is_told_to_people_and_programs() {
    let sandbox = Sandbox::new();
    let say = |line: &str| {
        let words = line.split_whitespace();
        sandbox
            .invoke(ATLAS_RELEASE)
            .args(words)
            .run()
            .exits(0)
            .stdout
    };
    let line = say("--version");
    let version = line.strip_prefix("atlas-release ").unwrap().trim_end();
    assert!(semver::Version::parse(version).is_ok(), "{line}");
    assert_eq!(say("-V"), line);
    let json: Value = serde_json::from_str(&say("version --format json")).unwrap();
    assert_eq!(json["name"], "atlas-release");
    assert_eq!(json["version"], version);
    assert!(json["rustc"].as_str().unwrap().starts_with("rustc "));
    assert!(json["target"].is_string());
    let text = say("version");
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.starts_with(&line), "{text}");
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_is_lost_is_a_failure() {
    let sandbox = Sandbox::new();
    let lost = [
        "version --format json",
        "--version",
        "--help",
        "build --help",
    ];
    for (line, (target, code)) in lost
        .into_iter()
        .flat_map(|line| [(line, ("/dev/full", 9)), (line, ("/dev/null", 0))])
    {
        let script = format!("exec \"$0\" {line} > {target}");
        let run = sandbox
            .invoke("/bin/sh")
            .args(["-c", &script, ATLAS_RELEASE])
            .run();
        let run = run.exits(code);
        assert_eq!(code == 9, run.stderr.contains("standard output"), "{run}");
    }
}

#[test]
fn what_cannot_be_understood_ends_with_2_and_changes_nothing() {
    let project = Project::new();
    let before = project.everything();
    for (line, says) in [
        ("nosuch", "unrecognized subcommand 'nosuch'"),
        ("build --nosuch", "unexpected argument '--nosuch'"),
        (
            "build demo-v1.0.0 demo-v1.0.1",
            "unexpected argument 'demo-v1.0.1'",
        ),
        ("build demo-v1.0.0 --target sparc", "expected one of: "),
        (
            "release demo-v1.0.0 --local --uploads 0",
            "expected a number from 1 to 64",
        ),
        (
            "release demo-v1.0.0 --local --published-at yesterday",
            "yesterday",
        ),
        ("release demo-v1.0.0", "no Hub was named"),
        ("plan demo-v1.0.0 --format xml", "invalid value 'xml'"),
        ("hub", "Usage: atlas-release hub"),
    ] {
        let words = line.split_whitespace();
        let run = project
            .sandbox
            .invoke(ATLAS_RELEASE)
            .args(words)
            .cwd(project.fixture.root())
            .run()
            .exits(2)
            .says(&[says]);
        assert_eq!(run.stdout, "", "{run}");
    }
    project.is_still(&before);
}

#[test]
fn what_a_person_may_try_first_leads_on() {
    let project = Project::new();
    for (line, code, says) in [
        (
            "build demo-v1.0.0 --local",
            2,
            "hint: --local is for commands that ask a Hub",
        ),
        (
            "plan demo",
            2,
            "hint: `demo` is a group: name a tag of it, such as demo-v1.4.0, or let --snapshot",
        ),
        (
            "reproduce demo-v9.9.9",
            2,
            "hint: make it (git tag demo-v9.9.9) or fetch it",
        ),
        (
            "reproduce demo-v9.9.9 --against-hub --local",
            8,
            "hint: check the tag, --channel, and which Hub it is",
        ),
    ] {
        let run = project.atlas(line).run().exits(code);
        run.says(&[says]);
    }
    // The last of them has asked a Hub that is new, and has told it of no product.
    let hub = project.sandbox.state_dir().join("hub");
    let files: Vec<_> = tree(&hub).into_values().collect();
    assert!(!files.is_empty());
    let names = |file: &Vec<u8>| file.windows(5).any(|part| part == b"alpha");
    assert!(!files.iter().any(names));
    let run = project.atlas("build demo-v1.0.0 --local --format json");
    let event = events(&run.run().exits(2)).pop().unwrap();
    let hint = event["hint"].as_str().unwrap();
    assert!(hint.contains("--allow-untagged"), "{event}");
}

#[test]
fn an_error_is_the_last_event_for_programs_and_a_line_for_people() {
    let project = Project::new();
    let run = project.quick("plan demo-v1.0 --format json").run().exits(2);
    let events = events(&run);
    assert_eq!(events.len(), 1, "{run}");
    assert_eq!(events[0]["event"], "error");
    assert_eq!(events[0]["code"], 2);
    let message = events[0]["message"].as_str().unwrap();
    assert!(
        run.stderr.starts_with(&format!("error: {message}\n")),
        "{run}"
    );
    let hint = events[0]["hint"].as_str().unwrap();
    assert!(run.stderr.ends_with(&format!("hint: {hint}\n")), "{run}");
}
