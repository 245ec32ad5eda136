//! The command that makes a launcher's bundles: how it is said, what it gets to see, and what is made of
//! what it leaves.

use crate::cached::sccache;
use crate::launcher::{BUNDLES, Launcher, arch};
use crate::signing::{KEY, Pair};
use crate::support::atlas;
use secrecy::ExposeSecret as _;
use serde_json::Value;
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
    // A word in a product's name does not make it one for macOS, nor this machine one that makes these.
    let viewer = "Universal Viewer_1.0.0_x64-setup.exe";
    wrong(&bundle(viewer), 4, &["is for windows-x64"]);
    wrong(&bundle("Demo_1.0.0_universal.dmg"), 4, &["is for macos-"]);
    wrong(&bundle("Demo_1.0.0_i386.deb"), 2, &["Demo_1.0.0_i386.deb"]);
    // A name that says nothing is for what was asked for.
    launcher.does(&bundle("universal-viewer.AppImage"));
    launcher.atlas("build launcher-v1.0.0").run().exits(0);
    launcher.does(&bundle("Demo_1.0.0.deb"));
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
fn what_has_to_be_code_signed_is_not_made_where_it_cannot_be() {
    let table = |more: &str| {
        format!(
            "\n[workspace.metadata.atlas-release.windows-sign]\n\
             timestamp-url = 'http://time.example.com'\n{more}"
        )
    };
    let line = "build launcher-v1.0.0 --target x86_64-pc-windows-msvc";
    let launcher = Launcher::new(&table("required = true\n"));
    let run = launcher.atlas(line).run().exits(5);
    run.says(&["code signing is required", "windows-x64"]);
    assert!(launcher.tools.calls("tauri").is_empty());

    let launcher = Launcher::new(&table(""));
    let setup = "Demo_1.0.0_x64-setup.exe";
    launcher.does(&format!(
        "mkdir -p target/release/bundle/x; echo x > target/release/bundle/x/{setup}"
    ));
    let run = launcher.atlas(line).run().exits(0);
    run.says(&["windows-x64 are not code-signed"]);
    // Staged files are as their record says.
    let release = launcher.staged().parent().unwrap().to_owned();
    let manifest = release.join("windows-x64/launcher.manifest");
    for version in ["", " --version 1.0.0"] {
        let line = format!("sign {} --code{version}", manifest.display());
        launcher.atlas(&line).run().exits(2).says(&["staged"]);
    }
}

#[test]
fn a_cache_that_the_job_compiles_through_is_this_runs() {
    let launcher = Launcher::new("");
    let real = sccache();
    // A compiler that is asked through the cache, as cargo asks.
    launcher.does(&format!(
        "sleep 6; mkdir -p target; echo 'pub fn one() {{}}' > target/one.rs\n\
         \"$RUSTC_WRAPPER\" rustc --crate-name one --crate-type rlib --emit=metadata,link --out-dir target target/one.rs || exit 9\n{BUNDLES}"
    ));
    // Without the variables of GitHub's cache a server that the command started would fail.
    let job = |line: &str| {
        launcher
            .atlas(line)
            .env("RUSTC_WRAPPER", &real)
            .env("SCCACHE_DIR", launcher.project.sandbox.root().join("cache"))
            .env("SCCACHE_IDLE_TIMEOUT", "5")
    };
    job("build launcher-v1.0.0").run().exits(0);
    let record = fs::read_to_string(launcher.staged().join("release.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert!(record["toolchain"]["sccache"].is_string(), "{record}");
    assert_eq!(record["toolchain"]["cache"]["misses"], 1, "{record}");
    let seen = || fs::read_to_string(launcher.seen()).unwrap();
    assert!(seen().contains("SCCACHE_NO_DAEMON=1") && !seen().contains("SCCACHE_DIR="));

    // One that cannot be used is done without: the command does not try it.
    launcher.does(BUNDLES);
    let broken = job("build launcher-v1.0.0").env("SCCACHE_GHA_ENABLED", "true");
    broken.run().exits(0).says(&["bundling without sccache: "]);
    job("build launcher-v1.0.0 --no-sccache").run().exits(0);
    for variable in ["RUSTC_WRAPPER=", "SCCACHE_DIR=", "SCCACHE_GHA"] {
        assert!(!seen().contains(variable), "{}", seen());
    }
    // Another wrapper is the user's own.
    let run = launcher
        .atlas("build launcher-v1.0.0")
        .env("RUSTC_WRAPPER", "mine")
        .env("SCCACHE_REDIS", "redis://u:p@x");
    run.run().exits(0);
    assert!(seen().contains("RUSTC_WRAPPER=mine") && !seen().contains("u:p@x"));
}

#[test]
fn a_relative_target_folder_is_this_programs() {
    let launcher = Launcher::new("");
    launcher.does(
        "mkdir -p \"$CARGO_TARGET_DIR/release/bundle\"; echo x > \"$CARGO_TARGET_DIR/release/bundle/Demo.deb\"",
    );
    let root = launcher.project.fixture.root();
    let run = atlas(&launcher.project.sandbox, "build launcher-v1.0.0").cwd(root);
    let run = run
        .env("PATH", launcher.path())
        .env("CARGO_TARGET_DIR", "out");
    run.run().exits(0);
    assert!(root.join("out/release/bundle/Demo.deb").exists());
    assert!(launcher.staged().join("Demo.deb").exists());
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
