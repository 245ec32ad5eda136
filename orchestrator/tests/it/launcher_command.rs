//! The command that makes a launcher's bundles: how it is said, what it gets to see, and what is made of
//! what it leaves.

use crate::launcher::{BUNDLES, Launcher, arch};
use crate::signing::{KEY, Pair};
use secrecy::ExposeSecret as _;
use signatures::lines_of_all_forms;
use std::fs;
use std::path::Path;
use std::time::Duration;
use test_support::{Signal, tree};

#[test]
fn a_command_that_signs_by_itself_gets_the_key_and_no_log_does() {
    let launcher = Launcher::new("tauri-signs = true\n");
    launcher.does(&format!(
        "{BUNDLES}\necho \"the key is $TAURI_SIGNING_PRIVATE_KEY\" >&2"
    ));
    let run = launcher.atlas("build launcher-v1.0.0").run().exits(5);
    run.says(&[KEY]);
    assert!(launcher.tools.calls("tauri").is_empty());
    let run = launcher.pair.signs(launcher.atlas("build launcher-v1.0.0"));
    let run = run.run().exits(0).says(&["the key is ***"]);
    let secret = launcher.pair.secret.expose_secret();
    assert!(!run.stderr.contains(secret), "{run}");
    let seen = fs::read_to_string(launcher.seen()).unwrap();
    assert!(seen.contains(&format!("{KEY}={secret}")), "{seen}");
    for (name, bytes) in tree(&launcher.staged()) {
        assert!(!String::from_utf8_lossy(&bytes).contains(secret), "{name}");
    }
}

#[test]
fn no_line_of_a_key_is_shown_in_either_form() {
    let launcher = Launcher::new("tauri-signs = true\n");
    let lines = lines_of_all_forms(&launcher.pair.secret);
    let wrapped = launcher.pair.secret.expose_secret();
    let body = lines.iter().map(|line| line.expose_secret());
    let body = body.filter(|line| !line.contains(' ') && !line.starts_with(&wrapped[..20]));
    let body = body.min_by_key(|line| line.len()).unwrap();
    let own = format!("untrusted comment: a secret key\n{body}\n");
    let script = format!(
        "{BUNDLES}\necho \"$TAURI_SIGNING_PRIVATE_KEY\"\n\
         echo \"$TAURI_SIGNING_PRIVATE_KEY\" | base64 -d 2>&1\n\
         echo \"$TAURI_SIGNING_PRIVATE_KEY\" | base64 -w 0 >&2\necho end"
    );
    launcher.does(&script);
    for key in [wrapped, &own] {
        let run = launcher.atlas("build launcher-v1.0.0").env(KEY, key);
        let run = run.run().exits(0).says(&["***", "end"]);
        for said in [&run.stdout, &run.stderr] {
            assert!(!said.contains(&body[..12]), "{run}");
            assert!(!said.contains(&wrapped[..12]), "{run}");
        }
    }
}

#[test]
fn a_key_that_nobody_trusts_is_given_to_no_command() {
    let launcher = Launcher::new("tauri-signs = true\n");
    let run = Pair::new().signs(launcher.atlas("build launcher-v1.0.0"));
    run.run().exits(5).says(&["the public key of launcher is"]);
    assert!(launcher.tools.calls("tauri").is_empty());
}

#[test]
fn what_is_not_what_was_asked_for_is_not_staged() {
    let launcher = Launcher::new("");
    let wrong = |script: &str, code: i32, says: &[&str]| {
        launcher.does(script);
        let run = launcher.atlas("build launcher-v1.0.0").run().exits(code);
        run.says(says);
        assert!(!launcher.staged().exists());
    };
    let bundle = |name: &str| {
        format!("mkdir -p target/release/bundle/x; echo x > 'target/release/bundle/x/{name}'")
    };
    wrong(
        "echo no such crate >&2; exit 7",
        4,
        &["no such crate", "the bundle command of `launcher` failed"],
    );
    wrong("exit 0", 4, &["has written no bundle"]);
    wrong(&bundle("notes.txt"), 4, &["has written no bundle"]);
    let other = format!("Demo_0.9.0_{}.deb", arch());
    wrong(
        &bundle(&other),
        4,
        &[&other, "is by its name of version 0.9.0, not 1.0.0"],
    );
    wrong(&bundle("Demo_1.0.0_x64.msi"), 4, &["is for windows-x64"]);
    wrong(&bundle("Demo_1.0.0_i386.deb"), 2, &["Demo_1.0.0_i386.deb"]);
    // A name that says nothing is for what was asked for.
    let script = bundle("Demo_1.0.0.deb");
    launcher.does(&script);
    launcher.atlas("build launcher-v1.0.0").run().exits(0);
    assert!(launcher.staged().join("Demo_1.0.0.deb").exists());
    // An interrupted one ends its child, and leaves what was staged before.
    let script = "echo begun; exec sleep 60";
    launcher.does(script);
    let run = launcher
        .atlas("build launcher-v1.0.0")
        .within(Duration::from_secs(30))
        .start();
    run.stderr_line("begun");
    run.signal(Signal::Interrupt);
    run.finish().exits(130);
    assert!(launcher.staged().join("Demo_1.0.0.deb").exists());
}

#[test]
fn how_it_is_made_can_be_said() {
    let launcher = Launcher::new(
        "group = 'app'\nbundle = ['./make.sh', '--quick', '{config}', '--', 'more']\n",
    );
    let root = launcher.project.fixture.root().to_owned();
    let deb = format!("Demo_2.0.0-beta.1_{}.deb", arch());
    launcher.write(
        "apps/launcher/make.sh",
        &format!(
            "#!/bin/sh\necho \"$@\"\n\
         mkdir -p target/release/bundle/deb; echo x > target/release/bundle/deb/{deb}\n"
        ),
    );
    executable(&root.join("apps/launcher/make.sh"));
    launcher.project.fixture.commit("a script");
    launcher.project.fixture.tag("app-v2.0.0-beta.1");
    let run = launcher.atlas("build app-v2.0.0-beta.1").run().exits(0);
    run.says(&[r#"--quick --config {"version":"2.0.0-beta.1"} -- more"#]);
    let staged = launcher.project.staged("app-2.0.0-beta.1");
    let manifest = fs::read_to_string(staged.join("launcher.manifest")).unwrap();
    assert!(
        manifest.contains("|installer|Demo_2.0.0-beta.1"),
        "{manifest}"
    );
    let run = launcher.atlas("build launcher-v2.0.0").run().exits(2);
    run.says(&["there is no group `launcher`", "app, demo, other"]);

    for (settings, says) in [
        ("bundle = []\n", "`bundle` names no program"),
        (
            "group = 'demo'\n",
            "the group `demo` is that of the package `alpha`",
        ),
        ("colour = 'red'\n", "unknown field `colour`"),
    ] {
        let launcher = Launcher::new(settings);
        let run = launcher.atlas("build launcher-v1.0.0").run().exits(2);
        run.says(&["workspace.metadata.atlas-release", says]);
    }
    let launcher = Launcher::new("bundle = ['no-such-tool']\n");
    let run = launcher.atlas("build launcher-v1.0.0").run().exits(3);
    run.says(&["`no-such-tool`, which makes `launcher`, is neither"]);
}

fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
