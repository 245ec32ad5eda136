//! What the command line tells of itself: completions, and man pages.

use crate::support::*;
use test_support::Sandbox;

fn say(sandbox: &Sandbox, line: &str) -> String {
    let words = line.split_whitespace();
    sandbox
        .invoke(ATLAS_RELEASE)
        .args(words)
        .run()
        .exits(0)
        .stdout
}

#[test]
fn shells_complete_commands_and_options() {
    let sandbox = Sandbox::new();
    let dir = sandbox.root();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = say(&sandbox, &format!("completions {shell}"));
        assert!(text.contains("no-installers"), "{shell}: {text}");
        std::fs::write(dir.join(shell), text).unwrap();
    }
    let script = "source ./bash; COMP_WORDS=(atlas-release rep); COMP_CWORD=1; \
        _atlas__release atlas-release rep atlas-release; echo \"${COMPREPLY[@]}\"";
    let run = sandbox.invoke("bash").args(["-c", script]).run().exits(0);
    assert_eq!(run.stdout, "reproduce\n");
    let script = "source ./fish; complete --do-complete 'atlas-release rep'";
    let run = sandbox
        .invoke("fish")
        .args(["--no-config", "-c", script])
        .run()
        .exits(0);
    assert!(run.stdout.starts_with("reproduce\t"), "{run}");
}

#[test]
fn every_command_has_a_man_page() {
    let sandbox = Sandbox::new();
    let version = say(&sandbox, "--version");
    let page = say(&sandbox, "man");
    assert!(page.contains(".TH atlas-release 1"), "{page}");
    assert!(page.contains(version.trim_end()), "{page}");
    let dir = sandbox.root().join("pages/man1");
    say(&sandbox, &format!("man --output {}", dir.display()));
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    assert_eq!(
        read("atlas-release.1"),
        page.trim_end_matches('\n').to_owned() + "\n"
    );
    for name in [
        "build",
        "release",
        "completions",
        "man",
        "hub-serve",
        "token-issue",
    ] {
        let page = read(&format!("atlas-release-{name}.1"));
        assert!(
            page.contains(&format!(".TH atlas-release-{name} 1")),
            "{page}"
        );
    }
    let file = sandbox.root().join("file");
    std::fs::write(&file, "").unwrap();
    sandbox
        .invoke(ATLAS_RELEASE)
        .args(["man", "--output", file.to_str().unwrap()])
        .run()
        .exits(9)
        .says(&["cannot use"]);
}
